import { AlignError } from "../errors.ts";
import type { Database } from "./database.ts";
import { identifier, literal } from "./database.ts";
import { columnType, firstRow, placeOf, type Relation } from "./relation.ts";
import { cellText, isOneOf } from "./values.ts";

/** How quality codes read: the manifest's `quality` key of a source; absent: by what the column holds. */
export type QualityReading =
  | "opcua"
  | "opcda"
  | "words"
  | {
      readonly good: readonly (string | number)[];
      readonly uncertain: readonly (string | number)[];
      readonly bad: readonly (string | number)[];
    };

/** OPC UA severities as whole StatusCodes. */
export const STATUS_GOOD = 0x0000_0000;
export const STATUS_UNCERTAIN = 0x4000_0000;
export const STATUS_BAD = 0x8000_0000;
/** Bad_NoData (OPC 10000-4): there is no value. */
export const STATUS_NO_DATA = 0x809b_0000;

const words = {
  good: ["good", "ok", "valid", "true"],
  uncertain: ["uncertain", "questionable", "suspect", "substituted", "doubtful"],
  bad: ["bad", "invalid", "error", "failed", "false"],
};

/** SQL for the StatusCode of a row; a row without a quality is good. */
export async function planQuality(
  database: Database,
  relation: Relation,
  column: string,
  reading: QualityReading | undefined,
  key: string,
): Promise<string> {
  const type = columnType(relation, column, key);
  const text = cellText(identifier(column));
  const number = numberOf(text);
  const kind = reading ?? (await guess(database, relation, text, number, type));
  const sql = codeSql(kind, text, number);
  const found = await firstRow(database, relation, `${text} IS NOT NULL AND (${sql}) IS NULL`, text);
  if (found !== undefined) {
    throw new AlignError("SOURCE_QUALITY", `source ${relation.source}: quality "${found.text}" is unknown`, {
      where: placeOf(relation, { row: found.row }),
      hint: "say how the codes read: quality: opcua, opcda, words, or { good: [...], uncertain: [...], bad: [...] }",
    });
  }
  return `coalesce((${sql})::UINTEGER, ${STATUS_GOOD}::UINTEGER)`;
}

/** Whole numbers, also written as 192.0 or 0x80000000; a StatusCode may be a signed int32. */
function numberOf(text: string): string {
  return (
    `CASE WHEN regexp_full_match(${text}, ${literal("[+-]?[0-9]+([.]0*)?|0[xX][0-9a-fA-F]+")}) ` +
    `THEN TRY_CAST(regexp_replace(${text}, '[.]0*$', '') AS BIGINT) END`
  );
}

function codeSql(kind: QualityReading, text: string, number: string): string {
  if (kind === "opcua") {
    const code = `CASE WHEN ${number} BETWEEN -2147483648 AND 4294967295 THEN ((${number}) & 4294967295)::UINTEGER END`;
    return `coalesce(${code}, ${wordSql(text)})`;
  }
  if (kind === "opcda") {
    return (
      `CASE WHEN ${number} BETWEEN 0 AND 255 THEN CASE (${number}) & 192 WHEN 192 THEN ${STATUS_GOOD} ` +
      `WHEN 64 THEN ${STATUS_UNCERTAIN} ELSE ${STATUS_BAD} END END`
    );
  }
  if (kind === "words") return wordSql(text);
  const branch = (codes: readonly (string | number)[], status: number) =>
    codes.length === 0 ? "" : `WHEN ${isOneOf(text, codes.map(String))} THEN ${status} `;
  const branches =
    branch(kind.good, STATUS_GOOD) + branch(kind.uncertain, STATUS_UNCERTAIN) + branch(kind.bad, STATUS_BAD);
  return `CASE ${branches || "WHEN false THEN 0 "}END`;
}

/** Plain words, and symbolic StatusCodes such as BadNoCommunication, by how they begin. */
function wordSql(text: string): string {
  const low = `lower(${text})`;
  const branch = (list: readonly string[], prefix: string, status: number) =>
    `WHEN ${isOneOf(text, list)} OR starts_with(${low}, ${literal(prefix)}) THEN ${status}`;
  return (
    `CASE ${branch(words.good, "good", STATUS_GOOD)} ${branch(words.uncertain, "uncertain", STATUS_UNCERTAIN)} ` +
    `${branch(words.bad, "bad", STATUS_BAD)} END`
  );
}

async function guess(
  database: Database,
  relation: Relation,
  text: string,
  number: string,
  type: string,
): Promise<QualityReading> {
  if (type === "BOOLEAN") return "words";
  const [row] = await database.rows(
    `SELECT count(*) FILTER (${text} IS NOT NULL AND (${number}) IS NULL), min(${number}), max(${number}) FROM ${relation.from}`,
    placeOf(relation),
  );
  const [others, least, most] = (row ?? []).map((value) => (value === null ? 0 : Number(value)));
  if (others !== 0) return "words";
  const isByte = (least ?? 0) >= 0 && (most ?? 0) <= 255 && (most ?? 0) > 0;
  return isByte ? "opcda" : "opcua";
}
