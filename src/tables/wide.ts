import type { Intervals, Samples, Values } from "../samples.ts";
import { OPEN_END } from "../samples.ts";
import { emptyCounts, type SourceCounts } from "./counts.ts";
import { type Column, type Database, identifier, literal } from "./database.ts";
import { missingTags } from "./long.ts";
import { lastOfEach, OrderCount, sortedPositions, takeTimes, takeValues } from "./order.ts";
import {
  planQuality,
  type QualityPlan,
  type QualityReading,
  STATUS_BAD,
  STATUS_NO_DATA,
  statusReader,
} from "./quality.ts";
import { firstRow, placeOf, type Relation } from "./relation.ts";
import { StatusStore, valueStore } from "./store.ts";
import { planTime, type TimeReading } from "./time.ts";
import { noteOrder, readTimes, requireRoom, type TimeColumn } from "./times.ts";
import {
  cellText,
  type KindCounts,
  kindOf,
  mayNotFit,
  notANumber,
  planText,
  planTyped,
  refuseUnfit,
  splitElement,
  typeFromKinds,
  type ValuePlan,
  type ValueRequest,
} from "./values.ts";

/** A table whose columns are the tags. */
export interface WideReading {
  /** `time` of samples and events, or `start` and `end` of intervals. */
  readonly columns: { readonly time: string; readonly end?: string; readonly quality?: string };
  readonly time: TimeReading;
  readonly quality?: QualityReading;
  readonly badValues: readonly string[];
  readonly strict: boolean;
}

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

/** Samples of a wide table: an empty cell is no sample, of rows at one instant the last is the sample. */
export async function readWide(
  database: Database,
  relation: Relation,
  reading: WideReading,
  requests: readonly ValueRequest[],
  signal?: AbortSignal,
): Promise<{ samples: Samples[]; counts: SourceCounts }> {
  const counts = emptyCounts();
  const table = await readTable(database, relation, reading, requests, counts, signal);
  const rows = await orderedRows(relation, table, reading.strict, counts);
  const superseded = new Uint8Array(table.rowCount);
  const shared = new Shared(table.times.times);
  const samples = table.values.map((values, tag) => {
    const marks = table.marks[tag];
    const present = marks === undefined ? rows : rows.filter((row) => marks[row] !== 1);
    const last = shared.take(present, marks === undefined, (positions) => lastOfEach(positions));
    for (let i = 0, k = 0; i < present.length; i++) {
      if (last.rows[k] === present[i]) k += 1;
      else superseded[present[i] ?? 0] = 1;
    }
    return samplesOf(last.times, last.rows, values, marks, table.status);
  });
  counts.duplicates = superseded.reduce((sum, one) => sum + one, 0);
  return { samples, counts };
}

/** Events: all are kept, also those at one instant; an empty attribute is no event for that tag. */
export async function readEvents(
  database: Database,
  relation: Relation,
  reading: WideReading,
  requests: readonly ValueRequest[],
  signal?: AbortSignal,
): Promise<{ samples: Samples[]; counts: SourceCounts }> {
  const counts = emptyCounts();
  const table = await readTable(database, relation, reading, requests, counts, signal);
  const rows = await orderedRows(relation, table, reading.strict, counts);
  const shared = new Shared(table.times.times);
  const samples = table.values.map((values, tag) => {
    const marks = table.marks[tag];
    const present = marks === undefined ? rows : rows.filter((row) => marks[row] !== 1);
    const all = shared.take(present, marks === undefined, () => undefined);
    return samplesOf(all.times, all.rows, values, marks, table.status);
  });
  return { samples, counts };
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
    const { status, ...rest } = samplesOf(starts, rows, values, table.marks[tag], table.status, STATUS_BAD);
    return { starts, ends: taken, values: rest.values, ...(status === undefined ? {} : { status }) };
  });
  return { intervals, counts };
}

/** Tags without empty cells share one array of times, so that the join computes their indices once. */
class Shared {
  readonly #times: BigInt64Array;
  #taken: { times: BigInt64Array; rows: Int32Array } | undefined;

  constructor(times: BigInt64Array) {
    this.#times = times;
  }

  take(
    rows: Int32Array,
    isWhole: boolean,
    select: (times: BigInt64Array) => Int32Array | undefined,
  ): { times: BigInt64Array; rows: Int32Array } {
    if (isWhole && this.#taken !== undefined) return this.#taken;
    const times = takeTimes(this.#times, rows);
    const positions = select(times);
    const taken =
      positions === undefined
        ? { times, rows }
        : { times: takeTimes(times, positions), rows: positions.map((position) => rows[position] ?? 0) };
    if (isWhole) this.#taken = taken;
    return taken;
  }
}

function samplesOf(
  times: BigInt64Array,
  rows: Int32Array,
  values: Values,
  marks: Uint8Array | undefined,
  status: Uint32Array | undefined,
  wordStatus = STATUS_NO_DATA,
): Samples {
  const samples = { times, values: takeValues(values, rows) };
  if (marks === undefined && status === undefined) return samples;
  const codes = new StatusStore(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    const own = status?.[row] ?? 0;
    const isWord = marks?.[row] === 2 && own >>> 30 < 2;
    codes.set(i, isWord ? wordStatus : own, (marks?.[row] ?? 0) === 0);
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
  const select: string[] = [];
  const position = (sql: string) => (select.includes(sql) ? select.indexOf(sql) : select.push(sql) - 1);
  const valueAt = plans.map((plan) => position(plan.sql));
  const badAt = plans.map((plan) => position(`coalesce(${plan.badSql}, false)::UTINYINT`));
  const qualityAt = quality === undefined ? -1 : position(quality.sql);
  let at = 0;
  const sql = `SELECT ${select.map((one, column) => `${one} AS column_${column}`).join(", ")} FROM ${relation.from}`;
  for await (const chunk of select.length === 0 ? [] : database.stream(sql, placeOf(relation), signal)) {
    requireRoom(relation, at + chunk.rowCount, table.rowCount);
    for (const [tag, store] of stores.entries()) {
      const column = chunk.column(valueAt[tag] ?? 0);
      let bad: Column | undefined;
      for (let row = 0; row < chunk.rowCount; row++) {
        if (store.set(at + row, column, row)) continue;
        bad ??= chunk.column(badAt[tag] ?? 0);
        const marks = (table.marks[tag] ??= new Uint8Array(table.rowCount));
        marks[at + row] = (bad.items as Uint8Array)[row] === 1 ? 2 : 1;
      }
    }
    if (quality !== undefined && table.status !== undefined) {
      const status = statusReader(quality, chunk.column(qualityAt));
      for (let row = 0; row < chunk.rowCount; row++) table.status[at + row] = status(row);
    }
    at += chunk.rowCount;
  }
  if (select.length > 0) requireRoom(relation, at, table.rowCount, true);
  table.values = stores.map((store) => store.finish(table.rowCount));
}

async function planTags(
  database: Database,
  relation: Relation,
  reading: WideReading,
  requests: readonly ValueRequest[],
): Promise<ValuePlan[]> {
  const missing = requests
    .map((one) => one.tag)
    .filter((tag) => !relation.columns.has(splitElement(relation, tag).column));
  if (missing.length > 0) {
    const names = [...relation.columns.keys()];
    const order = await database.rows(
      `SELECT name FROM (SELECT unnest([${names.map(literal).join(", ")}]) AS name) ` +
        `ORDER BY levenshtein(lower(name), lower(${literal(missing[0] ?? "")})), name LIMIT 13`,
      placeOf(relation),
    );
    throw missingTags(
      relation,
      [...new Set(missing)],
      order.map((row) => String(row[0])),
    );
  }
  const kinds = await columnKinds(database, relation, reading, requests);
  const plans: ValuePlan[] = [];
  for (const request of requests) {
    const { column, element } = splitElement(relation, request.tag);
    const found = kinds.get(column);
    const plan =
      found === undefined
        ? planTyped(relation, request, column, element, reading.badValues)
        : await planCell(database, relation, reading, request, found);
    if (element === undefined) {
      await refuseUnfit(database, relation, "true", request, identifier(column), plan);
    }
    plans.push(plan);
  }
  return plans;
}

async function planCell(
  database: Database,
  relation: Relation,
  reading: WideReading,
  request: ValueRequest,
  kinds: KindCounts,
): Promise<ValuePlan> {
  const type = typeFromKinds(kinds, request);
  if (request.linear && type !== "number") {
    const text = cellText(identifier(request.tag));
    const word = await firstRow(database, relation, `(${kindOf(text, reading.badValues)}) = 't'`, text);
    const why = word === undefined ? `its column holds ${type}` : `row ${word.row} holds "${word.text}"`;
    throw notANumber(relation, request.tag, why);
  }
  const plan = planText(identifier(request.tag), type, reading.badValues);
  return { ...plan, mayNotFit: mayNotFit(type, kinds) };
}

/** How often each kind of text occurs in each asked column whose type is found by content. */
async function columnKinds(
  database: Database,
  relation: Relation,
  reading: WideReading,
  requests: readonly ValueRequest[],
): Promise<Map<string, KindCounts>> {
  const tags = [...new Set(requests.map((request) => request.tag))].filter((tag) =>
    relation.typed ? relation.columns.get(tag) === "JSON" : relation.columns.has(tag),
  );
  if (tags.length === 0) return new Map();
  const letters = ["i", "n", "b", "a", "t"];
  const cells = tags.map((tag, at) => `${cellText(identifier(tag))} AS cell_${at}`);
  const kinds = tags.map((_, at) => `${kindOf(`cell_${at}`, reading.badValues)} AS kind_${at}`);
  const select = tags.flatMap((_, at) =>
    letters.map((letter) => `count(*) FILTER (kind_${at} = '${letter}')`),
  );
  const [row] = await database.rows(
    `SELECT ${select.join(", ")} FROM (SELECT ${kinds.join(", ")} FROM (SELECT ${cells.join(", ")} FROM ${relation.from}))`,
    placeOf(relation),
  );
  return new Map(
    tags.map((tag, at) => {
      const counts = letters.map((letter, k) => [letter, Number(row?.[at * letters.length + k] ?? 0)]);
      return [tag, Object.fromEntries(counts)];
    }),
  );
}
