import { openAsBlob } from "node:fs";
import { type RecordBatch, type Schema, tableFromIPC } from "apache-arrow";
import type { Blocks } from "./blocks.ts";
import { rowsOf } from "./blocks.ts";

/** Row groups that are kept decoded: episodes follow one another, so most reads are of the one before. */
const keptGroups = 2;

/** Reads row groups through the Rust reader, some columns at a time. */
export async function openParquetBlocks(path: string): Promise<Blocks> {
  const { ParquetFile } = await import("parquet-wasm");
  const file = await ParquetFile.fromFile(await openAsBlob(path));
  const schema: Schema = tableFromIPC(file.schema().intoIPCStream()).schema;
  const metadata = file.metadata();
  const starts = [0];
  for (let group = 0; group < metadata.numRowGroups(); group += 1) {
    starts.push((starts[group] as number) + metadata.rowGroup(group).numRows());
  }
  const rows = starts[starts.length - 1] as number;
  const kept: { key: string; batches: Promise<RecordBatch[]> }[] = [];

  const group = (at: number, names: readonly string[]): Promise<RecordBatch[]> => {
    const key = JSON.stringify([at, ...names]);
    const known = kept.find((one) => one.key === key);
    if (known !== undefined) return known.batches;
    const rowGroupRows = (starts[at + 1] as number) - (starts[at] as number);
    const batches = file
      .read({ columns: [...names], rowGroups: [at], batchSize: rowGroupRows })
      .then((table) => tableFromIPC(table.intoIPCStream()).batches);
    kept.push({ key, batches });
    if (kept.length > keptGroups) kept.shift();
    return batches;
  };

  return {
    schema,
    rows,
    async read(names, start, end) {
      const parts: RecordBatch[] = [];
      for (let at = 0; at + 1 < starts.length; at += 1) {
        const first = starts[at] as number;
        if (first >= end || (starts[at + 1] as number) <= start) continue;
        parts.push(...rowsOf(await group(at, names), first, start, end));
      }
      return parts;
    },
  };
}
