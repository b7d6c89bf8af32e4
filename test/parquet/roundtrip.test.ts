import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { DuckDBInstance, DuckDBListValue } from "@duckdb/node-api";
import { type RecordBatch, tableFromIPC } from "apache-arrow";
import * as fc from "fast-check";
import { parquetReadObjects } from "hyparquet";
import { readParquet } from "parquet-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { Kernels } from "../../src/kernels/index.ts";
import { chunkColumn, encodeChunk } from "../../src/parquet/index.ts";
import { openParquetSink } from "../../src/sinks/parquet.ts";
import { batchOf, type Cell, schema, type Table, tables } from "./tables.ts";

const room = mkdtempSync(join(tmpdir(), "parquet-roundtrip-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));
let files = 0;
/** A new one for each file, because DuckDB keeps what it has read of a path for a while. */
const newPath = () => join(room, `${files++}.parquet`);
const kernels = Kernels.load();
const connection = await (await DuckDBInstance.create()).connect();

async function write(batches: readonly RecordBatch[], path = newPath()): Promise<Buffer> {
  const sink = await openParquetSink(path, schema);
  for (const batch of batches) await sink.write(batch);
  await sink.close();
  return readFileSync(path);
}

/** The same rows as row groups whose columns were encoded beforehand, some columns at a step. */
async function writeGroups(table: Table, length: number): Promise<Buffer> {
  const { arena } = kernels;
  const path = newPath();
  const sink = await openParquetSink(path, schema);
  for (let start = 0; start < length; start += 16_384) {
    const end = Math.min(length, start + 16_384);
    const mark = arena.mark();
    const { data } = batchOf(table, start, end, (array) => arena.copy(array as never) as never);
    const chunks = schema.fields.map((field, at) =>
      encodeChunk(kernels, chunkColumn(field, data.children[at]!)),
    );
    const sent = chunks.map(({ parts, meta }) => ({ parts, meta: structuredClone(meta) }));
    await sink.chunks!.write(sent.slice(0, 3));
    await sink.chunks!.write(sent.slice(3));
    sink.chunks!.endGroup(end - start);
    arena.release(mark);
  }
  await sink.close();
  return readFileSync(path);
}

/** As in the table; hyparquet has no value where a list in a list is null. */
function plain(cell: unknown): Cell {
  if (cell instanceof DuckDBListValue) return cell.items.map(plain);
  return Array.isArray(cell) ? cell.map(plain) : ((cell ?? null) as Cell);
}

async function throughDuckDb(path: string): Promise<Table> {
  const reader = await connection.runAndReadAll(`select * from '${path}' order by row`);
  return Object.fromEntries(
    reader.columnNames().map((name, at) => [name, reader.getColumns()[at]?.map(plain) ?? []]),
  );
}

async function throughHyparquet(file: Buffer): Promise<Table> {
  const buffer = file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer;
  const rows = await parquetReadObjects({ file: buffer });
  return Object.fromEntries(schema.fields.map(({ name }) => [name, rows.map((row) => plain(row[name]))]));
}

function throughRust(file: Buffer): Table {
  const table = tableFromIPC(readParquet(file).intoIPCStream());
  const cellOf = (cell: unknown): Cell =>
    cell !== null && typeof cell === "object" ? [...(cell as Iterable<unknown>)].map(cellOf) : (cell as Cell);
  return Object.fromEntries(
    schema.fields.map(({ name }) => [name, [...(table.getChild(name) ?? [])].map(cellOf)]),
  );
}

async function check(table: Table, cut: number): Promise<void> {
  const length = table.row!.length;
  const path = newPath();
  const whole = await write([batchOf(table, 0, length)], path);
  expect(await throughDuckDb(path)).toEqual(table);
  expect(await throughHyparquet(whole)).toEqual(table);
  expect(throughRust(whole)).toEqual(table);
  const at = Math.min(cut, length);
  const pieces = await write([batchOf(table, 0, at), batchOf(table, at, length)]);
  expect(pieces.equals(whole)).toBe(true);
  const slices = batchOf(table, 0, length);
  expect((await write([slices.slice(0, at), slices.slice(at, length)])).equals(whole)).toBe(true);
  expect((await writeGroups(table, length)).equals(whole)).toBe(true);
}

describe("a file", () => {
  it.each([0, 1, 7, 8, 9, 63, 64, 65, 300])(
    "of %d rows reads back the same in other readers",
    { timeout: 30_000 },
    async (length) => {
      await fc.assert(fc.asyncProperty(tables(length), fc.nat(length), check), {
        numRuns: 8,
        endOnFailure: true,
      });
    },
  );

  it.each([16_383, 16_384, 16_385])("of %d rows too", { timeout: 60_000 }, async (length) => {
    const [table] = fc.sample(tables(length), { numRuns: 1, seed: length });
    const path = newPath();
    const whole = await write([batchOf(table!, 0, length)], path);
    // A difference of such tables takes minutes to print.
    expect(isDeepStrictEqual(await throughDuckDb(path), table)).toBe(true);
    expect(isDeepStrictEqual(await throughHyparquet(whole), table)).toBe(true);
    const pieces = [0, 1_000, 9_999, 16_384, length].map((end, at, ends) =>
      batchOf(table!, ends[at - 1] ?? 0, Math.min(end, length)),
    );
    expect((await write(pieces)).equals(whole)).toBe(true);
    expect((await writeGroups(table!, length)).equals(whole)).toBe(true);
  });
});
