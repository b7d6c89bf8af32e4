import { type Data, DataType, type RecordBatch, type Schema, TimeUnit } from "apache-arrow";
import { AlignError } from "../errors.ts";
import { formatInstant } from "../time.ts";
import { OutputFile, type Sink } from "./sink.ts";

/** Rows turned into text at a time. */
const blockRows = 1024;

/**
 * Writes CSV (RFC 4180 quoting, lines end in LF, UTF-8), with the column names as first line.
 *
 * Instants are ISO 8601 with nine fraction digits and Z, integers decimal, doubles the shortest text that reads
 * back the same, booleans `true` and `false`, lists JSON. A null is an empty cell, an empty text is `""`.
 */
export async function openCsvSink(path: string, schema: Schema): Promise<Sink> {
  for (const { name, type } of schema.fields) {
    if (isWritable(type)) continue;
    const hint = "leave the column out, or write Parquet or Arrow";
    throw new AlignError("OUTPUT_TYPE", `column "${name}" has type ${type}, which CSV cannot hold`, { hint });
  }
  const file = await OutputFile.create(path);
  let rows = 0;
  const header = schema.fields.map(({ name }) => quoted(name)).join(",");
  const begin = async () => {
    if (file.length === 0) await file.write(Buffer.from(`${header}\n`));
  };

  return {
    async write(batch) {
      await begin();
      for (let start = 0; start < batch.numRows; start += blockRows) {
        await file.write(Buffer.from(linesOf(batch, start, Math.min(batch.numRows, start + blockRows))));
      }
      rows += batch.numRows;
    },
    async close() {
      await begin();
      return { rows, sha256: await file.close() };
    },
    async abort() {
      await file.abort();
    },
  };
}

function isWritable(type: DataType): boolean {
  if (DataType.isDictionary(type)) return DataType.isUtf8(type.dictionary);
  if (DataType.isList(type)) return isWritable(type.valueType) && !DataType.isList(type.valueType);
  return (
    DataType.isInt(type) ||
    (DataType.isFloat(type) && type.precision > 0) ||
    DataType.isBool(type) ||
    DataType.isUtf8(type) ||
    DataType.isTimestamp(type)
  );
}

function linesOf(batch: RecordBatch, start: number, end: number): string {
  const columns = batch.data.children.map((column) => cellsOf(column, start, end));
  let text = "";
  for (let row = 0; row < end - start; row += 1) {
    for (let column = 0; column < columns.length; column += 1) {
      if (column > 0) text += ",";
      text += columns[column]![row];
    }
    text += "\n";
  }
  return text;
}

function cellsOf(column: Data, start: number, end: number): string[] {
  const textOf = DataType.isList(column.type) ? jsonReader(column) : textReader(column);
  const quotable =
    DataType.isUtf8(column.type) || DataType.isDictionary(column.type) || DataType.isList(column.type);
  const cells = new Array<string>(end - start);
  for (let row = start; row < end; row += 1) {
    const text = isValid(column, row) ? textOf(row) : undefined;
    cells[row - start] = text === undefined ? "" : quotable ? quoted(text) : text;
  }
  return cells;
}

function isValid(column: Data, row: number): boolean {
  if (column.nullCount === 0) return true;
  const bit = column.offset + row;
  return ((column.nullBitmap[bit >> 3]! >> (bit & 7)) & 1) === 1;
}

/** The text of the value in a row that is not null. */
type Reader = (row: number) => string | undefined;

function textReader(column: Data): Reader {
  const { type, values } = column;
  if (DataType.isBool(type)) {
    return (row) => {
      const bit = column.offset + row;
      return ((values[bit >> 3] >> (bit & 7)) & 1) === 1 ? "true" : "false";
    };
  }
  if (DataType.isTimestamp(type)) {
    const scale = nanosecondsPerUnit(type.unit);
    return (row) => formatInstant((values as BigInt64Array)[row]! * scale);
  }
  if (DataType.isUtf8(type)) {
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    return (row) => bytes.toString("utf8", column.valueOffsets[row], column.valueOffsets[row + 1]);
  }
  if (DataType.isDictionary(type)) {
    const { dictionary } = column;
    const known = new Map<number, string>();
    return (row) => {
      const code = values[row] as number;
      let text = known.get(code);
      if (text === undefined) known.set(code, (text = dictionary!.get(code) as string));
      return text;
    };
  }
  return (row) => (Object.is(values[row], -0) ? "-0" : String(values[row]));
}

function nanosecondsPerUnit(unit: TimeUnit): bigint {
  if (unit === TimeUnit.SECOND) return 1_000_000_000n;
  if (unit === TimeUnit.MILLISECOND) return 1_000_000n;
  return unit === TimeUnit.MICROSECOND ? 1_000n : 1n;
}

function jsonReader(column: Data): Reader {
  const items = column.children[0]!;
  const textOf = textReader(items);
  const json = (item: number) => {
    const text = isValid(items, item) ? textOf(item) : undefined;
    return text === undefined ? "null" : isJsonLiteral(items.type, text) ? text : JSON.stringify(text);
  };
  return (row) => {
    const texts: string[] = [];
    for (let item = column.valueOffsets[row]!; item < column.valueOffsets[row + 1]!; item += 1) {
      texts.push(json(item));
    }
    return `[${texts.join(",")}]`;
  };
}

/** JSON has no word for the infinities and NaN: they stay text. */
function isJsonLiteral(type: DataType, text: string): boolean {
  return (
    DataType.isBool(type) || DataType.isInt(type) || (DataType.isFloat(type) && Number.isFinite(Number(text)))
  );
}

function quoted(text: string): string {
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
