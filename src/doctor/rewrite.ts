import { isDeepStrictEqual } from "node:util";
import type { CompressionCodec, DecodedArray, SchemaElement } from "hyparquet";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { openParquet } from "./parquet.ts";

type Values = ReadonlyMap<string, ArrayLike<unknown>>;

/** What changes in a Parquet file. */
export interface Change {
  /** New values of columns for the rows from `start` to `end`; the other columns stay. */
  values: (columns: Values, start: number, end: number) => ReadonlyMap<string, unknown[]>;
  /** Columns of float64 lists that are added at the end; `values` has them. */
  added?: readonly string[];
}

/** Codecs that both sides have; others become snappy. */
const codecs: readonly CompressionCodec[] = ["SNAPPY", "UNCOMPRESSED"];

/** Descriptions of all columns, which would leave added ones out. */
const columnKeys = new Set(["ARROW:schema", "huggingface", "pandas"]);

/**
 * Writes a Parquet file again with some values changed: same schema, row groups and key-value metadata.
 *
 * @throws Error where a column that must not change would not be read back as it was
 */
export async function rewriteParquet(path: string, draft: string, change: Change): Promise<void> {
  const added = change.added ?? [];
  const file = await openParquet(path);
  try {
    const stored = [...file.columns.keys()];
    const names = [...stored, ...added];
    const codec = file.metadata.row_groups[0]?.columns[0]?.meta_data?.codec ?? "SNAPPY";
    const { key_value_metadata: known = [], created_by: createdBy } = file.metadata;
    const keyValues = added.length === 0 ? known : known.filter(({ key }) => !columnKeys.has(key));
    const writer = new ParquetWriter({
      writer: fileWriter(draft),
      schema: schemaOf(file.metadata.schema, added),
      codec: codecs.includes(codec) ? codec : "SNAPPY",
      // An empty list is written in a way that arrow-rs refuses.
      ...(keyValues.length === 0 ? {} : { kvMetadata: keyValues }),
      ...(createdBy === undefined ? {} : { createdBy }),
    });
    const wanted = async (start: number, end: number) => {
      const columns = await file.read(stored, start, end);
      const changed = change.values(columns, start, end);
      return new Map(
        names.map((name) => [name, changed.get(name) ?? Array.from(columns.get(name) ?? [], plain)]),
      );
    };
    for (const { start, end } of file.groups) {
      const values = await wanted(start, end);
      await writer.write({
        columnData: names.map((name) => ({ name, data: values.get(name) as DecodedArray })),
        rowGroupSize: end - start,
      });
    }
    await writer.finish();
    const written = await openParquet(draft);
    try {
      for (const { start, end } of file.groups) {
        const after = await written.read(names, start, end);
        for (const [name, values] of await wanted(start, end))
          if (!isDeepStrictEqual(Array.from(after.get(name) ?? [], plain), values.map(plain)))
            throw new Error(`column ${name} cannot be written as it is`);
      }
    } finally {
      await written.close();
    }
  } finally {
    await file.close();
  }
}

function schemaOf(schema: readonly SchemaElement[], added: readonly string[]): SchemaElement[] {
  const [root, ...rest] = schema as [SchemaElement, ...SchemaElement[]];
  // The writer knows text by the older mark alone.
  const marked = rest.map((one) =>
    one.logical_type?.type === "STRING" ? { ...one, converted_type: "UTF8" as const } : one,
  );
  return [
    { ...root, num_children: (root.num_children ?? 0) + added.length },
    ...marked,
    ...added.flatMap((name): SchemaElement[] => [
      { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", repetition_type: "OPTIONAL", type: "DOUBLE" },
    ]),
  ];
}

/** Writers take lists as arrays; an absent value has one form. */
function plain(value: unknown): unknown {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(plain);
  if (ArrayBuffer.isView(value) && !(value instanceof Uint8Array))
    return Array.from(value as unknown as ArrayLike<unknown>);
  return value;
}
