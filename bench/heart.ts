import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { alignFrames, type FrameTag } from "../src/align/index.ts";
import { type Laps, race, type Spread, spread } from "../src/bench/measure.ts";
import { type CaptureSize, cameraAheadNs, columnName, historianPath, limits, tagName } from "./capture.ts";

/** What aligning the hour's tags takes when they lie in memory: no reading, no writing, one thread. */
export async function heartAlone(
  dir: string,
  size: CaptureSize,
  rounds: number,
): Promise<{ wallMs: Spread; cpuMs: Spread }> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const column = async (sql: string) => (await connection.runAndReadAll(sql)).getColumns();
  const [device] = (await column(
    `SELECT device_ns FROM read_parquet('${join(dir, "frames.parquet")}') ORDER BY 1`,
  )) as [bigint[]];
  const frames = BigInt64Array.from(device, (time) => time - cameraAheadNs);
  await connection.run(`CREATE TABLE samples AS SELECT tag, epoch_us(ts) * 1000 AS t, value,
    CASE quality WHEN 192 THEN 0 ELSE 2147483648 END::UINTEGER AS status FROM read_parquet('${historianPath(dir, "by-time")}')`);
  const tags: Record<string, FrameTag> = {};
  for (let at = 0; at < size.tags; at++) {
    const [times, values, status] = (await column(
      `SELECT t, value, status FROM samples WHERE tag = '${tagName(at)}' ORDER BY t`,
    )) as [bigint[], number[], number[]];
    tags[columnName(at)] = {
      times: BigInt64Array.from(times),
      values: Float64Array.from(values),
      status: Uint32Array.from(status),
      tolerance: limits.toleranceNs,
      staleAfter: limits.staleAfterNs,
    };
  }
  connection.closeSync();
  instance.closeSync();
  const run = () => alignFrames({ frames, tags }).numRows;
  run();
  const laps = (await race([{ name: "heart", isSingle: true, run: () => void run() }], rounds)).get(
    "heart",
  ) as Laps;
  return { wallMs: spread(laps.wall), cpuMs: spread(laps.cpu) };
}
