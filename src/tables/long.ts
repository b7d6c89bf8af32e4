import { AlignError } from "../errors.ts";
import type { Samples } from "../samples.ts";
import { type Bucket, finishBucket, newBucket } from "./bucket.ts";
import { emptyCounts, type SourceCounts } from "./counts.ts";
import { type Chunk, type Column, type Database, identifier, literal } from "./database.ts";
import { OrderCount } from "./order.ts";
import { planQuality, type QualityPlan, type QualityReading, statusReader } from "./quality.ts";
import { columnType, listed, nthRow, placeOf, type Relation } from "./relation.ts";
import { planTime, type TimePlan, type TimeReading } from "./time.ts";
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
  typeFromKinds,
  type ValuePlan,
  type ValueRequest,
} from "./values.ts";

export interface LongReading {
  readonly columns: {
    readonly time: string;
    readonly tag: string;
    readonly value: string;
    readonly quality?: string;
  };
  readonly time: TimeReading;
  readonly quality?: QualityReading;
  readonly badValues: readonly string[];
  readonly strict: boolean;
}

/**
 * Reads tags out of one-row-a-sample data: an empty value cell is a Bad_NoData sample, and of several rows of a tag
 * at one instant the last is the sample. The result has one entry a request, in order.
 *
 * @throws AlignError of family SOURCE; rows in it are 0-based rows of the source.
 */
export async function readLong(
  database: Database,
  relation: Relation,
  reading: LongReading,
  requests: readonly ValueRequest[],
  signal?: AbortSignal,
): Promise<{ samples: Samples[]; counts: SourceCounts }> {
  const counts = emptyCounts();
  const tags = [...new Set(requests.map((request) => request.tag))];
  columnType(relation, reading.columns.tag, "columns.tag");
  const valueType = columnType(relation, reading.columns.value, "columns.value");
  const time = await planTime(database, relation, reading.columns.time, reading.time, "columns.time");
  if (time.assumesUtc === true) counts.assumedUtc.push(time.column);
  if (requests.length === 0) return { samples: [], counts };
  const coded = await codeTags(database, relation, reading, tags);
  const isText = /^(VARCHAR|JSON|ENUM\(.*\))$/.test(valueType);
  const kinds = await countKinds(database, coded, reading, tags, isText);
  const quality =
    reading.columns.quality === undefined
      ? undefined
      : await planQuality(database, relation, reading.columns.quality, reading.quality, "columns.quality");
  const { value } = reading.columns;
  const plans = requests.map((request) =>
    isText
      ? planCell(relation, reading, request, kinds.get(request.tag) as TagKinds)
      : planTyped(relation, request, value, undefined, reading.badValues),
  );
  const isMixed = new Set(plans.map((plan) => plan.type)).size > 1;
  const query = new LongQuery(coded, time, quality);
  const buckets = new Map<string, Bucket>();
  const ofTag: Bucket[][] = tags.map(() => []);
  const bucketOf: Bucket[] = [];
  for (const [position, request] of requests.entries()) {
    const plan = plans[position] as ValuePlan;
    await refuseUnfit(
      database,
      coded,
      `${tagCode} = ${tags.indexOf(request.tag)}`,
      request,
      identifier(value),
      plan,
    );
    const key = JSON.stringify([request.tag, plan.type]);
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      const total = Object.values(kinds.get(request.tag)?.counts ?? {}).reduce((sum, one) => sum + one, 0);
      const siblings = ofTag[tags.indexOf(request.tag)] as Bucket[];
      const alike = requests.filter((_, other) => plans[other]?.type === plan.type);
      const sql = isMixed && plan.type !== "number" ? onlyFor(alike, tags, plan.sql) : plan.sql;
      bucket = newBucket(plan, total, query.select(sql), siblings.length === 0);
      buckets.set(key, bucket);
      siblings.push(bucket);
    }
    bucketOf.push(bucket);
  }
  const order = await fill(database, coded, reading, query, ofTag, counts, signal);
  await noteOrder(coded, order.count, reading.strict, counts, async (row) => ({
    row: (await nthRow(database, coded, `${tagCode} IS NOT NULL`, row))?.row ?? row,
    time: order.at,
  }));
  const finished = new Map([...buckets.values()].map((bucket) => [bucket, finishBucket(bucket, counts)]));
  return { samples: bucketOf.map((bucket) => finished.get(bucket) as Samples), counts };
}

/** Position of a row's tag among the asked tags, null for any other. */
const tagCode = identifier("tagalign tag code");

/** The relation with a column that says which of the asked tags a row is of; blanks around a tag do not count. */
async function codeTags(
  database: Database,
  relation: Relation,
  reading: LongReading,
  tags: readonly string[],
): Promise<Relation> {
  const type = database.uniqueName("tags");
  await database.run(`CREATE TEMP TYPE ${type} AS ENUM (${tags.map(literal).join(", ")})`, placeOf(relation));
  const name = `${identifier(reading.columns.tag)}::VARCHAR`;
  const code = `enum_code(coalesce(TRY_CAST(${name} AS ${type}), TRY_CAST(trim(${name}) AS ${type})))::UINTEGER`;
  return { ...relation, from: `(SELECT *, ${code} AS ${tagCode} FROM ${relation.from})` };
}

/** A dear expression is computed for the rows of those tags only that need it. */
function onlyFor(requests: readonly ValueRequest[], tags: readonly string[], sql: string): string {
  const codes = [...new Set(requests.map((request) => tags.indexOf(request.tag)))];
  return `CASE WHEN list_contains([${codes.join(", ")}]::UINTEGER[], ${tagCode}) THEN ${sql} END`;
}

function planCell(
  relation: Relation,
  reading: LongReading,
  request: ValueRequest,
  kinds: TagKinds,
): ValuePlan {
  const type = typeFromKinds(kinds.counts, request);
  if (request.linear && type !== "number") {
    throw notANumber(
      relation,
      request.tag,
      type === "text" ? `it holds words such as "${kinds.word}"` : `it is ${type}`,
    );
  }
  const plan = planText(identifier(reading.columns.value), type, reading.badValues);
  return { ...plan, mayNotFit: mayNotFit(type, kinds.counts) };
}

class LongQuery {
  readonly time: TimePlan;
  readonly quality: QualityPlan | undefined;
  readonly from: string;
  readonly #columns: string[];

  constructor(coded: Relation, time: TimePlan, quality: QualityPlan | undefined) {
    this.time = time;
    this.quality = quality;
    this.from = `${coded.from} WHERE ${tagCode} IS NOT NULL`;
    const stamp = time.decode === "instant" ? time.sql : "0::BIGINT";
    this.#columns = [tagCode, stamp, ...(quality === undefined ? [] : [quality.sql])];
  }

  /** The position of this expression among the query's columns. */
  select(sql: string): number {
    const known = this.#columns.indexOf(sql);
    return known >= 0 ? known : this.#columns.push(sql) - 1;
  }

  get sql(): string {
    return `SELECT ${this.#columns.map((sql, position) => `${sql} AS column_${position}`).join(", ")} FROM ${this.from}`;
  }
}

/** Rows of one tag by the kind of their value, and a word among them. */
interface TagKinds {
  readonly counts: KindCounts;
  word: string;
}

/** Rows of each tag by the kind of their value; refuses a tag that has no row. */
async function countKinds(
  database: Database,
  coded: Relation,
  reading: LongReading,
  tags: readonly string[],
  isText: boolean,
): Promise<Map<string, TagKinds>> {
  const text = cellText(identifier(reading.columns.value));
  const rows = await database.rows(
    `SELECT code, kind, count(*), any_value(cell) FROM (SELECT code, ${isText ? kindOf("cell", reading.badValues) : "'v'"} AS kind, cell ` +
      `FROM (SELECT ${tagCode} AS code, ${isText ? text : "NULL"} AS cell FROM ${coded.from}) WHERE code IS NOT NULL) GROUP BY code, kind`,
    placeOf(coded),
  );
  const kinds = new Map<string, TagKinds>();
  for (const [position, letter, count, cell] of rows) {
    const tag = tags[Number(position)] ?? "";
    const known = kinds.get(tag) ?? { counts: {}, word: "" };
    known.counts[String(letter)] = Number(count);
    if (letter === "t") known.word = String(cell);
    kinds.set(tag, known);
  }
  const missing = tags.filter((tag) => !kinds.has(tag));
  if (missing.length === 0) return kinds;
  const name = identifier(reading.columns.tag);
  const there = await database.rows(
    `SELECT trim(${name}::VARCHAR) AS tag FROM ${coded.from} WHERE ${name} IS NOT NULL GROUP BY tag ` +
      `ORDER BY levenshtein(lower(tag), lower(${literal(missing[0] ?? "")})), tag LIMIT 13`,
    placeOf(coded),
  );
  throw missingTags(
    coded,
    missing,
    there.map((row) => String(row[0])),
  );
}

export function missingTags(
  relation: Relation,
  missing: readonly string[],
  nearest: readonly string[],
): AlignError {
  const [tag] = missing;
  const others =
    missing.length > 1 ? ` (and ${missing.length - 1} more: ${listed(missing.slice(1), 5)})` : "";
  return new AlignError("SOURCE_MISSING_TAG", `source ${relation.source} has no tag "${tag}"${others}`, {
    where: placeOf(relation, tag === undefined ? {} : { tag }),
    hint: nearest.length === 0 ? "the source has no rows" : `the nearest it has: ${listed(nearest)}`,
  });
}

/** Streams the rows once and puts each into its tag's bucket; `at` is the time of the first unsorted row. */
async function fill(
  database: Database,
  coded: Relation,
  reading: LongReading,
  query: LongQuery,
  ofTag: readonly (readonly Bucket[])[],
  counts: SourceCounts,
  signal: AbortSignal | undefined,
): Promise<{ count: OrderCount; at: bigint }> {
  const order = new OrderCount(ofTag.length);
  const civil =
    query.time.decode === "instant"
      ? undefined
      : await readCivil(database, coded, reading, query, counts, signal);
  let row = 0;
  let at = 0n;
  for await (const chunk of database.stream(query.sql, placeOf(coded), signal)) {
    const start = row;
    const times = civil === undefined ? chunk.column(1) : civilChunk(coded, civil, start, chunk.rowCount);
    fillChunk(coded, query, chunk, times, ofTag, order, start, counts);
    row += chunk.rowCount;
    const first = order.firstRow;
    if (first >= start && first < row) at = (times.items as BigInt64Array)[first - start] ?? 0n;
  }
  counts.rows = row;
  return { count: order, at };
}

function fillChunk(
  relation: Relation,
  query: LongQuery,
  chunk: Chunk,
  times: Column,
  ofTag: readonly (readonly Bucket[])[],
  order: OrderCount,
  start: number,
  counts: SourceCounts,
): void {
  const codes = chunk.column(0).items as Uint32Array;
  const status = query.quality === undefined ? undefined : statusReader(query.quality, chunk.column(2));
  const stamps = times.items as BigInt64Array;
  const words = new Uint32Array(stamps.buffer, stamps.byteOffset, stamps.length * 2);
  const columns: Column[] = [];
  for (let row = 0; row < chunk.rowCount; row++) {
    if (times.valid !== null && !times.valid(row)) {
      counts.rowsWithoutTime += 1;
      continue;
    }
    const tag = codes[row] ?? 0;
    const low = words[2 * row] ?? 0;
    const high = words[2 * row + 1] ?? 0;
    order.add(tag, high | 0, low, start + row);
    for (const bucket of ofTag[tag] ?? []) {
      const position = bucket.length++;
      if (position >= bucket.times.length) requireRoom(relation, position + 1, bucket.times.length);
      bucket.timeWords[2 * position] = low;
      bucket.timeWords[2 * position + 1] = high;
      columns[bucket.column] ??= chunk.column(bucket.column);
      const hasValue = bucket.values.set(position, columns[bucket.column] as Column, row);
      bucket.status.set(position, status?.(row) ?? 0, hasValue);
    }
  }
}

/** Civil and float times need the whole column before a row can be placed. */
async function readCivil(
  database: Database,
  coded: Relation,
  reading: LongReading,
  query: LongQuery,
  counts: SourceCounts,
  signal: AbortSignal | undefined,
): Promise<TimeColumn> {
  const [total] = await database.rows(`SELECT count(*) FROM ${query.from}`, placeOf(coded));
  const rowCount = Number(total?.[0] ?? 0);
  const groups =
    reading.time.ambiguous === "order" ? await tagByTag(database, coded, query, rowCount, signal) : undefined;
  try {
    return await readTimes(database, coded, query.time, query.from, rowCount, counts, signal, groups);
  } catch (error) {
    if (!(error instanceof AlignError) || error.where?.row === undefined) throw error;
    const found = await nthRow(database, coded, `${tagCode} IS NOT NULL`, error.where.row);
    throw new AlignError(error.code as "SOURCE_", error.message, {
      where: { ...error.where, row: found?.row ?? error.where.row },
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}

/** The tag of each row, when the table is stored tag by tag. */
async function tagByTag(
  database: Database,
  relation: Relation,
  query: LongQuery,
  rowCount: number,
  signal: AbortSignal | undefined,
): Promise<Uint32Array | undefined> {
  const groups = new Uint32Array(rowCount);
  let at = 0;
  let runs = 0;
  const sql = `SELECT ${tagCode} FROM ${query.from}`;
  for await (const chunk of database.stream(sql, placeOf(relation), signal)) {
    const codes = chunk.column(0).items as Uint32Array;
    requireRoom(relation, at + chunk.rowCount, rowCount);
    for (let row = 0; row < chunk.rowCount; row++, at++) {
      groups[at] = codes[row] ?? 0;
      if (at === 0 || groups[at] !== groups[at - 1]) runs += 1;
    }
  }
  return rowCount >= 16 * runs ? groups : undefined;
}

function civilChunk(relation: Relation, civil: TimeColumn, start: number, rowCount: number): Column {
  requireRoom(relation, start + rowCount, civil.times.length);
  const missing = civil.missing;
  return {
    items: civil.times.subarray(start, start + rowCount),
    valid: missing === undefined ? null : (row) => missing[start + row] !== 1,
  };
}
