import type { ClockEvent } from "../event.ts";
import type { RowNoise } from "./spread.ts";

/** A measurement as it came in: ns, and its noise in s. */
export interface Row extends RowNoise {
  readonly from: bigint;
  /** Target minus source. */
  readonly offset: bigint;
}

/** What takes rows that are in order. */
interface Taker {
  rejected: number;
  accept(row: Row): void;
  reset(rows: readonly Row[]): boolean;
  isRepetition(): boolean;
  tell(event: ClockEvent): void;
}

/** So many usual intervals without a row are a gap, once so many are known. */
const GAP = 10;
const KNOWN_INTERVALS = 8;
const KEPT_INTERVALS = 32;

/** A decrease of the stamps lasts that is seen in so many rows, or so many where the target goes back too. */
const RESET = 5;
const BOTH_BACK = 8;

/** So many equal offsets in a row are reported. */
export const STALE = 8;

/** Keeps apart what repeats an offset, what goes back, and a row that is far ahead, until it is clear what it is. */
export class Order {
  /** The last row in use. */
  latest: Row | undefined;
  backs: Row[] = [];
  ahead: Row | undefined;
  /** The last offset that arrived, how often it was repeated, and since when. */
  arrived: bigint | undefined;
  repeats = 0;
  repeated = 0n;
  /** The last intervals between rows in use, s. */
  intervals: number[] = [];

  take(row: Row, taker: Taker): void {
    if (this.#isStale(row, taker)) {
      taker.rejected++;
      return;
    }
    const { latest, ahead } = this;
    if (latest !== undefined && row.from < latest.from) {
      this.#goBack(row, latest, taker);
      return;
    }
    this.ahead = undefined;
    if (ahead !== undefined) {
      if (row.from >= ahead.from) this.#accept(ahead, taker);
      else taker.rejected++;
    }
    const before = this.latest ?? row;
    if (this.#isGap(Number(row.from - before.from) / 1e9)) this.ahead = row;
    else this.#accept(row, taker);
  }

  /** Whether an interval, s, is far beyond the median of the last ones. */
  #isGap(interval: number): boolean {
    const { intervals } = this;
    if (intervals.length < KNOWN_INTERVALS || interval <= 0) return false;
    let below = 0;
    for (const one of intervals) if (GAP * one < interval) below++;
    return 2 * below > intervals.length;
  }

  /** Notes a row that is believed; returns whether a gap is before it. */
  pass(row: Row): boolean {
    const { latest } = this;
    this.latest = row;
    if (latest === undefined) return false;
    const interval = Number(row.from - latest.from) / 1e9;
    const isGap = this.#isGap(interval);
    this.intervals.push(interval);
    if (this.intervals.length > KEPT_INTERVALS) this.intervals.shift();
    return isGap;
  }

  #accept(row: Row, taker: Taker): void {
    taker.rejected += this.backs.length;
    this.backs = [];
    taker.accept(row);
  }

  #isStale({ from, offset }: Row, taker: Taker): boolean {
    if (offset !== this.arrived) {
      this.arrived = offset;
      this.repeats = 0;
      return false;
    }
    if (!taker.isRepetition()) return false;
    if (this.repeats === 0) this.repeated = from;
    this.repeats++;
    if (this.repeats === STALE - 1) taker.tell({ kind: "stale", time: this.repeated, sizeNs: 0n });
    return true;
  }

  /** A reset is a lasting decrease; rows that come late are older on the target's clock too. */
  #goBack(row: Row, latest: Row, taker: Taker): void {
    if (this.backs.length > 0 && row.from < this.backs.at(-1)!.from) {
      taker.rejected += this.backs.length;
      this.backs = [];
    }
    this.backs.push(row);
    const [first] = this.backs as [Row];
    const goesOn = first.from + first.offset >= latest.from + latest.offset;
    if (this.backs.length < (goesOn ? RESET : BOTH_BACK)) return;
    const isHeld = this.ahead !== undefined;
    if (taker.reset(this.backs) && isHeld) taker.rejected++;
  }
}
