import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { baseNs } from "../src/bench/series.ts";
import { type AlignRun, printRun, runAlign } from "./align.ts";
import { cacheDir, cameraAheadNs, historianPath, type JobSpec, usualJob, writeManifest } from "./capture.ts";
import { requireEqualToDuckDb } from "./oracle.ts";
import { finish, isSmoke } from "./results.ts";

/** Captures of a whole day, which must fit into little memory: 86 million samples each. */
interface Day {
  tags: number;
  /** Samples a second of each tag. */
  rate: number;
  /** Frames a second. */
  fps: number;
  job: Pick<JobSpec, "joins" | "provenance">;
  /** Tags whose values DuckDB's own join must give too. */
  checked: readonly number[];
}

const days: Record<string, Day> = {
  "1000 tags at 1 Hz": {
    tags: 1_000,
    rate: 1,
    fps: 10,
    job: { joins: "backward", provenance: "none" },
    checked: [1, 999],
  },
  "1 tag at 1 kHz": {
    tags: 1,
    rate: 1_000,
    fps: 30,
    job: { joins: "half linear", provenance: "full" },
    checked: [0],
  },
};
const seconds = isSmoke ? 60 : 86_400;

const runs: Record<string, AlignRun> = {};
for (const [name, day] of Object.entries(days)) {
  const dir = await makeDay(day);
  const out = join(dir, "out");
  const run = await runAlign(await writeManifest(dir, { ...usualJob("by-time", day.tags), ...day.job }), out);
  printRun(name, run);
  await requireEqualToDuckDb(dir, out, seconds * day.fps, day.checked, day.job.provenance);
  await rm(out, { recursive: true });
  runs[name] = run;
}
await finish("days", { seconds, runs });

/** Times are whole microseconds, in order without a sort: tags follow each other within a period. */
async function makeDay({ tags, rate, fps }: Day): Promise<string> {
  const dir = join(cacheDir, `day-${tags}-${rate}-${fps}-${seconds}`);
  const historian = historianPath(dir, "by-time");
  const frames = join(dir, "frames.parquet");
  if (existsSync(historian) && existsSync(frames)) return dir;
  await mkdir(dir, { recursive: true });
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  const stepUs = 1_000_000 / rate / tags;
  await connection.run(
    `COPY (SELECT printf('TI-%04d.PV', i % ${tags} + 1) AS tag,
       make_timestamp(${baseNs / 1000n} + i * ${stepUs} + (hash(i) % ${stepUs - 1})::BIGINT) AT TIME ZONE 'UTC' AS ts,
       round(50 + 10 * sin(i / ${tags} / 60 + i % ${tags}), 3) AS value,
       (CASE hash(i, 1) % 200 WHEN 0 THEN 24 ELSE 192 END)::UTINYINT AS quality
     FROM range(${seconds * rate * tags}) r(i)) TO '${historian}.part' (FORMAT parquet)`,
  );
  await connection.run(
    `COPY (SELECT ${baseNs + cameraAheadNs} + i * 1000000000 // ${fps} + (hash(i) % 1000000)::BIGINT AS device_ns
     FROM range(${seconds * fps}) r(i)) TO '${frames}.part' (FORMAT parquet)`,
  );
  connection.closeSync();
  instance.closeSync();
  for (const path of [historian, frames]) await rename(`${path}.part`, path);
  return dir;
}
