import { AlignError } from "../errors.ts";
import { BOUND_DRIFT } from "./curve.ts";
import type { ClockEvent } from "./event.ts";
import { type Evidence, INVALID, type Observations, readEvidence, USED } from "./evidence.ts";
import { fitAssertions } from "./fit.ts";
import { ClockMap } from "./map.ts";
import { evaluate, findPiece, INT64_MAX, INT64_MIN, type Piece } from "./piece.ts";
import { placeStretches } from "./place.ts";
import type { Member, Stretch } from "./plan.ts";
import type { SegmentPieces } from "./segment.ts";
import { quantileOfSorted } from "./statistics.ts";
import { type Parted, stretchesOf } from "./stretches.ts";

const clockModels = ["auto", "constant", "linear", "piecewise"] as const;

/** The shape of the offset over time; `auto` lets the evidence choose. */
export type ClockModel = (typeof clockModels)[number];

/** What became of the rows of one entry of evidence. */
export interface EvidenceOutcome {
  readonly kind: Evidence["kind"];
  /** Position in the list of evidence. */
  readonly entry: number;
  readonly from: BigInt64Array;
  /** Evidence minus map, ns; NaN of invalid rows. */
  readonly residualsNs: Float64Array;
  /** 0 used, 1 rejected as an outlier, 2 stale, 3 a filler or impossible. */
  readonly states: Uint8Array;
  /** One sigma of each row as it was used, ns. */
  readonly sigmasNs: Float64Array;
}

/** A clock map, the model that it came to, and what became of the evidence. */
export interface ClockFit {
  readonly map: ClockMap;
  readonly model: Exclude<ClockModel, "auto">;
  readonly outcomes: readonly EvidenceOutcome[];
}

/**
 * The clock map that the evidence supports.
 *
 * Rows are taken in order of arrival. The evidence is cut where the source's readings start again and where the offset
 * jumps; repeated offsets and outliers of any size are left out; each stretch between cuts is fitted:
 * - `constant`: the robust weighted mean offset.
 * - `linear`: one robust line, weighted least squares.
 * - `piecewise`: marks alone: exact at every mark, the offset straight between; else as `auto`.
 * - `auto`: a Kalman smoother of offset and drift (Rauch, Tung and Striebel), whose process noise is chosen by
 *   likelihood, a straight line where the clock shows no wander.
 * Asserted constants count at the centre of the other evidence.
 *
 * Sigma follows from given uncertainties as they are, else from the scatter of the evidence; with `auto`, a straight
 * line is as unsure as the wander that the evidence cannot exclude. Of evidence at one or two
 * instants only, it grows by 20 ppm with the distance from the nearest: no fewer can show a drift.
 *
 * Throws `USAGE_EVIDENCE`, `USAGE_MODEL`, `CLOCK_TOO_LITTLE_EVIDENCE`, `CLOCK_UNCERTAINTY`, `CLOCK_CONTRADICTION`.
 */
export function estimateClockMap(
  evidence: Evidence | readonly Evidence[],
  options: { model?: ClockModel } = {},
): ClockMap {
  return fitClock(evidence, options).map;
}

/** The same map, with the model chosen and what became of every row of evidence. */
export function fitClock(
  evidence: Evidence | readonly Evidence[],
  options: { model?: ClockModel } = {},
): ClockFit {
  const model = options.model ?? "auto";
  if (!clockModels.includes(model)) {
    throw new AlignError("USAGE_MODEL", `unknown clock model ${String(model)}`, {
      hint: `the models are ${clockModels.join(", ")}`,
    });
  }
  const observations = readEvidence(evidence);
  if (observations.readings.every(({ states }) => !states.includes(USED)))
    return asserted(observations, model);
  const parted = stretchesOf(observations, model, new Set());
  const { stretches } = parted;
  const segments = segmentsOf(observations, stretches);
  const events = eventsOf(parted).map((event): ClockEvent => {
    if (event.kind !== "step-or-delay") return event;
    return { ...event, alternative: mapWithout(readEvidence(evidence), model, new Set([event.time])) };
  });
  const straight = stretches.every((stretch) => stretch.shape !== "curve");
  const level = stretches.every((stretch) => stretch.shape === "level");
  let outcomes: readonly EvidenceOutcome[] | undefined;
  return {
    map: new ClockMap(segments, events),
    model: level ? "constant" : straight ? "linear" : "piecewise",
    get outcomes() {
      outcomes ??= outcomesOf(observations, stretches, segments);
      return outcomes;
    },
  };
}

/** The map if the jumps at some times were changes of the delay. */
function mapWithout(observations: Observations, model: ClockModel, delays: ReadonlySet<bigint>): ClockMap {
  const parted = stretchesOf(observations, model, delays);
  return new ClockMap(segmentsOf(observations, parted.stretches), eventsOf(parted));
}

/** Constants alone. */
function asserted({ readings, constants }: Observations, model: ClockModel): ClockFit {
  if (model === "linear" || model === "piecewise") {
    throw new AlignError("CLOCK_TOO_LITTLE_EVIDENCE", `a ${model} map needs marks or round trips`, {
      hint: "add marks, or choose the model constant",
    });
  }
  const { piece, residualsNs } = fitAssertions(constants);
  const invalid = readings.reduce((sum, { states }) => sum + states.length, 0);
  const segment: SegmentPieces = {
    start: INT64_MIN,
    end: INT64_MAX,
    pairs: constants.length + invalid,
    rejected: invalid,
    ...residualQuantiles(residualsNs),
    pieces: [piece],
  };
  return {
    map: new ClockMap([segment], []),
    model: "constant",
    outcomes: readings.map(({ kind, entry, from, states }) => {
      const nothing = new Float64Array(from.length).fill(Number.NaN);
      return { kind, entry, from, residualsNs: nothing, states, sigmasNs: nothing };
    }),
  };
}

function residualQuantiles(residualsNs: readonly number[]) {
  const sizes = Float64Array.from(residualsNs, Math.abs).sort();
  return { residualP50Ns: quantileOfSorted(sizes, 0.5), residualP99Ns: quantileOfSorted(sizes, 0.99) };
}

function segmentsOf(observations: Observations, stretches: readonly Stretch[]): SegmentPieces[] {
  const homes = homesOf(observations, stretches);
  return placeStretches(stretches).map(({ stretch, start, end, pieces }): SegmentPieces => {
    const { assertions, residualsNs, members } = stretches[stretch]!;
    const delays = members.flatMap((member) => delaysOf(observations, member, pieces));
    let [pairs, rejected] = [assertions, 0];
    observations.readings.forEach(({ states }, entry) => {
      for (let row = 0; row < states.length; row++) {
        if (homes[entry]![row] !== stretch) continue;
        pairs++;
        if (states[row] !== USED) rejected++;
      }
    });
    return { start, end, pairs, rejected, ...residualQuantiles([...residualsNs, ...delays]), pieces };
  });
}

/** Residuals of so many one-way rows in use, evenly chosen, tell their quantiles. */
const ENOUGH = 2000;

/** What rows of a one-way entry lie above the map, ns. */
function delaysOf(
  { readings }: Observations,
  { position, rows }: Member,
  pieces: readonly Piece[],
): number[] {
  const { kind, from, values, states } = readings[position]!;
  if (kind !== "one-way") return [];
  const inUse = rows.filter((row) => states[row] === USED);
  const stride = Math.ceil(inUse.length / ENOUGH);
  return Array.from(inUse)
    .filter((_, i) => i % stride === 0)
    .map((row) => Number(values[row]! - from[row]! - offsetAt({ pieces }, from[row]!)));
}

/** The stretch of each row; a row that was left out belongs where the row before it does. */
function homesOf({ readings }: Observations, stretches: readonly Stretch[]): Int32Array[] {
  const homes = readings.map(({ states }) => new Int32Array(states.length).fill(-1));
  stretches.forEach(({ members }, stretch) => {
    for (const { position, rows } of members) for (const row of rows) homes[position]![row] = stretch;
  });
  for (const rows of homes) {
    let last = rows.find((home) => home >= 0) ?? 0;
    for (let row = 0; row < rows.length; row++) {
      if (rows[row]! < 0) rows[row] = last;
      else last = rows[row]!;
    }
  }
  return homes;
}

/** Events of the evidence, and the jumps between its stretches, by time. */
function eventsOf({ stretches, events }: Parted): ClockEvent[] {
  const jumps = stretches.flatMap((stretch, i): ClockEvent[] => {
    const before = stretches[i - 1];
    if (before === undefined) return [];
    const { begins, first } = stretch;
    const sizeNs = offsetAt(stretch, first) - offsetAt(before, begins === "reset" ? before.end : first);
    if (begins !== "jump") return [{ kind: begins, time: first, sizeNs }];
    return [{ kind: isExplained(before, stretch, sizeNs) ? "step-or-delay" : "step", time: first, sizeNs }];
  });
  return [...events, ...jumps].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/** Whether the intervals that the round trips on both sides leave for the truth have an instant in common. */
function isExplained(before: Stretch, after: Stretch, sizeNs: bigint): boolean {
  if (before.reach === undefined || after.reach === undefined) return false;
  const jump = Number(sizeNs) / 1e9;
  const slack = (BOUND_DRIFT * Number(after.start - before.end)) / 1e9;
  const rise = before.reach.end.above + after.reach.start.below;
  const fall = before.reach.end.below + after.reach.start.above;
  return jump <= rise + slack && -jump <= fall + slack;
}

function offsetAt({ pieces }: Pick<Stretch, "pieces">, time: bigint): bigint {
  return evaluate(pieces[findPiece(pieces, time)]!, time) - time;
}

function outcomesOf(
  { readings }: Observations,
  stretches: readonly Stretch[],
  segments: readonly SegmentPieces[],
): EvidenceOutcome[] {
  const pieces = segments.flatMap((segment) => segment.pieces);
  const outcomes = readings.map(({ kind, entry, from, states }) => {
    const blank = () => new Float64Array(from.length).fill(Number.NaN);
    return { kind, entry, from, residualsNs: blank(), states, sigmasNs: blank() };
  });
  for (const { members } of stretches) {
    for (const { position, rows, sigmasNs, residualsNs } of members) {
      for (let i = 0; i < rows.length; i++) {
        outcomes[position]!.sigmasNs[rows[i]!] = sigmasNs[i]!;
        outcomes[position]!.residualsNs[rows[i]!] = residualsNs[i]!;
      }
    }
  }
  readings.forEach(({ from, values, holdsOffsets, states, position }) => {
    const { residualsNs } = outcomes[position]!;
    for (let row = 0; row < from.length; row++) {
      if (states[row] === INVALID || !Number.isNaN(residualsNs[row]!)) continue;
      const given = holdsOffsets ? values[row]! : values[row]! - from[row]!;
      residualsNs[row] = Number(given - offsetAt({ pieces }, from[row]!));
    }
  });
  return outcomes;
}
