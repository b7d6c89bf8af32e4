import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DuckDBInstance, DuckDBListValue } from "@duckdb/node-api";
import { afterAll, describe, expect } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { parseManifest } from "../../src/manifest/index.ts";
import { type AlignOptions, type AlignResult, alignCapture } from "../../src/run/index.ts";
import { firstDifference, type Truth } from "./truth.ts";

/** Where the recordings lie; they are no part of the package. */
const data = resolve(import.meta.dirname, "../../../shared/data");

/** Tests on one recording, skipped with a message where it is absent. */
export function describeCapture(folder: string, tests: (folder: string) => void): void {
  const path = join(data, folder);
  const isAbsent = !existsSync(path);
  if (isAbsent) console.warn(`skipped: the recording ${folder} is not at ${path}`);
  describe.skipIf(isAbsent)(folder, () => {
    if (!isAbsent) tests(path);
  });
}

const room = mkdtempSync(join(tmpdir(), "capture-test-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));
let folders = 0;

/** A path that does not exist yet, removed after the tests of this file. */
export function freshPath(): string {
  return join(room, String(folders++));
}

/** Writes a table of frame times, one column `frame_ns`, and returns its path. */
export function writeFrames(times: readonly bigint[]): string {
  const path = `${freshPath()}-frames.csv`;
  writeFileSync(path, `frame_ns\n${times.join("\n")}\n`);
  return path;
}

/** A cell of a table: int64 as bigint, lists as arrays. */
export type Cell = number | bigint | boolean | string | null | readonly Cell[];

/** The columns of a table by name, instants as ns. */
export type Columns = Record<string, readonly Cell[]>;

/** The whole table as DuckDB reads it, `frame_time` in ns. */
export function readTable(path: string): Promise<Columns> {
  const source = `read_${path.endsWith(".csv") ? "csv" : "parquet"}('${path}')`;
  return query(`SELECT * REPLACE (epoch_ns(frame_time) AS frame_time) FROM ${source}`);
}

/** What DuckDB answers, column by column. */
export async function query(sql: string): Promise<Columns> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  try {
    const columns = Object.entries((await connection.runAndReadAll(sql)).getColumnsObject());
    return Object.fromEntries(columns.map(([name, cells]) => [name, cells.map(plain)]));
  } finally {
    connection.closeSync();
  }
}

function plain(value: unknown): Cell {
  return value instanceof DuckDBListValue ? value.items.map(plain) : (value as Cell);
}

export interface Aligned {
  out: string;
  report: AlignResult;
  columns: Columns;
}

/** Aligns a manifest's text into a fresh directory and reads the Parquet table back. */
export async function align(text: string, options: AlignOptions = {}): Promise<Aligned> {
  const out = options.out ?? freshPath();
  const report = await alignCapture(parseManifest(text, { base: data }), { ...options, out });
  return { out, report, columns: await readTable(join(out, "aligned.parquet")) };
}

export function column(columns: Columns, name: string): readonly Cell[] {
  const cells = columns[name];
  if (cells === undefined) throw new Error(`the table has no column ${name}`);
  return cells;
}

/** A column of int64. */
export function int64s(columns: Columns, name: string): bigint[] {
  return column(columns, name).map((cell) => {
    if (typeof cell !== "bigint") throw new Error(`column ${name} holds ${String(cell)}`);
    return cell;
  });
}

/** A tag's three columns are bit for bit what they must be. */
export function expectTag<V>(columns: Columns, tag: string, truth: Truth<V>): void {
  const { values, ages, statuses } = truth;
  expect(firstDifference(column(columns, tag), values), tag).toBeUndefined();
  expect(firstDifference(column(columns, `${tag}.age`), ages), `${tag}.age`).toBeUndefined();
  expect(firstDifference(column(columns, `${tag}.status`), statuses), `${tag}.status`).toBeUndefined();
}

/** How a capture fails: the AlignError that comes out. */
export async function errorOf(work: Promise<unknown>): Promise<AlignError> {
  const reason = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (reason instanceof AlignError) return reason;
  throw new Error(`not an AlignError: ${String(reason)}`, { cause: reason });
}
