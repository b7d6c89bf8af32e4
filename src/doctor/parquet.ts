import { type FileHandle, open } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import {
  type AsyncBuffer,
  type Compressors,
  type DecodedArray,
  type FileMetaData,
  type ParquetParsers,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type SchemaTree,
} from "hyparquet";
import { checkPages } from "./pages.ts";

/** What a column holds: lists within lists down to one kind of value. */
interface ColumnKind {
  /** How many lists deep; 0 is one value a row. */
  depth: number;
  /** A numpy name, `string`, `binary`, or `struct`. */
  leaf: string;
}

/** An open Parquet file. */
export interface ParquetFile {
  readonly metadata: FileMetaData;
  readonly rows: number;
  /** First row and end of each row group. */
  readonly groups: readonly { readonly start: number; readonly end: number }[];
  readonly columns: ReadonlyMap<string, ColumnKind>;
  readonly keyValues: ReadonlyMap<string, string>;
  /** Rows from `start` to `end`, which must be bounds of row groups; a null is null or undefined. */
  read(
    columns: readonly string[],
    start: number,
    end: number,
  ): Promise<ReadonlyMap<string, ArrayLike<unknown>>>;
  close(): Promise<void>;
}

/** @throws Error where the file is no Parquet file, or ends early */
export async function openParquet(path: string): Promise<ParquetFile> {
  const handle = await open(path, "r");
  try {
    const file = bufferOf(handle, (await handle.stat()).size);
    const compressors = await decompressors();
    const metadata = await parquetMetadataAsync(file, { parsers: rawParsers, geoparquet: false });
    const groups: { start: number; end: number }[] = [];
    for (const { num_rows: rows } of metadata.row_groups) {
      const start = groups.at(-1)?.end ?? 0;
      groups.push({ start, end: start + Number(rows) });
    }
    const tree = parquetSchema(metadata);
    const checkGroup = async (at: number, columns: ReadonlySet<string>) => {
      for (const { meta_data: chunk } of metadata.row_groups[at]?.columns ?? []) {
        if (chunk === undefined || !columns.has(chunk.path_in_schema[0] ?? "")) continue;
        const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
        const bytes = new Uint8Array(await file.slice(start, start + Number(chunk.total_compressed_size)));
        checkPages({ bytes, metadata: chunk, path: pathOf(tree, chunk.path_in_schema), compressors });
      }
    };
    return {
      metadata,
      rows: Number(metadata.num_rows),
      groups,
      columns: new Map(tree.children.map((node) => [node.element.name, kindOf(node)])),
      keyValues: new Map((metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ""])),
      async read(columns, start, end) {
        const parts = new Map(columns.map((name) => [name, [] as { at: number; data: DecodedArray }[]]));
        if (end > start && columns.length > 0) {
          for (const [at, bounds] of groups.entries())
            if (bounds.start < end && bounds.end > start) await checkGroup(at, new Set(columns));
          await parquetRead({
            file,
            metadata,
            columns: [...columns],
            rowStart: start,
            rowEnd: end,
            compressors,
            parsers: rawParsers,
            geoparquet: false,
            onChunk: ({ columnName, columnData, rowStart }) =>
              parts.get(columnName)?.push({ at: rowStart, data: columnData }),
          });
        }
        return new Map([...parts].map(([name, some]) => [name, joined(name, some, end - start)]));
      },
      close: () => handle.close(),
    };
  } catch (cause) {
    await handle.close();
    throw cause;
  }
}

function pathOf(tree: SchemaTree, names: readonly string[]): SchemaTree[] {
  const path = [tree];
  for (const name of names) {
    const next = path.at(-1)?.children.find(({ element }) => element.name === name);
    if (next === undefined) throw new Error(`the column ${names.join(".")} is not in the schema`);
    path.push(next);
  }
  return path;
}

function bufferOf(handle: FileHandle, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start));
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
        if (bytesRead === 0) throw new Error("the file ends early");
        done += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

/** Times stay whole numbers. */
const rawParsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (value) => value,
  timestampFromMicroseconds: (value) => value,
  timestampFromNanoseconds: (value) => value,
  dateFromDays: (value) => value,
};

async function decompressors(): Promise<Compressors> {
  const zstd = await import("@foxglove/wasm-zstd").then(({ default: module }) => module);
  await zstd.isLoaded;
  return {
    ZSTD: (input, length) => new Uint8Array(zstd.decompress(input, length)),
    GZIP: (input) => new Uint8Array(gunzipSync(input)),
    BROTLI: (input) => new Uint8Array(brotliDecompressSync(input)),
  };
}

function joined(name: string, parts: { at: number; data: DecodedArray }[], rows: number): ArrayLike<unknown> {
  if (parts.length === 1 && parts[0]?.data.length === rows) return parts[0].data;
  const all: unknown[] = [];
  for (const { data } of parts.sort((a, b) => a.at - b.at)) for (const value of data) all.push(value);
  if (all.length !== rows) throw new Error(`column ${name} has ${all.length} values in ${rows} rows`);
  return all;
}

function kindOf(node: SchemaTree, depth = 0): ColumnKind {
  const { element, children } = node;
  const repeated = element.repetition_type === "REPEATED" ? 1 : 0;
  if (children.length === 0) return { depth: depth + repeated, leaf: leafOf(element) };
  const isList = element.converted_type === "LIST" || element.logical_type?.type === "LIST";
  const [middle] = children;
  if (isList && middle?.children.length === 1) return kindOf(middle.children[0] as SchemaTree, depth + 1);
  if (isList && middle?.children.length === 0) return { depth: depth + 1, leaf: leafOf(middle.element) };
  return { depth: depth + (isList ? 1 : 0), leaf: "struct" };
}

const physicalLeaves: Record<string, string> = {
  BOOLEAN: "bool",
  INT32: "int32",
  INT64: "int64",
  FLOAT: "float32",
  DOUBLE: "float64",
  BYTE_ARRAY: "binary",
};

function leafOf({ type, converted_type: converted, logical_type: logical }: SchemaTree["element"]): string {
  if (converted === "UTF8" || logical?.type === "STRING") return "string";
  const integer = /^(U?)INT_(8|16|32|64)$/.exec(converted ?? "");
  if (integer !== null) return `${integer[1] === "U" ? "uint" : "int"}${integer[2]}`;
  if (logical?.type === "FLOAT16") return "float16";
  if (logical?.type === "TIMESTAMP" || converted?.startsWith("TIMESTAMP")) return "timestamp";
  return physicalLeaves[type ?? ""] ?? "binary";
}
