import type { Rows } from "./rows.ts";
import { medianInPlace, quantileOfSorted, robustSigma } from "./statistics.ts";

/** Beyond so many sigma a deviation counts less, and beyond so many it is an outlier. */
const HUBER = 2.5;
const REJECT = 8;

/** Rows of one entry within a stretch, and how their noise is told. */
export interface Group {
  readonly rows: Int32Array;
  readonly noise: "given" | "by round trip" | "alike";
  /** The rows by ascending round trip; empty unless noise is by round trip. */
  readonly ranked: Int32Array;
}

/** Rows that share one kind of noise: those of an entry, given sigmas apart from others. */
export function groupRows({ entries, sigmas, halves }: Rows, low: number, high: number): Group[] {
  const lists = new Map<number, number[]>();
  for (let i = low; i < high; i++) {
    const key = 2 * entries[i]! + (Number.isNaN(sigmas[i]!) ? 0 : 1);
    const list = lists.get(key);
    if (list === undefined) lists.set(key, [i]);
    else list.push(i);
  }
  return [...lists.values()].map((list) => {
    const rows = Int32Array.from(list);
    const first = rows[0]!;
    if (!Number.isNaN(sigmas[first]!)) return { rows, noise: "given", ranked: new Int32Array() };
    const varied = rows.some((row) => halves[row]! !== halves[first]!) && !Number.isNaN(halves[first]!);
    if (!varied) return { rows, noise: "alike", ranked: new Int32Array() };
    return { rows, noise: "by round trip", ranked: rows.slice().sort((a, b) => halves[a]! - halves[b]!) };
  });
}

/**
 * Variances before anything is known of the noise, but for a factor a group.
 *
 * What a round trip takes beyond the shortest bounds the error of its offset; half of what the median takes is added,
 * since the shortest is not without error (chrony weighs by the same distance).
 */
export function firstVariances({ halves, sigmas }: Rows, groups: readonly Group[], out: Float64Array): void {
  for (const group of groups) {
    const shape = group.noise === "by round trip" ? shapeOf(group, halves) : () => 1;
    for (const row of group.rows) out[row] = group.noise === "given" ? sigmas[row]! ** 2 : shape(row) ** 2;
  }
}

function shapeOf({ ranked }: Group, halves: Float64Array): (row: number) => number {
  const least = halves[ranked[0]!]!;
  const usual = Math.max(1e-9, 0.5 * (halves[ranked[ranked.length >> 1]!]! - least));
  return (row) => halves[row]! - least + usual;
}

/** Round trips that take so many times what the better quarter takes beyond the shortest may be on a detour. */
const DETOUR = 5;

/** Leaves rows out of the first round that may be on a detour: their error is not chance but the detour's. */
export function leaveDetours({ halves }: Rows, groups: readonly Group[], used: Uint8Array): void {
  for (const { ranked } of groups) {
    if (ranked.length < LEAST_FOR_BINS) continue;
    const least = halves[ranked[0]!]!;
    const limit = least + DETOUR * Math.max(1e-9, halves[ranked[ranked.length >> 2]!]! - least);
    for (const row of ranked) if (halves[row]! > limit) used[row] = 0;
  }
}

/** Scales the variances of each group whose noise is not given by its deviations, by their median. */
export function scaleVariances(
  rows: Rows,
  groups: readonly Group[],
  deviations: Float64Array,
  out: Float64Array,
): void {
  for (const { rows: own, noise } of groups) {
    if (noise === "given") continue;
    const sizes = Float64Array.from(own, (row) => Math.abs(deviations[row]!) / Math.sqrt(out[row]!));
    const scale = (1.4826 * medianInPlace(sizes)) ** 2;
    for (const row of own) out[row] = floored(rows, row, out[row]! * scale);
  }
}

/** At least the variance of rounding; rows that repeat one coarse offset share what they tell. */
function floored({ leastVariances, repeats }: Rows, row: number, variance: number): number {
  return Math.max(leastVariances[row]!, variance) * repeats[row]!;
}

/** The noise of the rows of a stretch. */
export interface Noise {
  readonly variances: Float64Array;
  /** What an offset is off by as its round trip is longer, s: where one way is slower than the other. */
  readonly biases: Float64Array;
}

/**
 * The noise of each row from the deviations of the rows in use, which are free of their own influence.
 *
 * Given sigmas stay. Round trips are put into bins by rank; each has a winsorised variance, a longer one is never
 * better than a shorter one, and between bins the logarithm goes straight. Where the bins' means differ by more than
 * chance, they are a bias of longer round trips. Other rows share one variance.
 * Returns the variance of what all offsets may be off by together.
 */
export function learnNoise(
  rows: Rows,
  groups: readonly Group[],
  deviations: Float64Array,
  used: Uint8Array,
  { variances, biases }: Noise,
): number {
  let common = 0;
  for (const group of groups) {
    if (group.noise === "given") {
      for (const row of group.rows) variances[row] = rows.sigmas[row]! ** 2;
      continue;
    }
    const inUse = (group.noise === "alike" ? group.rows : group.ranked).filter((row) => used[row] === 1);
    if (group.noise === "by round trip") {
      if (inUse.length < LEAST_FOR_BINS) learnScale(group, rows.halves, inUse, deviations, variances);
      else
        common = Math.max(
          common,
          learnByRank(rows.halves, group.ranked, inUse, deviations, { variances, biases }),
        );
    } else {
      const variance = winsorised(inUse, deviations);
      for (const row of group.rows) variances[row] = variance;
      common = Math.max(common, leanOf(rows, inUse, deviations));
    }
    for (const row of group.rows) variances[row] = floored(rows, row, variances[row]!);
  }
  return common;
}

const LEAST_FOR_BINS = 100;
const ROWS_A_BIN = 40;
const MOST_BINS = 24;

/** Of few rows, what half a round trip suggests (a uniform error within half of it, each way) counts as so many. */
export const PRIOR_ROWS = 3;

/** One factor for the variances that round trips suggest. */
function learnScale(
  group: Group,
  halves: Float64Array,
  inUse: Int32Array,
  deviations: Float64Array,
  variances: Float64Array,
): void {
  const shape = shapeOf(group, halves);
  const relative = new Float64Array(deviations.length);
  const priors = new Float64Array(inUse.length);
  for (let i = 0; i < inUse.length; i++) {
    const row = inUse[i]!;
    relative[row] = deviations[row]! / shape(row);
    priors[i] = halves[row]! ** 2 / 12 / shape(row) ** 2;
  }
  const n = inUse.length;
  const scale = (n * winsorised(inUse, relative) + PRIOR_ROWS * medianInPlace(priors)) / (n + PRIOR_ROWS);
  for (const row of group.rows) variances[row] = scale * shape(row) ** 2;
}

/** `inUse` and `ranked` by ascending round trip. */
function learnByRank(
  halves: Float64Array,
  ranked: Int32Array,
  inUse: Int32Array,
  deviations: Float64Array,
  { variances, biases }: Noise,
): number {
  const bins = Math.min(MOST_BINS, Math.max(3, Math.floor(inUse.length / ROWS_A_BIN)));
  const places = new Float64Array(bins);
  const levels = new Float64Array(bins);
  const sizes = new Float64Array(bins);
  const parts: Int32Array[] = [];
  for (let k = 0; k < bins; k++) {
    const part = inUse.subarray(
      Math.floor((k * inUse.length) / bins),
      Math.floor(((k + 1) * inUse.length) / bins),
    );
    parts.push(part);
    places[k] = halves[part[part.length >> 1]!]!;
    sizes[k] = part.length;
  }
  const { means, common } = biasesOf(parts, deviations);
  for (const row of ranked) biases[row] = common === 0 ? 0 : interpolate(places, means, halves[row]!);
  parts.forEach((part, k) => {
    levels[k] = Math.max(Number.MIN_VALUE, winsorised(part, deviations, biases));
  });
  makeAscend(levels, sizes);
  for (let k = 0; k < bins; k++) levels[k] = Math.log(levels[k]!);
  for (const row of ranked) variances[row] = Math.exp(interpolate(places, levels, halves[row]!));
  return common;
}

/** By how many sigma of chance the bins' means must differ to be biases. */
const BIAS_SIGNIFICANCE = 4;

/**
 * The mean deviation of each bin against that of no excess at all, and the variance of that.
 *
 * All means are 0, and so is the variance, where they differ by no more than chance. Else the means are carried on
 * to no excess: there both ways take their least, and the excess squared, to which the bias goes for short excesses,
 * goes as the rank does. By as much as that lies beyond the first bin it is in doubt.
 */
function biasesOf(parts: readonly Int32Array[], deviations: Float64Array) {
  const means = new Float64Array(parts.length);
  const errors = new Float64Array(parts.length);
  parts.forEach((part, k) => {
    const values = Float64Array.from(part, (row) => deviations[row]!);
    const middle = medianInPlace(values);
    const sigma = robustSigma(values.map((value) => value - middle));
    // The fit weighs by means, so that of a skewed delay the median would be another level.
    let sum = 0;
    for (const value of values) sum += Math.max(-HUBER * sigma, Math.min(HUBER * sigma, value - middle));
    means[k] = middle + sum / values.length;
    errors[k] = Math.max(1e-10, sigma / Math.sqrt(part.length));
  });
  let [weight, mean] = [0, 0];
  means.forEach((own, k) => {
    weight += 1 / errors[k]! ** 2;
    mean += own / errors[k]! ** 2;
  });
  mean /= weight;
  let square = 0;
  means.forEach((own, k) => {
    square += ((own - mean) / errors[k]!) ** 2;
  });
  const degrees = parts.length - 1;
  if (square <= degrees + BIAS_SIGNIFICANCE * Math.sqrt(2 * degrees))
    return { means: means.fill(0), common: 0 };
  const least = atLeast(means, errors);
  const rest = means[0]! - least.value;
  for (let k = 0; k < means.length; k++) means[k] = means[k]! - least.value;
  return { means, common: least.variance + rest ** 2 };
}

/** By how many sigma of chance the mean must leave the median to show that deviations lean to one side. */
const LEAN_SIGNIFICANCE = 2;

/**
 * The variance of what offsets are off by because their noise leans to one side; 0 where it does by no more than chance.
 *
 * Delays are never below their least, at which most of them lie: where one way varies more than the other, offsets lean
 * towards it, and the fit, which weighs by means, leans with them. Nothing but their distribution tells that. The most
 * frequent value is nearest to no excess both ways; it is about three times as far from the mean as the median is
 * (Pearson).
 */
function leanOf({ leastVariances }: Rows, inUse: Int32Array, deviations: Float64Array): number {
  if (inUse.length < 16) return 0;
  const values = Float64Array.from(inUse, (row) => deviations[row]!);
  const middle = medianInPlace(values);
  const sigma = robustSigma(values.map((value) => value - middle));
  let sum = 0;
  for (const value of values) sum += Math.max(-HUBER * sigma, Math.min(HUBER * sigma, value - middle));
  const lean = sum / values.length;
  // The mean and the median of normal values differ by 0.76 sigma of the mean; coarse ones have none but ticks.
  const chance = (0.76 * sigma) ** 2 / values.length + leastVariances[inUse[0]!]!;
  return lean ** 2 > LEAN_SIGNIFICANCE ** 2 * chance ? (3 * lean) ** 2 : 0;
}

/** Where the means of the shortest quarter of the bins lead to at no excess, by a weighted line over their rank. */
function atLeast(means: Float64Array, errors: Float64Array): { value: number; variance: number } {
  const count = Math.min(means.length, Math.max(3, means.length >> 2));
  let [weight, centre, mean] = [0, 0, 0];
  for (let k = 0; k < count; k++) {
    const share = 1 / errors[k]! ** 2;
    weight += share;
    centre += share * (k + 0.5);
    mean += share * means[k]!;
  }
  centre /= weight;
  mean /= weight;
  let [spread, product] = [0, 0];
  for (let k = 0; k < count; k++) {
    const share = 1 / errors[k]! ** 2;
    spread += share * (k + 0.5 - centre) ** 2;
    product += share * (k + 0.5 - centre) * (means[k]! - mean);
  }
  return { value: mean - (centre * product) / spread, variance: 1 / weight + centre ** 2 / spread };
}

/** The nearest ascending levels, by pooling neighbours that do not ascend. */
function makeAscend(levels: Float64Array, sizes: Float64Array): void {
  const starts: number[] = [];
  const means: number[] = [];
  const weights: number[] = [];
  for (let k = 0; k < levels.length; k++) {
    starts.push(k);
    means.push(levels[k]!);
    weights.push(sizes[k]!);
    while (means.length > 1 && means.at(-1)! < means.at(-2)!) {
      const [mean, weight] = [means.pop()!, weights.pop()!];
      starts.pop();
      const last = means.length - 1;
      means[last] = (means[last]! * weights[last]! + mean * weight) / (weights[last]! + weight);
      weights[last] = weights[last]! + weight;
    }
  }
  for (let pool = 0; pool < starts.length; pool++) {
    levels.fill(means[pool]!, starts[pool]!, starts[pool + 1] ?? levels.length);
  }
}

function interpolate(places: Float64Array, values: Float64Array, at: number): number {
  const last = places.length - 1;
  if (at <= places[0]!) return values[0]!;
  if (at >= places[last]!) return values[last]!;
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (places[middle]! <= at) low = middle;
    else high = middle;
  }
  const width = places[high]! - places[low]!;
  const share = width > 0 ? (at - places[low]!) / width : 0;
  return values[low]! + share * (values[high]! - values[low]!);
}

/** The mean square of deviations, those beyond 2.5 robust sigma cut there; of few rows none is cut. */
function winsorised(rows: Int32Array, deviations: Float64Array, biases?: Float64Array): number {
  if (rows.length === 0) return 0;
  const squares = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    squares[i] = (deviations[rows[i]!]! - (biases?.[rows[i]!] ?? 0)) ** 2;
  }
  let sum = 0;
  if (rows.length < 16) {
    for (const square of squares) sum += square;
    return sum / rows.length;
  }
  squares.sort();
  const limit = HUBER ** 2 * 1.4826 ** 2 * quantileOfSorted(squares, 0.5);
  for (const square of squares) sum += Math.min(square, limit);
  // Of normal deviations the cut takes away 3 %.
  return sum / rows.length / 0.969;
}

/**
 * Widens the variance of rows that deviate, and drops those that deviate wildly.
 *
 * The weight is 1 up to 2.5 sigma and 2.5/u above (Huber); beyond 8 sigma a row is an outlier. A given sigma is
 * never rescaled: such a row counts in full or not at all. Where most rows deviate, none of them is an outlier.
 */
export function weighRows(
  groups: readonly Group[],
  deviations: Float64Array,
  { variances, biases }: Noise,
  used: Uint8Array,
): void {
  for (const { rows, noise } of groups) {
    let scale = 1;
    if (noise === "given") {
      const sizes = Float64Array.from(rows, (row) => Math.abs(deviations[row]!) / Math.sqrt(variances[row]!));
      scale = Math.max(1, 1.4826 * medianInPlace(sizes));
    }
    const limit = rows.length < 5 ? Number.POSITIVE_INFINITY : REJECT * scale * (1 + 10 / rows.length);
    for (const row of rows) {
      const size = Math.abs(deviations[row]! - biases[row]!) / Math.sqrt(variances[row]!);
      used[row] = size <= limit ? 1 : 0;
      if (noise !== "given" && rows.length >= 16 && size > HUBER)
        variances[row] = (variances[row]! * size) / HUBER;
    }
  }
}
