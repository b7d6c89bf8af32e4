import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type AlignRun, printRun, runAlign } from "./align.ts";
import { type CaptureSize, makeCapture, usualJob, writeManifest } from "./capture.ts";
import { finish, isSmoke } from "./results.ts";

/** Whether four times the rows, frames or tags take at most about four times as long; quadratic work would take sixteen. */
const full: CaptureSize = isSmoke
  ? { rows: 20_000, tags: 12, frames: 4_000 }
  : { rows: 7_000_000, tags: 200, frames: 108_000 };
const factor = 4;

/** CPU time, because other work on the machine does not change it; smallest sizes are all start-up. */
const mostGrowth = factor * 1.5;

const jobs = {
  full,
  rows: { ...full, rows: full.rows / factor },
  frames: { ...full, frames: full.frames / factor },
  tags: full,
} satisfies Record<string, CaptureSize>;

const runs: Record<string, AlignRun> = {};
for (const [name, size] of Object.entries(jobs)) {
  const dir = await makeCapture(size, ["by-time"]);
  const out = join(dir, "out");
  const tags = name === "tags" ? size.tags / factor : size.tags;
  const run = await runAlign(await writeManifest(dir, usualJob("by-time", tags)), out);
  await rm(out, { recursive: true });
  runs[name] = run;
  printRun(name === "full" ? "all" : `a quarter of the ${name}`, run);
}

const growth: Record<string, { cpu: number; sources: number; align: number; statistics: number }> = {};
const { full: all, ...quarters } = runs as Record<keyof typeof jobs, AlignRun>;
for (const [name, quarter] of Object.entries(quarters)) {
  const stage = (key: string) => (all.timingMs[key] ?? 0) / Math.max(1, quarter.timingMs[key] ?? 0);
  const cpu = all.cpuMs / quarter.cpuMs;
  growth[name] = { cpu, sources: stage("sources"), align: stage("align"), statistics: stage("statistics") };
}
console.log(`growth where one of them is ${factor} times as many`);
for (const [name, { cpu, sources, align, statistics }] of Object.entries(growth)) {
  const shown = { CPU: cpu, sources, align, statistics };
  const parts = Object.entries(shown).map(([what, ratio]) => `${what} ${ratio.toFixed(2)}`);
  console.log(`${name.padEnd(8)} ${parts.join(", ")}`);
}
for (const [name, { cpu }] of Object.entries(growth))
  if (cpu > mostGrowth)
    throw new Error(`${factor} times the ${name} take ${cpu.toFixed(1)} times the CPU time`);
await finish("growth", { full, runs, growth });
