import type { KeyValue, SchemaElement } from "hyparquet";
import { type ColumnSource, fileWriter, ParquetWriter } from "hyparquet-writer";
import type { FeatureValues } from "../../episodes/index.ts";
import type { DataColumn } from "./columns.ts";

/** What a cell holds: a number or text, or lists of them, as deep as `depth`. */
export interface TableColumn {
  readonly name: string;
  readonly type: "float32" | "float64" | "int64" | "bool" | "string";
  readonly depth: number;
}

const elements: Record<TableColumn["type"], Partial<SchemaElement>> = {
  float32: { type: "FLOAT" },
  float64: { type: "DOUBLE" },
  int64: { type: "INT64" },
  bool: { type: "BOOLEAN" },
  string: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
};

/** Writes a Parquet file, compressed with Snappy, one row group a call of `write`. Lists are named as Arrow's writers do. */
export function openTable(
  path: string,
  columns: readonly TableColumn[],
  metadata: readonly KeyValue[] = [],
): { write(cells: readonly ColumnSource["data"][]): void; close(): void } {
  const schema: SchemaElement[] = [{ name: "schema", num_children: columns.length }];
  for (const { name, type, depth } of columns) schema.push(...elementsOf(name, type, depth));
  const writer = fileWriter(path);
  const file = new ParquetWriter({ writer, schema, kvMetadata: [...metadata], createdBy: "tagalign" });
  return {
    write(cells) {
      const columnData = columns.map(({ name }, at) => ({ name, data: cells[at]! }));
      const rows = cells[0]?.length ?? 0;
      file.write({ columnData, rowGroupSize: Math.max(1, rows) });
    },
    close() {
      file.finish();
    },
  };
}

function elementsOf(name: string, type: TableColumn["type"], depth: number): SchemaElement[] {
  if (depth === 0) return [{ name, repetition_type: "OPTIONAL", ...elements[type] }];
  return [
    {
      name,
      repetition_type: "OPTIONAL",
      num_children: 1,
      converted_type: "LIST",
      logical_type: { type: "LIST" },
    },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    ...elementsOf("element", type, depth - 1),
  ];
}

/** The cells of a data column: plain values, or a list a frame. */
export function cellsOf(
  { dtype, size }: DataColumn,
  values: FeatureValues | readonly string[],
): ColumnSource["data"] {
  if (dtype === "string") return values as string[];
  const plain =
    dtype === "bool" ? Array.from(values as Uint8Array, (bit) => bit === 1) : (values as Float32Array);
  if (size === 1) return plain as ColumnSource["data"];
  return Array.from({ length: plain.length / size }, (_, row) => [
    ...plain.slice(row * size, (row + 1) * size),
  ]);
}
