import { AlignError } from "../errors.ts";
import { boundAt, reachOf } from "./bounds.ts";
import { piecesOf } from "./curve.ts";
import type { Epoch } from "./epochs.ts";
import type { ClockModel } from "./estimate.ts";
import { INVALID, OUTLIER, placeOf } from "./evidence.ts";
import type { EnvelopeRows } from "./floors.ts";
import { linePieces } from "./line-pieces.ts";
import type { EnvelopeStretch } from "./one-way/index.ts";
import { evaluate, findPiece, type Piece } from "./piece.ts";
import { fitPiecewise, type Mark } from "./piecewise.ts";
import type { Placed } from "./place.ts";
import { DRIFT_PRIOR, FEW_INSTANTS } from "./prior.ts";
import type { Rows } from "./rows.ts";
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

/** Rows [low, high) of an epoch, to be fitted as one. */
export interface Plan {
  readonly epoch: Epoch;
  readonly rows: Rows;
  readonly low: number;
  readonly high: number;
  /** What happened between this and the stretch before. */
  readonly begins: "reset" | Cut["kind"];
  readonly first: bigint;
}

export interface Asserted {
  readonly offset: bigint;
  readonly sigmaNs: number;
}

/** Where an epoch is cut: before a row. */
export interface Cut {
  readonly row: number;
  /** The first stamp after it. */
  readonly time: bigint;
  /** Whether the evidence settles that the clock jumped. */
  readonly kind: "step" | "step-or-delay" | "jump";
}

/** Fits the rows of a plan, and asserted offsets with a sigma each that count at their centre. */
export function fitPlan(plan: Plan, model: ClockModel, constants: readonly Asserted[]): Stretch {
  const { rows, low, high } = plan;
  const assertions = constants.map(({ offset, sigmaNs }): Assertion => {
    return { offset: Number(offset - rows.base.offset) / 1e9, sigma: Math.max(1, sigmaNs) / 1e9 };
  });
  const instants = fewInstants(rows, low, high);
  const shape = instants === undefined ? shapeOf(model) : shapeOfFew(plan, model, instants.length);
  const guessed = instants === undefined ? rows : withPriorSigmas(plan);
  const fitted = fitStretch(guessed, low, high, shape, assertions, commonOf(plan));
  requireForward(plan, fitted);
  const reach = reachOf(rows, low, fitted);
  const bounds = (knot: number) => boundAt(reach, knot);
  const { track, line, smoothed } = fitted;
  const pieces =
    line === undefined || smoothed.wander.q1 > 0
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
function shapeOfFew(plan: Plan, model: ClockModel, instants: number): Shape {
  const { rows, low, high } = plan;
  if (instants < 2 || model === "constant") return "level";
  if (model !== "auto") return "line";
  const span = rows.times[high - 1]! - rows.times[low]!;
  const rise = rows.offsets[high - 1]! - rows.offsets[low]!;
  const noise = Math.hypot(priorSigma(plan, low), priorSigma(plan, high - 1));
  return Math.abs(rise) > 3 * noise || noise / span < DRIFT_PRIOR ? "line" : "level";
}

/** What a stamp by software may be off by where nothing is known of its way, s. */
const UNKNOWN_NOISE = 1e-3;

/** What is known of one measurement alone, s: its sigma, or what its round trip allows (uniform); marks are exact. */
function priorSigma({ epoch, rows: { sigmas, halves, entries } }: Plan, row: number): number {
  if (!Number.isNaN(sigmas[row]!)) return sigmas[row]!;
  if (!Number.isNaN(halves[row]!)) return halves[row]! / Math.sqrt(3);
  return epoch[entries[row]!]!.readings.kind === "two-way" ? UNKNOWN_NOISE : 0;
}

function withPriorSigmas(plan: Plan): Rows {
  const sigmas = plan.rows.sigmas.slice();
  for (let i = plan.low; i < plan.high; i++) {
    const prior = priorSigma(plan, i);
    if (prior > 0) sigmas[i] = prior;
  }
  return { ...plan.rows, sigmas };
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

export function instantOf({ epoch, rows }: Pick<Plan, "epoch" | "rows">, row: number): bigint {
  return epoch[rows.entries[row]!]!.readings.from[rows.places[row]!]!;
}

/** A stretch of marks that the map goes through. */
export function exactly(plan: Plan): Stretch {
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

export function targetOf(pieces: readonly Piece[], time: bigint): bigint {
  return evaluate(pieces[findPiece(pieces, time)]!, time);
}
