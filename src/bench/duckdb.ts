import {
  BIGINT,
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBValue,
  INTEGER,
} from "@duckdb/node-api";
import type { LoadedPeer, Peer, PeerRun } from "./peer.ts";
import { isValid } from "./series.ts";
import type { JoinTask } from "./subject.ts";
import type { Workload } from "./workloads.ts";

const rowsPerChunk = 2_048;

/** DuckDB's ASOF JOIN over tables in its memory: once to a sum, once kept as a table. */
export async function duckdbPeer(threads: number): Promise<Peer> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`SET threads = ${threads}`);
  const version = String((await connection.runAndReadAll("SELECT version()")).getRows()[0]?.[0]);
  return {
    name: "DuckDB",
    version,
    load: (load) => loadTables(connection, load),
    async close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function loadTables(connection: DuckDBConnection, load: Workload): Promise<LoadedPeer> {
  const groups = tablesOf(load);
  const position = Int32Array.from(load.frames.keys());
  await store(
    connection,
    "frames",
    ["i INTEGER", "t BIGINT"],
    [position, load.frames].map(rowsOf),
    position.length,
  );
  for (const [at, { times, values }] of groups.entries()) {
    const names = values.map((_, column) => `v${column} DOUBLE`);
    await store(
      connection,
      `samples_${at}`,
      ["t BIGINT", ...names],
      [rowsOf(times), ...values],
      times.length,
    );
  }
  const joined = (task: JoinTask, at: number, outer: (value: string) => string) => {
    const columns = groups[at]!.values.map((_, column) => {
      const value =
        task.limitNs === undefined
          ? `s.v${column}`
          : `CASE WHEN f.t - s.t <= ${task.limitNs} THEN s.v${column} END`;
      return `${outer(value)} AS v${column}`;
    });
    return [columns.join(", "), `FROM frames f ASOF LEFT JOIN samples_${at} s ON f.t >= s.t`];
  };
  const each = async (sql: (at: number) => string) => {
    for (const at of groups.keys()) await connection.run(sql(at));
    return undefined;
  };
  return {
    runs(task): PeerRun[] {
      if (task.kind !== "backward") return [];
      return [
        {
          name: "DuckDB ASOF, sum",
          relative: 0,
          run: () => each((at) => `SELECT ${joined(task, at, (value) => `sum(${value})`).join(" ")}`),
        },
        {
          name: "DuckDB ASOF, table",
          relative: 0,
          run: () =>
            each((at) => {
              const [columns, from] = joined(task, at, (value) => value);
              return `CREATE OR REPLACE TEMP TABLE joined_${at} AS SELECT f.i, ${columns} ${from}`;
            }),
          values: async () => {
            const all: Float64Array[] = [];
            for (const [at, { values }] of groups.entries())
              all.push(...(await fetch(connection, at, values.length, load.frames.length)));
            return all;
          },
        },
      ];
    },
    async close() {
      await connection.run("DROP TABLE frames");
      await each((at) => `DROP TABLE samples_${at}`);
      await each((at) => `DROP TABLE IF EXISTS joined_${at}`);
    },
  };
}

/** Tags that share their times are one table. */
function tablesOf(load: Workload): { times: BigInt64Array; values: Rows[] }[] {
  const groups = new Map<BigInt64Array, Rows[]>();
  for (const { times, values, validity } of load.tags.slice(0, load.peerTags)) {
    const rows = (start: number, end: number) =>
      Array.from(values.subarray(start, end), (value, i) => (isValid(validity, start + i) ? value : null));
    groups.set(times, [...(groups.get(times) ?? []), rows]);
  }
  return [...groups].map(([times, values]) => ({ times, values }));
}

/** Some rows of a column. */
type Rows = (start: number, end: number) => DuckDBValue[];

const rowsOf =
  (column: Int32Array | BigInt64Array): Rows =>
  (start, end) => [...column.subarray(start, end)];

async function store(
  connection: DuckDBConnection,
  name: string,
  declared: readonly string[],
  columns: readonly Rows[],
  length: number,
): Promise<void> {
  await connection.run(`CREATE OR REPLACE TABLE ${name} (${declared.join(", ")})`);
  const types = declared.map((one) =>
    one.endsWith("BIGINT") ? BIGINT : one.endsWith("DOUBLE") ? DOUBLE : INTEGER,
  );
  const appender = await connection.createAppender(name);
  for (let start = 0; start < length; start += rowsPerChunk) {
    const end = Math.min(start + rowsPerChunk, length);
    const chunk = DuckDBDataChunk.create(types, end - start);
    for (const [at, column] of columns.entries()) chunk.setColumnValues(at, column(start, end));
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

async function fetch(
  connection: DuckDBConnection,
  at: number,
  columns: number,
  rows: number,
): Promise<Float64Array[]> {
  const out = Array.from({ length: columns }, () => new Float64Array(rows).fill(Number.NaN));
  const result = await connection.stream(`SELECT * FROM joined_${at}`);
  for (
    let chunk = await result.fetchChunk();
    chunk !== null && chunk.rowCount > 0;
    chunk = await result.fetchChunk()
  ) {
    const [position, ...values] = chunk.getColumns() as [number[], ...(number | null)[][]];
    for (const [column, items] of values.entries())
      for (const [row, value] of items.entries()) out[column]![position[row]!] = value ?? Number.NaN;
  }
  return out;
}
