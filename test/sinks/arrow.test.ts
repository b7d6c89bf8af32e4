import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Table as ArrowTable, type RecordBatch, type Schema, tableFromIPC } from "apache-arrow";
import { Table } from "parquet-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { openSink } from "../../src/sinks/index.ts";
import { overlapping, plantBatch, plantRow, plantSchema } from "./plant.ts";

const room = mkdtempSync(join(tmpdir(), "arrow-test-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));

const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

async function write(name: string, schema: Schema, batches: readonly RecordBatch[]): Promise<Buffer> {
  const path = join(room, name);
  const sink = await openSink("arrow", path, schema);
  for (const batch of batches) await sink.write(batch);
  const rows = batches.reduce((sum, { numRows }) => sum + numRows, 0);
  expect(await sink.close()).toEqual({ rows, sha256: sha256(path) });
  return readFileSync(path);
}

/** The file as arrow-rs reads it: between the first eight bytes and the footer it is a stream. */
function throughRust(file: Buffer): ArrowTable {
  return tableFromIPC(Table.fromIPCStream(file.subarray(8)).intoIPCStream());
}

function expectPlant(table: ArrowTable, rows: number): void {
  expect(table.numRows).toBe(rows);
  expect(table.schema.metadata).toEqual(plantSchema.metadata);
  expect(table.schema.fields.map(({ metadata }) => metadata)).toEqual(
    plantSchema.fields.map(({ metadata }) => metadata),
  );
  const times = table.getChild("frame_time")!.data.flatMap(({ values }) => [...(values as BigInt64Array)]);
  const plain = (value: unknown) => (value === null ? null : [...(value as Iterable<unknown>)]);
  for (let row = 0; row < rows; row += 1) {
    const cell = (name: string) => table.getChild(name)!.get(row);
    const found = {
      frameTime: times[row],
      temperature: cell("temperature"),
      ageNs: cell("temperature.age"),
      status: cell("temperature.status"),
      open: cell("open"),
      step: cell("step"),
      levels: plain(cell("levels")),
      orders: plain(cell("orders")),
    };
    expect(found).toEqual(plantRow(row));
  }
}

describe("arrow", () => {
  it.each([1, 2, 5])("keeps values, nulls, types and metadata in %d batches", async (count) => {
    const batches = Array.from({ length: count }, (_, index) => plantBatch(index * 40, index * 40 + 40));
    const file = await write(`plant-${count}.arrow`, plantSchema, batches);
    expectPlant(tableFromIPC(file), count * 40);
    expectPlant(throughRust(file), count * 40);
    expect(tableFromIPC(file).batches).toHaveLength(count);
  });

  it("joins dictionaries that differ from batch to batch", async () => {
    const own = (from: number, to: number) => [
      ...new Set(
        Array.from({ length: to - from }, (_, index) => plantRow(to - 1 - index).step).filter(
          (step) => step !== null,
        ),
      ),
    ];
    const ranges = [
      [0, 2],
      [2, 3],
      [3, 40],
      [40, 90],
    ] as const;
    const batches = ranges.map(([from, to]) => plantBatch(from, to, own(from, to)));
    const file = await write("dictionaries.arrow", plantSchema, batches);
    expectPlant(tableFromIPC(file), 90);
  });

  it("writes a dictionary that stays the same once", async () => {
    const dictionary = ["fill", "", 'heat, then "stir"', "drain\nand\r\nrinse", "é 漢"];
    const one = await write("one.arrow", plantSchema, [plantBatch(0, 64, dictionary)]);
    const two = await write("two.arrow", plantSchema, [
      plantBatch(0, 64, dictionary),
      plantBatch(64, 128, dictionary),
    ]);
    const occurrences = (file: Buffer) => file.toString("latin1").split("heat, then").length - 1;
    expect([occurrences(one), occurrences(two)]).toEqual([1, 1]);
    expectPlant(throughRust(two), 128);
  });

  it("takes columns that share memory", async () => {
    const { batch, expected } = overlapping(200);
    const file = await write("shared.arrow", batch.schema, [batch, batch]);
    for (const table of [tableFromIPC(file), throughRust(file)]) {
      const rows = Array.from({ length: table.numRows }, (_, row) =>
        ["a", "b", "c"].map((name) => String(table.getChild(name)!.get(row))),
      );
      expect(rows).toEqual([...expected, ...expected]);
    }
  });

  it("has read a batch when write resolves: its memory may be used again", async () => {
    const path = join(room, "borrowed.arrow");
    const sink = await openSink("arrow", path, plantSchema);
    const batch = plantBatch(0, 64);
    await sink.write(batch);
    for (const { values } of batch.data.children) if (values) new Uint8Array(values.buffer).fill(0);
    await sink.close();
    expectPlant(tableFromIPC(readFileSync(path)), 64);
  });

  it("takes slices of a batch", async () => {
    const whole = plantBatch(0, 100);
    const file = await write("slices.arrow", plantSchema, [
      whole.slice(0, 13),
      whole.slice(13, 64),
      whole.slice(64, 100),
    ]);
    expectPlant(tableFromIPC(file), 100);
    expectPlant(throughRust(file), 100);
  });

  it("a table without rows keeps its columns", async () => {
    const file = await write("empty.arrow", plantSchema, []);
    expectPlant(tableFromIPC(file), 0);
  });

  it("gives the same bytes again", async () => {
    const batches = [plantBatch(0, 50), plantBatch(50, 100)];
    const first = await write("first.arrow", plantSchema, batches);
    expect(
      (await write("second.arrow", plantSchema, [plantBatch(0, 50), plantBatch(50, 100)])).equals(first),
    ).toBe(true);
  });

  it("abort leaves nothing", async () => {
    const path = join(room, "aborted.arrow");
    const sink = await openSink("arrow", path, plantSchema);
    await sink.write(plantBatch(0, 10));
    await sink.abort();
    expect(existsSync(path)).toBe(false);
  });
});
