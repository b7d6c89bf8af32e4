/** Measurements of one stretch without steps: strictly ascending times in s since the base, offsets in s, variances in s^2. */
export interface Track {
  readonly times: Float64Array;
  /** Minus the offset of the base. */
  readonly offsets: Float64Array;
  /** Above 0 and finite. */
  readonly variances: Float64Array;
}

/** How a clock wanders: white frequency noise q0 (s^2/s) and random-walk frequency q1 (s^2/s^3); both 0 is a straight line. */
export interface Wander {
  readonly q0: number;
  readonly q1: number;
}

/** Offset (s), drift (s/s) and their covariance at each time of a track, given the whole track. */
export interface Smoothed {
  readonly offsets: Float64Array;
  readonly drifts: Float64Array;
  readonly p00: Float64Array;
  readonly p01: Float64Array;
  readonly p11: Float64Array;
  readonly wander: Wander;
}

/**
 * The offset and drift of a clock at each measurement, by a Kalman filter and the backward pass of Bryson and Frazier.
 *
 * The state is [offset, drift] with transition [1 dt; 0 1] and process noise
 * [q0 dt + q1 dt^3/3, q1 dt^2/2; q1 dt^2/2, q1 dt]; the result is that of Rauch, Tung and Striebel, but nothing is
 * inverted, so that a straight line (no process noise) is exact too. The start is diffuse: the first two measurements
 * alone set the state, by their own line. At least two measurements are needed. O(n).
 */
export function smooth(track: Track, wander: Wander): Smoothed {
  const { times, offsets, variances } = track;
  const n = times.length;
  const { q0, q1 } = wander;
  const x = new Float64Array(n);
  const f = new Float64Array(n);
  const p00 = new Float64Array(n);
  const p01 = new Float64Array(n);
  const p11 = new Float64Array(n);
  const spreads = new Float64Array(n);
  const surprises = new Float64Array(n);
  const first = times[1]! - times[0]!;
  let value = offsets[1]!;
  let slope = (value - offsets[0]!) / first;
  let a = variances[1]!;
  let b = a / first;
  let c = (variances[0]! + a) / (first * first) + q0 / first + (q1 * first) / 3;
  x[1] = value;
  f[1] = slope;
  p00[1] = a;
  p01[1] = b;
  p11[1] = c;
  for (let i = 2; i < n; i++) {
    const dt = times[i]! - times[i - 1]!;
    const r = variances[i]!;
    a += dt * (2 * b + dt * c + q0 + (q1 * dt * dt) / 3);
    b += dt * (c + (q1 * dt) / 2);
    c += q1 * dt;
    value += slope * dt;
    const s = a + r;
    const surprise = offsets[i]! - value;
    const gain = b / s;
    value += (a / s) * surprise;
    slope += gain * surprise;
    c -= gain * b;
    a *= r / s;
    b *= r / s;
    x[i] = value;
    f[i] = slope;
    p00[i] = a;
    p01[i] = b;
    p11[i] = c;
    spreads[i] = s;
    surprises[i] = surprise;
  }
  goBack(track, { x, f, p00, p01, p11 }, spreads, surprises);
  smoothFirst(track, wander, { x, f, p00, p01, p11 });
  return { offsets: x, drifts: f, p00, p01, p11, wander };
}

interface States {
  readonly x: Float64Array;
  readonly f: Float64Array;
  readonly p00: Float64Array;
  readonly p01: Float64Array;
  readonly p11: Float64Array;
}

/** Turns filtered states into smoothed ones, from the last to the second. */
function goBack(
  { times, variances }: Track,
  { x, f, p00, p01, p11 }: States,
  spreads: Float64Array,
  surprises: Float64Array,
): void {
  let u = 0;
  let v = 0;
  let l00 = 0;
  let l01 = 0;
  let l11 = 0;
  for (let i = times.length - 1; i > 0; i--) {
    const a = p00[i]!;
    const b = p01[i]!;
    const c = p11[i]!;
    x[i] = x[i]! - a * u - b * v;
    f[i] = f[i]! - b * u - c * v;
    const m00 = l00 * a + l01 * b;
    const m01 = l00 * b + l01 * c;
    const m10 = l01 * a + l11 * b;
    const m11 = l01 * b + l11 * c;
    p00[i] = Math.max(0, a - a * m00 - b * m10);
    p01[i] = b - a * m01 - b * m11;
    p11[i] = Math.max(0, c - b * m01 - c * m11);
    if (i === 1) return;
    const s = spreads[i]!;
    const r = variances[i]!;
    const dt = times[i]! - times[i - 1]!;
    const keep = r / s;
    const gain = b / r;
    u = keep * u - gain * v - surprises[i]! / s;
    v += u * dt;
    const t00 = keep * keep * l00 - 2 * keep * gain * l01 + gain * gain * l11 + 1 / s;
    const t01 = keep * l01 - gain * l11;
    l11 += dt * (2 * t01 + dt * t00);
    l01 = t01 + dt * t00;
    l00 = t00;
  }
}

/** The first state from the smoothed second one and the first measurement. */
function smoothFirst({ times, offsets, variances }: Track, { q0, q1 }: Wander, states: States): void {
  const { x, f, p00, p01, p11 } = states;
  const dt = times[1]! - times[0]!;
  const n00 = dt * (q0 + (q1 * dt * dt) / 3);
  const n01 = (-q1 * dt * dt) / 2;
  const s = n00 + variances[0]!;
  const k0 = n00 / s;
  const k1 = n01 / s;
  const surprise = offsets[0]! - (x[1]! - f[1]! * dt);
  x[0] = x[1]! - f[1]! * dt + k0 * surprise;
  f[0] = f[1]! + k1 * surprise;
  const a = p00[1]! - 2 * dt * p01[1]! + dt * dt * p11[1]!;
  const b = p01[1]! - dt * p11[1]!;
  const keep = 1 - k0;
  p00[0] = Math.max(0, keep * keep * a + keep * n00);
  p01[0] = keep * (b - k1 * a) + keep * n01;
  p11[0] = Math.max(0, p11[1]! - 2 * k1 * b + k1 * k1 * a + q1 * dt - k1 * n01);
}

/** What a step of more parameters must gain in log likelihood to be believed. */
const GAIN_OF_WANDER = 4;
const GAIN_OF_SECOND = 2;

/** The search for the wander begins on at most this many measurements. */
const COARSE = 400;

/**
 * The wander that makes the innovations of the filter most likely.
 *
 * A straight line, unless some wander gains more than 4 in log likelihood; only one of q0 and q1, unless both gain
 * 2 more. Searched in decades and half decades on the track thinned by weighted means, then in quarter decades on the
 * whole track; the grids are set by the track's own noise and spacing, so that units do not matter. Every search is
 * bounded.
 */
export function chooseWander(track: Track): Wander {
  const n = track.times.length;
  if (n < 4) return { q0: 0, q1: 0 };
  const span = track.times[n - 1]! - track.times[0]!;
  const noise = medianOf(track.variances);
  const tops: Tops = { q0: (10 * noise * n) / span, q1: (10 * noise * n ** 3) / span ** 3 };
  const thin = n > COARSE ? thinned(track, Math.ceil(n / COARSE)) : track;
  const rows = Math.ceil(2 * Math.log10(n)) + 2;
  const columns = Math.ceil(4 * Math.log10(n)) + 2;
  const best = (i0: number, i1: number, j0: number, j1: number): Scored => {
    const coarse: Scored = { i: 0, j: 0, gain: Number.NEGATIVE_INFINITY };
    for (let i = i0; i <= i1; i++) {
      for (let j = j0; j <= j1; j++) {
        const gain = gainOf(thin, tops, i, j);
        if (gain > coarse.gain) Object.assign(coarse, { i, j, gain });
      }
    }
    const { i, j } = climb(thin, coarse, tops, [0.5]);
    return { i, j, gain: gainOf(track, tops, i, j) };
  };
  const straight = gainOf(track, tops, 0, 0);
  const single = [best(0, 0, 1, columns), best(1, rows, 0, 0)].reduce((one, other) =>
    other.gain > one.gain ? other : one,
  );
  const both = best(1, rows, 1, columns);
  const chosen = climb(track, both.gain > single.gain + GAIN_OF_SECOND ? both : single, tops, [0.5, 0.25]);
  if (!(chosen.gain > straight + GAIN_OF_WANDER)) return { q0: 0, q1: 0 };
  return { q0: ladder(tops.q0, chosen.i), q1: ladder(tops.q1, chosen.j) };
}

interface Tops {
  readonly q0: number;
  readonly q1: number;
}

function gainOf(track: Track, tops: Tops, i: number, j: number): number {
  return logLikelihood(track, ladder(tops.q0, i), ladder(tops.q1, j));
}

interface Scored {
  i: number;
  j: number;
  gain: number;
}

/** Rung 0 is none, rung 1 the top, and every rung after it a decade less. */
function ladder(top: number, rung: number): number {
  return rung === 0 ? 0 : top * 10 ** (1 - rung);
}

/** Climbs from a rung by steps of some decades, each to a place that none of its neighbours exceeds. */
function climb(track: Track, start: Scored, tops: Tops, steps: readonly number[]): Scored {
  const best = { ...start };
  for (const step of steps) {
    for (let turn = 0; turn < 8; turn++) {
      const { i, j } = best;
      const moves = [
        [i + step, j],
        [i - step, j],
        [i, j + step],
        [i, j - step],
      ] as const;
      for (const [a, b] of moves) {
        if ((a !== i && (i === 0 || a <= 0)) || (b !== j && (j === 0 || b <= 0))) continue;
        const gain = gainOf(track, tops, a, b);
        if (gain > best.gain) Object.assign(best, { i: a, j: b, gain });
      }
      if (best.i === i && best.j === j) break;
    }
  }
  return best;
}

/** The log likelihood of a track from its third measurement on, but for a constant. */
export function logLikelihood({ times, offsets, variances }: Track, q0: number, q1: number): number {
  const n = times.length;
  const first = times[1]! - times[0]!;
  let value = offsets[1]!;
  let slope = (value - offsets[0]!) / first;
  let a = variances[1]!;
  let b = a / first;
  let c = (variances[0]! + a) / (first * first) + q0 / first + (q1 * first) / 3;
  let sum = 0;
  let product = 1;
  for (let i = 2; i < n; i++) {
    const dt = times[i]! - times[i - 1]!;
    const r = variances[i]!;
    a += dt * (2 * b + dt * c + q0 + (q1 * dt * dt) / 3);
    b += dt * (c + (q1 * dt) / 2);
    c += q1 * dt;
    value += slope * dt;
    const s = a + r;
    const share = 1 / s;
    const surprise = offsets[i]! - value;
    const gain = b * share;
    value += a * share * surprise;
    slope += gain * surprise;
    c -= gain * b;
    a *= r * share;
    b *= r * share;
    sum += surprise * surprise * share;
    product *= s;
    if (product < 1e-200 || product > 1e200) {
      sum += Math.log(product);
      product = 1;
    }
  }
  return -0.5 * (sum + Math.log(product));
}

/** Every `size` measurements as one, by their weights. */
export function thinned({ times, offsets, variances }: Track, size: number): Track {
  const n = Math.ceil(times.length / size);
  const track = {
    times: new Float64Array(n),
    offsets: new Float64Array(n),
    variances: new Float64Array(n),
  };
  for (let k = 0; k < n; k++) {
    let weight = 0;
    let time = 0;
    let offset = 0;
    for (let i = k * size; i < Math.min(times.length, (k + 1) * size); i++) {
      const share = 1 / variances[i]!;
      weight += share;
      time += share * times[i]!;
      offset += share * offsets[i]!;
    }
    track.times[k] = time / weight;
    track.offsets[k] = offset / weight;
    track.variances[k] = 1 / weight;
  }
  return track;
}

function medianOf(values: Float64Array): number {
  const sorted = values.slice().sort();
  return sorted[sorted.length >> 1]!;
}
