import { AlignError } from "../errors.ts";
import { boundAt, reachOf } from "./bounds.ts";
import { piecesOf } from "./curve.ts";
import { type Epoch, epochsOf } from "./epochs.ts";
import type { ClockModel } from "./estimate.ts";
import type { ClockEvent } from "./event.ts";
import {
  type Constant,
  INVALID,
  type Observations,
  OUTLIER,
  placeOf,
  type Readings,
  STALE,
} from "./evidence.ts";
import { sigmasOf } from "./fit.ts";
import { type EnvelopeRows, rowsOfEnvelope } from "./floors.ts";
import { linePieces } from "./line-pieces.ts";
import { type EnvelopeStretch, readEnvelope } from "./one-way/index.ts";
import { evaluate, findPiece, type Piece } from "./piece.ts";
import { fitPiecewise, type Mark } from "./piecewise.ts";
import type { Placed } from "./place.ts";
import { DRIFT_PRIOR, FEW_INSTANTS } from "./prior.ts";
import { distances, gatherRows, offsetsOf, type Part, type Rows } from "./rows.ts";
import { findStale } from "./stale.ts";
import { cutsOf } from "./steps.ts";
import { type Assertion, type Fitted, fitStretch, type Shape } from "./stretch.ts";

/** A stretch of the evidence between two cuts, fitted and with its rows. */
export interface Stretch extends Placed {
  readonly shape: Shape;
  /** The first stamp, used or not. */
  readonly first: bigint;
  /** What happened between this and the stretch before; a jump is what round trips or marks show alone. */
  readonly begins: "reset" | "step" | "step-or-delay" | "jump";
  /** How far the truth can lie from the fit at its start and end, s; undefined without round trips. */
  readonly reach: { readonly start: Reaching; readonly end: Reaching } | undefined;
  /** Its rows, by entry, with what the fit says of each. */
  readonly members: readonly Member[];
  /** Evidence minus map of all that was used, ns. */
  readonly residualsNs: readonly number[];
  /** How many asserted offsets count in it. */
  readonly assertions: number;
}

/** How far the truth can lie above and below, s. */
export interface Reaching {
  readonly above: number;
  readonly below: number;
}

export interface Member {
  /** Position of the entry among those with rows. */
  readonly position: number;
  readonly rows: Int32Array;
  readonly residualsNs: Float64Array;
  readonly sigmasNs: Float64Array;
}

/** What the evidence comes to: its stretches, and what else happened. */
export interface Parted {
  readonly stretches: readonly Stretch[];
  /** Runs of stale rows, and gaps. */
  readonly events: readonly ClockEvent[];
}

/**
 * Cuts the evidence where the source starts again and where the offset jumps, and fits what is between.
 *
 * Jumps at `delays` are taken for changes of the delay: there is no cut.
 */
export function stretchesOf(
  observations: Observations,
  model: ClockModel,
  delays: ReadonlySet<bigint>,
): Parted {
  const events: ClockEvent[] = [];
  const { constants } = observations;
  const readings = withEnvelopes(observations, delays, events);
  const epochs = epochsOf(readings).map((epoch) => epoch.map((part) => withoutStale(part, events)));
  const exact =
    model === "piecewise" && constants.length === 0 && readings.every(({ kind }) => kind === "marks");
  const plans = epochs.flatMap((epoch): Plan[] => {
    const rows = gatherRows(epoch);
    const cuts = exact ? [] : cutsIn(epoch, rows, delays);
    const edges = [{ row: 0, kind: "reset" as const, time: firstOf(epoch, rows) }, ...cuts];
    return edges.map(({ row, kind, time }, i) => {
      return {
        epoch,
        rows,
        low: row,
        high: edges[i + 1]?.row ?? rows.times.length,
        begins: kind,
        first: time,
      };
    });
  });
  const homes = assertionHomes(plans, constants);
  const stretches = plans.map((plan, i) => {
    if (exact) return exactly(plan);
    const own = constants.filter((_, k) => homes[k] === i);
    return fitPlan(plan, model, own);
  });
  events.push(...gapsOf(plans, stretches));
  return { stretches, events };
}

interface Plan {
  readonly epoch: Epoch;
  readonly rows: Rows;
  readonly low: number;
  readonly high: number;
  /** What happened between this and the stretch before. */
  readonly begins: "reset" | Cut["kind"];
  readonly first: bigint;
}

/** The first stamp of an epoch. */
function firstOf(epoch: Epoch, rows: Rows): bigint {
  const { envelope } = epoch[rows.entries[0]!]!.readings;
  if (envelope === undefined) return instantOf({ epoch, rows }, 0);
  return envelope.stretches[envelope.owners[rows.places[0]!]!]!.start;
}

/** Entries with rows, one-way ones as the envelopes of their delays. */
function withEnvelopes(
  { readings, constants }: Observations,
  delays: ReadonlySet<bigint>,
  events: ClockEvent[],
): Readings[] {
  const all = readings.filter(({ kind }) => kind !== "one-way");
  if (all.length === readings.length) return all;
  // Outliers must be known before they are held against an envelope.
  if (all.length > 0) epochsOf(all);
  for (const origin of readings) {
    if (origin.kind !== "one-way") continue;
    const envelope = readEnvelope(origin.from, origin.values);
    events.push(...envelope.events.filter(({ kind }) => kind === "stale"));
    const position = readings.length + all.length;
    all.push(rowsOfEnvelope(origin, envelope, all, constants, position, delays));
  }
  return all;
}

interface Cut {
  readonly row: number;
  /** The first stamp after it. */
  readonly time: bigint;
  /** Whether the evidence settles that the clock jumped. */
  readonly kind: "step" | "step-or-delay" | "jump";
}

/** Where the offset jumps within an epoch, by round trips and marks, and by envelopes of one-way delays. */
function cutsIn(epoch: Epoch, rows: Rows, delays: ReadonlySet<bigint>): Cut[] {
  const { times } = rows;
  const isEnvelope = epoch.map(({ readings }) => readings.envelope !== undefined);
  const found = cutsOf(rows, isEnvelope);
  const cuts: Cut[] = [];
  for (const { readings } of epoch) {
    for (const { kind, time } of readings.envelope?.changes ?? []) {
      if (kind !== "step" && kind !== "step-or-delay") continue;
      const at = Number(time - rows.base.from) / 1e9;
      const row = times.findIndex((one) => one >= at);
      if (row <= 0 || cuts.some((cut) => cut.row === row)) continue;
      const seen = found.findIndex(
        (cut) => Math.abs(times[cut]! - at) <= 2 * (times[cut]! - times[cut - 1]!) + 60,
      );
      if (seen >= 0) found.splice(seen, 1);
      cuts.push({ row, time, kind: seen >= 0 ? "step" : kind });
    }
  }
  for (const row of found) {
    const time = instantOf({ epoch, rows }, row);
    if (!delays.has(time)) cuts.push({ row, time, kind: "jump" });
  }
  return cuts.sort((a, b) => a.row - b.row);
}

/** Takes repetitions of an earlier offset, and of an earlier stamp of the source, out of an entry's rows. */
function withoutStale({ readings, rows }: Part, events: ClockEvent[]): Part {
  if (readings.envelope !== undefined) return { readings, rows };
  const first = rows[0]!;
  const from = readings.from[first]!;
  const value = readings.values[first]!;
  const base = { from, offset: readings.holdsOffsets ? value : value - from };
  const offsets = offsetsOf(readings, rows, base);
  const runs = findStale(offsets);
  if (!readings.holdsOffsets) runs.push(...findStale(distances(readings.from, rows, from)));
  if (runs.length === 0) return { readings, rows };
  for (const run of runs) {
    if (readings.states[rows[run.first + 1]!] === STALE) continue;
    for (let i = run.first + 1; i < run.end; i++) readings.states[rows[i]!] = STALE;
    events.push({ kind: "stale", time: readings.from[rows[run.first + 1]!]!, sizeNs: 0n });
  }
  return { readings, rows: rows.filter((row) => readings.states[row] !== STALE) };
}

/** The stretch in which each asserted offset counts: the one whose offsets it is nearest to. */
function assertionHomes(plans: readonly Plan[], constants: readonly Constant[]): number[] {
  return constants.map(({ offset }) => {
    const distances = plans.map(({ rows, low }) =>
      Math.abs(rows.offsets[low]! * 1e9 + Number(rows.base.offset - offset)),
    );
    return distances.indexOf(Math.min(...distances));
  });
}

function fitPlan(plan: Plan, model: ClockModel, constants: readonly Constant[]): Stretch {
  const { rows, low, high } = plan;
  const sigmas = sigmasOf(constants);
  const assertions = constants.map(({ offset }, i): Assertion => {
    return { offset: Number(offset - rows.base.offset) / 1e9, sigma: Math.max(1, sigmas[i]!) / 1e9 };
  });
  const instants = fewInstants(rows, low, high);
  const shape = instants === undefined ? shapeOf(model) : shapeOfFew(rows, low, high, model, instants.length);
  const guessed = instants === undefined ? rows : withPriorSigmas(plan);
  const fitted = fitStretch(guessed, low, high, shape, assertions, commonOf(plan));
  requireForward(plan, fitted);
  const reach = reachOf(rows, low, fitted);
  const bounds = (knot: number) => boundAt(reach, knot);
  const { track, line, smoothed } = fitted;
  const pieces =
    line === undefined
      ? piecesOf(rows.base, track.times, smoothed, bounds)
      : linePieces(rows.base, line, track.times, bounds, instants);
  // Float64 seconds leave dust far below a ns.
  const inNs = (value: number) => Math.round(value * 1e15) / 1e6;
  const verdict: Verdict = {
    residualsNs: fitted.residuals.map(inNs),
    sigmasNs: fitted.variances.map((variance) => inNs(Math.sqrt(variance))),
    used: fitted.used,
    assertedNs: assertions.map(({ offset }) => inNs(offset - fitted.centreOffset)),
  };
  const found = line === undefined ? "curve" : shape === "level" ? "level" : "line";
  const last = track.times.length - 1;
  const reaching = (knot: number): Reaching => ({ above: reach!.above[knot]!, below: reach!.below[knot]! });
  return {
    ...describe(plan, verdict),
    pieces,
    shape: found,
    reach: reach && { start: reaching(0), end: reaching(last) },
  };
}

/** What the rows of envelopes may be off by together, s^2. */
function commonOf({ epoch, rows, low, high }: Plan): number {
  let common = 0;
  for (let i = low; i < high; i++) {
    const { envelope } = epoch[rows.entries[i]!]!.readings;
    if (envelope !== undefined)
      common = Math.max(common, envelope.commons[envelope.owners[rows.places[i]!]!]!);
  }
  return common;
}

function shapeOf(model: ClockModel): Shape {
  return model === "constant" ? "level" : model === "linear" ? "line" : "curve";
}

/** The distinct instants of a stretch, where they are one or two. */
function fewInstants(rows: Rows, low: number, high: number): bigint[] | undefined {
  const times = new Set<number>();
  for (let i = low; i < high && times.size <= FEW_INSTANTS; i++) times.add(rows.times[i]!);
  if (times.size > FEW_INSTANTS) return undefined;
  return [...times].map((time) => rows.base.from + BigInt(Math.round(time * 1e9)));
}

/** Two instants tell a drift only if it is larger than what their noise may make of none. */
function shapeOfFew(rows: Rows, low: number, high: number, model: ClockModel, instants: number): Shape {
  if (instants < 2 || model === "constant") return "level";
  if (model !== "auto") return "line";
  const span = rows.times[high - 1]! - rows.times[low]!;
  const rise = rows.offsets[high - 1]! - rows.offsets[low]!;
  const noise = Math.hypot(priorSigma(rows, low), priorSigma(rows, high - 1));
  return Math.abs(rise) > 3 * noise || noise / span < DRIFT_PRIOR ? "line" : "level";
}

/** What is known of one measurement alone, s: its sigma, or what its round trip allows (uniform), else 0. */
function priorSigma({ sigmas, halves }: Rows, row: number): number {
  if (!Number.isNaN(sigmas[row]!)) return sigmas[row]!;
  return Number.isNaN(halves[row]!) ? 0 : halves[row]! / Math.sqrt(3);
}

function withPriorSigmas({ rows, low, high }: Plan): Rows {
  const sigmas = rows.sigmas.slice();
  for (let i = low; i < high; i++) {
    const prior = priorSigma(rows, i);
    if (prior > 0) sigmas[i] = prior;
  }
  return { ...rows, sigmas };
}

function requireForward({ epoch, rows, high }: Plan, { smoothed: { drifts } }: Fitted): void {
  if (drifts[0]! > -1 && drifts.at(-1)! > -1) return;
  const readings = epoch[rows.entries[high - 1]!]!.readings;
  throw new AlignError("CLOCK_CONTRADICTION", "by the evidence the target clock runs backwards", {
    where: placeOf(readings, rows.places[high - 1]!),
    hint: "check which column is the source's and which the target's, and their units",
  });
}

/** What a fit says of the rows of a plan, each in ns. */
interface Verdict {
  readonly residualsNs: Float64Array;
  readonly sigmasNs: Float64Array;
  readonly used: Uint8Array;
  readonly assertedNs: readonly number[];
}

function describe({ epoch, rows, low, high, begins, first }: Plan, verdict: Verdict) {
  const { residualsNs, sigmasNs, used, assertedNs } = verdict;
  const own = epoch.map((): number[] => []);
  const inUse: number[] = [];
  const isEnvelope = (row: number) => epoch[rows.entries[row]!]!.readings.envelope !== undefined;
  for (let i = 0; i < high - low; i++) {
    own[rows.entries[low + i]!]!.push(i);
    if (used[i] === 1) inUse.push(i);
    else epoch[rows.entries[low + i]!]!.readings.states[rows.places[low + i]!] = OUTLIER;
  }
  return {
    first,
    ...limitsOf(
      { epoch, rows },
      inUse.map((i) => low + i),
    ),
    begins,
    residualsNs: [...inUse.filter((i) => !isEnvelope(low + i)).map((i) => residualsNs[i]!), ...assertedNs],
    assertions: assertedNs.length,
    members: epoch.map(({ readings }, k): Member => {
      const pick = (values: Float64Array) => Float64Array.from(own[k]!, (i) => values[i]!);
      const places = Int32Array.from(own[k]!, (i) => rows.places[low + i]!);
      if (readings.envelope !== undefined) return membersOf(readings.envelope, places);
      return {
        position: readings.position,
        rows: places,
        residualsNs: pick(residualsNs),
        sigmasNs: pick(sigmasNs),
      };
    }),
  };
}

/** The rows of a one-way entry that stand behind some rows of its envelope. */
function membersOf({ origin, owners, stretches }: EnvelopeRows, places: Int32Array): Member {
  const own = new Set(Array.from(places, (place) => owners[place]!));
  const rows: number[] = [];
  let at = 0;
  for (let row = 0; row < origin.from.length; row++) {
    if (origin.states[row] === INVALID) continue;
    const time = origin.from[row]!;
    const holds = ({ start, end }: EnvelopeStretch) => time >= start && time <= end;
    if (!holds(stretches[at]!)) {
      const next = stretches.findIndex((stretch, k) => k > at && holds(stretch));
      if (next >= 0) at = next;
    }
    if (own.has(at)) rows.push(row);
  }
  const blank = new Float64Array(rows.length).fill(Number.NaN);
  return { position: origin.position, rows: Int32Array.from(rows), residualsNs: blank, sigmasNs: blank };
}

/** First and last instant of the evidence in use; an envelope reaches as far as the stamps that it is read from. */
function limitsOf({ epoch, rows }: Pick<Plan, "epoch" | "rows">, inUse: readonly number[]) {
  let start = instantOf({ epoch, rows }, inUse[0]!);
  let end = instantOf({ epoch, rows }, inUse.at(-1)!);
  for (const i of inUse) {
    const { envelope } = epoch[rows.entries[i]!]!.readings;
    if (envelope === undefined) continue;
    const stretch = envelope.stretches[envelope.owners[rows.places[i]!]!]!;
    if (stretch.start < start) start = stretch.start;
    if (stretch.end > end) end = stretch.end;
  }
  return { start, end };
}

function instantOf({ epoch, rows }: Pick<Plan, "epoch" | "rows">, row: number): bigint {
  return epoch[rows.entries[row]!]!.readings.from[rows.places[row]!]!;
}

/** A stretch of marks that the map goes through. */
function exactly(plan: Plan): Stretch {
  const { epoch, rows } = plan;
  const marks = Array.from(rows.times, (_, i): Mark => {
    const { readings } = epoch[rows.entries[i]!]!;
    const row = rows.places[i]!;
    const sigma = readings.uncertainty?.[row];
    const sigmaNs = sigma === undefined ? undefined : Number(sigma);
    return { from: readings.from[row]!, to: readings.values[row]!, sigmaNs, readings, row };
  });
  const pieces = fitPiecewise(marks);
  const verdict: Verdict = {
    residualsNs: Float64Array.from(marks, ({ from, to }) => Number(to - targetOf(pieces, from))),
    sigmasNs: Float64Array.from(marks, ({ sigmaNs }) => sigmaNs ?? Number.NaN),
    used: new Uint8Array(marks.length).fill(1),
    assertedNs: [],
  };
  return { ...describe(plan, verdict), pieces, shape: "curve", reach: undefined };
}

function targetOf(pieces: readonly Piece[], time: bigint): bigint {
  return evaluate(pieces[findPiece(pieces, time)]!, time);
}

/** A hole in the evidence is a gap where it is longer than so many usual intervals. */
const GAP_INTERVALS = 10;
const LEAST_ROWS = 8;

function gapsOf(plans: readonly Plan[], stretches: readonly Stretch[]): ClockEvent[] {
  return plans.flatMap(({ rows, low, high, epoch }, k) => {
    if (high - low < LEAST_ROWS) return [];
    const spaces = rows.times.subarray(low, high).map((time, i) => time - (rows.times[low + i - 1] ?? time));
    const usual = spaces.slice(1).sort()[(high - low - 1) >> 1]!;
    const events: ClockEvent[] = [];
    spaces.forEach((space, i) => {
      if (i === 0 || usual === 0 || space <= GAP_INTERVALS * usual) return;
      const [before, time] = [instantOf({ epoch, rows }, low + i - 1), instantOf({ epoch, rows }, low + i)];
      const { pieces } = stretches[k]!;
      events.push({
        kind: "gap",
        time,
        sizeNs: targetOf(pieces, time) - time - targetOf(pieces, before) + before,
      });
    });
    return events;
  });
}
