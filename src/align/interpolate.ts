import { AlignError } from "../errors.ts";
import type { Kernels, LinearSamples } from "../kernels/index.ts";
import {
  copyAscending,
  describe,
  inKernelMemory,
  requireDistance,
  requireTimes,
  requireWord,
} from "./asof.ts";

/** No two instants are as far apart. */
const LONGEST_NS = 2n ** 64n - 1n;

export interface InterpolateSamples {
  /** i64[m] ns, ascending; of equal times the last is the sample. */
  times: BigInt64Array;
  /** f64[m]. */
  values: Float64Array;
  /** Arrow bitmap of m bits, least significant first; a sample whose bit is 0 is as if absent. Default: all valid. */
  validity?: Uint8Array | undefined;
}

export interface InterpolateOptions {
  /** ns, inclusive: the widest distance of the two samples around a frame. Default: unlimited. */
  maxGap?: bigint | undefined;
  /** Outside the samples: null, or the first or last value. Default: none. */
  extrapolate?: "none" | "hold" | undefined;
}

/**
 * For each frame, the value on the straight line between the samples around it.
 *
 * v0 + w * (v1 - v0) with w = (t - t0) / (t1 - t0), times subtracted as int64 and then converted. A frame exactly on
 * a sample copies its value.
 *
 * @param frames i64[n] ns, ascending, equal values allowed
 * @returns values: f64[n], 0 where null; validity: an Arrow bitmap of n bits; matched: how many are valid
 * @throws AlignError USAGE_UNSORTED (where: the input and its first row earlier than the row before), USAGE_TYPE,
 *   USAGE_LENGTH, USAGE_MAX_GAP, USAGE_OPTION, USAGE_TOO_LARGE
 */
export function interpolate(
  frames: BigInt64Array,
  samples: InterpolateSamples,
  options: InterpolateOptions = {},
): { values: Float64Array; validity: Uint8Array; matched: number } {
  const { maxGap, extrapolate = "none" } = options;
  requireWord("extrapolate", extrapolate, ["none", "hold"]);
  requireDistance("maxGap", maxGap, "USAGE_MAX_GAP");
  requireTimes("frames", frames);
  requireSamples(samples);
  return inKernelMemory((kernels) => {
    const { arena } = kernels;
    const length = frames.length;
    const left = copyAscending(kernels, "frames", frames);
    const right = distinctSamples(kernels, samples);
    const backward = kernels.match(left, right.times, { direction: "backward" });
    const hold = extrapolate === "hold" ? LONGEST_NS : 0n;
    const line = kernels.line(backward, left, right.times, { maxGap, holdBefore: hold, holdAfter: hold });
    const out = { values: arena.f64(length), validity: arena.bitmap(length) };
    const matched = kernels.linear(line, left, right, out);
    return { values: out.values.slice(), validity: out.validity.slice(0, Math.ceil(length / 8)), matched };
  });
}

/** The samples in kernel memory: nulls dropped, then of equal times all but the last. */
function distinctSamples(kernels: Kernels, samples: InterpolateSamples): LinearSamples {
  const { arena } = kernels;
  let times = copyAscending(kernels, "samples", samples.times);
  let values = arena.copy(samples.values);
  const keepOnly = (keep: Uint8Array): void => {
    kernels.compact(values, keep, values);
    const kept = kernels.compact(times, keep, times);
    times = times.subarray(0, kept);
    values = values.subarray(0, kept);
  };
  if (samples.validity !== undefined) keepOnly(arena.copy(samples.validity));
  const last = arena.bitmap(times.length);
  if (kernels.lastOfEqual(times, last) < times.length) keepOnly(last);
  return { times, values };
}

function requireSamples(samples: InterpolateSamples): void {
  requireTimes("samples", samples?.times);
  const { times, values, validity } = samples;
  const where = { input: "samples" };
  if (!(values instanceof Float64Array)) {
    throw new AlignError("USAGE_TYPE", `samples.values must be a Float64Array, got ${describe(values)}`, {
      where,
      hint: "linear interpolation needs numbers",
    });
  }
  if (validity !== undefined && !(validity instanceof Uint8Array)) {
    throw new AlignError("USAGE_TYPE", `samples.validity must be a Uint8Array, got ${describe(validity)}`, {
      where,
      hint: "give an Arrow bitmap, one bit a sample, least significant first",
    });
  }
  if (values.length !== times.length) {
    throw new AlignError("USAGE_LENGTH", `samples have ${times.length} times and ${values.length} values`, {
      where,
      hint: "give one value a time",
    });
  }
  if (validity !== undefined && validity.length * 8 < times.length) {
    throw new AlignError(
      "USAGE_LENGTH",
      `samples.validity has ${validity.length * 8} bits for ${times.length} samples`,
      { where, hint: "give one bit a sample" },
    );
  }
}
