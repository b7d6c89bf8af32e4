import type { EpisodeFrames, FeatureValues } from "../../episodes/index.ts";
import type { ImageStatistics } from "../../video/index.ts";
import type { DataColumn } from "./columns.ts";

const quantileShares = { q01: 0.01, q10: 0.1, q50: 0.5, q90: 0.9, q99: 0.99 } as const;

export type QuantileName = keyof typeof quantileShares;

/** Names in the order that they are written in. */
export const statisticNames = [
  "min",
  "max",
  "mean",
  "std",
  "count",
  "q01",
  "q10",
  "q50",
  "q90",
  "q99",
] as const;

/** Of one feature: a number for each of its values (a picture's channels: red, green, blue), and how many frames. */
export type Statistics = {
  readonly [name in Exclude<(typeof statisticNames)[number], "count">]: readonly number[];
} & {
  readonly count: number;
};

/** By feature. */
export type EpisodeStatistics = { readonly [feature: string]: Statistics };

/** Statistics of an episode's numbers; texts have none. */
export function episodeStatistics(columns: readonly DataColumn[], frames: EpisodeFrames): EpisodeStatistics {
  const numeric = columns.filter(({ dtype }) => dtype !== "string");
  return Object.fromEntries(
    numeric.map((column) => [column.name, statisticsOf(column.values(frames) as FeatureValues, column.size)]),
  );
}

/** The mean and deviation are those of the population, in two passes, so that instants in ns keep theirs. */
function statisticsOf(values: FeatureValues, size: number): Statistics {
  const count = values.length / size;
  const of = Array.from({ length: size }, (_, at) => dimensionStatistics(dimension(values, size, at)));
  const each = (name: Exclude<(typeof statisticNames)[number], "count">) => of.map((one) => one[name]);
  return {
    min: each("min"),
    max: each("max"),
    mean: each("mean"),
    std: each("std"),
    count,
    q01: each("q01"),
    q10: each("q10"),
    q50: each("q50"),
    q90: each("q90"),
    q99: each("q99"),
  };
}

function dimension(values: FeatureValues, size: number, at: number): Float64Array {
  return Float64Array.from({ length: values.length / size }, (_, row) => Number(values[row * size + at]));
}

function dimensionStatistics(values: Float64Array) {
  const sorted = values.sort();
  const [min, max] = [sorted[0]!, sorted[sorted.length - 1]!];
  // Taken from the least value, because sums of instants in ns lose digits.
  let sum = 0;
  for (const value of sorted) sum += value - min;
  const above = sum / sorted.length;
  let squares = 0;
  for (const value of sorted) squares += (value - min - above) ** 2;
  const quantile = (share: number) => (sorted.length < 2 ? min + above : histogramQuantile(sorted, share));
  return {
    min,
    max,
    mean: min + above,
    std: Math.sqrt(squares / sorted.length),
    q01: quantile(quantileShares.q01),
    q10: quantile(quantileShares.q10),
    q50: quantile(quantileShares.q50),
    q90: quantile(quantileShares.q90),
    q99: quantile(quantileShares.q99),
  };
}

const histogramBins = 5000;
const histogramMargin = 1e-10;

/** As LeRobot's histogram of 5000 bins between the extremes has it: within a bin as far as the rank is through its values. */
function histogramQuantile(sorted: Float64Array, share: number): number {
  const low = sorted[0]! - histogramMargin;
  const width = (sorted[sorted.length - 1]! + histogramMargin - low) / histogramBins;
  if (!(width > 0) || !Number.isFinite(width)) return sorted[0]!;
  const binOf = (value: number) => Math.min(histogramBins - 1, Math.floor((value - low) / width));
  const rank = share * sorted.length;
  const bin = binOf(sorted[Math.max(0, Math.ceil(rank) - 1)]!);
  if (bin === 0) return low;
  const before = firstWhere(sorted, (value) => binOf(value) >= bin);
  const end = firstWhere(sorted, (value) => binOf(value) > bin);
  return low + width * (bin + (rank - before) / (end - before));
}

/** Place of the first value that a condition holds for, from which on it holds for all. */
function firstWhere(sorted: Float64Array, holds: (value: number) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(sorted[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function pictureStatistics({ count, ...values }: ImageStatistics): Statistics {
  return { ...values, count };
}

/** Of all episodes together: quantiles are the means of theirs, weighted by frames, as LeRobot joins them. */
export function joinStatistics(parts: readonly Statistics[]): Statistics {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const size = parts[0]!.mean.length;
  const each = (of: (at: number) => number) => Array.from({ length: size }, (_, at) => of(at));
  const weighted = (of: (part: Statistics) => number) =>
    parts.reduce((sum, part) => sum + of(part) * (part.count / count), 0);
  const mean = each((at) => weighted((part) => part.mean[at]!));
  const quantile = (name: QuantileName) => each((at) => weighted((part) => part[name][at]!));
  return {
    min: each((at) => parts.reduce((least, part) => Math.min(least, part.min[at]!), Infinity)),
    max: each((at) => parts.reduce((most, part) => Math.max(most, part.max[at]!), -Infinity)),
    mean,
    std: each((at) => Math.sqrt(weighted((part) => part.std[at]! ** 2 + (part.mean[at]! - mean[at]!) ** 2))),
    count,
    q01: quantile("q01"),
    q10: quantile("q10"),
    q50: quantile("q50"),
    q90: quantile("q90"),
    q99: quantile("q99"),
  };
}
