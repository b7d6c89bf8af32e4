import type { Database, Relation } from "../tables/index.ts";

/** What a table kind is told when it opens a source. */
export interface TableRequest {
  /** The source's name, for messages. */
  readonly name: string;
  /** Absolute paths of existing files, in reading order; empty for kind sql. */
  readonly files: readonly string[];
  /** Kind sql only. */
  readonly query?: string;
  /** Columns that hold times: they are read to the last digit, whatever DuckDB would make of them. */
  readonly timeColumns: readonly string[];
  readonly signal?: AbortSignal;
}

/** A kind of table: it turns files into something DuckDB can select from, losing nothing. */
export type OpenTable = (database: Database, request: TableRequest) => Promise<Relation>;
