import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { AlignError } from "../errors.ts";

/** A run of equal elements: what the log keeps. */
export type Cells = Float64Array | BigInt64Array | Int32Array | Uint32Array | Uint8Array;

export interface LogLimits {
  /** Bytes that stay in memory; what comes later goes to a file. */
  readonly memoryBytes: number;
  /** Bytes that are written at a time; no run is longer. */
  readonly slabBytes: number;
  /** Most samples of a block. */
  readonly blockLength: number;
}

const usualLimits: LogLimits = { memoryBytes: 160 * 2 ** 20, slabBytes: 4 * 2 ** 20, blockLength: 2048 };

/**
 * Runs of cells, kept in the order in which they come and read back by their address: the first ones in memory,
 * the others in one scratch file, so that memory stays bounded however many there are.
 */
export class BlockLog {
  readonly limits: LogLimits;
  readonly #path: () => string;
  #file: number | undefined;
  /** Slabs that stay in memory. */
  readonly #kept: Uint8Array[] = [];
  /** The slab that is being filled, and the address of its first byte. */
  #slab = new Uint8Array(0);
  #start = 0;
  #used = 0;

  /** `path` names a file that does not exist yet. */
  constructor(path: () => string, limits: Partial<LogLimits> = {}) {
    this.#path = path;
    this.limits = { ...usualLimits, ...limits };
  }

  /** Keeps a copy of the first `length` cells; returns its address, in bytes. */
  append(cells: Cells, length: number): number {
    const bytes = new Uint8Array(cells.buffer, cells.byteOffset, length * cells.BYTES_PER_ELEMENT);
    if (this.#used + bytes.length > this.#slab.length) this.#turn(bytes.length);
    this.#slab.set(bytes, this.#used);
    const address = this.#start + this.#used;
    this.#used += Math.ceil(bytes.length / 8) * 8;
    return address;
  }

  /** Copies the run at `address` into `target`, which is as long as the run. */
  read(address: number, target: Cells): void {
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    const { slabBytes } = this.limits;
    const slab = address >= this.#start ? this.#slab : this.#kept[Math.floor(address / slabBytes)];
    if (slab !== undefined) {
      const at = address % slabBytes;
      bytes.set(slab.subarray(at, at + bytes.length));
      return;
    }
    const position = address - this.#kept.length * slabBytes;
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(this.#file as number, bytes, done, bytes.length - done, position + done);
      if (read === 0)
        throw new AlignError("OUTPUT_TEMPORARY", "a temporary file was cut off while it was used");
      done += read;
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** Begins a new slab, after the full one was kept or written. */
  #turn(needed: number): void {
    const { slabBytes, memoryBytes } = this.limits;
    if (needed > slabBytes) throw new RangeError(`${needed} bytes do not fit a slab of ${slabBytes}`);
    if (this.#slab.length > 0) {
      this.#start += slabBytes;
      if (this.#start <= memoryBytes) this.#kept.push(this.#slab);
      else this.#write(this.#slab, this.#start - slabBytes - this.#kept.length * slabBytes);
    }
    if (this.#slab.length === 0 || this.#start <= memoryBytes) this.#slab = new Uint8Array(slabBytes);
    this.#used = 0;
  }

  #write(bytes: Uint8Array, position: number): void {
    try {
      this.#file ??= openSync(this.#path(), "wx+");
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#file, bytes, done, bytes.length - done, position + done);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new AlignError(
        "OUTPUT_TEMPORARY",
        `a temporary file cannot be written (${code ?? String(cause)})`,
        {
          where: { file: this.#path() },
          hint: "make room there, or name another place in the environment variable TMPDIR",
          cause,
        },
      );
    }
  }
}
