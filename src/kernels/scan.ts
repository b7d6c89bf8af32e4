import type { KernelExports } from "./abi.ts";
import { address, limit } from "./column.ts";
import type { Instance } from "./load.ts";

export interface AsofOptions {
  direction: "backward" | "forward" | "nearest";
  /** ns, inclusive, tested on the chosen sample only. Default: unlimited. */
  tolerance?: bigint | undefined;
  /** Whether a sample at the frame's very time may match. Default: true. */
  allowExact?: boolean | undefined;
  /** nearest: which side wins at equal distance. Default: past. */
  tie?: "past" | "future" | undefined;
  /** How to look the samples up; the result is the same. Default: by how many samples there are to a frame. */
  scan?: Scan | undefined;
}

/** run: few samples to a frame; merge: about as many; gallop: many. */
export type Scan = "run" | "merge" | "gallop";

const kernels = {
  run: "scanRun",
  merge: "scanMerge",
  gallop: "scanGallop",
} as const satisfies Record<Scan, keyof KernelExports>;

/** Measured crossings of the three scans. */
function pickScan(samples: number, frames: number): Scan {
  if (samples * 4 <= frames) return "run";
  return samples > frames * 20 ? "gallop" : "merge";
}

const FIRST_INSTANT = -0x8000_0000_0000_0000n;

/**
 * out[i] = how many samples are not later than frames[i] - shift, plus bias.
 *
 * Where frames[i] - shift is no int64, a `saturates` shift counts the samples at the first instant and any other
 * counts none.
 */
export function scan(
  { exports, arena }: Instance,
  frames: BigInt64Array,
  samples: BigInt64Array,
  out: Int32Array,
  {
    shift,
    saturates,
    bias,
    how,
  }: { shift: bigint; saturates: boolean; bias: number; how?: Scan | undefined },
): void {
  const length = frames.length;
  const framesAt = address(arena, "frames", frames, length);
  const samplesAt = address(arena, "samples", samples, samples.length);
  const outAt = address(arena, "index", out, length);
  if (length === 0) return;
  const count = (time: bigint): number => {
    if (time >= FIRST_INSTANT) return exports.countThrough(samplesAt, samples.length, time) >>> 0;
    return saturates ? exports.countThrough(samplesAt, samples.length, FIRST_INSTANT) >>> 0 : 0;
  };
  const start = count(frames[0]! - shift);
  // Unsorted frames could end before they start, which the kernels must not see.
  const end = Math.max(start, count(frames[length - 1]! - shift));
  const kernel = exports[kernels[how ?? pickScan(end - start, length)]];
  kernel(framesAt, length, shift, samplesAt, start, end, bias, outAt);
}

/** The index column of an as-of join, frame by frame; returns how many matched. */
export function scanAsof(
  instance: Instance,
  frames: BigInt64Array,
  samples: BigInt64Array,
  index: Int32Array,
  options: AsofOptions,
): number {
  const { exports } = instance;
  const exact = options.allowExact ?? true;
  const tolerance = limit("tolerance", options.tolerance);
  const forward = options.direction === "forward";
  // Forward counts what lies before the first match, so an exact match must not be counted.
  const strict = forward ? exact : !exact;
  scan(instance, frames, samples, index, {
    shift: strict ? 1n : 0n,
    saturates: false,
    bias: forward ? 0 : -1,
    how: options.scan,
  });
  const framesAt = frames.byteOffset;
  const samplesAt = samples.byteOffset;
  const indexAt = index.byteOffset;
  if (forward) {
    return exports.keepForward(framesAt, frames.length, samplesAt, samples.length, tolerance, indexAt);
  }
  if (options.direction === "nearest") {
    const toFuture = options.tie === "future" ? 1 : 0;
    return exports.keepNearest(
      framesAt,
      frames.length,
      samplesAt,
      samples.length,
      exact ? 0 : 1,
      toFuture,
      tolerance,
      indexAt,
    );
  }
  if (options.tolerance !== undefined) {
    return exports.keepBackward(framesAt, frames.length, samplesAt, tolerance, indexAt);
  }
  return frames.length - unmatchedHead(index, frames.length);
}

/** How many frames precede every sample: of an unlimited backward join, all that did not match. */
function unmatchedHead(index: Int32Array, length: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (index[middle]! < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
