import { AlignError } from "../../errors.ts";
import type { ClockEvent } from "../event.ts";
import { chooseWander, smooth, type Track } from "../smoother.ts";
import { cutCells } from "./cells.ts";
import { follow } from "./follow.ts";
import { findLevels } from "./lasting.ts";
import { findPlateaus } from "./plateaus.ts";
import { partEpochs } from "./resets.ts";
import { type Epoch, markFillers, placeRows, type Rows, rowStates, sortEpoch, tickOf } from "./rows.ts";
import { rejectStrays } from "./strays.ts";

/** One stretch of the envelope without a lasting change. */
export interface EnvelopeStretch {
  /** Origin of the track: ns on the from clock, and arrival minus stamp there. */
  readonly base: { readonly from: bigint; readonly offset: bigint };
  /** Knots of offset + floor; their variances are independent of each other. */
  readonly track: Track;
  /** What all knots together may be off, 1 sigma, s: no averaging makes it smaller. */
  readonly floorSigma: number;
  /** First and last stamp, ns on the from clock. */
  readonly start: bigint;
  readonly end: bigint;
  /** Rows of the evidence in it, and those of them that were not used. */
  readonly pairs: number;
  readonly rejected: number;
  /** How it follows the stretch before; absent for the first. */
  readonly change?: EnvelopeChange;
}

/** A lasting change between two stretches. */
export interface EnvelopeChange {
  readonly kind: "reset" | "step-or-delay";
  /** First stamp after it, ns on the from clock. */
  readonly time: bigint;
  /** Envelope after minus before, ns, and its 1 sigma. */
  readonly sizeNs: bigint;
  readonly sigmaNs: number;
}

/** The lower envelope of the delay. */
export interface Envelope {
  /** At least one, in order of arrival. */
  readonly stretches: readonly EnvelopeStretch[];
  /** Changes and stamps that went stale, by row. */
  readonly events: readonly ClockEvent[];
  /** For each row: 0 used, 1 rejected, 2 stale, 3 filler. */
  readonly states: Uint8Array;
}

/**
 * The lower envelope of arrival minus stamp: the offset of the clocks and the smallest delay.
 *
 * Rows are in order of arrival. A lasting decrease of the stamps is a reset, a lasting change of the envelope a
 * step-or-delay; a delay that returns to its level, and stamps that stray far from those around them, are rejected.
 *
 * Throws `CLOCK_TOO_LITTLE_EVIDENCE` where no row holds a measurement or all stamps are the same.
 */
export function readEnvelope(from: BigInt64Array, to: BigInt64Array): Envelope {
  const states = new Uint8Array(from.length);
  markFillers([from, to], states);
  const places = Int32Array.from(states.keys()).filter((place) => states[place] === rowStates.used);
  requireStamps(from, places);
  const stretches: EnvelopeStretch[] = [];
  const stale: number[] = [];
  for (const part of partEpochs(from, to, places)) {
    rejectStrays(from, to, part, states);
    const epoch = sortEpoch(from, to, part, states);
    stale.push(...epoch.stale);
    for (const { rows, drift, pairs, isFirst } of partLevels(from, to, epoch, states)) {
      const { track, floorSigma } = follow(rows.times, rows.delays, drift);
      const tick = rows.places.length < LEAST_TICKS ? 0 : tickOf(to, rows.places) / 1e9;
      const start = rows.base.from;
      const stretch = {
        base: rows.base,
        track,
        floorSigma: Math.sqrt(floorSigma ** 2 + tick ** 2 / 3),
        start,
        end: from[rows.places.at(-1)!]!,
        pairs: pairs.length,
        rejected: pairs.reduce((sum, place) => sum + (states[place] === rowStates.used ? 0 : 1), 0),
      };
      const before = stretches.at(-1);
      const kind = isFirst ? "reset" : "step-or-delay";
      stretches.push(
        before === undefined
          ? stretch
          : { ...stretch, change: { kind, time: start, ...sizeOf(before, stretch) } },
      );
    }
  }
  return { stretches, events: eventsOf(stretches, stale, from), states };
}

/** Fewer arrivals than these may be multiples of anything. */
const LEAST_TICKS = 8;

function requireStamps(from: BigInt64Array, places: Int32Array): void {
  if (places.length === 0) {
    throw new AlignError(
      "CLOCK_TOO_LITTLE_EVIDENCE",
      `no clock map: none of ${from.length} rows of one-way evidence holds a stamp and an arrival`,
      { hint: "give rows that are not int64 extremes" },
    );
  }
  const first = from[places[0]!]!;
  if (places.length === 1 || places.some((place) => from[place] !== first)) return;
  throw new AlignError(
    "CLOCK_TOO_LITTLE_EVIDENCE",
    `no clock map: all ${places.length} stamps of the one-way evidence are ${first} ns`,
    { hint: "take stamps that the source sets anew for each message" },
  );
}

interface LevelRows {
  readonly rows: Rows;
  readonly drift: number;
  /** Places of all rows from this level on until the next. */
  readonly pairs: Int32Array;
  readonly isFirst: boolean;
}

/** The rows of each lasting level of an epoch; all others are marked as rejected. */
function partLevels(from: BigInt64Array, to: BigInt64Array, epoch: Epoch, states: Uint8Array): LevelRows[] {
  const { rows, order, heads } = epoch;
  const cells = cutCells(rows);
  const levels = findLevels(findPlateaus(rows, cells), cells.noise);
  const kept = levels.map((level) => {
    const inLevel = new Uint8Array(rows.places.length);
    for (const { start, end } of level) inLevel.fill(1, start, end);
    return rows.places.filter((_, i) => inLevel[i] === 1);
  });
  const all = new Uint8Array(rows.places.length);
  for (const { start, end } of levels.flat()) all.fill(1, start, end);
  rows.places.forEach((place, i) => {
    if (all[i] === 0) states[place] = rowStates.rejected;
  });
  return levels.map((_, k) => {
    const start = k === 0 ? 0 : heads[levels[k]![0]!.start]!;
    const end = k + 1 === levels.length ? order.length : heads[levels[k + 1]![0]!.start]!;
    const pairs = order.slice(start, end);
    return { rows: placeRows(from, to, kept[k]!), drift: cells.drift, pairs, isFirst: k === 0 };
  });
}

/** What a clock may wander between two stretches, s^2/s^3, and drift where one knot shows no drift. */
const USUAL_WALK = 1e-16;
const USUAL_DRIFT = 20e-6;

interface End {
  readonly offset: number;
  readonly variance: number;
}

/** The envelope of a stretch carried on to an instant; s relative to its base. */
function carryTo(
  { base, track, floorSigma }: Omit<EnvelopeStretch, "change">,
  instant: bigint,
  atEnd: boolean,
): End {
  const { times, offsets, variances } = track;
  const i = atEnd ? times.length - 1 : 0;
  const distance = Number(instant - base.from) / 1e9 - times[i]!;
  if (times.length < 2) {
    return { offset: offsets[i]!, variance: variances[i]! + floorSigma ** 2 + (USUAL_DRIFT * distance) ** 2 };
  }
  const smoothed = smooth(track, chooseWander(track));
  const { q0, q1 } = smoothed.wander;
  const span = Math.abs(distance);
  const known = smoothed.p00[i]! + distance * (2 * smoothed.p01[i]! + distance * smoothed.p11[i]!);
  return {
    offset: smoothed.offsets[i]! + smoothed.drifts[i]! * distance,
    variance: known + floorSigma ** 2 + q0 * span + (Math.max(q1, USUAL_WALK) * span ** 3) / 3,
  };
}

/** A step is measured where it happens; after a reset the offsets at the two ends are compared. */
function sizeOf(
  before: EnvelopeStretch,
  after: Omit<EnvelopeStretch, "change">,
): { sizeNs: bigint; sigmaNs: number } {
  const isReset = after.start <= before.end;
  const old = carryTo(before, isReset ? before.end : after.start, true);
  const fresh = carryTo(after, after.start, false);
  const sizeNs =
    after.base.offset - before.base.offset + BigInt(Math.round(1e9 * (fresh.offset - old.offset)));
  return { sizeNs, sigmaNs: 1e9 * Math.sqrt(old.variance + fresh.variance) };
}

function eventsOf(
  stretches: readonly EnvelopeStretch[],
  stale: readonly number[],
  from: BigInt64Array,
): ClockEvent[] {
  const changes = stretches.flatMap(({ change }): ClockEvent[] =>
    change === undefined ? [] : [{ kind: change.kind, time: change.time, sizeNs: change.sizeNs }],
  );
  return [
    ...changes,
    ...stale.map((place): ClockEvent => ({ kind: "stale", time: from[place]!, sizeNs: 0n })),
  ];
}
