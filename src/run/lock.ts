import { open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { AlignError } from "../errors.ts";

const lockPatienceMs = 3_000;

/**
 * Keeps other runs out of a directory that is being changed; the result gives it free. A lock whose process is gone
 * is taken over.
 *
 * @throws AlignError OUTPUT_BUSY where another run holds it for long
 */
export async function lockFolder(dir: string, shown: string): Promise<() => Promise<void>> {
  const path = join(dir, ".tagalign.lock");
  const owner = JSON.stringify({ host: hostname(), pid: process.pid });
  for (const start = Date.now(); ; ) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(owner).finally(() => file.close());
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (await isAbandoned(path)) await rm(path, { force: true });
    else if (Date.now() - start > lockPatienceMs) {
      const hint = "try again when it is done; if no other run is at work, remove the file";
      const message = `another run is publishing into ${shown}`;
      throw new AlignError("OUTPUT_BUSY", message, { where: { file: path }, hint });
    }
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

/** Held by a process of this machine that is gone, or left without an owner's name by one that was killed just then. */
async function isAbandoned(path: string): Promise<boolean> {
  try {
    const text = await readFile(path, "utf8");
    if (text === "") return Date.now() - (await stat(path)).mtimeMs > 1_000;
    const { host, pid } = JSON.parse(text) as { host: string; pid: number };
    if (host !== hostname()) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
