import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip, type Gunzip } from "node:zlib";
import { AlignError } from "../errors.ts";

/**
 * The bytes of a file, inflated where it is gzip.
 *
 * @throws AlignError SOURCE_UNREADABLE for a gzip stream that is cut off or damaged
 */
export async function* inflated(source: string, file: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const bytes = createReadStream(file, { highWaterMark: 1 << 20 });
  let gunzip: Gunzip | undefined;
  try {
    if (await isGzip(file)) {
      gunzip = createGunzip({ chunkSize: 1 << 18 });
      bytes.on("error", (cause) => gunzip?.destroy(cause)).pipe(gunzip);
    }
    for await (const part of gunzip ?? bytes) {
      signal?.throwIfAborted();
      yield part as Buffer;
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    if (!code.startsWith("Z_")) throw cause;
    const what = code === "Z_BUF_ERROR" ? "is cut off" : "is damaged";
    throw new AlignError("SOURCE_UNREADABLE", `source ${source}: the gzip stream ${what}`, {
      where: { source, file },
      hint: "copy or export the file again",
      cause,
    });
  } finally {
    bytes.destroy();
    gunzip?.destroy();
  }
}

/**
 * Refuses a compressed file that is cut off or damaged: DuckDB would read the rows before the cut and say nothing.
 * A file that is not gzip passes.
 *
 * @throws AlignError SOURCE_UNREADABLE
 */
export async function requireWholeGzip(source: string, file: string, signal?: AbortSignal): Promise<void> {
  if (!(await isGzip(file))) return;
  const bytes = inflated(source, file, signal);
  while ((await bytes.next()).done !== true);
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
