import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { AlignError } from "../../src/errors.ts";
import type { SampleStore, Samples, Values } from "../../src/samples.ts";
import { openTable, type TableKind } from "../../src/sources/index.ts";
import {
  Database,
  emptyCounts,
  planTime,
  type Relation,
  readLong,
  readTimes,
  readWide,
  type TimeReading,
  type ValueRequest,
} from "../../src/tables/index.ts";

/** A directory with files in it and a database over it. */
export class Room {
  readonly base: string;
  readonly database: Database;

  private constructor(base: string, database: Database) {
    this.base = base;
    this.database = database;
  }

  static async open(limits: Parameters<typeof Database.open>[1] = {}): Promise<Room> {
    const base = mkdtempSync(join(tmpdir(), "tables-test-"));
    return new Room(base, await Database.open(base, limits));
  }

  close(): void {
    this.database.close();
    rmSync(this.base, { recursive: true, force: true });
  }

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.base, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  async table(kind: TableKind, files: readonly string[], timeColumns: readonly string[] = ["ts"]) {
    return openTable[kind](this.database, { name: "plant", files, timeColumns });
  }

  async csv(text: string): Promise<Relation> {
    return this.table("csv", [this.write(`${this.database.uniqueName("table")}.csv`, text)]);
  }

  async jsonl(lines: readonly string[]): Promise<Relation> {
    const file = this.write(`${this.database.uniqueName("table")}.jsonl`, `${lines.join("\n")}\n`);
    return this.table("jsonl", [file]);
  }

  async sql(query: string): Promise<Relation> {
    return openTable.sql(this.database, { name: "plant", files: [], query, timeColumns: ["ts"] });
  }

  /** Writes what a query selects as a Parquet file and opens it. */
  async parquet(query: string): Promise<Relation> {
    const file = join(this.base, `${this.database.uniqueName("table")}.parquet`);
    await this.database.run(`COPY (${query}) TO '${file}' (FORMAT parquet)`, {});
    return this.table("parquet", [file]);
  }

  /** Instants of the column `ts` in row order; null where the cell is empty. */
  async times(relation: Relation, time: Partial<TimeReading> = {}) {
    const counts = emptyCounts();
    const reading: TimeReading = { ambiguous: "reject", ...time };
    const plan = await planTime(this.database, relation, "ts", reading, "columns.time");
    const [row] = await this.database.rows(`SELECT count(*) FROM ${relation.from}`, {});
    const total = Number(row?.[0]);
    const read = await readTimes(this.database, relation, plan, relation.from, total, counts);
    const times = Array.from(read.times, (one, at) => (read.missing?.[at] === 1 ? null : one));
    return { times, counts };
  }
}

export interface Reading {
  readonly time?: Partial<TimeReading>;
  readonly quality?: Parameters<typeof readLong>[2]["quality"];
  readonly badValues?: readonly string[];
  readonly strict?: boolean;
}

type Asked = string | (Partial<ValueRequest> & { tag: string });

function requestOf(asked: Asked): ValueRequest {
  return { linear: false, ...(typeof asked === "string" ? { tag: asked } : asked) };
}

function common({ time, quality, badValues, strict }: Reading) {
  return {
    time: { ambiguous: "reject" as const, ...time },
    badValues: badValues ?? [],
    strict: strict ?? false,
    ...(quality === undefined ? {} : { quality }),
  };
}

/** Tags of a long table with columns ts, tag, value and perhaps quality. */
export async function long(room: Room, relation: Relation, tags: readonly Asked[], reading: Reading = {}) {
  const quality = relation.columns.has("quality") ? { quality: "quality" } : {};
  const columns = { time: "ts", tag: "tag", value: "value", ...quality };
  const asked = tags.map(requestOf);
  const { stores, counts } = await readLong(room.database, relation, { ...common(reading), columns }, asked);
  return { samples: wholeSamples(stores), counts };
}

/** Tags of a wide table with a column ts and perhaps quality. */
export async function wide(
  room: Room,
  relation: Relation,
  tags: readonly Asked[],
  reading: Reading = {},
  read: typeof readWide = readWide,
) {
  const quality = relation.columns.has("quality") ? { quality: "quality" } : {};
  const { stores, counts } = await read(
    room.database,
    relation,
    { ...common(reading), columns: { time: "ts", ...quality } },
    tags.map(requestOf),
  );
  return { samples: wholeSamples(stores), counts };
}

/** All samples of some stores, as one window. */
export function wholeSamples(stores: readonly SampleStore[]): Samples[] {
  const arrays = { allocate: heap, shared: new Map() };
  const [from, to] = [-(2n ** 63n), 2n ** 63n - 1n];
  return stores.map((store) => {
    const { skippedBefore, ...samples } = store.load({ from, to, beforeNs: 0n, quality: "raw" }, arrays);
    expect(skippedBefore).toEqual([0, 0, 0]);
    return samples;
  });
}

/** Arrays on the heap, with junk in them. */
export const heap = {
  i64: (length: number) => new BigInt64Array(length).fill(-7n),
  f64: (length: number) => new Float64Array(length).fill(-7),
  i32: (length: number) => new Int32Array(length).fill(-7),
  u32: (length: number) => new Uint32Array(length).fill(7),
  u8: (length: number) => new Uint8Array(length).fill(7),
};

/** Values as plain data, null where the sample is bad. */
export function plain(data: { values: Values; status?: Uint32Array } | undefined): unknown[] {
  if (data === undefined) return [];
  return cells(data.values).map((cell, at) => ((data.status?.[at] ?? 0) >>> 30 >= 2 ? null : cell));
}

function cells(values: Values): unknown[] {
  switch (values.type) {
    case "text":
      return Array.from(values.codes, (code) => values.dictionary[code]);
    case "boolean":
      return Array.from(values.data, (one) => one === 1);
    case "list": {
      const items = cells(values.items);
      return Array.from({ length: values.offsets.length - 1 }, (_, row) =>
        items.slice(values.offsets[row], values.offsets[row + 1]),
      );
    }
    default:
      return Array.from<unknown>(values.data);
  }
}

export function statuses(samples: Samples | undefined): number[] {
  return Array.from(samples?.status ?? new Uint32Array(samples?.times.length ?? 0));
}

/** The AlignError that a promise is rejected with; anything else is a failure. */
export async function refusal(promise: Promise<unknown>): Promise<AlignError> {
  const outcome = await promise.then(
    () => "no error",
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(AlignError);
  const error = outcome as AlignError;
  expect(error.hint ?? "").not.toBe("");
  expect(error.message).not.toMatch(/undefined|\[object/);
  return error;
}

/** The same file with its `ts` column marked as UTC, by the other Parquet library. */
export async function utcTwin(path: string): Promise<Uint8Array> {
  const arrow = await import("apache-arrow");
  const parquet = await import("parquet-wasm");
  const table = arrow.tableFromIPC(parquet.readParquet(readFileSync(path)).intoIPCStream());
  const type = new arrow.Timestamp(arrow.TimeUnit.NANOSECOND, "UTC");
  const schema = new arrow.Schema([new arrow.Field("ts", type, true), ...table.schema.fields.slice(1)]);
  const batches = table.batches.map((batch) => {
    const [ts, ...rest] = batch.data.children;
    const marked = arrow.makeData({
      type,
      length: batch.numRows,
      nullCount: ts?.nullCount ?? 0,
      nullBitmap: ts?.nullBitmap,
      data: ts?.values,
    } as never);
    const children = [marked, ...rest] as never;
    return new arrow.RecordBatch(
      schema,
      arrow.makeData({
        type: new arrow.Struct(schema.fields),
        length: batch.numRows,
        nullCount: 0,
        children,
      }),
    );
  });
  const stream = arrow.tableToIPC(new arrow.Table(schema, batches), "stream");
  return parquet.writeParquet(parquet.Table.fromIPCStream(stream));
}
