import { AlignError } from "../errors.ts";
import { formatInstant } from "../time.ts";
import type { SourceCounts } from "./counts.ts";
import { type Column, type Database, isValid } from "./database.ts";
import type { OrderCount } from "./order.ts";
import { placeOf, type Relation } from "./relation.ts";
import { fromFloats, type TimePlan, toInstants } from "./time.ts";

/** One time column of all rows, in reading order; `missing[row]` is 1 where the cell is empty. */
export interface TimeColumn {
  times: BigInt64Array;
  missing: Uint8Array | undefined;
}

/**
 * Reads a whole time column into exact instants. `from` is what stands after FROM, filter included.
 * `groups` holds the tag of each row of a table stored tag by tag: row order then counts within a tag.
 */
export async function readTimes(
  database: Database,
  relation: Relation,
  plan: TimePlan,
  from: string,
  rowCount: number,
  counts: SourceCounts,
  signal?: AbortSignal,
  groups?: ArrayLike<number>,
): Promise<TimeColumn> {
  const raw = plan.decode === "float" ? new Float64Array(rowCount) : new BigInt64Array(rowCount);
  const zoned = plan.decode === "mixed" ? new Uint8Array(rowCount) : undefined;
  let missing: Uint8Array | undefined;
  let at = 0;
  const select = plan.zonedSql === undefined ? plan.sql : `${plan.sql}, ${plan.zonedSql}`;
  for await (const chunk of database.stream(`SELECT ${select} FROM ${from}`, placeOf(relation), signal)) {
    requireRoom(relation, at + chunk.rowCount, rowCount);
    const column = chunk.column(0);
    copyElements(column, raw, at, chunk.rowCount);
    if (zoned !== undefined) copyElements(chunk.column(1), zoned, at, chunk.rowCount);
    for (let row = 0; column.valid !== null && row < chunk.rowCount; row++) {
      if (isValid(column.valid, row)) continue;
      missing ??= new Uint8Array(rowCount);
      missing[at + row] = 1;
      raw[at + row] = (plan.decode === "float" ? 0 : 0n) as never;
    }
    at += chunk.rowCount;
  }
  requireRoom(relation, at, rowCount, true);
  return { times: decode(relation, plan, raw, zoned, missing, counts, groups), missing };
}

function decode(
  relation: Relation,
  plan: TimePlan,
  raw: BigInt64Array | Float64Array,
  zoned: Uint8Array | undefined,
  missing: Uint8Array | undefined,
  counts: SourceCounts,
  groups: ArrayLike<number> | undefined,
): BigInt64Array {
  if (raw instanceof Float64Array) {
    const bad = raw.findIndex(
      (value, row) => missing?.[row] !== 1 && !(Math.abs(value) * Number(plan.unitNs) < 2 ** 63),
    );
    if (bad >= 0) {
      throw new AlignError("SOURCE_TIME_TEXT", `source ${relation.source}: ${raw[bad]} is not a time`, {
        where: placeOf(relation, { row: bad }),
        hint: "int64 nanoseconds reach from 1677 to 2262; check time.unit",
      });
    }
    return fromFloats(raw, plan.unitNs);
  }
  if (plan.decode === "instant") return raw;
  const byGroup = new Map<number, number[]>();
  for (let row = 0; row < raw.length; row++) {
    if (zoned?.[row] === 1 || missing?.[row] === 1) continue;
    const group = groups?.[row] ?? 0;
    const rows = byGroup.get(group);
    if (rows === undefined) byGroup.set(group, [row]);
    else rows.push(row);
  }
  for (const rows of byGroup.values()) {
    const local = BigInt64Array.from(rows, (row) => raw[row] ?? 0n);
    const instants = toInstants(relation, plan, local, counts, (position) => rows[position] ?? position);
    rows.forEach((row, position) => {
      raw[row] = instants[position] ?? 0n;
    });
  }
  return raw;
}

function copyElements(
  column: Column,
  target: BigInt64Array | Float64Array | Uint32Array | Uint8Array,
  at: number,
  rowCount: number,
): void {
  const items = column.items as Float64Array;
  (target as Float64Array).set(items.length === rowCount ? items : items.subarray(0, rowCount), at);
}

/** The rows were counted before they were read; a file that grows or shrinks in between is refused. */
export function requireRoom(relation: Relation, needed: number, rowCount: number, isEnd = false): void {
  if (isEnd ? needed === rowCount : needed <= rowCount) return;
  throw new AlignError("SOURCE_CHANGED", `source ${relation.source} changed while it was read`, {
    where: placeOf(relation),
    hint: "align a copy, or wait until the export is complete",
  });
}

/**
 * Notes how many rows are out of order; refuses them under `strict`.
 * `place` gives the source's own row and the time of the row that the count knows by its position.
 */
export async function noteOrder(
  relation: Relation,
  order: OrderCount,
  isStrict: boolean,
  counts: SourceCounts,
  place: (row: number) => Promise<{ row: number; time: bigint }>,
): Promise<void> {
  counts.unsorted = order.unsorted;
  if (order.unsorted === 0) return;
  const { row, time } = await place(order.firstRow);
  counts.firstUnsortedRow = row;
  if (!isStrict) return;
  throw new AlignError(
    "SOURCE_UNSORTED",
    `source ${relation.source}: row ${row} is earlier than a row before it (order: strict)`,
    {
      where: placeOf(relation, { row, time: formatInstant(time) }),
      hint: "use order: sort to put the rows in time order",
    },
  );
}
