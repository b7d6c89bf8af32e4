import { AlignError } from "../errors.ts";
import type { AlignedCapture, EpisodeCamera } from "./capture.ts";
import { integerAt, isPresent, textAt } from "./cells.ts";
import type { Channel, LastValues } from "./channel.ts";
import { alarmChannels, type ContextValue, contextAt, contextChannels, stepChannels } from "./context.ts";
import { cutRows, type RowRange, readKeys } from "./cut.ts";
import { frameChannels } from "./frame-columns.ts";
import { frameIntervals, wholeRate } from "./grid.ts";
import { type ListSizes, lastValues, listAt, previousChannels, valueChannels } from "./plant-values.ts";
import { type CaptureFrames, type EpisodeRows, readRows } from "./rows.ts";
import { type Selection, select } from "./select.ts";
import type { LeftOut } from "./set.ts";
import type { StepRun } from "./steps.ts";
import { type Template, template } from "./text.ts";

/** An episode of one capture, as far as the set needs to know before its frames are read. */
export interface EpisodePlan extends RowRange {
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** In order of first use. */
  readonly tasks: readonly string[];
  readonly scene: string;
  readonly context: { readonly [name: string]: ContextValue };
  readonly runs: readonly StepRun[];
  readonly last: LastValues;
  /** Of each camera, the place of each frame's picture. */
  readonly pictures: readonly Int32Array[];
  /** Of each channel with texts, those of this episode, in order of first use. */
  readonly texts: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A capture that has been cut, and all that its episodes are made of. */
export interface CapturePlan {
  readonly capture: AlignedCapture;
  readonly selection: Selection;
  readonly frames: CaptureFrames;
  readonly channels: readonly Channel[];
  readonly task: Template;
  readonly episodes: readonly EpisodePlan[];
  readonly leftOut: readonly LeftOut[];
  readonly counts: PlanCounts;
  /** As the plant names them: they are in no data set. */
  readonly persons: ReadonlySet<string>;
}

/** What was noticed, by tag, camera or name. */
export interface PlanCounts {
  /** Integers that float32 does not hold. */
  readonly rounded: Map<string, number>;
  /** Numbers that are too large for float32. */
  readonly tooLarge: Map<string, number>;
  /** Frames or episodes with a template's name that has no value. */
  readonly missing: Map<string, number>;
  /** Frames without a picture of their own. */
  readonly pictures: Map<string, number>;
}

/** Cuts a capture into episodes, reading each once. */
export async function planCapture(capture: AlignedCapture): Promise<CapturePlan> {
  const selection = select(capture);
  const { spec } = capture;
  const { timeNs, keys } = await readKeys(capture);
  const intervals = frameIntervals(timeNs);
  const fps = spec.fps ?? wholeRate(capture.capture, intervals);
  const frames: CaptureFrames = { timeNs, fps, medianNs: intervals.medianNs };
  const cut = cutRows({ timeNs, keys, fps, ...spec });
  const inWords = spec.task ?? [capture.description ?? capture.capture];
  const survey: Survey = {
    selection,
    task: template(inWords, selection),
    scene: template(spec.scene ?? [capture.description ?? ""], selection),
    texts: channelsOf(selection, frames, new Map()).filter(({ texts }) => texts !== undefined),
    sizes: new Map(),
    persons: new Set(),
    counts: { rounded: new Map(), tooLarge: new Map(), missing: new Map(), pictures: new Map() },
  };
  const names = surveyColumns(survey);
  const episodes: EpisodePlan[] = [];
  for (const range of cut.episodes)
    episodes.push(planEpisode(survey, range, await readRows(selection, frames, range, names)));
  const leftOut: LeftOut[] = [];
  const { capture: name } = capture;
  if (cut.outside > 0) leftOut.push({ capture: name, reason: "outside", frames: cut.outside });
  if (cut.tooShort > 0) leftOut.push({ capture: name, reason: "too-short", frames: cut.tooShort });
  return {
    capture,
    selection,
    frames,
    channels: channelsOf(selection, frames, survey.sizes),
    task: survey.task,
    episodes,
    leftOut,
    counts: survey.counts,
    persons: survey.persons,
  };
}

/** All features that have values, in the order of a set. */
function channelsOf(selection: Selection, frames: CaptureFrames, sizes: ListSizes): Channel[] {
  return [
    ...valueChannels(selection, sizes),
    ...previousChannels(selection),
    ...contextChannels(selection),
    ...stepChannels(selection),
    ...alarmChannels(selection),
    ...frameChannels(selection, frames),
  ].filter(({ feature, texts }) => feature.shape[0] !== 0 || texts !== undefined);
}

interface Survey {
  readonly selection: Selection;
  readonly task: Template;
  readonly scene: Template;
  /** Channels with texts. */
  readonly texts: readonly Channel[];
  readonly sizes: Map<string, number>;
  readonly persons: Set<string>;
  readonly counts: PlanCounts;
}

function surveyColumns({ selection, task, scene, texts }: Survey): string[] {
  const { observation, action, previous, context, personnel, capture } = selection;
  const tags = [...observation, ...action, ...context.map(({ column }) => column)];
  return [
    ...tags.map(({ tag }) => tag.name),
    ...previous.flatMap(({ tag: { name } }) => [name, `${name}.status`]),
    ...(personnel === undefined ? [] : [personnel.column.tag.name]),
    ...[task, scene, ...texts].flatMap(({ columns }) => columns),
    ...capture.cameras.map(pictureColumn),
  ];
}

function pictureColumn({ frameIndexColumn }: EpisodeCamera): string {
  return frameIndexColumn ?? "frame_index";
}

function planEpisode(survey: Survey, range: RowRange, rows: EpisodeRows): EpisodePlan {
  const { selection, counts, persons } = survey;
  const { capture, personnel } = selection;
  for (const name of new Set([...selection.observation, ...selection.action].map(({ tag }) => tag.name)))
    surveyValues(survey, name, rows);
  if (personnel !== undefined) {
    const column = rows.column(personnel.column.tag.name);
    for (let frame = 0; frame < rows.count; frame += 1) {
      const name = textAt(column, frame);
      if (name !== null) persons.add(name);
    }
  }
  const tasks = new Set<string>();
  const taskOf = survey.task.over(rows);
  for (let frame = 0; frame < rows.count; frame += 1) {
    const { text, missing } = taskOf(frame);
    tasks.add(text);
    for (const name of missing) count(counts.missing, name, 1);
  }
  const scene = survey.scene.over(rows)(0);
  for (const name of scene.missing) count(counts.missing, name, 1);
  return {
    ...range,
    startNs: rows.timeNs[0]!,
    endNs: rows.timeNs[rows.count - 1]!,
    tasks: [...tasks],
    scene: scene.text,
    context: contextAt(selection, rows, 0),
    runs: rows.runs,
    last: lastValues(selection, rows),
    pictures: capture.cameras.map((camera) => picturesOf(capture, camera, range, rows, counts)),
    texts: new Map(survey.texts.map(({ feature, texts }) => [feature.name, texts!(rows)])),
  };
}

function count(counts: Map<string, number>, name: string, more: number): void {
  if (more > 0) counts.set(name, (counts.get(name) ?? 0) + more);
}

/** Finds how long lists are, and counts the numbers that float32 changes beyond rounding. */
function surveyValues({ sizes, counts }: Survey, name: string, rows: EpisodeRows): void {
  const column = rows.column(name);
  const isList = column.type === "list";
  const numbers = isList ? column.items : column;
  let end = rows.count;
  if (isList) {
    end = column.offsets[rows.count]!;
    for (let row = 0; row < rows.count; row += 1) {
      if (!isPresent(column, row)) continue;
      if (!sizes.has(name)) sizes.set(name, column.offsets[row + 1]! - column.offsets[row]!);
      listAt(column, row, sizes.get(name)!, name);
    }
  }
  let [rounded, tooLarge] = [0, 0];
  if (numbers.type === "int64") {
    for (let at = 0; at < end; at += 1) {
      if (!isPresent(numbers, at)) continue;
      const value = numbers.values[at]!;
      if (BigInt(Math.fround(Number(value))) !== value) rounded += 1;
    }
  } else if (numbers.type === "float64") {
    for (let at = 0; at < end; at += 1)
      if (numbers.valid?.[at] !== 0 && Number.isFinite(numbers.values[at]!) && !isPresent(numbers, at))
        tooLarge += 1;
  }
  count(counts.rounded, name, rounded);
  count(counts.tooLarge, name, tooLarge);
}

/** Places of a camera's pictures; where a frame has none it is the one before, at the start the one after. */
function picturesOf(
  { capture }: AlignedCapture,
  camera: EpisodeCamera,
  { start }: RowRange,
  rows: EpisodeRows,
  { pictures }: PlanCounts,
): Int32Array {
  const column = rows.column(pictureColumn(camera));
  const frames = Int32Array.from({ length: rows.count }, (_, row) => Number(integerAt(column, row, -1n)));
  const first = frames.find((frame) => frame >= 0);
  if (first === undefined) {
    throw new AlignError(
      "SOURCE_PICTURES",
      `camera ${camera.name} of ${capture} has no picture from row ${start} to ${start + rows.count}`,
      { where: { tag: pictureColumn(camera), row: start }, hint: "leave it out of episodes.cameras" },
    );
  }
  let last = first;
  for (const [row, frame] of frames.entries()) {
    if (frame >= 0) last = frame;
    else count(pictures, camera.name, 1);
    frames[row] = last;
  }
  return frames;
}
