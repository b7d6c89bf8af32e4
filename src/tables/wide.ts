import type { SampleStore } from "../samples.ts";
import { emptyCounts, type SourceCounts } from "./counts.ts";
import { type Column, type Database, isValid } from "./database.ts";
import { civilChunk } from "./long.ts";
import { OrderCount } from "./order.ts";
import { planQuality, type QualityPlan, readStatuses } from "./quality.ts";
import { placeOf, type Relation } from "./relation.ts";
import { RowSet } from "./row-set.ts";
import type { PlacedTrack } from "./series.ts";
import { TableRows } from "./table-rows.ts";
import { planTime, type TimePlan } from "./time.ts";
import { noteOrder, readTimes, requireRoom, type TimeColumn } from "./times.ts";
import type { ValueRequest } from "./values.ts";
import { planTags, WideQuery, type WideReading } from "./wide-plan.ts";

/** Samples of a wide table: an empty cell is no sample, of rows at one instant the last is the sample. */
export async function readWide(
  database: Database,
  relation: Relation,
  reading: WideReading,
  requests: readonly ValueRequest[],
  signal?: AbortSignal,
): Promise<{ stores: SampleStore[]; counts: SourceCounts }> {
  return readRows(database, relation, reading, requests, false, signal);
}

/** Events: all are kept, also those at one instant; an empty attribute is no event for that tag. */
export async function readEvents(
  database: Database,
  relation: Relation,
  reading: WideReading,
  requests: readonly ValueRequest[],
  signal?: AbortSignal,
): Promise<{ stores: SampleStore[]; counts: SourceCounts }> {
  return readRows(database, relation, reading, requests, true, signal);
}

async function readRows(
  database: Database,
  relation: Relation,
  reading: WideReading,
  requests: readonly ValueRequest[],
  keepsEqual: boolean,
  signal: AbortSignal | undefined,
): Promise<{ stores: SampleStore[]; counts: SourceCounts }> {
  const counts = emptyCounts();
  const time = await planTime(database, relation, reading.columns.time, reading.time, "columns.time");
  if (time.assumesUtc === true) counts.assumedUtc.push(time.column);
  const plans = await planTags(database, relation, reading, requests);
  const quality =
    reading.columns.quality === undefined
      ? undefined
      : await planQuality(database, relation, reading.columns.quality, reading.quality, "columns.quality");
  const civil =
    time.decode === "instant" ? undefined : await readCivil(database, relation, time, counts, signal);
  const stamp = civil === undefined ? time.sql : "0::BIGINT";
  const before = quality === undefined ? [stamp] : [stamp, quality.sql];
  const superseded = new RowSet();
  const stores: SampleStore[] = [];
  const size = relation.isColumnar === true ? columnsAtOnce : Math.max(1, plans.length);
  let whole: PlacedTrack | undefined;
  for (let at = 0; at === 0 || at < plans.length; at += size) {
    const query = new WideQuery(plans.slice(at, at + size), before);
    const rows = new TableRows(database.log, query, keepsEqual);
    const own = at === 0 ? counts : emptyCounts();
    const order = await fill(database, relation, query, quality, civil, rows, own, signal);
    requireRoom(relation, own.rows, counts.rows, true);
    if (at === 0) {
      await noteOrder(relation, order, reading.strict, counts, async (row) => ({
        row,
        time: order.firstTime,
      }));
      Object.assign(counts, order.span);
    }
    const finished = rows.finish(superseded, whole);
    whole = finished.whole;
    stores.push(...finished.stores);
  }
  counts.duplicates = superseded.size;
  return { stores, counts };
}

/** DuckDB holds half a megabyte a column while it reads Parquet, so many columns are read some at a time. */
const columnsAtOnce = 128;

/** Streams the table once; counts what has no time and what is out of order, by the table's rows. */
async function fill(
  database: Database,
  relation: Relation,
  query: WideQuery,
  quality: QualityPlan | undefined,
  civil: TimeColumn | undefined,
  rows: TableRows,
  counts: SourceCounts,
  signal: AbortSignal | undefined,
): Promise<OrderCount> {
  const order = new OrderCount(1);
  let room = new Uint32Array(0);
  for await (const chunk of database.stream(query.sql(relation.from), placeOf(relation), signal)) {
    const start = counts.rows;
    const times = civil === undefined ? chunk.column(0) : civilChunk(relation, civil, start, chunk.rowCount);
    counts.rows += chunk.rowCount;
    const stamps = (times.items as BigInt64Array).subarray(0, chunk.rowCount);
    const words = new Uint32Array(stamps.buffer, stamps.byteOffset, stamps.length * 2);
    order.addRows(words, stamps.length, start, { valid: times.valid });
    const timed = timedRows(times, stamps.length);
    counts.rowsWithoutTime += stamps.length - (timed?.length ?? stamps.length);
    if (room.length < stamps.length) room = new Uint32Array(stamps.length);
    const statuses = quality && readStatuses(quality, chunk.column(1), room);
    rows.append(chunk, stamps, timed, statuses);
  }
  return order;
}

/** Rows that have a time, or undefined where all have. */
function timedRows({ valid }: Column, rowCount: number): Int32Array | undefined {
  const rows = new Int32Array(valid === null ? 0 : rowCount);
  let count = 0;
  for (let row = 0; row < rows.length; row++) if (isValid(valid, row)) rows[count++] = row;
  return valid === null || count === rowCount ? undefined : rows.subarray(0, count);
}

/** Civil and float times need the whole column before a row can be placed: 8 bytes a row. */
async function readCivil(
  database: Database,
  relation: Relation,
  time: TimePlan,
  counts: SourceCounts,
  signal: AbortSignal | undefined,
): Promise<TimeColumn> {
  const [total] = await database.rows(`SELECT count(*) FROM ${relation.from}`, placeOf(relation));
  return readTimes(database, relation, time, relation.from, Number(total?.[0] ?? 0), counts, signal);
}
