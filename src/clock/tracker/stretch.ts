import { type Base, BOUND_DRIFT, piecesOf } from "../curve.ts";
import type { Piece } from "../piece.ts";
import type { Smoothed, Wander } from "../smoother.ts";
import { Bank, type Measurement, meanWander, type State, weigh } from "./bank.ts";
import { smoothOnward } from "./onward.ts";

/** A measurement that may still be smoothed: the rows of one short while as one. */
export interface Pending extends Measurement {
  /** Time of its first row, and between what offsets the truth lies by its round trips; s. */
  readonly since: number;
  readonly upper: number;
  readonly lower: number;
}

/** A state of the map: final once it is kept. s, s/s and their squares. */
export interface Knot extends State {
  readonly time: number;
  readonly wander: Wander;
  /** How far the truth can lie above and below, s. */
  readonly above: number;
  readonly below: number;
  /** Measurement minus map, s. */
  readonly residual: number;
}

/** What the smoothing of a stretch shares with the others. */
export interface Model {
  /** Log likelihood of each wander. */
  readonly scores: Float64Array;
  /** By how much sigma is wider, and the variance that all offsets share. */
  readonly widening: number;
  readonly common: number;
}

/** Measurements of a stretch without steps: those that can still change, and the knots that cannot. */
export class Stretch {
  base: Base;
  readonly first: bigint;
  /** Last stamp in use. */
  last: bigint;
  pairs = 0;
  rejected = 0;
  /** The filters at the last kept knot, and at the last row. */
  readonly trail: Bank;
  readonly lead: Bank;
  pending: Pending[] = [];
  knots: Knot[] = [];
  /** Number of the first of the knots since the stretch began. */
  dropped = 0;
  readonly #chords = new Map<number, Piece[]>();

  constructor(base: Base, first: bigint, trail = new Bank(), lead = new Bank()) {
    this.base = base;
    this.first = first;
    this.last = first;
    this.trail = trail;
    this.lead = lead;
  }

  /** Seconds since the base. */
  timeOf(instant: bigint): number {
    return Number(instant - this.base.from) / 1e9;
  }

  /** Takes a row into the filters; rows less than `spacing` apart are one measurement. */
  take(row: Measurement & { upper: number; lower: number }, scores: Float64Array, spacing: number): void {
    this.lead.update(row, scores);
    const { pending } = this;
    const open = pending.at(-1);
    if (open === undefined || row.kick > 0 || row.time - open.since >= spacing) {
      pending.push({ ...row, since: row.time });
      return;
    }
    const share = open.variance / (open.variance + row.variance);
    pending[pending.length - 1] = {
      since: open.since,
      time: open.time + share * (row.time - open.time),
      offset: open.offset + share * (row.offset - open.offset),
      variance: share * row.variance,
      kick: open.kick,
      upper: Math.min(open.upper, row.upper),
      lower: Math.max(open.lower, row.lower),
    };
  }

  /** Keeps the knots of measurements before `until`, but for the last `open` ones, which rows may still join. */
  settle(until: number, open: 0 | 1, model: Model): void {
    const { pending } = this;
    let count = 0;
    while (count < pending.length - open && pending[count]!.time <= until) count++;
    if (count === 0) return;
    this.knots.push(...this.smoothed(count, model));
    for (let k = 0; k < count; k++) this.trail.update(pending[k]!);
    this.pending = pending.slice(count);
  }

  /** The first `count` of the pending measurements as knots. */
  smoothed(count: number, { scores, widening, common }: Model): Knot[] {
    const { pending } = this;
    const weights = weigh(scores);
    const states = smoothOnward(this.trail, pending, weights, pending.length);
    const wander = meanWander(weights);
    const above = pending.map(({ upper }, k) => upper - states[k]!.offset);
    const below = pending.map(({ lower }, k) => states[k]!.offset - lower);
    for (let k = pending.length - 2; k >= 0; k--) {
      const slack = BOUND_DRIFT * (pending[k + 1]!.time - pending[k]!.time);
      above[k] = Math.min(above[k]!, above[k + 1]! + slack);
      below[k] = Math.min(below[k]!, below[k + 1]! + slack);
    }
    const square = widening * widening;
    let before = this.knots.at(-1);
    return states.slice(0, count).map((state, k): Knot => {
      const { time, offset } = pending[k]!;
      const slack = before === undefined ? Number.POSITIVE_INFINITY : BOUND_DRIFT * (time - before.time);
      const knot = {
        time,
        offset: state.offset,
        drift: Math.max(-0.999, state.drift),
        p00: state.p00 * square + common,
        p01: state.p01 * square,
        p11: state.p11 * square,
        wander,
        above: Math.min(above[k]!, (before?.above ?? 0) + slack),
        below: Math.min(below[k]!, (before?.below ?? 0) + slack),
        residual: offset - state.offset,
      };
      before = knot;
      return knot;
    });
  }

  /** Leaves out knots until so many are left. */
  trim(most: number): void {
    const excess = Math.max(0, this.knots.length - most);
    if (excess === 0) return;
    this.knots = this.knots.slice(excess);
    for (let k = this.dropped; k < this.dropped + excess; k++) this.#chords.delete(k);
    this.dropped += excess;
  }

  /** Counts times from a later base, so that they stay exact to the ns. */
  rebase(seconds: number): void {
    const shift = <T extends { readonly time: number }>(one: T): T => ({ ...one, time: one.time - seconds });
    this.base = { from: this.base.from + BigInt(seconds) * 1_000_000_000n, offset: this.base.offset };
    this.trail.time -= seconds;
    this.lead.time -= seconds;
    this.pending = this.pending.map((one) => ({ ...shift(one), since: one.since - seconds }));
    this.knots = this.knots.map(shift);
  }

  /** The pieces of the map; those between kept knots never change. */
  pieces(model: Model): Piece[] {
    const all = [...this.knots, ...this.smoothed(this.pending.length, model)];
    if (all.length === 1) all.push(afterwards(all[0]!));
    const last = all.length - 2;
    return all.slice(0, -1).flatMap((knot, k) => {
      const isEnd = k === 0 || k === last || k + 1 >= this.knots.length;
      const kept = isEnd ? undefined : this.#chords.get(this.dropped + k);
      if (kept !== undefined) return kept;
      const [start, end] = [this.instant(knot.time), this.instant(all[k + 1]!.time)];
      const own = between(this.base, knot, all[k + 1]!).filter(
        ({ since }) => (k === 0 || since >= start) && (k === last || since < end),
      );
      if (!isEnd) this.#chords.set(this.dropped + k, own);
      return own;
    });
  }

  /** The instant at some seconds since the base. */
  instant(time: number): bigint {
    return this.base.from + BigInt(Math.round(time * 1e9));
  }
}

/** Whether the intervals that the round trips on both sides of a jump leave for the truth have an instant in common. */
export function isExplained(old: Stretch, fresh: Stretch, model: Model, sizeNs: bigint): boolean {
  const before = old.knots.at(-1);
  const after = fresh.knots[0] ?? fresh.smoothed(1, model)[0];
  if (before === undefined || after === undefined) return false;
  if (before.above === Number.POSITIVE_INFINITY || after.above === Number.POSITIVE_INFINITY) return false;
  const jump = Number(sizeNs) / 1e9;
  const slack = (BOUND_DRIFT * Number(fresh.first - old.last)) / 1e9;
  const [rise, fall] = [before.above + after.below + slack, before.below + after.above + slack];
  return jump <= rise && -jump <= fall;
}

/** The pieces from one knot to the next, and those outward on both sides. */
function between(base: Base, one: Knot, other: Knot): Piece[] {
  const column = (key: "offset" | "drift" | "p00" | "p01" | "p11") => Float64Array.of(one[key], other[key]);
  const smoothed: Smoothed = {
    offsets: column("offset"),
    drifts: column("drift"),
    p00: column("p00"),
    p01: column("p01"),
    p11: column("p11"),
    wander: other.wander,
  };
  const bound = ({ above, below }: Knot) => Math.max(Math.abs(above), Math.abs(below)) * 1e9;
  return piecesOf(base, Float64Array.of(one.time, other.time), smoothed, (k) => bound(k === 0 ? one : other));
}

/** Where a knot is the only one: what it says of a second later. */
function afterwards(knot: Knot): Knot {
  const { q0, q1 } = knot.wander;
  return {
    ...knot,
    time: knot.time + 1,
    offset: knot.offset + knot.drift,
    p00: knot.p00 + 2 * knot.p01 + knot.p11 + q0 + q1 / 3,
    p01: knot.p01 + knot.p11 + q1 / 2,
    p11: knot.p11 + q1,
    above: knot.above + BOUND_DRIFT,
    below: knot.below + BOUND_DRIFT,
  };
}
