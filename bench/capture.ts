import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import {
  Dictionary,
  Field,
  Float64,
  Int16,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampNanosecond,
  Uint8,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { Table, writeParquet } from "parquet-wasm";
import { baseNs, instants, Random, regularTimes, walk } from "../src/bench/series.ts";

/** What a generated hour holds. */
export interface CaptureSize {
  /** Samples of all tags together. */
  rows: number;
  tags: number;
  frames: number;
}

/**
 * How the historian is stored.
 *
 * by-time   Parquet, microseconds in UTC, rows in time order
 * by-tag    the same rows, one tag after the other
 * nano-utc  as by-time, nanoseconds in UTC, as Arrow's own writers store them
 * csv       by time, ISO 8601 text with six digits and Z, quality in words
 */
export type Storage = "by-time" | "by-tag" | "nano-utc" | "csv";

/** Generated files are kept here and may be deleted at any time. */
export const cacheDir = join(tmpdir(), "tagalign-bench");

const hourNs = 3_600_000_000_000;
const goodCode = 192;
const badCode = 24;
const badShare = 0.005;

/** Camera clock minus plant clock. */
export const cameraAheadNs = 180_000_000n;

export const limits = {
  maxGapNs: 5_000_000_000n,
  toleranceNs: 10_000_000_000n,
  staleAfterNs: 1_000_000_000n,
};

export const tagName = (index: number) => `TI-${String(index + 1).padStart(4, "0")}.PV`;
export const columnName = (index: number) => `t${String(index + 1).padStart(4, "0")}`;
export const isLinear = (index: number) => index % 2 === 0;

/** A directory with frames.parquet and the historian; made once a machine, and used again while this code is the same. */
export async function makeCapture(size: CaptureSize, storages: readonly Storage[]): Promise<string> {
  const code = await Promise.all(
    [import.meta.filename, join(import.meta.dirname, "../src/bench/series.ts")].map((one) => readFile(one)),
  );
  const key = createHash("sha256").update(Buffer.concat(code)).update(JSON.stringify(size)).digest("hex");
  const dir = join(cacheDir, key.slice(0, 16));
  await mkdir(dir, { recursive: true });
  const missing = (["by-time", ...storages] as const).filter((one) => !existsSync(historianPath(dir, one)));
  if (missing.length === 0 && existsSync(join(dir, "frames.parquet"))) return dir;
  const raw = join(dir, "raw.parquet");
  await writeFile(raw, parquetOf(historian(size)));
  await writeFile(join(dir, "frames.parquet"), parquetOf(frames(size)));
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const micros = "make_timestamp(epoch_us(ts)) AT TIME ZONE 'UTC'";
  const columns = `tag, ${micros} AS ts, value, quality`;
  const words = `tag, strftime(ts, '%Y-%m-%dT%H:%M:%S.%fZ') AS ts, value, CASE quality WHEN ${goodCode} THEN 'Good' ELSE 'Bad' END AS quality`;
  await connection.run("SET TimeZone = 'UTC'");
  for (const storage of new Set(missing)) {
    const path = historianPath(dir, storage);
    if (storage === "nano-utc") {
      await writeFile(`${path}.part`, parquetOf(historian(size, "UTC")));
    } else {
      const order = storage === "by-tag" ? "tag, ts" : "ts, tag";
      await connection.run(
        `COPY (SELECT ${storage === "csv" ? words : columns} FROM read_parquet('${raw}') ORDER BY ${order}) ` +
          `TO '${path}.part' (FORMAT ${storage === "csv" ? "csv, HEADER" : "parquet"})`,
      );
    }
    await rename(`${path}.part`, path);
  }
  connection.closeSync();
  instance.closeSync();
  await rm(raw);
  return dir;
}

export function historianPath(dir: string, storage: Storage): string {
  return join(dir, storage === "csv" ? "historian.csv" : `${storage}.parquet`);
}

/** What a job over a generated capture asks for. */
export interface JobSpec {
  storage: Storage;
  tags: number;
  /** All tags backward, or every other one linear. */
  joins: "backward" | "half linear";
  output: "parquet" | "arrow";
  provenance: "full" | "none";
}

/** The job that most measurements run. */
export function usualJob(storage: Storage, tags: number): JobSpec {
  return { storage, tags, joins: "half linear", output: "parquet", provenance: "full" };
}

/** Writes the manifest of a job over a generated capture; its table is aligned.parquet or aligned.arrow. */
export async function writeManifest(dir: string, job: JobSpec): Promise<string> {
  const { storage, output } = job;
  const seconds = (ns: bigint) => `${ns / 1_000_000_000n}s`;
  const lines = Array.from({ length: job.tags }, (_, index) => {
    const join =
      job.joins === "half linear" && isLinear(index)
        ? `join: linear, max_gap: ${seconds(limits.maxGapNs)}`
        : `join: backward, tolerance: ${seconds(limits.toleranceNs)}, stale_after: ${seconds(limits.staleAfterNs)}`;
    return `  ${columnName(index)}: { source: historian, tag: ${tagName(index)}, ${join} }`;
  });
  const path = join(dir, `${Object.values(job).join("-").replaceAll(" ", "-")}.yaml`);
  const file = historianPath(dir, storage).slice(dir.length + 1);
  await writeFile(
    path,
    `version: 1
capture: bench/hour
reference_clock: plant
provenance: ${job.provenance}
clocks: { plant: {}, headcam: {} }
maps:
  - { from: headcam, to: plant, evidence: [{ kind: constant, offset: -${cameraAheadNs / 1_000_000n}ms, uncertainty: 5ms }] }
sources:
  head: { kind: frames, path: frames.parquet, clock: headcam, columns: { time: device_ns }, time: { unit: ns } }
  historian: { kind: ${storage === "csv" ? "csv" : "parquet"}, role: historian, path: ${file}, clock: plant, shape: long, columns: { time: ts, tag: tag, value: value, quality: quality }, quality: ${storage === "csv" ? "words" : "opcda"} }
frames: head
tags:
${lines.join("\n")}
outputs:
  - { kind: ${output}, path: aligned.${output} }
`,
  );
  return path;
}

function frames({ frames: count }: CaptureSize): RecordBatch {
  const period = hourNs / count;
  const relative = regularTimes(count, 500_000_000, period, Math.min(1_000_000, period / 10), new Random());
  const device_ns = instants(relative).map((time) => time + cameraAheadNs);
  return batch({ device_ns: makeData({ type: new Int64(), data: device_ns }) });
}

/** Rates are spread evenly over a factor of ten; whole microseconds, no two samples of a tag at one instant. */
function historian({ rows, tags }: CaptureSize, zone?: string): RecordBatch {
  const random = new Random();
  const rates = Array.from({ length: tags }, () => 1 + 9 * random.next());
  const total = rates.reduce((sum, rate) => sum + rate, 0);
  const code = new Int16Array(rows);
  const ts = new BigInt64Array(rows);
  const value = new Float64Array(rows);
  const quality = new Uint8Array(rows);
  let at = 0;
  let share = 0;
  for (let tag = 0; tag < tags; tag++) {
    share += (rates[tag] ?? 0) / total;
    const end = tag === tags - 1 ? rows : Math.round(rows * share);
    const period = hourNs / (end - at);
    const times = regularTimes(end - at, random.next() * period, period, period * 0.05, random);
    value.set(walk(end - at, random), at);
    for (let i = 0; i < times.length; i++, at++) {
      code[at] = tag;
      ts[at] = baseNs + BigInt(Math.round(times[i]! / 1000)) * 1000n;
      quality[at] = random.next() < badShare ? badCode : goodCode;
    }
  }
  const names = vectorFromArray(
    Array.from({ length: tags }, (_, tag) => tagName(tag)),
    new Utf8(),
  );
  const order = zone === undefined ? undefined : byTime(ts);
  const take = <T extends Int16Array | BigInt64Array | Float64Array | Uint8Array>(column: T): T =>
    order === undefined ? column : (column.map((_: unknown, i: number) => column[order[i]!] as never) as T);
  return batch({
    tag: makeData({ type: new Dictionary(new Utf8(), new Int16()), data: take(code), dictionary: names }),
    ts: makeData({ type: new TimestampNanosecond(zone), data: take(ts) }),
    value: makeData({ type: new Float64(), data: take(value) }),
    quality: makeData({ type: new Uint8(), data: take(quality) }),
  });
}

function byTime(times: BigInt64Array): Uint32Array {
  const relative = Float64Array.from(times, (time) => Number(time - baseNs));
  return Uint32Array.from(relative.keys()).sort((a, b) => relative[a]! - relative[b]! || a - b);
}

function batch(columns: Record<string, ReturnType<typeof makeData>>): RecordBatch {
  const children = Object.values(columns);
  const schema = new Schema(Object.entries(columns).map(([name, { type }]) => new Field(name, type)));
  const length = children[0]?.length ?? 0;
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }),
  );
}

function parquetOf(rows: RecordBatch): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.write(rows);
  writer.finish();
  return writeParquet(Table.fromIPCStream(writer.toUint8Array(true)));
}
