import { AlignError, type ErrorPlace } from "../../errors.ts";
import type { TimeReading } from "../../manifest/index.ts";
import {
  cellText,
  emptyCounts,
  identifier,
  planTime,
  type Relation,
  readTimes,
  type SourceCounts,
} from "../../tables/index.ts";
import { parseDuration } from "../../time.ts";
import type { Session } from "../session.ts";

/** A table of evidence that is being read. */
export interface EvidenceRows {
  readonly session: Session;
  readonly relation: Relation;
  readonly count: number;
  /** What was noticed about its times. */
  readonly counts: SourceCounts;
}

/** One column in row order, ns; `missing[row]` is 1 where the cell is empty. */
export interface EvidenceColumn {
  readonly times: BigInt64Array;
  readonly missing?: Uint8Array | undefined;
}

export async function openRows(session: Session, relation: Relation): Promise<EvidenceRows> {
  const [count] = await session.database.rows(`SELECT count(*) FROM ${relation.from}`, {
    source: relation.source,
  });
  return { session, relation, count: Number(count?.[0] ?? 0), counts: emptyCounts() };
}

/** A column of instants as a source's time column reads. */
export async function readTimeColumn(
  { session, relation, count, counts }: EvidenceRows,
  column: string,
  reading: TimeReading,
  key: string,
): Promise<EvidenceColumn> {
  const { database, options } = session;
  const plan = await planTime(database, relation, column, reading, key);
  if (plan.assumesUtc === true) counts.assumedUtc.push(column);
  return readTimes(database, relation, plan, relation.from, count, counts, options.signal);
}

/** A column of instants: ISO text, or numbers of the reading's unit; without one they are whole ns. */
export async function readInstants(
  rows: EvidenceRows,
  column: string,
  reading: TimeReading,
  key: string,
): Promise<EvidenceColumn> {
  const isNs = reading.unit === undefined && (await isEach(rows, column, whole));
  return readTimeColumn(rows, column, isNs ? { ...reading, unit: "ns" } : reading, key);
}

/** A column of spans: durations with their units, or numbers of the reading's unit; without one they are whole ns. */
export async function readSpans(
  rows: EvidenceRows,
  column: string,
  { unit }: TimeReading,
  key: string,
): Promise<EvidenceColumn> {
  const type = rows.relation.columns.get(column);
  const isText = type === undefined || /^(VARCHAR|JSON)$/.test(type);
  const isNs = unit === undefined && (await isEach(rows, column, whole));
  if (!isText || isNs || (unit !== undefined && (await isEach(rows, column, decimal)))) {
    const counted = isNs ? "ns" : unit;
    const reading = { ambiguous: "reject", ...(counted === undefined ? {} : { unit: counted }) } as const;
    return readTimeColumn(rows, column, reading, key);
  }
  return readDurations(rows, column, key);
}

async function readDurations(rows: EvidenceRows, column: string, key: string): Promise<EvidenceColumn> {
  requireColumn(rows, column, key);
  const cells = await rows.session.database.rows(
    `SELECT ${cellText(identifier(column))} FROM ${rows.relation.from}`,
    { source: rows.relation.source },
  );
  const missing = new Uint8Array(cells.length);
  const times = BigInt64Array.from(cells, ([cell], row) => {
    if (cell === null || cell === undefined) {
      missing[row] = 1;
      return 0n;
    }
    const text = String(cell);
    try {
      return /^[+-]?\d+$/.test(text) ? BigInt(text) : parseDuration(text);
    } catch (cause) {
      if (!(cause instanceof AlignError)) throw cause;
      throw new AlignError(
        "SOURCE_EVIDENCE",
        `${rows.relation.source}: ${key} "${text}" is neither whole nanoseconds nor a duration`,
        {
          where: rowPlace(rows, row),
          hint: 'write for example 5000000 or "5ms", or say what numbers count: time: { unit: s }',
          cause,
        },
      );
    }
  });
  return { times, ...(missing.includes(1) ? { missing } : {}) };
}

const whole = "[+-]?[0-9]+";
const decimal = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?";

/** Whether every cell that is not empty is of a form. */
async function isEach(
  { session, relation }: EvidenceRows,
  column: string,
  pattern: string,
): Promise<boolean> {
  if (!relation.columns.has(column)) return false;
  const text = cellText(identifier(column));
  const [row] = await session.database.rows(
    `SELECT bool_and(regexp_full_match(${text}, '${pattern}')) FROM ${relation.from}`,
    { source: relation.source },
  );
  return row?.[0] === true;
}

function requireColumn({ relation }: EvidenceRows, column: string, key: string): void {
  if (relation.columns.has(column)) return;
  throw new AlignError(
    "SOURCE_MISSING_COLUMN",
    `source ${relation.source} has no column "${column}" (${key})`,
    {
      where: filePlace(relation),
      hint: `its columns are: ${[...relation.columns.keys()].join(", ")}`,
    },
  );
}

/** The rows where no column is empty, and how many others there are. */
export function completeRows(columns: readonly EvidenceColumn[]): {
  columns: BigInt64Array[];
  left: number;
  first: number;
} {
  const length = columns[0]?.times.length ?? 0;
  const isEmpty = (row: number) => columns.some(({ missing }) => missing?.[row] === 1);
  const kept: number[] = [];
  let first = -1;
  for (let row = 0; row < length; row++) {
    if (!isEmpty(row)) kept.push(row);
    else if (first < 0) first = row;
  }
  if (kept.length === length) return { columns: columns.map(({ times }) => times), left: 0, first };
  const taken = columns.map(({ times }) => BigInt64Array.from(kept, (row) => times[row]!));
  return { columns: taken, left: length - kept.length, first };
}

export function rowPlace({ relation }: EvidenceRows, row: number): ErrorPlace {
  return { ...filePlace(relation), row };
}

function filePlace({ files, source }: Relation): ErrorPlace {
  return files.length === 1 ? { file: files[0]! } : { source };
}
