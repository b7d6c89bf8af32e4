import type { Envelope } from "../../src/clock/one-way/index.ts";
import { chooseWander, smooth } from "../../src/clock/smoother.ts";
import { EPOCH, normal, uniform } from "./maps.ts";

type Next = () => number;

const exponential = (next: Next) => -Math.log(1 - next());

/** Delays above the floor, s. */
export const tails = {
  gamma: (next: Next) => 1.5e-3 * (exponential(next) + exponential(next)),
  exponential: (next: Next) => 3e-3 * exponential(next),
  lognormal: (next: Next) => 2e-3 * Math.exp(0.9 * normal(next)),
  pareto: (next: Next) => 2e-3 * ((1 - next()) ** (-1 / 1.5) - 1),
  twoRoutes: (next: Next) => (next() < 0.7 ? 4e-3 : 0) + 1e-3 * exponential(next),
  rarelyLow: (next: Next) =>
    next() < 0.01 ? 1e-3 * exponential(next) : 5e-3 + 1e-3 * (exponential(next) + exponential(next)),
};

/** The smallest delay, s. */
export const FLOOR = 2e-3;

/** True time minus stamp by true time, s; the stamps begin 1000 s after the epoch. */
export const drifts = {
  linear: (t: number) => 40e-6 * t,
  warmup: (t: number) =>
    40e-6 * t +
    5e-6 * (t + 1200 * (Math.exp(-t / 1200) - 1)) +
    ((1e-6 * 7200) / (2 * Math.PI)) * (1 - Math.cos((2 * Math.PI * t) / 7200)),
  fast: (t: number) => -930e-6 * t,
};

export interface Series {
  readonly from: BigInt64Array;
  readonly to: BigInt64Array;
  /** True time plus floor and step of each stamp, s since the epoch, and true time itself. */
  readonly truth: Float64Array;
  readonly times: Float64Array;
}

export interface SeriesOptions {
  seed: number;
  lengthS?: number;
  rateHz?: number;
  drift?: keyof typeof drifts;
  tail?: keyof typeof tails;
  /** Added to the arrivals (a step of the host, a delay): s by true time. */
  added?: (t: number) => number;
  /** Whether `added` belongs to the truth. */
  isStep?: boolean;
  dropped?: number;
  /** Whether stamps exist at a true time. */
  exists?: (t: number) => boolean;
}

/** Stamps and arrivals of a stream, first in first out, 2 % of it late by 20 to 200 ms. */
export function series(options: SeriesOptions): Series {
  const { seed, lengthS = 7200, rateHz = 30, drift = "warmup", tail = "gamma", dropped = 0 } = options;
  const next = uniform(seed);
  const size = Math.floor(lengthS * rateHz);
  const from = new BigInt64Array(size);
  const to = new BigInt64Array(size);
  const truth = new Float64Array(size);
  const times = new Float64Array(size);
  let last = 0;
  let n = 0;
  for (let i = 0; i < size; i++) {
    const t = i / rateHz + 1e-6 * next();
    const added = options.added?.(t) ?? 0;
    const late = next() < 0.02 ? 0.02 + 0.18 * next() : 0;
    last = Math.max(last, t + FLOOR + tails[tail](next) + late + added);
    if (next() < dropped || options.exists?.(t) === false) continue;
    from[n] = EPOCH + BigInt(Math.round((t - drifts[drift](t) + 1000) * 1e9));
    to[n] = EPOCH + BigInt(Math.round(last * 1e9));
    truth[n] = t + FLOOR + (options.isStep ? added : 0);
    times[n++] = t;
  }
  return { from: from.slice(0, n), to: to.slice(0, n), truth: truth.slice(0, n), times: times.slice(0, n) };
}

/** Absolute errors of an envelope against the truth (us, ascending) where `counts`, and the share within 2 sigma. */
export function score(
  { from, truth, times }: Series,
  { stretches }: Envelope,
  counts = (t: number) => t > 120,
): { p50: number; p95: number; p99: number; max: number; coverage: number } {
  const curves = stretches.map(({ track }) => smooth(track, chooseWander(track)));
  const errors: number[] = [];
  let inside = 0;
  const stride = Math.max(1, Math.floor(from.length / 5000));
  for (let i = 0; i < from.length; i += stride) {
    if (!counts(times[i]!)) continue;
    const k = Math.max(
      0,
      stretches.findLastIndex(({ start }) => start <= from[i]!),
    );
    const { base, track, floorSigma } = stretches[k]!;
    const curve = curves[k]!;
    const t = Number(from[i]! - base.from) / 1e9;
    let knot = track.times.findIndex((time) => time > t);
    knot = knot < 0 ? track.times.length - 2 : Math.max(0, knot - 1);
    const step = track.times[knot + 1]! - track.times[knot]!;
    const s = (t - track.times[knot]!) / step;
    const rise = curve.offsets[knot + 1]! - curve.offsets[knot]!;
    const bow =
      s < 0 || s > 1
        ? 0
        : s *
          (1 - s) *
          ((curve.drifts[knot]! * step - rise) * (1 - s) - (curve.drifts[knot + 1]! * step - rise) * s);
    const offset = curve.offsets[knot]! + s * rise + bow;
    const expected = truth[i]! - Number(from[i]! - EPOCH) / 1e9 - Number(base.offset) / 1e9;
    const w = Math.min(1, Math.max(0, s));
    const variance = (1 - w) * curve.p00[knot]! + w * curve.p00[knot + 1]! + floorSigma ** 2;
    errors.push(1e6 * Math.abs(offset - expected));
    if (Math.abs(offset - expected) <= 2 * Math.sqrt(variance)) inside++;
  }
  errors.sort((a, b) => a - b);
  const at = (share: number) => errors[Math.min(errors.length - 1, Math.floor(share * errors.length))]!;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1), coverage: inside / errors.length };
}
