import { type Base, BOUND_DRIFT } from "./curve.ts";
import type { Line } from "./line.ts";
import { addQuadratics, type Piece, shiftQuadratic } from "./piece.ts";
import { middleOf, priorVariance } from "./prior.ts";

/** At most so many pieces show how the bound of one line changes inside its evidence. */
const MOST_BREAKS = 128;
const FARTHEST_S = 2 ** 34;

/**
 * One line as pieces, the same line in all of them.
 *
 * They differ in the hard bound (ns at each knot; Infinity for none), and, where `instants` are given, in which of
 * these the variance grows from by the drift prior: with one or two instants of evidence nothing shows the drift.
 */
export function linePieces(
  base: Base,
  line: Line,
  knots: Float64Array,
  bounds: (knot: number) => number,
  instants: readonly bigint[] | undefined,
): Piece[] {
  const centre = Math.round(line.centre * 1e9);
  const from = base.from + BigInt(centre);
  const offset = line.offset + line.slope * (centre / 1e9 - line.centre);
  const piece: Omit<Piece, "since" | "boundNs"> = {
    from,
    to: from + base.offset + BigInt(Math.round(offset * 1e9)),
    drift: line.slope,
    variance: [line.variance * 1e18, 0, line.slopeVariance],
  };
  const { starts, boundsNs } = stretchesOf(base, knots, bounds);
  const growing = instants ?? [];
  const middles = growing.slice(1).map((instant, i) => middleOf(growing[i]!, instant));
  const all = [...new Set([...starts, ...middles])].sort((a, b) => (a < b ? -1 : 1));
  return all.map((since): Piece => {
    let at = 0;
    while (at + 1 < starts.length && starts[at + 1]! <= since) at++;
    const nearest = growing.filter((_, i) => i === 0 || middles[i - 1]! <= since).at(-1);
    const variance =
      nearest === undefined
        ? piece.variance
        : addQuadratics(piece.variance, shiftQuadratic(priorVariance, Number(from - nearest)));
    return { ...piece, since, variance, boundNs: boundsNs[at]! };
  });
}

/** Where the bound changes, ascending; the first stretch goes on to before all time. */
function stretchesOf(base: Base, knots: Float64Array, bounds: (knot: number) => number) {
  const instant = (time: number) => base.from + BigInt(Math.round(time * 1e9));
  const last = knots.length - 1;
  const starts: bigint[] = [];
  const boundsNs: number[] = [];
  if (bounds(0) === Number.POSITIVE_INFINITY) return { starts: [instant(knots[0]!)], boundsNs: [bounds(0)] };
  const add = (start: number, bound: number) => {
    starts.push(instant(start));
    boundsNs.push(bound);
  };
  const steps: number[] = [];
  for (let far = 1; far <= FARTHEST_S; far *= 4) steps.push(far);
  add(knots[0]! - 2 * FARTHEST_S, Number.POSITIVE_INFINITY);
  for (const far of steps.toReversed()) add(knots[0]! - far, bounds(0) + BOUND_DRIFT * far * 1e9);
  const stride = Math.ceil((last + 1) / MOST_BREAKS);
  for (let k = 0; k < last; k += stride) {
    const end = Math.min(last, k + stride);
    let bound = 0;
    for (let j = k; j < end; j++) {
      const between = (BOUND_DRIFT * (knots[j + 1]! - knots[j]!) * 1e9) / 2;
      bound = Math.max(bound, Math.max(bounds(j), bounds(j + 1)) + between);
    }
    add(knots[k]!, bound);
  }
  for (const [i, far] of [0, ...steps].entries()) {
    const reach = steps[i];
    add(
      knots[last]! + far,
      reach === undefined ? Number.POSITIVE_INFINITY : bounds(last) + BOUND_DRIFT * reach * 1e9,
    );
  }
  return { starts, boundsNs };
}
