import { DataType, type Field, type List, Message, Precision, type Schema, TimeUnit } from "apache-arrow";
import { AlignError } from "../errors.ts";
import type { ChunkColumn } from "./chunk.ts";
import { type Fields, integerType } from "./thrift.ts";

/** What kind of column an Arrow type is written as. */
export type ColumnKind = ChunkColumn["kind"];

/** A column of a file, and how its values are stored. */
export interface FileColumn {
  field: Field;
  kind: ColumnKind;
  /** Number of parquet.thrift `Type`. */
  physical: number;
  path: string[];
}

/** Numbers of parquet.thrift `Type`; `text` inside lists too. */
const physical = { boolean: 0, status: 1, integer: 2, number: 5, text: 6 } as const;

const [optional, repeated] = [1, 2];

/**
 * The columns of a file with this schema.
 *
 * @throws AlignError OUTPUT_TYPE where a column is none that an aligned table has
 */
export function fileColumns(schema: Schema): FileColumn[] {
  return schema.fields.map((field) => ({
    field,
    kind: kindOf(field),
    physical: physicalOf(field.type),
    path: [field.name, ...listPath(field.type)],
  }));
}

/** @throws AlignError OUTPUT_TYPE where Parquet does not take the type. */
export function kindOf({ name, type }: Field): ColumnKind {
  const kind = DataType.isList(type) ? listKind(type) : flatKind(type);
  if (kind !== undefined) return kind;
  const message = `column "${name}" has type ${type}, which is not written as Parquet`;
  throw new AlignError("OUTPUT_TYPE", message, { hint: "leave the column out, or write Arrow" });
}

/** parquet.thrift `SchemaElement`s: the root, then every column and what is inside it. */
export function schemaElements(columns: readonly FileColumn[]): Fields[] {
  return [
    { field_4: "schema", field_5: columns.length },
    ...columns.flatMap(({ field: { name, nullable, type } }) =>
      elementsOf(name, type, nullable || DataType.isList(type) ? optional : 0),
    ),
  ];
}

/**
 * The schema message of Arrow IPC in base64, under which Arrow's readers find types and metadata that Parquet has no
 * words for.
 */
export function arrowSchema(schema: Schema): string {
  const message = Message.encode(Message.from(schema));
  const padding = -message.length & 7;
  const head = Buffer.alloc(8);
  head.writeInt32LE(-1, 0);
  head.writeInt32LE(message.length + padding, 4);
  return Buffer.concat([head, message, Buffer.alloc(padding)]).toString("base64");
}

function flatKind(type: DataType): Exclude<ColumnKind, "list"> | undefined {
  if (DataType.isDictionary(type)) return DataType.isUtf8(type.dictionary) ? "text" : undefined;
  if (DataType.isFloat(type)) return type.precision === Precision.DOUBLE ? "number" : undefined;
  if (DataType.isBool(type)) return "boolean";
  if (DataType.isTimestamp(type)) {
    return type.unit === TimeUnit.NANOSECOND && !type.timezone ? "integer" : undefined;
  }
  if (!DataType.isInt(type)) return undefined;
  if (type.bitWidth === 64) return type.isSigned ? "integer" : undefined;
  return type.bitWidth === 32 && !type.isSigned ? "status" : undefined;
}

/** Lists hold plain texts, not codes. */
function listKind(type: List): "list" | undefined {
  const item = innermost(type);
  const kind = DataType.isUtf8(item) ? "text" : DataType.isDictionary(item) ? undefined : flatKind(item);
  return kind === undefined || kind === "status" ? undefined : "list";
}

function physicalOf(type: DataType): number {
  return physical[flatKind(innermost(type)) ?? "text"];
}

function innermost(type: DataType): DataType {
  return DataType.isList(type) ? innermost((type as List).valueType) : type;
}

function listPath(type: DataType): string[] {
  return DataType.isList(type) ? ["list", "element", ...listPath(type.valueType)] : [];
}

/** An element in the order of its fields: type, repetition, name, children, converted type, logical type. */
function elementsOf(name: string, type: DataType, repetition: number): Fields[] {
  if (DataType.isList(type)) {
    const list = { field_3: repetition, field_4: name, field_5: 1, field_6: 3, field_10: { field_3: {} } };
    const group = { field_3: repeated, field_4: "list", field_5: 1 };
    return [list, group, ...elementsOf("element", type.valueType, optional)];
  }
  return [{ field_1: physicalOf(type), field_3: repetition, field_4: name, ...annotation(type) }];
}

/** parquet.thrift `ConvertedType` and `LogicalType`, where the stored type does not say it all. */
function annotation(type: DataType): Fields {
  if (DataType.isTimestamp(type)) {
    return { field_10: { field_8: { field_1: false, field_2: { field_3: {} } } } };
  }
  if (DataType.isDictionary(type) || DataType.isUtf8(type)) return { field_6: 0, field_10: { field_1: {} } };
  if (DataType.isInt(type) && !type.isSigned) {
    return { field_6: 13, field_10: { field_10: integerType(32, false) } };
  }
  return {};
}
