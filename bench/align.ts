import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { runNode, type Usage } from "./processes.ts";

/** What one run of the command line took. */
export interface AlignRun extends Usage {
  /** Stages, as its report has them. */
  timingMs: Record<string, number>;
}

const program = join(import.meta.dirname, "../dist/cli/main.js");

/** Runs `tagalign align` of the built package in a process of its own; the result stays in `out`. */
export async function runAlign(manifest: string, out: string): Promise<AlignRun> {
  await rm(out, { recursive: true, force: true });
  const usage = await runNode([program, "align", manifest, "--out", out, "-q"]);
  const report = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
  return { ...usage, timingMs: report.timing_ms };
}

/** One line for the terminal. */
export function printRun(
  name: string,
  { wallMs, cpuMs, peakBytes, timingMs = {} }: Usage & Partial<AlignRun>,
): void {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const stages = Object.entries(timingMs).map(([stage, ms]) => `${stage} ${seconds(ms)}`);
  console.log(
    `${name.padEnd(24)} ${seconds(wallMs)} wall, ${seconds(cpuMs)} CPU, ` +
      [`${(peakBytes / 2 ** 20).toFixed(0)} MiB`, ...stages].join(", "),
  );
}
