import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Case } from "../clocks/case.ts";
import { python } from "./python.ts";

const script = join(import.meta.dirname, "clocks.py");

/** What pyxdf makes of each case: the offset at every query in s, and its CPU time. */
export async function pyxdfOffsets(
  cases: readonly Case[],
): Promise<{ offsets: Float64Array; cpuMs: number }[]> {
  const dir = await mkdtemp(join(tmpdir(), "tagalign-clocks-"));
  try {
    const asked = [];
    for (const [i, one] of cases.entries()) {
      const paths: Record<string, string> = { out: join(dir, `${i}.out`) };
      for (const key of ["times", "offsets", "queries"] as const) {
        paths[key] = join(dir, `${i}.${key}`);
        await writeFile(paths[key], one[key]);
      }
      asked.push(paths as { out: string });
    }
    const told = await answers(JSON.stringify(asked));
    const offsetsOf = async (path: string) => new Float64Array(new Uint8Array(await readFile(path)).buffer);
    return await Promise.all(
      asked.map(async ({ out }, i) => ({ offsets: await offsetsOf(out), cpuMs: told[i]!.cpuMs })),
    );
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function answers(question: string): Promise<{ cpuMs: number }[]> {
  const child = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(question);
  let text = "";
  for await (const chunk of child.stdout) text += chunk;
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as { cpuMs: number });
}
