import { spawn } from "node:child_process";

/** What a process took, its start included. */
export interface Usage {
  wallMs: number;
  /** Of all its threads. */
  cpuMs: number;
  /** Largest resident set. */
  peakBytes: number;
}

/** Tells on file descriptor 3 what the process used. VmHWM, because maxRSS also counts the process that forked it. */
const tellUsage = `import { readFileSync, writeSync } from "node:fs";
process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  let peakBytes = process.resourceUsage().maxRSS * 1024;
  try { peakBytes = /VmHWM:\\s*(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1] * 1024; } catch {}
  writeSync(3, JSON.stringify({ cpuMs: (user + system) / 1000, peakBytes }));
});`;

/** Runs a Node program and tells what it used. */
export function runNode(args: readonly string[]): Promise<Usage> {
  return runMeasured(process.execPath, [
    "--import",
    `data:text/javascript,${encodeURIComponent(tellUsage)}`,
    ...args,
  ]);
}

/**
 * Runs a program that itself writes `{ cpuMs, peakBytes }` to file descriptor 3 as it ends.
 *
 * @throws Error where it does not end with status 0
 */
export async function runMeasured(command: string, args: readonly string[]): Promise<Usage> {
  const start = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  let used = "";
  child.stdio[3]?.on("data", (chunk: Buffer) => {
    used += chunk;
  });
  const status = await new Promise((done, fail) => child.on("close", done).on("error", fail));
  const wallMs = performance.now() - start;
  if (status !== 0) throw new Error(`${command} ${args.at(-1)} ended with ${status}`);
  return { wallMs, ...JSON.parse(used) };
}
