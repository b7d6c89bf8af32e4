import { chooseWander, logLikelihood, type Smoothed, smooth, type Track, type Wander } from "../smoother.ts";
import { type Bend, offsetsAt, takeOff } from "./bend.ts";
import { MOST_DRIFT, medianOf } from "./cells.ts";
import { floorOf, type Profile } from "./floor.ts";
import { profileWindows } from "./windows.ts";

/** The lower envelope of one level: knots, and what all of them may be off together, s. */
export interface Followed {
  readonly track: Track;
  readonly bend: Bend;
  readonly floorSigma: number;
}

interface Stage {
  readonly track: Track;
  readonly bend: Bend;
  readonly length: number;
  readonly wander: Wander;
  /** Usual variances of a knot and of the curve there, s^2. */
  readonly knot: number;
  readonly curve: number;
}

const MOST_WINDOWS = 400;
const MOST_KNOTS = 2000;
const LEAST_WINDOWS = 10;
const FIRST_WINDOWS = 6;
const FIRST_ROWS = 32;

/**
 * Follows the lowest delays of a level by windows that double while the clock's wander within one stays small.
 *
 * Each stage takes the curve of the one before off the delays, so that a window holds no drift. The lowest residuals of
 * a window have the distribution (e / scale)^shape near the floor: the scale is the window's own, the shape is that of
 * all windows together, and the floor is the mean of its posterior. Long windows reach closer to the floor and depend
 * less on that shape: how far the curve still moves with their length is part of `floorSigma`.
 */
export function follow(times: Float64Array, delays: Float64Array, drift: number): Followed {
  const n = times.length;
  const span = times[n - 1]! - times[0]!;
  if (n < 2 * FIRST_WINDOWS) return followFew(times, delays, drift);
  let length = Math.max(span / MOST_WINDOWS, Math.min((FIRST_ROWS * span) / n, span / FIRST_WINDOWS));
  let bend: Bend = {
    times: times.slice(0, 1),
    offsets: Float64Array.of(drift * times[0]!),
    drifts: Float64Array.of(drift),
  };
  const stages: Stage[] = [];
  let refinements = 0;
  for (;;) {
    const stage = followBy(times, delays, bend, length, stages);
    if (stage === undefined) break;
    const isFirst = stages.length === 0;
    const moved = isFirst ? largestShift(bend, stage.bend) : 0;
    bend = stage.bend;
    if (isFirst && refinements++ < MOST_REFINEMENTS) {
      const isTooLong =
        wanderWithin(stage, length) > stage.knot / 4 &&
        n * length > 4 * FIRST_ROWS * span &&
        4 * span < MOST_KNOTS * length;
      if (isTooLong) length /= 4;
      if (isTooLong || moved ** 2 > stage.knot) continue;
    }
    stages.push(stage);
    length *= 2;
    if (span < LEAST_WINDOWS * length || wanderWithin(stage, length) > stage.knot / 4) break;
  }
  if (stages.length === 0) return followFew(times, delays, drift);
  const curves = stages.map(({ curve }) => curve);
  const best = stages[curves.findLastIndex((curve) => curve <= CLOSE * Math.min(...curves))]!;
  return levelled(best, times, delays);
}

/** Longer windows are preferred to those that have this much less variance. */
const CLOSE = 1.5;

/** How often the first stage is repeated while windows are too long or the line before was too far off. */
const MOST_REFINEMENTS = 4;

/** Variance of the offset within a window, less its line, by the clock's wander, s^2. */
function wanderWithin({ wander: { q0, q1 } }: Stage, length: number): number {
  return (q1 * length ** 3) / 12 + (q0 * length) / 4;
}

/** How far the curve moves but for its level, s. */
function largestShift(before: Bend, after: Bend): number {
  const moves = offsetsAt(before, after.times).map((offset, i) => after.offsets[i]! - offset);
  const middle = medianOf(moves);
  return moves.reduce((most, move) => Math.max(most, Math.abs(move - middle)), 0);
}

function followBy(
  times: Float64Array,
  delays: Float64Array,
  bend: Bend,
  length: number,
  stages: readonly Stage[],
): Stage | undefined {
  const windows = profileWindows(times, takeOff(bend, times, delays), length);
  if (windows.times.length < 2) return undefined;
  const { shape } = shapeOf(windows.profiles);
  const knots = Float64Array.from(windows.times);
  const floors = windows.profiles.map((profile) => floorOf(profile, shape));
  const isStraight = stages.length > 0 && isStill(stages.at(-1)!.wander);
  const { track, smoothed } = settle(
    {
      times: knots,
      offsets: offsetsAt(bend, knots).map((offset, i) => offset + floors[i]!.offset),
      variances: knots.map((_, i) => floors[i]!.variance),
    },
    isStraight,
  );
  return {
    track,
    bend: { times: track.times, offsets: smoothed.offsets, drifts: smoothed.drifts },
    length,
    wander: smoothed.wander,
    knot: medianOf(track.variances),
    curve: medianOf(smoothed.p00),
  };
}

/** A level of the whole curve: how far it is off, its variance (s^2), and how far apart the lowest residuals lie; s. */
interface Level {
  readonly shift: number;
  readonly variance: number;
  readonly width: number;
  /** What the form of the tail may do to the level beyond that, s. */
  readonly form: number;
}

const LEAST_LEVEL_WINDOWS = 4;
const SHARP = 6;

/**
 * A tail that does not begin steeply may go on below its lowest residuals in many ways (a gamma and a lognormal one look
 * alike there), so that the floor is uncertain by so many times its distance from the lowest residual: from this shape
 * on wholly, at a shape of 1 not at all.
 */
const SOFT_SHAPE = 1.8;
const SOFTNESS = 1.4;

/**
 * The curve at its level: that of windows so long that their lowest residuals lie closest to the floor, as long as
 * those are not blurred by the errors of the curve. How far the level still moves with the length of the windows shows
 * how far the tail departs from its assumed form.
 */
function levelled(
  { track, bend, length, knot, curve }: Stage,
  times: Float64Array,
  delays: Float64Array,
): Followed {
  const rests = takeOff(bend, times, delays);
  const span = times[times.length - 1]! - times[0]!;
  const levels: Level[] = [];
  for (let long = length; ; long *= 2) {
    const level = levelBy(times, rests, long);
    if (level === undefined || (levels.length > 0 && level.width ** 2 < SHARP ** 2 * curve)) break;
    levels.push(level);
    if (span < 2 * LEAST_LEVEL_WINDOWS * long) break;
  }
  if (levels.length === 0) return { track, bend, floorSigma: Math.sqrt(knot) };
  const costs = levels.map(({ variance, form }) => variance + form ** 2);
  const best = costs.findLastIndex((cost) => cost <= CLOSE * Math.min(...costs));
  const { shift } = levels[best]!;
  const before = levels[best - 1];
  const departure = before === undefined ? knot / 4 : (1.5 * (shift - before.shift)) ** 2;
  const raise = (offset: number) => offset + shift;
  return {
    track: { ...track, offsets: track.offsets.map(raise) },
    bend: { ...bend, offsets: bend.offsets.map(raise) },
    floorSigma: Math.sqrt(costs[best]! + departure),
  };
}

function levelBy(times: Float64Array, rests: Float64Array, length: number): Level | undefined {
  const { profiles } = profileWindows(times, rests, length);
  if (profiles.length < 2) return undefined;
  const { shape, sigma } = shapeOf(profiles);
  const floors = profiles.map((profile) => floorOf(profile, shape));
  const nudged = profiles.map((profile) => floorOf(profile, shape * NUDGE));
  const center = medianOf(Float64Array.from(floors, ({ offset }) => offset));
  const reach = medianOf(Float64Array.from(floors, ({ offset }, i) => profiles[i]!.first - offset));
  let weight = 0;
  let sum = 0;
  let pull = 0;
  floors.forEach(({ offset, variance }, i) => {
    if (offset - center > DELAYED * Math.sqrt(variance) || center - offset > MISTAKEN * Math.sqrt(variance))
      return;
    weight += 1 / variance;
    sum += offset / variance;
    pull += (nudged[i]!.offset - offset) / variance;
  });
  if (!(weight > 0)) return undefined;
  const sensitivity = pull / weight / Math.log(NUDGE);
  return {
    shift: sum / weight,
    variance: 1 / weight + (sensitivity * sigma) ** 2,
    width: medianOf(Float64Array.from(profiles, (profile) => profile.width)),
    form: SOFTNESS * Math.min(1, Math.max(0, (shape - 1) / (SOFT_SHAPE - 1))) * reach,
  };
}

/** The shape is changed by this factor to see how the floors follow. */
const NUDGE = 1.1;

function isStill({ q0, q1 }: Wander): boolean {
  return q0 === 0 && q1 === 0;
}

/** Shapes that are tried: factors of 2^(1/3) from 1/2 to 8; before any evidence 1.5, within a factor of 2. */
const SHAPES = Array.from({ length: 13 }, (_, i) => 2 ** (i / 3 - 1));
const USUAL_SHAPE = 1.5;
const SHAPE_SPREAD = Math.LN2;

/** The shape of the tail at the floor that all windows together make most likely, and the sigma of its logarithm. */
function shapeOf(profiles: readonly Profile[]): { shape: number; sigma: number } {
  const scores = SHAPES.map((shape) =>
    profiles.reduce(
      (sum, profile) => sum + floorOf(profile, shape).evidence,
      -0.5 * (Math.log(shape / USUAL_SHAPE) / SHAPE_SPREAD) ** 2,
    ),
  );
  const best = Math.min(Math.max(1, scores.indexOf(Math.max(...scores))), SHAPES.length - 2);
  const [below, here, above] = [scores[best - 1]!, scores[best]!, scores[best + 1]!];
  const bend = 2 * here - below - above;
  const step = Math.LN2 / 3;
  if (!(bend > 0)) return { shape: SHAPES[best]!, sigma: SHAPE_SPREAD };
  const shift = Math.max(-1, Math.min(1, (above - below) / (2 * bend)));
  return {
    shape: SHAPES[best]! * Math.exp(shift * step),
    sigma: Math.min(SHAPE_SPREAD, step / Math.sqrt(bend)),
  };
}

/** Knots this many sigma above the curve are delayed, this many below it mistaken; delays are more common. */
const DELAYED = 3;
const MISTAKEN = 4;
const ROUNDS = 3;

/** What a wander must gain in log likelihood where shorter windows showed none. */
const GAIN_OF_LATE_WANDER = 8;

/** Smooths knots, leaves out those that stick out, and widens variances that are smaller than the scatter. */
function settle(knots: Track, isStraight: boolean): { track: Track; smoothed: Smoothed } {
  const { times, offsets, variances } = knots;
  let used = times.map((_, i) => i);
  let track = knots;
  let smoothed = smooth(track, wanderOf(track, isStraight));
  for (let round = 0; round < ROUNDS; round++) {
    const curve = offsetsAt(
      { times: track.times, offsets: smoothed.offsets, drifts: smoothed.drifts },
      times,
    );
    const ratios = times.map((_, i) => (offsets[i]! - curve[i]!) / Math.sqrt(variances[i]!));
    const scale = Math.max(1, 1.4826 * medianOf(ratios.map(Math.abs)));
    const next: number[] = [];
    ratios.forEach((ratio, i) => {
      if (ratio <= DELAYED * scale && ratio >= -MISTAKEN * scale) next.push(i);
    });
    if (next.length < 2) break;
    used = Float64Array.from(next);
    track = {
      times: used.map((i) => times[i]!),
      offsets: used.map((i) => offsets[i]!),
      variances: used.map((i) => variances[i]! * scale * scale),
    };
    smoothed = smooth(track, wanderOf(track, isStraight));
  }
  return { track, smoothed };
}

/** White frequency noise beyond this, s^2/s, is none of a clock: it is the noise of the knots. */
const MOST_WHITE = 1e-12;

/** Random-walk frequency noise that is tried instead, s^2/s^3. */
const WALKS = Array.from({ length: 10 }, (_, i) => 10 ** (-21 + i));

function wanderOf(track: Track, isStraight: boolean): Wander {
  const wander = chooseWander(track);
  const straight = logLikelihood(track, 0, 0);
  if (wander.q0 > MOST_WHITE) {
    const gains = WALKS.map((q1) => logLikelihood(track, 0, q1) - straight);
    const best = gains.indexOf(Math.max(...gains));
    return gains[best]! > GAIN_OF_LATE_WANDER ? { q0: 0, q1: WALKS[best]! } : { q0: 0, q1: 0 };
  }
  if (!isStraight || isStill(wander)) return wander;
  return logLikelihood(track, wander.q0, wander.q1) - straight > GAIN_OF_LATE_WANDER
    ? wander
    : { q0: 0, q1: 0 };
}

/** What a delay may vary by where too few rows show it, s. */
const USUAL_DELAY = 1e-3;

/** Of too few rows for a distribution the lowest of each half, as far off as the delays differ. */
function followFew(times: Float64Array, delays: Float64Array, drift: number): Followed {
  const n = times.length;
  const rests = delays.map((delay, i) => delay - drift * times[i]!);
  const spread = Math.max(USUAL_DELAY, Math.max(...rests) - Math.min(...rests));
  const lowestOf = (from: number, to: number) => rests.indexOf(Math.min(...rests.subarray(from, to)), from);
  const halves = [lowestOf(0, Math.ceil(n / 2)), lowestOf(n >> 1, n)] as const;
  const slope = (delays[halves[1]]! - delays[halves[0]]!) / (times[halves[1]]! - times[halves[0]]!);
  const isSteep = !(Math.abs(slope) <= MOST_DRIFT);
  const picks = Float64Array.from(isSteep ? [lowestOf(0, n)] : halves);
  const track = {
    times: picks.map((i) => times[i]!),
    offsets: picks.map((i) => delays[i]!),
    variances: picks.map(() => spread ** 2),
  };
  const drifts = picks.map(() => (isSteep ? drift : slope));
  return { track, bend: { times: track.times, offsets: track.offsets, drifts }, floorSigma: 0 };
}
