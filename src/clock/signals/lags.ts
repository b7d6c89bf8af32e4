import { AlignError } from "../../errors.ts";
import { formatDuration } from "../../time.ts";
import { quantile, robustSigma } from "../statistics.ts";
import {
  type Comparison,
  type Curve,
  curvesOf,
  highest,
  memoryIn,
  type Stretch,
  scatterAt,
  topOf,
} from "./curves.ts";
import { bestLine, type Line } from "./line.ts";
import { type Feature, type Signal, type Track, trackOf } from "./signal.ts";

/** One stretch of the signals and the lag that it shows. */
export interface LagChunk {
  /** ns on the clock from: where the stretch tells most. */
  readonly from: bigint;
  readonly lagNs: bigint;
  readonly sigmaNs: number;
  /** Of the two signals at this lag, -1 to 1. */
  readonly correlation: number;
  /** `weak`: no peak of its own near the others' lag; `outlier`: a peak that the others contradict. */
  readonly state: "used" | "weak" | "outlier";
}

export interface SignalLags {
  /** The used chunks as marks: an instant on the clock from, its like on the clock to, 1 sigma; ns. */
  readonly from: BigInt64Array;
  readonly to: BigInt64Array;
  readonly uncertainty: BigInt64Array;
  readonly chunks: readonly LagChunk[];
  /** What of each signal was compared. */
  readonly features: readonly [from: Feature, to: Feature];
}

/** Fewer changes than these are a pattern that anything may show. */
const LEAST_CHANGES = 4;
const CHANGES_PER_CHUNK = 16;
const MOST_CHUNKS = 96;
/** Finest division of the lags in the first search. */
const MOST_LAGS = 16384;
const LEAST_CLARITY = 6;
const MOST_RIVAL = 0.8;

interface Finding {
  readonly comparison: Comparison;
  readonly stretches: readonly Stretch[];
  readonly curves: readonly Curve[];
  readonly line: Line;
  /** Bins that the last search takes, s. */
  readonly fine: number;
}

/**
 * The lag between two signals of the same thing, stretch by stretch: offsets of the clock to minus the clock from.
 *
 * Stretches of the first signal are correlated with the second at every lag up to `maxLagNs`; the line of lags over time
 * that all of them together support best is taken, and each stretch's own peak beside it becomes a mark, whose sigma
 * is the noise of the correlation's slope over the peak's curvature, and no less than the scatter of the marks says.
 * On-off signals are compared by their values and by their changes, numbers by their values.
 *
 * Throws `CLOCK_TOO_LITTLE_EVIDENCE` where the signals do not meet or hardly change, `CLOCK_NO_LAG` where no lag stands
 * out, `CLOCK_AMBIGUOUS_LAG` where two do, `CLOCK_LAG_AT_EDGE` where the best is at the end of the search.
 */
export function signalLags(from: Signal, to: Signal, maxLagNs: bigint): SignalLags {
  const base = from.times[0] ?? 0n;
  const [first, second] = [trackOf(from, base), trackOf(to, base)];
  const maxLag = Number(maxLagNs) / 1e9;
  const span = requireMeeting(first, second, maxLag);
  const fine = fineStep(first, second, span);
  const found = featurePairs(first, second)
    .map((features) => find({ from: first, to: second, features }, span, maxLag, fine))
    .filter((finding) => finding !== undefined);
  const best = found.sort((a, b) => b.line.clarity - a.line.clarity)[0];
  if (best === undefined) throw tooLittle("no stretch of the signals is long enough to compare");
  requireClear(best.line, maxLagNs);
  const chunks = markChunks(best);
  const used = chunks.filter(({ state }) => state === "used");
  if (used.length === 0) throw noLag(best.line, "no stretch of them shows it by itself");
  const absolute = chunks.map(({ time, lag, sigma, correlation, state }) => ({
    from: base + BigInt(Math.round(time * 1e9)),
    lagNs: BigInt(Math.round(lag * 1e9)),
    sigmaNs: Math.ceil(sigma * 1e9),
    correlation,
    state,
  }));
  const marks = absolute.filter(({ state }) => state === "used");
  return {
    from: BigInt64Array.from(marks, (mark) => mark.from),
    to: BigInt64Array.from(marks, (mark) => mark.from + mark.lagNs),
    uncertainty: BigInt64Array.from(marks, (mark) => BigInt(mark.sigmaNs)),
    chunks: absolute,
    features: best.comparison.features,
  };
}

/** The stretch of the first signal that the second may have seen, s. */
function requireMeeting(first: Track, second: Track, maxLag: number): Stretch {
  for (const { times, changes, isState } of [first, second]) {
    const least = isState ? LEAST_CHANGES : 2 * CHANGES_PER_CHUNK;
    if (changes >= least) continue;
    throw tooLittle(
      times.length < 2
        ? `a signal has ${times.length} good samples`
        : `a signal changes ${changes} ${changes === 1 ? "time" : "times"}, where ${least} changes are needed`,
    );
  }
  const start = Math.max(first.times[0]!, second.times[0]! - maxLag);
  const end = Math.min(first.times.at(-1)!, second.times.at(-1)! + maxLag);
  if (end > start) return { start, end };
  const apart = Math.max(second.times[0]! - first.times.at(-1)!, first.times[0]! - second.times.at(-1)!);
  throw new AlignError(
    "CLOCK_TOO_LITTLE_EVIDENCE",
    `the two signals lie ${formatDuration(BigInt(Math.round(apart)) * 1_000_000_000n)} apart, more than max_lag`,
    { hint: "put the clock from near the clock to, for example by the start of a video, or raise max_lag" },
  );
}

/** The finest useful bins: as the faster of the sampled signals, or a part of the shortest time between changes. */
function fineStep(first: Track, second: Track, span: Stretch): number {
  const steps = [first, second].map(({ isHeld, interval }) => (isHeld ? interval / 16 : interval));
  return Math.max(Math.min(...steps), (span.end - span.start) / 2 ** 21, 1e-6);
}

function featurePairs(first: Track, second: Track): [Feature, Feature][] {
  if (first.isState && second.isState)
    return [
      ["level", "level"],
      ["change", "change"],
    ];
  if (!first.isState && !second.isState) return [["level", "level"]];
  return [["level", "level"], first.isState ? ["change", "level"] : ["level", "change"]];
}

function find(
  tracks: { from: Track; to: Track; features: readonly [Feature, Feature] },
  span: Stretch,
  maxLag: number,
  fine: number,
): Finding | undefined {
  const length = span.end - span.start;
  const sketch = Math.max(fine, length / 2 ** 18);
  const whole = { ...tracks, wander: length / 8, spread: 0 };
  const first = memoryIn(whole, span, sketch);
  const isLevel = tracks.features.every((feature) => feature === "level");
  const comparison = isLevel
    ? { ...whole, wander: 2 * first }
    : { ...whole, spread: tracks.features[0] === tracks.features[1] ? 0 : 2 * first };
  const memory = isLevel ? memoryIn(comparison, span, sketch) : first;
  // A peak beyond the largest lag has wings within it, which must not be taken for a peak.
  const reach = maxLag + 4 * first;
  const step = Math.max(fine, (2 * reach) / MOST_LAGS, memory / 16);
  const { from, to } = comparison;
  const changes = [from, to].filter(({ isState }) => isState).map((track) => track.changes);
  const events = Math.min(length / (2 * memory), ...changes);
  const count = Math.min(
    MOST_CHUNKS,
    Math.max(1, Math.floor(events / CHANGES_PER_CHUNK)),
    Math.max(1, Math.floor(length / (8 * step))),
  );
  if (length < 8 * step) return undefined;
  const stretches = Array.from({ length: count }, (_, i) => ({
    start: span.start + (i * length) / count,
    end: span.start + ((i + 1) * length) / count,
  }));
  const curves = curvesOf(comparison, stretches, () => 0, reach, step);
  const line = bestLine(curves, memory, isLevel ? [1, -1] : [1]);
  return line === undefined
    ? undefined
    : { comparison, stretches, curves, line, fine: Math.max(fine, memory / 64) };
}

function requireClear(line: Line, maxLagNs: bigint): void {
  const { correlation, clarity, rival, lag, isAtEdge } = line;
  if (!(correlation > 0) || clarity < LEAST_CLARITY) throw noLag(line, "no lag stands out");
  if (rival !== undefined && rival.share > MOST_RIVAL) {
    throw new AlignError(
      "CLOCK_AMBIGUOUS_LAG",
      `the signals fit one another at ${spanText(lag)} and nearly as well at ${spanText(rival.lag)}`,
      {
        hint: "they repeat themselves: take signals that do not, a longer stretch, or a max_lag below half of their period",
      },
    );
  }
  if (!isAtEdge && Math.abs(lag) < 0.99 * (Number(maxLagNs) / 1e9)) return;
  throw new AlignError(
    "CLOCK_LAG_AT_EDGE",
    `the best lag, ${spanText(lag)}, is at the edge of max_lag ${formatDuration(maxLagNs)}`,
    { hint: "raise max_lag well beyond the lag" },
  );
}

/** One sigma of the mean of a stretch's changes, whose times polling tells to one interval. */
function coarseness({ from, to }: Comparison, { start, end }: Stretch): number {
  return Math.max(
    ...[from, to].map(({ isState, isHeld, interval, changes, times }) => {
      if (!isState || isHeld) return 0;
      const share = (end - start) / (times.at(-1)! - times[0]!);
      return interval / Math.sqrt(12 * Math.max(1, changes * share));
    }),
  );
}

interface Chunk {
  readonly time: number;
  readonly lag: number;
  readonly sigma: number;
  readonly correlation: number;
  readonly state: LagChunk["state"];
}

function markChunks(finding: Finding): Chunk[] {
  const { curves, line } = finding;
  const chunks = curves.map((curve) => chunkOf(curve, line, line.lag + slope(curve, line)));
  const displaced = curves.map((curve) => displacedChunk(curve, line));
  const merged = chunks.map((chunk, i) => {
    const own = displaced[i];
    if (own === undefined) return chunk;
    const agrees = [displaced[i - 1], displaced[i + 1]].some(
      (other) => other !== undefined && Math.abs(other.lag - own.lag) < line.width,
    );
    // A clock that was set moves several stretches together.
    return agrees ? own : { ...own, state: "outlier" as const };
  });
  return calibrated(withoutOutliers(refined(finding, merged), line));
}

/** Finer lags of the used stretches, and their sigmas. */
function refined({ comparison, stretches, curves, line, fine }: Finding, chunks: readonly Chunk[]): Chunk[] {
  const { step } = curves[0]!;
  const lagOf = (stretch: Stretch) => chunks[stretches.indexOf(stretch)]!.lag;
  const close =
    step > 1.5 * fine
      ? curvesOf(comparison, stretches, lagOf, Math.max(16 * step, 3 * line.width), fine)
      : undefined;
  return chunks.map((chunk, i) => {
    if (chunk.state !== "used") return chunk;
    const finer =
      close === undefined
        ? chunk
        : chunkOf({ ...close[i]!, noise: 0 }, { ...line, width: 4 * step }, chunk.lag);
    const own = finer.state === "used" ? finer : chunk;
    const scatter = scatterAt(comparison, stretches[i]!, own.lag, fine, 2 * line.width);
    return {
      ...own,
      sigma: Math.max(Math.hypot(scatter, 0.1 * fine), coarseness(comparison, stretches[i]!)),
    };
  });
}

function slope({ centre }: Curve, { drift, middle }: Line): number {
  return drift * (centre - middle);
}

/** The peak of a curve within the line's width of a lag. */
function chunkOf(curve: Curve, { sign, width: reach }: Line, lag: number): Chunk {
  const { correlations, firstLag, step, centre, noise } = curve;
  const place = (lag - firstLag) / step;
  const [low, high] = [Math.ceil(place - reach / step), Math.floor(place + reach / step)];
  const peak = highest(correlations, sign, low, high);
  const top = peak < 0 ? undefined : topOf(correlations, sign, peak);
  const weak = { time: centre, lag, sigma: Number.POSITIVE_INFINITY, correlation: 0, state: "weak" as const };
  if (top === undefined) return weak;
  const own = { ...weak, lag: firstLag + step * top.place, correlation: sign * top.height };
  if (peak <= low || peak >= high || Math.atanh(Math.min(top.height, 0.9999)) < 3 * noise) return own;
  return { ...own, sigma: reach, state: "used" };
}

/** A curve's highest peak, where that is elsewhere and leaves no doubt. */
function displacedChunk(curve: Curve, line: Line): Chunk | undefined {
  const { correlations, firstLag, step, noise } = curve;
  const { sign, lag, width } = line;
  const peak = highest(correlations, sign, 0, correlations.length - 1);
  if (peak < 0) return undefined;
  const at = firstLag + step * peak;
  const expected = lag + slope(curve, line);
  if (Math.abs(at - expected) < 2 * width) return undefined;
  const near = (reach: number, centre: number) =>
    highest(
      correlations,
      sign,
      Math.ceil((centre - reach - firstLag) / step),
      Math.floor((centre + reach - firstLag) / step),
    );
  const height = sign * correlations[peak]!;
  const here = near(width, expected);
  const others = [
    highest(correlations, sign, 0, peak - Math.ceil((2 * width) / step)),
    highest(correlations, sign, peak + Math.ceil((2 * width) / step), correlations.length - 1),
  ].map((k) => (k < 0 ? 0 : sign * correlations[k]!));
  if (height < 6 * noise || Math.max(...others) > MOST_RIVAL * height) return undefined;
  if (here >= 0 && sign * correlations[here]! > MOST_RIVAL * height) return undefined;
  const chunk = chunkOf(curve, line, at);
  return chunk.state === "used" ? chunk : undefined;
}

/** Marks lags as outliers that are far from the median of the five around them. */
function withoutOutliers(chunks: readonly Chunk[], line: Line): Chunk[] {
  const used = chunks.filter(({ state }) => state === "used");
  const flat = used.map(({ lag, time }) => lag - line.drift * (time - line.middle));
  const residuals = flat.map((lag, i) => lag - quantile(flat.slice(Math.max(0, i - 2), i + 3), 0.5));
  const scatter = robustSigma(residuals);
  const outliers = new Set(
    used.filter(({ sigma }, i) => Math.abs(residuals[i]!) > 6 * Math.max(scatter, sigma)),
  );
  return chunks.map((chunk) => (outliers.has(chunk) ? { ...chunk, state: "outlier" } : chunk));
}

/** Makes sigmas as wide as the scatter of each lag around the line through its neighbours. */
function calibrated(chunks: readonly Chunk[]): Chunk[] {
  const used = chunks.filter(({ state }) => state === "used");
  const scores = used.slice(1, -1).map((chunk, i) => {
    const [before, after] = [used[i]!, used[i + 2]!];
    const share = (chunk.time - before.time) / (after.time - before.time);
    const expected = before.lag + share * (after.lag - before.lag);
    return (chunk.lag - expected) / Math.hypot(chunk.sigma, (1 - share) * before.sigma, share * after.sigma);
  });
  const scale = scores.length < 4 ? 1 : Math.max(0.5, robustSigma(scores) * (1 + 1 / scores.length));
  return chunks.map((chunk) => ({
    ...chunk,
    sigma: chunk.sigma * (scores.length < 12 ? Math.max(scale, 1) : scale),
  }));
}

function tooLittle(what: string): AlignError {
  return new AlignError("CLOCK_TOO_LITTLE_EVIDENCE", `no lag can be found: ${what}`, {
    hint: "take signals that change more often, or a longer stretch of them",
  });
}

function noLag({ lag, correlation }: Line, what: string): AlignError {
  return new AlignError(
    "CLOCK_NO_LAG",
    `the signals do not fit one another: ${what} (the best, ${spanText(lag)}, has a correlation of ${correlation.toFixed(2)})`,
    { hint: "take two tags that show the same thing, or raise max_lag" },
  );
}

function spanText(seconds: number): string {
  return formatDuration(BigInt(Math.round(seconds * 1e3)) * 1_000_000n);
}
