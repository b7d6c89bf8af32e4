import { groupRows, learnNoise, type Noise, PRIOR_ROWS } from "../noise.ts";
import { isCoarse, type Rows } from "../rows.ts";
import { tickOf } from "../stale.ts";
import { medianInPlace, studentFactor } from "../statistics.ts";

/** What is known of the error of one row, s: half its round trip and a given sigma, each NaN where there is none. */
export interface RowNoise {
  readonly half: number;
  readonly sigma: number;
}

/** A row in use: its noise, what it deviated from what was expected (s), and its offset (ns since the first). */
export interface Sample extends RowNoise {
  readonly deviation: number;
  readonly offsetNs: number;
}

/** What the learned noise comes to; s and s^2. */
export interface Learned {
  /** Half round trips, ascending, with the logarithm of the variance and the bias there. */
  readonly places: readonly number[];
  readonly logs: readonly number[];
  readonly biases: readonly number[];
  /** Of rows without a round trip and without a sigma. */
  readonly alike: number;
  /** What all offsets may be off by together. */
  readonly common: number;
  /** By how much given sigmas are too small: rows are not rejected for that. */
  readonly scale: number;
  /** Longer half round trips are on a detour: what it is off by is none of the noise. */
  readonly detour: number;
  /** Half a coarse tick of the offsets, and how many rows in a row share one offset. */
  readonly slack: number;
  readonly repeats: number;
  /** Whether offsets differ: else nothing tells how coarse they are. */
  readonly isResolved: boolean;
}

/** Of so many rows the noise is learned; and how many of them tell the tick. */
const KEPT = 512;
const KEPT_FOR_TICK = 100;

/** Places at which the noise by round trip is kept. */
const PLACES = 32;

/** Round trips that take so many times what the better quarter takes beyond the shortest may be on a detour. */
const DETOUR = 5;

/** A stamp by software may be off by 1 ms where nothing tells. */
const USUAL = 1e-6;

/** The noise of measurements, learned from the last 512 rows in use. */
export class Spread {
  samples: Sample[] = [];
  learned: Learned = {
    places: [],
    logs: [],
    biases: [],
    alike: USUAL,
    common: 0,
    scale: 1,
    detour: Number.POSITIVE_INFINITY,
    slack: 0,
    repeats: 1,
    isResolved: true,
  };
  /** Where in `samples` the next one goes, and how many came since the last lesson. */
  next = 0;
  since = 0;

  remember(sample: Sample): void {
    this.samples[this.next] = sample;
    this.next = (this.next + 1) % KEPT;
    this.since++;
  }

  /** Learns anew when there are enough samples that have not been learned from. */
  learnInTime(): void {
    if (this.since >= Math.max(8, Math.min(64, this.samples.length >> 2))) this.learn();
  }

  variance({ half, sigma }: RowNoise): number {
    const { places, logs, alike, slack, repeats } = this.learned;
    const least = Math.max(1e-18, slack * slack) / 3;
    if (!Number.isNaN(sigma)) return Math.max(least, sigma * sigma);
    if (Number.isNaN(half) || places.length === 0) return Math.max(least, alike) * repeats;
    // What a round trip takes beyond all that were learned bounds the error of its offset.
    const beyond = Math.max(0, half - places.at(-1)!);
    return Math.max(least, Math.exp(interpolate(places, logs, half)) + beyond * beyond) * repeats;
  }

  bias({ half, sigma }: RowNoise): number {
    const { places, biases } = this.learned;
    return Number.isNaN(half) || !Number.isNaN(sigma) || places.length === 0
      ? 0
      : interpolate(places, biases, half);
  }

  /** Whether a row is on a way that is longer than usual, and nothing tells by how much its offset is off. */
  isDetour({ half }: RowNoise): boolean {
    const { detour } = this.learned;
    return half > detour;
  }

  /** By how much sigma is wider because the noise was itself learned from few rows. */
  get widening(): number {
    const { samples } = this;
    if (samples.length === 0 || !Number.isNaN(samples[0]!.sigma)) return 1;
    const prior = Number.isNaN(samples[0]!.half) ? 0 : PRIOR_ROWS;
    return studentFactor(Math.max(1, samples.length + prior - 2));
  }

  learn(): void {
    this.since = 0;
    const n = this.samples.length;
    const rows = this.#rows();
    const groups = groupRows(rows, 0, n);
    const noise: Noise = { variances: new Float64Array(n), biases: new Float64Array(n) };
    const deviations = new Float64Array(n);
    for (let i = 0; i < n; i++) deviations[i] = this.samples[i]!.deviation;
    const common = learnNoise(rows, groups, deviations, new Uint8Array(n).fill(1), noise);
    const detour = Number.POSITIVE_INFINITY;
    const learned = { ...this.learned, common, detour, ...this.#ticks() };
    for (const { noise: kind, rows: own, ranked } of groups) {
      if (kind === "alike") learned.alike = noise.variances[own[0]!]!;
      if (kind === "given") {
        const sizes = Float64Array.from(own, (row) => Math.abs(deviations[row]!) / rows.sigmas[row]!);
        learned.scale = Math.max(1, 1.4826 * medianInPlace(sizes));
      }
      if (kind !== "by round trip") continue;
      const least = rows.halves[ranked[0]!]!;
      learned.detour = least + DETOUR * Math.max(1e-9, rows.halves[ranked[n >> 2]!]! - least);
      const count = Math.min(PLACES, ranked.length);
      const picks = Array.from(
        { length: count },
        (_, k) => ranked[Math.round((k * (ranked.length - 1)) / Math.max(1, count - 1))]!,
      );
      learned.places = picks.map((row) => rows.halves[row]!);
      learned.logs = picks.map((row) => Math.log(Math.max(1e-20, noise.variances[row]!)));
      learned.biases = picks.map((row) => noise.biases[row]!);
    }
    this.learned = learned;
  }

  /** The samples by age, as the batch estimator has its rows. */
  #rows(): Rows {
    const { samples } = this;
    const n = samples.length;
    const halves = new Float64Array(n);
    const sigmas = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      halves[i] = samples[i]!.half;
      sigmas[i] = samples[i]!.sigma;
    }
    return {
      base: { from: 0n, offset: 0n },
      times: new Float64Array(n),
      offsets: new Float64Array(n),
      halves,
      sigmas,
      leastVariances: new Float64Array(n).fill(1e-18 / 12),
      repeats: new Float64Array(n).fill(1),
      entries: new Uint16Array(n),
      places: new Int32Array(n),
    };
  }

  #ticks(): Pick<Learned, "slack" | "repeats" | "isResolved"> {
    const latest = this.latest(KEPT_FOR_TICK);
    const tick = tickOf(latest);
    const isResolved = latest.length < 3 || latest.some((offset) => offset !== latest[0]);
    if (!isCoarse(tick) || latest.length < 3) return { slack: 0, repeats: 1, isResolved };
    // The values between two ticks are one reading, however often it is repeated.
    const runs = latest.filter((offset, i) => i === 0 || offset !== latest[i - 1]).length;
    return { slack: tick / 2e9, repeats: latest.length / runs, isResolved };
  }

  /** Offsets of the last rows in use, in their order. */
  latest(count: number): number[] {
    const { samples, next } = this;
    const n = Math.min(count, samples.length);
    return Array.from(
      { length: n },
      (_, i) => samples[(next - n + i + samples.length) % samples.length]!.offsetNs,
    );
  }
}

function interpolate(places: readonly number[], values: readonly number[], at: number): number {
  const last = places.length - 1;
  if (!(at > places[0]!)) return values[0]!;
  if (at >= places[last]!) return values[last]!;
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (places[middle]! <= at) low = middle;
    else high = middle;
  }
  const width = places[high]! - places[low]!;
  return values[low]! + (width > 0 ? (at - places[low]!) / width : 0) * (values[high]! - values[low]!);
}
