import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type {
  DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  DuckDBMaterializedResult,
  DuckDBValue,
} from "@duckdb/node-api";
import { AlignError, type ErrorPlace } from "../errors.ts";
import { ChunkGarbage, collectGarbage } from "./garbage.ts";
import { BlockLog, type LogLimits } from "./log.ts";

const require = createRequire(import.meta.url);

/** The element arrays that queries of this room select. */
export type Elements =
  | BigInt64Array
  | Float64Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | Int32Array
  | readonly (string | null)[];

export interface Column {
  /** One entry a row; an entry whose row is null holds anything. */
  readonly items: Elements;
  /** A bit a row from the lowest, 0 where the row is null; null where the column has no null in this chunk. */
  readonly valid: Uint32Array | null;
  /** Set for a list column: where each row's elements lie. */
  readonly list?: { offset(row: number): number; length(row: number): number; elements: Column };
}

/** Whether the row of a column is there. */
export function isValid(valid: Uint32Array | null, row: number): boolean {
  return valid === null || ((valid[row >>> 5]! >>> (row & 31)) & 1) === 1;
}

export interface Chunk {
  readonly rowCount: number;
  column(index: number): Column;
}

/** What DuckDB's vectors hold; the client's typings keep the arrays private, its version is pinned. */
interface RawVector {
  items?: Exclude<Elements, readonly (string | null)[]>;
  itemCount: number;
  validity: { data: BigUint64Array | null; offset: number };
  getItem(index: number): DuckDBValue;
  childVector?: RawVector;
  getEntryOffset?(row: number): number;
  getEntryLength?(row: number): number;
}

/** One embedded DuckDB: every table is read through it. It is started by the first query. Paths in queries are relative to `base`. */
export class Database {
  readonly base: string;
  /** Where samples are kept while they are too many for the heap. */
  readonly log: BlockLog;
  /** Holds what DuckDB spills and what a source writes in passing; removed on close. */
  readonly #scratch: string;
  readonly #threads = Math.min(availableParallelism(), 8);
  #starting: Promise<DuckDBConnection> | undefined;
  #instance: DuckDBInstance | undefined;
  #connection: DuckDBConnection | undefined;
  #names = 0;

  private constructor(base: string, limits: Partial<LogLimits>) {
    this.base = base;
    this.#scratch = mkdtempSync(join(tmpdir(), "tagalign-"));
    this.log = new BlockLog(() => join(this.#scratch, "samples"), limits);
  }

  static async open(base: string, limits: Partial<LogLimits> = {}): Promise<Database> {
    return new Database(base, limits);
  }

  #started(): Promise<DuckDBConnection> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async #start(): Promise<DuckDBConnection> {
    // By require, because import reads each of its many CommonJS files twice, once to find the names that it exports.
    const duckdb = require("@duckdb/node-api") as typeof import("@duckdb/node-api");
    this.#instance = await duckdb.DuckDBInstance.create(":memory:", {
      memory_limit: "1GB",
      temp_directory: join(this.#scratch, "spill"),
      preserve_insertion_order: "true",
      enable_external_file_cache: "false",
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
    });
    const connection = await this.#instance.connect();
    this.#connection = connection;
    await connection.run(`SET threads = ${this.#threads}`);
    await connection.run("SET TimeZone = 'UTC'");
    await connection.run(`SET file_search_path = ${literal(this.base)}`);
    return connection;
  }

  /** Stops a running query; it then fails. */
  interrupt(): void {
    this.#connection?.interrupt();
  }

  close(): void {
    this.log.close();
    this.#connection?.closeSync();
    this.#instance?.closeSync();
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  /** The path of a file that does not exist yet and is removed on close. */
  scratchFile(extension: string): string {
    return join(this.#scratch, `${this.uniqueName("part")}.${extension}`);
  }

  /** A name that no other table or type of this database has. */
  uniqueName(stem: string): string {
    this.#names += 1;
    return `${stem}_${this.#names}`;
  }

  async run(sql: string, place: ErrorPlace): Promise<void> {
    const connection = await this.#started();
    try {
      await connection.run(sql);
    } catch (cause) {
      throw queryError(cause, place);
    }
  }

  /** All rows of a small result. */
  async rows(sql: string, place: ErrorPlace): Promise<DuckDBValue[][]> {
    const connection = await this.#started();
    try {
      return (await connection.runAndReadAll(sql)).getRows();
    } catch (cause) {
      throw queryError(cause, place);
    }
  }

  /**
   * The rows of a result in the query's own row order, chunk by chunk, as typed arrays.
   * One thread computes them, because those that several threads stream may come out of order;
   * it computes the next chunk while the caller is busy with this one.
   */
  async *stream(sql: string, place: ErrorPlace, signal?: AbortSignal): AsyncGenerator<Chunk> {
    signal?.throwIfAborted();
    const connection = await this.#started();
    let next: Promise<DuckDBDataChunk | null> | undefined;
    try {
      await connection.run("SET threads = 1");
      const result = await connection.stream(sql);
      const garbage = new ChunkGarbage();
      for (;;) {
        signal?.throwIfAborted();
        const chunk = await (next ?? result.fetchChunk());
        next = undefined;
        if (chunk === null || chunk.rowCount === 0) return;
        next = result.fetchChunk();
        // It is met where it is awaited, or nobody wants it any more.
        next.catch(() => undefined);
        garbage.add(8 * chunk.rowCount * chunk.columnCount);
        yield chunkOf(chunk);
      }
    } catch (cause) {
      if (signal?.aborted === true || cause instanceof AlignError) throw cause;
      throw queryError(cause, place);
    } finally {
      await next?.catch(() => undefined);
      await connection.run(`SET threads = ${this.#threads}`);
    }
  }

  /**
   * The rows of several results, one result after the other, each in its query's own row order.
   * All threads compute a result, which is kept in memory as a whole, while the caller is busy with the one before it.
   */
  async *streamAll(sqls: readonly string[], place: ErrorPlace, signal?: AbortSignal): AsyncGenerator<Chunk> {
    const connection = await this.#started();
    const begin = (at: number) => {
      const sql = sqls[at];
      signal?.throwIfAborted();
      if (sql === undefined) return undefined;
      const result = connection.run(sql);
      // It is met where it is awaited, or nobody wants it any more.
      result.catch(() => undefined);
      return result;
    };
    let next = begin(0);
    try {
      for (let at = 1; next !== undefined; at++) {
        const chunks = chunksOf(await next);
        next = begin(at);
        for (const chunk of chunks) {
          signal?.throwIfAborted();
          yield chunk;
        }
        collectGarbage();
        // The memory of what was collected is free after a turn of the event loop.
        await turn();
      }
    } catch (cause) {
      if (signal?.aborted === true || cause instanceof AlignError) throw cause;
      throw queryError(cause, place);
    } finally {
      await next?.catch(() => undefined);
    }
  }
}

/** A generator, because it holds the result no longer than there are chunks. */
function* chunksOf(result: DuckDBMaterializedResult): Generator<Chunk> {
  for (let at = 0; at < result.chunkCount; at++) yield chunkOf(result.getChunk(at));
}

function chunkOf(chunk: DuckDBDataChunk): Chunk {
  return {
    rowCount: chunk.rowCount,
    column: (index) => columnOf(chunk.getColumnVector(index) as unknown as RawVector),
  };
}

function columnOf(vector: RawVector): Column {
  const { data } = vector.validity;
  const valid = data === null ? null : new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
  if (vector.childVector !== undefined) {
    return {
      items: [],
      valid,
      list: {
        elements: columnOf(vector.childVector),
        offset: (row) => vector.getEntryOffset?.(row) ?? 0,
        length: (row) => vector.getEntryLength?.(row) ?? 0,
      },
    };
  }
  if (vector.items !== undefined) return { items: vector.items, valid };
  const items: (string | null)[] = new Array(vector.itemCount);
  for (let row = 0; row < items.length; row++) items[row] = vector.getItem(row) as string | null;
  return { items, valid };
}

/** DuckDB's own first sentence says what is wrong; the rest are suggestions for SQL that the user did not write. */
function queryError(cause: unknown, place: ErrorPlace): AlignError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const line = /CSV Error on Line: (\d+)/.exec(text)?.[1];
  const lines = text.split("\n").filter((one) => one.trim() !== "");
  const reason = (line === undefined ? lines.slice(0, 1) : lines.slice(0, 3)).join("; ").slice(0, 400);
  return new AlignError("SOURCE_UNREADABLE", `cannot read the table: ${reason}`, {
    where: line === undefined ? place : { ...place, line: Number(line) },
    hint: "check that the file is complete and is what the manifest says it is; `tagalign inspect FILE` shows what can be read",
    cause,
  });
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The path of one existing file, whose name may hold what DuckDB would take for a glob. */
export function fileLiteral(path: string): string {
  return literal(path.replace(/[[*?]/g, "[$&]"));
}
