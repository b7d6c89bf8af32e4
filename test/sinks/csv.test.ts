import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { Binary, Field, Float64, makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import { afterAll, describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { openSink } from "../../src/sinks/index.ts";
import { parseInstant } from "../../src/time.ts";
import { plantBatch, plantRow, plantSchema } from "./plant.ts";

const room = mkdtempSync(join(tmpdir(), "csv-test-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));

const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

async function writePlant(name: string, rows: number, perBatch: number): Promise<string> {
  const path = join(room, name);
  const sink = await openSink("csv", path, plantSchema);
  for (let from = 0; from < rows; from += perBatch)
    await sink.write(plantBatch(from, Math.min(rows, from + perBatch)));
  expect(await sink.close()).toEqual({ rows, sha256: sha256(path) });
  return path;
}

describe("csv", () => {
  it("says each type in its own way", async () => {
    const text = readFileSync(await writePlant("plain.csv", 2, 2), "utf8");
    const header =
      "frame_index,frame_time,temperature,temperature.age,temperature.status,open,step,levels,orders";
    expect(text).toBe(
      `${header}\n0,2026-05-04T07:12:31.250000001Z,-6.666666666666667,-5,0,true,fill,[],[]\n` +
        `1,2026-05-04T07:12:31.283366668Z,-6.333333333333333,9007199254736,0,false,"",[1],"[""order \\""1\\"", 0""]"\n`,
    );
  });

  it("is read by DuckDB with values, nulls and empty texts apart", async () => {
    const path = await writePlant("duckdb.csv", 2100, 1500);
    const connection = await (await DuckDBInstance.create()).connect();
    const reader = await connection.runAndReadAll(
      `select frame_time, temperature::double, "temperature.age", "temperature.status", open, step, levels, orders
       from read_csv('${path}', all_varchar = true, header = true, allow_quoted_nulls = false)`,
    );
    connection.closeSync();
    const rows = reader.getRowsJson();
    expect(rows).toHaveLength(2100);
    for (const [index, found] of rows.entries()) {
      const row = plantRow(index);
      const [time, temperature, age, status, open, step, levels, orders] = found as (string | null)[];
      expect({
        frameTime: parseInstant(time!),
        temperature,
        ageNs: age === null ? null : BigInt(age!),
        status: Number(status),
        open: open === null ? null : open === "true",
        step,
        levels: levels === null ? null : JSON.parse(levels!),
        orders: orders === null ? null : JSON.parse(orders!),
      }).toEqual(row);
    }
  });

  it("does not depend on the batches, nor on slicing", async () => {
    const whole = readFileSync(await writePlant("whole.csv", 3000, 3000));
    expect(readFileSync(await writePlant("pieces.csv", 3000, 17)).equals(whole)).toBe(true);
    const path = join(room, "slices.csv");
    const sink = await openSink("csv", path, plantSchema);
    const batch = plantBatch(0, 3000);
    for (const [from, to] of [
      [0, 11],
      [11, 1500],
      [1500, 3000],
    ] as const) {
      await sink.write(batch.slice(from, to));
    }
    await sink.close();
    expect(readFileSync(path).equals(whole)).toBe(true);
  });

  it("doubles read back bit for bit", async () => {
    const values = [
      0,
      -0,
      0.1,
      1e21,
      5e-324,
      Number.MAX_VALUE,
      Number.NaN,
      Infinity,
      -Infinity,
      123456789.12345679,
    ];
    const schema = new Schema([new Field('a,"b"', new Float64(), false)]);
    const children = [makeData({ type: new Float64(), data: Float64Array.from(values) })];
    const data = makeData({ type: new Struct(schema.fields), children, length: values.length, nullCount: 0 });
    const path = join(room, "doubles.csv");
    const sink = await openSink("csv", path, schema);
    await sink.write(new RecordBatch(schema, data));
    await sink.close();
    const [header, ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(header).toBe('"a,""b"""');
    expect(lines.map(Number)).toEqual(values);
  });

  it("a table without rows is its header", async () => {
    expect(readFileSync(await writePlant("empty.csv", 0, 1), "utf8").split("\n")).toHaveLength(2);
  });

  it("refuses a column that it cannot hold", async () => {
    const schema = new Schema([new Field("picture", new Binary(), true)]);
    const refusal = await openSink("csv", join(room, "picture.csv"), schema).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AlignError);
    expect((refusal as AlignError).code).toBe("OUTPUT_TYPE");
    expect((refusal as AlignError).message).toContain('"picture"');
  });
});
