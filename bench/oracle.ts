import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { cameraAheadNs, columnName, historianPath, isLinear, limits, tagName } from "./capture.ts";

/**
 * Holds an aligned capture against DuckDB's own ASOF JOIN over the same files, value and age of every frame, with
 * equality.
 *
 * @param positions which tags
 * @param provenance `none` where the table has no ages
 * @throws Error where one frame differs, or where no frame has a value
 */
export async function requireEqualToDuckDb(
  dir: string,
  out: string,
  frames: number,
  positions: readonly number[],
  provenance: "full" | "none" = "full",
): Promise<void> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run(
    `CREATE TEMP TABLE frames AS SELECT row_number() OVER (ORDER BY device_ns) - 1 AS i, device_ns - ${cameraAheadNs} AS t
     FROM read_parquet('${join(dir, "frames.parquet")}')`,
  );
  for (const position of positions) {
    const name = columnName(position);
    await connection.run(
      `CREATE OR REPLACE TEMP TABLE samples AS SELECT epoch_us(ts) * 1000 AS t, value AS v
       FROM read_parquet('${historianPath(dir, "by-time")}') WHERE tag = '${tagName(position)}' AND quality = 192`,
    );
    const [row] = (
      await connection.runAndReadAll(
        `WITH expected AS (${isLinear(position) ? linearSql : backwardSql}),
         found AS (SELECT frame_index AS i, "${name}" AS v, ${provenance === "full" ? `"${name}.age"` : "NULL"} AS age FROM read_parquet('${join(out, "aligned.parquet")}'))
         SELECT count(*) AS rows, count(e.v) AS filled,
           count(*) FILTER (e.v IS DISTINCT FROM f.v ${provenance === "full" ? "OR e.age IS DISTINCT FROM f.age" : ""}) AS wrong
         FROM expected e FULL JOIN found f USING (i)`,
      )
    ).getRowObjectsJS() as { rows: bigint; filled: bigint; wrong: bigint }[];
    if (row === undefined || row.rows !== BigInt(frames) || row.filled === 0n || row.wrong !== 0n)
      throw new Error(
        `${name} is not what DuckDB gives: of ${row?.rows} frames ${row?.filled} have a value and ${row?.wrong} differ`,
      );
  }
  connection.closeSync();
  instance.closeSync();
}

const backwardSql = `SELECT i, CASE WHEN frames.t - s.t <= ${limits.toleranceNs} THEN s.v END AS v,
  CASE WHEN frames.t - s.t <= ${limits.toleranceNs} THEN frames.t - s.t END AS age
  FROM frames ASOF LEFT JOIN samples s ON frames.t >= s.t`;

const linearSql = `SELECT i, v, CASE WHEN v IS NOT NULL THEN t - t0 END AS age FROM (
  SELECT frames.i, frames.t, a.t AS t0, CASE WHEN a.t = frames.t THEN a.v WHEN b.t - a.t <= ${limits.maxGapNs}
    THEN a.v + ((frames.t - a.t)::DOUBLE / (b.t - a.t)::DOUBLE) * (b.v - a.v) END AS v
  FROM frames ASOF LEFT JOIN samples a ON frames.t >= a.t ASOF LEFT JOIN samples b ON frames.t <= b.t)`;
