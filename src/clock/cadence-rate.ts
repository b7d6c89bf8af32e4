/** Frames a second as a fraction in lowest terms. */
export interface FrameRate {
  numerator: bigint;
  denominator: bigint;
}

/** Times at a constant rate that rounding to ticks makes into the stamps. */
export interface ConstantRate {
  rate: FrameRate;
  /** i64 ns, one a frame. */
  times: BigInt64Array;
}

/** Frames below which every rate would fit: for the rates that cameras have, and for any fraction. */
const FEWEST = { standard: 16, any: 32 };

const STANDARD: readonly FrameRate[] = [12, 24, 30, 48, 60, 90, 120, 240, 480]
  .flatMap((rate) => [
    { numerator: BigInt(rate), denominator: 1n },
    { numerator: BigInt(rate) * 1000n, denominator: 1001n },
  ])
  .concat([5, 10, 15, 20, 25, 50, 100, 200].map((rate) => ({ numerator: BigInt(rate), denominator: 1n })));

/**
 * The constant rate whose every frame lies within half a tick of its stamp; a standard rate before any other, else the
 * fraction with the smallest terms that fits.
 *
 * Of the starts that fit, the first stamp itself is taken where it is one (then the stamps may also be cut off instead
 * of rounded), else the middle.
 *
 * @param stamps i64 ns, ascending
 * @param beats  the number of each frame's beat
 * @param tickNs what the stamps are rounded to, ns
 * @returns undefined where no constant rate fits, or too few frames or too coarse ticks prove none: two standard rates
 *   that fit are no proof of one
 */
export function constantRate(
  stamps: BigInt64Array,
  beats: Float64Array,
  tickNs: number,
): ConstantRate | undefined {
  const elapsed = Float64Array.from(stamps, (stamp) => Number(stamp - stamps[0]!));
  const numbers = beats.map((beat) => beat - beats[0]!);
  const last = stamps.length - 1;
  const [span, count] = [elapsed[last] ?? 0, numbers[last] ?? 0];
  if (stamps.length < FEWEST.standard || !(count > 0) || tickNs > span / count / 4) return undefined;
  // Stamps are whole ns themselves.
  const fit = new RateFit(elapsed, numbers, tickNs + 1);
  const mean = span / count;
  const standard = STANDARD.filter((rate) => {
    const period = periodOf(rate);
    return Math.abs(period - mean) * count <= tickNs + 1 && fit.holds(period);
  });
  if (standard.length > 1) return undefined;
  const rate = standard[0] ?? (stamps.length < FEWEST.any ? undefined : fit.simplest(mean));
  if (rate === undefined) return undefined;
  const start = fit.start(periodOf(rate), tickNs);
  const origin = 2n * (stamps[0]! + BigInt(Math.round(start))) * rate.numerator;
  const step = 2_000_000_000n * rate.denominator;
  const times = stamps.map((_, i) => nearest(origin + BigInt(numbers[i]!) * step, 2n * rate.numerator));
  return { rate, times };
}

function nearest(numerator: bigint, denominator: bigint): bigint {
  const half = numerator < 0n ? -denominator / 2n : denominator / 2n;
  return (numerator + half) / denominator;
}

function periodOf({ numerator, denominator }: FrameRate): number {
  return (1e9 * Number(denominator)) / Number(numerator);
}

/** Which periods keep every stamp within `width` from the earliest to the latest beside its beat, ns. */
class RateFit {
  readonly #elapsed: Float64Array;
  readonly #beats: Float64Array;
  readonly #width: number;

  constructor(elapsed: Float64Array, beats: Float64Array, width: number) {
    this.#elapsed = elapsed;
    this.#beats = beats;
    this.#width = width;
  }

  holds(period: number): boolean {
    const { low, high } = this.#spread(period);
    return high - low <= this.#width;
  }

  /** ns from the first stamp to the first beat. */
  start(period: number, tickNs: number): number {
    const { low, high } = this.#spread(period);
    const isRounded = Math.max(-low, high) <= tickNs / 2 + 0.5;
    const isCutOff = high <= 0.5;
    return isRounded || isCutOff ? 0 : (low + high) / 2;
  }

  /** The spread is convex in the period, so its slope says on which side of a period the ones that hold are. */
  simplest(mean: number): FrameRate | undefined {
    const count = this.#beats[this.#beats.length - 1]!;
    const [least, most] = [mean - this.#width / count, mean + this.#width / count];
    let [low, high] = [least, most];
    let inside: number | undefined;
    for (let step = 0; step < 60 && inside === undefined; step++) {
      const middle = (low + high) / 2;
      const { low: early, high: late, slope } = this.#spread(middle);
      if (late - early <= this.#width) inside = middle;
      else if (slope === 0) return undefined;
      else if (slope > 0) high = middle;
      else low = middle;
    }
    if (inside === undefined) return undefined;
    const from = this.#edge(inside, least);
    const to = this.#edge(inside, most);
    const { numerator, denominator } = simplestBetween(1e9 / to, 1e9 / from);
    const rate = { numerator: BigInt(numerator), denominator: BigInt(denominator) };
    return this.holds(periodOf(rate)) ? rate : undefined;
  }

  #edge(inside: number, outside: number): number {
    let [yes, no] = [inside, outside];
    if (this.holds(no)) return no;
    for (let step = 0; step < 30; step++) {
      const middle = (yes + no) / 2;
      if (this.holds(middle)) yes = middle;
      else no = middle;
    }
    return yes;
  }

  /** Earliest and latest stamp beside its beat, and how their distance grows with the period. */
  #spread(period: number): { low: number; high: number; slope: number } {
    let [low, high, lowAt, highAt] = [0, 0, 0, 0];
    for (let i = 0; i < this.#elapsed.length; i++) {
      const off = this.#elapsed[i]! - period * this.#beats[i]!;
      if (off < low) [low, lowAt] = [off, i];
      if (off > high) [high, highAt] = [off, i];
    }
    return { low, high, slope: this.#beats[lowAt]! - this.#beats[highAt]! };
  }
}

/** The fraction with the smallest terms in [low, high], by continued fractions. */
function simplestBetween(low: number, high: number): { numerator: number; denominator: number } {
  const whole = Math.ceil(low);
  if (whole <= high) return { numerator: whole, denominator: 1 };
  const floor = Math.floor(low);
  const { numerator, denominator } = simplestBetween(1 / (high - floor), 1 / (low - floor));
  return { numerator: floor * numerator + denominator, denominator: numerator };
}
