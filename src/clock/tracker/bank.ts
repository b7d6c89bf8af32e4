import type { Wander } from "../smoother.ts";

/** Offset (s) and drift (s/s) of a clock with their covariance. */
export interface State {
  readonly offset: number;
  readonly drift: number;
  readonly p00: number;
  readonly p01: number;
  readonly p11: number;
}

/** A measurement of the offset; s since the base, s, s^2. */
export interface Measurement {
  readonly time: number;
  readonly offset: number;
  readonly variance: number;
  /** By what the variance of the drift grows before it, (s/s)^2: where the rate was seen to jump. */
  readonly kick: number;
}

/** The wanders that are held against each other: a straight line first, then decades of both noises. */
export const wanders: readonly Wander[] = [0, 1e-14, 1e-12, 1e-10].flatMap((q0) =>
  [0, 1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16, 1e-15, 1e-14, 1e-13].map((q1) => ({ q0, q1 })),
);

const noise0 = Float64Array.from(wanders, ({ q0 }) => q0);
const noise1 = Float64Array.from(wanders, ({ q1 }) => q1);

/** A straight line is the more likely before any evidence, by this much in log likelihood. */
const STRAIGHT = 4;

/** Log likelihoods fade by this share with each measurement: some thousand of them tell how a clock wanders. */
const FADE = 1 / 1500;

/** Kalman filters of one clock side by side, one for each wander. */
export class Bank {
  time = 0;
  readonly offsets = new Float64Array(wanders.length);
  readonly drifts = new Float64Array(wanders.length);
  readonly p00 = new Float64Array(wanders.length);
  readonly p01 = new Float64Array(wanders.length);
  readonly p11 = new Float64Array(wanders.length);

  copy(): Bank {
    const bank = new Bank();
    bank.time = this.time;
    for (const key of ["offsets", "drifts", "p00", "p01", "p11"] as const) bank[key].set(this[key]);
    return bank;
  }

  /** Starts all filters at a measurement, with a drift that is known by its variance. */
  start({ time, offset, variance }: Measurement, drift: number, driftVariance: number): void {
    this.time = time;
    this.offsets.fill(offset);
    this.drifts.fill(drift);
    this.p00.fill(variance);
    this.p01.fill(0);
    this.p11.fill(driftVariance);
  }

  /** Starts at a measurement of a new offset with the drifts that the filters have, less certain by `kick`. */
  restart({ time, offset, variance, kick }: Measurement): void {
    const gap = Math.max(0, time - this.time);
    this.time = time;
    this.offsets.fill(offset);
    this.p00.fill(variance);
    this.p01.fill(0);
    for (let i = 0; i < wanders.length; i++) this.p11[i]! += kick + noise1[i]! * gap;
  }

  /** Takes a measurement in; `scores`, where given, are the log likelihoods of the wanders, which fade. */
  update({ time, offset, variance, kick }: Measurement, scores?: Float64Array): void {
    const dt = time - this.time;
    this.time = time;
    for (let i = 0; i < wanders.length; i++) {
      const q0 = noise0[i]!;
      const q1 = noise1[i]!;
      const c = this.p11[i]! + kick;
      const b = this.p01[i]! + dt * (c + (q1 * dt) / 2);
      const a = this.p00[i]! + dt * (2 * this.p01[i]! + dt * c + q0 + (q1 * dt * dt) / 3);
      const predicted = this.offsets[i]! + this.drifts[i]! * dt;
      const share = 1 / (a + variance);
      const surprise = offset - predicted;
      const gain = b * share;
      this.offsets[i] = predicted + a * share * surprise;
      this.drifts[i]! += gain * surprise;
      this.p00[i] = a * variance * share;
      this.p01[i] = b * variance * share;
      this.p11[i] = Math.max(0, c + q1 * dt - gain * b);
      if (scores !== undefined)
        scores[i] = scores[i]! * (1 - FADE) - 0.5 * (surprise * surprise * share - Math.log(share));
    }
  }

  /** What the filters say together at a time, by their weights: their spread is part of the variance. */
  blend(weights: Float64Array, time: number): State {
    const dt = time - this.time;
    let [offset, drift] = [0, 0];
    for (let i = 0; i < weights.length; i++) {
      if (weights[i] === 0) continue;
      offset += weights[i]! * (this.offsets[i]! + this.drifts[i]! * dt);
      drift += weights[i]! * this.drifts[i]!;
    }
    let [p00, p01, p11] = [0, 0, 0];
    for (let i = 0; i < weights.length; i++) {
      if (weights[i] === 0) continue;
      const [b, c, span] = [this.p01[i]!, this.p11[i]!, Math.abs(dt)];
      const x = this.offsets[i]! + this.drifts[i]! * dt - offset;
      const f = this.drifts[i]! - drift;
      const walk = span * (noise0[i]! + (noise1[i]! * dt * dt) / 3);
      p00 += weights[i]! * (this.p00[i]! + dt * (2 * b + dt * c) + walk + x * x);
      p01 += weights[i]! * (b + dt * (c + (noise1[i]! * span) / 2) + x * f);
      p11 += weights[i]! * (c + noise1[i]! * span + f * f);
    }
    return { offset, drift, p00, p01, p11 };
  }
}

/** Wanders that are so much less likely than the likeliest do not count. */
const LEAST_WEIGHT = 0.01;

/** The share of each wander; those that hardly count have none. */
export function weigh(scores: Float64Array): Float64Array {
  const weights = new Float64Array(scores.length);
  let top = scores[0]! + STRAIGHT;
  for (let i = 1; i < scores.length; i++) top = Math.max(top, scores[i]!);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const ahead = scores[i]! + (i === 0 ? STRAIGHT : 0) - top;
    const weight = ahead < -6 ? 0 : Math.exp(ahead);
    if (weight < LEAST_WEIGHT) continue;
    weights[i] = weight;
    sum += weight;
  }
  for (let i = 0; i < weights.length; i++) weights[i]! /= sum;
  return weights;
}

/** The mean wander by weights. */
export function meanWander(weights: Float64Array): Wander {
  let [q0, q1] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    q0 += weights[i]! * noise0[i]!;
    q1 += weights[i]! * noise1[i]!;
  }
  return { q0, q1 };
}
