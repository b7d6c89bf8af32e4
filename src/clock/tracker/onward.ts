import { type Bank, type Measurement, type State, wanders } from "./bank.ts";

/**
 * The states at measurements that follow a bank of filters, given all of them: each filter goes on to the last one,
 * the backward pass of Bryson and Frazier returns, and the weights blend the first `count` of the results.
 */
export function smoothOnward(
  bank: Bank,
  measurements: readonly Measurement[],
  weights: Float64Array,
  count: number,
): State[] {
  const run = new Run(measurements.length);
  const sums = new Run(count);
  const from = new Run(count);
  let isFirst = true;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    goOn(run, bank, i, measurements);
    goBack(run, measurements);
    if (isFirst) for (let k = 0; k < count; k++) [from.x[k], from.f[k]] = [run.x[k]!, run.f[k]!];
    isFirst = false;
    addRun(sums, from, run, weights[i]!, count);
  }
  return Array.from({ length: count }, (_, k) => {
    const x = sums.x[k]!;
    const f = sums.f[k]!;
    return {
      offset: from.x[k]! + x,
      drift: from.f[k]! + f,
      p00: Math.max(0, sums.a[k]! - x * x),
      p01: sums.b[k]! - x * f,
      p11: Math.max(0, sums.c[k]! - f * f),
    };
  });
}

/** States at each measurement: offset, drift and their covariance; surprises and their variances. */
class Run {
  readonly x: Float64Array;
  readonly f: Float64Array;
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly c: Float64Array;
  readonly spreads: Float64Array;
  readonly surprises: Float64Array;

  constructor(n: number) {
    const buffer = new Float64Array(7 * n);
    const part = (k: number) => buffer.subarray(k * n, (k + 1) * n);
    this.x = part(0);
    this.f = part(1);
    this.a = part(2);
    this.b = part(3);
    this.c = part(4);
    this.spreads = part(5);
    this.surprises = part(6);
  }
}

/** Adds the moments of a run about some states. */
function addRun(sums: Run, from: Run, run: Run, weight: number, count: number): void {
  for (let k = 0; k < count; k++) {
    const x = run.x[k]! - from.x[k]!;
    const f = run.f[k]! - from.f[k]!;
    sums.x[k]! += weight * x;
    sums.f[k]! += weight * f;
    sums.a[k]! += weight * (run.a[k]! + x * x);
    sums.b[k]! += weight * (run.b[k]! + x * f);
    sums.c[k]! += weight * (run.c[k]! + f * f);
  }
}

function goOn(run: Run, bank: Bank, model: number, measurements: readonly Measurement[]): void {
  const { q0, q1 } = wanders[model]!;
  let value = bank.offsets[model]!;
  let slope = bank.drifts[model]!;
  let a = bank.p00[model]!;
  let b = bank.p01[model]!;
  let c = bank.p11[model]!;
  let before = bank.time;
  for (let i = 0; i < measurements.length; i++) {
    const { variance, offset, kick, time } = measurements[i]!;
    const dt = time - before;
    before = time;
    c += kick;
    a += dt * (2 * b + dt * c + q0 + (q1 * dt * dt) / 3);
    b += dt * (c + (q1 * dt) / 2);
    c += q1 * dt;
    value += slope * dt;
    const s = a + variance;
    const surprise = offset - value;
    const gain = b / s;
    value += (a / s) * surprise;
    slope += gain * surprise;
    c = Math.max(0, c - gain * b);
    a *= variance / s;
    b *= variance / s;
    run.x[i] = value;
    run.f[i] = slope;
    run.a[i] = a;
    run.b[i] = b;
    run.c[i] = c;
    run.spreads[i] = s;
    run.surprises[i] = surprise;
  }
}

function goBack({ x, f, a, b, c, spreads, surprises }: Run, measurements: readonly Measurement[]): void {
  let u = 0;
  let v = 0;
  let l00 = 0;
  let l01 = 0;
  let l11 = 0;
  for (let i = measurements.length - 1; i >= 0; i--) {
    const p00 = a[i]!;
    const p01 = b[i]!;
    const p11 = c[i]!;
    x[i] = x[i]! - p00 * u - p01 * v;
    f[i] = f[i]! - p01 * u - p11 * v;
    const m00 = l00 * p00 + l01 * p01;
    const m01 = l00 * p01 + l01 * p11;
    const m10 = l01 * p00 + l11 * p01;
    const m11 = l01 * p01 + l11 * p11;
    a[i] = Math.max(0, p00 - p00 * m00 - p01 * m10);
    b[i] = p01 - p00 * m01 - p01 * m11;
    c[i] = Math.max(0, p11 - p01 * m01 - p11 * m11);
    if (i === 0) return;
    const s = spreads[i]!;
    const r = measurements[i]!.variance;
    const dt = measurements[i]!.time - measurements[i - 1]!.time;
    const keep = r / s;
    // The gain of the drift over the variance: the filtered covariance of both, divided by the measurement's.
    const gain = p01 / r;
    u = keep * u - gain * v - surprises[i]! / s;
    v += u * dt;
    const t00 = keep * keep * l00 - 2 * keep * gain * l01 + gain * gain * l11 + 1 / s;
    const t01 = keep * l01 - gain * l11;
    l11 += dt * (2 * t01 + dt * t00);
    l01 = t01 + dt * t00;
    l00 = t00;
  }
}
