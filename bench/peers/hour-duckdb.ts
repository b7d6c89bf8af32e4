/** The hour as a good user of DuckDB writes it: tsx hour-duckdb.ts DIR OUT PROVENANCE TAGS. */
import { DuckDBInstance } from "@duckdb/node-api";

const [directory, out, provenance, tags] = process.argv.slice(2);
const isFull = provenance === "full";
const names = Array.from({ length: Number(tags) }, (_, at) => `'TI-${String(at + 1).padStart(4, "0")}.PV'`);
const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'");
await connection.run(`CREATE TABLE frames AS
  SELECT row_number() OVER () - 1 AS frame_index, device_ns - 180000000 AS frame_time,
    device_ns - first_value(device_ns) OVER (ORDER BY device_ns) AS frame_pts, 5000000::BIGINT AS frame_uncertainty
  FROM read_parquet('${directory}/frames.parquet')`);
const skipped = "CASE WHEN lead(quality) OVER w <> 192 THEN lead(t) OVER w END AS skipped";
await connection.run(`CREATE TABLE samples AS SELECT tag, t, value ${isFull ? ", skipped" : ""} FROM (
    SELECT tag, t, value, quality ${isFull ? `, ${skipped}` : ""}
    FROM (SELECT tag, epoch_us(ts) * 1000 AS t, value, quality FROM read_parquet('${directory}/by-time.parquet'))
    ${isFull ? "WINDOW w AS (PARTITION BY tag ORDER BY t)" : ""}
  ) WHERE quality = 192`);
await connection.run(`COPY (
  WITH wanted AS (SELECT unnest([${names}]) AS tag),
  joined AS (
    SELECT frame_index, frame_time, frame_pts, frame_uncertainty, f.tag,
      CASE WHEN frame_time - t <= 10000000000 THEN value END AS v
      ${
        isFull
          ? `, CASE WHEN frame_time - t <= 10000000000 THEN frame_time - t END AS age,
      CASE WHEN t IS NULL OR frame_time - t > 10000000000 THEN 2157641728
        WHEN frame_time - t > 1000000000 OR skipped <= frame_time THEN 1083179008 ELSE 0 END::UINTEGER AS status`
          : ""
      }
    FROM (frames CROSS JOIN wanted) f ASOF LEFT JOIN samples s ON f.tag = s.tag AND f.frame_time >= s.t
  )
  PIVOT joined ON tag IN (${names}) USING first(v) AS v ${isFull ? ", first(age) AS age, first(status) AS status" : ""}
  GROUP BY frame_index, frame_time, frame_pts, frame_uncertainty ORDER BY frame_index
) TO '${out}' (FORMAT parquet)`);
connection.closeSync();
instance.closeSync();
