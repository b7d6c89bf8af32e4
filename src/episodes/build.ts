import { AlignError } from "../errors.ts";
import { conform } from "../procedure/index.ts";
import type { AlignedCapture, EpisodeWarning } from "./capture.ts";
import type { LastValues } from "./channel.ts";
import { refusePersons, textsOf } from "./personnel.ts";
import { type CapturePlan, type EpisodePlan, planCapture } from "./plan.ts";
import { readRows } from "./rows.ts";
import type { Episode, EpisodeFrames, EpisodeSet, Feature, Segment } from "./set.ts";
import { happenings, type StepHappening } from "./steps.ts";
import { warningsOf } from "./warnings.ts";

/** Episodes, and what was noticed when they were cut. */
export interface BuiltEpisodes {
  readonly set: EpisodeSet;
  readonly warnings: readonly EpisodeWarning[];
}

/** An episode with the plan that it comes from. */
interface Planned {
  readonly plan: CapturePlan;
  readonly own: EpisodePlan;
}

/** Places of texts, by feature. */
type Vocabularies = ReadonlyMap<string, Map<string, number>>;

/**
 * Cuts aligned captures into the episodes of one set. Every episode is read once, to find its texts; the set reads
 * them again, one by one.
 *
 * @throws AlignError MANIFEST_EPISODES*, SOURCE_EPISODES* where captures do not fit together or hold no episode,
 *   SOURCE_LIST_LENGTH, SOURCE_PICTURES, SOURCE_PERSONNEL
 */
export async function buildEpisodes(
  captures: readonly AlignedCapture[],
  { name, signal }: { name: string; signal?: AbortSignal },
): Promise<BuiltEpisodes> {
  const plans: CapturePlan[] = [];
  for (const capture of captures) {
    signal?.throwIfAborted();
    plans.push(await planCapture(capture));
  }
  const first = plans[0];
  const planned = plans.flatMap((plan) => plan.episodes.map((own) => ({ plan, own })));
  if (first === undefined || planned.length === 0) throw noEpisodes(plans);
  for (const other of plans.slice(1)) requireAlike(first, other);
  const vocabularies = unite(planned);
  const features = featuresOf(first, vocabularies);
  const tasks = new Map<string, number>();
  for (const { own } of planned) for (const task of own.tasks) place(tasks, task);
  const { spec } = first.capture;
  const set: EpisodeSet = {
    name,
    fps: first.frames.fps,
    robotType: spec.robot ?? null,
    features,
    cameras: first.capture.cameras.map((camera) => ({ name: camera.name })),
    episodes: episodesOf(planned, tasks),
    tasks: [...tasks.keys()],
    leftOut: plans.flatMap(({ leftOut }) => leftOut),
    maxJitterNs: maxJitterOf(first),
    provenance: captures.map(({ provenance }) => provenance),
    read: reader(planned, () => set, vocabularies, tasks),
  };
  refusePersons(new Set(plans.flatMap(({ persons }) => [...persons])), shownTexts(set));
  return { set, warnings: warningsOf(plans) };
}

function noEpisodes(plans: readonly CapturePlan[]): AlignError {
  const reasons = plans.flatMap(({ leftOut }) =>
    leftOut.map(({ capture, reason, frames }) => `${frames} frames of ${capture} are ${reason}`),
  );
  return new AlignError(
    "SOURCE_EPISODES_NONE",
    `there is no episode${reasons.map((one) => `; ${one}`).join("")}`,
    {
      hint: "see episodes.by and episodes.min of the manifest",
    },
  );
}

function place(places: Map<string, number>, text: string): void {
  if (!places.has(text)) places.set(text, places.size);
}

/** Half a frame interval, unless the manifest says. */
function maxJitterOf({ capture: { spec }, frames: { fps } }: CapturePlan): bigint {
  return spec.maxJitterNs ?? 500_000_000n / BigInt(fps);
}

/** Refuses captures that do not make one set, naming the first difference. */
function requireAlike(one: CapturePlan, other: CapturePlan): void {
  const differ = (what: string, a: unknown, b: unknown) => {
    const show = (value: unknown) =>
      value === undefined ? "nothing" : typeof value === "bigint" ? `${value} ns` : JSON.stringify(value);
    if (show(a) === show(b)) return;
    throw new AlignError(
      "SOURCE_EPISODES_DIFFER",
      `${what} is ${show(a)} in ${one.capture.capture} and ${show(b)} in ${other.capture.capture}`,
      { hint: "give the captures the same episodes, or export them to data sets of their own" },
    );
  };
  differ("the frame rate", one.frames.fps, other.frames.fps);
  differ("the robot", one.capture.spec.robot, other.capture.spec.robot);
  differ("action_lead", one.capture.spec.actionLeadNs, other.capture.spec.actionLeadNs);
  differ("max_jitter", maxJitterOf(one), maxJitterOf(other));
  const camerasOf = ({ capture }: CapturePlan) => capture.cameras.map(({ name }) => name);
  differ("the list of cameras", camerasOf(one), camerasOf(other));
  const count = Math.max(one.channels.length, other.channels.length);
  for (let at = 0; at < count; at += 1) {
    const [a, b] = [one.channels[at]?.feature, other.channels[at]?.feature];
    differ("a feature", a?.name, b?.name);
    differ(`the type of ${a?.name}`, a?.type, b?.type);
    differ(`the list of names of ${a?.name}`, a?.names, b?.names);
    differ(`the list of units of ${a?.name}`, a?.units, b?.units);
  }
}

function unite(planned: readonly Planned[]): Vocabularies {
  const vocabularies = new Map<string, Map<string, number>>();
  for (const { own } of planned) {
    for (const [name, texts] of own.texts) {
      let places = vocabularies.get(name);
      if (places === undefined) vocabularies.set(name, (places = new Map()));
      for (const text of texts) place(places, text);
    }
  }
  return vocabularies;
}

/** With vocabularies, and without what has no values. */
function featuresOf({ channels }: CapturePlan, vocabularies: Vocabularies): Feature[] {
  return channels
    .map(({ feature }): Feature => {
      const places = vocabularies.get(feature.name);
      if (places === undefined) return feature;
      const texts = [...places.keys()];
      if (feature.type === "text") return { ...feature, vocabulary: texts };
      return { ...feature, shape: [texts.length], names: texts };
    })
    .filter(({ shape }) => shape[0] !== 0);
}

function episodesOf(planned: readonly Planned[], tasks: ReadonlyMap<string, number>): Episode[] {
  const numbers = new Map<string, number>();
  let firstIndex = 0;
  return planned.map(({ plan, own }, index): Episode => {
    const { capture, cameras, procedure } = plan.capture;
    const number = numbers.get(capture) ?? 0;
    numbers.set(capture, number + 1);
    const length = own.end - own.start;
    firstIndex += length;
    return {
      index,
      id: `${capture}#${number}`,
      capture,
      length,
      firstIndex: firstIndex - length,
      startNs: own.startNs,
      endNs: own.endNs,
      tasks: own.tasks.map((task) => tasks.get(task)!),
      scene: own.scene,
      context: own.context,
      segments: segmentsOf(plan, own),
      ...(procedure === undefined ? {} : { conformance: conform(procedure, doneIn(plan, own)) }),
      videos: cameras.map(({ path }, camera) => ({ path, frames: own.pictures[camera]! })),
    };
  });
}

/** Instant of a frame of an episode; of the last one for the frame after it. */
function timeNsAt({ frames: { timeNs } }: CapturePlan, { start, end }: EpisodePlan, frame: number): bigint {
  return timeNs[Math.min(start + frame, end - 1)]!;
}

function doneIn(plan: CapturePlan, own: EpisodePlan): readonly StepHappening[] {
  return happenings(own.runs, (frame) => timeNsAt(plan, own, frame));
}

function segmentsOf(plan: CapturePlan, own: EpisodePlan): Segment[] {
  return own.runs.flatMap(({ step: id, startFrame, endFrame }) =>
    id === null
      ? []
      : {
          startFrame,
          endFrame,
          startNs: timeNsAt(plan, own, startFrame),
          endNs: timeNsAt(plan, own, endFrame),
          id,
          text: plan.selection.steps.get(id)?.text ?? "",
        },
  );
}

/** For each episode the last values of the one that ended last before it began. */
function valuesBefore(planned: readonly Planned[]): (LastValues | undefined)[] {
  const byEnd = planned
    .map(({ own }) => own)
    .sort((a, b) => (a.endNs < b.endNs ? -1 : a.endNs > b.endNs ? 1 : 0));
  return planned.map(({ own: { startNs } }) => {
    let [low, high] = [0, byEnd.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (byEnd[middle]!.endNs < startNs) low = middle + 1;
      else high = middle;
    }
    return byEnd[low - 1]?.last;
  });
}

function reader(
  planned: readonly Planned[],
  setOf: () => EpisodeSet,
  vocabularies: Vocabularies,
  tasks: ReadonlyMap<string, number>,
): EpisodeSet["read"] {
  const before = valuesBefore(planned);
  const none = new Map<string, number>();
  return async (index): Promise<EpisodeFrames> => {
    const set = setOf();
    const episode = set.episodes[index];
    if (episode === undefined) throw new RangeError(`there is no episode ${index}`);
    const { plan, own } = planned[index]!;
    const kept = new Set(set.features.map(({ name }) => name));
    const channels = plan.channels.filter(({ feature }) => kept.has(feature.name));
    const columns = [...channels, plan.task].flatMap((one) => one.columns);
    const rows = await readRows(plan.selection, plan.frames, own, columns);
    const taskOf = plan.task.over(rows);
    return {
      episode,
      timeNs: rows.timeNs.slice(),
      values: channels.map((channel) =>
        channel.values(rows, {
          places: vocabularies.get(channel.feature.name) ?? none,
          previous: before[index],
        }),
      ),
      taskIndex: Int32Array.from({ length: rows.count }, (_, frame) => tasks.get(taskOf(frame).text)!),
    };
  };
}

/** Every text of a set that people read. */
function* shownTexts(set: EpisodeSet): Generator<readonly [string, string]> {
  for (const { name, vocabulary, names = [], units = [] } of set.features) {
    for (const text of vocabulary ?? []) yield [name, text];
    for (const text of [name, ...names, ...units])
      if (text !== null) yield [`the name or unit of ${name}`, text];
  }
  for (const task of set.tasks) yield ["episodes.task", task];
  for (const { id, scene, segments } of set.episodes) {
    yield ["the capture's name", id];
    yield ["episodes.scene", scene];
    for (const { text } of segments) yield ["the text of a step", text];
  }
  for (const { name } of set.cameras) yield ["a camera's name", name];
  yield ["episodes.robot", set.robotType ?? ""];
  yield ["the data set's name", set.name];
  for (const text of textsOf(set.provenance)) yield ["the provenance of a capture", text];
}
