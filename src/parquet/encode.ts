import { AlignError } from "../errors.ts";
import type { Column, Kernels } from "../kernels/index.ts";
import type { ChunkColumn, EncodedChunk } from "./chunk.ts";
import { encodeLists, ListLevels } from "./lists.ts";
import { chunkOf, flatLevels } from "./pages.ts";
import { booleans, integers, like, numbers, type PageValues, statuses, texts } from "./values.ts";

/** Codes of a dictionary have at most 16 bits, so that a chunk cannot have more entries than they can tell apart. */
const mostRows = 65_536;

type Rows = Pick<Exclude<ChunkColumn, { kind: "list" }>, "length" | "nullable" | "nullCount" | "validity">;

/**
 * Encodes a column of a row group, without compression.
 *
 *   number    where values stay the same for two rows or more on average: a dictionary with an entry for each run of
 *             equal ones; else PLAIN, a view on the column itself where there are no nulls
 *   integer   the same, but for DELTA_BINARY_PACKED in place of PLAIN
 *   status    a dictionary of the codes in order of first use; PLAIN where they are more than 256
 *   boolean   PLAIN
 *   text      a dictionary of the texts in order of first use
 *   list      PLAIN items under levels
 *
 * The bytes depend on the rows alone. Everything is taken from the kernels' arena: release its mark once the parts are
 * written.
 *
 * @throws AlignError BUG_PARQUET_ROWS where there are more than 65,536 rows, BUG_PARQUET_NULL where there are nulls in
 * a column that the schema allows none in, BUG_KERNEL_ARGUMENT where a column is not in the arena
 */
export function encodeChunk(kernels: Kernels, column: ChunkColumn): EncodedChunk {
  if (column.kind === "list") {
    const levels = new ListLevels(column.data.type);
    levels.append(column.data, 0, column.data.length);
    return encodeLists(kernels, levels);
  }
  const { length, nullable, nullCount } = column;
  if (length > mostRows) {
    throw new AlignError("BUG_PARQUET_ROWS", `${length} rows are too many for a row group`);
  }
  if (!nullable && nullCount > 0) {
    throw new AlignError("BUG_PARQUET_NULL", `${nullCount} nulls in a column that has none by its schema`);
  }
  const { width, ...values } = pageValues(kernels, column);
  const levels = flatLevels(length, nullable, nullCount, column.validity);
  const lead = width === undefined ? levels : Uint8Array.of(...levels, width);
  return chunkOf(kernels.arena, { length, nulls: nullCount, lead, ...values });
}

function pageValues(kernels: Kernels, column: Exclude<ChunkColumn, { kind: "list" }>): PageValues {
  const { length } = column;
  switch (column.kind) {
    case "number":
      return numbers(kernels, dense(kernels, column.values, column));
    case "integer":
      return integers(kernels, length, () => dense(kernels, column.values, column));
    case "status":
      return statuses(kernels, length, () => dense(kernels, column.values, column));
    case "boolean":
      return booleans(denseBits(kernels, column.bits, column), length - column.nullCount);
    case "text":
      return texts(kernels, length, column.dictionary, () => dense(kernels, column.codes, column));
  }
}

/** The values that are not null. */
function dense<T extends Column>(kernels: Kernels, values: T, { length, nullCount, validity }: Rows): T {
  const all = values.subarray(0, length) as T;
  if (validity === undefined || nullCount === 0) return all;
  const { arena } = kernels;
  const mark = arena.mark();
  const kept = kernels.compact(all, validity, like(arena, all, length));
  arena.release(mark);
  return like(arena, all, kept);
}

function denseBits(kernels: Kernels, bits: Uint8Array, { length, nullCount, validity }: Rows): Uint8Array {
  if (validity === undefined || nullCount === 0) return bits;
  const out = kernels.arena.bitmap(length);
  kernels.pages.compactBits(bits, length, validity, out);
  return out;
}
