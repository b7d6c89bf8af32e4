import { type FileHandle, open, rm } from "node:fs/promises";
import type { RecordBatch } from "apache-arrow";
import { AlignError } from "../errors.ts";

/** One file of an aligned table being written, batch by batch. Calls must not overlap. */
export interface Sink {
  /** Takes a batch of the sink's schema; the memory under the batch is free again once this resolves. */
  write(batch: RecordBatch): Promise<void>;
  /** Finishes the file and flushes it to the disk; tells how many rows it holds. */
  close(): Promise<{ rows: number }>;
  /** Gives up and removes the file. May be called at any time, also after a failure or twice. */
  abort(): Promise<void>;
}

/** A file being written from start to end, whose every failure is an `OUTPUT_WRITE` that names it. */
export class OutputFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #removable: boolean;
  #open = true;
  #length = 0;

  private constructor(path: string, handle: FileHandle, removable: boolean) {
    this.path = path;
    this.#handle = handle;
    this.#removable = removable;
  }

  static async create(path: string): Promise<OutputFile> {
    try {
      const handle = await open(path, "w+");
      return new OutputFile(path, handle, (await handle.stat()).isFile());
    } catch (cause) {
      throw writeError(path, cause);
    }
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  async write(...chunks: Uint8Array[]): Promise<void> {
    try {
      let pending = chunks.filter((chunk) => chunk.byteLength > 0);
      while (pending.length > 0) {
        const { bytesWritten } = await this.#handle.writev(pending);
        this.#length += bytesWritten;
        pending = after(pending, bytesWritten);
      }
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  /** Replaces bytes that were written before. */
  async rewrite(position: number, bytes: Uint8Array): Promise<void> {
    try {
      let done = 0;
      while (done < bytes.length) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  async read(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    try {
      for (let done = 0; done < length; ) {
        const { bytesRead } = await this.#handle.read(bytes, done, length - done, position + done);
        if (bytesRead === 0) throw new Error(`read ${done} of ${length} bytes`);
        done += bytesRead;
      }
    } catch (cause) {
      throw writeError(this.path, cause);
    }
    return bytes;
  }

  async close(): Promise<void> {
    try {
      await this.#handle.sync();
      this.#open = false;
      await this.#handle.close();
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  async abort(): Promise<void> {
    if (this.#open) {
      this.#open = false;
      await this.#handle.close().catch(() => undefined);
    }
    if (this.#removable) await rm(this.path, { force: true });
  }
}

function after(chunks: Uint8Array[], written: number): Uint8Array[] {
  let left = written;
  let index = 0;
  while (index < chunks.length && left >= chunks[index]!.byteLength) left -= chunks[index++]!.byteLength;
  return left === 0 ? chunks.slice(index) : [chunks[index]!.subarray(left), ...chunks.slice(index + 1)];
}

const hints = new Map([
  ["ENOSPC", "make room on this disk or choose another --out"],
  ["EDQUOT", "make room in your quota or choose another --out"],
  ["EACCES", "choose an --out that this user may write"],
  ["EPERM", "choose an --out that this user may write"],
  ["EROFS", "choose an --out on a disk that can be written"],
  ["EISDIR", "the path is a directory: choose another output path"],
]);

/** The error for an output that cannot be written, whatever layer said so. */
export function writeError(path: string, cause: unknown): AlignError {
  if (cause instanceof AlignError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const hint = hints.get(code ?? "") ?? "see whether the disk is there and works";
  return new AlignError("OUTPUT_WRITE", `${path} cannot be written (${code ?? message})`, {
    where: { file: path },
    hint,
    cause,
  });
}
