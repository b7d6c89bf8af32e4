import type { Rows } from "./rows.ts";
import { medianInPlace, quantileOfSorted } from "./statistics.ts";

/** Stamps are whole ns: no variance is below that of their rounding. */
const LEAST_VARIANCE = 1e-18 / 12;

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

/** Scales the variances of each group whose noise is not given by its deviations, by their median. */
export function scaleVariances(groups: readonly Group[], deviations: Float64Array, out: Float64Array): void {
  for (const { rows, noise } of groups) {
    if (noise === "given") continue;
    const sizes = Float64Array.from(rows, (row) => Math.abs(deviations[row]!) / Math.sqrt(out[row]!));
    const scale = (1.4826 * medianInPlace(sizes)) ** 2;
    for (const row of rows) out[row] = Math.max(LEAST_VARIANCE, out[row]! * scale);
  }
}

/**
 * The variance of each row from the deviations of the rows in use, which are free of their own influence.
 *
 * Given sigmas stay. Round trips are put into bins by rank; each has a winsorised variance, a longer one is never
 * better than a shorter one, and between bins the logarithm goes straight. Other rows share one variance.
 */
export function learnVariances(
  { halves, sigmas }: Rows,
  groups: readonly Group[],
  deviations: Float64Array,
  used: Uint8Array,
  out: Float64Array,
): void {
  for (const group of groups) {
    const { rows, noise } = group;
    if (noise === "given") {
      for (const row of rows) out[row] = sigmas[row]! ** 2;
      continue;
    }
    const inUse = (noise === "alike" ? rows : group.ranked).filter((row) => used[row] === 1);
    if (noise === "by round trip") {
      if (inUse.length >= LEAST_FOR_BINS) learnByRank(halves, inUse, rows, deviations, out);
      else learnScale(group, halves, inUse, deviations, out);
      continue;
    }
    const variance = Math.max(LEAST_VARIANCE, winsorised(inUse, deviations));
    for (const row of rows) out[row] = variance;
  }
}

const LEAST_FOR_BINS = 100;
const ROWS_A_BIN = 40;
const MOST_BINS = 24;

/** One factor for the variances that round trips suggest. */
function learnScale(
  group: Group,
  halves: Float64Array,
  inUse: Int32Array,
  deviations: Float64Array,
  out: Float64Array,
): void {
  const shape = shapeOf(group, halves);
  const relative = new Float64Array(deviations.length);
  for (const row of inUse) relative[row] = deviations[row]! / shape(row);
  const scale = winsorised(inUse, relative);
  for (const row of group.rows) out[row] = Math.max(LEAST_VARIANCE, scale * shape(row) ** 2);
}

function learnByRank(
  halves: Float64Array,
  order: Int32Array,
  rows: Int32Array,
  deviations: Float64Array,
  out: Float64Array,
): void {
  const bins = Math.min(MOST_BINS, Math.max(3, Math.floor(order.length / ROWS_A_BIN)));
  const places = new Float64Array(bins);
  const levels = new Float64Array(bins);
  const sizes = new Float64Array(bins);
  for (let k = 0; k < bins; k++) {
    const part = order.subarray(
      Math.floor((k * order.length) / bins),
      Math.floor(((k + 1) * order.length) / bins),
    );
    places[k] = halves[part[part.length >> 1]!]!;
    levels[k] = Math.max(LEAST_VARIANCE, winsorised(part, deviations));
    sizes[k] = part.length;
  }
  makeAscend(levels, sizes);
  for (let k = 0; k < bins; k++) levels[k] = Math.log(levels[k]!);
  for (const row of rows) out[row] = Math.exp(interpolate(places, levels, halves[row]!));
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
function winsorised(rows: Int32Array, deviations: Float64Array): number {
  if (rows.length === 0) return 0;
  const squares = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) squares[i] = deviations[rows[i]!]! ** 2;
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
  variances: Float64Array,
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
      const size = Math.abs(deviations[row]!) / Math.sqrt(variances[row]!);
      used[row] = size <= limit ? 1 : 0;
      if (noise !== "given" && rows.length >= 16 && size > HUBER)
        variances[row] = (variances[row]! * size) / HUBER;
    }
  }
}
