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
  /** From the signal, where one was sent, to the end. */
  stoppingMs: number;
}

export interface ProcessOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Sent so long after the command is on its way, which `when` tells. */
  signal?: { name: NodeJS.Signals; afterMs: number; when?: () => boolean };
  /** The command is killed after so long. */
  limitMs?: number;
  /** Options of node itself. */
  node?: readonly string[];
}

/** Runs the command line as its users do; never fails by itself. */
export async function tagalign(args: readonly string[], options: ProcessOptions = {}): Promise<Done> {
  const { FFPROBE_PATH: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [...(options.node ?? []), main, ...args], {
    cwd: options.cwd ?? process.cwd(),
    env: { ...inherited, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (texts.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (texts.stderr += text));
  const { signal } = options;
  let signalledAt = Number.NaN;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const send = () => {
    signalledAt = performance.now();
    child.kill(signal?.name);
  };
  const waitForStart = () => {
    timer = signal?.when?.() === false ? setTimeout(waitForStart, 20) : setTimeout(send, signal?.afterMs);
  };
  if (signal !== undefined) waitForStart();
  const killer = options.limitMs && setTimeout(() => child.kill("SIGKILL"), options.limitMs);
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (status, killedBy) => {
      clearTimeout(timer);
      clearTimeout(killer);
      done({ status, killedBy, ...texts, stoppingMs: performance.now() - signalledAt });
    });
  });
}
