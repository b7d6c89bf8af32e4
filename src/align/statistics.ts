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
  const digits = new Uint16Array(ages.buffer, ages.byteOffset, length * 4);
  const ranks = [Math.ceil(length / 2), Math.ceil((length * 99) / 100)];
  const [ageP50Ns, ageP99Ns] = ranked(digits, 3, ranks) as [bigint, bigint];
  return { ageP50Ns, ageP99Ns };
}

/**
 * The values of these ranks (1-based, ascending) among values that agree in the digits above `at`.
 *
 * A histogram of each 16-bit digit, from the top one down, leaves only the values that share it: O(n), of which the
 * ranks share the first digits.
 */
function ranked(values: Uint16Array, at: number, ranks: readonly number[]): bigint[] {
  if (at < 0 || values.length <= FEW) {
    const sorted = new BigInt64Array(values.buffer, values.byteOffset, values.length / 4).slice().sort();
    return ranks.map((rank) => sorted[rank - 1]!);
  }
  const signBit = at === 3 ? DIGITS / 2 : 0;
  const counts = new Uint32Array(DIGITS);
  for (let i = at; i < values.length; i += 4) counts[values[i]! ^ signBit]!++;
  const found: bigint[] = [];
  let digit = 0;
  let below = 0;
  while (found.length < ranks.length) {
    while (below + counts[digit]! < ranks[found.length]!) below += counts[digit++]!;
    const count = counts[digit]!;
    const inside = ranks.slice(found.length).filter((rank) => rank <= below + count);
    const left = count * 4 < values.length ? withDigit(values, at, digit ^ signBit, count) : values;
    const ranksLeft = inside.map((rank) => rank - below);
    found.push(...ranked(left, at - 1, ranksLeft));
  }
  return found;
}

/** Up to so many digits, sorting the values is faster than counting them. */
const FEW = 4 * 1_024;

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
