/** Seeded series, the same on every machine. Times are whole ns after `baseNs`, exact in float64. */

/** The instant that every series is counted from. */
export const baseNs = 1_760_000_000_000_000_000n;

/** Frame period of 30 fps, ns. */
export const framePeriodNs = 33_333_333;

const firstFrameNs = 500_000_000;
const frameJitterNs = 1_000_000;

/** A linear congruential generator: seed = seed * 1664525 + 1013904223 modulo 2^32. */
export class Random {
  #seed: number;

  constructor(seed = 12_345) {
    this.#seed = seed;
  }

  /** In [0, 1). */
  next(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) | 0;
    return (this.#seed >>> 0) / 2 ** 32;
  }

  /** In [-1, 1). */
  around(): number {
    return this.next() * 2 - 1;
  }
}

/** The samples of one tag, as the kernels take them and as a plain loop takes them. */
export interface Series {
  /** ns since 1970. */
  times: BigInt64Array;
  /** ns since `baseNs`. */
  relative: Float64Array;
  values: Float64Array;
  /** Arrow bitmap; absent where no value is null. */
  validity?: Uint8Array;
}

export interface Workload {
  frames: BigInt64Array;
  relativeFrames: Float64Array;
  tags: Series[];
}

/** Frames at 30 fps, each moved by up to 1 ms. */
export function frameTimes(count: number, random: Random): Float64Array {
  return regularTimes(count, firstFrameNs, framePeriodNs, frameJitterNs, random);
}

/** start + i * period, each moved by up to `jitter`, in ns. */
export function regularTimes(
  count: number,
  start: number,
  period: number,
  jitter: number,
  random: Random,
): Float64Array {
  const times = new Float64Array(count);
  for (let i = 0; i < count; i++) times[i] = Math.round(start + i * period + random.around() * jitter);
  return times;
}

/** A walk from 0..100 in steps of up to 0.5. */
export function walk(count: number, random: Random): Float64Array {
  const values = new Float64Array(count);
  let value = random.next() * 100;
  for (let i = 0; i < count; i++) {
    values[i] = value;
    value += random.around() / 2;
  }
  return values;
}

export function instants(relative: Float64Array): BigInt64Array {
  return BigInt64Array.from(relative, (ns) => baseNs + BigInt(ns));
}

/** Slow tags under many frames: 1 Hz, each tag with its own times. */
export function slowTags(frames: number, tags: number): Workload {
  const random = new Random();
  const samples = Math.ceil((frames * framePeriodNs) / 1e9);
  return workload(frames, tags, random, () =>
    regularTimes(samples, random.next() * 1e9, 1e9, 0.05 * 1e9, random),
  );
}

/** Fast tags: 100 Hz, each with its own times. */
export function fastTags(frames: number, tags: number): Workload {
  const random = new Random();
  const samples = Math.ceil((frames * framePeriodNs) / 1e7);
  return workload(frames, tags, random, () =>
    regularTimes(samples, random.next() * 1e7, 1e7, 0.05 * 1e7, random),
  );
}

/**
 * One tag with as many samples as frames: 22.87 ms after the frames' phase (`separate`), where a branch predictor
 * sees a pattern, or at the very phase (`colliding`), where it sees none.
 */
export function longTag(frames: number, phase: "separate" | "colliding"): Workload {
  const random = new Random();
  const [start, jitter] = phase === "separate" ? [22_870_000, 0.05 * framePeriodNs] : [0, frameJitterNs];
  return workload(frames, 1, random, () =>
    regularTimes(frames, firstFrameNs + start, framePeriodNs, jitter, random),
  );
}

/** The same workload with this share of the values null. */
export function withNulls(load: Workload, share: number): Workload {
  const random = new Random(54_321);
  const tags = load.tags.map((tag) => {
    const validity = new Uint8Array(Math.ceil(tag.values.length / 64) * 8);
    for (let i = 0; i < tag.values.length; i++) {
      if (random.next() >= share) validity[i >> 3]! |= 1 << (i & 7);
    }
    return { ...tag, validity };
  });
  return { ...load, tags };
}

function workload(frames: number, tags: number, random: Random, sampleTimes: () => Float64Array): Workload {
  const relativeFrames = frameTimes(frames, random);
  const series = Array.from({ length: tags }, () => {
    const relative = sampleTimes();
    return { relative, times: instants(relative), values: walk(relative.length, random) };
  });
  return { frames: instants(relativeFrames), relativeFrames, tags: series };
}
