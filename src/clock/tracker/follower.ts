import type { ClockEvent } from "../event.ts";
import { DRIFT_PRIOR, FEW_INSTANTS } from "../prior.ts";
import { fitStretch } from "../stretch.ts";
import { type State, wanders, weigh } from "./bank.ts";
import { Order, type Row, STALE } from "./order.ts";
import { Spread } from "./spread.ts";
import { isExplained, type Model, Stretch } from "./stretch.ts";
import { type Finding, findAgreement, type Suspect } from "./suspects.ts";
import { alone, rowsOf } from "./warm.ts";

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
const START = 16;

/** Beyond so many sigma a row counts less, and beyond so many it is not believed. */
const HUBER = 2.5;
const REJECT = 8;

const KEPT_KNOTS = 512;
const KEPT_EVENTS = 64;
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

/** So many equal offsets in a row, among others that differ, are repetitions. */
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
  /** Rows that were not expected. */
  suspects: Row[] = [];
  order = new Order();
  /** The first offset in use: ticks are told by differences from it. */
  origin: bigint | undefined;
  /** From here on the evidence is in doubt, and nothing is kept; and what all of it may be off by together, s^2. */
  hold: bigint | undefined;
  together = 0;
  events: ClockEvent[] = [];
  #weights: Float64Array | undefined;
  #told: ClockEvent[] = [];

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
    this.order.take(row, this);
  }

  /** Whether an equal offset is no measurement: among others that differ, a clock that is not coarse has none. */
  isRepetition(): boolean {
    if (this.current === undefined || this.spread.learned.slack > 0) return false;
    const others = this.spread.latest(OTHERS);
    return others.length >= STALE && new Set(others).size * 2 >= others.length;
  }

  tell(event: ClockEvent): void {
    this.events.push(event);
    if (this.events.length > KEPT_EVENTS) this.events.shift();
    this.#told.push(event);
  }

  /** Events since they were last taken away. */
  takeTold(): ClockEvent[] {
    const told = this.#told;
    this.#told = [];
    return told;
  }

  /** The instant up to which nothing will change. */
  get settled(): bigint | undefined {
    const { current, past } = this;
    const stretch = current !== undefined && current.knots.length > 0 ? current : past.at(-1);
    return stretch?.instant(stretch.knots.at(-1)!.time);
  }

  /** The state at the last row; undefined before the filters begin. */
  get state(): State | undefined {
    const { current } = this;
    return current?.lead.blend(this.weights, current.lead.time);
  }

  /** Takes a row that is in order. */
  accept(row: Row): void {
    if (this.current !== undefined) {
      this.#judge(row, this.current);
      return;
    }
    this.warm.push(row);
    this.order.pass(row);
    if (this.warm.length === START) this.#begin();
  }

  /** Whether the source starts again with these rows: those that agree do, or all if they are many. */
  reset(rows: readonly Row[]): boolean {
    const drift = this.state?.drift ?? this.settings.drift;
    const first = rows[0]!;
    const deviations = rows.map((row): Suspect => {
      const time = Number(row.from - first.from) / 1e9;
      const deviation = Number(row.offset - first.offset) / 1e9 - drift * time;
      return { time, deviation, sigma: Math.sqrt(this.spread.variance(row)) };
    });
    const members = findAgreement(deviations)?.members;
    if (members === undefined && rows.length < MOST_SUSPECTS) return false;
    const kept = members === undefined ? rows : members.map((i) => rows[i]!);
    this.rejected += this.suspects.length + rows.length - kept.length;
    this.suspects = [];
    this.restart(kept, { kind: "reset", time: kept[0]!.from, pairs: kept.length }, RESET_KICK);
    return true;
  }

  /** Starts the filters by the rows so far, fitted as the batch estimator does. */
  #begin(): void {
    const { warm } = this;
    this.warm = [];
    const rows = rowsOf(warm);
    const instants = new Set(rows.times).size;
    const fitted =
      instants > FEW_INSTANTS
        ? fitStretch(rows, 0, warm.length, warm.length < START ? "line" : "curve", [])
        : undefined;
    const base = warm.find((_, i) => fitted?.used[i] !== 0)!;
    const stretch = new Stretch({ from: base.from, offset: base.offset }, warm[0]!.from);
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

  /** By how much rows are off that are no longer one alone, s: nobody knows yet whether the clock jumped. */
  get doubt(): number {
    if (this.current === undefined || this.suspects.length < 2) return 0;
    return Math.abs(this.#deviations(this.current).at(-1)!.deviation);
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
    for (const [i, row] of rows.entries()) this.#use(row, stretch, i === 0 ? slope * slope : 0);
  }

  /** Whether one offset has become another, and there was never a third: so moves a coarse clock. */
  #isTick(rows: readonly Row[]): boolean {
    const offsets = new Set([...this.spread.latest(OTHERS), ...rows.map((row) => this.#inNs(row))]);
    return this.spread.samples.length >= STALE && offsets.size === 2;
  }

  #use(row: Row, stretch: Stretch, kick: number): void {
    const { deviation, variance, p00, sigma } = this.#expect(row, stretch);
    const isGap = this.order.pass(row);
    const isFirst = stretch.pending.length + stretch.knots.length === 0;
    if (this.spread.isDetour(row) && !isFirst) {
      this.#remember(row, deviation);
      this.spread.learnInTime();
      this.rejected++;
      return;
    }
    const before = this.state!.offset;
    const size = Math.abs(deviation) / sigma;
    const isWide = size > HUBER && kick === 0 && Number.isNaN(row.sigma);
    this.#feed(row, isWide ? (variance * size) / HUBER : variance, kick);
    if (kick === 0) {
      this.#remember(row, this.spread.bias(row) + deviation * Math.sqrt(variance / (p00 + variance)));
      this.spread.learnInTime();
    }
    if (isGap) {
      const moved = this.state!.offset - before;
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
    const told =
      kind === "step" && isExplained(old, this.current!, this.model, sizeNs) ? "step-or-delay" : kind;
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
    const stretch = new Stretch(
      { from: first.from, offset: first.offset },
      time,
      old.lead.copy(),
      old.lead.copy(),
    );
    const at = { time: 0, offset: 0, variance: DIFFUSE, kick: kick * kick };
    for (const bank of [stretch.trail, stretch.lead]) {
      bank.time = kind === "reset" ? 0 : old.lead.time - start;
      bank.restart(at);
    }
    if (old.knots.length > 0) this.past.push(old);
    this.current = stretch;
    this.pairs = pairs;
    this.rejected = 0;
    if (kind === "reset") this.order = new Order();
    for (const row of rows) this.#use(row, stretch, 0);
    const fresh = stretch.lead.blend(this.weights, 0);
    const moved = BigInt(Math.round((fresh.offset - before.offset) * 1e9));
    return stretch.base.offset - old.base.offset + moved;
  }
}

function stepAt(rows: readonly Row[]): Change {
  return { kind: "step", time: rows[0]!.from, pairs: rows.length };
}
