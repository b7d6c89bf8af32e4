/** Statistics of one feature, one number a dimension (images: a channel), in the order of the flattened value. */
export interface Statistics {
  count: number;
  min: number[];
  max: number[];
  mean: number[];
  /** Of the population. */
  std: number[];
  /** By their names, such as `q01`. */
  quantiles: Map<string, number[]>;
}

/** The shares whose quantiles LeRobot v3.0 keeps. */
export const quantileShares = [
  ["q01", 0.01],
  ["q10", 0.1],
  ["q50", 0.5],
  ["q90", 0.9],
  ["q99", 0.99],
] as const;

const bins = 5000;
const binMargin = 1e-10;

/** Values of one feature over one episode, taken as vectors of `size` numbers. */
export interface FeatureValues {
  values: Float64Array;
  size: number;
  frames: number;
}

/** Statistics of one episode, with the quantiles of LeRobot's histogram of 5000 bins between min and max. */
export function episodeStatistics({ values, size, frames }: FeatureValues): Statistics {
  const count = values.length / size;
  const one: Statistics = { count: frames, min: [], max: [], mean: [], std: [], quantiles: new Map() };
  for (const [name] of quantileShares) one.quantiles.set(name, []);
  for (let dimension = 0; dimension < size; dimension += 1) {
    const column = columnOf(values, size, dimension);
    let sum = 0;
    for (const value of column) sum += value;
    const mean = sum / count;
    let squares = 0;
    for (const value of column) squares += (value - mean) ** 2;
    const sorted = column.sort();
    const least = sorted[0] as number;
    const greatest = sorted[count - 1] as number;
    one.min.push(least);
    one.max.push(greatest);
    one.mean.push(mean);
    one.std.push(Math.sqrt(squares / count));
    for (const [name, share] of quantileShares)
      one.quantiles.get(name)?.push(count < 2 ? mean : histogramQuantile(sorted, share));
  }
  return one;
}

function columnOf(values: Float64Array, size: number, dimension: number): Float64Array {
  const count = values.length / size;
  const column = new Float64Array(count);
  for (let frame = 0; frame < count; frame += 1) column[frame] = values[frame * size + dimension] as number;
  return column;
}

/** Within the bin of the value at that rank, as far as the rank is through the bin's values. */
function histogramQuantile(sorted: Float64Array, share: number): number {
  const low = (sorted[0] as number) - binMargin;
  const high = (sorted[sorted.length - 1] as number) + binMargin;
  const width = (high - low) / bins;
  // Without a width, or with numbers that swallow the margin, every value is in one bin.
  if (!(width > 0) || !Number.isFinite(width)) return sorted[0] as number;
  const rank = share * sorted.length;
  const binOf = (value: number) => Math.min(bins - 1, Math.max(0, Math.floor((value - low) / width)));
  const bin = binOf(sorted[Math.max(0, Math.ceil(rank) - 1)] as number);
  if (bin === 0) return low;
  let before = 0;
  while (before < sorted.length && binOf(sorted[before] as number) < bin) before += 1;
  let end = before;
  while (end < sorted.length && binOf(sorted[end] as number) === bin) end += 1;
  return low + width * (bin + (rank - before) / (end - before));
}

/** Statistics of all episodes: quantiles are the means of theirs, weighted by their frames. */
export function mergeStatistics(episodes: readonly Statistics[]): Statistics {
  const size = episodes[0]?.min.length ?? 0;
  const count = episodes.reduce((sum, one) => sum + one.count, 0);
  const weighted = (termOf: (one: Statistics) => number) =>
    episodes.reduce((sum, one) => sum + termOf(one) * one.count, 0) / count;
  const dimensions = Array.from({ length: size }, (_, dimension) => dimension);
  const mean = dimensions.map((at) => weighted((one) => one.mean[at] as number));
  return {
    count,
    min: dimensions.map((at) =>
      episodes.reduce((least, one) => Math.min(least, one.min[at] as number), Infinity),
    ),
    max: dimensions.map((at) =>
      episodes.reduce((most, one) => Math.max(most, one.max[at] as number), -Infinity),
    ),
    mean,
    std: dimensions.map((at) =>
      Math.sqrt(
        weighted(
          (one) => (one.std[at] as number) ** 2 + ((one.mean[at] as number) - (mean[at] as number)) ** 2,
        ),
      ),
    ),
    quantiles: new Map(
      quantileShares.map(([name]) => [
        name,
        dimensions.map((at) => weighted((one) => one.quantiles.get(name)?.[at] as number)),
      ]),
    ),
  };
}

/**
 * What of the given statistics cannot be, or undefined.
 *
 * Official writers sum in float32 and draw quantiles from histograms, so numbers need not be equal: extremes must agree
 * to float32, mean and variance to what summing `count` float32 values loses, and a quantile must lie within one
 * histogram bin of the values around its rank.
 *
 * @param ranges least and greatest that each quantile may be, a dimension
 */
export function statisticsProblem(
  given: Statistics,
  truth: Statistics,
  ranges: ReadonlyMap<string, readonly (readonly [number, number])[]>,
): string | undefined {
  if (given.count !== truth.count) return `count is ${given.count}, not ${truth.count}`;
  for (const key of ["min", "max", "mean", "std"] as const)
    if (given[key].length !== truth[key].length)
      return `${key} has ${given[key].length} numbers, not ${truth[key].length}`;
  const loss = 1e-5 + truth.count * 6e-8;
  for (let at = 0; at < truth.min.length; at += 1) {
    const [low, high] = [truth.min[at] as number, truth.max[at] as number];
    const [mean, variance] = [truth.mean[at] as number, (truth.std[at] as number) ** 2];
    const power = Math.sqrt(mean ** 2 + variance);
    const said = (key: "min" | "max" | "mean" | "std", is: number) =>
      `${key}[${at}] is ${given[key][at]}, not ${is}`;
    if (!near(given.min[at] as number, low, 1e-6 * Math.abs(low) + 1e-12)) return said("min", low);
    if (!near(given.max[at] as number, high, 1e-6 * Math.abs(high) + 1e-12)) return said("max", high);
    if (!near(given.mean[at] as number, mean, loss * power + 1e-9)) return said("mean", mean);
    if (!near((given.std[at] as number) ** 2, variance, loss * power ** 2 + 1e-12))
      return said("std", truth.std[at] as number);
    for (const [name, values] of given.quantiles) {
      const [least, most] = ranges.get(name)?.[at] ?? [low, high];
      const slack = (high - low) / bins + 1e-6 * power + 1e-9;
      const value = values[at] as number;
      if (!(value >= least - slack && value <= most + slack))
        return `${name}[${at}] is ${value}, not between ${least} and ${most}`;
    }
  }
  return undefined;
}

function near(value: number, truth: number, slack: number): boolean {
  return value === truth || Math.abs(value - truth) <= slack;
}

/** Between which values of the data each quantile of one episode lies. */
export function quantileRanges({ values, size }: FeatureValues): Map<string, [number, number][]> {
  const ranges = new Map<string, [number, number][]>(quantileShares.map(([name]) => [name, []]));
  const count = values.length / size;
  for (let dimension = 0; dimension < size; dimension += 1) {
    const sorted = columnOf(values, size, dimension).sort();
    for (const [name, share] of quantileShares) {
      const at = (rank: number) => sorted[Math.min(count - 1, Math.max(0, rank))] as number;
      // One value has no histogram: its quantiles are its mean.
      ranges.get(name)?.push([at(Math.floor(share * (count - 1))), at(Math.ceil(share * count))]);
    }
  }
  return ranges;
}
