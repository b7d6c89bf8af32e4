import { AlignError } from "../errors.ts";
import type { ValueType } from "../samples.ts";
import type { Database } from "./database.ts";
import { identifier, literal } from "./database.ts";
import { firstRow, placeOf, type Relation } from "./relation.ts";

/** Words that a plant system writes where it has no value. */
const badWords = [
  "bad input",
  "i/o timeout",
  "io timeout",
  "no data",
  "nodata",
  "pt created",
  "scan off",
  "intf shut",
  "over range",
  "under range",
  "calc failed",
  "missing",
  "unavailable",
  "nan",
  "neginf",
  "null",
  "n/a",
  "#n/a",
  "[-11059] no good data for calculation",
];

/** Words that mean "no value" among numbers, yet are states of their own among texts. */
const badAmongNumbers = ["bad", "shutdown", "configure", "failed", "error", "na", "none", "-"];

const integerText = literal("[+-]?(0|[1-9][0-9]*)");
const numberText = literal(
  "[+-]?((0|[1-9][0-9]*)([.][0-9]*)?([eE][+-]?[0-9]+)?|[.][0-9]+([eE][+-]?[0-9]+)?|inf(inity)?)",
);

/** A value as the manifest asks for it. */
export interface ValueRequest {
  readonly tag: string;
  readonly type?: "number" | "integer" | "boolean" | "text";
  /** True where the join interpolates: integers then become numbers. */
  readonly linear: boolean;
}

/** How to select one value column as one type. */
export interface ValuePlan {
  readonly type: ValueType;
  /** For a list: the type of its elements. */
  readonly itemType?: Exclude<ValueType, "list">;
  readonly sql: string;
}

/** How often each kind of text occurs; letters as in `kindOf`. */
export type KindCounts = Record<string, number>;

/** SQL text of one cell, or null: an empty cell has no value. */
export function cellText(sql: string): string {
  return `nullif(trim((${sql})::VARCHAR), '')`;
}

/** SQL that is true where the text is one of the words. An IN list would become a join, and a join loses the row order. */
export function isOneOf(text: string, words: readonly string[]): string {
  if (words.length === 0) return "false";
  const list = words.map((word) => literal(word.trim().toLowerCase())).join(", ");
  return `coalesce(list_contains([${list}], lower(${text})), false)`;
}

/** SQL that is true where the text is one of the words for "no value". */
export function isBadWord(text: string, own: readonly string[], isNumeric: boolean): string {
  return isOneOf(text, [...badWords, ...own, ...(isNumeric ? badAmongNumbers : [])]);
}

/**
 * SQL for the kind of a text: e empty, x no value, i integer, n number, b boolean, a bad among numbers, t text.
 * Numbers are told first, because most cells are numbers and each test costs.
 */
export function kindOf(text: string, own: readonly string[]): string {
  return (
    `CASE WHEN ${text} IS NULL THEN 'e' WHEN ${isOneOf(text, own)} THEN 'x' ` +
    `WHEN regexp_full_match(${text}, ${integerText}) THEN CASE WHEN TRY_CAST(${text} AS BIGINT) IS NULL THEN 't' ELSE 'i' END ` +
    `WHEN regexp_full_match(lower(${text}), ${numberText}) AND TRY_CAST(${text} AS DOUBLE) IS NOT NULL THEN 'n' ` +
    `WHEN ${isOneOf(text, badWords)} THEN 'x' WHEN ${isOneOf(text, ["true", "false"])} THEN 'b' ` +
    `WHEN ${isOneOf(text, badAmongNumbers)} THEN 'a' ELSE 't' END`
  );
}

/** The type of a tag whose values are text cells: as asked, else as found. */
export function typeFromKinds(kinds: KindCounts, request: ValueRequest): Exclude<ValueType, "list"> {
  if (request.type !== undefined) return request.type;
  const has = (kind: string) => (kinds[kind] ?? 0) > 0;
  if (has("t") || (has("b") && (has("i") || has("n")))) return "text";
  if (has("n")) return "number";
  if (has("i")) return request.linear ? "number" : "integer";
  if (has("b")) return "boolean";
  return has("a") ? "text" : "number";
}

/** SQL that turns a text cell into one type; null where the cell has no value or does not fit. */
export function selectText(text: string, type: ValueType, own: readonly string[]): string {
  const words = isBadWord(text, own, type !== "text");
  const unless = (bad: string, read: string) =>
    bad === "false" ? read : `CASE WHEN ${bad} THEN NULL ELSE ${read} END`;
  switch (type) {
    // A word is no number anyway, and NaN is no value; only the source's own words can look like numbers.
    case "number":
      return unless(isOneOf(text, own), `TRY_CAST(${text} AS DOUBLE)`);
    case "integer": {
      const whole = `regexp_full_match(${text}, ${literal("[+-]?[0-9]+")})`;
      return unless(isOneOf(text, own), `CASE WHEN ${whole} THEN TRY_CAST(${text} AS BIGINT) END`);
    }
    case "boolean":
      return unless(
        words,
        `CASE WHEN ${isOneOf(text, ["true", "1", "on", "yes", "t", "y"])} THEN 1::UTINYINT ` +
          `WHEN ${isOneOf(text, ["false", "0", "off", "no", "f", "n"])} THEN 0::UTINYINT END`,
      );
    default:
      return unless(words, text);
  }
}

const integerTypes = /^(U?TINYINT|U?SMALLINT|U?INTEGER|BIGINT|UBIGINT|U?HUGEINT)$/;

function foundType(sqlType: string): Exclude<ValueType, "list"> | undefined {
  if (integerTypes.test(sqlType)) return "integer";
  if (/^(FLOAT|DOUBLE|DECIMAL.*)$/.test(sqlType)) return "number";
  if (sqlType === "BOOLEAN") return "boolean";
  if (/^(BLOB|BIT|MAP|STRUCT|UNION)/.test(sqlType)) return undefined;
  return "text";
}

/** The tag name without `[n]`, and the 0-based n, where the column is a list. */
export function splitElement(relation: Relation, tag: string): { column: string; element?: number } {
  if (relation.columns.has(tag)) return { column: tag };
  const match = /^(.*)\[(\d+)\]$/.exec(tag);
  return match?.[1] === undefined ? { column: tag } : { column: match[1], element: Number(match[2]) };
}

/** How to select a typed column (Parquet, Arrow, SQL) as the asked or found type. */
export function planTyped(
  relation: Relation,
  sql: string,
  sqlType: string,
  request: ValueRequest,
  own: readonly string[],
): ValuePlan {
  const list = /^(.*)\[\d*\]$/.exec(sqlType)?.[1];
  if (list !== undefined) {
    const itemType = foundType(list);
    if (itemType === undefined || list.endsWith("]")) throw unsupported(relation, request.tag, sqlType);
    if (request.type !== undefined || request.linear) {
      throw new AlignError("SOURCE_TYPE", `source ${relation.source}: tag ${request.tag} is a list`, {
        where: placeOf(relation, { tag: request.tag }),
        hint: `pick one element, for example "${request.tag}[0]", or leave out type and join: linear`,
      });
    }
    const cast = { number: "DOUBLE", integer: "BIGINT", boolean: "UTINYINT", text: "VARCHAR" }[itemType];
    return { type: "list", itemType, sql: `(${sql})::${cast}[]` };
  }
  const found = foundType(sqlType);
  if (found === undefined) throw unsupported(relation, request.tag, sqlType);
  if (found === "text") {
    const text = cellText(sql);
    const type = request.type ?? "text";
    if (request.linear && type === "text") throw notANumber(relation, request.tag, "its column holds text");
    return { type, sql: selectText(text, type, own) };
  }
  const type = request.type ?? (found === "integer" && request.linear ? "number" : found);
  if (request.linear && type !== "number") throw notANumber(relation, request.tag, `it is ${type}`);
  const whole = `CASE WHEN isfinite((${sql})::DOUBLE) AND trunc((${sql})::DOUBLE) = (${sql})::DOUBLE THEN TRY_CAST((${sql}) AS BIGINT) END`;
  const select = {
    number: `(${sql})::DOUBLE`,
    integer: found === "number" ? whole : `TRY_CAST((${sql}) AS BIGINT)`,
    boolean: `CASE (${sql})::DOUBLE WHEN 1 THEN 1::UTINYINT WHEN 0 THEN 0::UTINYINT END`,
    text: `(${sql})::VARCHAR`,
  }[type];
  if (type === "boolean" && found === "boolean") return { type, sql: `(${sql})::UTINYINT` };
  return { type, sql: select };
}

export function notANumber(relation: Relation, tag: string, why: string): AlignError {
  return new AlignError(
    "SOURCE_TYPE",
    `source ${relation.source}: tag ${tag} cannot be interpolated: ${why}`,
    {
      where: placeOf(relation, { tag }),
      hint: "use join: backward, or name the words that mean no value in the source's bad_values",
    },
  );
}

function unsupported(relation: Relation, tag: string, sqlType: string): AlignError {
  return new AlignError(
    "SOURCE_TYPE",
    `source ${relation.source}: tag ${tag} has type ${sqlType}, which is not a value`,
    {
      where: placeOf(relation, { tag }),
      hint: "take it apart in a source of kind sql",
    },
  );
}

/** Refuses a value that is there, is not a word for "no value", and does not fit the type. */
export async function refuseUnfit(
  database: Database,
  relation: Relation,
  rows: string,
  request: ValueRequest,
  text: string,
  plan: ValuePlan,
  own: readonly string[],
): Promise<void> {
  const unfit = `${rows} AND ${text} IS NOT NULL AND (${plan.sql}) IS NULL AND NOT ${isBadWord(text, own, plan.type !== "text")}`;
  const found = await firstRow(database, relation, unfit, text);
  if (found === undefined) return;
  throw new AlignError(
    "SOURCE_VALUE",
    `source ${relation.source}: "${found.text}" of tag ${request.tag} is not ${plan.type === "integer" ? "an" : "a"} ${plan.type}`,
    {
      where: placeOf(relation, { tag: request.tag, row: found.row }),
      hint: `add the word to the source's bad_values if it means "no value", or use type: text`,
    },
  );
}

/** The SQL name of a value column. */
export function columnSql(column: string, element: number | undefined): string {
  return element === undefined ? identifier(column) : `(${identifier(column)})[${element + 1}]`;
}
