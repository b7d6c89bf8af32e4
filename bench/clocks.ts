/**
 * How far clock maps are from the truth, beside what others do: `npm run bench -- clocks`.
 *
 * `npx tsx bench/clocks.ts B C "host step 0.5 s"` runs scenarios of these names only, `--seeds N` fewer seeds.
 * `--docs` writes the tables of docs/clocks-benchmark.md.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { firstSeed, scenarios } from "./clocks/catalogue.ts";
import { type FrameLoss, frameLosses, scoreFrames } from "./clocks/frames.ts";
import { measure, type Row } from "./clocks/measure.ts";
import { requireSane } from "./clocks/sanity.ts";
import { clocksTable, framesTable, frameText, rowText } from "./clocks/text.ts";
import { replacePart } from "./docs.ts";
import { hasPython } from "./peers/python.ts";
import { finish, isSmoke } from "./results.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: "boolean" },
    json: { type: "string" },
    seeds: { type: "string" },
    docs: { type: "boolean" },
  },
});
const isChosen = (name: string) => positionals.length === 0 || positionals.includes(name);
const chosen = scenarios.filter(({ name }) => isChosen(name));
const losses = (Object.keys(frameLosses) as FrameLoss[]).filter((name) => isChosen(name));
if (chosen.length + losses.length === 0) throw new Error(`no such scenario: ${positionals.join(", ")}`);
const mostSeeds = isSmoke ? 1 : Number(values.seeds ?? Number.POSITIVE_INFINITY);
const hasPyxdf = !isSmoke && (await hasPython(["pyxdf", "numpy"]));
if (!hasPyxdf && !isSmoke) console.log("pyxdf not measured: pip install pyxdf; PYTHON names the interpreter");

const clocks: Row[] = [];
let group = "";
for (const scenario of chosen) {
  if (scenario.group !== group) console.log(`\n${(group = scenario.group)}: errors in us, p50/p95/p99/max`);
  const row = await measure(scenario, Math.min(mostSeeds, scenario.seeds), hasPyxdf);
  clocks.push(row);
  console.log(rowText(row).join("\n"));
}
if (losses.length > 0) console.log("\nframes: errors of cleaned times in us, p50/p95/p99/max");
const frames = losses.map((name) => scoreFrames(name, firstSeed, Math.min(mostSeeds, 20)));
for (const row of frames) console.log(frameText(row));
if (!isSmoke) {
  const open = clocks.filter(({ gaps }) => gaps.length > 0);
  console.log(`\n${clocks.length - open.length} of ${clocks.length} scenarios meet their targets`);
  for (const { name, group, gaps } of open) console.log(`${group}, ${name}: ${gaps.join("; ")}`);
}
await finish("clocks", { clocks, frames });
if (isSmoke) requireSane(clocks, frames);
if (values.docs === true) {
  const page = join(import.meta.dirname, "../docs/clocks-benchmark.md");
  let text = await readFile(page, "utf8");
  for (const name of new Set(clocks.map((row) => row.group)))
    text = replacePart(text, name, clocksTable(clocks.filter((row) => row.group === name)));
  if (frames.length > 0) text = replacePart(text, "frames", framesTable(frames));
  await writeFile(page, text);
}
