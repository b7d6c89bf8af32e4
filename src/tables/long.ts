import { AlignError } from "../errors.ts";
import type { SampleStore } from "../samples.ts";
import { emptyCounts, type SourceCounts } from "./counts.ts";
import { type Column, type Database, identifier, isValid, literal } from "./database.ts";
import { OrderCount } from "./order.ts";
import { planQuality, type QualityPlan, type QualityReading } from "./quality.ts";
import { columnType, listed, nthRow, placeOf, type Relation } from "./relation.ts";
import { TagRows } from "./tag-rows.ts";
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
): Promise<{ stores: SampleStore[]; counts: SourceCounts }> {
  const counts = emptyCounts();
  const tags = [...new Set(requests.map((request) => request.tag))];
  columnType(relation, reading.columns.tag, "columns.tag");
  const valueType = columnType(relation, reading.columns.value, "columns.value");
  const time = await planTime(database, relation, reading.columns.time, reading.time, "columns.time");
  if (time.assumesUtc === true) counts.assumedUtc.push(time.column);
  if (requests.length === 0) return { stores: [], counts };
  const coded = await codeTags(database, relation, reading, tags);
  const isText = /^(VARCHAR|JSON|ENUM\(.*\))$/.test(valueType);
  const kinds = isText ? await countKinds(database, coded, reading, tags) : undefined;
  const quality =
    reading.columns.quality === undefined
      ? undefined
      : await planQuality(database, relation, reading.columns.quality, reading.quality, "columns.quality");
  const { value } = reading.columns;
  const plans = requests.map((request) =>
    kinds === undefined
      ? planTyped(relation, request, value, undefined, reading.badValues)
      : planCell(relation, reading, request, kinds.get(request.tag) as TagKinds),
  );
  const isMixed = new Set(plans.map((plan) => plan.type)).size > 1;
  const query = new LongQuery(coded, time, quality);
  const rows = new TagRows(database.log, tags.length);
  for (const [position, request] of requests.entries()) {
    const plan = plans[position] as ValuePlan;
    const tag = tags.indexOf(request.tag);
    await refuseUnfit(database, coded, `${tagCode} = ${tag}`, request, identifier(value), plan);
    const alike = requests.filter((_, other) => plans[other]?.type === plan.type);
    const sql = isMixed && plan.type !== "number" ? onlyFor(alike, tags, plan.sql) : plan.sql;
    rows.ask(tag, plan, query.select(sql));
  }
  const order = await fill(database, coded, reading, query, rows, counts, signal);
  const missing = tags.filter((_, tag) => !rows.isSeen(tag));
  if (missing.length > 0) throw await missingInLong(database, coded, reading, missing);
  await noteOrder(coded, order, reading.strict, counts, async (row) => ({
    row: (await nthRow(database, coded, `${tagCode} IS NOT NULL`, row))?.row ?? row,
    time: order.firstTime,
  }));
  Object.assign(counts, order.span);
  counts.duplicates = rows.arrange();
  const stores = requests.map((request, at) =>
    rows.store(tags.indexOf(request.tag), (plans[at] as ValuePlan).type),
  );
  return { stores, counts };
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
  const name = `${identifier(reading.columns.tag)}::VARCHAR`;
  const code = await tagCodes(database, relation, reading.columns.tag, tags);
  const trimmed = code(`trim(${name})`);
  // A tag without blanks around it is found by the trimmed text alone, which is the dearer half of the work.
  const position = tags.some((tag) => /^\p{Zs}|\p{Zs}$/u.test(tag))
    ? `coalesce(${code(name)}, ${trimmed})`
    : trimmed;
  const coded = (from: string) => `(SELECT *, ${position}::UINTEGER AS ${tagCode} FROM ${from})`;
  return {
    ...relation,
    from: coded(relation.from),
    slices: async () => (await relation.slices?.())?.map(coded),
  };
}

/** Above so many tags a search through all of them costs more than it saves, also in a dictionary. */
const searchLimit = 256;

/**
 * SQL for the position of a text among the tags. An enumeration is a hash, looked up for every row;
 * a search is dearer, but of a dictionary DuckDB calls a function, unlike a cast, once for each of its texts.
 */
async function tagCodes(
  database: Database,
  relation: Relation,
  column: string,
  tags: readonly string[],
): Promise<(text: string) => string> {
  const list = tags.map(literal).join(", ");
  if (tags.length <= searchLimit && (await relation.isDictionary?.(column)) === true) {
    return (text) => `(list_position([${list}], ${text}) - 1)`;
  }
  const type = database.uniqueName("tags");
  await database.run(`CREATE TEMP TYPE ${type} AS ENUM (${list})`, placeOf(relation));
  return (text) => `enum_code(TRY_CAST(${text} AS ${type}))`;
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

/** The rows of the asked tags only. */
function asked(from: string): string {
  return `${from} WHERE ${tagCode} IS NOT NULL`;
}

class LongQuery {
  readonly time: TimePlan;
  readonly quality: QualityPlan | undefined;
  readonly from: string;
  readonly #columns: string[];

  constructor(coded: Relation, time: TimePlan, quality: QualityPlan | undefined) {
    this.time = time;
    this.quality = quality;
    this.from = asked(coded.from);
    const stamp = time.decode === "instant" ? time.sql : "0::BIGINT";
    this.#columns = [tagCode, stamp, ...(quality === undefined ? [] : [quality.sql])];
  }

  /** The position of this expression among the query's columns. */
  select(sql: string): number {
    const known = this.#columns.indexOf(sql);
    return known >= 0 ? known : this.#columns.push(sql) - 1;
  }

  /** The query over the whole relation, or over a slice of it. */
  over(from: string): string {
    const select = this.#columns.map((sql, position) => `${sql} AS column_${position}`).join(", ");
    return `SELECT ${select} FROM ${asked(from)}`;
  }
}

/** Rows of one tag by the kind of their value, and a word among them. */
interface TagKinds {
  readonly counts: KindCounts;
  word: string;
}

/** Rows of each tag by the kind of their text; refuses a tag that has no row. */
async function countKinds(
  database: Database,
  coded: Relation,
  reading: LongReading,
  tags: readonly string[],
): Promise<Map<string, TagKinds>> {
  const text = cellText(identifier(reading.columns.value));
  const rows = await database.rows(
    `SELECT code, kind, count(*), any_value(cell) FROM (SELECT code, ${kindOf("cell", reading.badValues)} AS kind, cell ` +
      `FROM (SELECT ${tagCode} AS code, ${text} AS cell FROM ${coded.from}) WHERE code IS NOT NULL) GROUP BY code, kind`,
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
  if (missing.length > 0) throw await missingInLong(database, coded, reading, missing);
  return kinds;
}

async function missingInLong(
  database: Database,
  coded: Relation,
  reading: LongReading,
  missing: readonly string[],
): Promise<AlignError> {
  const name = identifier(reading.columns.tag);
  const there = await database.rows(
    `SELECT trim(${name}::VARCHAR) AS tag FROM ${coded.from} WHERE ${name} IS NOT NULL GROUP BY tag ` +
      `ORDER BY levenshtein(lower(tag), lower(${literal(missing[0] ?? "")})), tag LIMIT 13`,
    placeOf(coded),
  );
  return missingTags(
    coded,
    missing,
    there.map((row) => String(row[0])),
  );
}

/** The error whose cause is the list of all tags that are missing. */
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
    cause: missing,
  });
}

/** Streams the rows once and puts each where its tag's samples are. */
async function fill(
  database: Database,
  coded: Relation,
  reading: LongReading,
  query: LongQuery,
  rows: TagRows,
  counts: SourceCounts,
  signal: AbortSignal | undefined,
): Promise<OrderCount> {
  const order = new OrderCount(rows.tags);
  const civil =
    query.time.decode === "instant"
      ? undefined
      : await readCivil(database, coded, reading, query, counts, signal);
  const slices = await coded.slices?.();
  const place = placeOf(coded);
  const chunks =
    slices === undefined
      ? database.stream(query.over(coded.from), place, signal)
      : database.streamAll(
          slices.map((from) => query.over(from)),
          place,
          signal,
        );
  for await (const chunk of chunks) {
    const start = counts.rows;
    const times = civil === undefined ? chunk.column(1) : civilChunk(coded, civil, start, chunk.rowCount);
    counts.rows += chunk.rowCount;
    const codes = chunk.column(0).items as Uint32Array;
    const stamps = times.items as BigInt64Array;
    const words = new Uint32Array(stamps.buffer, stamps.byteOffset, stamps.length * 2);
    order.addRows(words, chunk.rowCount, start, { tags: codes, valid: times.valid });
    for (let row = 0; times.valid !== null && row < chunk.rowCount; row++) {
      if (isValid(times.valid, row)) continue;
      counts.rowsWithoutTime += 1;
      rows.noteSeen(codes[row]!);
    }
    rows.append({ chunk, codes, words, valid: times.valid, quality: query.quality });
  }
  rows.end();
  return order;
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

/** The rows of a chunk out of times that were read before. */
export function civilChunk(relation: Relation, civil: TimeColumn, start: number, rowCount: number): Column {
  requireRoom(relation, start + rowCount, civil.times.length);
  const items = civil.times.subarray(start, start + rowCount);
  if (civil.missing === undefined) return { items, valid: null };
  const valid = new Uint32Array(Math.ceil(rowCount / 32));
  for (let row = 0; row < rowCount; row++) {
    if (civil.missing[start + row] !== 1) valid[row >>> 5]! |= 1 << (row & 31);
  }
  return { items, valid };
}
