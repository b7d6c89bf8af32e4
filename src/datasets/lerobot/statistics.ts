import type { EpisodeFrames, FeatureValues } from "../../episodes/index.ts";
import type { ImageStatistics } from "../../video/index.ts";
import type { DataColumn } from "./columns.ts";

/** Of q01, q10, q50, q90 and q99. */
const quantileShares = [0.01, 0.1, 0.5, 0.9, 0.99] as const;

export type QuantileName = "q01" | "q10" | "q50" | "q90" | "q99";

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

/** Every `size`-th value from the first. */
function dimension(values: FeatureValues, size: number, first: number): Float64Array {
  const own = new Float64Array(values.length / size);
  if (values instanceof BigInt64Array) {
    // Of its two halves, because a BigInt would be made for every value; the sum is rounded once, as Number rounds.
    const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
    for (let row = 0, at = first * 2; row < own.length; row += 1, at += size * 2)
      own[row] = halves[at + 1]! * 2 ** 32 + (halves[at]! >>> 0);
  } else for (let row = 0, at = first; row < own.length; row += 1, at += size) own[row] = values[at]!;
  return own;
}

function dimensionStatistics(values: Float64Array) {
  let [min, max] = [values[0]!, values[0]!];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  // Taken from the least value, because sums of instants in ns lose digits.
  let sum = 0;
  for (const value of values) sum += value - min;
  const above = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - min - above) ** 2;
  const mean = min + above;
  const [q01, q10, q50, q90, q99] =
    values.length < 2 ? quantileShares.map(() => mean) : quantilesOf(values, min, max);
  return {
    min,
    max,
    mean,
    std: Math.sqrt(squares / values.length),
    q01: q01!,
    q10: q10!,
    q50: q50!,
    q90: q90!,
    q99: q99!,
  };
}

const histogramBins = 5000;
const histogramMargin = 1e-10;
const histogram = new Uint32Array(histogramBins);

/** As LeRobot's histogram of 5000 bins between the extremes has it: within a bin as far as the rank is through its values. */
function quantilesOf(values: Float64Array, min: number, max: number): number[] {
  const low = min - histogramMargin;
  const width = (max + histogramMargin - low) / histogramBins;
  if (!(width > 0) || !Number.isFinite(width)) return quantileShares.map(() => min);
  histogram.fill(0);
  for (const value of values) histogram[Math.min(histogramBins - 1, Math.floor((value - low) / width))]! += 1;
  let bin = 0;
  let before = 0;
  return quantileShares.map((share) => {
    const rank = share * values.length;
    const reached = Math.max(1, Math.ceil(rank));
    while (before + histogram[bin]! < reached) before += histogram[bin++]!;
    return bin === 0 ? low : low + width * (bin + (rank - before) / histogram[bin]!);
  });
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
