import { AlignError } from "../errors.ts";
import { type AmbiguousPolicy, CivilZone, formatInstant } from "../time.ts";
import type { Database } from "./database.ts";
import { identifier, literal } from "./database.ts";
import { columnType, type FoundRow, firstRow, placeOf, type Relation } from "./relation.ts";
import { cellText } from "./values.ts";

/** How a source writes its times: the manifest's `time` key. */
export interface TimeReading {
  readonly unit?: "ns" | "us" | "ms" | "s";
  readonly zone?: string;
  readonly ambiguous: AmbiguousPolicy;
  /** strptime pattern for text that is not ISO 8601. */
  readonly format?: string;
}

/**
 * How to select one time column.
 *
 * instant: `sql` is int64 ns since the epoch
 * local:   `sql` is int64 ns of the wall clock, counted as if it were UTC
 * mixed:   as local, where `zonedSql` is 0; as instant, where it is 1
 * float:   `sql` is float64 in `unitNs`
 */
export interface TimePlan {
  readonly column: string;
  readonly decode: "instant" | "local" | "mixed" | "float";
  readonly sql: string;
  readonly zonedSql?: string;
  readonly unitNs: bigint;
  readonly reading: TimeReading;
  /** True for timestamps of a type without a zone where the source names none: they are read as UTC. */
  readonly assumesUtc?: boolean;
}

/** What was seen while civil times became instants. */
export interface CivilCount {
  ambiguous: number;
  nonexistent: number;
}

const unitNs = { ns: 1n, us: 1_000n, ms: 1_000_000n, s: 1_000_000_000n } as const;

const date = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
const clock = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?";
const offset = "([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)";
const isoLocal = literal(` *${date}([Tt ]${clock})? *`);
const isoZoned = literal(` *${date}[Tt ]${clock} ?${offset} *`);
const decimal = literal("[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?");

/**
 * How to read one time column, after a look at what it holds.
 *
 * @throws AlignError SOURCE_MISSING_COLUMN, SOURCE_TIME_UNIT for numbers without a unit, SOURCE_TIME_ZONE for text
 * without a zone, SOURCE_TIME_TEXT for the first row that is no time, SOURCE_TIME_RANGE for one outside int64 ns,
 * MANIFEST_TIME_FORMAT for a pattern that cannot be used.
 */
export async function planTime(
  database: Database,
  relation: Relation,
  column: string,
  reading: TimeReading,
  key: string,
): Promise<TimePlan> {
  const type = columnType(relation, column, key);
  const name = identifier(column);
  const base = { column, reading, unitNs: unitNs[reading.unit ?? "ns"] };
  if (relation.instantColumns?.has(column) === true) return { ...base, decode: "instant", sql: name };
  if (/^(TIMESTAMP|DATE$)/.test(type)) {
    const isInstant = type === "TIMESTAMP WITH TIME ZONE";
    const decode = isInstant || reading.zone === undefined ? "instant" : "local";
    const isMicros = /^TIMESTAMP( WITH TIME ZONE)?$/.test(type);
    if (isMicros) await requireMicrosRange(database, relation, key, name);
    const sql = isMicros
      ? `epoch_us(${name}) * 1000`
      : type === "TIMESTAMP_NS"
        ? `epoch_ns(${name})`
        : fromMicros(name);
    if (!isMicros && type !== "TIMESTAMP_NS") await requireRange(database, relation, key, name, sql);
    return { ...base, decode, sql, assumesUtc: !isInstant && decode === "instant" };
  }
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type)) {
    requireUnit(relation, reading, key, column);
    const sql = `TRY_CAST(TRY_CAST(${name} AS BIGINT)::HUGEINT * ${base.unitNs} AS BIGINT)`;
    await requireRange(database, relation, key, name, sql);
    return { ...base, decode: "instant", sql };
  }
  if (type === "DOUBLE" || type === "FLOAT") {
    requireUnit(relation, reading, key, column);
    return { ...base, decode: "float", sql: `${name}::DOUBLE` };
  }
  const text = /^(VARCHAR|JSON)$/.test(type) ? name : `${name}::VARCHAR`;
  if (reading.unit !== undefined) return planDecimal(database, relation, text, base, key);
  if (reading.format !== undefined) return planFormat(database, relation, text, base, reading.format, key);
  return planIso(database, relation, text, base, key);
}

/** Int64 ns of a date or a timestamp in microseconds or coarser; null where that is out of range. */
function fromMicros(sql: string): string {
  return `TRY_CAST(epoch_us(${sql})::HUGEINT * 1000 AS BIGINT)`;
}

type PlanBase = Pick<TimePlan, "column" | "reading" | "unitNs">;

async function planDecimal(
  database: Database,
  relation: Relation,
  cell: string,
  base: PlanBase,
  key: string,
): Promise<TimePlan> {
  const text = cellText(cell);
  const sql = decimalSql(text, base.unitNs);
  const found = await firstRow(database, relation, `${text} IS NOT NULL AND (${sql}) IS NULL`, text);
  if (found === undefined) return { ...base, decode: "instant", sql };
  if (isDecimal.test(found.text)) throw rangeError(relation, key, found);
  throw textError(
    relation,
    key,
    found,
    `is not a decimal number of ${base.reading.unit}`,
    "time.unit is for numbers; leave it out for ISO text",
  );
}

/**
 * Int64 ns of a decimal number of units, exact to nine digits and rounded half away from zero beyond ns; null where it
 * is none or out of range. DuckDB's cast to a wide DECIMAL costs 30 us, so plain digits are put together by hand.
 */
function decimalSql(text: string, unit: bigint): string {
  const whole = `TRY_CAST(split_part(${text}, '.', 1) AS BIGINT)::HUGEINT * ${unit}`;
  const billionths = `rpad(split_part(${text}, '.', 2), 9, '0')::BIGINT`;
  const rest = `(${billionths} * ${unit} + 500000000) // 1000000000`;
  const signed = `CASE WHEN starts_with(${text}, '-') THEN -(${rest}) ELSE ${rest} END`;
  return (
    `CASE WHEN regexp_full_match(${text}, '[+-]?[0-9]{1,19}') THEN TRY_CAST(${whole} AS BIGINT) ` +
    `WHEN regexp_full_match(${text}, '[+-]?[0-9]{1,19}[.][0-9]{1,9}') THEN TRY_CAST(${whole} + ${signed} AS BIGINT) ` +
    `WHEN regexp_full_match(${text}, ${decimal}) THEN TRY_CAST(TRY_CAST(${text} AS DECIMAL(28, 9)) * ${unit} AS BIGINT) END`
  );
}

const isDecimal = /^[+-]?(\d+[.]?\d*|[.]\d+)(e[+-]?\d+)?$/i;

async function planFormat(
  database: Database,
  relation: Relation,
  cell: string,
  base: PlanBase,
  format: string,
  key: string,
): Promise<TimePlan> {
  const text = cellText(cell);
  const sql = await formatSql(database, relation, text, format);
  const found = await firstRow(database, relation, `${text} IS NOT NULL AND (${sql}) IS NULL`, text);
  if (found !== undefined) {
    throw textError(
      relation,
      key,
      found,
      `does not match time.format "${format}"`,
      "the pattern is strptime's: %Y %m %d %H %M %S, %g for milliseconds, %f for microseconds, %n for nanoseconds, %z for an offset",
    );
  }
  if (/%[zZ]/.test(format)) return { ...base, decode: "instant", sql };
  if (base.reading.zone !== undefined) return { ...base, decode: "local", sql };
  throw zoneError(relation, key, await firstRow(database, relation, `${text} IS NOT NULL`, text));
}

/** Int64 ns of a text by a strptime pattern; with %z DuckDB keeps microseconds only, so then the offset is taken off by hand. */
async function formatSql(
  database: Database,
  relation: Relation,
  text: string,
  format: string,
): Promise<string> {
  const refused = (why: string, cause?: unknown) =>
    new AlignError("MANIFEST_TIME_FORMAT", `source ${relation.source}: time.format "${format}" ${why}`, {
      where: { source: relation.source },
      hint: "the pattern is strptime's, for example '%d.%m.%Y %H:%M:%S' or '%d.%m.%Y %H:%M:%S.%n%z'",
      cause,
    });
  try {
    await database.rows(`SELECT try_strptime('', ${literal(format)})`, placeOf(relation));
  } catch (cause) {
    throw refused("is not a pattern", cause);
  }
  if (!/%n/.test(format) || !/%[zZ]/.test(format)) {
    const stamp = `try_strptime(${text}, ${literal(format)})`;
    return /%n/.test(format) ? `epoch_ns(${stamp})` : fromMicros(stamp);
  }
  const stem = /^(.*?) ?%z$/s.exec(format)?.[1];
  if (stem === undefined || /%[zZ]/.test(stem))
    throw refused("may hold %n and an offset only where %z ends it");
  const tail = literal(` ?${offset}$`);
  const wall = `epoch_ns(try_strptime(regexp_replace(${text}, ${tail}, ''), ${literal(stem)}))`;
  const zone = `regexp_extract(${text}, ${tail}, 1)`;
  const digits = `regexp_replace(${zone}, '[^0-9]', '', 'g')`;
  const minutes = `(left(${digits}, 2)::BIGINT * 60 + coalesce(TRY_CAST(substr(${digits}, 3, 2) AS BIGINT), 0))`;
  const sign = `(CASE left(${zone}, 1) WHEN '-' THEN -1 ELSE 1 END)`;
  const shift = `CASE WHEN upper(${zone}) = 'Z' THEN 0 WHEN ${digits} <> '' THEN ${sign} * ${minutes} END`;
  return `TRY_CAST(${wall}::HUGEINT - (${shift}) * 60000000000 AS BIGINT)`;
}

async function planIso(
  database: Database,
  relation: Relation,
  cell: string,
  base: PlanBase,
  key: string,
): Promise<TimePlan> {
  const plain = literal("^(.{16})( ?[Z+-].*)?$");
  const variant = `regexp_replace(regexp_replace(upper(trim(${cell})), ${plain}, '\\1:00\\2'), ' ([Z+-])', '\\1')`;
  // DuckDB's own cast knows neither small letters, nor times without seconds, nor a blank before the offset.
  const stamp = `coalesce(TRY_CAST(${cell} AS TIMESTAMP_NS), TRY_CAST(${variant} AS TIMESTAMP_NS))`;
  const zoned = `regexp_full_match(${cell}, ${isoZoned})`;
  const local = `regexp_full_match(${cell}, ${isoLocal})`;
  const kind =
    `CASE WHEN ${cell} IS NULL THEN 'e' WHEN ${zoned} AND ${stamp} IS NOT NULL THEN 'z' ` +
    `WHEN ${local} AND ${stamp} IS NOT NULL THEN 'l' WHEN trim(${cell}) = '' THEN 'e' ELSE 'x' END`;
  const rows = await database.rows(
    `SELECT (${kind}) AS kind, count(*) FROM ${relation.from} GROUP BY kind`,
    placeOf(relation),
  );
  const has = (letter: string) => rows.some((row) => row[0] === letter);
  const first = (letter: string) => firstRow(database, relation, `(${kind}) = '${letter}'`, `trim(${cell})`);
  if (has("x")) throw isoError(relation, key, await first("x"));
  const sql = `epoch_ns(${stamp})`;
  if (!has("l")) return { ...base, decode: "instant", sql };
  if (base.reading.zone === undefined) throw zoneError(relation, key, await first("l"));
  if (!has("z")) return { ...base, decode: "local", sql };
  return { ...base, decode: "mixed", sql, zonedSql: `coalesce(${zoned}, false)::UTINYINT` };
}

function isoError(relation: Relation, key: string, found: FoundRow | undefined): AlignError {
  if (isDecimal.test(found?.text ?? "")) {
    return textError(
      relation,
      key,
      found,
      "is a number without a unit",
      "say what it counts, for example time: { unit: ms }",
    );
  }
  if (/^\d{4}-\d\d-\d\d/.test(found?.text ?? "") && !/[.]\d{10}/.test(found?.text ?? "")) {
    return textError(
      relation,
      key,
      found,
      "is not an ISO 8601 time between 1678 and 2262",
      "write it as 2026-05-04T07:12:31.25Z; an end that is open is an empty cell, not a far year",
    );
  }
  return textError(
    relation,
    key,
    found,
    "is not an ISO 8601 time with at most 9 fraction digits",
    "give time.format for other text, for example time: { format: '%d.%m.%Y %H:%M:%S' }",
  );
}

function requireUnit(relation: Relation, reading: TimeReading, key: string, column: string): void {
  if (reading.unit !== undefined) return;
  throw new AlignError(
    "SOURCE_TIME_UNIT",
    `source ${relation.source}: ${key} "${column}" holds numbers without a unit`,
    { where: placeOf(relation), hint: "say what they count, for example time: { unit: ns }" },
  );
}

function textError(
  relation: Relation,
  key: string,
  found: FoundRow | undefined,
  what: string,
  hint: string,
): AlignError {
  return new AlignError("SOURCE_TIME_TEXT", `source ${relation.source}: ${key} "${found?.text}" ${what}`, {
    where: placeOf(relation, found === undefined ? {} : { row: found.row }),
    hint,
  });
}

function zoneError(relation: Relation, key: string, found: FoundRow | undefined): AlignError {
  const what = found === undefined ? "holds texts that have no zone" : `"${found.text}" has no zone`;
  return new AlignError("SOURCE_TIME_ZONE", `source ${relation.source}: ${key} ${what}`, {
    where: placeOf(relation, found === undefined ? {} : { row: found.row }),
    hint: "say which zone the plant wrote it in, for example time: { zone: Europe/Berlin } or time: { zone: UTC }",
  });
}

function rangeError(relation: Relation, key: string, found: FoundRow): AlignError {
  return new AlignError(
    "SOURCE_TIME_RANGE",
    `source ${relation.source}: ${key} ${found.text} is outside the range of instants`,
    {
      where: placeOf(relation, { row: found.row }),
      hint: "int64 nanoseconds reach from 1677 to 2262: check time.unit; an end that is open is an empty cell",
    },
  );
}

async function requireRange(
  database: Database,
  relation: Relation,
  key: string,
  name: string,
  sql: string,
): Promise<void> {
  const found = await firstRow(database, relation, `${name} IS NOT NULL AND (${sql}) IS NULL`, name);
  if (found !== undefined) throw rangeError(relation, key, found);
}

/** Refuses a timestamp in microseconds that int64 ns cannot hold; Parquet's own statistics answer for most row groups. */
async function requireMicrosRange(
  database: Database,
  relation: Relation,
  key: string,
  name: string,
): Promise<void> {
  const outside = `${name} < make_timestamp(-9223372036854775) OR ${name} > make_timestamp(9223372036854775)`;
  const probe = `SELECT 1 FROM ${relation.from} WHERE ${outside} LIMIT 1`;
  if ((await database.rows(probe, placeOf(relation))).length === 0) return;
  const found = await firstRow(database, relation, outside, name);
  if (found !== undefined) throw rangeError(relation, key, found);
}

/** Civil times of one zone to instants, in row order; refuses what the policy refuses. */
export function toInstants(
  relation: Relation,
  plan: TimePlan,
  local: BigInt64Array,
  counts: CivilCount,
  rowOf: (position: number) => number = (position) => position,
): BigInt64Array {
  const zone = plan.reading.zone ?? "UTC";
  const result = new CivilZone(zone).toInstants(local, plan.reading.ambiguous);
  counts.ambiguous += result.ambiguous;
  counts.nonexistent += result.nonexistent;
  if (plan.reading.ambiguous !== "reject") return result.instants;
  const refused = result.firstAmbiguousRow ?? result.firstNonexistentRow;
  if (refused === undefined) return result.instants;
  const wall = formatInstant(local[refused] ?? 0n).slice(0, -1);
  const twice = result.firstAmbiguousRow !== undefined;
  throw new AlignError(
    twice ? "SOURCE_AMBIGUOUS_TIME" : "SOURCE_NONEXISTENT_TIME",
    `source ${relation.source}: ${wall} ${twice ? "happens twice" : "does not exist"} in ${zone}`,
    {
      where: placeOf(relation, { row: rowOf(refused), time: wall }),
      hint: twice
        ? "say which pass it is: time: { ambiguous: order } by row order, or earlier, or later"
        : "the clock was put forward there; time: { ambiguous: earlier } moves such times forward by the gap",
    },
  );
}

/** Float times in `unit` ns to the nearest ns, half away from zero; the caller has refused what is out of range. */
export function fromFloats(values: Float64Array, unit: bigint): BigInt64Array {
  const times = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    const ns = nearestNs(Math.abs(value), unit);
    times[i] = value < 0 ? -ns : ns;
  }
  return times;
}

/** A float is a dyadic rational: its integer and fraction parts are exact, and only the fraction is scaled. */
function nearestNs(size: number, unit: bigint): bigint {
  const whole = Math.floor(size);
  const fraction = size - whole;
  const scaled = fraction * Number(unit);
  const low = Math.floor(scaled);
  const rest = scaled - low;
  const isUp = Math.abs(rest - 0.5) < 1e-6 ? isHalfOrMore(fraction, unit, low) : rest > 0.5;
  return BigInt(whole) * unit + BigInt(low) + (isUp ? 1n : 0n);
}

/** Whether fraction * unit >= low + 1/2 in exact integers; a fraction so near a half ns has no bit below 2^-90. */
function isHalfOrMore(fraction: number, unit: bigint, low: number): boolean {
  return 2n * BigInt(fraction * 2 ** 90) * unit >= (2n * BigInt(low) + 1n) << 90n;
}
