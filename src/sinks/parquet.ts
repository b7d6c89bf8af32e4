import type { RecordBatch, Schema } from "apache-arrow";
import { Kernels } from "../kernels/index.ts";
import { type ChunkMeta, Footer, fileColumns, GroupBuffer, magic } from "../parquet/index.ts";
import { type ChunkWriting, OutputFile, type Sink } from "./sink.ts";

/**
 * Rows a row group. Fixed, so that the bytes of a file do not depend on how its rows came in batches, and small, so
 * that a table of hundreds of columns is written in bounded memory.
 */
const rowGroupRows = 16_384;

/**
 * Writes Parquet without compression: what repeats is a dictionary, what grows evenly is steps, see `encodeChunk`.
 *
 * Schema and field metadata travel in `ARROW:schema`, schema metadata also as key-value pairs of the file.
 * The same rows give the same bytes.
 *
 * @throws AlignError OUTPUT_WRITE, OUTPUT_TYPE
 */
export async function openParquetSink(path: string, schema: Schema): Promise<Sink> {
  const columns = fileColumns(schema);
  const footer = new Footer(schema, columns);
  const file = await OutputFile.create(path);
  let metas: ChunkMeta[] = [];
  let groupStart = 0;
  let buffer: { kernels: Kernels; group: GroupBuffer } | undefined;

  const begin = async () => {
    if (file.length === 0) await file.write(magic);
  };
  const chunks: ChunkWriting = {
    async write(some) {
      await begin();
      if (metas.length === 0) groupStart = file.length;
      await file.write(...some.flatMap(({ parts }) => parts));
      for (const { meta } of some) metas.push(meta);
    },
    endGroup(rows) {
      footer.addGroup(rows, groupStart, metas);
      metas = [];
    },
  };
  const flush = async () => {
    if (buffer === undefined || buffer.group.rows === 0) return;
    const { kernels, group } = buffer;
    const { rows } = group;
    const mark = kernels.arena.mark();
    await chunks.write(group.encode());
    chunks.endGroup(rows);
    kernels.arena.release(mark);
  };

  return {
    chunks,
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
      await file.write(footer.finish());
      return { rows: footer.rows, sha256: await file.close() };
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
