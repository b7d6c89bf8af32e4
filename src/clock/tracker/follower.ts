import { BOUND_DRIFT } from "../curve.ts";
import type { ClockEvent } from "../event.ts";
import { DRIFT_PRIOR, FEW_INSTANTS } from "../prior.ts";
import { fitStretch } from "../stretch.ts";
import { medianInPlace } from "../statistics.ts";
import { Bank, wanders, weigh } from "./bank.ts";
import { type RowNoise, Spread } from "./spread.ts";
import { type Model, Stretch } from "./stretch.ts";
import { type Finding, findAgreement, type Suspect } from "./suspects.ts";
import { rowsOf } from "./warm.ts";

/** A measurement as it came in: ns, and its noise in s. */
export interface Row extends RowNoise {
  readonly from: bigint;
  /** Target minus source. */
  readonly offset: bigint;
}

/** How a stretch begins: ns on the from clock, and how much of the evidence already belongs to it. */
export interface Change {
  readonly kind: "step" | "reset" | "step-or-delay";
  readonly time: bigint;
  readonly pairs: number;
}

export interface Settings {
  /** How long a knot may still change, s. */
  readonly lag: number;
  /** What is known of the drift before any evidence, s/s. */
  readonly drift: number;
  readonly driftSigma: number | undefined;
}

/** So many rows are fitted together before the filters begin. */
export const START = 16;

/** Beyond so many sigma a row counts less, and beyond so many it is not believed. */
const HUBER = 2.5;
const REJECT = 8;

const KEPT_KNOTS = 512;
const KEPT_EVENTS = 64;
const KEPT_INTERVALS = 32;
const MOST_SUSPECTS = 16;

/** Knots are no closer than this share of the lag, and no closer than this, s. */
const KNOTS_A_LAG = 128;
const LEAST_SPACING = 0.25;

/** Nobody knows the offset; clocks drift by less than this before anything is known, s/s. */
const DIFFUSE = 1e6;
const ANY_DRIFT = 0.05;

/** What a step, a start of the source and a changed rate may do to the drift besides, s/s. */
const STEP_KICK = 1e-7;
const RESET_KICK = 2e-6;
/** Before its first tick a coarse clock shows no drift. */
const TICK_KICK = 1e-3;

/** So many usual intervals without a row are a gap, once so many are known. */
const GAP = 10;
const KNOWN_INTERVALS = 8;

/** A decrease of the stamps lasts that is seen in so many rows, or so many where the target goes back too. */
const RESET = 3;
const BOTH_BACK = 8;

/** So many equal offsets in a row, among others that differ, are repetitions. */
const STALE = 8;
const OTHERS = 64;

/** Times are counted anew before they lose the ns, s. */
const REBASE = 2 ** 20;

/**
 * Follows a clock row by row: what is out of order, repeated or not believed is kept apart until it is clear what it
 * is, and the rest goes into the filters of the present stretch.
 */
export class Follower {
  readonly settings: Settings;
  readonly spacing: number;
  readonly scores = new Float64Array(wanders.length);
  readonly spread = new Spread();
  /** Finished stretches that still have knots, and the present one; before it there are rows only. */
  past: Stretch[] = [];
  current: Stretch | undefined;
  warm: Row[] = [];
  /** Evidence of the present stretch. */
  pairs = 0;
  rejected = 0;
  /** Rows that were not expected, that go back, and one that is far ahead. */
  suspects: Row[] = [];
  backs: Row[] = [];
  ahead: Row | undefined;
  latest: Row | undefined;
  /** The first offset in use: ticks are told by differences from it. */
  origin: bigint | undefined;
  /** The last offset that arrived, how often it was repeated, and since when. */
  arrived: bigint | undefined;
  repeats = 0;
  repeated = 0n;
  intervals: number[] = [];
  /** From here on the evidence is in doubt, and nothing is kept; and what all of it may be off by together, s^2. */
  hold: bigint | undefined;
  together = 0;
  events: ClockEvent[] = [];
  #weights: Float64Array | undefined;

  constructor(settings: Settings) {
    this.settings = settings;
    this.spacing = Math.max(LEAST_SPACING, settings.lag / KNOTS_A_LAG);
  }

  get model(): Model {
    const { widening, learned } = this.spread;
    return { scores: this.scores, widening, common: learned.common + this.together };
  }

  get weights(): Float64Array {
    this.#weights ??= weigh(this.scores);
    return this.#weights;
  }

  take(row: Row): void {
    if (this.#isStale(row)) {
      this.rejected++;
      return;
    }
    const { latest, ahead } = this;
    if (latest !== undefined && row.from < latest.from) {
      this.#goBack(row, latest);
      return;
    }
    this.ahead = undefined;
    if (ahead !== undefined) {
      if (row.from >= ahead.from) this.#accept(ahead);
      else this.rejected++;
    }
    const usual = this.usualInterval;
    const isAhead = usual !== undefined && Number(row.from - this.latest!.from) / 1e9 > GAP * usual;
    if (isAhead) this.ahead = row;
    else this.#accept(row);
  }

  get usualInterval(): number | undefined {
    return this.intervals.length < KNOWN_INTERVALS
      ? undefined
      : medianInPlace(Float64Array.from(this.intervals));
  }

  #isStale({ from, offset }: Row): boolean {
    if (offset !== this.arrived) {
      this.arrived = offset;
      this.repeats = 0;
      return false;
    }
    if (this.current === undefined || this.spread.learned.slack > 0) return false;
    const others = this.spread.latest(OTHERS);
    if (others.length < STALE || new Set(others).size * 2 < others.length) return false;
    if (this.repeats === 0) this.repeated = from;
    this.repeats++;
    if (this.repeats === STALE - 1) this.tell({ kind: "stale", time: this.repeated, sizeNs: 0n });
    return true;
  }

  tell(event: ClockEvent): void {
    this.events.push(event);
    if (this.events.length > KEPT_EVENTS) this.events.shift();
    this.told.push(event);
  }

  /** Events since they were last taken away. */
  told: ClockEvent[] = [];

  #goBack(row: Row, latest: Row): void {
    if (this.backs.length > 0 && row.from < this.backs.at(-1)!.from) {
      this.rejected += this.backs.length;
      this.backs = [];
    }
    this.backs.push(row);
    const goesOn = this.backs[0]!.from + this.backs[0]!.offset >= latest.from + latest.offset;
    if (this.backs.length < (goesOn ? RESET : BOTH_BACK)) return;
    const rows = this.backs;
    if (this.ahead !== undefined) this.rejected++;
    this.rejected += this.suspects.length;
    this.ahead = undefined;
    this.backs = [];
    this.suspects = [];
    this.restart(rows, { kind: "reset", time: rows[0]!.from, pairs: rows.length }, RESET_KICK);
  }

  #accept(row: Row): void {
    this.rejected += this.backs.length;
    this.backs = [];
    if (this.current !== undefined) {
      this.#judge(row, this.current);
      return;
    }
    this.warm.push(row);
    this.#pass(row);
    if (this.warm.length === START) this.#begin();
  }

  #pass(row: Row): number {
    const interval = this.latest === undefined ? 0 : Number(row.from - this.latest.from) / 1e9;
    if (this.latest !== undefined) this.intervals.push(interval);
    if (this.intervals.length > KEPT_INTERVALS) this.intervals.shift();
    this.latest = row;
    return interval;
  }

  /** Starts the filters by the rows so far, fitted as the batch estimator does. */
  #begin(): void {
    const { warm } = this;
    this.warm = [];
    const first = warm[0]!;
    const stretch = new Stretch({ from: first.from, offset: first.offset }, first.from);
    const rows = rowsOf(warm);
    const instants = new Set(rows.times).size;
    const fitted =
      instants > FEW_INSTANTS
        ? fitStretch(rows, 0, warm.length, warm.length < START ? "line" : "curve", [])
        : undefined;
    const driftSigma = this.settings.driftSigma ?? (fitted === undefined ? DRIFT_PRIOR : ANY_DRIFT);
    const start = { time: 0, offset: 0, variance: DIFFUSE, kick: 0 };
    stretch.trail.start(start, this.settings.drift, driftSigma ** 2);
    stretch.lead.start(start, this.settings.drift, driftSigma ** 2);
    const freedom = Math.sqrt(warm.length / Math.max(1, warm.length - 2));
    this.current = stretch;
    this.rejected += warm.filter((_, i) => fitted?.used[i] === 0).length;
    warm.forEach((row, i) => {
      const deviation = freedom * (fitted?.residuals[i] ?? 0);
      if (fitted?.used[i] !== 0) this.#remember(row, deviation);
    });
    if (fitted !== undefined) this.spread.learn();
    warm.forEach((row, i) => {
      if (fitted?.used[i] !== 0) this.#feed(row, fitted?.variances[i] ?? alone(row), 0);
    });
    this.#settle();
  }

  /** Offset (s, minus that of a base) and drift to be expected; undefined before the filters begin. */
  predict(base: { from: bigint; offset: bigint }, time: number) {
    const { current } = this;
    if (current === undefined) return undefined;
    const own = time + Number(base.from - current.base.from) / 1e9;
    const { offset, drift } = current.lead.blend(this.weights, own);
    return { offset: offset + Number(current.base.offset - base.offset) / 1e9, drift };
  }

  /** The map of the rows before the filters begin, as if they were all. */
  preview(): Follower {
    const follower = new Follower(this.settings);
    follower.warm = [...this.warm];
    follower.pairs = this.pairs;
    follower.rejected = this.rejected;
    follower.events = this.events;
    follower.#begin();
    return follower;
  }

  #remember(row: Row, deviation: number): void {
    this.spread.remember({ half: row.half, sigma: row.sigma, deviation, offsetNs: this.#inNs(row) });
  }

  #inNs({ offset }: Row): number {
    this.origin ??= offset;
    return Number(offset - this.origin);
  }

  #judge(row: Row, stretch: Stretch): void {
    const { deviation, sigma, limit } = this.#expect(row, stretch);
    if (Math.abs(deviation) > limit * sigma) {
      this.#suspect(row, stretch);
      return;
    }
    if (this.suspects.length > 0) {
      const away = Math.abs(this.#deviations(stretch)[this.suspects.length >> 1]!.deviation - deviation);
      if (away > REJECT * Math.sqrt(this.spread.variance(row))) {
        this.rejected += this.suspects.length;
        this.suspects = [];
      }
    }
    this.#use(row, stretch, 0);
  }

  /** What a row deviates from what the filters expect, its sigma, and how many of them are believed. */
  #expect(row: Row, stretch: Stretch) {
    const time = stretch.timeOf(row.from);
    const { offset, p00 } = stretch.lead.blend(this.weights, time);
    const variance = this.spread.variance(row);
    const deviation = Number(row.offset - stretch.base.offset) / 1e9 - this.spread.bias(row) - offset;
    const limit = Number.isNaN(row.sigma) ? REJECT : REJECT * this.spread.learned.scale;
    return { time, deviation, variance, p00, sigma: Math.sqrt(p00 + variance), limit };
  }

  #deviations(stretch: Stretch): Suspect[] {
    return this.suspects.map((row) => {
      const { time, deviation, variance, limit } = this.#expect(row, stretch);
      return { time, deviation, sigma: (Math.sqrt(variance) * limit) / REJECT };
    });
  }

  #suspect(row: Row, stretch: Stretch): void {
    const kept = this.suspects.filter(({ from }) => from <= row.from);
    this.rejected += this.suspects.length - kept.length;
    this.suspects = [...kept, row];
    const deviations = this.#deviations(stretch);
    const finding = findAgreement(deviations);
    if (finding !== undefined) this.#settleOn(finding, stretch);
    else if (this.suspects.length > MOST_SUSPECTS) {
      this.suspects.shift();
      this.rejected++;
    }
  }

  /** Suspects that agree are a step, or a new rate where they start from what was expected. */
  #settleOn({ members, jump, slope }: Finding, stretch: Stretch): void {
    const rows = members.map((i) => this.suspects[i]!);
    this.rejected += this.suspects.length - rows.length;
    this.suspects = [];
    if (this.#isTick(rows)) {
      for (const row of rows) this.#remember(row, this.#expect(row, stretch).deviation);
      this.spread.learn();
      this.#replace(rows, stepAt(rows), TICK_KICK);
      return;
    }
    const { time, sigma, limit } = this.#expect(rows[0]!, stretch);
    const isBend = Math.abs(jump) <= Math.abs(slope) * (time - stretch.lead.time) + limit * sigma;
    if (!isBend) {
      this.restart(rows, stepAt(rows), slope === 0 ? STEP_KICK : Math.abs(slope));
      return;
    }
    rows.forEach((row, i) => this.#use(row, stretch, i === 0 ? slope * slope : 0));
  }

  /** Whether one offset has become another, and there was never a third: so moves a coarse clock. */
  #isTick(rows: readonly Row[]): boolean {
    const offsets = new Set([...this.spread.latest(OTHERS), ...rows.map((row) => this.#inNs(row))]);
    return this.spread.samples.length >= STALE && offsets.size === 2;
  }

  #use(row: Row, stretch: Stretch, kick: number): void {
    const { deviation, variance, p00, sigma } = this.#expect(row, stretch);
    if (this.spread.isDetour(row)) {
      this.#remember(row, deviation);
      this.spread.learnInTime();
      this.rejected++;
      return;
    }
    const usual = this.usualInterval;
    const interval = this.#pass(row);
    const before = stretch.lead.blend(this.weights, stretch.lead.time).offset;
    const size = Math.abs(deviation) / sigma;
    const isWide = size > HUBER && kick === 0 && Number.isNaN(row.sigma);
    this.#feed(row, isWide ? (variance * size) / HUBER : variance, kick);
    const bias = this.spread.bias(row);
    if (kick === 0) {
      const own = bias + deviation * Math.sqrt(variance / (p00 + variance));
      this.#remember(row, own);
      this.spread.learnInTime();
    }
    if (usual !== undefined && usual > 0 && interval > GAP * usual) {
      const moved = stretch.lead.blend(this.weights, stretch.lead.time).offset - before;
      this.tell({ kind: "gap", time: row.from, sizeNs: BigInt(Math.round(moved * 1e9)) });
    }
    this.#settle();
  }

  #feed(row: Row, variance: number, kick: number): void {
    const stretch = this.current!;
    const offset = Number(row.offset - stretch.base.offset) / 1e9;
    const { slack, isResolved } = this.spread.learned;
    const half = Number.isNaN(row.half) || !isResolved ? Number.POSITIVE_INFINITY : row.half + slack;
    const measured = { offset: offset - this.spread.bias(row), variance, kick };
    const limits = { upper: offset + half, lower: offset - half };
    stretch.take({ time: stretch.timeOf(row.from), ...measured, ...limits }, this.scores, this.spacing);
    stretch.last = row.from;
    this.#weights = undefined;
  }

  #settle(): void {
    const stretch = this.current!;
    let until = stretch.timeOf(stretch.last) - this.settings.lag;
    for (const { from } of this.suspects) until = Math.min(until, stretch.timeOf(from) - 1e-9);
    if (this.hold !== undefined) until = Math.min(until, stretch.timeOf(this.hold) - 1e-9);
    stretch.settle(until, 1, this.model);
    const time = stretch.timeOf(stretch.last);
    if (time > 2 * REBASE) stretch.rebase(Math.floor(time / REBASE - 1) * REBASE);
    this.#trim();
  }

  #trim(): void {
    let left = KEPT_KNOTS - this.current!.knots.length;
    this.current!.trim(KEPT_KNOTS);
    for (let i = this.past.length - 1; i >= 0; i--) {
      const stretch = this.past[i]!;
      stretch.trim(Math.max(0, left));
      left -= stretch.knots.length;
    }
    if (this.past[0]?.knots.length === 0) this.past = this.past.filter(({ knots }) => knots.length > 0);
  }

  /** Ends the present stretch and begins one with rows at a new offset. */
  restart(rows: readonly Row[], change: Change, kick: number): void {
    if (this.current === undefined) this.#begin();
    const old = this.current!;
    const sizeNs = this.#replace(rows, change, kick);
    const { kind, time } = change;
    const told = kind === "step" && this.#isExplained(old, this.current!, sizeNs) ? "step-or-delay" : kind;
    this.tell({ kind: told, time, sizeNs });
  }

  #replace(rows: readonly Row[], { kind, time, pairs }: Change, kick: number): bigint {
    const old = this.current!;
    const first = rows[0]!;
    const start = old.timeOf(first.from);
    if (kind !== "reset") old.pending = old.pending.filter(({ time }) => time < start);
    old.settle(Number.POSITIVE_INFINITY, 0, this.model);
    old.pairs = this.pairs - pairs;
    old.rejected = this.rejected;
    const before = old.lead.blend(this.weights, kind === "reset" ? old.timeOf(old.last) : start);
    const stretch = new Stretch({ from: first.from, offset: first.offset }, time, copy(old), copy(old));
    const at = { time: 0, offset: 0, variance: DIFFUSE, kick: kick * kick };
    for (const bank of [stretch.trail, stretch.lead]) {
      bank.time = kind === "reset" ? 0 : old.lead.time - start;
      bank.restart(at);
    }
    if (old.knots.length > 0) this.past.push(old);
    this.current = stretch;
    this.pairs = pairs;
    this.rejected = 0;
    if (kind === "reset") {
      this.intervals = [];
      this.latest = undefined;
    }
    for (const row of rows) this.#use(row, stretch, 0);
    const fresh = stretch.lead.blend(this.weights, 0);
    const moved = BigInt(Math.round((fresh.offset - before.offset) * 1e9));
    return stretch.base.offset - old.base.offset + moved;
  }

  /** Whether the intervals that the round trips on both sides leave for the truth have an instant in common. */
  #isExplained(old: Stretch, fresh: Stretch, sizeNs: bigint): boolean {
    const before = old.knots.at(-1);
    const after = fresh.knots[0] ?? fresh.smoothed(1, this.model)[0];
    if (before === undefined || after === undefined || fresh.first < old.last) return false;
    if (before.above === Number.POSITIVE_INFINITY || after.above === Number.POSITIVE_INFINITY) return false;
    const jump = Number(sizeNs) / 1e9;
    const slack = (BOUND_DRIFT * Number(fresh.first - old.last)) / 1e9;
    const [rise, fall] = [before.above + after.below + slack, before.below + after.above + slack];
    return jump <= rise && -jump <= fall;
  }
}

function stepAt(rows: readonly Row[]): Change {
  return { kind: "step", time: rows[0]!.from, pairs: rows.length };
}

/** What is known of the error of a row alone: its sigma, or what its round trip allows (uniform), else 1 ms. */
function alone({ half, sigma }: Row): number {
  if (!Number.isNaN(sigma)) return sigma * sigma;
  return Number.isNaN(half) ? 1e-6 : (half * half) / 3;
}

function copy({ lead }: Stretch): Bank {
  const bank = new Bank();
  bank.time = lead.time;
  for (const key of ["offsets", "drifts", "p00", "p01", "p11"] as const) bank[key].set(lead[key]);
  return bank;
}
