/** Frames that are missing between two that are there. */
export interface FrameGap {
  /** Position of the first frame after the gap. */
  frame: number;
  missing: number;
}

/** What the times of frames say of their beat. */
export interface Cadence {
  /** Whether the frames keep a beat, which may change; without one nothing is said of missing frames. */
  steady: boolean;
  /** Median interval, ns; 0 for fewer than two frames. */
  periodNs: number;
  /** Number of each frame's beat, the first frame's is 0; as many as there are frames where they keep no beat. */
  beats: Float64Array;
  gaps: FrameGap[];
  /** Frames that stand at a beat which another frame has already. */
  repeated: number[];
  /** Frames after a pause that is no whole number of beats; beats on both sides of it have nothing to do with each other. */
  pauses: number[];
  /** Set where the first frame does not stand on the beat of those after it: the interval that it makes, and theirs, ns. */
  first?: { intervalNs: number; periodNs: number };
}

/** Intervals on each side that tell the beat at a place. */
const NEIGHBOURS = 15;

/** Frames before a beat can be told. */
const FEWEST = 8;

/** Largest part of a period that a whole number of beats may be off. */
const WHOLE = 0.3;

/** Share of the intervals that must be one period. */
const ON_BEAT = 0.6;

/**
 * Counts the beats between frames: at a beat that may change slowly or at once, under jitter of up to a quarter of it.
 *
 * An interval is a gap where it is long beside the intervals before it and beside those after it: a camera that takes
 * up a slower beat has lost nothing. A frame that is late and the one after it that is early are no gap, nor are frames
 * that are handed out together after a wait.
 *
 * @param times i64 ns, ascending
 */
export function analyseCadence(times: BigInt64Array): Cadence {
  const intervals = intervalsOf(times);
  const periodNs = medianOf(intervals.slice());
  const unsteady = (): Cadence => ({
    steady: false,
    periodNs,
    beats: Float64Array.from(times, (_, i) => i),
    gaps: [],
    repeated: [],
    pauses: [],
  });
  if (times.length < FEWEST || !(periodNs > 0)) return unsteady();
  const beat = new LocalBeat(intervals);
  const counter = new BeatCounter(intervals, beat);
  const first = offBeatStart(intervals, beat);
  let from = 0;
  if (first !== undefined) {
    counter.onBeat(0, Math.max(1, Math.round(first.intervalNs / first.periodNs)));
    from = 1;
  }
  counter.count(from);
  if (!counter.isSteady) return unsteady();
  const { beats, gaps, repeated, pauses } = counter;
  return { steady: true, periodNs, beats, gaps, repeated, pauses, ...(first === undefined ? {} : { first }) };
}

function intervalsOf(times: BigInt64Array): Float64Array {
  const intervals = new Float64Array(Math.max(0, times.length - 1));
  for (let i = 0; i < intervals.length; i++) intervals[i] = Number(times[i + 1]! - times[i]!);
  return intervals;
}

/** Median of numbers that it may put in order; 0 of none. */
export function medianOf(numbers: Float64Array): number {
  if (numbers.length === 0) return 0;
  numbers.sort();
  const middle = numbers.length >> 1;
  return numbers.length % 2 === 1 ? numbers[middle]! : (numbers[middle - 1]! + numbers[middle]!) / 2;
}

/** The median interval before and after each interval. */
class LocalBeat {
  readonly #medians: Float64Array;
  readonly #intervals: Float64Array;

  constructor(intervals: Float64Array) {
    this.#intervals = intervals;
    this.#medians = new Float64Array(Math.max(0, intervals.length - NEIGHBOURS + 1));
    const window = new Float64Array(NEIGHBOURS);
    for (let i = 0; i < this.#medians.length; i++) {
      window.set(intervals.subarray(i, i + NEIGHBOURS));
      sortFew(window);
      this.#medians[i] = window[NEIGHBOURS >> 1]!;
    }
  }

  /** Where there are too few intervals on one side, those of the other side count. */
  around(i: number): { before: number; after: number } {
    const [before, after] = [this.#before(i), this.#after(i)];
    return { before: before ?? after ?? 0, after: after ?? before ?? 0 };
  }

  #before(i: number): number | undefined {
    if (i >= NEIGHBOURS) return this.#medians[i - NEIGHBOURS];
    return i >= 5 ? medianOf(this.#intervals.slice(0, i)) : undefined;
  }

  #after(i: number): number | undefined {
    if (i + 1 < this.#medians.length) return this.#medians[i + 1];
    return this.#intervals.length - i > 5 ? medianOf(this.#intervals.slice(i + 1)) : undefined;
  }
}

/** Insertion, which is the fastest for a few numbers that are nearly in order. */
function sortFew(numbers: Float64Array): void {
  for (let i = 1; i < numbers.length; i++) {
    const one = numbers[i]!;
    let at = i;
    for (; at > 0 && numbers[at - 1]! > one; at--) numbers[at] = numbers[at - 1]!;
    numbers[at] = one;
  }
}

/** The first frame's stamp often comes from elsewhere; an interval of whole periods is a gap instead. */
function offBeatStart(intervals: Float64Array, beat: LocalBeat): Cadence["first"] {
  const { after: periodNs } = beat.around(0);
  const intervalNs = intervals[0]!;
  const near = intervals.slice(1, 1 + 4 * NEIGHBOURS).map((one) => Math.abs(one - periodNs));
  const noise = 1.4826 * medianOf(near);
  const beats = Math.max(1, Math.round(intervalNs / periodNs));
  const off = Math.abs(intervalNs - beats * periodNs);
  return off > Math.max(0.1 * periodNs, 6 * noise) ? { intervalNs, periodNs } : undefined;
}

class BeatCounter {
  readonly beats: Float64Array;
  readonly gaps: FrameGap[] = [];
  readonly repeated: number[] = [];
  readonly pauses: number[] = [];
  readonly #intervals: Float64Array;
  readonly #beat: LocalBeat;
  #onBeat = 0;
  #shortGaps = 0;
  #brokenGaps = 0;

  constructor(intervals: Float64Array, beat: LocalBeat) {
    this.#intervals = intervals;
    this.#beat = beat;
    this.beats = new Float64Array(intervals.length + 1);
  }

  /** Gaps of any length that are no whole number of beats are what a variable rate makes. */
  get isSteady(): boolean {
    const { length } = this.#intervals;
    return this.#onBeat >= ON_BEAT * length && this.#brokenGaps <= 2 + 0.2 * this.#shortGaps;
  }

  count(from: number): void {
    const { length } = this.#intervals;
    for (let i = from; i < length; ) {
      let end = i;
      while (end < length && this.#isOffBeat(end)) end++;
      if (end === i) {
        this.onBeat(i, 1);
        i++;
        continue;
      }
      this.#offBeat(i, end);
      i = end;
    }
  }

  /** The interval lasts so many beats and nothing is to be said of it. */
  onBeat(i: number, beats: number): void {
    this.#onBeat += 1;
    this.beats[i + 1] = this.beats[i]! + beats;
  }

  #isOffBeat(i: number): boolean {
    const { before, after } = this.#beat.around(i);
    const one = this.#intervals[i]!;
    const [low, high] = before < after ? [before, after] : [after, before];
    return one > 1.25 * high || one < 0.75 * low;
  }

  /** Intervals [start, end), none of which is one period. */
  #offBeat(start: number, end: number): void {
    let isLong = true;
    for (let i = start; i < end; i++) isLong &&= this.#intervals[i]! >= 1.5 * this.#period(i);
    if (isLong) for (let i = start; i < end; i++) this.#gap(i);
    else this.#mixed(start, end);
  }

  #period(i: number): number {
    const { before, after } = this.#beat.around(i);
    return (before + after) / 2;
  }

  /** Late and early frames make up for each other: their sum counts. */
  #mixed(start: number, end: number): void {
    const period = this.#period(start);
    let sum = 0;
    for (let i = start; i < end; i++) sum += this.#intervals[i]!;
    const spare = Math.round(sum / period) - (end - start);
    for (let i = start; i < end; i++) {
      const extra = i === start && spare > 0 ? spare : 0;
      const isRepeat = i - start < -spare;
      this.beats[i + 1] = this.beats[i]! + (isRepeat ? 0 : 1 + extra);
      if (isRepeat) this.repeated.push(i + 1);
    }
    if (spare > 0) this.gaps.push({ frame: start + 1, missing: spare });
    if (end - start === 1 && spare === 0) return;
    this.#shortGaps += 1;
    if (Math.abs(sum / period - Math.round(sum / period)) > WHOLE) this.#brokenGaps += 1;
  }

  #gap(i: number): void {
    const interval = this.#intervals[i]!;
    const guess = interval / this.#period(i);
    const [before, after] = guess < 5 ? [] : [this.#slopeBefore(i, guess), this.#slopeAfter(i, guess)];
    const around = this.#beat.around(i);
    const periods = [before?.period ?? around.before, after?.period ?? around.after];
    const [low, high] = periods.map((period) => interval / period).sort((a, b) => a - b) as [number, number];
    const beats = Math.max(2, Math.round((low + high) / 2));
    const sigma = Math.max(before?.sigma ?? 0, after?.sigma ?? 0);
    const isKnown = high - low <= 1 && (beats * sigma) / periods[0]! <= 0.25;
    const isWhole = isKnown && Math.abs((low + high) / 2 - beats) <= WHOLE;
    if (guess < 10) this.#shortGaps += 1;
    if (guess < 10 && !isWhole) this.#brokenGaps += 1;
    this.beats[i + 1] = this.beats[i]! + beats;
    if (isWhole) this.gaps.push({ frame: i + 1, missing: beats - 1 });
    else this.pauses.push(i + 1);
  }

  /** A long gap takes a period that is known to a part of its count: from all frames beside it that keep one beat. */
  #slopeBefore(i: number, guess: number): Slope | undefined {
    const period = this.#beat.around(i).before;
    const least = Math.max(this.pauses.at(-1) ?? 0, i - spanFor(guess));
    let start = i;
    while (start > least && this.#keeps(start - 1, this.beats[start]! - this.beats[start - 1]!, period))
      start--;
    return slopeOf(this.#intervals.subarray(start, i), this.beats.subarray(start, i + 1));
  }

  #slopeAfter(i: number, guess: number): Slope | undefined {
    const period = this.#beat.around(i).after;
    const most = Math.min(this.#intervals.length, i + 1 + spanFor(guess));
    const beats = [0];
    let end = i + 1;
    for (; end < most; end++) {
      const beat = Math.round(this.#intervals[end]! / period);
      if (beat > 5 || !this.#keeps(end, beat, period)) break;
      beats.push(beats.at(-1)! + beat);
    }
    return slopeOf(this.#intervals.subarray(i + 1, end), Float64Array.from(beats));
  }

  #keeps(i: number, beats: number, period: number): boolean {
    return Math.abs(this.#intervals[i]! - beats * period) <= 0.2 * period * Math.max(1, beats);
  }
}

function spanFor(guess: number): number {
  return Math.min(4096, Math.max(64, Math.ceil(2 * guess)));
}

interface Slope {
  /** ns a beat, and 1 sigma of it. */
  period: number;
  sigma: number;
}

/** Least squares over the frames between these intervals; undefined for a few. */
function slopeOf(intervals: Float64Array, beats: Float64Array): Slope | undefined {
  const n = intervals.length + 1;
  if (n < 16) return undefined;
  const line = new LineSums();
  let time = 0;
  for (let i = 0; i < n; i++) {
    line.add(beats[i]! - beats[0]!, time);
    time += intervals[i] ?? 0;
  }
  const { slope, deviation, spread } = line.fit();
  return { period: slope, sigma: deviation / Math.sqrt(spread) };
}

/** Sums of a straight line by least squares. */
export class LineSums {
  count = 0;
  #x = 0;
  #y = 0;
  #xx = 0;
  #xy = 0;
  #yy = 0;

  add(x: number, y: number): void {
    this.count += 1;
    const [dx, dy] = [x - this.#x, y - this.#y];
    this.#x += dx / this.count;
    this.#y += dy / this.count;
    this.#xx += dx * (x - this.#x);
    this.#xy += dx * (y - this.#y);
    this.#yy += dy * (y - this.#y);
  }

  /** y = y0 + slope (x - x0); the residuals' standard deviation; the sum of (x - x0)^2. */
  fit(): { x0: number; y0: number; slope: number; deviation: number; spread: number } {
    const slope = this.#xx > 0 ? this.#xy / this.#xx : 0;
    const squares = Math.max(0, this.#yy - slope * this.#xy);
    const deviation = Math.sqrt(squares / Math.max(1, this.count - 2));
    return { x0: this.#x, y0: this.#y, slope, deviation, spread: this.#xx };
  }
}
