import { addQuadratics, INT64_MIN, type Piece, type Quadratic, shiftQuadratic } from "./piece.ts";

/** What a free-running clock may drift beyond what one or two marks can show: 20 ppm, 1 sigma. */
const DRIFT_PRIOR = 20e-6;

/** How many distinct instants of marks leave the drift to the prior. */
export const FEW_INSTANTS = 2;

/** Variance around an instant that grows with the distance from it, ns^2. */
export const priorVariance: Quadratic = [0, 0, DRIFT_PRIOR * DRIFT_PRIOR];

/**
 * One line as a piece for each of one or two instants, parted in the middle, so that the variance of each grows
 * with the distance from its own instant.
 */
export function growFrom(instants: readonly bigint[], line: Omit<Piece, "since">): Piece[] {
  return instants.map((instant, i) => ({
    ...line,
    since: i === 0 ? INT64_MIN : middleOf(instants[i - 1]!, instant),
    variance: addQuadratics(line.variance, shiftQuadratic(priorVariance, Number(line.from - instant))),
  }));
}

/** The first instant that is not nearer to the earlier of two. */
export function middleOf(earlier: bigint, later: bigint): bigint {
  return later - (later - earlier) / 2n;
}
