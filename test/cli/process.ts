import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

export const main = resolve(import.meta.dirname, "../../dist/cli/main.js");

if (!existsSync(main)) throw new Error(`${main} is not there: run \`npm run build\` first`);

export interface Done {
  status: number | null;
  killedBy: string | null;
  stdout: string;
  stderr: string;
  /** Wall clock time. */
  elapsedMs: number;
}

export interface ProcessOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Sent once the command is well on its way. */
  signal?: { name: NodeJS.Signals; afterMs: number };
  /** The command is killed after so long. */
  limitMs?: number;
  /** Options of node itself. */
  node?: readonly string[];
}

/** Runs the command line as its users do; never fails by itself. */
export async function tagalign(args: readonly string[], options: ProcessOptions = {}): Promise<Done> {
  const { FFPROBE_PATH: _, ...inherited } = process.env;
  const started = performance.now();
  const child = spawn(process.execPath, [...(options.node ?? []), main, ...args], {
    cwd: options.cwd ?? process.cwd(),
    env: { ...inherited, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (texts.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (texts.stderr += text));
  const { signal } = options;
  const timer = signal && setTimeout(() => child.kill(signal.name), signal.afterMs);
  const killer = options.limitMs && setTimeout(() => child.kill("SIGKILL"), options.limitMs);
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (status, killedBy) => {
      clearTimeout(timer);
      clearTimeout(killer);
      done({ status, killedBy, ...texts, elapsedMs: performance.now() - started });
    });
  });
}
