import { AlignError } from "../errors.ts";
import { type Database, describe, type Relation } from "../tables/index.ts";
import type { TableRequest } from "./source.ts";

/** The result of one query, computed once and kept, because a query may be dear or answer differently the next time. */
export async function openSql(database: Database, request: TableRequest): Promise<Relation> {
  const place = { source: request.name };
  const query = (request.query ?? "").trim().replace(/;\s*$/, "");
  const name = database.uniqueName("query");
  try {
    await database.run(`CREATE TEMP TABLE ${name} AS SELECT * FROM (\n${quoteAt(query)}\n)`, place);
  } catch (cause) {
    if (!(cause instanceof AlignError)) throw cause;
    throw new AlignError("SOURCE_SQL", `source ${request.name}: the query failed: ${reasonOf(cause)}`, {
      where: place,
      hint: "it must be one SELECT of DuckDB's SQL; paths in it are relative to the manifest",
      cause: cause.cause,
    });
  }
  return {
    source: request.name,
    from: name,
    columns: await describe(database, name, place),
    typed: true,
    isColumnar: true,
    files: request.files,
  };
}

/** Plants name a time column `at`, which DuckDB keeps for itself: a bare one is quoted, except in AT TIME ZONE. */
function quoteAt(query: string): string {
  const parts = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\bat\b(?!\s*(?:\(|time\s+zone\b))/gi;
  return query.replace(parts, (part) => (/^at$/i.test(part) ? `"${part}"` : part));
}

function reasonOf(error: AlignError): string {
  return error.message.replace(/^cannot read the table: /, "");
}
