import { BOUND_DRIFT } from "./curve.ts";
import type { Rows } from "./rows.ts";
import type { Fitted } from "./stretch.ts";

/** How far the truth can lie above and below the curve at each knot, s. */
export interface Reach {
  readonly above: Float64Array;
  readonly below: Float64Array;
}

/**
 * The interval around the curve that must hold the truth at each knot; undefined without round trips.
 *
 * Each round trip bounds the error of its offset by half of it, whatever the delays there and back; with distance the
 * interval widens by 100 ppm. The intervals of all rows in use are intersected.
 */
export function reachOf(
  rows: Rows,
  low: number,
  { track, residuals, used, smoothed }: Fitted,
): Reach | undefined {
  const n = track.times.length;
  const above = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  const below = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  let found = false;
  let knot = 0;
  for (let i = 0; i < residuals.length; i++) {
    const half = rows.halves[low + i]!;
    if (used[i] === 0 || Number.isNaN(half)) continue;
    while (track.times[knot]! < rows.times[low + i]!) knot++;
    above[knot] = Math.min(above[knot]!, half + residuals[i]!);
    below[knot] = Math.min(below[knot]!, half - residuals[i]!);
    found = true;
  }
  if (!found) return undefined;
  const { drifts } = smoothed;
  for (let k = 1; k < n; k++) {
    const slack = BOUND_DRIFT * (track.times[k]! - track.times[k - 1]!);
    above[k] = Math.min(above[k]!, above[k - 1]! + slack);
    below[k] = Math.min(below[k]!, below[k - 1]! + slack);
  }
  for (let k = drifts.length - 2; k >= 0; k--) {
    const slack = BOUND_DRIFT * (track.times[k + 1]! - track.times[k]!);
    above[k] = Math.min(above[k]!, above[k + 1]! + slack);
    below[k] = Math.min(below[k]!, below[k + 1]! + slack);
  }
  return { above, below };
}

/** The bound of the error at a knot, ns; where intervals contradict each other, the farther end of either. */
export function boundAt(reach: Reach | undefined, knot: number): number {
  if (reach === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(Math.abs(reach.above[knot]!), Math.abs(reach.below[knot]!)) * 1e9;
}
