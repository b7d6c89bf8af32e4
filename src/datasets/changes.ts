import type { Episode, EpisodeFrames, EpisodeSet, Json } from "../episodes/index.ts";

export type ChangeKind = "order" | "step" | "alarm" | "task";

/** Something of an episode that is otherwise than at the frame before, or that is so at its first frame. */
export interface Change {
  /** Frame of the episode where it shows. */
  readonly frame: number;
  /** `order`: any of the context features. */
  readonly kind: ChangeKind;
  /** Of the order, the step or the alarm; null where there is none. */
  readonly id: string | null;
  /** When it came about, where the plant tells, else null. */
  readonly sourceNs: bigint | null;
  readonly payload: { readonly [key: string]: Json };
}

/** What changes when in an episode, by frame; at one frame the order first, then step, task and alarms. */
export function changesOf(set: EpisodeSet, frames: EpisodeFrames): Change[] {
  const find = cellsOf(set, frames);
  const watchers = [
    watchContext(frames.episode, find),
    watchStep(frames.timeNs, find),
    watchTask(set, frames),
    watchAlarms(set, find),
  ];
  const changes: Change[] = [];
  for (let frame = 0; frame < frames.episode.length; frame += 1)
    for (const watch of watchers) watch?.(frame, (change) => changes.push({ frame, ...change }));
  return changes;
}

/** A whole number as JSON: a number where it is exact, else its decimal text. */
export function exactJson(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Values of a feature as JSON, frame by frame; undefined where the set has no such feature. */
type FindCells = (name: string) => ((frame: number, item?: number) => Json) | undefined;

type Watch = (frame: number, note: (change: Omit<Change, "frame">) => void) => void;

function cellsOf({ features }: EpisodeSet, { values }: EpisodeFrames): FindCells {
  return (name) => {
    const at = features.findIndex((feature) => feature.name === name);
    if (at < 0) return undefined;
    const { type, shape, vocabulary } = features[at]!;
    const cells = values[at]!;
    const size = shape[0] ?? 1;
    return (frame, item = 0) => {
      const value = cells[frame * size + item]!;
      if (type === "text") return vocabulary?.[Number(value)] ?? null;
      if (type === "bool") return value === 1;
      if (typeof value === "bigint") return exactJson(value);
      return Number.isFinite(value) ? value : null;
    };
  };
}

function watchContext({ context }: Episode, find: FindCells): Watch | undefined {
  const cells = Object.keys(context).flatMap((name) => {
    const value = find(`plant.${name}`);
    return value === undefined ? [] : [{ name, value, isThere: find(`plant.${name}_valid`) }];
  });
  if (cells.length === 0) return undefined;
  let before: Json[] | undefined;
  return (frame, note) => {
    const now = cells.map(({ value, isThere }) => (isThere?.(frame) === false ? null : value(frame)));
    if (before?.every((value, at) => value === now[at]) === true) return;
    before = now;
    const payload = Object.fromEntries(cells.map(({ name }, at) => [name, now[at]!]));
    const { job_order_id: order = null } = payload;
    note({ kind: "order", id: order === null ? null : String(order), sourceNs: null, payload });
  };
}

function watchStep(timeNs: BigInt64Array, find: FindCells): Watch | undefined {
  const [id, text, index, elapsed] = ["id", "text", "index", "elapsed_ns"].map((part) =>
    find(`plant.sop_step_${part}`),
  );
  if (id === undefined) return undefined;
  let before: { step: Json; sinceNs: bigint | null } | undefined;
  return (frame, note) => {
    const step = id(frame);
    const elapsedNs = BigInt(String(elapsed?.(frame) ?? -1));
    const sinceNs = step === null || elapsedNs < 0n ? null : timeNs[frame]! - elapsedNs;
    if (before !== undefined && before.step === step && before.sinceNs === sinceNs) return;
    const isFirst = before === undefined;
    before = { step, sinceNs };
    if (isFirst && step === null) return;
    note({
      kind: "step",
      id: step as string | null,
      sourceNs: sinceNs,
      payload: { text: text?.(frame) ?? null, index: index?.(frame) ?? -1 },
    });
  };
}

function watchTask({ tasks }: EpisodeSet, { taskIndex }: EpisodeFrames): Watch {
  return (frame, note) => {
    const task = taskIndex[frame]!;
    if (frame > 0 && taskIndex[frame - 1] === task) return;
    note({ kind: "task", id: null, sourceNs: null, payload: { task_index: task, task: tasks[task]! } });
  };
}

/** Alarms are told apart by name; one that is active at the first frame is raised there. */
function watchAlarms({ features }: EpisodeSet, find: FindCells): Watch | undefined {
  const names = features.find(({ name }) => name === "plant.alarm_multihot")?.names ?? [];
  const isActive = find("plant.alarm_multihot");
  if (isActive === undefined) return undefined;
  const count = find("plant.alarm_active_count");
  const severity = find("plant.alarm_max_severity");
  const before = new Set<string>();
  return (frame, note) => {
    for (const [item, name] of names.entries()) {
      const now = isActive(frame, item) !== 0;
      if (now === before.has(name)) continue;
      if (now) before.add(name);
      else before.delete(name);
      const payload = {
        state: now ? "raised" : "cleared",
        active_count: count?.(frame) ?? null,
        max_severity: severity?.(frame) ?? null,
      };
      note({ kind: "alarm", id: name, sourceNs: null, payload });
    }
  };
}
