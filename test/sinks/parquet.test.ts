import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { tableFromIPC } from "apache-arrow";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { readParquet } from "parquet-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { openSink } from "../../src/sinks/index.ts";
import { overlapping, plantBatch, plantRow, plantSchema } from "./plant.ts";

const room = mkdtempSync(join(tmpdir(), "parquet-test-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));

async function writePlant(name: string, rows: number, perBatch: number): Promise<string> {
  const path = join(room, name);
  const sink = await openSink("parquet", path, plantSchema);
  for (let from = 0; from < rows; from += perBatch)
    await sink.write(plantBatch(from, Math.min(rows, from + perBatch)));
  expect(await sink.close()).toEqual({ rows, sha256: sha256(path) });
  return path;
}

async function query(sql: string): Promise<unknown[][]> {
  const connection = await (await DuckDBInstance.create()).connect();
  try {
    return (await (await connection.runAndReadAll(sql)).getRowsJson()) as unknown[][];
  } finally {
    connection.closeSync();
  }
}

const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

describe("parquet", () => {
  it("is read by DuckDB with types, values and nulls as written", async () => {
    const path = await writePlant("duckdb.parquet", 100, 33);
    const types = await query(`select column_name, column_type from (describe select * from '${path}')`);
    expect(types.map(([, type]) => type)).toEqual([
      "BIGINT",
      "TIMESTAMP_NS",
      "DOUBLE",
      "BIGINT",
      "UINTEGER",
      "BOOLEAN",
      "VARCHAR",
      "DOUBLE[]",
      "VARCHAR[]",
    ]);
    const rows = await query(
      `select epoch_ns(frame_time)::varchar, temperature, "temperature.age"::varchar, "temperature.status", open, step, levels, orders
       from '${path}' order by frame_index`,
    );
    expect(rows).toHaveLength(100);
    for (const [index, found] of rows.entries()) {
      const row = plantRow(index);
      const age = row.ageNs === null ? null : String(row.ageNs);
      const { frameTime, temperature, status, open, step, levels, orders } = row;
      expect(found).toEqual([String(frameTime), temperature, age, status, open, step, levels, orders]);
    }
  });

  it("is read by hyparquet, which shares no code with the writer", async () => {
    const bytes = readFileSync(await writePlant("hyparquet.parquet", 50, 50));
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const rows = await parquetReadObjects({
      file: buffer,
      columns: ["temperature", "temperature.age", "step", "open"],
    });
    for (const [index, row] of rows.entries()) {
      const { temperature, ageNs, step, open } = plantRow(index);
      expect(row).toEqual({ temperature, "temperature.age": ageNs, step, open });
    }
    const { schema } = parquetMetadata(buffer);
    const time = schema.find(({ name }) => name === "frame_time");
    expect(time?.logical_type).toEqual({ type: "TIMESTAMP", isAdjustedToUTC: false, unit: "NANOS" });
  });

  it("keeps schema metadata as key-value pairs and, with the fields', in the Arrow schema", async () => {
    const path = await writePlant("metadata.parquet", 5, 5);
    const pairs = await query(`select decode(key), decode(value) from parquet_kv_metadata('${path}')`);
    const found = new Map(pairs as [string, string][]);
    expect(found.get("ARROW:schema")).toBeDefined();
    found.delete("ARROW:schema");
    expect(found).toEqual(plantSchema.metadata);
    const { schema } = tableFromIPC(readParquet(readFileSync(path)).intoIPCStream());
    expect(schema.metadata).toEqual(plantSchema.metadata);
    expect(schema.fields.map(({ metadata }) => metadata)).toEqual(
      plantSchema.fields.map(({ metadata }) => metadata),
    );
    expect(schema.fields.map(({ type }) => String(type))).toEqual(
      plantSchema.fields.map(({ type }) => String(type)),
    );
  });

  it("gives the same bytes again, however the rows come in batches", async () => {
    const hashes = new Set<string>();
    for (const [index, perBatch] of [20_000, 20_000, 7_777, 16_384, 333].entries()) {
      hashes.add(sha256(await writePlant(`same-${index}.parquet`, 20_000, perBatch)));
    }
    expect(hashes.size).toBe(1);
    const groups = await query(
      `select distinct row_group_id, row_group_num_rows from parquet_metadata('${join(room, "same-0.parquet")}') order by 1`,
    );
    expect(groups.map(([, rows]) => Number(rows))).toEqual([16_384, 3_616]);
  });

  it("a table without rows keeps its columns", async () => {
    const path = await writePlant("empty.parquet", 0, 1);
    expect(await query(`select count(*)::int, count(step)::int from '${path}'`)).toEqual([[0, 0]]);
    expect(await query(`select count(*)::int from parquet_kv_metadata('${path}')`)).toEqual([[6]]);
  });

  it("has read a batch when write resolves: its memory may be used again", async () => {
    const path = join(room, "borrowed.parquet");
    const sink = await openSink("parquet", path, plantSchema);
    const batch = plantBatch(0, 64);
    await sink.write(batch);
    for (const { values } of batch.data.children) if (values) new Uint8Array(values.buffer).fill(0);
    await sink.close();
    const [row] = await query(
      `select max(frame_index)::int, sum("temperature.status")::bigint::varchar from '${path}'`,
    );
    expect(row).toEqual([63, String(9 * 0x809b0000)]);
  });

  it("takes columns that share memory", async () => {
    const path = join(room, "shared.parquet");
    const { batch, expected } = overlapping(100);
    const sink = await openSink("parquet", path, batch.schema);
    await sink.write(batch);
    await sink.close();
    expect(await query(`select a::varchar, b::varchar, c::varchar from '${path}'`)).toEqual(expected);
  });

  it("abort leaves nothing, before and after a batch and a close", async () => {
    for (const stage of [0, 1, 2]) {
      const path = join(room, `aborted-${stage}.parquet`);
      const sink = await openSink("parquet", path, plantSchema);
      if (stage > 0) await sink.write(plantBatch(0, 10));
      if (stage > 1) await sink.close();
      await sink.abort();
      await sink.abort();
      expect(existsSync(path)).toBe(false);
    }
  });
});
