import {
  Bool,
  type Data,
  type DataType,
  Dictionary,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  Utf8,
  Vector,
} from "apache-arrow";
import type { Arena, Column, Kernels, Match } from "../kernels/index.ts";
import type { ValueShape, Values } from "../samples.ts";

/**
 * The values of a tag's samples in the arena, ready to be gathered.
 *
 * `validity` is an Arrow bitmap over the samples; absent when every sample has a value.
 * `dictionary` holds the distinct texts once for the whole run.
 */
export type SampleColumn = { validity?: Uint8Array } & (
  | { type: "number"; data: Float64Array }
  | { type: "integer"; data: BigInt64Array }
  | { type: "boolean"; data: Uint8Array }
  | { type: "text"; data: Int32Array; dictionary: Vector<Utf8> }
  | { type: "list"; starts: Int32Array; ends: Int32Array; items: SampleColumn }
);

/** One output column of a block; `validity` is its bitmap and `valid` counts the bits that are set. */
export interface BlockColumn {
  data: Data;
  validity: Uint8Array;
  valid: number;
}

/** `values` in the arena, copied unless they are there already. */
export function uploadColumn(arena: Arena, values: Values): SampleColumn {
  switch (values.type) {
    case "number":
      return { type: "number", data: upload(arena, arena.f64, values.data) };
    case "integer":
      return { type: "integer", data: upload(arena, arena.i64, values.data) };
    case "boolean":
      return { type: "boolean", data: upload(arena, arena.u8, values.data) };
    case "text":
      return {
        type: "text",
        data: upload(arena, arena.i32, values.codes),
        dictionary: utf8Vector(values.dictionary),
      };
    case "list":
      return {
        type: "list",
        starts: upload(arena, arena.i32, values.offsets.subarray(0, -1)),
        ends: upload(arena, arena.i32, values.offsets.subarray(1)),
        items: uploadColumn(arena, values.items),
      };
  }
}

/** `source` in the arena, copied unless it is there already. */
export function upload<T extends Column>(
  arena: Arena,
  allocate: (this: Arena, length: number) => T,
  source: T,
): T {
  if (source.buffer === arena.buffer) return source;
  const target = allocate.call(arena, source.length);
  target.set(source as never);
  return target;
}

/** The entries of a column that `take` takes of any array with an entry a sample. */
export function mapColumn(column: SampleColumn, take: <T extends Column>(array: T) => T): SampleColumn {
  if (column.type === "list") return { ...column, starts: take(column.starts), ends: take(column.ends) };
  return { ...column, data: take<Column>(column.data) } as SampleColumn;
}

/** The Arrow type of a column of such values; `dictionaryId` tells the dictionaries of one schema apart. */
export function arrowType(shape: ValueShape, dictionaryId: number): DataType {
  switch (shape.type) {
    case "number":
      return new Float64();
    case "integer":
      return new Int64();
    case "boolean":
      return new Bool();
    case "text":
      return new Dictionary(new Utf8(), new Int32(), dictionaryId);
    case "list":
      return listType(shape.items);
  }
}

/** The Arrow type of lists of such values; texts inside lists are plain, not dictionary codes. */
export function listType(items: ValueShape): DataType {
  return new List(new Field("item", items.type === "text" ? new Utf8() : arrowType(items, 0), true));
}

/** The value of each frame's sample: null, with zero bits behind it, where there is none or the source is null. */
export function gatherColumn(
  kernels: Kernels,
  column: SampleColumn,
  match: Match,
  type: DataType,
): BlockColumn {
  const { arena } = kernels;
  const { length } = match;
  const validity = arena.bitmap(length);
  switch (column.type) {
    case "number": {
      const values = arena.f64(length);
      const valid = kernels.gather(column.data, column.validity, match, { values, validity });
      return blockColumn(type, length, values, validity, valid);
    }
    case "integer": {
      const values = arena.i64(length);
      const valid = kernels.gather(column.data, column.validity, match, { values, validity });
      return blockColumn(type, length, values, validity, valid);
    }
    case "boolean": {
      const values = arena.u8(length);
      const valid = kernels.gather(column.data, column.validity, match, { values, validity });
      const bits = arena.bitmap(length);
      kernels.packBits(values, bits);
      return blockColumn(type, length, bits, validity, valid);
    }
    case "text": {
      const values = arena.i32(length);
      const valid = kernels.gather(column.data, column.validity, match, { values, validity });
      return blockColumn(type, length, values, validity, valid, column.dictionary);
    }
    case "list": {
      const starts = arena.i32(length);
      const ends = arena.i32(length);
      kernels.gather(column.starts, column.validity, match, { values: starts, validity });
      const valid = kernels.gather(column.ends, column.validity, match, { values: ends, validity });
      return listColumn(kernels, column.items, type, listPositions(arena, starts, ends), validity, valid);
    }
  }
}

/** Where each list of a block starts, and which items it holds. */
export interface ListPositions {
  offsets: Int32Array;
  positions: Int32Array;
}

/** A column of lists, each made of the `items` at its positions. */
export function listColumn(
  kernels: Kernels,
  items: SampleColumn,
  type: DataType,
  lists: ListPositions,
  validity: Uint8Array,
  valid: number,
): BlockColumn {
  const itemType = (type as List).children[0]!.type;
  const gathered =
    items.type === "text"
      ? textItems(kernels, items, lists.positions)
      : gatherColumn(kernels, items, lists.positions, itemType).data;
  const length = lists.offsets.length - 1;
  const data = makeData({
    type: type as List,
    length,
    ...bitmap(length, validity, valid),
    valueOffsets: lists.offsets,
    child: gathered,
  });
  return { data, validity, valid };
}

/** A column of fixed-width values; a bitmap without zeros is left out. */
export function blockColumn(
  type: DataType,
  length: number,
  values: BigInt64Array | Float64Array | Int32Array | Uint32Array | Uint8Array,
  validity: Uint8Array,
  valid: number,
  dictionary?: Vector<Utf8>,
): BlockColumn {
  const props = { type, length, ...bitmap(length, validity, valid), data: values };
  const data = makeData((dictionary === undefined ? props : { ...props, dictionary }) as never) as Data;
  return { data, validity, valid };
}

function bitmap(length: number, validity: Uint8Array, valid: number) {
  return valid === length ? { nullCount: 0 } : { nullCount: length - valid, nullBitmap: validity };
}

function listPositions(arena: Arena, starts: Int32Array, ends: Int32Array): ListPositions {
  const offsets = arena.i32(starts.length + 1);
  offsets[0] = 0;
  for (let i = 0; i < starts.length; i++) offsets[i + 1] = offsets[i]! + ends[i]! - starts[i]!;
  const positions = arena.i32(offsets[starts.length]!);
  let filled = 0;
  for (let i = 0; i < starts.length; i++) {
    for (let at = starts[i]!; at < ends[i]!; at++) positions[filled++] = at;
  }
  return { offsets, positions };
}

function textItems(kernels: Kernels, items: SampleColumn & { type: "text" }, positions: Int32Array): Data {
  const { arena } = kernels;
  const length = positions.length;
  const validity = arena.bitmap(length);
  const codes = arena.i32(length);
  const valid = kernels.gather(items.data, items.validity, positions, { values: codes, validity });
  const { valueOffsets: starts, values: bytes } = items.dictionary.data[0]!;
  const isValid = (i: number) => ((validity[i >> 3]! >> (i & 7)) & 1) === 1;
  const offsets = arena.i32(length + 1);
  offsets[0] = 0;
  for (let i = 0; i < length; i++) {
    const code = codes[i]!;
    offsets[i + 1] = offsets[i]! + (isValid(i) ? starts[code + 1]! - starts[code]! : 0);
  }
  const text = arena.u8(offsets[length]!);
  for (let i = 0; i < length; i++) {
    if (isValid(i)) text.set(bytes.subarray(starts[codes[i]!]!, starts[codes[i]! + 1]!), offsets[i]!);
  }
  return makeData({
    type: new Utf8(),
    length,
    ...bitmap(length, validity, valid),
    valueOffsets: offsets,
    data: text,
  });
}

function utf8Vector(texts: readonly string[]): Vector<Utf8> {
  const encoder = new TextEncoder();
  const encoded = texts.map((text) => encoder.encode(text));
  const offsets = new Int32Array(texts.length + 1);
  encoded.forEach((bytes, i) => {
    offsets[i + 1] = offsets[i]! + bytes.length;
  });
  const data = new Uint8Array(offsets[texts.length]!);
  encoded.forEach((bytes, i) => {
    data.set(bytes, offsets[i]!);
  });
  const type = new Utf8();
  return new Vector([makeData({ type, length: texts.length, nullCount: 0, valueOffsets: offsets, data })]);
}
