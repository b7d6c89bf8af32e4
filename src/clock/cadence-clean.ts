import { type Cadence, LineSums, medianOf } from "./cadence.ts";
import { constantRate, type FrameRate } from "./cadence-rate.ts";

/** Frame times that rounding or jitter was taken from. */
export interface CleanedTimes {
  /** i64 ns, ascending, one a frame: the stamp itself where no constant rate is proven. */
  times: BigInt64Array;
  /** Frames that stand on a constant rate. */
  cleaned: number;
  /** Largest change of a time, ns. */
  largestNs: bigint;
  /** Where one constant rate accounts for all stamps but for their rounding. */
  rate?: FrameRate;
  /** Else stretches of constant rate, and the standard deviation of the stamps about it, ns. */
  stretches: { start: number; end: number; jitterNs: number }[];
}

/** Frames of a stretch, before its rate is proven. */
const FEWEST = 32;

/**
 * Places frames where a constant rate says, where the stamps prove one; the others keep their stamps.
 *
 * One rate for all frames is proven where it leaves every stamp within its rounding. A stretch of frames has a constant
 * rate where what is left of its stamps beside a straight line is without memory: the mean square of the differences of
 * neighbours is then twice the variance (von Neumann's ratio), and at least 1.7 times is asked for, so that what a line
 * gets wrong is small beside the jitter that it takes away. A clock that wanders by more than its jitter is left alone.
 *
 * @param stamps i64 ns, ascending
 * @param tickNs what the stamps are rounded to, ns
 */
export function cleanCadence(stamps: BigInt64Array, cadence: Cadence, tickNs: number): CleanedTimes {
  const kept: CleanedTimes = { times: stamps, cleaned: 0, largestNs: 0n, stretches: [] };
  if (!cadence.steady) return kept;
  const from = cadence.first === undefined ? 0 : 1;
  const times = stamps.slice();
  const whole =
    cadence.pauses.length > 0
      ? undefined
      : constantRate(stamps.subarray(from), cadence.beats.subarray(from), tickNs);
  if (whole !== undefined) {
    times.set(whole.times, from);
    return finished(stamps, { ...kept, times, cleaned: stamps.length - from, rate: whole.rate });
  }
  const series = new BeatSeries(stamps, cadence.beats, tickNs);
  const bounds = [from, ...cadence.pauses, stamps.length];
  let cleaned = 0;
  for (const [at, start] of bounds.slice(0, -1).entries()) {
    for (const stretch of series.stretches(start, bounds[at + 1]!)) {
      const jitterNs = series.place(stretch.start, stretch.end, times);
      kept.stretches.push({ ...stretch, jitterNs });
      cleaned += stretch.end - stretch.start;
    }
  }
  return finished(stamps, { ...kept, times, cleaned });
}

/** Order is worth more than a clean time. */
function finished(stamps: BigInt64Array, found: CleanedTimes): CleanedTimes {
  let largestNs = 0n;
  for (let i = 0; i < stamps.length; i++) {
    if (i > 0 && found.times[i]! < found.times[i - 1]!) {
      return { times: stamps, cleaned: 0, largestNs: 0n, stretches: [] };
    }
    const change = found.times[i]! - stamps[i]!;
    const size = change < 0n ? -change : change;
    if (size > largestNs) largestNs = size;
  }
  return { ...found, largestNs };
}

interface Stretch {
  start: number;
  end: number;
}

interface BeatLine {
  x0: number;
  y0: number;
  slope: number;
}

/** Stamps over their beats, which straight lines follow. */
class BeatSeries {
  readonly #origin: bigint;
  readonly #elapsed: Float64Array;
  readonly #beats: Float64Array;
  readonly #sigma: number;

  constructor(stamps: BigInt64Array, beats: Float64Array, tickNs: number) {
    this.#origin = stamps[0] ?? 0n;
    this.#elapsed = Float64Array.from(stamps, (stamp) => Number(stamp - this.#origin));
    this.#beats = beats;
    this.#sigma = Math.max(this.#jitter(), tickNs / Math.sqrt(12), 1);
  }

  /** From second differences, which neither the rate nor its changes reach. */
  #jitter(): number {
    const [t, k] = [this.#elapsed, this.#beats];
    const seconds: number[] = [];
    for (let i = 2; i < t.length; i++) {
      if (k[i]! - k[i - 1]! !== 1 || k[i - 1]! - k[i - 2]! !== 1) continue;
      seconds.push(Math.abs(t[i]! - 2 * t[i - 1]! + t[i - 2]!));
    }
    return (1.4826 * medianOf(Float64Array.from(seconds))) / Math.sqrt(6);
  }

  /** Stretches of [start, end) whose constant rate is proven. */
  *stretches(start: number, end: number): Generator<Stretch, void, undefined> {
    for (let at = start; at < end; ) {
      const change = this.#changeAfter(at, end);
      yield* this.#proven(at, change);
      at = change;
    }
  }

  /** A wandering rate may be constant over half of the frames. */
  *#proven(start: number, end: number): Generator<Stretch, void, undefined> {
    if (end - start < FEWEST) return;
    if (this.#isProven(start, end)) yield { start, end };
    else if (end - start >= 512) {
      const middle = (start + end) >> 1;
      yield* this.#proven(start, middle);
      yield* this.#proven(middle, end);
    }
  }

  #isProven(start: number, end: number): boolean {
    const line = this.#line(start, end);
    let [squares, steps, count, pairs] = [0, 0, 0, 0];
    let before = Number.NaN;
    for (let i = start; i < end; i++) {
      const off = this.#off(line, i);
      const isNear = Math.abs(off) <= 6 * this.#sigma;
      if (isNear) {
        squares += off * off;
        count += 1;
      }
      if (isNear && !Number.isNaN(before)) {
        steps += (off - before) ** 2;
        pairs += 1;
      }
      before = isNear ? off : Number.NaN;
    }
    return count >= 0.9 * (end - start) && steps / pairs >= 1.7 * (squares / count);
  }

  /** Writes the times of the line into `times`; the standard deviation of the stamps about it. */
  place(start: number, end: number, times: BigInt64Array): number {
    const line = this.#line(start, end);
    let squares = 0;
    for (let i = start; i < end; i++) {
      squares += this.#off(line, i) ** 2;
      times[i] = this.#origin + BigInt(Math.round(line.y0 + line.slope * (this.#beats[i]! - line.x0)));
    }
    return Math.sqrt(squares / (end - start));
  }

  #off({ x0, y0, slope }: BeatLine, i: number): number {
    return this.#elapsed[i]! - y0 - slope * (this.#beats[i]! - x0);
  }

  /** Fitted again without what is far from the first fit. */
  #line(start: number, end: number): BeatLine {
    const through = (isNear: (i: number) => boolean): BeatLine => {
      const sums = new LineSums();
      for (let i = start; i < end; i++) if (isNear(i)) sums.add(this.#beats[i]!, this.#elapsed[i]!);
      return sums.fit();
    };
    const rough = through(() => true);
    const refined = through((i) => Math.abs(this.#off(rough, i)) <= 6 * this.#sigma);
    return refined.slope > 0 ? refined : rough;
  }

  /** Where the line that begins at `start` ends: eight stamps in a row far on one side of it, or `end`. */
  #changeAfter(start: number, end: number): number {
    const sums = new LineSums();
    let [side, far] = [0, 0];
    for (let i = start; i < end; i++) {
      const now = sums.count < 16 ? 0 : this.#side(sums, start, i);
      far = now === 0 ? 0 : now === side ? far + 1 : 1;
      side = now;
      if (now === 0)
        sums.add(this.#beats[i]! - this.#beats[start]!, this.#elapsed[i]! - this.#elapsed[start]!);
      if (far === 8) return this.#sharpest(start, i - 7, end);
    }
    return end;
  }

  /** -1 or 1 where a stamp is farther than 4 sigma from the line so far. */
  #side(sums: LineSums, start: number, i: number): number {
    const { x0, y0, slope, spread } = sums.fit();
    const x = this.#beats[i]! - this.#beats[start]! - x0;
    const off = this.#elapsed[i]! - this.#elapsed[start]! - y0 - slope * x;
    const sigma = this.#sigma * Math.sqrt(1 + 1 / sums.count + (x * x) / Math.max(1, spread));
    return Math.abs(off) > 4 * sigma ? Math.sign(off) : 0;
  }

  /** Of the places around a change the one that leaves two lines the least. */
  #sharpest(start: number, found: number, end: number): number {
    const from = Math.max(start, found - 128);
    const to = Math.min(end, found + 32);
    const left = this.#costs(from, to, 1);
    const right = this.#costs(to - 1, from - 1, -1);
    let best = found;
    for (let cut = Math.max(from + 8, start + 16); cut <= to - 8; cut++) {
      const cost = (at: number) => left[at - 1 - from]! + right[to - 1 - at]!;
      if (cost(cut) < cost(best)) best = cut;
    }
    return best;
  }

  /** Squares that a line through the first, the first two, ... of the stamps from `from` on leaves. */
  #costs(from: number, to: number, step: 1 | -1): number[] {
    const sums = new LineSums();
    const costs: number[] = [];
    for (let i = from; i !== to; i += step) {
      sums.add(this.#beats[i]! - this.#beats[from]!, this.#elapsed[i]! - this.#elapsed[from]!);
      costs.push(sums.fit().deviation ** 2 * Math.max(1, sums.count - 2));
    }
    return costs;
  }
}
