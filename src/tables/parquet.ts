import { openAsBlob } from "node:fs";
import { tableFromIPC } from "apache-arrow";
import { ParquetFile } from "parquet-wasm";
import { type Database, fileLiteral, identifier } from "./database.ts";
import { describe, type Relation, requireSameColumns } from "./relation.ts";

/** What `parquetRelation` reads; `files` are the source's own, `parts` the Parquet files behind them. */
export interface ParquetRequest {
  readonly name: string;
  readonly files: readonly string[];
  readonly parts: readonly string[];
  /** Columns that hold times: UTC nanoseconds keep all their digits. */
  readonly timeColumns: readonly string[];
  readonly signal?: AbortSignal;
}

/** Parquet files of one schema, or of schemas that agree by column name. */
export async function parquetRelation(database: Database, request: ParquetRequest): Promise<Relation> {
  const [file] = request.files;
  const place = {
    source: request.name,
    ...(request.files.length === 1 && file !== undefined ? { file } : {}),
  };
  const list = `[${request.parts.map(fileLiteral).join(", ")}]`;
  const scan = `read_parquet(${list}${request.parts.length > 1 ? ", union_by_name = true" : ""})`;
  const columns = await describe(database, scan, place);
  if (request.parts.length > 1) {
    const parts: { file: string; columns: string[] }[] = [];
    for (const [index, part] of request.parts.entries()) {
      const own = await describe(database, `read_parquet(${fileLiteral(part)})`, place);
      parts.push({ file: request.files[index] ?? part, columns: [...own.keys()] });
    }
    requireSameColumns(request.name, parts);
  }
  const relation = { source: request.name, columns, typed: true, files: request.files };
  const cut = await cutColumns(database, list, request, columns);
  if (cut.length === 0) return { ...relation, from: scan };
  let from = `(SELECT * FROM ${scan}) base`;
  for (const [index, column] of cut.entries()) {
    const stored = await database.storeInt64(exactTimes(request, column));
    from += ` POSITIONAL JOIN (SELECT value AS exact_${index} FROM ${stored})`;
    columns.set(column, "BIGINT");
  }
  const select = cut.map((column, index) => {
    const name = identifier(column);
    return `CASE WHEN base.${name} IS NOT NULL THEN exact_${index} END AS ${name}`;
  });
  from = `(SELECT base.* REPLACE (${select.join(", ")}) FROM ${from})`;
  return { ...relation, from, instantColumns: new Set(cut) };
}

/** Time columns that Parquet keeps as UTC nanoseconds: DuckDB would cut them to microseconds. */
async function cutColumns(
  database: Database,
  list: string,
  request: ParquetRequest,
  columns: ReadonlyMap<string, string>,
): Promise<string[]> {
  const asked = request.timeColumns.filter((column) => columns.get(column) === "TIMESTAMP WITH TIME ZONE");
  if (asked.length === 0) return [];
  const rows = await database.rows(
    `SELECT DISTINCT name FROM parquet_schema(${list}) WHERE logical_type LIKE '%NANOS=Nano%' ` +
      `AND logical_type LIKE '%isAdjustedToUTC=1%'`,
    { source: request.name },
  );
  const nanos = new Set(rows.map((row) => String(row[0])));
  return asked.filter((column) => nanos.has(column));
}

/** The raw int64 values of one column, from a second Parquet reader that keeps all digits. */
async function* exactTimes(request: ParquetRequest, column: string): AsyncGenerator<BigInt64Array> {
  for (const path of request.parts) {
    const file = await ParquetFile.fromFile((await openAsBlob(path)) as Blob);
    const groups = file.metadata().numRowGroups();
    for (let group = 0; group < groups; group++) {
      request.signal?.throwIfAborted();
      const table = await file.read({ columns: [column], rowGroups: [group], batchSize: 65_536 });
      const vector = tableFromIPC(table.intoIPCStream()).getChildAt(0);
      for (const data of vector?.data ?? []) yield data.values as BigInt64Array;
    }
    file.free();
  }
}
