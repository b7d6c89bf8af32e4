import { createHash } from "node:crypto";
import { bookkeeping, type Feature, isInput, isNumeric, sizeOf } from "./info.ts";
import { episodeStatistics, quantileRanges, type Statistics } from "./statistics.ts";

/** Columns of some rows of a data file. */
type Columns = ReadonlyMap<string, ArrayLike<unknown>>;

/** Rows that belong to one episode, not copied. */
export interface Piece {
  columns: Columns;
  start: number;
  end: number;
}

/** What the frames of one episode say, once all of it is read. */
export interface EpisodeData {
  index: number;
  length: number;
  /** Of its first frame. */
  file: string;
  /** Row in the whole set of its first frame. */
  firstRow: number;
  statistics: Map<string, Statistics>;
  /** Bounds of the quantiles by feature and name. */
  ranges: Map<string, Map<string, [number, number][]>>;
  /** As stored, where they are not on the grid of frames. */
  timestamps: Float64Array | undefined;
  /** Of all inputs' numbers; undefined where there are none. */
  digest: string | undefined;
  /** Whether no input ever changes. */
  isConstant: boolean;
  /** The longest run of frames whose state is the same. */
  frozen: { start: number; length: number };
}

/** Values of one feature, and how many were null, of the wrong length, or not a number. */
export interface GatheredValues {
  values: Float64Array;
  size: number;
  nulls: number;
  firstNull: number;
  /** Frames with another number of values than the shape has. */
  misshapen: number;
  firstMisshapen: number;
  nans: number;
  firstNan: number;
}

/** A feature's numbers over an episode; what is missing is NaN there. */
export function gather(feature: Feature, pieces: readonly Piece[], length: number): GatheredValues {
  const size = sizeOf(feature);
  const found: GatheredValues = {
    values: new Float64Array(length * size).fill(Number.NaN),
    size,
    nulls: 0,
    firstNull: -1,
    misshapen: 0,
    firstMisshapen: -1,
    nans: 0,
    firstNan: -1,
  };
  let frame = 0;
  for (const { columns, start, end } of pieces) {
    const column = columns.get(feature.name);
    for (let row = start; row < end; row += 1, frame += 1) {
      const state = {
        at: frame * size,
        end: (frame + 1) * size,
        hasNull: false,
        hasNan: false,
        isOver: false,
      };
      put(found.values, state, column?.[row]);
      if (state.hasNull && found.nulls++ === 0) found.firstNull = frame;
      if (state.hasNan && found.nans++ === 0) found.firstNan = frame;
      if ((state.isOver || (state.at < state.end && !state.hasNull)) && found.misshapen++ === 0)
        found.firstMisshapen = frame;
    }
  }
  return found;
}

interface PutState {
  at: number;
  end: number;
  hasNull: boolean;
  hasNan: boolean;
  isOver: boolean;
}

function put(values: Float64Array, state: PutState, value: unknown): void {
  if (typeof value === "object" && value !== null) {
    const list = value as ArrayLike<unknown>;
    for (let at = 0; at < list.length; at += 1) put(values, state, list[at]);
    return;
  }
  if (state.at >= state.end) {
    state.isOver = true;
    return;
  }
  if (value === null || value === undefined) state.hasNull = true;
  else {
    const number = Number(value);
    values[state.at] = number;
    if (Number.isNaN(number)) state.hasNan = true;
  }
  state.at += 1;
}

/** What is kept of an episode's values. */
export function summarize(
  gathered: ReadonlyMap<Feature, GatheredValues>,
  frames: number,
  layout: 2 | 3,
): Pick<EpisodeData, "statistics" | "ranges" | "digest" | "isConstant" | "frozen"> {
  const statistics = new Map<string, Statistics>();
  const ranges = new Map<string, Map<string, [number, number][]>>();
  const hash = createHash("sha256");
  let inputs = 0;
  let isConstant = true;
  let frozen = { start: 0, length: 0 };
  for (const [feature, one] of gathered) {
    const isWhole = one.nulls === 0 && one.misshapen === 0;
    if (!isNumeric(feature) || !isWhole) continue;
    // v3.0 takes a frame of several rows as so many vectors.
    const size = layout === 3 ? (feature.shape.at(-1) as number) : one.size;
    const known = episodeStatistics({ values: one.values, size, frames });
    statistics.set(feature.name, known);
    ranges.set(feature.name, quantileRanges({ values: one.values, size, frames }));
    if (!isInput(feature) || feature.name in bookkeeping) continue;
    inputs += 1;
    hash.update(feature.name).update(new Uint8Array(one.values.buffer));
    isConstant &&= known.min.every((least, at) => least === known.max[at]);
    if (feature.name === "observation.state") frozen = longestRun(one);
  }
  const digest = inputs === 0 ? undefined : hash.digest("hex");
  return { statistics, ranges, digest, isConstant: inputs > 0 && isConstant, frozen };
}

function longestRun({ values, size }: GatheredValues): { start: number; length: number } {
  const frames = values.length / size;
  let best = { start: 0, length: Math.min(1, frames) };
  let start = 0;
  for (let frame = 1; frame < frames; frame += 1) {
    for (let at = 0; at < size; at += 1) {
      if (values[frame * size + at] === values[(frame - 1) * size + at]) continue;
      start = frame;
      break;
    }
    if (frame + 1 - start > best.length) best = { start, length: frame + 1 - start };
  }
  return best;
}
