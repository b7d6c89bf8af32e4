import { AlignError, type ErrorPlace } from "../errors.ts";
import { formatInstant } from "../time.ts";
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

/** An instant seen on two clocks, and where it was given. */
export interface Mark {
  readonly from: bigint;
  readonly to: bigint;
  readonly sigmaNs: number | undefined;
  readonly input: string;
  readonly row: number;
}

interface Constant {
  readonly offset: bigint;
  readonly sigmaNs: number | undefined;
}

export interface Observations {
  /** By ascending `from`. */
  readonly marks: readonly Mark[];
  readonly constants: readonly Constant[];
  /** Rows that hold an int64 extreme: no measurement, but a filler. */
  readonly rejected: number;
}

/** Checks the evidence and puts it into one list of marks and one of constants. */
export function readEvidence(evidence: Evidence | readonly Evidence[]): Observations {
  const entries = Array.isArray(evidence) ? (evidence as readonly Evidence[]) : [evidence as Evidence];
  const marks: Mark[] = [];
  const constants: Constant[] = [];
  let rejected = 0;
  entries.forEach((entry, i) => {
    const input = Array.isArray(evidence) ? `evidence[${i}]` : "evidence";
    const kind = (entry as Evidence | null | undefined)?.kind;
    if (kind === "constant") constants.push(readConstant(entry as Constant & Evidence, input));
    else if (kind === "marks") {
      const rows = readMarks(entry as Evidence & { kind: "marks" }, input);
      const used = rows.filter((mark) => !isFiller(mark));
      requireOrder(used);
      rejected += rows.length - used.length;
      marks.push(...used);
    } else if (kind === "two-way" || kind === "one-way") {
      throw new AlignError("CLOCK_UNSUPPORTED_EVIDENCE", `${input}: ${kind} evidence is not supported`, {
        where: { input },
        hint: "give marks (instants seen on both clocks) or a constant offset",
      });
    } else {
      throw new AlignError("USAGE_EVIDENCE", `${input}: unknown kind of evidence ${String(kind)}`, {
        where: { input },
        hint: "the kinds are marks and constant",
      });
    }
  });
  if (marks.length + constants.length === 0) {
    const found =
      rejected === 0 ? "there is no evidence" : `all ${rejected} rows of evidence are int64 extremes`;
    throw new AlignError("CLOCK_TOO_LITTLE_EVIDENCE", `no clock map: ${found}`, {
      hint: "give at least one mark or a constant offset",
    });
  }
  marks.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  return { marks, constants, rejected };
}

function readConstant(entry: Evidence, input: string): Constant {
  const { offset, uncertainty } = entry as { offset: unknown; uncertainty?: unknown };
  if (!isNs(offset) || (uncertainty !== undefined && !isNs(uncertainty))) {
    throw new AlignError("USAGE_EVIDENCE", `${input}: offset and uncertainty must be int64 ns as bigint`, {
      where: { input },
    });
  }
  if (uncertainty !== undefined && uncertainty < 0n) throw negativeUncertainty(uncertainty, { input });
  return { offset, sigmaNs: uncertainty === undefined ? undefined : Number(uncertainty) };
}

function readMarks(entry: Evidence & { kind: "marks" }, input: string): Mark[] {
  const { from, to, uncertainty } = entry;
  const columns = { from, to, ...(uncertainty === undefined ? {} : { uncertainty }) };
  for (const [name, column] of Object.entries(columns)) {
    if (!(column instanceof BigInt64Array)) {
      throw new AlignError("USAGE_EVIDENCE", `${input}: ${name} must be a BigInt64Array of ns`, {
        where: { input: `${input}.${name}` },
      });
    }
    if (column.length !== from.length) {
      throw new AlignError(
        "USAGE_EVIDENCE",
        `${input}: from has ${from.length} rows, but ${name} has ${column.length}`,
        { where: { input: `${input}.${name}` } },
      );
    }
  }
  return Array.from(from, (time, row) => {
    const sigma = uncertainty?.[row];
    const sigmaNs = sigma === undefined ? undefined : Number(sigma);
    const mark: Mark = { from: time, to: to[row]!, sigmaNs, input, row };
    if (sigma !== undefined && sigma < 0n && sigma !== INT64_MIN) {
      throw negativeUncertainty(sigma, placeOf(mark));
    }
    return mark;
  });
}

function isNs(value: unknown): value is bigint {
  return typeof value === "bigint" && isInt64(value);
}

function isFiller({ from, to, sigmaNs }: Mark): boolean {
  const extremes = [INT64_MIN, INT64_MAX];
  return extremes.includes(from) || extremes.includes(to) || Math.abs(sigmaNs ?? 0) >= 2 ** 63;
}

function requireOrder(marks: readonly Mark[]): void {
  const position = marks.findIndex((mark, i) => i > 0 && mark.from < marks[i - 1]!.from);
  if (position < 0) return;
  const mark = marks[position]!;
  const backNs = marks[position - 1]!.from - mark.from;
  throw new AlignError(
    "CLOCK_UNORDERED_MARKS",
    `mark ${mark.row} is ${backNs} ns earlier on the source clock than the mark before it`,
    {
      where: placeOf(mark),
      hint: "sort the marks by source time, or drop those from before a reset of the clock",
    },
  );
}

/** Where a mark was given, for errors. */
export function placeOf({ input, row, from }: Mark): ErrorPlace {
  return { input, row, time: formatInstant(from) };
}

function negativeUncertainty(value: bigint, where: ErrorPlace): AlignError {
  return new AlignError("CLOCK_UNCERTAINTY", `an uncertainty of ${value} ns is negative`, {
    where,
    hint: "give 1 sigma, or leave it out",
  });
}
