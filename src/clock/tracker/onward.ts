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
  const runs: Run[] = [];
  for (let i = 0; i < weights.length; i++) {
    if (weights[i]! > 0) runs.push({ weight: weights[i]!, ...runOf(bank, i, measurements) });
  }
  return Array.from({ length: count }, (_, k) => blend(runs, k));
}

interface Run {
  readonly weight: number;
  readonly x: Float64Array;
  readonly f: Float64Array;
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly c: Float64Array;
}

function blend(runs: readonly Run[], k: number): State {
  let [offset, drift] = [0, 0];
  for (const { weight, x, f } of runs) {
    offset += weight * x[k]!;
    drift += weight * f[k]!;
  }
  let [p00, p01, p11] = [0, 0, 0];
  for (const { weight, x, f, a, b, c } of runs) {
    const [dx, df] = [x[k]! - offset, f[k]! - drift];
    p00 += weight * (a[k]! + dx * dx);
    p01 += weight * (b[k]! + dx * df);
    p11 += weight * (c[k]! + df * df);
  }
  return { offset, drift, p00, p01, p11 };
}

function runOf(bank: Bank, model: number, measurements: readonly Measurement[]): Omit<Run, "weight"> {
  const n = measurements.length;
  const [x, f, p00, p01, p11, spreads, surprises] = Array.from({ length: 7 }, () => new Float64Array(n));
  const { q0, q1 } = wanders[model]!;
  let value = bank.offsets[model]!;
  let slope = bank.drifts[model]!;
  let a = bank.p00[model]!;
  let b = bank.p01[model]!;
  let c = bank.p11[model]!;
  let time = bank.time;
  for (let i = 0; i < n; i++) {
    const { variance, offset, kick } = measurements[i]!;
    const dt = measurements[i]!.time - time;
    time += dt;
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
    x![i] = value;
    f![i] = slope;
    p00![i] = a;
    p01![i] = b;
    p11![i] = c;
    spreads![i] = s;
    surprises![i] = surprise;
  }
  const run = { x: x!, f: f!, a: p00!, b: p01!, c: p11! };
  goBack(run, measurements, spreads!, surprises!);
  return run;
}

function goBack(
  { x, f, a, b, c }: Omit<Run, "weight">,
  measurements: readonly Measurement[],
  spreads: Float64Array,
  surprises: Float64Array,
): void {
  let [u, v, l00, l01, l11] = [0, 0, 0, 0, 0];
  for (let i = measurements.length - 1; i >= 0; i--) {
    const [p00, p01, p11] = [a[i]!, b[i]!, c[i]!];
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
