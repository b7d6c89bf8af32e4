import { createHash } from "node:crypto";
import type { RecordBatch, Schema } from "apache-arrow";
import { Kernels } from "../kernels/index.ts";
import { type EncodedChunk, Footer, fileColumns, GroupBuffer, magic } from "../parquet/index.ts";
import { OutputFile, type Sink } from "./sink.ts";

/**
 * Rows a row group. Fixed, so that the bytes of a file do not depend on how its rows came in batches, and small, so
 * that a table of hundreds of columns is written in bounded memory.
 */
export const rowGroupRows = 16_384;

/** A Parquet file that also takes row groups whose columns are encoded already. */
export interface ParquetSink extends Sink {
  /**
   * Writes a row group of `rows` rows, `rowGroupRows` but in the last one. The chunks come in the order of the columns,
   * all at once or some at a step: what a step gives is written, and its memory free again, when the next is asked
   * for. Not to be mixed with `write`.
   */
  writeGroup(
    rows: number,
    chunks: readonly EncodedChunk[] | AsyncIterable<readonly EncodedChunk[]>,
  ): Promise<void>;
  /** As any sink's; `sha256` is that of the whole file, in hexadecimal. */
  close(): Promise<{ rows: number; sha256: string }>;
}

/**
 * Writes Parquet without compression: what repeats is a dictionary, what grows evenly is steps, see `encodeChunk`.
 *
 * Schema and field metadata travel in `ARROW:schema`, schema metadata also as key-value pairs of the file.
 * The same rows give the same bytes.
 *
 * @throws AlignError OUTPUT_WRITE, OUTPUT_TYPE
 */
export async function openParquetSink(path: string, schema: Schema): Promise<ParquetSink> {
  const columns = fileColumns(schema);
  const footer = new Footer(schema, columns);
  const file = await OutputFile.create(path);
  const hash = createHash("sha256");
  let buffer: { kernels: Kernels; group: GroupBuffer } | undefined;

  const put = async (parts: Uint8Array[]) => {
    for (const part of parts) hash.update(part);
    await file.write(...parts);
  };
  const begin = async () => {
    if (file.length === 0) await put([magic]);
  };
  const writeGroup: ParquetSink["writeGroup"] = async (rows, chunks) => {
    await begin();
    const start = file.length;
    const metas: EncodedChunk["meta"][] = [];
    for await (const some of Symbol.asyncIterator in chunks ? chunks : [chunks]) {
      await put(some.flatMap(({ parts }) => parts));
      for (const { meta } of some) metas.push(meta);
    }
    footer.addGroup(rows, start, metas);
  };
  const flush = async () => {
    if (buffer === undefined || buffer.group.rows === 0) return;
    const { kernels, group } = buffer;
    const { rows } = group;
    const mark = kernels.arena.mark();
    await writeGroup(rows, group.encode());
    kernels.arena.release(mark);
  };

  return {
    writeGroup,
    async write(batch: RecordBatch) {
      buffer ??= bufferFor(columns);
      const { group } = buffer;
      for (let start = 0; start < batch.numRows; ) {
        const end = Math.min(batch.numRows, start + rowGroupRows - group.rows);
        group.append(batch, start, end);
        if (group.rows === rowGroupRows) await flush();
        start = end;
      }
    },
    async close() {
      await flush();
      await begin();
      await put([footer.finish()]);
      await file.close();
      return { rows: footer.rows, sha256: hash.digest("hex") };
    },
    async abort() {
      await file.abort();
    },
  };
}

/** A memory of its own, because rows stay in it from one batch to the next. */
function bufferFor(columns: ReturnType<typeof fileColumns>) {
  const kernels = Kernels.load();
  return { kernels, group: new GroupBuffer(kernels, columns, rowGroupRows) };
}
