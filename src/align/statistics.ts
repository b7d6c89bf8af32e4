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
  let stale = 0;
  for (let i = 0; i < status.length; i++) {
    if (status[i] === Status.lastUsable && age[i]! > staleAfterNs) stale++;
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
 * Reads the values as 16-bit words, since comparing bigints costs many times as much. Four passes, O(n).
 */
function smallest(values: BigInt64Array, rank: number): bigint {
  const digits = new Uint16Array(values.buffer, values.byteOffset, values.length * 4);
  const chosen = new Uint16Array(4);
  const counts = new Uint32Array(65_536);
  let rest = rank;
  for (let at = 3; at >= 0; at--) {
    const signBit = at === 3 ? 0x8000 : 0;
    counts.fill(0);
    for (let i = 0; i < digits.length; i += 4) {
      let above = 3;
      while (above > at && digits[i + above] === chosen[above]) above--;
      if (above === at) counts[digits[i + at]! ^ signBit]!++;
    }
    let digit = 0;
    while (counts[digit]! < rest) rest -= counts[digit++]!;
    chosen[at] = digit ^ signBit;
  }
  return new BigInt64Array(chosen.buffer)[0]!;
}
