import { robustSigma } from "../statistics.ts";
import { type Curve, highest, topOf } from "./curves.ts";

/** How far clocks may drift apart: 1000 ppm. */
const DRIFT = 1e-3;

const MOST_DRIFTS = 801;

/** The lag and drift at which all curves together are highest: lag + drift (centre - middle), s. */
export interface Line {
  readonly lag: number;
  readonly drift: number;
  readonly middle: number;
  /** 1, or -1 where one signal is high when the other is low. */
  readonly sign: 1 | -1;
  readonly correlation: number;
  /** Height above the noise of lags that mean nothing, in sigmas. */
  readonly clarity: number;
  /** Half the width of the peak, s. */
  readonly width: number;
  /** The next best lag outside the peak, s, and its height as a share of the peak's. */
  readonly rival?: { readonly lag: number; readonly share: number };
  /** True where the peak lies so near the largest lag that its other side is not seen. */
  readonly isAtEdge: boolean;
}

/**
 * The line that all curves support best; they have the same first lag and step.
 *
 * `width` is half the width of a peak, s; `signs` are those that may be.
 */
export function bestLine(
  curves: readonly Curve[],
  width: number,
  signs: readonly (1 | -1)[],
): Line | undefined {
  const { step, firstLag } = curves[0]!;
  const lags = curves[0]!.correlations.length;
  const middle = curves.reduce((sum, { centre }) => sum + centre, 0) / curves.length;
  const span = Math.max(...curves.map(({ centre }) => Math.abs(centre - middle)));
  const perSide = Math.min((MOST_DRIFTS - 1) / 2, Math.ceil((DRIFT * span) / Math.max(step, width / 2)));
  const profiles = new Map(signs.map((sign) => [sign, new Float64Array(lags).fill(-1)]));
  let best: { row: Float64Array; sign: 1 | -1; peak: number; drift: number } | undefined;
  for (let at = 0; at <= 2 * perSide; at++) {
    // The straightest first: of equal ones the smaller drift is taken.
    const turn = Math.ceil(at / 2) * (at % 2 === 0 ? 1 : -1);
    const drift = perSide === 0 ? 0 : (DRIFT * turn) / perSide;
    const row = meanAlong(curves, middle, drift);
    for (const sign of signs) {
      const profile = profiles.get(sign)!;
      for (let k = 0; k < lags; k++) if (sign * row[k]! > profile[k]!) profile[k] = sign * row[k]!;
      const peak = highest(row, sign, 0, lags - 1);
      if (peak >= 0 && (best === undefined || sign * row[peak]! > best.sign * best.row[best.peak]!))
        best = { row, sign, peak, drift };
    }
  }
  if (best === undefined) return undefined;
  const { row, sign, peak, drift } = best;
  const correlation = sign * row[peak]!;
  const lobe = lobeAround(profiles.get(sign)!, peak);
  const outside = Array.from(row).filter((_, k) => k < lobe.low || k > lobe.high);
  const span2 = curves.reduce((sum, { start, end }) => sum + end - start, 0);
  // Few lags that differ show no noise: so many independent pairs as there are peaks' widths cannot show less.
  const noise = Math.max(
    robustSigma(outside.filter((value) => !Number.isNaN(value))),
    Math.sqrt(width / span2),
  );
  const rival = rivalOf(profiles, sign, peak, lobe, correlation);
  const near = Math.max(2, Math.min(lobe.high - lobe.low, 0.04 * lags) / 2);
  return {
    lag: firstLag + step * (topOf(row, sign, peak)?.place ?? peak),
    drift,
    middle,
    sign,
    correlation,
    // Fisher's transformation, under which a correlation is as uncertain wherever it lies.
    clarity: Math.atanh(Math.max(-0.9999, Math.min(correlation, 0.9999))) / noise,
    width: Math.max(2 * step, (step * (lobe.high - lobe.low)) / 2),
    ...(rival === undefined
      ? {}
      : { rival: { lag: firstLag + step * rival.lag, share: rival.height / correlation } }),
    isAtEdge: peak < near || peak > lags - 1 - near,
  };
}

/** The mean of all curves at every lag along a drift; NaN where less than half of them know it. */
function meanAlong(curves: readonly Curve[], middle: number, drift: number): Float64Array {
  const lags = curves[0]!.correlations.length;
  const [sums, counts] = [new Float64Array(lags), new Uint16Array(lags)];
  for (const { correlations, centre, step } of curves) {
    const shift = Math.round((drift * (centre - middle)) / step);
    const [low, high] = [Math.max(0, -shift), Math.min(lags, lags - shift)];
    for (let k = low; k < high; k++) {
      const value = correlations[k + shift]!;
      if (Number.isNaN(value)) continue;
      sums[k]! += value;
      counts[k]! += 1;
    }
  }
  return sums.map((sum, k) => (2 * counts[k]! >= curves.length ? sum / counts[k]! : Number.NaN));
}

/** The lags around a peak where the values are above half of it. */
function lobeAround(values: Float64Array, peak: number): { low: number; high: number } {
  let [low, high] = [peak, peak];
  while (low > 0 && values[low - 1]! > 0.5 * values[peak]!) low--;
  while (high < values.length - 1 && values[high + 1]! > 0.5 * values[peak]!) high++;
  return { low, high };
}

function rivalOf(
  profiles: ReadonlyMap<1 | -1, Float64Array>,
  own: 1 | -1,
  peak: number,
  lobe: { low: number; high: number },
  height: number,
): { lag: number; height: number } | undefined {
  let best: { lag: number; height: number } | undefined;
  for (const [sign, profile] of profiles) {
    const around = sign === own ? lobe : { low: peak + 1, high: peak };
    for (const [low, high] of [
      [0, around.low - 1],
      [around.high + 1, profile.length - 1],
    ] as const) {
      const lag = highest(profile, 1, low, high);
      if (lag >= 0 && profile[lag]! > (best?.height ?? 0)) best = { lag, height: profile[lag]! };
    }
  }
  return best !== undefined && best.height > 0 && height > 0 ? best : undefined;
}
