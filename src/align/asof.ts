import { AlignError } from "../errors.ts";
import { type Kernels, sharedKernels } from "../kernels/index.ts";

export interface AsofJoinOptions {
  /** backward: the last sample at or before the frame; forward: the first at or after it. Default: backward. */
  direction?: "backward" | "forward" | "nearest" | undefined;
  /** ns, inclusive: the farthest a match may be. Default: unlimited. */
  tolerance?: bigint | undefined;
  /** Whether a sample at the frame's very time may match. Default: true. */
  allowExact?: boolean | undefined;
  /** nearest: which side wins at equal distance. Default: past. */
  tie?: "past" | "future" | undefined;
}

/**
 * For each frame, the position of the sample that is in force.
 *
 * @param frames  i64[n] ns, ascending, equal values allowed
 * @param samples i64[m] ns, ascending; of equal times backward takes the last, forward the first, nearest the last
 *   at or before the frame and the first after it
 * @returns index: i32[n], -1 where nothing matched; matched: how many did
 * @throws AlignError USAGE_UNSORTED (where: the input and its first row earlier than the row before), USAGE_TYPE,
 *   USAGE_TOLERANCE, USAGE_OPTION, USAGE_TOO_LARGE
 */
export function asofJoin(
  frames: BigInt64Array,
  samples: BigInt64Array,
  options: AsofJoinOptions = {},
): { index: Int32Array; matched: number } {
  const { direction = "backward", tolerance, allowExact = true, tie = "past" } = options;
  requireWord("direction", direction, ["backward", "forward", "nearest"]);
  requireWord("tie", tie, ["past", "future"]);
  requireWord("allowExact", allowExact, [true, false]);
  requireDistance("tolerance", tolerance, "USAGE_TOLERANCE");
  requireTimes("frames", frames);
  requireTimes("samples", samples);
  return inKernelMemory((kernels) => {
    const left = copyAscending(kernels, "frames", frames);
    const right = copyAscending(kernels, "samples", samples);
    const index = kernels.arena.i32(frames.length);
    const matched = kernels.asof(left, right, index, { direction, tolerance, allowExact, tie });
    return { index: index.slice(), matched };
  });
}

/** Runs `work` on the shared kernels and gives back the memory it took. */
export function inKernelMemory<T>(work: (kernels: Kernels) => T): T {
  const kernels = sharedKernels();
  const mark = kernels.arena.mark();
  try {
    return work(kernels);
  } finally {
    kernels.arena.release(mark);
  }
}

/** Copies times into kernel memory; throws where a row is earlier than the row before it. */
export function copyAscending(
  kernels: Kernels,
  input: "frames" | "samples",
  times: BigInt64Array,
): BigInt64Array {
  const copy = kernels.arena.copy(times);
  const row = kernels.firstDescent(copy);
  if (row >= 0) {
    throw new AlignError(
      "USAGE_UNSORTED",
      `${input} are not in time order: row ${row} (${times[row]} ns) is earlier than row ${row - 1} (${times[row - 1]} ns)`,
      { where: { input, row }, hint: `sort the ${input} by time` },
    );
  }
  return copy;
}

/** Throws unless `times` is a BigInt64Array. */
export function requireTimes(input: "frames" | "samples", times: unknown): void {
  if (times instanceof BigInt64Array) return;
  throw new AlignError("USAGE_TYPE", `${input} must be a BigInt64Array of ns, got ${describe(times)}`, {
    where: { input },
    hint: "an instant is an int64 count of ns since 1970-01-01T00:00:00Z, never a float or a Date",
  });
}

/** Throws unless a distance is absent or a bigint of ns that is not negative. */
export function requireDistance(name: string, value: unknown, code: `USAGE_${string}`): void {
  if (value === undefined) return;
  if (typeof value !== "bigint") {
    throw new AlignError("USAGE_TYPE", `${name} must be a bigint of ns, got ${describe(value)}`, {
      hint: "write 250 ms as 250_000_000n",
    });
  }
  if (value < 0n) {
    throw new AlignError(code, `${name} must be >= 0, got ${value}`, {
      hint: `leave ${name} out for no limit`,
    });
  }
}

/** Throws unless an option is one of its words. */
export function requireWord<T>(name: string, value: T, words: readonly T[]): void {
  if (words.includes(value)) return;
  throw new AlignError("USAGE_OPTION", `${name} must be one of ${words.join(", ")}, got ${String(value)}`, {
    hint: `leave ${name} out for ${String(words[0])}`,
  });
}

/** What a value is, for a message. */
export function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  return value.constructor?.name ?? "object";
}
