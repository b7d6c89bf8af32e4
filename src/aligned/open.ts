import { open } from "node:fs/promises";
import { type DataType, DataType as Type } from "apache-arrow";
import type { FrameTable, TableColumnType } from "../episodes/index.ts";
import { AlignError } from "../errors.ts";
import { openArrowBlocks } from "./arrow.ts";
import type { Blocks } from "./blocks.ts";
import { columnOf, typeOf } from "./columns.ts";
import { openParquetBlocks } from "./parquet.ts";

/** An aligned table in a file, and what its schema says. */
export interface AlignedFile extends FrameTable {
  readonly path: string;
  /** Of the schema: `capture`, `reference_clock`, `clock_maps`, ... */
  readonly metadata: ReadonlyMap<string, string>;
  /** Of each column: `source`, `tag`, `role`, `unit`, `join`. */
  readonly fieldMetadata: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Columns that every aligned table begins with. */
const frameColumns = ["frame_index", "frame_time", "frame_pts", "frame_uncertainty"];

/**
 * Opens a table that `align` wrote: Parquet, or an Arrow IPC file.
 *
 * @throws AlignError SOURCE_UNREADABLE for a file of another kind or a damaged one, SOURCE_NOT_ALIGNED for a table
 *   without the columns of frames
 */
export async function openAlignedFile(path: string): Promise<AlignedFile> {
  const blocks = await openBlocks(path);
  const { schema } = blocks;
  const columns = new Map<string, { type: TableColumnType; items?: TableColumnType }>();
  for (const { name, type } of schema.fields) {
    const kind = typeOf(type);
    if (kind === undefined) throw notAligned(path, `its column "${name}" has type ${type}`);
    columns.set(name, { type: kind, ...itemsOf(type) });
  }
  const missing = frameColumns.find((name) => columns.get(name)?.type !== "int64");
  if (missing !== undefined) throw notAligned(path, `it has no column "${missing}" of int64 ns`);
  return {
    path,
    rows: blocks.rows,
    columns,
    metadata: schema.metadata,
    fieldMetadata: new Map(schema.fields.map((field) => [field.name, field.metadata])),
    async read(names, start, end) {
      const parts = await blocks.read(names, start, end);
      return new Map(names.map((name) => [name, columnOf(parts, name)]));
    },
  };
}

function itemsOf(type: DataType): { items?: TableColumnType } {
  const items = Type.isList(type) ? typeOf(type.valueType) : undefined;
  return items === undefined ? {} : { items };
}

async function openBlocks(path: string): Promise<Blocks> {
  const kind = await magicOf(path);
  if (kind === undefined) throw unreadable(path, "it is neither Parquet nor an Arrow IPC file");
  try {
    return await (kind === "parquet" ? openParquetBlocks(path) : openArrowBlocks(path));
  } catch (cause) {
    if (cause instanceof AlignError) throw cause;
    throw unreadable(path, cause instanceof Error ? cause.message.slice(0, 200) : String(cause), cause);
  }
}

async function magicOf(path: string): Promise<"parquet" | "arrow" | undefined> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(path, cause.code ?? cause.message, cause);
  });
  try {
    const head = Buffer.alloc(6);
    await file.read(head, 0, 6, 0);
    if (head.toString("latin1", 0, 4) === "PAR1") return "parquet";
    return head.toString("latin1") === "ARROW1" ? "arrow" : undefined;
  } finally {
    await file.close();
  }
}

function unreadable(path: string, why: string, cause?: unknown): AlignError {
  return new AlignError("SOURCE_UNREADABLE", `${path} cannot be read: ${why}`, {
    where: { file: path },
    hint: "name the folder of an align result, or its table in Parquet or Arrow; align again if the file is damaged",
    cause,
  });
}

function notAligned(path: string, why: string): AlignError {
  return new AlignError("SOURCE_NOT_ALIGNED", `${path} is not an aligned table: ${why}`, {
    where: { file: path },
    hint: "give a table that `tagalign align` wrote",
  });
}
