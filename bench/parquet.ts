/** What writing a row group of an aligned table costs, in several writers. Values are read back before times are shown. */
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BIGINT, DOUBLE, DuckDBDataChunk, DuckDBInstance, UINTEGER } from "@duckdb/node-api";
import {
  type Data,
  Field,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampNanosecond,
  Uint32,
} from "apache-arrow";
import { parquetWriteBuffer } from "hyparquet-writer";
import {
  Compression,
  Encoding,
  Table,
  type WriterProperties,
  WriterPropertiesBuilder,
  writeParquet,
} from "parquet-wasm";
import { spread } from "../src/bench/measure.ts";
import { instants, Random, regularTimes, walk } from "../src/bench/series.ts";
import { frameTimes } from "../src/bench/workloads.ts";
import { Kernels } from "../src/kernels/index.ts";
import { chunkColumn, encodeChunk } from "../src/parquet/index.ts";
import { openParquetSink } from "../src/sinks/parquet.ts";
import type { Writer } from "./merge.ts";
import { finish, isSmoke } from "./results.ts";

const rows = 16_384;
const tags = isSmoke ? 8 : 200;
const rounds = isSmoke ? 1 : 5;
const staleAfterNs = 1_000_000_000n;

const kernels = Kernels.load();
const batch = alignedBatch();
const { schema } = batch;
const bytes = batch.data.children.reduce((sum, { values }) => sum + values.byteLength, 0);
const dir = mkdtempSync(join(tmpdir(), "tagalign-parquet-"));
const instance = await DuckDBInstance.create();
const connection = await instance.connect();
await connection.run("SET threads = 1");

const writers: Record<string, (path: string) => Promise<void>> = {
  "our pages, columns in the arena": async (path) => {
    const { arena } = kernels;
    const sink = await openParquetSink(path, schema);
    const mark = arena.mark();
    const chunks = schema.fields.map((field, at) =>
      encodeChunk(kernels, chunkColumn(field, batch.data.children[at]!)),
    );
    await sink.chunks?.write(chunks);
    sink.chunks?.endGroup(rows);
    arena.release(mark);
    await sink.close();
  },
  "our pages, from a batch": async (path) => {
    const sink = await openParquetSink(path, schema);
    await sink.write(batch);
    await sink.close();
  },
  "parquet-wasm, Snappy and deltas": async (path) => writeFile(path, throughRust(compact())),
  "parquet-wasm, plain": async (path) => writeFile(path, throughRust(plain())),
  "hyparquet-writer, plain": async (path) => {
    const columnData = schema.fields.map(({ name, type, nullable }, at) => ({
      name,
      data: batch.data.children[at]!.values,
      nullable,
      encoding: "PLAIN" as const,
      type:
        type instanceof Float64
          ? ("DOUBLE" as const)
          : type instanceof Uint32
            ? ("INT32" as const)
            : ("INT64" as const),
    }));
    writeFile(
      path,
      new Uint8Array(parquetWriteBuffer({ columnData, codec: "UNCOMPRESSED", rowGroupSize: rows })),
    );
  },
  "DuckDB, Snappy": async (path) => {
    await appendTo("appended");
    await connection.run(`COPY appended TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE ${rows})`);
  },
};

await appendTo("truth");
const names = Object.keys(writers);
const sizes = new Map<string, number>();
for (const [at, name] of names.entries()) {
  const path = join(dir, `${at}.parquet`);
  await writers[name]!(path);
  const wrong = await differences(path);
  if (wrong !== 0) throw new Error(`${name}: ${wrong} rows differ`);
  sizes.set(name, statSync(path).size);
}
const laps = new Map(names.map((name) => [name, [] as number[]]));
for (let round = 0; round < rounds; round++) {
  for (const name of names) {
    const before = process.cpuUsage();
    await writers[name]!(join(dir, "timed.parquet"));
    const { user, system } = process.cpuUsage(before);
    laps.get(name)!.push((user + system) / 1000);
  }
}
connection.closeSync();
instance.closeSync();
rmSync(dir, { recursive: true });

const found: Writer[] = names.map((name) => ({
  name,
  cpuMs: spread(laps.get(name)!),
  bytes: sizes.get(name)!,
}));
console.log(`${rows} rows, ${schema.fields.length} columns, ${(bytes / 1e6).toFixed(1)} MB`);
for (const { name, cpuMs, bytes: size } of found) {
  const rate = (bytes / 1e3 / cpuMs.median).toFixed(0);
  const ms = `${cpuMs.median.toFixed(0)} ms (${cpuMs.least.toFixed(0)}-${cpuMs.most.toFixed(0)})`;
  console.log(
    `${name.padEnd(34)} ${ms.padStart(20)} ${rate.padStart(5)} MB/s ${(size / 1e6).toFixed(1).padStart(6)} MB`,
  );
}
await finish("parquet", { rows, tags, bytes, writers: found });

/** Tags in turn linear and held, at 10 Hz and at 1 Hz, in the arena. */
function alignedBatch(): RecordBatch {
  const random = new Random();
  const { arena } = kernels;
  const times = arena.copy(instants(frameTimes(rows, random)));
  const int64 = (name: string, data: BigInt64Array) => ({
    field: new Field(name, new Int64(), false),
    data: makeData({ type: new Int64(), data }),
  });
  const columns: { field: Field; data: Data }[] = [
    int64("frame_index", arena.copy(BigInt64Array.from({ length: rows }, (_, row) => BigInt(row)))),
    {
      field: new Field("frame_time", new TimestampNanosecond(), false),
      data: makeData({ type: new TimestampNanosecond(), data: times }),
    },
    int64("frame_pts", arena.copy(times.map((time) => time - times[0]!))),
    int64("frame_uncertainty", arena.i64(rows).fill(0n)),
  ];
  for (let tag = 0; tag < tags; tag++) columns.push(...tagColumns(`t${tag}`, times, tag, random));
  const fields = columns.map(({ field }) => field);
  const children = columns.map(({ data }) => data);
  return new RecordBatch(
    new Schema(fields),
    makeData({ type: new Struct(fields), children, length: rows, nullCount: 0 }),
  );
}

function tagColumns(name: string, times: BigInt64Array, tag: number, random: Random) {
  const { arena } = kernels;
  const period = tag % 4 < 2 ? 1e8 : 1e9;
  const count = Math.ceil((rows * 33_333_333 + 2e9) / period);
  const sampleTimes = arena.copy(
    instants(regularTimes(count, -0.6 * period * random.next(), period, 0.05 * period, random)),
  );
  const samples = { times: sampleTimes, values: arena.copy(walk(count, random)) };
  const index = arena.i32(rows);
  kernels.asof(times, sampleTimes, index, { direction: "backward" });
  const [values, ages, status] = [arena.f64(rows), arena.i64(rows), arena.u32(rows)];
  const [validity, matched] = [arena.bitmap(rows), arena.bitmap(rows)];
  kernels.matched(index, matched);
  kernels.age(times, sampleTimes, index, matched, ages);
  const out = { values, validity };
  if (tag % 2 === 0) {
    const line = kernels.line(index, times, sampleTimes, {});
    kernels.linear(line, times, samples, out);
    kernels.statusLinear(times, sampleTimes, line, {}, status);
  } else {
    kernels.gather(samples.values, undefined, index, out);
    kernels.statusAsof(times, sampleTimes, index, { staleAfter: staleAfterNs }, status);
  }
  return [
    { field: new Field(name, new Float64(), true), data: makeData({ type: new Float64(), data: values }) },
    { field: new Field(`${name}.age`, new Int64(), true), data: makeData({ type: new Int64(), data: ages }) },
    {
      field: new Field(`${name}.status`, new Uint32(), false),
      data: makeData({ type: new Uint32(), data: status }),
    },
  ];
}

function throughRust(properties: WriterProperties): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.write(batch);
  writer.finish();
  return writeParquet(Table.fromIPCStream(writer.toUint8Array(true)), properties);
}

function compact(): WriterProperties {
  let builder = new WriterPropertiesBuilder().setCompression(Compression.SNAPPY).setDictionaryEnabled(false);
  for (const { name, type } of schema.fields) {
    if (type instanceof Uint32) builder = builder.setColumnDictionaryEnabled(name, true);
    else if (!(type instanceof Float64))
      builder = builder.setColumnEncoding(name, Encoding.DELTA_BINARY_PACKED);
  }
  return builder.build();
}

function plain(): WriterProperties {
  return new WriterPropertiesBuilder()
    .setCompression(Compression.UNCOMPRESSED)
    .setDictionaryEnabled(false)
    .build();
}

async function appendTo(table: string): Promise<void> {
  const types = schema.fields.map(({ type }) =>
    type instanceof Float64 ? DOUBLE : type instanceof Uint32 ? UINTEGER : BIGINT,
  );
  const declared = schema.fields.map(({ name }, at) => `"${name}" ${types[at]}`);
  await connection.run(`CREATE OR REPLACE TABLE ${table} (${declared.join(", ")})`);
  const appender = await connection.createAppender(table);
  const chunkRows = 2048;
  for (let start = 0; start < rows; start += chunkRows) {
    const chunk = DuckDBDataChunk.create(types, chunkRows);
    for (const [at, { values }] of batch.data.children.entries()) {
      chunk.setColumnValues(at, Array.from(values.subarray(start, start + chunkRows)));
    }
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

/** How many rows of the file are not those of the table `truth`. */
async function differences(path: string): Promise<number> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${path}')`);
  const columns = described.getRows().map(([name, type]) => {
    if (type === "TIMESTAMP_NS") return `epoch_ns("${name}")`;
    return type === "INTEGER" ? `"${name}"::UINTEGER` : `"${name}"`;
  });
  const read = `SELECT ${columns.join(", ")} FROM read_parquet('${path}')`;
  const result = await connection.runAndReadAll(
    `SELECT count(*)::INT FROM (SELECT * FROM truth EXCEPT ALL (${read}))`,
  );
  return Number(result.getRows()[0]?.[0]);
}

function writeFile(path: string, content: Uint8Array): void {
  const file = openSync(path, "w");
  for (let at = 0; at < content.length; ) at += writeSync(file, content, at);
  closeSync(file);
}
