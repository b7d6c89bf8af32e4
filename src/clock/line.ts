import type { Smoothed, Track } from "./smoother.ts";

/** A straight line around the centre of the measurements; s and s^2, relative to the base of its track. */
export interface Line {
  readonly centre: number;
  readonly offset: number;
  readonly slope: number;
  /** Variance of the offset at the centre, and of the slope. */
  readonly variance: number;
  readonly slopeVariance: number;
}

/** Weighted least squares, centred so that offset and slope do not depend on each other; `level` keeps the slope 0. */
export function lineThrough({ times, offsets, variances }: Track, level: boolean): Line {
  const n = times.length;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < n; i++) least = Math.min(least, variances[i]!);
  let [weight, centre] = [0, 0];
  for (let i = 0; i < n; i++) {
    const share = least / variances[i]!;
    weight += share;
    centre += share * (times[i]! - times[0]!);
  }
  centre = times[0]! + centre / weight;
  let [spread, product, sum] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const share = least / variances[i]!;
    const distance = times[i]! - centre;
    const value = offsets[i]! - offsets[0]!;
    spread += share * distance * distance;
    product += share * distance * value;
    sum += share * value;
  }
  const sloped = !level && spread > 0;
  return {
    centre,
    offset: offsets[0]! + sum / weight,
    slope: sloped ? product / spread : 0,
    variance: least / weight,
    slopeVariance: sloped ? least / spread : 0,
  };
}

/** The line as states at each measurement. */
export function lineStates({ times }: Track, line: Line): Smoothed {
  const n = times.length;
  const smoothed: Smoothed = {
    offsets: new Float64Array(n),
    drifts: new Float64Array(n).fill(line.slope),
    p00: new Float64Array(n),
    p01: new Float64Array(n),
    p11: new Float64Array(n).fill(line.slopeVariance),
    wander: { q0: 0, q1: 0 },
  };
  for (let i = 0; i < n; i++) {
    const distance = times[i]! - line.centre;
    smoothed.offsets[i] = line.offset + line.slope * distance;
    smoothed.p00[i] = line.variance + distance * distance * line.slopeVariance;
    smoothed.p01[i] = distance * line.slopeVariance;
  }
  return smoothed;
}
