import { DataType, type Field, type List, Message, type Schema, TimeUnit } from "apache-arrow";
import { AlignError } from "../errors.ts";
import type { ChunkColumn } from "./chunk.ts";
import { type Fields, integerType } from "./thrift.ts";

/** A column of a file, and how its values are stored. */
export interface FileColumn {
  field: Field;
  kind: Exclude<ChunkColumn["kind"], "hold">;
  /** Number of parquet.thrift `Type`. */
  physical: number;
  path: string[];
}

/** Numbers of parquet.thrift `Type`. */
const physical = { boolean: 0, int32: 1, int64: 2, double: 5, bytes: 6 } as const;

const [optional, repeated] = [1, 2];

/**
 * The columns of a file with this schema.
 *
 * @throws AlignError OUTPUT_TYPE where a column is none that an aligned table has
 */
export function fileColumns(schema: Schema): FileColumn[] {
  return schema.fields.map((field) => {
    const { type, name } = field;
    const item = DataType.isList(type) ? innermost(type) : type;
    const kind = kindOf(type);
    const stored = DataType.isList(type) && DataType.isUtf8(item) ? physical.bytes : physicalOf(item);
    if (kind === undefined || stored === undefined) {
      const hint = "leave the column out, or write Arrow";
      throw new AlignError(
        "OUTPUT_TYPE",
        `column "${name}" has type ${type}, which is not written as Parquet`,
        {
          hint,
        },
      );
    }
    return { field, kind, physical: stored, path: [name, ...listPath(type)] };
  });
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

function kindOf(type: DataType): FileColumn["kind"] | undefined {
  if (DataType.isList(type)) {
    const kind = DataType.isUtf8(innermost(type)) ? "text" : kindOf(innermost(type));
    return kind === undefined || kind === "status" || DataType.isDictionary(innermost(type))
      ? undefined
      : "list";
  }
  if (DataType.isDictionary(type)) return DataType.isUtf8(type.dictionary) ? "text" : undefined;
  if (DataType.isFloat(type)) return type.precision === 2 ? "number" : undefined;
  if (DataType.isBool(type)) return "boolean";
  if (DataType.isTimestamp(type)) {
    return type.unit === TimeUnit.NANOSECOND && !type.timezone ? "integer" : undefined;
  }
  if (!DataType.isInt(type)) return undefined;
  if (type.bitWidth === 64) return type.isSigned ? "integer" : undefined;
  return type.bitWidth === 32 && !type.isSigned ? "status" : undefined;
}

function physicalOf(type: DataType): number | undefined {
  const kind = kindOf(type);
  if (kind === "number") return physical.double;
  if (kind === "integer") return physical.int64;
  if (kind === "status") return physical.int32;
  if (kind === "boolean") return physical.boolean;
  return kind === "text" ? physical.bytes : undefined;
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
  const stored = DataType.isUtf8(type) ? physical.bytes : physicalOf(type);
  return [{ field_1: stored, field_3: repetition, field_4: name, ...annotation(type) }];
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
