import { robustSigma } from "../statistics.ts";
import { Correlator, type Series } from "./correlate.ts";
import { binned, type Feature, type Grid, memoryOf, movingMean, type Track } from "./signal.ts";

/** The two signals and what of each is compared. */
export interface Comparison {
  readonly from: Track;
  readonly to: Track;
  readonly features: readonly [Feature, Feature];
  /** Values lose their mean over so long, s: what wanders slower says little about the lag. */
  readonly wander: number;
  /** A change is spread over so long, s: beside values it shows as what they do around it. */
  readonly spread: number;
}

/** A stretch of the signal on the clock from, s since the base. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** How well a stretch fits the other signal at every lag. */
export interface Curve extends Stretch {
  /** Where the stretch tells most about the lag, s. */
  readonly centre: number;
  /** Correlation at `firstLag + k step`; NaN where too little is known. */
  readonly correlations: Float32Array;
  readonly firstLag: number;
  readonly step: number;
  /** One sigma of the correlations of lags that mean nothing. */
  readonly noise: number;
}

/** Correlates stretches with the other signal, each at lags within `reach` of its own middle lag; all in s. */
export function curvesOf(
  comparison: Comparison,
  stretches: readonly Stretch[],
  lagOf: (stretch: Stretch) => number,
  reach: number,
  step: number,
): Curve[] {
  const lags = Math.ceil(reach / step);
  const longest = Math.max(...stretches.map(({ start, end }) => Math.round((end - start) / step)));
  const correlator = new Correlator(longest + 2 * lags);
  return stretches.map((stretch) => {
    const length = Math.round((stretch.end - stretch.start) / step);
    const firstLag = lagOf(stretch) - lags * step;
    const template = cutOut(comparison, 0, { start: stretch.start, step, length });
    const window = { start: stretch.start + firstLag, step, length: length + 2 * lags };
    const correlations = correlator.correlate(template, cutOut(comparison, 1, window));
    return {
      ...stretch,
      centre: stretch.start + step * centreOf(template),
      correlations,
      firstLag,
      step,
      noise: robustSigma(Array.from(correlations).filter((value) => !Number.isNaN(value))),
    };
  });
}

/** Changes spread over their time, or values without what wanders, on a grid. */
function cutOut({ from, to, features, wander, spread }: Comparison, side: 0 | 1, grid: Grid): Series {
  const feature = features[side];
  const width = Math.round((feature === "change" ? spread : wander) / grid.step);
  const pad = Math.ceil(width / 2) + 1;
  const wide = { ...grid, start: grid.start - pad * grid.step, length: grid.length + 2 * pad };
  const series = binned(side === 0 ? from : to, feature, wide);
  const mean = movingMean(series, width);
  const values = feature === "change" ? mean : series.values.map((value, i) => value - mean[i]!);
  const end = pad + grid.length;
  return { values: values.subarray(pad, end), known: series.known.subarray(pad, end) };
}

/** How long the signals are like themselves, s: half the width of the peak to expect. */
export function memoryIn(comparison: Comparison, { start, end }: Stretch, step: number): number {
  const { to, features } = comparison;
  // Of a switch the values or their changes are free of noise; beside changes it is the other that has a width.
  const side = features[0] === "change" || (features[1] === "level" && to.isState) ? 1 : 0;
  const first = side === 0 ? start : Math.max(start, to.times[0]!);
  const length = Math.max(
    2,
    Math.floor(((side === 0 ? end : Math.min(end, to.times.at(-1)!)) - first) / step),
  );
  return step * memoryOf(cutOut(comparison, side, { start: first, step, length }));
}

/** The mean place of a template's steepness: where it changes the most it says most about the lag. */
function centreOf({ values, known }: Series): number {
  let [sum, weight] = [0, 0];
  for (let i = 1; i < values.length; i++) {
    if (known[i] === 0 || known[i - 1] === 0) continue;
    const steepness = (values[i]! - values[i - 1]!) ** 2;
    sum += steepness * i;
    weight += steepness;
  }
  return weight > 0 ? sum / weight : values.length / 2;
}

/**
 * One sigma of the lag at which a stretch fits best, s, from what is left of the fit there.
 *
 * The smoother signal x is the model of the other, y = a x(t + d) + e; then d is known to
 * sum(x' e) / (a sum x'^2), whose variance is taken from the sums over blocks as long as the signals remember.
 */
export function scatterAt(
  comparison: Comparison,
  { start, end }: Stretch,
  lag: number,
  step: number,
  block: number,
): number {
  const length = Math.round((end - start) / step);
  const sides = [
    cutOut(comparison, 0, { start, step, length }),
    cutOut(comparison, 1, { start: start + lag, step, length }),
  ] as const;
  const [x, y] = steepness(sides[0]) < steepness(sides[1]) ? sides : [sides[1], sides[0]];
  const isKnown = (i: number) => x.known[i] === 1 && y.known[i] === 1;
  const means = [0, 0];
  let n = 0;
  for (let i = 0; i < length; i++) {
    if (!isKnown(i)) continue;
    means[0]! += x.values[i]!;
    means[1]! += y.values[i]!;
    n++;
  }
  const [mx, my] = [means[0]! / n, means[1]! / n];
  let [xx, xy] = [0, 0];
  for (let i = 0; i < length; i++) {
    if (!isKnown(i)) continue;
    xx += (x.values[i]! - mx) ** 2;
    xy += (x.values[i]! - mx) * (y.values[i]! - my);
  }
  const a = xy / xx;
  const perBlock = Math.max(1, Math.round(block / step));
  let [sum, squares, slopes] = [0, 0, 0];
  for (let i = 1; i + 1 < length; i++) {
    if (isKnown(i - 1) && isKnown(i) && isKnown(i + 1)) {
      const slope = (x.values[i + 1]! - x.values[i - 1]!) / (2 * step);
      sum += slope * (y.values[i]! - my - a * (x.values[i]! - mx));
      slopes += slope * slope;
    }
    if (i % perBlock !== 0 && i + 2 < length) continue;
    squares += sum * sum;
    sum = 0;
  }
  return Math.sqrt(squares) / Math.abs(a * slopes);
}

/** How much of a series' variance lies between neighbours: 2 for noise, 0 for a smooth one. */
function steepness({ values, known }: Series): number {
  let [steps, squares] = [0, 0];
  for (let i = 1; i < values.length; i++) {
    if (known[i] === 0 || known[i - 1] === 0) continue;
    steps += (values[i]! - values[i - 1]!) ** 2;
    squares += values[i]! ** 2;
  }
  return steps / squares;
}

/** Position of the greatest value (of `sign` times it) within [low, high]; -1 where none is known. */
export function highest(values: ArrayLike<number>, sign: number, low: number, high: number): number {
  let best = -1;
  for (let k = Math.max(0, low); k <= Math.min(values.length - 1, high); k++) {
    if (Number.isNaN(values[k]!)) continue;
    if (best < 0 || sign * values[k]! > sign * values[best]!) best = k;
  }
  return best;
}

/** The top of a peak by a parabola through the values around it, least squares: its place and height. */
export function topOf(
  values: ArrayLike<number>,
  sign: number,
  peak: number,
): { place: number; height: number } | undefined {
  const height = sign * values[peak]!;
  let half = 1;
  const isTop = (k: number) => sign * (values[k] ?? Number.NaN) > 0.85 * height;
  while (half < 50 && isTop(peak - half - 1) && isTop(peak + half + 1)) half++;
  let [s2, s4, y0, y1, y2] = [0, 0, 0, 0, 0];
  for (let d = -half; d <= half; d++) {
    const value = sign * (values[peak + d] ?? Number.NaN);
    s2 += d * d;
    s4 += d ** 4;
    y0 += value;
    y1 += d * value;
    y2 += d * d * value;
  }
  const n = 2 * half + 1;
  const bend = (n * y2 - s2 * y0) / (n * s4 - s2 * s2);
  if (!(bend < 0)) return undefined;
  const shift = -y1 / s2 / (2 * bend);
  if (Math.abs(shift) > half + 0.5) return undefined;
  return { place: peak + shift, height };
}
