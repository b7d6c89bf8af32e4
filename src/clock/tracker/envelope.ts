import { robustSlope } from "../detrend.ts";
import { LOWEST } from "../one-way/floor.ts";
import { medianInPlace } from "../statistics.ts";
import { type Delay, Floors } from "./floors.ts";
import type { Follower } from "./follower.ts";
import type { Row } from "./order.ts";

/** A few rows in a row: the lowest of them tells whether the delay is as usual. */
export interface Cell {
  /** By time of arrival; the first stamp, ns since the base in s as those of the rows. */
  readonly rows: readonly Delay[];
  readonly count: number;
}

const CELL_ROWS = 64;
const CELL_LEAST = 4;
const CELL_S = 1;

/** A window ends after so long, s, and so many rows; where rows are rare, after so long whatever their number. */
const WINDOW_S = 20;
const FIRST_WINDOW_S = 1;
const WINDOWS_AT_FIRST = 8;
const WINDOW_ROWS = 16;
const RARE_S = 300;

/** A level is known by so many cells; a change is sudden that exceeds so many sigma of a cell's low. */
const KNOWN_CELLS = 8;
const KEPT_CELLS = 32;
const NEAR_CELLS = 9;
const SUDDEN = 8;

/** A lower level is believed after so many cells, since nothing arrives before it is sent; a higher one after so long, s. */
const FALL_CELLS = 3;
const RISE_CELLS = 5;
const RISE_S = 45;
const MOST_SUSPECTS = 64;

/** Stamps that go back, or ahead of the arrivals, count if it lasts for so many rows and s, and no queue is flushed. */
const STRAY_ROWS = 8;
const STRAY_S = 5;
const MOST_STRAYS = 64;
const FLUSH = 2;
const AHEAD_S = 1;
const AHEAD = 10;

const STEP_KICK = 1e-7;
const RESET_KICK = 2e-6;

/** A repeat is stale that comes later than so many usual intervals; so many of them are reported. */
const STALE_INTERVALS = 3;
const STALE = 8;

export interface Stamp {
  readonly from: bigint;
  readonly to: bigint;
}

/** Reads the lower envelope of the delay from rows as they arrive, and gives its floors to a follower. */
export class Envelope {
  readonly #follower: Follower;
  readonly floors = new Floors();
  base: { from: bigint; offset: bigint } | undefined;
  latest: Stamp | undefined;
  repeats = 0;
  /** Usual interval between stamps, s. */
  interval = 0;
  strays: Stamp[] = [];
  cell: Delay[] = [];
  /** The cell before, and the lows of those before it. */
  before: Delay[] = [];
  lows: Delay[] = [];
  suspects: Cell[] = [];
  /** The lowest rows of the window, and how many and from when it has. */
  window: Delay[] = [];
  count = 0;
  since = 0;

  constructor(follower: Follower) {
    this.#follower = follower;
  }

  take(from: bigint, to: bigint): void {
    const { latest } = this;
    if (latest === undefined) {
      this.#start({ from, to });
      return;
    }
    if (from === latest.from) {
      this.#repeat(to, latest);
      return;
    }
    const [stamps, arrivals] = [Number(from - latest.from) / 1e9, Number(to - latest.to) / 1e9];
    const isAhead = stamps > AHEAD * this.interval + AHEAD_S && arrivals < stamps / 2;
    if (stamps < 0 || (isAhead && this.lows.length >= KNOWN_CELLS)) {
      this.#stray({ from, to });
      return;
    }
    this.#follower.rejected += this.strays.length;
    this.strays = [];
    this.repeats = 0;
    this.interval += (stamps - this.interval) * (this.interval === 0 ? 1 : 0.02);
    this.latest = { from, to };
    this.#row(from, to);
  }

  #start({ from, to }: Stamp): void {
    this.base = { from, offset: to - from };
    this.latest = { from, to };
    this.lows = [];
    this.before = [];
    this.since = 0;
    this.#row(from, to);
  }

  #repeat(to: bigint, latest: Stamp): void {
    if (Number(to - latest.to) / 1e9 <= STALE_INTERVALS * this.interval || this.interval === 0) return;
    this.#follower.rejected++;
    if (++this.repeats === STALE) this.#follower.tell({ kind: "stale", time: latest.from, sizeNs: 0n });
  }

  #stray(stamp: Stamp): void {
    const last = this.strays.at(-1);
    if (
      last !== undefined &&
      (stamp.from < last.from || Number(stamp.from - last.from) / 1e9 > 60 + 100 * this.interval)
    ) {
      this.#follower.rejected += this.strays.length;
      this.strays = [];
    }
    this.strays.push(stamp);
    const first = this.strays[0]!;
    const arrivals = Number(stamp.to - first.to) / 1e9;
    const isFlushed = Number(stamp.from - first.from) / 1e9 > FLUSH * arrivals;
    if (this.strays.length >= STRAY_ROWS && arrivals >= STRAY_S && !isFlushed) this.#begin(this.strays);
    else if (this.strays.length > MOST_STRAYS) {
      const thinned = this.strays.filter((_, i) => i % 2 === 0);
      this.#follower.rejected += this.strays.length - thinned.length;
      this.strays = thinned;
    }
  }

  /** The source starts again, or its stamps jump ahead, with these rows. */
  #begin(strays: readonly Stamp[]): void {
    const isReset = strays[0]!.from < this.latest!.from;
    this.#follower.rejected += this.suspects.reduce((sum, { count }) => sum + count, 0);
    this.#closeCell();
    this.#closeWindow();
    this.strays = [];
    this.suspects = [];
    this.cell = [];
    const [first] = strays as [Stamp];
    this.base = { from: first.from, offset: first.to - first.from };
    this.latest = strays.at(-1)!;
    const rows = strays.map(({ from, to }) => this.#delayOf(from, to));
    this.#restart(rows, isReset ? "reset" : "step-or-delay", first.from, strays.length);
  }

  /** A new stretch with its first rows as one window. */
  #restart(rows: readonly Delay[], kind: "reset" | "step-or-delay", time: bigint, pairs: number): void {
    const follower = this.#follower;
    this.lows = [];
    this.before = [];
    this.window = [];
    this.count = 0;
    follower.hold = undefined;
    for (const row of rows) this.#collect(row);
    this.count = pairs;
    this.since = rows[0]!.time;
    const floor = this.#measure();
    this.window = [];
    this.count = 0;
    this.since = rows.at(-1)!.time;
    if (follower.current === undefined && follower.warm.length === 0) return;
    follower.restart([floor], { kind, time, pairs }, kind === "reset" ? RESET_KICK : STEP_KICK);
  }

  #delayOf(from: bigint, to: bigint): Delay {
    const { base } = this;
    return { time: Number(from - base!.from) / 1e9, delay: Number(to - from - base!.offset) / 1e9 };
  }

  #row(from: bigint, to: bigint): void {
    const row = this.#delayOf(from, to);
    const { cell } = this;
    cell.push(row);
    if (cell.length < CELL_LEAST) return;
    if (cell.length >= CELL_ROWS || row.time - cell[0]!.time >= CELL_S) this.#closeCell();
  }

  /** What is left of a delay when the expected drift is taken off. */
  #rest({ time, delay }: Delay, slope: number): number {
    return delay - slope * time;
  }

  get slope(): number {
    const follower = this.#follower;
    const drift = follower.state?.drift;
    if (drift !== undefined) return drift;
    const { warm } = follower;
    if (warm.length < 3) return follower.settings.drift;
    const first = warm[0]!;
    const times = Float64Array.from(warm, ({ from }) => Number(from - first.from) / 1e9);
    return robustSlope(
      times,
      Float64Array.from(warm, ({ offset }) => Number(offset - first.offset) / 1e9),
    );
  }

  #closeCell(): void {
    const { cell } = this;
    if (cell.length === 0) return;
    this.cell = [];
    const slope = this.slope;
    let low = cell[0]!;
    for (const row of cell) if (this.#rest(row, slope) < this.#rest(low, slope)) low = row;
    const change = this.#changeOf(low, slope);
    if (change !== 0) {
      this.#suspect({ rows: cell, count: cell.length }, change, slope);
      return;
    }
    this.#follower.rejected += this.suspects.reduce((sum, { count }) => sum + count, 0);
    this.suspects = [];
    this.#follower.hold = undefined;
    this.lows.push(low);
    if (this.lows.length > KEPT_CELLS) this.lows.shift();
    this.before = cell;
    for (const row of cell) this.#collect(row);
    this.#closeInTime(cell.at(-1)!.time);
  }

  /** By how much the low of a cell is off what is usual, where that is sudden; else 0. */
  #changeOf(low: Delay, slope: number): number {
    const { lows } = this;
    if (lows.length < KNOWN_CELLS) return 0;
    const rests = Float64Array.from(lows, (one) => this.#rest(one, slope));
    const steps = rests
      .subarray(1)
      .map((rest, i) => Math.abs(rest - rests[i]!))
      .sort();
    const noise =
      Math.max(steps[steps.length >> 1]! / 0.6745, steps[Math.floor(0.8 * (steps.length - 1))]! / 1.2816) /
      Math.SQRT2;
    const change = this.#rest(low, slope) - medianInPlace(rests.slice(-NEAR_CELLS));
    const gap = low.time - lows.at(-1)!.time;
    return Math.abs(change) > SUDDEN * noise + 3e-6 * gap ? change : 0;
  }

  #suspect(cell: Cell, change: number, slope: number): void {
    const last = this.suspects.at(-1);
    if (
      last !== undefined &&
      Math.sign(this.#changeOf(this.#lowOf(last, slope), slope)) !== Math.sign(change)
    ) {
      this.#follower.rejected += this.suspects.reduce((sum, { count }) => sum + count, 0);
      this.suspects = [];
    }
    this.suspects.push(cell);
    const first = this.suspects[0]!.rows[0]!;
    this.#follower.hold = this.base!.from + BigInt(Math.round(first.time * 1e9));
    const cells = this.suspects.length;
    const lasts = cell.rows.at(-1)!.time - first.time;
    const isSettled = change < 0 ? cells >= FALL_CELLS : cells >= RISE_CELLS && lasts >= RISE_S;
    if (isSettled) this.#change(change, slope);
    else if (cells > MOST_SUSPECTS) this.#merge(slope);
  }

  #lowOf({ rows }: Cell, slope: number): Delay {
    return rows.reduce((low, row) => (this.#rest(row, slope) < this.#rest(low, slope) ? row : low));
  }

  /** Neighbouring cells as one, of which the lowest rows are enough. */
  #merge(slope: number): void {
    const merged: Cell[] = [];
    for (let i = 1; i < this.suspects.length; i += 2) {
      const [one, other] = [this.suspects[i - 1]!, this.suspects[i]!];
      const all = [...one.rows, ...other.rows];
      const rests = Float64Array.from(all, (row) => this.#rest(row, slope)).sort();
      const limit = rests[Math.min(rests.length, CELL_ROWS) - 1]!;
      const rows = i === 1 ? one.rows : all.filter((row) => this.#rest(row, slope) <= limit);
      merged.push({ rows, count: one.count + other.count });
    }
    if (this.suspects.length % 2 === 1) merged.push(this.suspects.at(-1)!);
    this.suspects = merged;
  }

  /** The delay or the clock has changed for good. */
  #change(change: number, slope: number): void {
    const { suspects } = this;
    const middle =
      medianInPlace(Float64Array.from(this.lows.slice(-NEAR_CELLS), (low) => this.#rest(low, slope))) +
      change / 2;
    const isLow = (row: Delay) => this.#rest(row, slope) < middle;
    let first = suspects[0]!.rows[0]!;
    if (change > 0) {
      // The end of the cell before is of the new level already, if it holds no low row.
      const since = this.before.findLastIndex(isLow) + 1;
      if (since > 0 && since < this.before.length) first = this.before[since]!;
    } else first = suspects[0]!.rows.find(isLow) ?? first;
    const rows = suspects.flatMap((cell) => cell.rows).filter(({ time }) => time >= first.time);
    const pairs = suspects.reduce((sum, { count }) => sum + count, 0);
    this.suspects = [];
    this.#closeWindow();
    this.#restart(rows, "step-or-delay", this.base!.from + BigInt(Math.round(first.time * 1e9)), pairs);
    const latest = rows.slice(-CELL_ROWS);
    for (let i = 0; i < latest.length; i += CELL_LEAST * 2) {
      const part = latest.slice(i, i + CELL_LEAST * 2);
      if (part.length >= CELL_LEAST) this.lows.push(this.#lowOf({ rows: part, count: part.length }, slope));
    }
  }

  /** By how much the delay is off in cells that are no longer one alone, s: nobody knows yet for how long. */
  get doubt(): number {
    if (this.suspects.length < 2) return 0;
    const { slope } = this;
    return Math.abs(this.#changeOf(this.#lowOf(this.suspects.at(-1)!, slope), slope));
  }

  /** Adds a row to the lowest of the window. */
  #collect(row: Delay): void {
    const { window } = this;
    if (this.count++ === 0) this.since = row.time;
    window.push(row);
    if (window.length >= 4 * LOWEST) this.#thin();
  }

  #thin(): void {
    const slope = this.slope;
    this.window = this.window
      .sort((a, b) => this.#rest(a, slope) - this.#rest(b, slope) || a.time - b.time)
      .slice(0, LOWEST);
  }

  #closeInTime(time: number): void {
    const span = time - this.since;
    const length = Math.min(WINDOW_S, Math.max(FIRST_WINDOW_S, time / WINDOWS_AT_FIRST));
    const isFull = span >= length && this.count >= WINDOW_ROWS;
    if (isFull || (span >= RARE_S && this.count >= CELL_LEAST)) this.#closeWindow();
  }

  #closeWindow(): void {
    if (this.count >= CELL_LEAST) {
      const row = this.#measure();
      this.#follower.take(row);
    }
    this.window = [];
    this.count = 0;
  }

  /** The window's floor as a measurement. */
  #measure(): Row {
    this.#thin();
    const slope = this.slope;
    const lowest = this.window.map((row) => ({ time: row.time, rest: this.#rest(row, slope) }));
    const { time, offset, variance } = this.floors.read(lowest, this.count);
    const { base } = this;
    this.#follower.together = this.floors.together ** 2;
    return {
      from: base!.from + BigInt(Math.round(time * 1e9)),
      offset: base!.offset + BigInt(Math.round((offset + slope * time) * 1e9)),
      half: Number.NaN,
      sigma: Math.max(1e-9, Math.sqrt(variance)),
    };
  }
}
