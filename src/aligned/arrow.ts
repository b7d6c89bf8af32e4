import { readFile } from "node:fs/promises";
import { tableFromIPC } from "apache-arrow";
import { type Blocks, rowsOf } from "./blocks.ts";

/** Holds the whole file in memory: batches are views on it. */
export async function openArrowBlocks(path: string): Promise<Blocks> {
  const table = tableFromIPC(await readFile(path));
  return {
    schema: table.schema,
    rows: table.numRows,
    read: async (_, start, end) => rowsOf(table.batches, 0, start, end),
  };
}
