import { le } from "./messages.ts";

const COLLECTION_BYTES = 1 << 16;
const HEAD_BYTES = 16;
const MAX_OBJECTS = 0xffff;

/** Where a text is, as the values of a text dataset have it: its length, its collection's address, its number there. */
const REFERENCE_BYTES = 16;

/** Texts, in collections of 64 KiB that are written once they are full (HDF5 "global heap", version 1). */
export class TextHeap {
  readonly #reserve: (bytes: number) => number;
  readonly #write: (address: number, bytes: Uint8Array) => Promise<void>;
  #open: { address: number; bytes: Buffer; used: number; objects: number } | undefined;

  constructor(
    reserve: (bytes: number) => number,
    write: (address: number, bytes: Uint8Array) => Promise<void>,
  ) {
    this.#reserve = reserve;
    this.#write = write;
  }

  /** @returns a reference a text, one after the other */
  async put(texts: readonly string[]): Promise<Uint8Array> {
    const references = Buffer.alloc(texts.length * REFERENCE_BYTES);
    for (const [index, text] of texts.entries()) {
      if (text === "") continue;
      const encoded = Buffer.from(text);
      const size = HEAD_BYTES + Math.ceil(encoded.length / 8) * 8;
      const open = this.#open;
      const isFull =
        open === undefined || open.used + size > open.bytes.length || open.objects === MAX_OBJECTS;
      if (isFull) await this.flush();
      const heap = (this.#open ??= this.#begin(size));
      heap.objects += 1;
      heap.bytes.writeUInt16LE(heap.objects, heap.used);
      heap.bytes.writeBigUInt64LE(BigInt(encoded.length), heap.used + 8);
      heap.bytes.set(encoded, heap.used + HEAD_BYTES);
      heap.used += size;
      const at = index * REFERENCE_BYTES;
      references.writeUInt32LE(encoded.length, at);
      references.writeBigUInt64LE(BigInt(heap.address), at + 4);
      references.writeUInt32LE(heap.objects, at + 12);
    }
    return references;
  }

  /** Writes what is not written yet; the room that is left over is told as free. */
  async flush(): Promise<void> {
    if (this.#open === undefined) return;
    const { address, bytes, used } = this.#open;
    this.#open = undefined;
    if (bytes.length - used >= HEAD_BYTES) bytes.writeBigUInt64LE(BigInt(bytes.length - used), used + 8);
    await this.#write(address, bytes);
  }

  #begin(size: number) {
    const bytes = Buffer.alloc(Math.max(COLLECTION_BYTES, HEAD_BYTES + size));
    bytes.set([...Buffer.from("GCOL"), 1, 0, 0, 0, ...le(bytes.length, 8)]);
    return { address: this.#reserve(bytes.length), bytes, used: HEAD_BYTES, objects: 0 };
  }
}
