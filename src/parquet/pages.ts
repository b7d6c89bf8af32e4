import type { Arena } from "../kernels/index.ts";
import { type ChunkMeta, type EncodedChunk, encoding } from "./chunk.ts";
import { thrift, varint } from "./thrift.ts";

/** What a chunk consists of, before it has page headers. */
export interface ChunkBody {
  length: number;
  nulls: number;
  /** Begins the data page: levels, and whatever else is too short to be a part of its own. */
  lead: Uint8Array;
  /** The values that are not null, in the arena. */
  values: Uint8Array[];
  encoding: number;
  /** The values that the data page counts among, in the arena. */
  dictionary?: { values: Uint8Array; entries: number };
  bounds?: ChunkMeta["bounds"];
}

/** Puts headers before the pages: a dictionary page where there is a dictionary, and one data page (version 1). */
export function chunkOf(arena: Arena, body: ChunkBody): EncodedChunk {
  const { length, nulls, lead, values, dictionary, bounds } = body;
  const size = lead.length + byteLength(values);
  const head = arena.copy(joined(dataHeader(size, length, body.encoding), lead));
  const data = [head, ...values];
  const pages =
    dictionary === undefined
      ? []
      : [arena.copy(dictionaryHeader(dictionary.values.length, dictionary.entries)), dictionary.values];
  const dictionaryBytes = byteLength(pages);
  const meta: ChunkMeta = {
    encodings: [...new Set([...(dictionary ? [encoding.plain] : []), encoding.rle, body.encoding])],
    values: length,
    nulls,
    bytes: dictionaryBytes + byteLength(data),
    dictionaryBytes,
  };
  if (bounds !== undefined) meta.bounds = bounds;
  return { parts: [...pages, ...data].filter((part) => part.length > 0), meta };
}

/** parquet.thrift `PageHeader` of a data page; sizes are those without compression. */
function dataHeader(size: number, values: number, valueEncoding: number): Uint8Array {
  const { rle } = encoding;
  const page = { field_1: values, field_2: valueEncoding, field_3: rle, field_4: rle };
  return thrift({ field_1: 0, field_2: size, field_3: size, field_5: page });
}

/** parquet.thrift `PageHeader` of a dictionary page. */
function dictionaryHeader(size: number, entries: number): Uint8Array {
  const page = { field_1: entries, field_2: encoding.plain };
  return thrift({ field_1: 2, field_2: size, field_3: size, field_7: page });
}

/**
 * The definition levels of a flat column, 1 where there is a value: the Arrow bitmap is the packed run that the format
 * asks for.
 */
export function flatLevels(
  length: number,
  nullable: boolean,
  nullCount: number,
  validity: Uint8Array | undefined,
): Uint8Array {
  if (!nullable) return new Uint8Array();
  if (validity === undefined || nullCount === 0) return prefixed([...varint(length * 2), 1]);
  if (nullCount === length) return prefixed([...varint(length * 2), 0]);
  const groups = Math.ceil(length / 8);
  return prefixed(varint(groups * 2 + 1), validity.subarray(0, groups));
}

/** Levels with their length before them. */
export function prefixed(head: number[], rest: Uint8Array = new Uint8Array()): Uint8Array {
  const length = head.length + rest.length;
  return joined(bytesOf(Uint32Array.of(length)), Uint8Array.from(head), rest);
}

/** The bytes under a column. */
export function bytesOf(column: ArrayBufferView): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

export function joined(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(byteLength(parts));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function byteLength(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
