import { AlignError } from "../errors.ts";
import { type AmbiguousPolicy, CivilZone, formatInstant } from "../time.ts";
import type { Database } from "./database.ts";
import { identifier, literal } from "./database.ts";
import { columnType, firstRow, placeOf, type Relation } from "./relation.ts";

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
}

/** What was seen while civil times became instants. */
export interface CivilCount {
  ambiguous: number;
  nonexistent: number;
}

const unitNs = { ns: 1n, us: 1_000n, ms: 1_000_000n, s: 1_000_000_000n } as const;

const date = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
const clock = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?";
const offset = "([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)";
const isoLocal = literal(`${date}([Tt ]${clock})?`);
const isoZoned = literal(`${date}[Tt ]${clock} ?${offset}`);
const decimal = literal("[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?");

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
  if (type === "TIMESTAMP WITH TIME ZONE") return { ...base, decode: "instant", sql: `epoch_ns(${name})` };
  if (type.startsWith("TIMESTAMP") || type === "DATE") {
    const utc = relation.utcColumns?.has(column) === true || reading.zone === undefined;
    const stamp = type === "DATE" ? `${name}::TIMESTAMP_NS` : name;
    return { ...base, decode: utc ? "instant" : "local", sql: `epoch_ns(${stamp})` };
  }
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type)) {
    requireUnit(relation, reading, key, column);
    return { ...base, decode: "instant", sql: `(${name}::HUGEINT * ${base.unitNs})::BIGINT` };
  }
  if (type === "DOUBLE" || type === "FLOAT") {
    requireUnit(relation, reading, key, column);
    return { ...base, decode: "float", sql: `${name}::DOUBLE` };
  }
  return planText(database, relation, column, reading, key);
}

async function planText(
  database: Database,
  relation: Relation,
  column: string,
  reading: TimeReading,
  key: string,
): Promise<TimePlan> {
  const text = `nullif(trim(${identifier(column)}::VARCHAR), '')`;
  const base = { column, reading, unitNs: unitNs[reading.unit ?? "ns"] };
  if (reading.unit !== undefined) {
    const number = `CASE WHEN regexp_full_match(${text}, ${decimal}) THEN TRY_CAST(${text} AS DECIMAL(28, 9)) END`;
    const sql = `(${number} * ${base.unitNs})::BIGINT`;
    await refuse(database, relation, key, `${text} IS NOT NULL AND (${sql}) IS NULL`, text, (found) => [
      `"${found}" is not a decimal number of ${reading.unit}`,
      "time.unit is for numbers; leave it out for ISO text",
    ]);
    return { ...base, decode: "instant", sql };
  }
  if (reading.format !== undefined) {
    const stamp = `try_strptime(${text}, ${literal(reading.format)})`;
    const sql = `epoch_ns(${stamp})`;
    await refuse(database, relation, key, `${text} IS NOT NULL AND ${stamp} IS NULL`, text, (found) => [
      `"${found}" does not match time.format "${reading.format}"`,
      "the pattern is strptime's: %Y %m %d %H %M %S, %f for microseconds, %n for nanoseconds, %z for an offset",
    ]);
    if (/%z/.test(reading.format)) return { ...base, decode: "instant", sql };
    requireZone(relation, reading, key, (await anyText(database, relation, text)) ?? reading.format);
    return { ...base, decode: "local", sql };
  }
  return planIso(database, relation, text, base, key);
}

async function planIso(
  database: Database,
  relation: Relation,
  text: string,
  base: Pick<TimePlan, "column" | "reading" | "unitNs">,
  key: string,
): Promise<TimePlan> {
  const stamp = `TRY_CAST(${text} AS TIMESTAMP_NS)`;
  const zoned = `regexp_full_match(${text}, ${isoZoned})`;
  const local = `regexp_full_match(${text}, ${isoLocal})`;
  const readable = `(${stamp} IS NOT NULL AND (${zoned} OR ${local}))`;
  const [counts] = await database.rows(
    `SELECT count(*) FILTER (${text} IS NOT NULL AND NOT ${readable}), count(*) FILTER (${zoned}), ` +
      `count(*) FILTER (${local}) FROM ${relation.from}`,
    placeOf(relation),
  );
  const [unreadable, zonedCount, localCount] = (counts ?? []).map(Number);
  if (unreadable !== 0) {
    await refuse(database, relation, key, `${text} IS NOT NULL AND NOT ${readable}`, text, (found) =>
      /^[+-]?\d+([.]\d*)?$/.test(found)
        ? [`"${found}" is a number without a unit`, "say what it counts, for example time: { unit: ms }"]
        : [
            `"${found}" is not an ISO 8601 time with at most 9 fraction digits`,
            "give time.format for other text, for example time: { format: '%d.%m.%Y %H:%M:%S' }",
          ],
    );
  }
  const sql = `epoch_ns(${stamp})`;
  if (localCount === 0) return { ...base, decode: "instant", sql };
  if (base.reading.zone === undefined) {
    const found = await firstRow(database, relation, local, text);
    throw zoneError(relation, key, found?.text ?? "", found?.row);
  }
  if (zonedCount === 0) return { ...base, decode: "local", sql };
  return { ...base, decode: "mixed", sql, zonedSql: `(${zoned})::UTINYINT` };
}

function requireUnit(relation: Relation, reading: TimeReading, key: string, column: string): void {
  if (reading.unit !== undefined) return;
  throw new AlignError(
    "SOURCE_TIME_UNIT",
    `source ${relation.source}: ${key} "${column}" holds numbers without a unit`,
    { where: placeOf(relation), hint: "say what they count, for example time: { unit: ns }" },
  );
}

function requireZone(relation: Relation, reading: TimeReading, key: string, text: string): void {
  if (reading.zone === undefined) throw zoneError(relation, key, text);
}

function zoneError(relation: Relation, key: string, text: string, row?: number): AlignError {
  return new AlignError("SOURCE_TIME_ZONE", `source ${relation.source}: ${key} "${text}" has no zone`, {
    where: placeOf(relation, row === undefined ? {} : { row }),
    hint: "say which zone the plant wrote it in, for example time: { zone: Europe/Berlin } or time: { zone: UTC }",
  });
}

async function anyText(database: Database, relation: Relation, text: string): Promise<string | undefined> {
  return (await firstRow(database, relation, `${text} IS NOT NULL`, text))?.text;
}

async function refuse(
  database: Database,
  relation: Relation,
  key: string,
  condition: string,
  text: string,
  explain: (found: string) => [message: string, hint: string],
): Promise<void> {
  const found = await firstRow(database, relation, condition, text);
  if (found === undefined) return;
  const [message, hint] = explain(found.text);
  throw new AlignError("SOURCE_TIME_TEXT", `source ${relation.source}: ${key} ${message}`, {
    where: placeOf(relation, { row: found.row }),
    hint,
  });
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

/** Float times in `unit` ns to the nearest ns; NaN and out-of-range values are refused by the caller's bounds. */
export function fromFloats(values: Float64Array, unit: bigint): BigInt64Array {
  const times = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) times[i] = nearestNs(values[i] ?? 0, unit);
  return times;
}

/** The float is a dyadic rational: its integer and fraction parts are exact, only the fraction is scaled. */
function nearestNs(value: number, unit: bigint): bigint {
  const whole = Math.floor(value);
  const scaled = (value - whole) * Number(unit);
  const low = Math.floor(scaled);
  const rest = scaled - low;
  const isNearTie = Math.abs(rest - 0.5) < 1e-6;
  const up = isNearTie ? exactHalf(value - whole, unit, low, whole < 0) : rest > 0.5;
  return BigInt(whole) * unit + BigInt(low) + (up ? 1n : 0n);
}

/** Whether fraction * unit is above (or at, away from zero) low + 1/2, in exact integers. */
function exactHalf(fraction: number, unit: bigint, low: number, isNegative: boolean): boolean {
  const scale = 1n << 90n;
  const twice = 2n * BigInt(fraction * 2 ** 90) * unit;
  const tie = (2n * BigInt(low) + 1n) * scale;
  return isNegative ? twice > tie : twice >= tie;
}
