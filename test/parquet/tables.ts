import {
  Bool,
  type Data,
  DataType,
  Dictionary,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Uint32,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import * as fc from "fast-check";
import { FIRST_INSTANT, LAST_INSTANT } from "../kernels/arbitraries.ts";
import { bitmapTwin } from "../reference/columns.ts";

/** The columns of the tables under test: one of every kind, and lists of every kind of item. */
export const schema = new Schema([
  new Field("row", new Int64(), false),
  new Field("number", new Float64(), true),
  new Field("integer", new Int64(), true),
  new Field("status", new Uint32(), false),
  new Field("boolean", new Bool(), true),
  new Field("text", new Dictionary(new Utf8(), new Int32(), 7), true),
  new Field("numbers", listOf(new Float64()), true),
  new Field("integers", listOf(new Int64()), true),
  new Field("booleans", listOf(new Bool()), true),
  new Field("texts", listOf(listOf(new Utf8())), true),
]);

export type Cell = number | bigint | boolean | string | null | Cell[];

/** Columns of cells, by name. */
export type Table = Record<string, Cell[]>;

const value: Record<string, fc.Arbitrary<Cell>> = {
  number: fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 1.5)),
  integer: fc.oneof(
    fc.bigInt(FIRST_INSTANT, LAST_INSTANT),
    fc.constantFrom(0n, 1n, FIRST_INSTANT, LAST_INSTANT),
  ),
  status: fc.oneof(fc.constantFrom(0, 0x402, 0x809b0000), fc.nat(0xffff_ffff)),
  boolean: fc.boolean(),
  text: fc.oneof(fc.constantFrom("", "fill", "é 漢", "🜂\u0000\n"), fc.string({ unit: "grapheme" })),
};

/** Tables of this length, whose values repeat or not, with no, some or only nulls. */
export function tables(length: number): fc.Arbitrary<Table> {
  const flat = (name: string, nulls = true) => column(value[name]!, length, nulls);
  const lists = (name: string) => column(itemsOf(value[name]!), length, true);
  return fc.record({
    row: fc.constant(Array.from({ length }, (_, row) => BigInt(row))),
    number: flat("number"),
    integer: flat("integer"),
    status: flat("status", false),
    boolean: flat("boolean"),
    text: flat("text"),
    numbers: lists("number"),
    integers: lists("integer"),
    booleans: lists("boolean"),
    texts: column(itemsOf(itemsOf(value.text!)), length, true),
  });
}

function itemsOf(item: fc.Arbitrary<Cell>): fc.Arbitrary<Cell> {
  return fc.array(fc.option(item, { freq: 4 }), { maxLength: 3 });
}

function column(cell: fc.Arbitrary<Cell>, length: number, nulls: boolean): fc.Arbitrary<Cell[]> {
  const run = fc.tuple(cell, fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 })));
  const share = nulls ? fc.constantFrom(0, 0, 3, 1) : fc.constant(0);
  return fc
    .tuple(fc.array(run, { minLength: 1, maxLength: 24 }), share, fc.nat())
    .map(([runs, every, seed]) => {
      const cells: Cell[] = [];
      while (cells.length < length)
        for (const [one, times] of runs) for (let i = 0; i < times; i++) cells.push(one);
      return cells
        .slice(0, length)
        .map((one, row) => (every > 0 && (row * 7 + seed) % every === 0 ? null : one));
    });
}

/** Rows from `start` to before `end` as a batch; `place` puts arrays where they belong. */
export function batchOf(
  table: Table,
  start: number,
  end: number,
  place: <T extends ArrayBufferView>(array: T) => T = (array) => array,
): RecordBatch {
  const children = schema.fields.map((field) => dataOf(field, table[field.name]!.slice(start, end), place));
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, children, length: end - start, nullCount: 0 }));
}

function dataOf({ type }: Field, cells: Cell[], place: <T extends ArrayBufferView>(array: T) => T): Data {
  const { length } = cells;
  if (DataType.isList(type)) return vectorFromArray(cells, type).data[0]!;
  const nullCount = cells.filter((cell) => cell === null).length;
  const nullBitmap = place(bitmapTwin(cells.map((cell) => cell !== null)));
  const rows = { type, length, nullCount, nullBitmap };
  const make = (props: object) => makeData({ ...rows, ...props } as never) as Data;
  if (DataType.isFloat(type))
    return make({ data: place(Float64Array.from(cells, (cell) => (cell ?? 9) as number)) });
  if (DataType.isBool(type)) return make({ data: place(bitmapTwin(cells.map((cell) => cell === true))) });
  if (DataType.isDictionary(type)) {
    // Codes in the order of the alphabet, so that the file has to find its own.
    const texts = [...new Set(cells.filter((cell) => cell !== null))].toSorted() as string[];
    const data = place(Int32Array.from(cells, (cell) => Math.max(0, texts.indexOf(cell as string))));
    return make({ data, dictionary: vectorFromArray(texts, new Utf8()) });
  }
  if (DataType.isInt(type) && type.bitWidth === 32) {
    return make({ data: place(Uint32Array.from(cells as number[])) });
  }
  return make({ data: place(BigInt64Array.from(cells, (cell) => (cell ?? 9n) as bigint)) });
}

function listOf(type: DataType): List {
  return new List(new Field("item", type, true));
}
