import { openArrow } from "./arrow.ts";
import { openCsv } from "./csv.ts";
import { openJsonl } from "./jsonl.ts";
import { openParquet } from "./parquet.ts";
import type { OpenTable } from "./source.ts";
import { openSql } from "./sql.ts";

/** How each table kind is opened; a new kind is one file and one line here. */
export const openTable = {
  csv: openCsv,
  jsonl: openJsonl,
  parquet: openParquet,
  arrow: openArrow,
  sql: openSql,
} as const satisfies Record<string, OpenTable>;

export type TableKind = keyof typeof openTable;

export { kindOfFile } from "./kind.ts";
export type { TableRequest } from "./source.ts";
export { readVideoFrames, type VideoFrames } from "./video/index.ts";
