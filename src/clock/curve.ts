import { chordDrift, type Piece, type Quadratic } from "./piece.ts";
import type { Smoothed } from "./smoother.ts";

/** A chord may leave the curve by this share of the curve's own sigma, or by some ns. */
const CHORD_SHARE = 0.03;
const CHORD_NS = 2;
const MOST_CHORDS = 64;
const MOST_KNOTS = 16;

/** Beyond the ends, pieces grow by this factor, so that a quadratic each follows how the variance grows. */
const GROWTH = 4;
const FARTHEST_S = 2 ** 34;

/** The instant and offset that times and offsets of a track are relative to. */
export interface Base {
  readonly from: bigint;
  readonly offset: bigint;
}

/** How far the hard bound widens with the distance from the measurements that it comes from: 100 ppm. */
export const BOUND_DRIFT = 100e-6;

/**
 * A smoothed clock as straight pieces: chords of the cubic Hermite curve through offsets and drifts at the knots.
 *
 * Between knots, the variance is that of the curve's ends and of the bridge that the wander may have taken; beyond
 * them the end slopes go on, and the variance grows as the wander lets it. `boundsNs` is the hard bound at each knot.
 * Pieces ascend and never run backwards.
 */
export function piecesOf(
  base: Base,
  times: Float64Array,
  smoothed: Smoothed,
  boundsNs: (knot: number) => number,
): Piece[] {
  const pieces: Piece[] = [];
  const last = times.length - 1;
  let anchor = anchorAt(base, times[0]!, smoothed.offsets[0]!);
  pieces.push(...outward(anchor, times, smoothed, 0, boundsNs(0)));
  for (let i = 0; i < last; ) {
    let j = i + 1;
    while (j < last && j - i < MOST_KNOTS && isStraight(times, smoothed, i, j + 1)) j++;
    let bound = boundsNs(i);
    for (let k = i + 1; k <= j; k++) bound = Math.max(bound, boundsNs(k));
    anchor =
      j === i + 1
        ? addChords(pieces, base, anchor, times, smoothed, i, bound)
        : addLong(pieces, base, anchor, times, smoothed, [i, j], bound);
    i = j;
  }
  if (last > 0) pieces.push(...outward(anchor, times, smoothed, last, boundsNs(last)));
  return pieces;
}

/** Whether the curve from one knot to a later one leaves their chord by no more than may be. */
function isStraight(times: Float64Array, { offsets, drifts, p00 }: Smoothed, i: number, j: number): boolean {
  const tolerance = Math.max(CHORD_NS * 1e-9, CHORD_SHARE * Math.sqrt(Math.min(p00[i]!, p00[j]!)));
  const slope = (offsets[j]! - offsets[i]!) / (times[j]! - times[i]!);
  for (let k = i; k < j; k++) {
    const off = Math.abs(offsets[k]! - offsets[i]! - slope * (times[k]! - times[i]!));
    const bend =
      0.15 * (times[k + 1]! - times[k]!) * (Math.abs(drifts[k]! - slope) + Math.abs(drifts[k + 1]! - slope));
    if (off + bend > tolerance) return false;
  }
  return true;
}

/** One chord over several knots. */
function addLong(
  pieces: Piece[],
  base: Base,
  anchor: Anchor,
  times: Float64Array,
  { offsets, p00, wander }: Smoothed,
  [i, j]: readonly [number, number],
  bound: number,
): Anchor {
  const middle = (i + j) >> 1;
  const h = times[j]! - times[i]!;
  const gap = h / (j - i);
  const between = p00[middle]! + (wander.q0 * gap) / 4 + (wander.q1 * gap ** 3) / 48;
  return push(pieces, anchor, anchorAt(base, times[j]!, offsets[j]!), {
    variance: throughThree(p00[i]!, between, p00[j]!, h),
    boundNs: bound + (BOUND_DRIFT * gap * 1e9) / 2,
  });
}

/** Adds the chord between two anchors, which never runs backwards; returns its end. */
function push(
  pieces: Piece[],
  start: Anchor,
  given: Anchor,
  { variance, boundNs }: Pick<Piece, "variance" | "boundNs">,
): Anchor {
  if (given.from === start.from) return start;
  const end = given.to > start.to ? given : { from: given.from, to: start.to + 1n };
  const drift = chordDrift(start, end);
  pieces.push({ since: start.from, ...start, drift, variance: inNs(variance), boundNs });
  return end;
}

interface Anchor {
  readonly from: bigint;
  readonly to: bigint;
}

function anchorAt(base: Base, time: number, offset: number): Anchor {
  const from = base.from + BigInt(Math.round(time * 1e9));
  return { from, to: from + base.offset + BigInt(Math.round(offset * 1e9)) };
}

/** The chords from one knot to the next; returns where the last one ends. */
function addChords(
  pieces: Piece[],
  base: Base,
  start: Anchor,
  times: Float64Array,
  { offsets, drifts, p00, p01, p11, wander }: Smoothed,
  i: number,
  bound: number,
): Anchor {
  const h = times[i + 1]! - times[i]!;
  const x0 = offsets[i]!;
  const rise = offsets[i + 1]! - x0;
  const bend0 = drifts[i]! * h - rise;
  const bend1 = drifts[i + 1]! * h - rise;
  const straight = wander.q0 === 0 && wander.q1 === 0;
  const sigma = Math.sqrt(Math.min(p00[i]!, p00[i + 1]!));
  const tolerance = Math.max(CHORD_NS * 1e-9, CHORD_SHARE * sigma);
  const leave = straight ? 0 : 0.15 * (Math.abs(bend0) + Math.abs(bend1));
  const chords = Math.min(MOST_CHORDS, Math.max(1, Math.ceil(Math.sqrt(leave / tolerance))));
  const bridge = straight ? undefined : bridgeOf(h, p00, p01, p11, i, wander);
  let anchor = start;
  for (let k = 1; k <= chords; k++) {
    const u = k / chords;
    const offset = x0 + rise * u + u * (1 - u) * (bend0 * (1 - u) - bend1 * u);
    const shift = ((k - 1) / chords) * h;
    const variance: Quadratic =
      bridge === undefined
        ? [p00[i]! + shift * (2 * p01[i]! + shift * p11[i]!), 2 * (p01[i]! + shift * p11[i]!), p11[i]!]
        : [bridge[0] + shift * (bridge[1] + shift * bridge[2]), bridge[1] + 2 * shift * bridge[2], bridge[2]];
    anchor = push(pieces, anchor, anchorAt(base, times[i]! + h * u, offset), {
      variance,
      boundNs: bound + (BOUND_DRIFT * h * 1e9) / 2,
    });
  }
  return anchor;
}

/**
 * The variance between two knots as a quadratic of the distance from the first, through both ends and the middle.
 *
 * The middle of a cubic is the mean of its ends and h/8 of the difference of its slopes, which the wander limits to
 * q1 h; the bridge of an integrated random walk adds q1 h^3/192 there, that of white frequency q0 h/4.
 */
function bridgeOf(
  h: number,
  p00: Float64Array,
  p01: Float64Array,
  p11: Float64Array,
  i: number,
  { q0, q1 }: { q0: number; q1: number },
): Quadratic {
  const a = p00[i]!;
  const c = p00[i + 1]!;
  const slopes = Math.min(p11[i]! + p11[i + 1]!, q1 * h);
  const lean = Math.max(-0.25 * (a + c), Math.min(0, (h / 8) * (p01[i]! - p01[i + 1]!)));
  const middle = (a + c) / 2 + lean + (h * h * slopes) / 64 + (q0 * h) / 4 + (q1 * h ** 3) / 192;
  return throughThree(a, middle, c, h);
}

function throughThree(start: number, middle: number, end: number, h: number): Quadratic {
  const v2 = (2 * (start + end - 2 * middle)) / (h * h);
  return [start, (end - start) / h - v2 * h, v2];
}

/** Pieces from an end of the curve outward, in the order of time. */
function outward(
  anchor: Anchor,
  times: Float64Array,
  { drifts, p00, p01, p11, wander }: Smoothed,
  knot: number,
  bound: number,
): Piece[] {
  const after = knot > 0;
  const sign = after ? 1 : -1;
  const a = p00[knot]!;
  const b = sign * p01[knot]!;
  const c = p11[knot]!;
  const { q0, q1 } = wander;
  const at = (d: number) => a + d * (2 * b + d * c + q0 + (q1 * d * d) / 3);
  const drift = drifts[knot]!;
  const pieces: Piece[] = [];
  const spacing = times.length > 1 ? (times.at(-1)! - times[0]!) / (times.length - 1) : 1;
  const single = q1 === 0 && q0 === 0 && bound === Number.POSITIVE_INFINITY;
  for (let near = 0, far = Math.max(1, spacing); ; near = far, far *= GROWTH) {
    const endless = single || far > FARTHEST_S;
    const [v0, v1, v2] = throughThree(at(near), at((near + far) / 2), at(far), far - near);
    // Around the anchor, with the distance counted from there.
    const centred: Quadratic = single
      ? [a, 2 * b, c]
      : [v0 - near * (v1 - near * v2), v1 - 2 * near * v2, v2];
    const limit = BigInt(Math.round((after ? near : far) * 1e9));
    pieces.push({
      since: after ? anchor.from + limit : anchor.from - limit,
      ...anchor,
      drift,
      variance: inNs([centred[0], sign * centred[1], centred[2]]),
      boundNs: endless ? Number.POSITIVE_INFINITY : bound + BOUND_DRIFT * far * 1e9,
    });
    if (endless) break;
  }
  return after ? pieces : pieces.reverse();
}

/** A variance in s^2 of a distance in s as one in ns^2 of a distance in ns. */
function inNs([v0, v1, v2]: Quadratic): Quadratic {
  return [v0 * 1e18, v1 * 1e9, v2];
}
