import {
  type Database,
  describe,
  fileLiteral,
  identifier,
  literal,
  type Relation,
  requireWholeGzip,
} from "../tables/index.ts";
import type { TableRequest } from "./source.ts";

/**
 * One JSON object a line. DuckDB finds the columns over the whole file; texts stay texts,
 * and a time written as a decimal number is taken from the line's own digits, because a float64 cannot hold them.
 */
export async function openJsonl(database: Database, request: TableRequest): Promise<Relation> {
  for (const file of request.files) await requireWholeGzip(request.name, file, request.signal);
  const place = { source: request.name };
  const list = `[${request.files.map(fileLiteral).join(", ")}]`;
  const found = await describe(
    database,
    `read_json(${list}, format = 'newline_delimited', sample_size = -1, union_by_name = true)`,
    place,
  );
  const exact = request.timeColumns.filter((column) => /^(DOUBLE|JSON)$/.test(found.get(column) ?? ""));
  const columns = new Map([...found].map(([name, type]) => [name, keptType(type)]));
  const shape = [...columns].map(
    ([name, type]) => `${literal(name)}: ${literal(type.replace("JSON", "VARCHAR"))}`,
  );
  const rows = `read_json(${list}, format = 'newline_delimited', columns = {${shape.join(", ")}})`;
  const from = exact.length === 0 ? rows : withOwnDigits(rows, list, exact);
  for (const column of exact) columns.set(column, "VARCHAR");
  return { source: request.name, from, columns, typed: true, files: request.files };
}

/**
 * Dates, times and identifiers that DuckDB recognises would lose digits or zones: they stay as written.
 * JSON stands for texts whose types are found by content: mixed numbers and words, large integers, objects,
 * and decimals, because an integer beside them would be rounded to a float64.
 */
function keptType(type: string): string {
  if (type === "DOUBLE") return "JSON";
  if (/^(BIGINT|DOUBLE|BOOLEAN|VARCHAR)(\[\])?$/.test(type)) return type;
  // DuckDB gives a column that has negative numbers a wider type than its numbers need.
  if (/^U?(HUGE|BIG)INT\[\]$/.test(type)) return "BIGINT[]";
  return /^(JSON$|STRUCT|MAP|U?HUGEINT$|UBIGINT$)/.test(type) ? "JSON" : "VARCHAR";
}

/** Of the numbers that follow the key in the line, the one that DuckDB read. */
function withOwnDigits(rows: string, list: string, columns: readonly string[]): string {
  const replaced = columns.map((column) => {
    const key = JSON.stringify(column).replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    const numbers = `regexp_extract_all(o.json::VARCHAR, ${literal(`${key}\\s*:\\s*(-?[0-9][0-9.eE+-]*)`)}, 1)`;
    const name = identifier(column);
    const isSame = `TRY_CAST(digits AS DOUBLE) = TRY_CAST(r.${name} AS DOUBLE)`;
    return `coalesce(list_filter(${numbers}, lambda digits: ${isSame})[1], r.${name}::VARCHAR) AS ${name}`;
  });
  const objects = `read_json_objects(${list}, format = 'newline_delimited')`;
  return `(SELECT r.* REPLACE (${replaced.join(", ")}) FROM ${rows} r POSITIONAL JOIN ${objects} o)`;
}
