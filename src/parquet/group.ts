import { type Data, makeData, type RecordBatch, Utf8, Vector } from "apache-arrow";
import type { Kernels } from "../kernels/index.ts";
import { copyBits, countBits, setBits } from "./bits.ts";
import type { ChunkColumn, EncodedChunk } from "./chunk.ts";
import { encodeChunk } from "./encode.ts";
import { encodeLists, ListLevels } from "./lists.ts";
import type { FileColumn } from "./schema.ts";

/**
 * Rows of batches, side by side until there are enough for a row group.
 *
 * Holds one row group in the kernels' arena, which it takes when it is made and never gives back.
 */
export class GroupBuffer {
  readonly #kernels: Kernels;
  readonly #columns: ColumnBuffer[];
  #rows = 0;

  constructor(kernels: Kernels, columns: readonly FileColumn[], capacity: number) {
    this.#kernels = kernels;
    this.#columns = columns.map((column) => new ColumnBuffer(kernels, column, capacity));
  }

  get rows(): number {
    return this.#rows;
  }

  /** Copies the rows of a batch from `start` to before `end`. */
  append(batch: RecordBatch, start: number, end: number): void {
    for (const [index, column] of this.#columns.entries()) {
      column.append(batch.data.children[index]!, start, end, this.#rows);
    }
    this.#rows += end - start;
  }

  /** The chunks of the rows so far, one a column; their memory is the arena's, see `encodeChunk`. */
  encode(): EncodedChunk[] {
    const chunks = this.#columns.map((column) => column.encode(this.#kernels, this.#rows));
    this.#rows = 0;
    return chunks;
  }
}

type Store =
  | { kind: "number"; values: Float64Array }
  | { kind: "integer"; values: BigInt64Array }
  | { kind: "status"; values: Uint32Array }
  | { kind: "boolean"; bits: Uint8Array }
  | { kind: "text"; codes: Int32Array; texts: TextCodes }
  | { kind: "list"; levels: ListLevels };

class ColumnBuffer {
  readonly #column: FileColumn;
  readonly #validity: Uint8Array;
  #store: Store;
  #nullCount = 0;

  constructor({ arena }: Kernels, column: FileColumn, capacity: number) {
    this.#column = column;
    this.#validity = arena.bitmap(column.kind === "list" ? 0 : capacity).fill(0);
    switch (column.kind) {
      case "number":
        this.#store = { kind: column.kind, values: arena.f64(capacity) };
        break;
      case "integer":
        this.#store = { kind: column.kind, values: arena.i64(capacity) };
        break;
      case "status":
        this.#store = { kind: column.kind, values: arena.u32(capacity) };
        break;
      case "boolean":
        this.#store = { kind: column.kind, bits: arena.bitmap(capacity).fill(0) };
        break;
      case "text":
        this.#store = { kind: column.kind, codes: arena.i32(capacity), texts: new TextCodes() };
        break;
      case "list":
        this.#store = { kind: column.kind, levels: new ListLevels(column.field.type) };
    }
  }

  append(data: Data, start: number, end: number, to: number): void {
    const store = this.#store;
    if (store.kind === "list") {
      store.levels.append(data, start, end);
      return;
    }
    const rows = end - start;
    // Not when a group ends, because its chunks may be views on these bits.
    if (to === 0) this.#clear();
    if (data.nullCount === 0) setBits(this.#validity, to, rows);
    else {
      copyBits(data.nullBitmap, data.offset + start, this.#validity, to, rows);
      this.#nullCount += rows - countBits(this.#validity, to, rows);
    }
    if (store.kind === "boolean") copyBits(data.values, data.offset + start, store.bits, to, rows);
    else if (store.kind === "text") store.texts.append(data, start, end, this.#validity, store.codes, to);
    else store.values.set(data.values.subarray(start, end), to);
  }

  #clear(): void {
    this.#nullCount = 0;
    this.#validity.fill(0);
    if (this.#store.kind === "boolean") this.#store.bits.fill(0);
  }

  encode(kernels: Kernels, length: number): EncodedChunk {
    const store = this.#store;
    if (store.kind === "list") {
      this.#store = { kind: "list", levels: new ListLevels(this.#column.field.type) };
      return encodeLists(kernels, store.levels);
    }
    const { nullable } = this.#column.field;
    const rows = { length, nullable, nullCount: this.#nullCount, validity: this.#validity };
    const values = store.kind === "text" ? { ...store, dictionary: store.texts.take() } : store;
    return encodeChunk(kernels, { ...values, ...rows } as ChunkColumn);
  }
}

/** The texts of a row group, each once, whatever dictionaries they come with. */
class TextCodes {
  #codes = new Map<string, number>();
  #source: Vector<Utf8> | undefined;
  /** The code here of each code of that dictionary, -1 where it was not met yet. */
  #renamed = new Int32Array();

  append(data: Data, start: number, end: number, validity: Uint8Array, out: Int32Array, to: number): void {
    const dictionary = data.dictionary as Vector<Utf8>;
    if (dictionary !== this.#source) {
      this.#source = dictionary;
      this.#renamed = new Int32Array(dictionary.length).fill(-1);
    }
    const codes = data.values as Int32Array;
    for (let row = start; row < end; row++) {
      const at = to + row - start;
      if (((validity[at >> 3]! >> (at & 7)) & 1) === 0) continue;
      const code = codes[row]!;
      if (this.#renamed[code] === -1) this.#renamed[code] = this.#codeOf(dictionary.get(code) ?? "");
      out[at] = this.#renamed[code]!;
    }
  }

  /** The texts so far, in the order of their codes; begins anew. */
  take(): Vector<Utf8> {
    const encoder = new TextEncoder();
    const texts = Array.from(this.#codes.keys(), (text) => encoder.encode(text));
    const valueOffsets = new Int32Array(texts.length + 1);
    for (const [code, text] of texts.entries()) valueOffsets[code + 1] = valueOffsets[code]! + text.length;
    this.#codes = new Map();
    this.#source = undefined;
    const data = Buffer.concat(texts);
    const type = new Utf8();
    return new Vector([makeData({ type, length: texts.length, nullCount: 0, valueOffsets, data })]);
  }

  #codeOf(text: string): number {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    this.#codes.set(text, this.#codes.size);
    return this.#codes.size - 1;
  }
}
