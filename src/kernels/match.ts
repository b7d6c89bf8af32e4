import { AlignError } from "../errors.ts";
import type { LineOptions } from "./arguments.ts";
import { address, limit } from "./column.ts";
import type { Instance } from "./load.ts";
import { type AsofOptions, scanAsof } from "./scan.ts";

/**
 * The frames of each of some consecutive samples: what a match is where there are several frames to a sample.
 * It lives in the arena.
 */
export interface Runs {
  /** The first sample, how many, then from and to of the frames of each. */
  readonly words: Int32Array;
  /** How many frames it is about. */
  readonly length: number;
  /** How many samples there are. */
  readonly sampleLength: number;
}

/** The sample of each frame: its position for each frame, -1 where there is none, or the frames of each sample. */
export type Match = Int32Array | Runs;

/** Where each frame is between the sample before it and the next one. */
export interface Weights {
  /** The sample before, or -1. */
  readonly index: Int32Array;
  /** 0 on a sample, NaN where there is no value. */
  readonly weights: Float64Array;
  /** Bit i: there is a value, if the samples are good. */
  readonly matched: Uint8Array;
  readonly matchedCount: number;
}

/** Where a linear value is drawn, before anything is said about values. */
export type Line = Runs | Weights;

export function isRuns(match: Match | Line): match is Runs {
  return "words" in match;
}

const directions = { backward: 0, forward: 1, nearest: 2 } as const;

/** Runs are read four frames at a time and more, so they pay from four frames a sample on. */
const FRAMES_A_RUN = 4;

/** See Kernels.match. */
export function match(
  instance: Instance,
  frames: BigInt64Array,
  samples: BigInt64Array,
  options: AsofOptions,
): Match {
  const { arena } = instance;
  const runs = runsOf(instance, frames, samples, options);
  if (runs !== undefined) return runs;
  const index = arena.i32(frames.length);
  scanAsof(instance, frames, samples, index, options);
  return index;
}

/** See Kernels.asof. */
export function asof(
  instance: Instance,
  frames: BigInt64Array,
  samples: BigInt64Array,
  index: Int32Array,
  options: AsofOptions,
): number {
  const { arena, exports } = instance;
  const indexAt = address(arena, "index", index, frames.length);
  const mark = arena.mark();
  const runs = runsOf(instance, frames, samples, options);
  const count =
    runs === undefined
      ? scanAsof(instance, frames, samples, index, options)
      : exports.indexRuns(runs.words.byteOffset, frames.length, indexAt);
  arena.release(mark);
  return count >>> 0;
}

/** Undefined, with nothing taken from the arena, where another form is better or was asked for. */
function runsOf(
  { exports, arena }: Instance,
  frames: BigInt64Array,
  samples: BigInt64Array,
  { direction, tolerance, allowExact = true, tie, scan }: AsofOptions,
): Runs | undefined {
  const length = frames.length;
  const framesAt = address(arena, "frames", frames, length);
  const samplesAt = address(arena, "samples", samples, samples.length);
  const farthest = limit("tolerance", tolerance);
  // A frame at a sample's very time would then belong to neither of the runs beside it.
  if (direction === "nearest" && !allowExact) return undefined;
  if (scan !== undefined && scan !== "run") return undefined;
  const capacity = scan === "run" ? samples.length : 1 + Math.floor(length / FRAMES_A_RUN);
  const mark = arena.mark();
  const words = arena.i32(2 + 2 * capacity);
  const fits = exports.runs(
    framesAt,
    length,
    samplesAt,
    samples.length,
    directions[direction],
    allowExact ? 0 : 1,
    tie === "future" ? 1 : 0,
    farthest,
    capacity,
    words.byteOffset,
  );
  if (fits !== 0) return { words, length, sampleLength: samples.length };
  arena.release(mark);
  return undefined;
}

/** See Kernels.line. */
export function line(
  instance: Instance,
  backward: Match,
  frames: BigInt64Array,
  times: BigInt64Array,
  options: LineOptions,
): Line {
  const { exports, arena } = instance;
  const { length } = frames;
  const framesAt = address(arena, "frames", frames, length);
  const timesAt = address(arena, "times", times, times.length);
  const maxGap = limit("maxGap", options.maxGap);
  const [before, after] = [
    limit("holdBefore", options.holdBefore ?? 0n),
    limit("holdAfter", options.holdAfter ?? 0n),
  ];
  if (isRuns(backward)) {
    const runsAt = checkedRuns(instance, backward, length, times.length);
    const words = arena.i32(2 + 2 * backward.words[1]!);
    exports.runsBetween(framesAt, timesAt, times.length, maxGap, before, after, runsAt, words.byteOffset);
    return { words, length, sampleLength: times.length };
  }
  const index = backward;
  const indexAt = address(arena, "index", index, length);
  const weights = arena.f64(length);
  const matched = arena.bitmap(length);
  const matchedCount =
    exports.weights(
      framesAt,
      length,
      timesAt,
      times.length,
      indexAt,
      maxGap,
      before,
      after,
      weights.byteOffset,
      matched.byteOffset,
    ) >>> 0;
  return { index, weights, matched, matchedCount };
}

/**
 * The address of runs for a kernel that reads this many frames and samples.
 *
 * @throws AlignError BUG_KERNEL_ARGUMENT where they are about others
 */
export function checkedRuns({ arena }: Instance, runs: Runs, length: number, sampleLength: number): number {
  if (runs.length !== length || runs.sampleLength !== sampleLength) {
    throw new AlignError(
      "BUG_KERNEL_ARGUMENT",
      `the runs are about ${runs.length} frames and ${runs.sampleLength} samples, not ${length} and ${sampleLength}`,
    );
  }
  return address(arena, "runs", runs.words, 2);
}
