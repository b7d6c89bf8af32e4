import { spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/** What one run of the command line took. */
export interface AlignRun {
  wallMs: number;
  /** Of all its threads. */
  userMs: number;
  systemMs: number;
  /** Largest resident set. */
  peakBytes: number;
  /** Stages, as its report has them. */
  timingMs: Record<string, number>;
}

const program = join(import.meta.dirname, "../dist/cli/main.js");

/** Writes what the process used to file descriptor 3. VmHWM, because maxRSS also counts the process that forked it. */
const usage = `import { readFileSync, writeSync } from "node:fs";
process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  let peakBytes = process.resourceUsage().maxRSS * 1024;
  try { peakBytes = /VmHWM:\\s*(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1] * 1024; } catch {}
  writeSync(3, JSON.stringify({ userMs: user / 1000, systemMs: system / 1000, peakBytes }));
});`;

/** Runs `tagalign align` of the built package in a process of its own; the result stays in `out`. */
export async function runAlign(manifest: string, out: string): Promise<AlignRun> {
  await rm(out, { recursive: true, force: true });
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [
      "--import",
      `data:text/javascript,${encodeURIComponent(usage)}`,
      program,
      "align",
      manifest,
      "--out",
      out,
      "-q",
    ],
    { stdio: ["ignore", "inherit", "inherit", "pipe"] },
  );
  let used = "";
  child.stdio[3]?.on("data", (chunk: Buffer) => {
    used += chunk;
  });
  const status = await new Promise((done, fail) => child.on("close", done).on("error", fail));
  const wallMs = performance.now() - start;
  if (status !== 0) throw new Error(`tagalign align ended with ${status}`);
  const report = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
  return { wallMs, ...JSON.parse(used), timingMs: report.timing_ms };
}

/** One line for the terminal. */
export function printRun(name: string, { wallMs, userMs, systemMs, peakBytes, timingMs }: AlignRun): void {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const stages = Object.entries(timingMs).map(([stage, ms]) => `${stage} ${seconds(ms)}`);
  console.log(
    `${name.padEnd(24)} ${seconds(wallMs)} wall, ${seconds(userMs + systemMs)} CPU, ` +
      `${(peakBytes / 2 ** 20).toFixed(0)} MiB; ${stages.join(", ")}`,
  );
}
