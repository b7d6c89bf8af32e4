/** Seeded series, the same on every machine. Times are whole ns after `baseNs`, exact in float64. */

/** The instant that every series is counted from. */
export const baseNs = 1_760_000_000_000_000_000n;

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
  const times = new BigInt64Array(relative.length);
  for (let i = 0; i < times.length; i++) times[i] = baseNs + BigInt(relative[i]!);
  return times;
}

/** The same series with this share of the values null. */
export function withNulls(series: readonly Series[], share: number): Series[] {
  const random = new Random(54_321);
  return series.map((one) => {
    const validity = new Uint8Array(Math.ceil(one.values.length / 64) * 8);
    for (let i = 0; i < one.values.length; i++) if (random.next() >= share) validity[i >> 3]! |= 1 << (i & 7);
    return { ...one, validity };
  });
}

export function isValid(validity: Uint8Array | undefined, at: number): boolean {
  return validity === undefined || ((validity[at >> 3]! >> (at & 7)) & 1) === 1;
}
