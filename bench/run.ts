/**
 * Runs benchmarks, each in a fresh process: `npm run bench`, or `npm run bench -- W1 e1`.
 *
 * --smoke    the smallest size of everything, to see that the values are right
 * --json     directory of the figures (default bench/results), all of them together in all.json
 * --compare  an all.json of an earlier run; fails where a ratio is much worse
 * --docs     writes tables and plot into docs/
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compareBenchmarks } from "../src/bench/compare.ts";
import type { BenchReport } from "../src/bench/results.ts";
import { workloadNames } from "../src/bench/workloads.ts";
import { comparisonText } from "../src/cli/bench-text.ts";
import { writeDocs } from "./docs.ts";
import { type AllResults, merge } from "./merge.ts";

const jobs = ["single", "threads", "parquet", "e1", "hour", "csv", "growth", "days", "clocks", "export"];
const names: readonly string[] = [...workloadNames, ...jobs];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: "boolean", default: false },
    json: { type: "string", default: join(import.meta.dirname, "results") },
    compare: { type: "string" },
    docs: { type: "boolean", default: false },
  },
});
const unknown = positionals.find((name) => !names.includes(name));
if (unknown !== undefined) throw new Error(`no such benchmark: ${unknown}; there are ${names.join(", ")}`);
const chosen = positionals.length > 0 ? names.filter((name) => positionals.includes(name)) : names;
const baseline =
  values.compare === undefined ? undefined : JSON.parse(await readFile(values.compare, "utf8"));

const parts: object[] = [];
const failed: string[] = [];
for (const name of chosen) {
  const isJoin = !jobs.includes(name);
  for (const threads of isJoin ? [1, 2] : [undefined]) await runPart(name, threads);
}
const all: AllResults = merge(values.smoke ? "small" : "full", parts as Partial<BenchReport>[]);
await writeFile(join(values.json, "all.json"), `${JSON.stringify(all, null, 2)}\n`);
if (values.docs) await writeDocs(all);
if (baseline !== undefined) {
  const comparison = compareBenchmarks(baseline, all);
  console.log(comparisonText(comparison).join("\n"));
  if (comparison.slower.length > 0) failed.push("the comparison");
}
if (failed.length > 0) throw new Error(`failed: ${failed.join(", ")}`);

async function runPart(name: string, threads: number | undefined): Promise<void> {
  const part = threads === undefined ? name : `${name}-${threads}`;
  console.log(`\n${part}`);
  const started = performance.now();
  const json = join(values.json, `${part}.json`);
  await rm(json, { force: true });
  const args = [
    ...(threads === undefined ? [join(import.meta.dirname, `${name}.ts`)] : joinArgs(name, threads)),
    ...(values.smoke ? ["--smoke"] : []),
    "--json",
    json,
  ];
  const status = await runFresh(args, threads);
  if (status !== 0) failed.push(part);
  if (existsSync(json)) parts.push(JSON.parse(await readFile(json, "utf8")));
  console.log(`${part} took ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

function joinArgs(name: string, threads: number): string[] {
  return [join(import.meta.dirname, "joins.ts"), name, "--threads", String(threads)];
}

function runFresh(args: readonly string[], threads: number | undefined): Promise<unknown> {
  const env = threads === undefined ? process.env : { ...process.env, POLARS_MAX_THREADS: String(threads) };
  const child = spawn(process.execPath, [...process.execArgv, ...args], { stdio: "inherit", env });
  return new Promise((done, fail) => child.on("close", done).on("error", fail));
}
