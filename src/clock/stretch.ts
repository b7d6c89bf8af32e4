import { detrend, noiseOf, robustSlope, runningMedian } from "./detrend.ts";
import { doubted } from "./doubt.ts";
import { type Line, lineStates, lineThrough } from "./line.ts";
import {
  firstVariances,
  type Group,
  groupRows,
  learnNoise,
  leaveDetours,
  type Noise,
  PRIOR_ROWS,
  scaleVariances,
  weighRows,
} from "./noise.ts";
import type { Rows } from "./rows.ts";
import { chooseWander, type Smoothed, smooth, type Track, type Wander } from "./smoother.ts";
import { medianInPlace, studentFactor } from "./statistics.ts";

/** The shape that a stretch is fitted by: no drift, one line, or a curve where the clock wanders. */
export type Shape = "level" | "line" | "curve";

/** Asserted offsets, s relative to the base, that count at the centre of the rows. */
export interface Assertion {
  readonly offset: number;
  readonly sigma: number;
}

/** A stretch without steps, fitted. */
export interface Fitted {
  /** The knots: rows in use (those of one instant as one) and the centre at which assertions count. */
  readonly track: Track;
  readonly smoothed: Smoothed;
  /** The line, where the clock shows no wander; the states say in their wander which it may have nevertheless. */
  readonly line: Line | undefined;
  /** Evidence minus curve of each row, s. */
  readonly residuals: Float64Array;
  /** 1 for each row in use. */
  readonly used: Uint8Array;
  readonly variances: Float64Array;
  /** The offset of the curve where assertions count, s; 0 without any. */
  readonly centreOffset: number;
}

const WINDOW = 21;
const ROUNDS = 3;
/** Rows within so many sigma of what is usual tell what is usual beyond them. */
const BESIDE = 8;

/**
 * Fits rows [low, high) by three rounds of smoothing, each of which tells the noise and the outliers for the next.
 *
 * Round 0 holds each row against the running median of 21. Later ones use what a row deviates from the curve without
 * its own influence, residual^2 / (1 - P/R) (P: variance of the curve there, R: of the row). How the clock wanders is
 * chosen by likelihood in the first two rounds. `offTogether` is what all rows may be off by as one, s^2.
 */
export function fitStretch(
  rows: Rows,
  low: number,
  high: number,
  shape: Shape,
  assertions: readonly Assertion[],
  offTogether = 0,
): Fitted {
  const part = sliceRows(rows, low, high);
  const n = high - low;
  const groups = groupRows(part, 0, n);
  const noise: Noise = { variances: new Float64Array(n), biases: new Float64Array(n) };
  const { variances, biases } = noise;
  const used = new Uint8Array(n).fill(1);
  const residuals = new Float64Array(n);
  const deviations = deviationsAtFirst(part, shape);
  firstVariances(part, groups, variances);
  scaleVariances(part, groups, deviations, variances);
  weighRows(groups, deviations, noise, used);
  const known = used.slice();
  leaveDetours(part, groups, used);
  const wanders = shape === "curve" && !isGuess(groups);
  let common = offTogether;
  let wander: Wander = { q0: 0, q1: 0 };
  let fit = knotsOf(part, used, noise, assertions);
  for (let round = 0; ; round++) {
    if (wanders && round < 2) wander = chooseWander(fit.track);
    const straight = wander.q0 === 0 && wander.q1 === 0;
    const line = straight ? lineThrough(fit.track, shape === "level") : undefined;
    const smoothed = line === undefined ? smooth(fit.track, wander) : lineStates(fit.track, line);
    residualsOf(part, fit, smoothed, line, residuals);
    if (round === ROUNDS - 1) {
      const factor = widening(groups, fit, smoothed, variances, used);
      const doubtful = shape === "curve" && line !== undefined ? doubted(fit.track, smoothed) : undefined;
      const states = doubtful ?? smoothed;
      const wide = factor === 1 && common === 0 ? states : widened(states, factor, common);
      return {
        track: fit.track,
        smoothed: wide,
        line: line && widenedLine(line, factor, common),
        residuals,
        used,
        variances,
        centreOffset: smoothed.offsets[fit.asserted] ?? 0,
      };
    }
    for (let i = 0; i < n; i++) {
      const knot = fit.owner[i]!;
      const influence = knot < 0 ? 0 : Math.min(0.9, smoothed.p00[knot]! / variances[i]!);
      deviations[i] = biases[i]! + (residuals[i]! - biases[i]!) / Math.sqrt(1 - influence);
    }
    common = offTogether + learnNoise(part, groups, deviations, round === 0 ? known : used, noise);
    weighRows(groups, deviations, noise, used);
    fit = knotsOf(part, used, noise, assertions);
  }
}

/** Fewer rows whose noise is told by their own scatter cannot tell a wander from it. */
const LEAST_TO_WANDER = 16;

function isGuess(groups: readonly Group[]): boolean {
  return groups.every(({ rows, noise }) => noise === "alike" && rows.length < LEAST_TO_WANDER);
}

function sliceRows(rows: Rows, low: number, high: number): Rows {
  if (low === 0 && high === rows.times.length) return rows;
  return {
    base: rows.base,
    times: rows.times.subarray(low, high),
    offsets: rows.offsets.subarray(low, high),
    halves: rows.halves.subarray(low, high),
    sigmas: rows.sigmas.subarray(low, high),
    leastVariances: rows.leastVariances.subarray(low, high),
    repeats: rows.repeats.subarray(low, high),
    entries: rows.entries.subarray(low, high),
    places: rows.places.subarray(low, high),
  };
}

/** What each row deviates from its neighbours. */
function deviationsAtFirst({ times, offsets }: Rows, shape: Shape): Float64Array {
  const slope = shape === "level" ? 0 : robustSlope(times, offsets);
  const values = detrend(times, offsets, slope);
  if (values.length < 2 * WINDOW || shape === "level") {
    const middle = medianInPlace(values.slice());
    return values.map((value) => value - middle);
  }
  const medians = runningMedian(values, WINDOW);
  const deviations = values.map((value, i) => value - medians[i]!);
  // At the ends the window is not around the row: there a robust line through it tells what is usual, or, where the
  // clock's drift bends that line, the rows further inside.
  const half = WINDOW >> 1;
  const limit = BESIDE * noiseOf(times, values);
  for (const start of [0, values.length - WINDOW]) {
    const [own, window] = [times, values].map((column) => column.slice(start, start + WINDOW));
    const rest = detrend(own!, window!, robustSlope(own!, window!));
    const middle = medianInPlace(rest.slice());
    const inside: number[] = [];
    for (let k = WINDOW - 1; k >= 0; k--) {
      const i = start === 0 ? k : WINDOW - 1 - k;
      if (k <= half) {
        const whole = rest[i]! - middle;
        const near = inside.length < 2 ? whole : beyond(own!, rest, inside.at(-2)!, inside.at(-1)!, i);
        deviations[start + i] = Math.abs(near) < Math.abs(whole) ? near : whole;
      }
      if (Math.abs(deviations[start + i]!) <= limit) inside.push(i);
    }
  }
  return deviations;
}

/** How far row i lies from the line through rows a and b, as one sigma of a row counts. */
function beyond(times: Float64Array, values: Float64Array, a: number, b: number, i: number): number {
  const share = (times[i]! - times[a]!) / (times[b]! - times[a]! || 1);
  const line = values[a]! + share * (values[b]! - values[a]!);
  return (values[i]! - line) / Math.sqrt(1 + share ** 2 + (1 - share) ** 2);
}

interface Knots {
  readonly track: Track;
  /** The knot of each row in use, -1 of the others. */
  readonly owner: Int32Array;
  /** The knot at which assertions count, or -1. */
  readonly asserted: number;
}

/** The rows in use as a track; those of one instant are one knot, and assertions count at the weighted centre. */
function knotsOf(
  { times, offsets }: Rows,
  used: Uint8Array,
  { variances, biases }: Noise,
  assertions: readonly Assertion[],
): Knots {
  const n = times.length;
  const owner = new Int32Array(n).fill(-1);
  const knotTimes = new Float64Array(n + 1);
  const sums = new Float64Array(n + 1);
  const weights = new Float64Array(n + 1);
  let centre = Number.NaN;
  if (assertions.length > 0) centre = centreOf(times, used, variances);
  let count = 0;
  let asserted = -1;
  const assert = () => {
    for (const { offset, sigma } of assertions) {
      sums[count]! += offset / sigma ** 2;
      weights[count]! += 1 / sigma ** 2;
    }
    asserted = count;
    knotTimes[count++] = centre;
    centre = Number.NaN;
  };
  for (let i = 0; i < n; i++) {
    if (used[i] === 0) continue;
    if (centre < times[i]!) assert();
    if (count === 0 || times[i]! > knotTimes[count - 1]!) knotTimes[count++] = times[i]!;
    const weight = 1 / variances[i]!;
    sums[count - 1]! += weight * (offsets[i]! - biases[i]!);
    weights[count - 1]! += weight;
    owner[i] = count - 1;
    if (centre === times[i]!) {
      count--;
      assert();
    }
  }
  if (!Number.isNaN(centre)) assert();
  const track: Track = {
    times: knotTimes.subarray(0, count),
    offsets: sums.subarray(0, count),
    variances: weights.subarray(0, count),
  };
  for (let k = 0; k < count; k++) {
    track.offsets[k]! /= weights[k]!;
    track.variances[k] = 1 / weights[k]!;
  }
  return { track, owner, asserted };
}

function centreOf(times: Float64Array, used: Uint8Array, variances: Float64Array): number {
  let [weight, sum] = [0, 0];
  for (let i = 0; i < times.length; i++) {
    if (used[i] === 0) continue;
    weight += 1 / variances[i]!;
    sum += times[i]! / variances[i]!;
  }
  return sum / weight;
}

/** Evidence minus curve, between knots along the cubic through them. */
function residualsOf(
  { times, offsets }: Rows,
  { track, owner }: Knots,
  { offsets: x, drifts: f }: Smoothed,
  line: Line | undefined,
  out: Float64Array,
): void {
  const last = track.times.length - 1;
  let knot = 0;
  for (let i = 0; i < times.length; i++) {
    const time = times[i]!;
    if (line !== undefined) {
      out[i] = offsets[i]! - line.offset - line.slope * (time - line.centre);
      continue;
    }
    if (owner[i]! >= 0) {
      knot = owner[i]!;
      out[i] = offsets[i]! - x[knot]!;
      continue;
    }
    while (knot < last && track.times[knot + 1]! <= time) knot++;
    const distance = time - track.times[knot]!;
    let value = x[knot]! + f[knot]! * distance;
    if (knot < last && distance > 0) {
      const h = track.times[knot + 1]! - track.times[knot]!;
      const u = distance / h;
      const rise = x[knot + 1]! - x[knot]!;
      value =
        x[knot]! + rise * u + u * (1 - u) * ((f[knot]! * h - rise) * (1 - u) - (f[knot + 1]! * h - rise) * u);
    }
    out[i] = offsets[i]! - value;
  }
}

/** By how much sigma is wider because the noise was itself estimated from few rows. */
function widening(
  groups: readonly Group[],
  { owner }: Knots,
  { p00 }: Smoothed,
  variances: Float64Array,
  used: Uint8Array,
): number {
  let [rows, given, influence, prior] = [0, 0, 0, 0];
  for (const group of groups) {
    if (group.noise === "by round trip") prior = PRIOR_ROWS;
    for (const row of group.rows) {
      if (used[row] === 0) continue;
      rows++;
      if (group.noise === "given") given++;
      influence += Math.min(1, p00[owner[row]!]! / variances[row]!);
    }
  }
  if (given * 2 > rows) return 1;
  return studentFactor(Math.max(1, rows + prior - influence));
}

/** Variances times the square of a factor, and offsets wider by a common variance. */
function widened(smoothed: Smoothed, factor: number, common: number): Smoothed {
  const square = factor * factor;
  const scale = (values: Float64Array) => values.map((value) => value * square);
  const { p00, p01, p11 } = smoothed;
  return {
    ...smoothed,
    p00: scale(p00).map((variance) => variance + common),
    p01: scale(p01),
    p11: scale(p11),
  };
}

function widenedLine(line: Line, factor: number, common: number): Line {
  return {
    ...line,
    variance: line.variance * factor ** 2 + common,
    slopeVariance: line.slopeVariance * factor ** 2,
  };
}
