import {
  DataType,
  type Field,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  type Schema,
  Struct,
  vectorFromArray,
} from "apache-arrow";
import {
  Compression,
  Encoding,
  Table,
  transformParquetStream,
  type RecordBatch as WasmBatch,
  type WriterProperties,
  WriterPropertiesBuilder,
} from "parquet-wasm";
import { OutputFile, type Sink, writeError } from "./sink.ts";

/**
 * Rows a row group. Fixed, so that the bytes of a file do not depend on how its rows came in batches, and small, so
 * that a table of hundreds of columns is written in bounded memory.
 */
const rowGroupRows = 16_384;

/**
 * Writes Parquet: Snappy, deltas for 64-bit integers and times, a dictionary for text and status codes.
 *
 * Schema and field metadata travel in `ARROW:schema`, schema metadata also as key-value pairs of the file.
 * The same rows give the same bytes.
 */
export async function openParquetSink(path: string, schema: Schema): Promise<Sink> {
  const file = await OutputFile.create(path);
  const batches = new TransformStream<WasmBatch, WasmBatch>(
    undefined,
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
  const writer = batches.writable.getWriter();
  let failure: unknown;
  const stop = (error: unknown) => {
    failure ??= error;
    writer.abort(error).catch(() => undefined);
  };
  const encoded = pump(batches.readable, propertiesFor(schema), file).catch(stop);
  let rows = 0;
  let batchCount = 0;

  const put = async (ipc: Uint8Array) => {
    try {
      const table = Table.fromIPCStream(ipc);
      const wasmBatches = table.recordBatches();
      table.free();
      for (const batch of wasmBatches) {
        await writer.ready;
        await writer.write(batch);
      }
    } catch (error) {
      throw writeError(path, failure ?? error);
    }
  };

  return {
    async write(batch) {
      await put(streamOf(schema, batch));
      rows += batch.numRows;
      batchCount += 1;
    },
    async close() {
      // The encoder learns the schema from a batch, so a table without rows is one batch without rows.
      if (batchCount === 0) await put(streamOf(schema, emptyBatch(schema)));
      await writer.close().catch(stop);
      await encoded;
      if (failure !== undefined) throw writeError(path, failure);
      await sortKeyValues(file, schema);
      await file.close();
      return { rows };
    },
    async abort() {
      stop(new Error("given up"));
      await encoded;
      await file.abort();
    },
  };
}

async function pump(batches: ReadableStream<WasmBatch>, properties: WriterProperties, file: OutputFile) {
  const bytes = (await transformParquetStream(batches, properties)) as ReadableStream<Uint8Array>;
  const reader = bytes.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    await file.write(value);
  }
}

function propertiesFor(schema: Schema): WriterProperties {
  let builder = new WriterPropertiesBuilder()
    .setCompression(Compression.SNAPPY)
    .setMaxRowGroupSize(rowGroupRows)
    .setDictionaryEnabled(false)
    .setKeyValueMetadata(new Map(schema.metadata));
  for (const field of schema.fields) {
    if (hasFewValues(field)) builder = builder.setColumnDictionaryEnabled(field.name, true);
    else if (isInt64(field)) builder = builder.setColumnEncoding(field.name, Encoding.DELTA_BINARY_PACKED);
  }
  return builder.build();
}

function hasFewValues({ type }: Field): boolean {
  return (
    DataType.isDictionary(type) || DataType.isUtf8(type) || (DataType.isInt(type) && type.bitWidth === 32)
  );
}

function isInt64({ type }: Field): boolean {
  return DataType.isTimestamp(type) || (DataType.isInt(type) && type.bitWidth === 64);
}

function emptyBatch(schema: Schema): RecordBatch {
  const children = schema.fields.map(({ type }) => vectorFromArray([], type).data[0]!);
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), children, length: 0, nullCount: 0 }),
  );
}

/** An IPC stream in one piece. The writer's own joining corrupts columns that share memory, hence not used. */
function streamOf(schema: Schema, batch: RecordBatch): Uint8Array {
  const writer = new ChunkWriter();
  writer.reset(undefined, schema);
  writer.write(batch);
  writer.finish();
  return Buffer.concat(writer.chunks);
}

class ChunkWriter extends RecordBatchStreamWriter {
  readonly chunks: Uint8Array[] = [];

  protected override _write(chunk: ArrayBufferView): this {
    if (this._started) {
      this.chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      this._position += chunk.byteLength;
    }
    return this;
  }
}

/**
 * Puts the key-value pairs of a finished file into the order of their keys.
 *
 * The encoder keeps them in a hash map whose order changes from file to file. In the footer (Thrift compact
 * protocol, parquet.thrift `KeyValue`) the pairs lie side by side, so any order takes the same place.
 */
async function sortKeyValues(file: OutputFile, schema: Schema): Promise<void> {
  if (schema.metadata.size < 2) return;
  const footerLength = (await file.read(file.length - 8, 8)).readInt32LE(0);
  const footerStart = file.length - 8 - footerLength;
  const footer = await file.read(footerStart, footerLength);
  const keys = [...schema.metadata.keys()].sort();
  const pairs = keys.map((key) => keyValue(key, schema.metadata.get(key)!));
  const sorted = Buffer.concat(pairs);
  const start = Math.min(...pairs.map((pair) => footer.lastIndexOf(pair)));
  const found = footer.subarray(start, start + sorted.length);
  if (start < 0 || !pairs.every((pair) => found.includes(pair))) {
    throw new Error(`the metadata of ${file.path} is not where it was expected`);
  }
  await file.rewrite(footerStart + start, sorted);
}

/** One `KeyValue`: two length-prefixed strings (field type 8), each one field after the last, then the end. */
function keyValue(key: string, value: string): Buffer {
  const parts = [key, value].flatMap((text) => {
    const bytes = Buffer.from(text);
    return [Buffer.from([0x18, ...varint(bytes.length)]), bytes];
  });
  return Buffer.concat([...parts, Buffer.of(0)]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
