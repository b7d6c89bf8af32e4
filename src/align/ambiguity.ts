import { Bool, type Data, makeData } from "apache-arrow";
import type { Changes } from "./changes.ts";
import type { BlockIndexes } from "./indexes.ts";

/**
 * Where a change lies within 2 sigma of the frame, so that the clocks do not tell which value was in force; sigma is
 * the root of the frame's variance and the change's. Certain clocks leave nothing ambiguous.
 *
 * @param sigmas i64[n] ns, 1 sigma of each frame's time
 */
export function ambiguousColumn(
  { kernels, frames }: BlockIndexes,
  changes: Changes,
  sigmas: BigInt64Array,
): Data<Bool> {
  const { arena } = kernels;
  const { length } = frames;
  const bits = arena.bitmap(length).fill(0);
  const index = arena.i32(length);
  const near = { direction: "nearest", tolerance: changes.reachNs } as const;
  if (kernels.asof(frames, changes.times, index, near) > 0) {
    for (let i = 0; i < length; i++) {
      if (index[i]! < 0 || !isNearChange(changes, index[i]!, frames[i]!, Number(sigmas[i]!))) continue;
      bits[i >> 3]! |= 1 << (i & 7);
    }
  }
  return makeData({ type: new Bool(), length, nullCount: 0, data: bits });
}

/** The nearest change is tried first, then others: a farther one may be less certain. */
function isNearChange(changes: Changes, nearest: number, frame: bigint, sigma: number): boolean {
  const { times } = changes;
  for (let k = nearest; k >= 0 && frame - times[k]! <= changes.reachNs; k--) {
    if (isWithin(changes, k, frame, sigma)) return true;
  }
  for (let k = nearest + 1; k < times.length && times[k]! - frame <= changes.reachNs; k++) {
    if (isWithin(changes, k, frame, sigma)) return true;
  }
  return false;
}

function isWithin({ times, variances }: Changes, k: number, frame: bigint, sigma: number): boolean {
  const variance = sigma * sigma + variances[k]!;
  const distance = Number(frame - times[k]!);
  return variance > 0 && distance * distance <= 4 * variance;
}
