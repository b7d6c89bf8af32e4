import { createHash } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import type { RecordBatch } from "apache-arrow";
import { AlignError } from "../errors.ts";
import type { EncodedChunk } from "../parquet/index.ts";

/** A file that is complete. */
export interface Written {
  rows: number;
  /** Of its bytes, in hexadecimal. */
  sha256: string;
}

/** One file of an aligned table being written, batch by batch. Calls must not overlap. */
export interface Sink {
  /** Takes a batch of the sink's schema; the memory under the batch is free again once this resolves. */
  write(batch: RecordBatch): Promise<void>;
  /** For columns that are encoded already, where the format has a way; not to be mixed with `write`. */
  readonly chunks?: ChunkWriting;
  /** Finishes the file and flushes it to the disk. */
  close(): Promise<Written>;
  /** Gives up and removes the file. May be called at any time, also after a failure or twice. */
  abort(): Promise<void>;
}

/** Takes row groups as chunks, column after column in the schema's order. */
export interface ChunkWriting {
  /** Takes the next chunks of a row group; the memory under them is free again once this resolves. */
  write(chunks: readonly EncodedChunk[]): Promise<void>;
  /** Ends a row group of so many rows, whose chunks have all been written. */
  endGroup(rows: number): void;
}

/** A file being written from start to end, whose every failure is an `OUTPUT_WRITE` that names it. */
export class OutputFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #removable: boolean;
  readonly #hash = createHash("sha256");
  #open = true;
  #length = 0;

  private constructor(path: string, handle: FileHandle, removable: boolean) {
    this.path = path;
    this.#handle = handle;
    this.#removable = removable;
  }

  static async create(path: string): Promise<OutputFile> {
    try {
      const handle = await open(path, "w");
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
      const written = this.#writeAll(chunks);
      // The system copies the bytes in the meantime.
      for (const chunk of chunks) this.#hash.update(chunk);
      await written;
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  async #writeAll(chunks: Uint8Array[]): Promise<void> {
    let pending = chunks.filter((chunk) => chunk.byteLength > 0);
    while (pending.length > 0) {
      const { bytesWritten } = await this.#handle.writev(pending);
      this.#length += bytesWritten;
      pending = after(pending, bytesWritten);
    }
  }

  /** Flushes the file to the disk; gives the SHA-256 of what was written, in hexadecimal. */
  async close(): Promise<string> {
    try {
      await this.#handle.sync();
      this.#open = false;
      await this.#handle.close();
      return this.#hash.digest("hex");
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
