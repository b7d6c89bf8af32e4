import type { ColumnChunk, SchemaElement, SchemaTree, Statistics } from "hyparquet";
import { ByteWriter, type Writer } from "hyparquet-writer";
import { writePageHeader } from "hyparquet-writer/src/datapage.js";
import { snappyCompress } from "hyparquet-writer/src/snappy.js";

/** Numbers without a missing one, `size` a row; those of a bool are 0 and 1. */
export interface Dense {
  readonly values: Float32Array | Float64Array | BigInt64Array | Uint8Array;
  readonly size: number;
}

/** Bytes of a page before compression, about. */
const pageBytes = 1 << 20;

/**
 * Writes the values of one column in a row group as they lie in memory: plain, compressed with Snappy. A size of 1 is an
 * optional value a row, any other an optional list of optional ones. Only single values have statistics.
 *
 * @param tree from the root to the values
 */
export function writeDense(
  writer: Writer,
  { values, size }: Dense,
  tree: readonly SchemaTree[],
): ColumnChunk {
  const type = tree.at(-1)!.element.type!;
  const rows = values.length / size;
  const start = writer.offset;
  const pageRows = Math.max(1, Math.floor(pageBytes / (size * values.BYTES_PER_ELEMENT)));
  let uncompressed = 0;
  for (let row = 0; row < rows; row += pageRows) {
    const part = values.subarray(row * size, (row + pageRows) * size);
    uncompressed += writePage(writer, part, size, type);
  }
  return {
    meta_data: {
      type,
      encodings: ["RLE", "PLAIN"],
      path_in_schema: tree.slice(1).map(({ element }) => element.name),
      codec: "SNAPPY",
      num_values: BigInt(values.length),
      total_compressed_size: BigInt(writer.offset - start),
      total_uncompressed_size: BigInt(uncompressed),
      data_page_offset: BigInt(start),
      ...(size > 1 || type === "BOOLEAN" ? {} : { statistics: statisticsOf(values) }),
    },
    file_offset: BigInt(start),
  };
}

function writePage(
  writer: Writer,
  values: Dense["values"],
  size: number,
  type: NonNullable<SchemaElement["type"]>,
): number {
  const repetition = size === 1 ? new Uint8Array(0) : rowStarts(values.length, size);
  const definition = allDefined(values.length, size === 1 ? 1 : 3);
  const data =
    type === "BOOLEAN"
      ? bits(values as Uint8Array)
      : new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const compressed = snappyCompress(data);
  const levels = repetition.length + definition.length;
  const start = writer.offset;
  writePageHeader(writer, {
    type: "DATA_PAGE_V2",
    uncompressed_page_size: levels + data.length,
    compressed_page_size: levels + compressed.length,
    data_page_header_v2: {
      num_values: values.length,
      num_nulls: 0,
      num_rows: values.length / size,
      encoding: "PLAIN",
      definition_levels_byte_length: definition.length,
      repetition_levels_byte_length: repetition.length,
      is_compressed: true,
    },
  });
  const header = writer.offset - start;
  for (const bytes of [repetition, definition, compressed]) writer.appendBytes(bytes);
  return header + levels + data.length;
}

/** Levels of one bit, packed: 0 where a row begins, else 1. */
function rowStarts(count: number, size: number): Uint8Array {
  const groups = Math.ceil(count / 8);
  const head = varint(groups * 2 + 1);
  const levels = new Uint8Array(head.length + groups).fill(0xff);
  levels.set(head);
  for (let at = 0; at < count; at += size) levels[head.length + (at >> 3)]! &= ~(1 << (at & 7));
  return levels;
}

/** One run of the same level. */
function allDefined(count: number, level: number): Uint8Array {
  return Uint8Array.of(...varint(count * 2), level);
}

function varint(value: number): Uint8Array {
  const writer = new ByteWriter(8);
  writer.appendVarInt(value);
  return writer.getBytes();
}

function bits(values: Uint8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil(values.length / 8));
  for (let at = 0; at < values.length; at += 1) packed[at >> 3]! |= values[at]! << (at & 7);
  return packed;
}

/** NaN counts for nothing, and a zero has the sign that makes the range wider, as the format asks for. */
function statisticsOf(values: Dense["values"]): Statistics {
  let [min, max]: (number | bigint | undefined)[] = [];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    if (min === undefined || value < min) min = value;
    if (max === undefined || value > max) max = value;
  }
  const range = min === undefined ? {} : { min_value: min === 0 ? -0 : min, max_value: max === 0 ? 0 : max! };
  return { ...range, null_count: 0n };
}
