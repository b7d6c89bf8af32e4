import type { Intervals, Samples, Values } from "../samples.ts";
import { OPEN_END } from "../samples.ts";
import { emptyCounts, type SourceCounts } from "./counts.ts";
import type { Column, Database } from "./database.ts";
import { OrderCount, sortedPositions, takeTimes, takeValues } from "./order.ts";
import { planQuality, type QualityPlan, readStatuses, STATUS_BAD } from "./quality.ts";
import { placeOf, type Relation } from "./relation.ts";
import { StatusStore, valueStore } from "./store.ts";
import { planTime } from "./time.ts";
import { noteOrder, readTimes, requireRoom, type TimeColumn } from "./times.ts";
import type { ValuePlan, ValueRequest } from "./values.ts";
import { planTags, WideQuery, type WideReading } from "./wide-plan.ts";

/** All rows of the asked columns, in reading order. */
interface Table {
  times: TimeColumn;
  ends?: TimeColumn;
  values: Values[];
  /** Per tag: 0 a value, 1 an empty cell, 2 a word for "no value"; undefined when all are values. */
  marks: (Uint8Array | undefined)[];
  status: Uint32Array | undefined;
  rowCount: number;
}

/** Intervals by start; an empty end is open, an empty attribute is an interval without a value. */
export async function readIntervals(
  database: Database,
  relation: Relation,
  reading: WideReading,
  requests: readonly ValueRequest[],
  signal?: AbortSignal,
): Promise<{ intervals: Intervals[]; counts: SourceCounts }> {
  const counts = emptyCounts();
  const table = await readTable(database, relation, reading, requests, counts, signal);
  const ends = table.ends ?? { times: new BigInt64Array(table.rowCount).fill(OPEN_END), missing: undefined };
  for (let row = 0; row < table.rowCount; row++) if (ends.missing?.[row] === 1) ends.times[row] = OPEN_END;
  const ordered = await orderedRows(relation, table, reading.strict, counts);
  const rows = ordered.filter((row) => (ends.times[row] ?? 0n) >= (table.times.times[row] ?? 0n));
  counts.inverted = ordered.length - rows.length;
  const starts = takeTimes(table.times.times, rows);
  const taken = takeTimes(ends.times, rows);
  for (const end of taken)
    if (end !== OPEN_END && counts.last !== undefined && end > counts.last) counts.last = end;
  const intervals = table.values.map((values, tag) => {
    const { status, ...rest } = attributesOf(starts, rows, values, table.marks[tag], table.status);
    return { starts, ends: taken, values: rest.values, ...(status === undefined ? {} : { status }) };
  });
  return { intervals, counts };
}

/** The attributes of some rows; a word for "no value" is bad, an empty cell has no data. */
function attributesOf(
  times: BigInt64Array,
  rows: Int32Array,
  values: Values,
  marks: Uint8Array | undefined,
  status: Uint32Array | undefined,
): Samples {
  const samples = { times, values: takeValues(values, rows) };
  if (marks === undefined && status === undefined) return samples;
  const codes = new StatusStore(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    const own = status?.[row] ?? 0;
    const isWord = marks?.[row] === 2 && own >>> 30 < 2;
    codes.set(i, isWord ? STATUS_BAD : own, (marks?.[row] ?? 0) === 0);
  }
  const finished = codes.finish(rows.length);
  return finished === undefined ? samples : { ...samples, status: finished };
}

/** Rows that have a time, in time order; notes what was out of order. */
async function orderedRows(
  relation: Relation,
  table: Table,
  isStrict: boolean,
  counts: SourceCounts,
): Promise<Int32Array> {
  const { times, missing } = table.times;
  counts.rows = table.rowCount;
  let rows = Int32Array.from({ length: table.rowCount }, (_, row) => row);
  if (missing !== undefined) rows = rows.filter((row) => missing[row] !== 1);
  counts.rowsWithoutTime = table.rowCount - rows.length;
  const present = missing === undefined ? times : takeTimes(times, rows);
  const order = new OrderCount(1);
  order.addAll(present);
  await noteOrder(relation, order, isStrict, counts, async (at) => ({
    row: rows[at] ?? at,
    time: present[at] ?? 0n,
  }));
  const positions = sortedPositions(present);
  if (positions !== undefined) rows = positions.map((position) => rows[position] ?? 0);
  if (rows.length > 0) {
    counts.first = times[rows[0] ?? 0] ?? 0n;
    counts.last = times[rows[rows.length - 1] ?? 0] ?? 0n;
  }
  return rows;
}

async function readTable(
  database: Database,
  relation: Relation,
  reading: WideReading,
  requests: readonly ValueRequest[],
  counts: SourceCounts,
  signal: AbortSignal | undefined,
): Promise<Table> {
  const { columns } = reading;
  const startKey = columns.end === undefined ? "columns.time" : "columns.start";
  const time = await planTime(database, relation, columns.time, reading.time, startKey);
  const end =
    columns.end === undefined
      ? undefined
      : await planTime(database, relation, columns.end, reading.time, "columns.end");
  for (const plan of [time, end]) if (plan?.assumesUtc === true) counts.assumedUtc.push(plan.column);
  const plans = await planTags(database, relation, reading, requests);
  const quality =
    columns.quality === undefined
      ? undefined
      : await planQuality(database, relation, columns.quality, reading.quality, "columns.quality");
  const [total] = await database.rows(`SELECT count(*) FROM ${relation.from}`, placeOf(relation));
  const rowCount = Number(total?.[0] ?? 0);
  const read = (plan: typeof time) =>
    readTimes(database, relation, plan, relation.from, rowCount, counts, signal);
  const table: Table = {
    times: await read(time),
    ...(end === undefined ? {} : { ends: await read(end) }),
    values: [],
    marks: plans.map(() => undefined),
    status: quality === undefined ? undefined : new Uint32Array(rowCount),
    rowCount,
  };
  await readCells(database, relation, plans, quality, table, signal);
  return table;
}

async function readCells(
  database: Database,
  relation: Relation,
  plans: readonly ValuePlan[],
  quality: QualityPlan | undefined,
  table: Table,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stores = plans.map((plan) => valueStore(plan.type, table.rowCount, plan.itemType));
  const query = new WideQuery(plans, quality === undefined ? ["NULL"] : [quality.sql]);
  let at = 0;
  for await (const chunk of database.stream(query.sql(relation.from), placeOf(relation), signal)) {
    requireRoom(relation, at + chunk.rowCount, table.rowCount);
    for (const [tag, store] of stores.entries()) {
      const column = chunk.column(query.valueAt[tag] ?? 0);
      let bad: Column | undefined;
      for (let row = 0; row < chunk.rowCount; row++) {
        if (store.set(at + row, column, row)) continue;
        bad ??= chunk.column(query.badAt[tag] ?? 0);
        const marks = (table.marks[tag] ??= new Uint8Array(table.rowCount));
        marks[at + row] = (bad.items as Uint8Array)[row] === 1 ? 2 : 1;
      }
    }
    if (quality !== undefined && table.status !== undefined) {
      readStatuses(quality, chunk.column(0), table.status.subarray(at, at + chunk.rowCount));
    }
    at += chunk.rowCount;
  }
  requireRoom(relation, at, table.rowCount, true);
  table.values = stores.map((store) => store.finish(table.rowCount));
}
