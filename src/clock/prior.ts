import type { Quadratic } from "./piece.ts";

/** What a free-running clock may drift beyond what one or two instants of evidence can show: 20 ppm, 1 sigma. */
export const DRIFT_PRIOR = 20e-6;

/** How many distinct instants of evidence leave the drift to the prior. */
export const FEW_INSTANTS = 2;

/** Variance around an instant that grows with the distance from it, ns^2. */
export const priorVariance: Quadratic = [0, 0, DRIFT_PRIOR * DRIFT_PRIOR];

/** The first instant that is not nearer to the earlier of two. */
export function middleOf(earlier: bigint, later: bigint): bigint {
  return later - (later - earlier) / 2n;
}
