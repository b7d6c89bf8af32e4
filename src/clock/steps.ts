import { detrend, noiseOf, robustSlope, runningMedian } from "./detrend.ts";
import { DRIFT_PRIOR } from "./prior.ts";
import { isCoarse, type Rows } from "./rows.ts";
import { tickOf } from "./stale.ts";
import { medianInPlace, robustSigma } from "./statistics.ts";

/** Rows on either side whose medians tell a jump. */
const SIDE = 5;
/** A jump is believed beyond so many sigma of single rows, and so many robust sigma of all jumps. */
const NOISES = 8;
const JUMPS = 6;
/** The drift's own changes are taken off by a median of so many jumps. */
const BASELINE = 51;
/** Of fewer rows than this the jumps between them tell nothing usual: lines through the rows beside each place do. */
const FEW = 24;
/** Of fewer than this a step is in so many of the jumps that it may pass for usual. */
const MANY = 60;
/** So many rows on both sides show a step among few; two that agree do where sigmas are given. */
const FEW_SIDE = { given: 2, learned: 3 };
const MOST_SIDE = 10;
/** Rows on either side by which a jump is placed and checked. */
const REACH = 12;
const LEAST_SIGMA = 1e-9;

/** Entries whose noise is so many times that of the best tell no steps. */
const NOISIER = 4;

/** Where the offset of an epoch jumps: for each cut the first row after it, by the entries of probes or marks that are least noisy. */
export function cutsOf(rows: Rows, isEnvelope: readonly boolean[]): number[] {
  const lists = new Map<number, number[]>();
  rows.entries.forEach((entry, i) => {
    if (isEnvelope[entry]) return;
    const list = lists.get(entry);
    if (list === undefined) lists.set(entry, [i]);
    else list.push(i);
  });
  const entries = [...lists.values()].map((list) => {
    const pick = (column: Float64Array) => Float64Array.from(list, (i) => column[i]!);
    const [times, offsets] = [pick(rows.times), pick(rows.offsets)];
    const sigmas = pick(rows.sigmas);
    return {
      list,
      noise: list.length < 2 * FEW_SIDE.given ? Number.POSITIVE_INFINITY : noiseWith(sigmas, times, offsets),
    };
  });
  const best = Math.min(...entries.map(({ noise }) => noise));
  const chosen = entries
    .filter(({ noise }) => noise <= NOISIER * best && noise < Number.POSITIVE_INFINITY)
    .flatMap(({ list }) => list)
    .sort((a, b) => a - b);
  const pick = (column: Float64Array) => Float64Array.from(chosen, (i) => column[i]!);
  const offsets = pick(rows.offsets);
  const ticks = tickOf(offsets.map((offset) => Math.round(offset * 1e9)));
  const tick = isCoarse(ticks) ? ticks / 1e9 : 0;
  const [times, halves] = [pick(rows.times), pick(rows.halves)];
  const noise = Math.max(LEAST_SIGMA, best, tick / Math.sqrt(12));
  const side = pick(rows.sigmas).some(Number.isNaN) ? FEW_SIDE.learned : FEW_SIDE.given;
  const many = chosen.length < FEW ? [] : findSteps(times, offsets, halves, tick, noise);
  const cuts =
    chosen.length < MANY && many.length === 0
      ? stepsOfFew({ times, offsets, halves, noise, side }, 0, chosen.length)
      : many;
  return cuts.map((cut) => chosen[cut]!);
}

/** One sigma of single rows: given ones are trusted of few rows, whose scatter a step would enter. */
function noiseWith(sigmas: Float64Array, times: Float64Array, offsets: Float64Array): number {
  const given = sigmas.filter((sigma) => !Number.isNaN(sigma));
  if (given.length === sigmas.length && given.length < FEW) return medianInPlace(given);
  return Math.max(robustSigma(given), noiseOf(times, offsets));
}

/**
 * Where the offset jumps: for each step the first row after it.
 *
 * A jump is the median of five rows after minus that of five before, less the robust slope and the usual jump around;
 * the cut is put where the absolute deviations from the two sides' medians are least (after the prototype of a
 * two-way fit with steps). It must hold for most rows on both sides, and exceed what a longer round trip explains: a
 * detour of x s on one way moves the offset by x/2, as it moves half the round trip. A jump that soon comes back is
 * none. `tick` is the coarseness of the offsets, s.
 */
function findSteps(
  times: Float64Array,
  offsets: Float64Array,
  halves: Float64Array,
  tick: number,
  leastNoise: number,
): number[] {
  const values = detrend(times, offsets, robustSlope(times, offsets));
  const jumps = jumpsOf(values);
  const usual = runningMedian(jumps, BASELINE);
  for (let i = 0; i < jumps.length; i++) jumps[i] = jumps[i]! - usual[i]!;
  const noise = Math.max(leastNoise, noiseOf(times, offsets));
  const threshold = Math.max(NOISES * noise, JUMPS * robustSigma(jumps), 1.6 * tick);
  const cuts: number[] = [];
  for (let i = 0; i < jumps.length; i++) {
    if (Math.abs(jumps[i]!) <= threshold) continue;
    let peak = i;
    for (; i < jumps.length && Math.abs(jumps[i]!) > threshold; i++) {
      if (Math.abs(jumps[i]!) > Math.abs(jumps[peak]!)) peak = i;
    }
    const cut = placeCut(values, cuts.at(-1) ?? 0, peak + SIDE);
    const last = cuts.at(-1) ?? 0;
    if (cut === undefined || !isStep(values, halves, last, cut, threshold)) continue;
    if (linesDisagree(times, values, last, cut, noise)) cuts.push(cut);
  }
  return withoutExcursions(values, cuts, threshold);
}

interface FewRows {
  times: Float64Array;
  offsets: Float64Array;
  halves: Float64Array;
  /** 1 sigma of a row, s. */
  noise: number;
  /** The least number of rows on both sides of a step. */
  side: number;
}

/**
 * Steps among few rows [low, high): where lines through the rows on both sides miss each other most and no row is far
 * from its own line; then the same on both sides of it.
 */
function stepsOfFew(rows: FewRows, low: number, high: number): number[] {
  const { times, offsets, halves, noise } = rows;
  let [best, most] = [0, 0];
  for (let cut = low + rows.side; cut + rows.side <= high; cut++) {
    // As many rows on both sides, since a curve bends lines of one length alike.
    const side = Math.min(MOST_SIDE, cut - low, high - cut);
    const place = (times[cut - 1]! + times[cut]!) / 2;
    const before = extrapolate(times, offsets, cut - side, cut, place);
    const after = extrapolate(times, offsets, cut, cut + side, place);
    const jump = after.value - before.value;
    const hole = times[cut]! - times[cut - 1]!;
    // Few rows cannot show how much the drift changes: it may as much as the prior says.
    const bend = (Math.abs(after.slope - before.slope) / 2 + DRIFT_PRIOR) * hole;
    const excess = Math.abs(jump) - 6 * noise * Math.sqrt(before.factor + after.factor) - bend;
    const detour = median(halves, cut, cut + side) - median(halves, cut - side, cut);
    const isDetour = Math.abs(jump) <= 1.25 * Math.abs(detour);
    if (isDetour || Math.abs(jump) <= JUMPS * noise || excess <= most) continue;
    if (Math.max(before.farthest, after.farthest) > NOISES * noise) continue;
    [best, most] = [cut, excess];
  }
  if (most === 0) return [];
  return [...stepsOfFew(rows, low, best), best, ...stepsOfFew(rows, best, high)];
}

/** Entry i is the jump before row i + 5. */
function jumpsOf(values: Float64Array): Float64Array {
  const jumps = new Float64Array(values.length - 2 * SIDE + 1);
  const medians = runningMedian(values, SIDE);
  // The running median is centred: that of the five before row k stands at k - 3, of the five from k on at k + 2.
  for (let i = 0; i < jumps.length; i++) jumps[i] = medians[i + SIDE + 2]! - medians[i + SIDE - 3]!;
  return jumps;
}

/** The row near a peak at which the absolute deviations from both sides' medians are least. */
function placeCut(values: Float64Array, from: number, peak: number): number | undefined {
  const low = Math.max(from + SIDE, peak - SIDE);
  const high = Math.min(values.length - SIDE, peak + SIDE);
  const start = Math.max(from, peak - REACH);
  const end = Math.min(values.length, peak + REACH);
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let cut = low; cut <= high; cut++) {
    const cost = spreadOf(values, start, cut) + spreadOf(values, cut, end);
    if (cost < least) {
      least = cost;
      best = cut;
    }
  }
  return best;
}

function spreadOf(values: Float64Array, start: number, end: number): number {
  const middle = median(values, start, end);
  let sum = 0;
  for (let i = start; i < end; i++) sum += Math.abs(values[i]! - middle);
  return sum;
}

function median(values: Float64Array, start: number, end: number): number {
  return medianInPlace(values.slice(start, end));
}

function isStep(
  values: Float64Array,
  halves: Float64Array,
  from: number,
  cut: number,
  threshold: number,
): boolean {
  const start = Math.max(from, cut - REACH);
  const end = Math.min(values.length, cut + REACH);
  const before = median(values, start, cut);
  const after = median(values, cut, end);
  const jump = after - before;
  if (Math.abs(jump) <= threshold) return false;
  if (!agree(values, start, cut, before, after) || !agree(values, cut, end, after, before)) return false;
  const detour = median(halves, cut, end) - median(halves, start, cut);
  return !(Math.abs(jump) <= 1.25 * Math.abs(detour));
}

/** Whether most rows of a side, or all of few, are nearer to its own median than to that of the other side. */
function agree(values: Float64Array, start: number, end: number, own: number, other: number): boolean {
  let nearer = 0;
  for (let i = start; i < end; i++) if (Math.abs(values[i]! - own) < Math.abs(values[i]! - other)) nearer++;
  return nearer >= (end - start < 2 * SIDE ? 1 : 0.7) * (end - start);
}

/**
 * Whether the lines through the rows on both sides are farther apart at the cut than their noise and the drift explain.
 *
 * A drift that changes over a hole, or over rows far apart, moves the offset without a step.
 */
function linesDisagree(
  times: Float64Array,
  values: Float64Array,
  from: number,
  cut: number,
  noise: number,
): boolean {
  const place = (times[cut - 1]! + times[cut]!) / 2;
  const before = extrapolate(times, values, Math.max(from, cut - REACH), cut, place);
  const after = extrapolate(times, values, cut, Math.min(values.length, cut + REACH), place);
  const jump = after.value - before.value;
  const spread = noise * Math.sqrt(before.factor + after.factor);
  // Over the hole between the two sides the drift may have become that of the other side.
  const bend = (Math.abs(after.slope - before.slope) * (times[cut]! - times[cut - 1]!)) / 2;
  return Math.abs(jump) > 6 * spread + bend;
}

/** A robust line through rows [start, end) at a place, by how much its variance exceeds that of one row, and the farthest row. */
function extrapolate(times: Float64Array, values: Float64Array, start: number, end: number, place: number) {
  const [own, offsets] = [times.slice(start, end), values.slice(start, end)];
  const slope = robustSlope(own, offsets);
  const rest = detrend(own, offsets, slope);
  const middle = medianInPlace(rest.slice());
  const farthest = rest.reduce((most, value) => Math.max(most, Math.abs(value - middle)), 0);
  const centre = own.reduce((sum, time) => sum + time, 0) / own.length;
  const spread = own.reduce((sum, time) => sum + (time - centre) ** 2, 0);
  const factor = 1.57 / own.length + (spread > 0 ? (1.1 * (place - centre) ** 2) / spread : 0);
  return { value: middle + slope * (place - own[0]!), slope, factor, farthest };
}

/** Leaves out pairs of cuts that are closer than 8 rows where the offset comes back. */
function withoutExcursions(values: Float64Array, cuts: readonly number[], threshold: number): number[] {
  const kept: number[] = [];
  for (let i = 0; i < cuts.length; i++) {
    const [cut, next] = [cuts[i]!, cuts[i + 1]];
    if (next !== undefined && next - cut < 8) {
      const before = median(values, Math.max(kept.at(-1) ?? 0, cut - REACH), cut);
      const after = median(values, next, Math.min(cuts[i + 2] ?? values.length, next + REACH));
      if (Math.abs(after - before) <= threshold) {
        i++;
        continue;
      }
    }
    kept.push(cut);
  }
  return kept;
}
