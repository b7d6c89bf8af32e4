import type { RecordBatch, Schema } from "apache-arrow";

/** A table that is read block by block, each block some rows. */
export interface Blocks {
  readonly schema: Schema;
  readonly rows: number;
  /** Batches that hold just the rows from `start` to before `end`, with the named columns at least. */
  read(names: readonly string[], start: number, end: number): Promise<RecordBatch[]>;
}

/** The part of each batch that lies in the rows from `start` to before `end`; `first` is the first batch's first row. */
export function rowsOf(
  batches: readonly RecordBatch[],
  first: number,
  start: number,
  end: number,
): RecordBatch[] {
  const parts: RecordBatch[] = [];
  let at = first;
  for (const batch of batches) {
    const from = Math.max(start, at);
    const to = Math.min(end, at + batch.numRows);
    if (from < to) parts.push(batch.slice(from - at, to - at));
    at += batch.numRows;
  }
  return parts;
}
