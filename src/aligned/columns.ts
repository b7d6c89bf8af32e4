import { type Data, DataType, type RecordBatch, TimeUnit, type Vector } from "apache-arrow";
import type { TableColumn, TableColumnType } from "../episodes/index.ts";

/** How a column of an aligned table is held; undefined for types that such a table does not have. */
export function typeOf(type: DataType): TableColumnType | undefined {
  if (DataType.isFloat(type)) return type.precision === 2 ? "float64" : undefined;
  if (DataType.isTimestamp(type)) return type.unit === TimeUnit.NANOSECOND ? "int64" : undefined;
  if (DataType.isInt(type)) {
    if (type.bitWidth === 64 && type.isSigned) return "int64";
    return type.bitWidth === 32 && !type.isSigned ? "uint32" : undefined;
  }
  if (DataType.isBool(type)) return "bool";
  if (DataType.isUtf8(type)) return "text";
  if (DataType.isDictionary(type)) return DataType.isUtf8(type.dictionary) ? "text" : undefined;
  if (DataType.isList(type)) {
    const items = typeOf(type.valueType);
    return items === undefined || items === "list" ? undefined : "list";
  }
  return undefined;
}

/** One column over the given batches, in memory of its own. */
export function columnOf(batches: readonly RecordBatch[], name: string): TableColumn {
  return joined(batches.flatMap((batch) => batch.getChild(name)?.data ?? []));
}

function joined(parts: readonly Data[]): TableColumn {
  const type = parts[0] === undefined ? undefined : typeOf(parts[0].type);
  const rows = parts.reduce((sum, part) => sum + part.length, 0);
  switch (type) {
    case "float64":
      return { type, values: numbers(parts, new Float64Array(rows)), ...validity(parts, rows) };
    case "uint32":
      return { type, values: numbers(parts, new Uint32Array(rows)), ...validity(parts, rows) };
    case "bool":
      return { type, values: bits(parts, rows), ...validity(parts, rows) };
    case "text":
      return texts(parts, rows);
    case "list":
      return lists(parts, rows);
    default:
      return { type: "int64", values: numbers(parts, new BigInt64Array(rows)), ...validity(parts, rows) };
  }
}

function numbers<T extends Float64Array | BigInt64Array | Uint32Array>(parts: readonly Data[], into: T): T {
  let at = 0;
  for (const { values, length } of parts) {
    (into as Float64Array).set((values as Float64Array).subarray(0, length), at);
    at += length;
  }
  return into;
}

function bits(parts: readonly Data[], rows: number): Uint8Array {
  const into = new Uint8Array(rows);
  let at = 0;
  for (const { values, length, offset } of parts) {
    const bytes = values as Uint8Array;
    for (let row = 0; row < length; row += 1, at += 1) {
      const bit = offset + row;
      into[at] = ((bytes[bit >> 3] as number) >> (bit & 7)) & 1;
    }
  }
  return into;
}

function validity(parts: readonly Data[], rows: number): { valid?: Uint8Array } {
  if (parts.every((part) => part.nullCount === 0)) return {};
  const valid = new Uint8Array(rows).fill(1);
  let at = 0;
  for (const part of parts) {
    if (part.nullCount > 0)
      for (let row = 0; row < part.length; row += 1) valid[at + row] = isValid(part, row) ? 1 : 0;
    at += part.length;
  }
  return { valid };
}

function isValid({ nullBitmap, offset }: Data, row: number): boolean {
  const bit = offset + row;
  return (((nullBitmap[bit >> 3] as number) >> (bit & 7)) & 1) === 1;
}

/** One vocabulary over all parts, in order of first use by a part's own dictionary. */
function texts(parts: readonly Data[], rows: number): TableColumn {
  const codes = new Int32Array(rows);
  const places = new Map<string, number>();
  const code = (text: string): number => {
    const known = places.get(text);
    if (known !== undefined) return known;
    places.set(text, places.size);
    return places.size - 1;
  };
  let at = 0;
  for (const part of parts) {
    const textOf = DataType.isDictionary(part.type) ? dictionaryReader(part) : utf8Reader(part);
    for (let row = 0; row < part.length; row += 1, at += 1) {
      codes[at] = part.nullCount > 0 && !isValid(part, row) ? -1 : code(textOf(row));
    }
  }
  return { type: "text", codes, values: [...places.keys()] };
}

function dictionaryReader(part: Data): (row: number) => string {
  const dictionary = part.dictionary as Vector;
  const known = new Map<number, string>();
  const indices = part.values as Int32Array;
  return (row) => {
    const index = indices[row] as number;
    let text = known.get(index);
    if (text === undefined) known.set(index, (text = dictionary.get(index) as string));
    return text;
  };
}

function utf8Reader({ values, valueOffsets }: Data): (row: number) => string {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return (row) => bytes.toString("utf8", valueOffsets[row], valueOffsets[row + 1]);
}

function lists(parts: readonly Data[], rows: number): TableColumn {
  const offsets = new Int32Array(rows + 1);
  const items: Data[] = [];
  let at = 0;
  for (const part of parts) {
    const { valueOffsets, length } = part;
    const [first, last] = [valueOffsets[0] as number, valueOffsets[length] as number];
    for (let row = 0; row < length; row += 1, at += 1) {
      const span = (valueOffsets[row + 1] as number) - (valueOffsets[row] as number);
      offsets[at + 1] = (offsets[at] as number) + span;
    }
    items.push((part.children[0] as Data).slice(first, last - first));
  }
  return { type: "list", offsets, items: joined(items), ...validity(parts, rows) };
}
