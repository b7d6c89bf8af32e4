import type { ColumnChunk, DecodedArray, KeyValue, SchemaElement, SchemaTree } from "hyparquet";
import { fileWriter, ParquetWriter, type Writer } from "hyparquet-writer";
import { writeColumn } from "hyparquet-writer/src/column.js";
import { encodeNestedValues } from "hyparquet-writer/src/dremel.js";
import { schemaPathResolver } from "hyparquet-writer/src/schema.js";
import { snappyCompress } from "hyparquet-writer/src/snappy.js";
import type { FeatureValues } from "../../episodes/index.ts";
import type { DataColumn } from "./columns.ts";
import { type Dense, writeDense } from "./dense-chunk.ts";

/** Of one column: cells one by one, or numbers as they lie in memory. */
export type Cells = DecodedArray | Dense;

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
): { write(cells: readonly Cells[]): void; close(): void } {
  const schema: SchemaElement[] = [{ name: "schema", num_children: columns.length }];
  for (const { name, type, depth } of columns) schema.push(...elementsOf(name, type, depth));
  const writer = fileWriter(path);
  const file = new ParquetWriter({
    writer,
    schema,
    // The library gives an empty list a type that some readers refuse.
    ...(metadata.length === 0 ? {} : { kvMetadata: [...metadata] }),
    createdBy: "tagalign",
  });
  const pathOf = schemaPathResolver(schema);
  return {
    write(cells) {
      const start = writer.offset;
      const chunks = columns.map(({ name }, at) => {
        const own = cells[at]!;
        const tree = pathOf([name]);
        for (let [next] = tree.at(-1)!.children; next !== undefined; [next] = next.children) tree.push(next);
        return isDense(own) ? writeDense(writer, own, tree) : writeCells(writer, own, tree);
      });
      const rows = BigInt(rowsOf(cells[0]));
      file.num_rows += rows;
      file.row_groups.push({
        columns: chunks,
        total_byte_size: chunks.reduce((sum, { meta_data }) => sum + meta_data!.total_uncompressed_size, 0n),
        num_rows: rows,
        total_compressed_size: BigInt(writer.offset - start),
      });
    },
    close() {
      file.finish();
    },
  };
}

function isDense(cells: Cells): cells is Dense {
  return "size" in cells;
}

function rowsOf(cells: Cells | undefined): number {
  if (cells === undefined) return 0;
  return isDense(cells) ? cells.values.length / cells.size : cells.length;
}

/** Cells of any kind, in a dictionary where that makes them smaller. */
function writeCells(writer: Writer, cells: DecodedArray, tree: SchemaTree[]): ColumnChunk {
  const schemaPath = tree.map(({ element }) => element);
  const { chunk } = writeColumn({
    writer,
    column: {
      columnName: schemaPath.map(({ name }) => name).join("."),
      element: schemaPath.at(-1)!,
      schemaPath,
      codec: "SNAPPY",
      compressors: { SNAPPY: snappyCompress },
      stats: true,
      pageSize: 1 << 20,
      columnIndex: false,
      offsetIndex: false,
    },
    pageData: encodeNestedValues(tree, cells),
  });
  return chunk;
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

/** The cells of a data column. */
export function cellsOf({ size }: DataColumn, values: FeatureValues | readonly string[]): Cells {
  return Array.isArray(values) ? values : ({ values, size } as Dense);
}
