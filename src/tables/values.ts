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
  "[+-]?((0|[1-9][0-9]*)([.][0-9]*)?([eE][+-]?[0-9]+)?|[.][0-9]+([eE][+-]?[0-9]+)?|[iI][nN][fF]([iI][nN][iI][tT][yY])?)",
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
  /** SQL that is true where a cell without a value says so, as against an empty cell, which says nothing. */
  readonly badSql: string;
  /** False where every cell is known to fit the type. */
  readonly mayNotFit: boolean;
}

/** How often each kind of text occurs; letters as in `kindOf`. */
export type KindCounts = Record<string, number>;

/** SQL text of one cell without the blanks around it, or null: an empty cell has no value. */
export function cellText(sql: string): string {
  return `nullif(trim((${sql})::VARCHAR), '')`;
}

/** SQL that is true where the text is one of the words. An IN list would become a join, and a join loses the row order. */
function isOneOf(text: string, words: readonly string[]): string {
  if (words.length === 0) return "false";
  const list = words.map((word) => literal(word.trim().toLowerCase())).join(", ");
  return `coalesce(list_contains([${list}], lower(${text})), false)`;
}

/** SQL that is true where the text is one of the words for "no value". */
function isBadWord(text: string, own: readonly string[], isNumeric: boolean): string {
  return either(isOneOf(text, [...badWords, ...(isNumeric ? badAmongNumbers : [])]), isOwnText(text, own));
}

/** The source's own words for "no value", of which a number also stands for the same number written otherwise. */
function isOwnText(text: string, own: readonly string[]): string {
  return either(isOneOf(text, own), isOwnNumber(`TRY_CAST(${text} AS DOUBLE)`, "DOUBLE", own));
}

function isOwnNumber(sql: string, sqlType: string, own: readonly string[]): string {
  const numbers = own.filter((word) => word.trim() !== "" && Number.isFinite(Number(word)));
  if (numbers.length === 0) return "false";
  // A whole number would be rounded to fit an integer column, and a float column holds the rounded word.
  const cast = integerTypes.test(sqlType) || sqlType.startsWith("DECIMAL") ? "DOUBLE" : sqlType;
  return numbers.map((word) => `coalesce(${sql} = ${literal(word.trim())}::${cast}, false)`).join(" OR ");
}

function either(...conditions: readonly string[]): string {
  const open = conditions.filter((condition) => condition !== "false");
  return open.length === 0 ? "false" : `(${open.join(" OR ")})`;
}

/**
 * SQL for the kind of a cell's text: e empty, x no value, i integer, n number, b boolean, a bad among numbers, t text.
 * Numbers are told first, because most cells are numbers and each test costs.
 */
export function kindOf(text: string, own: readonly string[]): string {
  const isOwn = isOwnText(text, own);
  return (
    `CASE WHEN ${text} IS NULL THEN 'e' ${isOwn === "false" ? "" : `WHEN ${isOwn} THEN 'x' `}` +
    `WHEN regexp_full_match(${text}, ${numberText}) THEN ` +
    `CASE WHEN regexp_full_match(${text}, ${integerText}) THEN CASE WHEN TRY_CAST(${text} AS BIGINT) IS NULL THEN 't' ELSE 'i' END ` +
    `WHEN TRY_CAST(${text} AS DOUBLE) IS NULL THEN 't' ELSE 'n' END ` +
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

/** Kinds of cells that fit a type for sure; letters as in `kindOf`. */
const fittingKinds = { number: "in", integer: "i", boolean: "b", text: "inbt" };

/** Whether a cell may be there that is no word for "no value" and cannot be read as the type. */
export function mayNotFit(type: Exclude<ValueType, "list">, kinds: KindCounts): boolean {
  return Object.keys(kinds).some(
    (kind) => (kinds[kind] ?? 0) > 0 && !`exa${fittingKinds[type]}`.includes(kind),
  );
}

/** How to select a text cell as one type; null where the cell has no value or does not fit. */
export function planText(cell: string, type: Exclude<ValueType, "list">, own: readonly string[]): ValuePlan {
  const text = cellText(cell);
  const badSql = isBadWord(text, own, type !== "text");
  const unless = (bad: string, read: string) =>
    bad === "false" ? read : `CASE WHEN ${bad} THEN NULL ELSE ${read} END`;
  const plan = { type, badSql, mayNotFit: type !== "text" };
  switch (type) {
    // A word is no number anyway, and NaN is no value; only the source's own words can look like numbers.
    case "number":
      return { ...plan, sql: unless(isOwnText(text, own), `TRY_CAST(${cell} AS DOUBLE)`) };
    case "integer": {
      const whole = `regexp_full_match(${text}, ${literal("[+-]?[0-9]+")})`;
      const read = `CASE WHEN ${whole} THEN TRY_CAST(${text} AS BIGINT) END`;
      return { ...plan, sql: unless(isOwnText(text, own), read) };
    }
    case "boolean": {
      const read =
        `CASE WHEN ${isOneOf(text, ["true", "1", "on", "yes", "t", "y"])} THEN 1::UTINYINT ` +
        `WHEN ${isOneOf(text, ["false", "0", "off", "no", "f", "n"])} THEN 0::UTINYINT END`;
      return { ...plan, sql: unless(badSql, read) };
    }
    case "text":
      return { ...plan, sql: unless(badSql, text) };
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

/** The column of a tag, and of `name[3]` the 0-based element of its list column. */
export function splitElement(relation: Relation, tag: string): { column: string; element?: number } {
  if (relation.columns.has(tag)) return { column: tag };
  const [, column = "", element = ""] = /^(.*)\[(\d{1,9})\]$/.exec(tag) ?? [];
  return listItem.test(relation.columns.get(column) ?? "")
    ? { column, element: Number(element) }
    : { column: tag };
}

const listItem = /^(.*)\[\d*\]$/s;

/** How to select a tag of a typed column (Parquet, Arrow, SQL, JSON) as the asked or found type. */
export function planTyped(
  relation: Relation,
  request: ValueRequest,
  column: string,
  element: number | undefined,
  own: readonly string[],
): ValuePlan {
  const columnType = relation.columns.get(column) ?? "";
  const sql = element === undefined ? identifier(column) : `(${identifier(column)})[${element + 1}]`;
  const sqlType = element === undefined ? columnType : (listItem.exec(columnType)?.[1] ?? "");
  const list = listItem.exec(sqlType)?.[1];
  if (list !== undefined) return planList(relation, request, sql, sqlType, list, own);
  const found = foundType(sqlType);
  if (found === undefined) throw unsupported(relation, request.tag, sqlType);
  if (found === "text") {
    const type = request.type ?? "text";
    if (request.linear && type === "text") {
      throw notANumber(
        relation,
        request.tag,
        "its column holds text",
        "write type: number if the texts are numbers",
      );
    }
    return planText(sql, type, own);
  }
  const type = request.type ?? (found === "integer" && request.linear ? "number" : found);
  if (request.linear && type !== "number") throw notANumber(relation, request.tag, `it is ${type}`);
  const isOwn = isOwnNumber(sql, sqlType, own);
  const read = selectTyped(sql, found, type);
  return {
    type,
    sql: isOwn === "false" ? read : `CASE WHEN ${isOwn} THEN NULL ELSE ${read} END`,
    badSql: either(found === "number" ? `isnan((${sql})::DOUBLE)` : "false", isOwn),
    mayNotFit: type === "boolean" ? found !== "boolean" : type === "integer",
  };
}

function selectTyped(
  sql: string,
  found: "number" | "integer" | "boolean",
  type: Exclude<ValueType, "list">,
): string {
  const double = `(${sql})::DOUBLE`;
  switch (type) {
    case "number":
      return double;
    case "integer":
      return found === "number"
        ? `CASE WHEN isfinite(${double}) AND trunc(${double}) = ${double} THEN TRY_CAST((${sql}) AS BIGINT) END`
        : `TRY_CAST((${sql}) AS BIGINT)`;
    case "boolean":
      return found === "boolean"
        ? `(${sql})::UTINYINT`
        : `CASE ${double} WHEN 1 THEN 1::UTINYINT WHEN 0 THEN 0::UTINYINT END`;
    case "text":
      return `(${sql})::VARCHAR`;
  }
}

function planList(
  relation: Relation,
  request: ValueRequest,
  sql: string,
  sqlType: string,
  itemSqlType: string,
  own: readonly string[],
): ValuePlan {
  const itemType = foundType(itemSqlType);
  if (itemType === undefined || listItem.test(itemSqlType)) throw unsupported(relation, request.tag, sqlType);
  if (request.type !== undefined || request.linear) {
    throw new AlignError("SOURCE_TYPE", `source ${relation.source}: tag ${request.tag} is a list`, {
      where: placeOf(relation, { tag: request.tag }),
      hint: `pick one element, for example "${request.tag}[0]" for the first, or leave out type and join: linear`,
    });
  }
  const cast = { number: "DOUBLE", integer: "BIGINT", boolean: "UTINYINT", text: "VARCHAR" }[itemType];
  const isOwn = itemType === "number" ? isOwnNumber("item", "DOUBLE", own) : "false";
  const items = `(${sql})::${cast}[]`;
  const read =
    isOwn === "false"
      ? items
      : `list_transform(${items}, lambda item: CASE WHEN ${isOwn} THEN NULL ELSE item END)`;
  return { type: "list", itemType, sql: read, badSql: "false", mayNotFit: false };
}

export function notANumber(
  relation: Relation,
  tag: string,
  why: string,
  hint = "use join: backward, or name the words that mean no value in the source's bad_values",
): AlignError {
  return new AlignError(
    "SOURCE_TYPE",
    `source ${relation.source}: tag ${tag} cannot be interpolated: ${why}`,
    {
      where: placeOf(relation, { tag }),
      hint,
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
  cell: string,
  plan: ValuePlan,
): Promise<void> {
  if (!plan.mayNotFit) return;
  const text = cellText(cell);
  const unfit = `${rows} AND ${text} IS NOT NULL AND (${plan.sql}) IS NULL AND NOT (${plan.badSql})`;
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
