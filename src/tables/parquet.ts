import { constants, copyFile, open } from "node:fs/promises";
import { AlignError } from "../errors.ts";
import { type Database, fileLiteral, identifier, literal } from "./database.ts";
import { withPlainTimes } from "./footer.ts";
import { describe, type Relation, requireSameColumns } from "./relation.ts";
import { parquetSlices, rowNumber, scanOf } from "./slices.ts";

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
  const scan = scanOf(request.parts);
  const columns = await describe(database, scan, place);
  const hasRowNumber = [...columns.keys()].some((column) => column.toLowerCase() === rowNumber);
  let isOneType = true;
  if (request.parts.length > 1) {
    const parts: { file: string; columns: string[] }[] = [];
    for (const [index, part] of request.parts.entries()) {
      const own = await describe(database, scanOf([part]), place);
      for (const [column, type] of own) isOneType &&= columns.get(column) === type;
      parts.push({ file: request.files[index] ?? part, columns: [...own.keys()] });
    }
    requireSameColumns(request.name, parts);
  }
  const relation = {
    source: request.name,
    columns,
    typed: true,
    isColumnar: true,
    isDictionary: (column: string) => isDictionary(database, request, column),
    files: request.files,
  };
  const cut = await cutColumns(database, request, columns);
  const slices = (own: readonly string[]) =>
    isOneType && !hasRowNumber ? () => parquetSlices(database, place, own) : undefined;
  if (cut.length === 0) return { ...relation, from: scan, slices: slices(request.parts) };
  const scans: string[] = [];
  const exact: string[] = [];
  for (const part of request.parts) {
    request.signal?.throwIfAborted();
    const names = cut.filter((one) => one.part === part).map(({ column }) => column);
    const path = names.length === 0 ? part : await plainTimes(database, part, new Set(names));
    exact.push(path);
    scans.push(
      inNanoseconds(
        path,
        cut.map(({ column }) => column),
        names,
      ),
    );
  }
  const names = new Set(cut.map(({ column }) => column));
  const isUniform = cut.length === names.size * request.parts.length;
  for (const column of names) columns.set(column, "BIGINT");
  if (!isUniform)
    return { ...relation, from: `(${scans.join(" UNION ALL BY NAME ")})`, instantColumns: names };
  return { ...relation, from: scanOf(exact), slices: slices(exact), instantColumns: names };
}

/** Where a writer gave up the dictionary, a text takes the four bytes of its length at least. */
async function isDictionary(
  database: Database,
  { name: source, parts }: ParquetRequest,
  column: string,
): Promise<boolean> {
  const [row] = await database.rows(
    `SELECT bool_and(coalesce(dictionary_page_offset, 0) > 0 AND total_uncompressed_size < 4 * num_values) ` +
      `FROM parquet_metadata([${parts.map(fileLiteral).join(", ")}]) WHERE path_in_schema = ${literal(column)}`,
    { source },
  );
  return row?.[0] === true;
}

/** One part of several, of which some hold the columns in another unit. */
function inNanoseconds(part: string, columns: readonly string[], plain: readonly string[]): string {
  const others = [...new Set(columns)].filter((column) => !plain.includes(column)).map(identifier);
  const replace = others.map((name) => `epoch_ns(${name}) AS ${name}`).join(", ");
  return `SELECT *${replace === "" ? "" : ` REPLACE (${replace})`} FROM ${scanOf([part])}`;
}

/** Time columns that Parquet keeps as UTC nanoseconds, by part: DuckDB would cut them to microseconds. */
async function cutColumns(
  database: Database,
  { name: source, parts, timeColumns }: ParquetRequest,
  columns: ReadonlyMap<string, string>,
): Promise<{ part: string; column: string }[]> {
  const asked = timeColumns.filter((column) => columns.get(column) === "TIMESTAMP WITH TIME ZONE");
  const cut: { part: string; column: string }[] = [];
  for (const part of asked.length === 0 ? [] : parts) {
    const rows = await database.rows(
      `SELECT DISTINCT name FROM parquet_schema(${fileLiteral(part)}) WHERE logical_type LIKE '%NANOS=Nano%' ` +
        `AND logical_type LIKE '%isAdjustedToUTC=1%' AND list_contains([${asked.map(literal).join(", ")}], name)`,
      { source },
    );
    for (const [column] of rows) cut.push({ part, column: String(column) });
  }
  return cut;
}

/** A copy of a file whose footer calls some columns plain int64; a file system that can share the data does. */
async function plainTimes(database: Database, path: string, columns: ReadonlySet<string>): Promise<string> {
  const copy = database.scratchFile("parquet");
  try {
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
    const file = await open(copy, "r+");
    try {
      const { size } = await file.stat();
      const tail = Buffer.alloc(8);
      await file.read(tail, 0, 8, size - 8);
      const footer = Buffer.alloc(tail.readUInt32LE(0));
      const start = size - 8 - footer.length;
      await file.read(footer, 0, footer.length, start);
      const plain = withPlainTimes(footer, columns);
      if (plain === undefined) return path;
      tail.writeUInt32LE(plain.length, 0);
      await file.truncate(start);
      await file.write(Buffer.concat([plain, tail]), 0, plain.length + 8, start);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new AlignError(
      "OUTPUT_TEMPORARY",
      `a temporary copy of ${path} cannot be written (${code ?? cause})`,
      {
        where: { file: copy },
        hint: "make room there, or name another place in the environment variable TMPDIR",
        cause,
      },
    );
  }
  return copy;
}
