import { AlignError, type ErrorPlace } from "../errors.ts";
import { formatInstant } from "../time.ts";
import type { EnvelopeRows } from "./floors.ts";
import { INT64_MAX, INT64_MIN, isInt64 } from "./piece.ts";

/** What ties two clocks together. All in ns; offset = to - from; rows are in order of arrival. */
export type Evidence =
  /** Round trips; `from` is the source's reading, `offset` the measured difference. */
  | { kind: "two-way"; from: BigInt64Array; offset: BigInt64Array; roundTrip?: BigInt64Array }
  /** Instants seen on both clocks. A given uncertainty is a trusted 1 sigma and is never rescaled. */
  | { kind: "marks"; from: BigInt64Array; to: BigInt64Array; uncertainty?: BigInt64Array }
  /** Stamps of the source and their times of arrival. */
  | { kind: "one-way"; from: BigInt64Array; to: BigInt64Array }
  /** An asserted offset that holds for all time; without uncertainty it is taken as exact. */
  | { kind: "constant"; offset: bigint; uncertainty?: bigint };

/** What became of a row of evidence. */
export const USED = 0;
export const OUTLIER = 1;
export const STALE = 2;
export const INVALID = 3;

/** One entry of evidence with rows; `states` says of each row what became of it. */
export interface Readings {
  readonly kind: "two-way" | "marks" | "one-way";
  /** Position in the list of evidence, position among the entries with rows, and the name in messages. */
  readonly entry: number;
  readonly position: number;
  readonly input: string;
  readonly from: BigInt64Array;
  /** The target's reading of each row, or its offset. */
  readonly values: BigInt64Array;
  readonly holdsOffsets: boolean;
  readonly uncertainty: BigInt64Array | undefined;
  readonly roundTrip: BigInt64Array | undefined;
  readonly states: Uint8Array;
  /** Where the rows are the lower envelope of a one-way entry. */
  readonly envelope?: EnvelopeRows;
}

export interface Constant {
  readonly entry: number;
  readonly offset: bigint;
  readonly sigmaNs: number | undefined;
}

export interface Observations {
  readonly readings: readonly Readings[];
  readonly constants: readonly Constant[];
  /** How many entries were given. */
  readonly entries: number;
}

/** Checks the evidence, and marks fillers and impossible rows as invalid. */
export function readEvidence(evidence: Evidence | readonly Evidence[]): Observations {
  const entries = Array.isArray(evidence) ? (evidence as readonly Evidence[]) : [evidence as Evidence];
  const readings: Readings[] = [];
  const constants: Constant[] = [];
  entries.forEach((entry, i) => {
    const input = Array.isArray(evidence) ? `evidence[${i}]` : "evidence";
    const kind = (entry as Evidence | null | undefined)?.kind;
    if (kind === "constant") constants.push(readConstant(entry as Evidence, i, input));
    else if (kind === "marks" || kind === "two-way" || kind === "one-way") {
      readings.push(readRows(entry as Evidence, kind, { entry: i, position: readings.length, input }));
    } else {
      throw new AlignError("USAGE_EVIDENCE", `${input}: unknown kind of evidence ${String(kind)}`, {
        where: { input },
        hint: "the kinds are two-way, marks, one-way and constant",
      });
    }
  });
  const rows = readings.reduce((sum, { states }) => sum + states.length, 0);
  const valid = readings.some(({ states }) => states.includes(USED));
  if (!valid && constants.length === 0) {
    const found =
      rows === 0
        ? "there is no evidence"
        : `all ${rows} rows of evidence are int64 extremes or negative round trips`;
    throw new AlignError("CLOCK_TOO_LITTLE_EVIDENCE", `no clock map: ${found}`, {
      hint: "give at least one mark or round trip, or a constant offset",
    });
  }
  return { readings, constants, entries: entries.length };
}

function readConstant(given: Evidence, entry: number, input: string): Constant {
  const { offset, uncertainty } = given as { offset: unknown; uncertainty?: unknown };
  if (!isNs(offset) || (uncertainty !== undefined && !isNs(uncertainty))) {
    throw new AlignError("USAGE_EVIDENCE", `${input}: offset and uncertainty must be int64 ns as bigint`, {
      where: { input },
    });
  }
  if (uncertainty !== undefined && uncertainty < 0n) throw negativeUncertainty(uncertainty, { input });
  return { entry, offset, sigmaNs: uncertainty === undefined ? undefined : Number(uncertainty) };
}

function readRows(
  given: Evidence,
  kind: Readings["kind"],
  place: Pick<Readings, "entry" | "position" | "input">,
): Readings {
  const { input } = place;
  const columns = given as unknown as Record<string, BigInt64Array | undefined>;
  const second = kind === "two-way" ? "offset" : "to";
  const optional = { "two-way": "roundTrip", marks: "uncertainty", "one-way": undefined }[kind];
  for (const name of ["from", second, optional]) {
    if (name === undefined || (name === optional && columns[name] === undefined)) continue;
    const column: unknown = columns[name];
    if (!(column instanceof BigInt64Array)) {
      throw new AlignError("USAGE_EVIDENCE", `${input}: ${name} must be a BigInt64Array of ns`, {
        where: { input: `${input}.${name}` },
      });
    }
    if (column.length !== columns.from!.length) {
      throw new AlignError(
        "USAGE_EVIDENCE",
        `${input}: from has ${columns.from!.length} rows, but ${name} has ${column.length}`,
        { where: { input: `${input}.${name}` } },
      );
    }
  }
  const readings: Readings = {
    kind,
    ...place,
    from: columns.from!,
    values: columns[second]!,
    holdsOffsets: kind === "two-way",
    uncertainty: kind === "marks" ? columns.uncertainty : undefined,
    roundTrip: kind === "two-way" ? columns.roundTrip : undefined,
    states: new Uint8Array(columns.from!.length),
  };
  markInvalid(readings);
  return readings;
}

/** Int64 extremes are fillers, no measurements; a round trip takes no less than no time. */
function markInvalid({ from, values, uncertainty, roundTrip, states, input }: Readings): void {
  for (let row = 0; row < from.length; row++) {
    const sigma = uncertainty?.[row];
    const trip = roundTrip?.[row];
    const filler =
      isExtreme(from[row]!) ||
      isExtreme(values[row]!) ||
      (sigma !== undefined && isExtreme(sigma)) ||
      (trip !== undefined && (trip < 0n || trip === INT64_MAX));
    if (filler) states[row] = INVALID;
    else if (sigma !== undefined && sigma < 0n) {
      throw negativeUncertainty(sigma, { input, row, time: formatInstant(from[row]!) });
    }
  }
}

function isExtreme(value: bigint): boolean {
  return value === INT64_MIN || value === INT64_MAX;
}

function isNs(value: unknown): value is bigint {
  return typeof value === "bigint" && isInt64(value);
}

/** Where a row was given, for errors. */
export function placeOf({ input, from }: Pick<Readings, "input" | "from">, row: number): ErrorPlace {
  return { input, row, time: formatInstant(from[row]!) };
}

function negativeUncertainty(value: bigint, where: ErrorPlace): AlignError {
  return new AlignError("CLOCK_UNCERTAINTY", `an uncertainty of ${value} ns is negative`, {
    where,
    hint: "give 1 sigma, or leave it out",
  });
}
