import { describe, expect, it } from "vitest";
import { chooseWander, smooth, type Track, type Wander } from "../../src/clock/smoother.ts";
import { normal, uniform } from "./maps.ts";

/** A clock that wanders, measured with noise at uneven times. */
function wandering(seed: number, n: number, { q0, q1 }: Wander, sigma: number) {
  const next = uniform(seed);
  const times = new Float64Array(n);
  const truth = new Float64Array(n);
  const drifts = new Float64Array(n);
  let drift = 3e-6;
  for (let i = 1; i < n; i++) {
    const dt = 2 + 6 * next();
    const walk = Math.sqrt(q1 * dt) * normal(next);
    times[i] = times[i - 1]! + dt;
    truth[i] =
      truth[i - 1]! +
      drift * dt +
      (dt / 2) * walk +
      Math.sqrt((q1 * dt ** 3) / 12) * normal(next) +
      Math.sqrt(q0 * dt) * normal(next);
    drift += walk;
    drifts[i] = drift;
  }
  drifts[0] = 3e-6;
  const variances = Float64Array.from(times, () => (sigma * (0.5 + next())) ** 2);
  const offsets = truth.map((value, i) => value + Math.sqrt(variances[i]!) * normal(next));
  return { track: { times, offsets, variances }, truth, drifts };
}

/** The same by one dense system: minimise the squared noise of measurements and process together. */
function solveDensely({ times, offsets, variances }: Track, { q0, q1 }: Wander) {
  const n = 2 * times.length;
  const matrix = Array.from({ length: n }, () => new Float64Array(n + 1));
  const add = (row: number, column: number, value: number) => {
    matrix[row]![column]! += value;
  };
  for (let i = 0; i < times.length; i++) {
    add(2 * i, 2 * i, 1 / variances[i]!);
    add(2 * i, n, offsets[i]! / variances[i]!);
    if (i === 0) continue;
    const dt = times[i]! - times[i - 1]!;
    const noise = [q0 * dt + (q1 * dt ** 3) / 3, (q1 * dt ** 2) / 2, q1 * dt];
    const determinant = noise[0]! * noise[2]! - noise[1]! ** 2;
    const inverse = [noise[2]! / determinant, -noise[1]! / determinant, noise[0]! / determinant];
    // The error of transition is G s with s = [x0, f0, x1, f1].
    const rows = [
      [-1, -dt, 1, 0],
      [0, -1, 0, 1],
    ];
    for (let a = 0; a < 4; a++) {
      for (let b = 0; b < 4; b++) {
        const value =
          rows[0]![a]! * inverse[0]! * rows[0]![b]! +
          inverse[1]! * (rows[0]![a]! * rows[1]![b]! + rows[1]![a]! * rows[0]![b]!) +
          rows[1]![a]! * inverse[2]! * rows[1]![b]!;
        add(2 * i - 2 + a, 2 * i - 2 + b, value);
      }
    }
  }
  const full = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0)).slice(0, n)]);
  for (let i = 0; i < n; i++) {
    const pivot = full[i]![i]!;
    full[i] = full[i]!.map((value) => value / pivot);
    for (let k = 0; k < n; k++) {
      if (k === i) continue;
      const factor = full[k]![i]!;
      if (factor !== 0) full[k] = full[k]!.map((value, j) => value - factor * full[i]![j]!);
    }
  }
  return { state: full.map((row) => row[n]!), covariance: full.map((row) => row.slice(n + 1)) };
}

describe("smooth", () => {
  it("gives the least-squares state of measurements and process, with its covariance", () => {
    // Units of order one keep the dense system solvable in float64.
    const wander = { q0: 0.3, q1: 0.02 };
    const { track } = wandering(5, 12, wander, 2);
    const { state, covariance } = solveDensely(track, wander);
    const smoothed = smooth(track, wander);
    for (let i = 0; i < 12; i++) {
      expect(smoothed.offsets[i]! / state[2 * i]!).toBeCloseTo(1, 9);
      expect(smoothed.drifts[i]! / state[2 * i + 1]!).toBeCloseTo(1, 9);
      expect(smoothed.p00[i]! / covariance[2 * i]![2 * i]!).toBeCloseTo(1, 9);
      expect(smoothed.p01[i]! / covariance[2 * i]![2 * i + 1]!).toBeCloseTo(1, 8);
      expect(smoothed.p11[i]! / covariance[2 * i + 1]![2 * i + 1]!).toBeCloseTo(1, 9);
    }
  });

  it("is the weighted line of least squares where nothing wanders", () => {
    const { track } = wandering(6, 5000, { q0: 0, q1: 0 }, 1e-4);
    const { times, offsets, variances } = track;
    let [weight, centre, mean] = [0, 0, 0];
    for (let i = 0; i < times.length; i++) {
      weight += 1 / variances[i]!;
      centre += times[i]! / variances[i]!;
      mean += offsets[i]! / variances[i]!;
    }
    centre /= weight;
    mean /= weight;
    let [spread, product] = [0, 0];
    for (let i = 0; i < times.length; i++) {
      spread += (times[i]! - centre) ** 2 / variances[i]!;
      product += ((times[i]! - centre) * (offsets[i]! - mean)) / variances[i]!;
    }
    const line = smooth(track, { q0: 0, q1: 0 });
    for (const i of [0, 1, 2, 2500, 4998, 4999]) {
      const distance = times[i]! - centre;
      expect(Math.abs(line.offsets[i]! - mean - (product / spread) * distance)).toBeLessThan(1e-12);
      expect(line.p00[i]! / (1 / weight + distance ** 2 / spread)).toBeCloseTo(1, 5);
      expect(line.p11[i]! * spread).toBeCloseTo(1, 3);
    }
  });

  it("knows its own error", () => {
    const wander = { q0: 1e-12, q1: 1e-15 };
    const { track, truth, drifts } = wandering(7, 20_000, wander, 1e-4);
    const smoothed = smooth(track, wander);
    const share = (errors: (i: number) => number) => {
      let inside = 0;
      for (let i = 0; i < truth.length; i++) if (errors(i) <= 4) inside++;
      return inside / truth.length;
    };
    expect(share((i) => (smoothed.offsets[i]! - truth[i]!) ** 2 / smoothed.p00[i]!)).toBeCloseTo(0.954, 1);
    expect(share((i) => (smoothed.drifts[i]! - drifts[i]!) ** 2 / smoothed.p11[i]!)).toBeCloseTo(0.954, 1);
  });
});

describe("chooseWander", () => {
  it("keeps a straight clock straight and finds how another wanders", () => {
    let straight = 0;
    for (let seed = 0; seed < 40; seed++) {
      const { q0, q1 } = chooseWander(wandering(100 + seed, 700, { q0: 0, q1: 0 }, 1e-4).track);
      if (q0 === 0 && q1 === 0) straight++;
    }
    expect(straight).toBeGreaterThanOrEqual(38);
    for (const wander of [
      { q0: 0, q1: 1e-16 },
      { q0: 1e-11, q1: 0 },
    ]) {
      const found = chooseWander(wandering(9, 5000, wander, 1e-4).track);
      const one = wander.q1 > 0 ? found.q1 / wander.q1 : found.q0 / wander.q0;
      expect(Math.abs(Math.log10(one))).toBeLessThan(0.5);
    }
  });

  it("does not depend on the unit of time", () => {
    const { track } = wandering(11, 900, { q0: 0, q1: 1e-16 }, 1e-4);
    const slow = { ...track, times: track.times.map((time) => time * 60) };
    const [one, other] = [chooseWander(track), chooseWander(slow)];
    expect(other.q1 / one.q1).toBeCloseTo(60 ** -3, 12);
  });
});
