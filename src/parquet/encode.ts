import { AlignError } from "../errors.ts";
import type { Column, Kernels } from "../kernels/index.ts";
import type { ChunkColumn, EncodedChunk, HeldSource } from "./chunk.ts";
import { encodeLists, ListLevels } from "./lists.ts";
import { chunkOf, flatLevels } from "./pages.ts";
import {
  booleans,
  codes,
  integers,
  like,
  numberBounds,
  numbers,
  type PageValues,
  statuses,
  texts,
} from "./values.ts";

/** Codes of a dictionary have at most 16 bits, so that a chunk cannot have more entries than they can tell apart. */
const mostRows = 65_536;

/** A source whose entries in use lie at least this much closer together than the rows is a dictionary. */
const rowsPerEntry = 2;

interface Rows {
  length: number;
  nullable: boolean;
  nullCount: number;
  validity?: Uint8Array | undefined;
}

/**
 * Encodes a column of a row group, without compression.
 *
 *   number    PLAIN, a view on the column itself where there are no nulls
 *   integer   DELTA_BINARY_PACKED
 *   status    a dictionary of the codes in order of first use; PLAIN where they are more than 256
 *   boolean   PLAIN
 *   text      a dictionary of the texts in order of first use
 *   list      PLAIN items under levels
 *   hold      numbers and integers: where at least two rows come on each entry from the first to the last in use,
 *             these entries are the dictionary, a view on the source itself; else as above
 *
 * The bytes depend on the rows alone, for `hold` also on the source entries between those in use. Everything is taken
 * from the kernels' arena: release its mark once the parts are written.
 *
 * @throws AlignError BUG_PARQUET_ROWS where there are more than 65,536 rows, BUG_KERNEL_ARGUMENT where a column is
 * not in the arena, or a position or code outside its source
 */
export function encodeChunk(kernels: Kernels, column: ChunkColumn): EncodedChunk {
  if (column.kind === "list") {
    const levels = new ListLevels(column.data.type);
    levels.append(column.data, 0, column.data.length);
    return encodeLists(kernels, levels);
  }
  const length = column.kind === "hold" ? column.index.length : column.length;
  if (length > mostRows) {
    throw new AlignError("BUG_PARQUET_ROWS", `${length} rows are too many for a row group`);
  }
  switch (column.kind) {
    case "number":
      return flat(kernels, column, numbers(kernels, dense(kernels, column.values, column)));
    case "integer":
      return flat(
        kernels,
        column,
        integers(kernels, length, () => dense(kernels, column.values, column)),
      );
    case "status":
      return flat(
        kernels,
        column,
        statuses(kernels, length, () => dense(kernels, column.values, column)),
      );
    case "boolean":
      return flat(kernels, column, booleans(denseBits(kernels, column.bits, column), validCount(column)));
    case "text":
      return flat(
        kernels,
        column,
        texts(kernels, length, column.dictionary, () => dense(kernels, column.codes, column)),
      );
    case "hold":
      return hold(kernels, column.index, column.source);
  }
}

function hold(kernels: Kernels, index: Int32Array, source: HeldSource): EncodedChunk {
  const { arena, pages } = kernels;
  const { length } = index;
  const validity = arena.bitmap(length);
  const valid =
    source.validity === undefined
      ? kernels.matched(index, validity)
      : pages.heldBits(index, source.validity, validity);
  const rows: Rows = { length, nullable: true, nullCount: length - valid, validity };
  const positions = dense(kernels, index, rows);
  const [least, most] = valid === 0 ? [0, -1] : pages.range(positions);
  if (most >= source.data.length) {
    throw new AlignError(
      "BUG_KERNEL_ARGUMENT",
      `position ${most} is outside ${source.data.length} source entries`,
    );
  }
  const gathered = <T extends Column>(data: T): T => {
    const values = like(arena, data, valid);
    kernels.gather(data, undefined, positions, { values, validity: arena.bitmap(valid) });
    return values;
  };
  if (source.type === "text") {
    return flat(
      kernels,
      rows,
      texts(kernels, valid, source.dictionary, () => gathered(source.data)),
    );
  }
  if (source.type === "boolean") {
    const bits = arena.bitmap(valid);
    kernels.packBits(gathered(source.data), bits);
    return flat(kernels, rows, booleans(bits, valid));
  }
  const entries = most - least + 1;
  if (valid > 0 && entries * rowsPerEntry <= valid) {
    const values = codes(kernels, positions, least, entries);
    const mark = arena.mark();
    const bounds = numberBounds(kernels, gathered(source.data));
    arena.release(mark);
    const dictionary = { values: bytesOfEntries(source.data, least, entries), entries };
    return flat(kernels, rows, { ...values, dictionary, ...(bounds === undefined ? {} : { bounds }) });
  }
  if (source.type === "number") return flat(kernels, rows, numbers(kernels, gathered(source.data)));
  return flat(
    kernels,
    rows,
    integers(kernels, valid, () => gathered(source.data)),
  );
}

function flat(kernels: Kernels, rows: Rows, { width, ...values }: PageValues): EncodedChunk {
  if (!rows.nullable && rows.nullCount > 0) {
    throw new AlignError("BUG_PARQUET_NULL", `${rows.nullCount} nulls in a column without nulls`);
  }
  const levels = flatLevels(rows.length, rows.nullable, rows.nullCount, rows.validity);
  const lead = width === undefined ? levels : Uint8Array.of(...levels, width);
  return chunkOf(kernels.arena, { length: rows.length, nulls: rows.nullCount, lead, ...values });
}

/** The values that are not null. */
function dense<T extends Column>(kernels: Kernels, values: T, rows: Rows): T {
  const all = values.subarray(0, rows.length) as T;
  if (rows.validity === undefined || rows.nullCount === 0) return all;
  const { arena } = kernels;
  const mark = arena.mark();
  const kept = kernels.compact(all, rows.validity, like(arena, all, rows.length));
  arena.release(mark);
  return like(arena, all, kept);
}

function denseBits(kernels: Kernels, bits: Uint8Array, rows: Rows): Uint8Array {
  if (rows.validity === undefined || rows.nullCount === 0) return bits;
  const out = kernels.arena.bitmap(rows.length);
  kernels.pages.compactBits(bits, rows.length, rows.validity, out);
  return out;
}

const validCount = ({ length, nullCount }: Rows): number => length - nullCount;

function bytesOfEntries(data: Float64Array | BigInt64Array, first: number, entries: number): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset + first * 8, entries * 8);
}
