import { type FileHandle, open } from "node:fs/promises";
import { TextHeap } from "./heap.ts";
import {
  attribute,
  datasetMessages,
  groupMessages,
  type Message,
  objectHeader,
  SUPERBLOCK_BYTES,
  superblock,
  type ValueType,
  valueBytes,
} from "./messages.ts";

const PENDING_BYTES = 1 << 20;

/** The place of an object's header, which groups link to. */
export type Address = number;

/** Texts, or numbers of the dataset's type in row order. */
export type Values = readonly string[] | Float32Array | Float64Array | BigInt64Array | Uint8Array;

/** A bigint becomes int64, a number float64. */
export type Attributes = { readonly [name: string]: Attribute };
export type Attribute = string | bigint | number | boolean | readonly string[];

/**
 * An HDF5 file that is written from its leaves up: datasets, then the groups that link to them, then the root.
 *
 * The file is a function of the calls alone: it holds no times. Values lie in one piece each, uncompressed, so that
 * any number of them pass through without being held in memory.
 */
export class Hdf5Writer {
  readonly #file: FileHandle;
  readonly #texts: TextHeap;
  readonly #pending = Buffer.alloc(PENDING_BYTES);
  #pendingAt = SUPERBLOCK_BYTES;
  #pendingLength = 0;
  #end = SUPERBLOCK_BYTES;

  private constructor(file: FileHandle) {
    this.#file = file;
    this.#texts = new TextHeap(
      (bytes) => this.reserve(bytes),
      (at, bytes) => this.writeAt(at, bytes),
    );
  }

  static async create(path: string): Promise<Hdf5Writer> {
    return new Hdf5Writer(await open(path, "w+"));
  }

  async dataset(
    type: ValueType,
    shape: readonly number[],
    values: Values,
    attributes: Attributes = {},
  ): Promise<Address> {
    const bytes = Array.isArray(values)
      ? await this.#texts.put(values as readonly string[])
      : bytesOf(values as Exclude<Values, readonly string[]>);
    const at = bytes.length === 0 ? 0 : await this.#append(bytes);
    return this.datasetAt(type, shape, at, attributes);
  }

  /** A dataset whose values are where `reserve` has made room for them. */
  async datasetAt(
    type: ValueType,
    shape: readonly number[],
    at: number,
    attributes: Attributes = {},
  ): Promise<Address> {
    const byteLength = shape.reduce((product, size) => product * size, valueBytes[type]);
    return this.#object(datasetMessages(type, shape, at, byteLength), attributes);
  }

  async group(links: { readonly [name: string]: Address }, attributes: Attributes = {}): Promise<Address> {
    return this.#object(groupMessages(Object.entries(links)), attributes);
  }

  /** Makes room at the end of the file, and says where. */
  reserve(byteLength: number): number {
    const at = Math.ceil(this.#end / 8) * 8;
    this.#end = at + byteLength;
    return at;
  }

  async writeAt(at: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
    }
  }

  /** What was written there before. */
  async readAt(at: number, byteLength: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(byteLength);
    for (let done = 0; done < byteLength; ) {
      const { bytesRead } = await this.#file.read(bytes, done, byteLength - done, at + done);
      if (bytesRead === 0) throw new Error(`nothing was written at ${at + done}`);
      done += bytesRead;
    }
    return bytes;
  }

  /** Completes the file; the root's address is that of its group. */
  async finish(root: Address): Promise<void> {
    await this.#texts.flush();
    await this.#flush();
    await this.writeAt(0, superblock(this.#end, root));
    await this.#file.truncate(this.#end);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #object(messages: Message[], attributes: Attributes): Promise<Address> {
    for (const [name, value] of Object.entries(attributes)) messages.push(await this.#attribute(name, value));
    return this.#append(objectHeader(messages));
  }

  async #attribute(name: string, value: Attribute): Promise<Message> {
    if (typeof value === "bigint") return attribute(name, "int64", [], bytesOf(BigInt64Array.of(value)));
    if (typeof value === "number") return attribute(name, "float64", [], bytesOf(Float64Array.of(value)));
    if (typeof value === "boolean") return attribute(name, "bool", [], Uint8Array.of(value ? 1 : 0));
    if (typeof value === "string") return attribute(name, "text", [], await this.#texts.put([value]));
    return attribute(name, "text", [value.length], await this.#texts.put(value));
  }

  async #append(bytes: Uint8Array): Promise<number> {
    const at = this.reserve(bytes.length);
    const gap = at - this.#pendingAt - this.#pendingLength;
    if (gap >= 8 || this.#pendingLength + gap + bytes.length > PENDING_BYTES) {
      await this.#flush();
      this.#pendingAt = at;
    }
    if (bytes.length > PENDING_BYTES) {
      await this.writeAt(at, bytes);
      return at;
    }
    const offset = at - this.#pendingAt;
    this.#pending.fill(0, this.#pendingLength, offset);
    this.#pending.set(bytes, offset);
    this.#pendingLength = offset + bytes.length;
    return at;
  }

  async #flush(): Promise<void> {
    await this.writeAt(this.#pendingAt, this.#pending.subarray(0, this.#pendingLength));
    this.#pendingAt += this.#pendingLength;
    this.#pendingLength = 0;
  }
}

function bytesOf(values: Exclude<Values, readonly string[]>): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
