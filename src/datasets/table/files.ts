import { type FileHandle, open } from "node:fs/promises";
import { DataType, type RecordBatch, type Schema } from "apache-arrow";
import type { RecordBatch as WasmBatch } from "parquet-wasm";
import { IpcEncoder } from "./ipc.ts";

/** Writes a table of these batches to a file. A batch is asked for once the one before is written. */
export type WriteTable = (path: string, schema: Schema, batches: AsyncIterable<RecordBatch>) => Promise<void>;

/** An Arrow IPC file with one record batch for each batch given. */
export const writeArrow: WriteTable = (path, schema, batches) =>
  writing(path, async (file) => {
    const encoder = new IpcEncoder(schema);
    for await (const batch of batches) await file.writeFile(encoder.write(batch));
    await file.writeFile(encoder.finish());
  });

/** Rows a row group, whatever the batches are, so that wide tables are written in bounded memory. */
const rowGroupRows = 16_384;

/**
 * A Parquet file, compressed with Snappy.
 *
 * Only texts have dictionaries: for lists of floats these take three times as long and save nothing. The metadata of the
 * schema is in the file as key-value pairs as well, for readers that do not know Arrow's.
 */
export const writeParquet: WriteTable = (path, schema, batches) =>
  writing(path, async (file) => {
    const { Compression, Table, transformParquetStream, WriterPropertiesBuilder } = await import(
      "parquet-wasm"
    );
    let properties = new WriterPropertiesBuilder()
      .setCompression(Compression.SNAPPY)
      .setDictionaryEnabled(false)
      .setMaxRowGroupSize(rowGroupRows)
      .setCreatedBy("tagalign")
      .setKeyValueMetadata(schema.metadata);
    for (const { name, type } of schema.fields)
      if (DataType.isDictionary(type)) properties = properties.setColumnDictionaryEnabled(name, true);
    let failure: unknown;
    const encoded = async function* (): AsyncGenerator<WasmBatch> {
      try {
        for await (const batch of batches) {
          const encoder = new IpcEncoder(schema);
          const stream = Buffer.concat([encoder.write(batch), encoder.finish()]).subarray(8);
          yield* Table.fromIPCStream(stream).recordBatches();
        }
      } catch (cause) {
        failure = cause;
        throw cause;
      }
    };
    try {
      const output = await transformParquetStream(readableOf(encoded()), properties.build());
      for await (const part of output as unknown as AsyncIterable<Uint8Array>) await file.writeFile(part);
    } catch (cause) {
      // The writer tells of it in words of its own, if at all.
      throw failure ?? cause;
    }
    if (failure !== undefined) throw failure;
  });

async function writing(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, "w");
  try {
    await write(file);
  } finally {
    await file.close();
  }
}

function readableOf<T>(items: AsyncGenerator<T>): ReadableStream<T> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await items.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await items.return(undefined);
    },
  });
}
