import { AlignError } from "../errors.ts";
import { type Column, type Database, identifier, isValid, literal } from "./database.ts";
import { columnType, firstRow, placeOf, type Relation } from "./relation.ts";

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
const STATUS_UNCERTAIN = 0x4000_0000;
export const STATUS_BAD = 0x8000_0000;
/** Bad_NoData (OPC 10000-4): there is no value. */
export const STATUS_NO_DATA = 0x809b_0000;

const words = {
  good: ["good", "ok", "valid", "true"],
  uncertain: ["uncertain", "questionable", "suspect", "substituted", "doubtful"],
  bad: ["bad", "invalid", "error", "failed", "false"],
};

/** More different codes than any plant writes: the column holds something else. */
const codeLimit = 4096;

/** How to read a quality column: `sql` is the position of a row's code in `statuses`, or null where it has none. */
export interface QualityPlan {
  readonly sql: string;
  readonly statuses: Uint32Array;
}

/**
 * Looks at the different codes of a column and says which StatusCode each is; a row without a quality is good.
 *
 * @throws AlignError SOURCE_QUALITY naming the first row with a code that `reading` does not know.
 */
export async function planQuality(
  database: Database,
  relation: Relation,
  column: string,
  reading: QualityReading | undefined,
  key: string,
): Promise<QualityPlan> {
  const type = columnType(relation, column, key);
  const name = identifier(column);
  const cell = `${name}::VARCHAR`;
  const rows = await database.rows(
    `SELECT ${cell} FROM (SELECT DISTINCT ${name} FROM ${relation.from} WHERE ${name} IS NOT NULL LIMIT ${codeLimit + 1})`,
    placeOf(relation),
  );
  const codes = rows.map((row) => String(row[0])).sort();
  const kind = reading ?? kindOfCodes(relation, codes);
  const statuses = codes.slice(0, codeLimit).map((code) => statusOf(code, kind));
  const unknown = codes.length > codeLimit ? codes.length - 1 : statuses.indexOf(undefined);
  const code = codes[unknown];
  if (code !== undefined) {
    const found = await firstRow(database, relation, `${cell} = ${literal(code)}`, cell);
    throw new AlignError("SOURCE_QUALITY", `source ${relation.source}: quality "${code.trim()}" is unknown`, {
      where: placeOf(relation, found === undefined ? {} : { row: found.row }),
      hint: "say how the codes read: quality: opcua, opcda, words, or { good: [...], uncertain: [...], bad: [...] }",
    });
  }
  if (codes.length === 0) return { sql: "NULL::UINTEGER", statuses: new Uint32Array() };
  const sql = await positionSql(database, relation, name, type, codes);
  return { sql, statuses: Uint32Array.from(statuses, (status) => status ?? STATUS_GOOD) };
}

/** SQL for the position of a cell in `codes`; texts and many codes go through an enumeration, which is a hash. */
async function positionSql(
  database: Database,
  relation: Relation,
  name: string,
  type: string,
  codes: readonly string[],
): Promise<string> {
  if (type !== "VARCHAR" && codes.length <= 16) {
    const branches = codes.map((code, position) => `WHEN ${literal(code)}::${type} THEN ${position}`);
    return `(CASE ${name} ${branches.join(" ")} END)::UINTEGER`;
  }
  const enumeration = database.uniqueName("codes");
  await database.run(
    `CREATE TEMP TYPE ${enumeration} AS ENUM (${codes.map(literal).join(", ")})`,
    placeOf(relation),
  );
  return `enum_code(${name}::VARCHAR::${enumeration})::UINTEGER`;
}

/**
 * The StatusCode of each row of a chunk, from the column that `plan.sql` selected; undefined where all are good.
 * `statuses` is room for them.
 */
export function readStatuses(
  plan: QualityPlan,
  column: Column,
  statuses: Uint32Array,
): Uint32Array | undefined {
  const positions = column.items as Uint32Array;
  const { valid } = column;
  const codes = plan.statuses;
  let any = 0;
  for (let row = 0; row < positions.length; row++) {
    const code = isValid(valid, row) ? (codes[positions[row]!] ?? STATUS_GOOD) : STATUS_GOOD;
    statuses[row] = code;
    any |= code;
  }
  return any === 0 ? undefined : statuses;
}

/**
 * Codes from 1 to 63 alone would all be bad in OPC DA, which is no guess to make in silence.
 * Words where any code is no number; one byte codes of OPC DA where none is larger and one is not 0; else StatusCodes.
 */
function kindOfCodes(relation: Relation, codes: readonly string[]): QualityReading {
  const numbers = codes.filter((code) => code.trim() !== "").map(codeNumber);
  if (numbers.includes(undefined)) return "words";
  const sizes = numbers.map(Number);
  const largest = Math.max(0, ...sizes);
  if (largest > 0 && largest < 64 && Math.min(...sizes) >= 0) {
    throw new AlignError(
      "SOURCE_QUALITY",
      `source ${relation.source}: quality codes up to ${largest} may be bad codes of OPC DA or a plant's own`,
      {
        where: placeOf(relation),
        hint: "say how the codes read: quality: opcda, opcua, or { good: [...], uncertain: [...], bad: [...] }",
      },
    );
  }
  return sizes.some((size) => size > 0) && sizes.every((size) => size >= 0 && size <= 255)
    ? "opcda"
    : "opcua";
}

/** A whole number, also written as 192.0 or 0x80000000. */
function codeNumber(code: string): number | undefined {
  const text = code.trim();
  if (/^0x[0-9a-f]{1,8}$/i.test(text)) return Number(text);
  return /^[+-]?\d{1,15}([.]0*)?$/.test(text) ? Number(text) : undefined;
}

function statusOf(code: string, kind: QualityReading): number | undefined {
  if (code.trim() === "") return STATUS_GOOD;
  const number = codeNumber(code);
  if (kind === "words") return statusOfWord(code);
  if (kind === "opcua") {
    if (number === undefined) return statusOfWord(code);
    // Systems without unsigned types write a StatusCode as a signed int32.
    return number >= -0x8000_0000 && number <= 0xffff_ffff ? number >>> 0 : undefined;
  }
  if (kind === "opcda") {
    if (number === undefined || number < 0 || number > 255) return undefined;
    return [STATUS_BAD, STATUS_UNCERTAIN, STATUS_BAD, STATUS_GOOD][number >> 6];
  }
  const text = code.trim().toLowerCase();
  const isListed = (list: readonly (string | number)[]) =>
    list.some((one) => {
      const isNumber = number !== undefined && codeNumber(String(one)) === number;
      return isNumber || String(one).trim().toLowerCase() === text;
    });
  if (isListed(kind.good)) return STATUS_GOOD;
  if (isListed(kind.uncertain)) return STATUS_UNCERTAIN;
  return isListed(kind.bad) ? STATUS_BAD : undefined;
}

/** Plain words, and symbolic StatusCodes such as BadNoCommunication, by how they begin. */
function statusOfWord(code: string): number | undefined {
  const text = code.trim().toLowerCase();
  if (words.good.includes(text) || text.startsWith("good")) return STATUS_GOOD;
  if (words.uncertain.includes(text) || text.startsWith("uncertain")) return STATUS_UNCERTAIN;
  return words.bad.includes(text) || text.startsWith("bad") ? STATUS_BAD : undefined;
}
