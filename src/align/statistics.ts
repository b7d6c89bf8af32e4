import { Status } from "./status.ts";

/** What the join of one tag did over all frames. */
export interface TagStatistics {
  /** Samples or intervals that the quality rule let into the join. */
  samples: number;
  /** Frames where a sample matched. */
  matched: number;
  /** Frames without a value. */
  nulls: number;
  /** Frames whose value was older than `stale_after`. */
  stale: number;
  /** Share of the frames that have a value; 0 when there are no frames. */
  coverage: number;
  /** Median age of the matched samples, ns, nearest rank; null when nothing matched. */
  ageP50Ns: bigint | null;
  /** 99th percentile of the age, ns, nearest rank. */
  ageP99Ns: bigint | null;
}

/** How many values are marked as last usable because of their age. */
export function countStale(status: Uint32Array, age: BigInt64Array, staleAfterNs: bigint): number {
  // Two 32-bit words compare many times as fast as one bigint.
  const words = new Int32Array(age.buffer, age.byteOffset, age.length * 2);
  const limitHigh = Number(staleAfterNs >> 32n);
  const limitLow = Number(staleAfterNs & 0xffff_ffffn);
  let stale = 0;
  for (let i = 0; i < status.length; i++) {
    if (status[i] !== Status.lastUsable) continue;
    const high = words[2 * i + 1]!;
    if (high > limitHigh || (high === limitHigh && words[2 * i]! >>> 0 > limitLow)) stale++;
  }
  return stale;
}

/** Exact nearest-rank quantiles of the ages, which may be in any order. */
export function ageQuantiles(ages: BigInt64Array): Pick<TagStatistics, "ageP50Ns" | "ageP99Ns"> {
  const { length } = ages;
  if (length === 0) return { ageP50Ns: null, ageP99Ns: null };
  return {
    ageP50Ns: smallest(ages, Math.ceil(length / 2)),
    ageP99Ns: smallest(ages, Math.ceil((length * 99) / 100)),
  };
}

/**
 * The rank-th smallest value (1-based), by a histogram of each 16-bit digit from the top one down.
 *
 * Each digit leaves only the values that share it, so the work is O(n) and mostly done after the first digits.
 */
function smallest(values: BigInt64Array, rank: number): bigint {
  const counts = new Uint32Array(DIGITS);
  let left = new Uint16Array(values.buffer, values.byteOffset, values.length * 4);
  let rest = rank;
  for (let at = 3; at >= 0; at--) {
    const signBit = at === 3 ? DIGITS / 2 : 0;
    counts.fill(0);
    for (let i = at; i < left.length; i += 4) counts[left[i]! ^ signBit]!++;
    let digit = 0;
    while (counts[digit]! < rest) rest -= counts[digit++]!;
    if (counts[digit]! * 4 < left.length) left = withDigit(left, at, digit ^ signBit, counts[digit]!);
  }
  return new BigInt64Array(left.buffer, left.byteOffset, 1)[0]!;
}

const DIGITS = 65_536;

/** The values, four digits each, whose digit `at` is `digit`. */
function withDigit(values: Uint16Array, at: number, digit: number, count: number): Uint16Array {
  const kept = new Uint16Array(count * 4);
  let filled = 0;
  for (let i = 0; i < values.length; i += 4) {
    if (values[i + at] !== digit) continue;
    for (let d = 0; d < 4; d++) kept[filled++] = values[i + d]!;
  }
  return kept;
}
