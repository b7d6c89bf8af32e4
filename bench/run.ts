/**
 * Runs benchmarks, each in a fresh process: `npm run bench`, or `npm run bench -- kernels hour`.
 *
 * --smoke   only the kernels at their smallest size, to see that the values are right
 * --json    directory of the figures (default bench/results)
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";

const names = ["kernels", "hour", "csv", "growth"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: "boolean" }, json: { type: "string" } },
});
const unknown = positionals.find((name) => !names.includes(name));
if (unknown !== undefined) throw new Error(`no such benchmark: ${unknown}; there are ${names.join(", ")}`);
const chosen = positionals.length > 0 ? positionals : values.smoke === true ? ["kernels"] : names;
const dir = values.json ?? join(import.meta.dirname, "results");

for (const name of chosen) {
  console.log(`\n${name}`);
  const args = values.smoke === true ? ["--smoke"] : ["--json", join(dir, `${name}.json`)];
  const status = await runFresh(join(import.meta.dirname, `${name}.ts`), args);
  if (status !== 0) throw new Error(`${name} ended with ${status}`);
}

function runFresh(file: string, args: readonly string[]): Promise<unknown> {
  const child = spawn(process.execPath, [...process.execArgv, file, ...args], { stdio: "inherit" });
  return new Promise((done, fail) => child.on("close", done).on("error", fail));
}
