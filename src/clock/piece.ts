/** A second-degree polynomial of the distance from an instant, in ns^2: v0 + v1 d + v2 d^2, d in ns. */
export type Quadratic = readonly [v0: number, v1: number, v2: number];

/**
 * One straight stretch of a clock map: target = to + d + round(d * drift) with d = t - from, in ns.
 *
 * The stretch is in force from `since` until the next piece's `since`; its anchor (from, to) may lie anywhere.
 */
export interface Piece {
  /** First instant on the from clock at which this piece is in force; the first piece of a map has INT64_MIN. */
  readonly since: bigint;
  readonly from: bigint;
  readonly to: bigint;
  /** Rate of the target against the source, minus one; > -1. */
  readonly drift: number;
  /** Variance of the target time around `from`, ns^2. */
  readonly variance: Quadratic;
  /** Hard bound of the error, ns; Infinity where the evidence gives none. */
  readonly boundNs: number;
}

export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;

/** Beyond this distance from the anchor, or this drift, float64 products can be off by a whole ns. */
export const FAST_DISTANCE_NS = 2n ** 50n;
export const FAST_DRIFT = 0.5;

/** Adding and subtracting 1.5 * 2^52 rounds a float64 below 2^51 to the nearest integer, ties to even. */
const ROUNDING = 6755399441055744;

/** The target time of an instant, not limited to int64; the same integer as the kernel gives. */
export function evaluate(piece: Pick<Piece, "from" | "to" | "drift">, time: bigint): bigint {
  const distance = time - piece.from;
  const { drift } = piece;
  if (drift === 0) return piece.to + distance;
  if (Math.abs(drift) <= FAST_DRIFT && distance < FAST_DISTANCE_NS && distance > -FAST_DISTANCE_NS) {
    return piece.to + distance + BigInt(Number(distance) * drift + ROUNDING - ROUNDING);
  }
  return piece.to + distance + multiplyExactly(distance, drift);
}

/** integer * factor, exact in the float64's own binary digits, rounded to the nearest integer, ties to even. */
export function multiplyExactly(integer: bigint, factor: number): bigint {
  const { mantissa, exponent } = dyadic(factor);
  const product = integer * mantissa;
  if (exponent >= 0) return product << BigInt(exponent);
  const shift = BigInt(-exponent);
  const floor = product >> shift;
  const rest = product - (floor << shift);
  const half = 1n << (shift - 1n);
  const up = rest > half || (rest === half && (floor & 1n) === 1n);
  return up ? floor + 1n : floor;
}

/** A finite float64 as mantissa * 2^exponent. */
function dyadic(value: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const magnitude = biased === 0 ? fraction : fraction | (1n << 52n);
  return { mantissa: bits >> 63n === 1n ? -magnitude : magnitude, exponent: Math.max(biased, 1) - 1075 };
}

/** Position of the piece in force at an instant: the last whose `since` is not later. */
export function findPiece(pieces: readonly Piece[], time: bigint): number {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pieces[middle]!.since <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The variance at an instant, ns^2; float rounding below zero is cut off. */
export function varianceAt(piece: Piece, time: bigint): number {
  const distance = Number(time - piece.from);
  const [v0, v1, v2] = piece.variance;
  return Math.max(0, v0 + distance * (v1 + distance * v2));
}

/** The same polynomial around an origin that is `distance` later. */
export function shiftQuadratic([v0, v1, v2]: Quadratic, distance: number): Quadratic {
  return [v0 + distance * (v1 + distance * v2), v1 + 2 * distance * v2, v2];
}

/** The polynomial of a distance that runs `factor` times as fast. */
export function scaleQuadratic([v0, v1, v2]: Quadratic, factor: number): Quadratic {
  return [v0, v1 * factor, v2 * factor * factor];
}

export function addQuadratics(a: Quadratic, b: Quadratic): Quadratic {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

/**
 * The drift of the straight line between two knots, never steep enough to pass the second one.
 *
 * Rounding the quotient to float64 can only matter where the offset changes by more than 2^52 ns.
 */
export function chordDrift(
  first: { from: bigint; to: bigint },
  second: { from: bigint; to: bigint },
): number {
  const distance = second.from - first.from;
  let drift = Number(second.to - first.to - distance) / Number(distance);
  while (evaluate({ ...first, drift }, second.from) > second.to) drift -= Math.abs(drift) * Number.EPSILON;
  return drift;
}

/**
 * The first instant in [low, high] whose target time is not before `target`; `high` where there is none.
 *
 * `timeOf` must never decrease.
 */
export function firstReaching(
  timeOf: (time: bigint) => bigint,
  target: bigint,
  low: bigint,
  high: bigint,
): bigint {
  while (low < high) {
    const middle = low + (high - low) / 2n;
    if (timeOf(middle) >= target) high = middle;
    else low = middle + 1n;
  }
  return low;
}

export function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

/** The nearest int64. */
export function clampToInt64(value: bigint): bigint {
  return clamp(value, INT64_MIN, INT64_MAX);
}

export function clamp(value: bigint, low: bigint, high: bigint): bigint {
  if (value < low) return low;
  return value > high ? high : value;
}

/** The two instants, the earlier first. */
export function inOrder(a: bigint, b: bigint): [earlier: bigint, later: bigint] {
  return a <= b ? [a, b] : [b, a];
}
