import { type Data, DataType } from "apache-arrow";
import { hybridRoom, type Kernels } from "../kernels/index.ts";
import { type EncodedChunk, encoding } from "./chunk.ts";
import { chunkOf, joined, prefixed } from "./pages.ts";
import { trimmed } from "./values.ts";

/**
 * Lists as Parquet keeps them: the items one after the other, each with two levels.
 *
 *   rows [1, null], [], null -> items 1; repetition 0 1 0 0; definition 3 2 1 0
 *
 * Repetition 0 begins a row, a higher level goes on with the list at that depth. Definition counts what is there:
 * for lists of depth 1 the list, an item in it, its value.
 *
 * https://parquet.apache.org/docs/file-format/nestedencoding/
 */
export class ListLevels {
  readonly depth: number;
  readonly itemType: DataType;
  readonly #repetition = new Growing();
  readonly #definition = new Growing();
  readonly #items = new Growing();
  #valid = 0;

  constructor(type: DataType) {
    this.depth = depthOf(type);
    this.itemType = itemTypeOf(type);
  }

  /** Levels, one for each item and for each list without items. */
  get length(): number {
    return this.#repetition.length;
  }

  get repetition(): Uint8Array {
    return this.#repetition.bytes;
  }

  get definition(): Uint8Array {
    return this.#definition.bytes;
  }

  /** Items that are not null. */
  get valid(): number {
    return this.#valid;
  }

  /** These items as PLAIN writes them, but for booleans: a byte each. */
  get items(): Uint8Array {
    return this.#items.bytes;
  }

  /** Takes the rows from `start` to before `end`; their memory is free again afterwards. */
  append(data: Data, start: number, end: number): void {
    for (let row = start; row < end; row++) this.#list(data, row, 0, 0);
  }

  #list(data: Data, row: number, repetition: number, depth: number): void {
    const isList = isValid(data, row);
    const [from, to] = isList ? [data.valueOffsets[row]!, data.valueOffsets[row + 1]!] : [0, 0];
    if (from === to) this.#level(repetition, 2 * depth + (isList ? 1 : 0));
    const items = data.children[0]!;
    for (let item = from; item < to; item++) {
      const level = item === from ? repetition : depth + 1;
      if (depth + 1 < this.depth) this.#list(items, item, level, depth + 1);
      else this.#item(items, item, level);
    }
  }

  #item(data: Data, at: number, repetition: number): void {
    const isItem = isValid(data, at);
    this.#level(repetition, 2 * this.depth + (isItem ? 1 : 0));
    if (!isItem) return;
    this.#valid++;
    const { type, values } = data;
    if (DataType.isBool(type)) {
      const bit = data.offset + at;
      this.#items.push((values[bit >> 3] >> (bit & 7)) & 1);
    } else if (DataType.isUtf8(type)) {
      const text = (values as Uint8Array).subarray(data.valueOffsets[at], data.valueOffsets[at + 1]);
      this.#items.append(new Uint8Array(Uint32Array.of(text.length).buffer));
      this.#items.append(text);
    } else {
      const { buffer, byteOffset } = values as Float64Array | BigInt64Array;
      this.#items.append(new Uint8Array(buffer, byteOffset + 8 * at, 8));
    }
  }

  #level(repetition: number, definition: number): void {
    this.#repetition.push(repetition);
    this.#definition.push(definition);
  }
}

/** How many lists lie in one another. */
function depthOf(type: DataType): number {
  return DataType.isList(type) ? 1 + depthOf(type.valueType) : 0;
}

/** The type of the innermost items. */
function itemTypeOf(type: DataType): DataType {
  return DataType.isList(type) ? itemTypeOf(type.valueType) : type;
}

export function encodeLists(kernels: Kernels, levels: ListLevels): EncodedChunk {
  const { arena } = kernels;
  const { length, depth, valid } = levels;
  const lead = joined(
    packed(kernels, levels.repetition, depth),
    packed(kernels, levels.definition, 2 * depth + 1),
  );
  let values = levels.items;
  if (DataType.isBool(levels.itemType)) {
    const mark = arena.mark();
    const bits = arena.bitmap(valid);
    kernels.packBits(arena.copy(values), bits);
    values = bits.slice(0, Math.ceil(valid / 8));
    arena.release(mark);
  }
  return chunkOf(arena, {
    length,
    nulls: length - valid,
    lead,
    values: [arena.copy(values)],
    encoding: encoding.plain,
  });
}

function packed(kernels: Kernels, levels: Uint8Array, most: number): Uint8Array {
  const { arena, pages } = kernels;
  const mark = arena.mark();
  const body = trimmed(arena, hybridRoom(levels.length), (out) =>
    pages.packHybrid(arena.copy(Uint32Array.from(levels)), 32 - Math.clz32(most), out),
  );
  const prefixedBody = prefixed([], body);
  arena.release(mark);
  return prefixedBody;
}

function isValid(data: Data, row: number): boolean {
  if (data.nullCount === 0) return true;
  const bit = data.offset + row;
  return ((data.nullBitmap[bit >> 3]! >> (bit & 7)) & 1) === 1;
}

/** Bytes that are added at the end. */
class Growing {
  #room = new Uint8Array(1024);
  length = 0;

  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.length);
  }

  push(byte: number): void {
    this.#reserve(1);
    this.#room[this.length++] = byte;
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#room.set(bytes, this.length);
    this.length += bytes.length;
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#room.length) return;
    const room = new Uint8Array(Math.max(2 * this.#room.length, this.length + more));
    room.set(this.bytes);
    this.#room = room;
  }
}
