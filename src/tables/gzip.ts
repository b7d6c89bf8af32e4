import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { AlignError } from "../errors.ts";

/**
 * Refuses a compressed file that is cut off or damaged: DuckDB would read the rows before the cut and say nothing.
 * A file that is not gzip passes.
 *
 * @throws AlignError SOURCE_UNREADABLE
 */
export async function requireWholeGzip(source: string, file: string, signal?: AbortSignal): Promise<void> {
  if (!(await isGzip(file))) return;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    await pipeline(createReadStream(file), createGunzip(), nowhere, signal === undefined ? {} : { signal });
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    const isCut = (cause as NodeJS.ErrnoException).code === "Z_BUF_ERROR";
    throw new AlignError(
      "SOURCE_UNREADABLE",
      `source ${source}: the gzip stream ${isCut ? "is cut off" : "is damaged"}`,
      { where: { source, file }, hint: "copy or export the file again", cause },
    );
  }
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file, "r");
  try {
    const head = Buffer.alloc(2);
    await handle.read(head, 0, 2, 0);
    return head.readUInt16BE(0) === 0x1f8b;
  } finally {
    await handle.close();
  }
}
