import type { Instance } from "./load.ts";

/** Bins of one round: enough to leave few values, few enough to stay in the nearest cache. */
const BINS = 4_096;

/** Up to so many values, sorting them is faster than counting them. */
const FEW = 256;

/** See Kernels.ranked. */
export function ranked(instance: Instance, values: BigInt64Array, ranks: readonly number[]): bigint[] {
  const { arena } = instance;
  const mark = arena.mark();
  const found = ranks.map((rank) => rankedOne(instance, values, rank));
  arena.release(mark);
  return found;
}

/** A round counts the values into bins of their range and goes on with those of the rank's bin: O(length) in all. */
function rankedOne({ exports, arena }: Instance, values: BigInt64Array, rank: number): bigint {
  const mark = arena.mark();
  const range = arena.i64(2);
  const counts = arena.u32(BINS);
  let left = values;
  let leftRank = rank;
  while (left.length > FEW) {
    exports.extremes(left.byteOffset, left.length, range.byteOffset);
    const [least, most] = [range[0]!, range[1]!];
    if (least === most) break;
    const span = BigInt.asUintN(64, most - least);
    const shift = BigInt(Math.max(0, span.toString(2).length - Math.log2(BINS)));
    counts.fill(0);
    exports.countBins(left.byteOffset, left.length, least, shift, counts.byteOffset);
    let bin = 0;
    while (counts[bin]! < leftRank) leftRank -= counts[bin++]!;
    const kept = left === values ? arena.i64(counts[bin]!) : left.subarray(0, counts[bin]);
    exports.keepBin(left.byteOffset, left.length, least, shift, BigInt(bin), kept.byteOffset);
    left = kept;
  }
  const value = left.slice().sort()[leftRank - 1]!;
  arena.release(mark);
  return value;
}
