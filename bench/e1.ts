import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ratios, spread } from "../src/bench/measure.ts";
import type { Job } from "../src/bench/results.ts";
import { type AlignRun, printRun, runAlign } from "./align.ts";
import { type CaptureSize, type JobSpec, makeCapture, usualJob, writeManifest } from "./capture.ts";
import { heartAlone } from "./heart.ts";
import { requireEqualToDuckDb } from "./oracle.ts";
import { hasPython, python } from "./peers/python.ts";
import { requireSameTable } from "./peers/sameness.ts";
import { runMeasured, runNode, type Usage } from "./processes.ts";
import { finish, isSmoke } from "./results.ts";

/**
 * E1: one hour at 30 fps, 200 tags out of a historian of 7 million rows, beside the same job in polars, pandas and
 * DuckDB. The peers have no join for `linear`, so they and we join backward; half of the tags linear is ours alone.
 */
const size: CaptureSize = isSmoke
  ? { rows: 100_000, tags: 10, frames: 3_000 }
  : { rows: 7_000_000, tags: 200, frames: 108_000 };
const rounds = isSmoke ? 1 : 3;

type Wanted = Pick<JobSpec, "joins" | "output" | "provenance">;

const wanted: readonly Wanted[] = [
  { joins: "backward", output: "parquet", provenance: "full" },
  { joins: "backward", output: "arrow", provenance: "full" },
  { joins: "backward", output: "parquet", provenance: "none" },
  { joins: "half linear", output: "parquet", provenance: "full" },
  { joins: "half linear", output: "arrow", provenance: "full" },
];

interface RivalJob {
  name: string;
  naming: "ours" | "pivot";
  /** It takes so long that one run has to do. */
  isSlow: boolean;
  run(out: string): Promise<Usage>;
}

const dir = await makeCapture(size, ["by-time"]);
const scratch = join(dir, "rivals");
const withPython = await hasPython(["polars", "pandas", "pyarrow"]);
if (!withPython)
  console.log(
    "polars and pandas are not here: pip install polars pandas pyarrow; PYTHON names the interpreter",
  );

const jobs: Job[] = [];
for (const one of wanted) jobs.push(await measureJob(one));
const alone = await heartAlone(dir, size, rounds);
const whole = jobs.find(({ name }) => name === jobName(wanted[0]!))!;
const cpuShare = 1 - alone.cpuMs.median / whole.cpuMs.median;
console.log(
  `aligning alone, in memory: ${alone.wallMs.median.toFixed(0)} ms wall, ${alone.cpuMs.median.toFixed(0)} ms CPU; ` +
    `reading and writing are ${cpuShare.toFixed(2)} of the job's CPU time`,
);
await finish("e1", { size: isSmoke ? "small" : "full", capture: size, jobs, alone, cpuShare });

function jobName({ joins, output, provenance }: Wanted): string {
  const what = provenance === "full" ? "with age and status" : "values only";
  return `E1 ${joins}, ${what}, to ${output === "parquet" ? "Parquet" : "Arrow"}`;
}

async function measureJob(job: Wanted): Promise<Job> {
  const name = jobName(job);
  const manifest = await writeManifest(dir, { ...usualJob("by-time", size.tags), ...job });
  const out = join(dir, "out");
  const rivals = job.joins === "backward" ? rivalsOf(job) : [];
  const runs: AlignRun[] = [];
  const found = new Map<string, Usage[]>(rivals.map((rival) => [rival.name, []]));
  await mkdir(scratch, { recursive: true });
  for (let round = 0; round < rounds; round++) {
    const run = await runAlign(manifest, out);
    printRun(name, run);
    runs.push(run);
    if (round === 0 && job.output === "parquet" && job.joins !== "backward")
      await requireEqualToDuckDb(dir, out, size.frames, [0, 1, 2, 3, size.tags - 1]);
    for (const rival of rivals) {
      if (round > 0 && rival.isSlow) continue;
      const theirs = join(scratch, `table.${job.output}`);
      const usage = await rival.run(theirs);
      printRun(`  ${rival.name}`, usage);
      if (round === 0) await requireSameResult(join(out, `aligned.${job.output}`), theirs, job, rival.naming);
      found.get(rival.name)?.push(usage);
      await rm(theirs);
    }
    await rm(out, { recursive: true });
  }
  await rm(scratch, { recursive: true });
  const wall = runs.map(({ wallMs }) => wallMs);
  const middle = [...runs].sort((a, b) => a.wallMs - b.wallMs)[rounds >>> 1]!;
  return {
    name,
    ...summary(runs),
    timingMs: middle.timingMs,
    rivals: [...found].map(([rival, usages]) => ({
      name: rival,
      ...summary(usages),
      ratio: ratios(
        usages.map(({ wallMs }) => wallMs),
        usages.length === wall.length ? wall : [spread(wall).median],
      ),
    })),
  };
}

function summary(runs: readonly Usage[]) {
  return {
    wallMs: spread(runs.map(({ wallMs }) => wallMs)),
    cpuMs: spread(runs.map(({ cpuMs }) => cpuMs)),
    peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)),
  };
}

function rivalsOf({ output, provenance }: Wanted): RivalJob[] {
  const inPython = (library: string) => (out: string) =>
    runMeasured(python, [
      join(import.meta.dirname, "peers/hour.py"),
      library,
      dir,
      out,
      output,
      provenance,
      String(size.tags),
    ]);
  const duckdb = (out: string) =>
    runNode([
      ...process.execArgv,
      join(import.meta.dirname, "peers/hour-duckdb.ts"),
      dir,
      out,
      provenance,
      String(size.tags),
    ]);
  return [
    ...(withPython
      ? [
          { name: "polars", naming: "ours" as const, isSlow: false, run: inPython("polars") },
          { name: "pandas", naming: "ours" as const, isSlow: true, run: inPython("pandas") },
        ]
      : []),
    // It writes no Arrow files.
    ...(output === "parquet"
      ? [{ name: "DuckDB", naming: "pivot" as const, isSlow: true, run: duckdb }]
      : []),
  ];
}

async function requireSameResult(
  ours: string,
  theirs: string,
  job: Wanted,
  naming: RivalJob["naming"],
): Promise<void> {
  if (!existsSync(theirs)) throw new Error(`${theirs} was not written`);
  const asParquet = async (path: string) => {
    if (job.output === "parquet") return path;
    await runMeasured(python, [
      join(import.meta.dirname, "peers/hour.py"),
      "convert",
      path,
      `${path}.parquet`,
      job.output,
      job.provenance,
      "0",
    ]);
    return `${path}.parquet`;
  };
  const [a, b] = [await asParquet(ours), await asParquet(theirs)];
  await requireSameTable(a, b, { tags: size.tags, isFull: job.provenance === "full", naming });
}
