import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";

const names = [
  "Unknown",
  "Header",
  "Footer",
  "Schema",
  "Channel",
  "Message",
  "Chunk",
  "MessageIndex",
  "ChunkIndex",
  "Attachment",
  "AttachmentIndex",
  "Statistics",
  "Metadata",
  "MetadataIndex",
  "SummaryOffset",
  "DataEnd",
] as const;

export type RecordName = (typeof names)[number];

export function recordName(opcode: number): RecordName {
  return names[opcode] ?? "Unknown";
}

/** One record of an MCAP file or of a chunk. */
export interface McapRecord {
  name: RecordName;
  /** Of its opcode, from the start of the file or of the chunk's records. */
  offset: number;
  /** With opcode and length. */
  bytes: number;
  fields: Fields;
  /** CRC-32 of all bytes of the file before this record; 0 within a chunk. */
  crcBefore: number;
}

export const magic = Buffer.from("894d434150300d0a", "hex");

/** More than a record can hold in memory is damage, not data. */
const recordBytesMax = 1 << 30;

/** The records of a file, one in memory at a time. */
export async function* fileRecords(file: FileHandle, fileBytes: number): AsyncGenerator<McapRecord> {
  const end = fileBytes - magic.length;
  let crc = crc32(await bytesAt(file, 0, magic.length));
  for (let offset = magic.length; offset < end; ) {
    const head = await bytesAt(file, offset, 9);
    const length = head.length < 9 ? Number.NaN : Number(head.readBigUInt64LE(1));
    if (!(offset + 9 + length <= end)) throw new RangeError(`the record at byte ${offset} goes past the end`);
    if (length > recordBytesMax) throw new RangeError(`the record at byte ${offset} has ${length} bytes`);
    const content = await bytesAt(file, offset + 9, length);
    const name = recordName(head.readUInt8(0));
    yield { name, offset, bytes: 9 + length, fields: new Fields(content), crcBefore: crc };
    crc = crc32(content, crc32(head, crc));
    offset += 9 + length;
  }
}

/** The records within a chunk. */
export function* chunkRecords(bytes: Buffer): Generator<McapRecord> {
  for (let offset = 0; offset < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(offset + 1));
    if (offset + 9 + length > bytes.length) throw new RangeError(`a record at ${offset} goes past its chunk`);
    const name = recordName(bytes.readUInt8(offset));
    const fields = new Fields(bytes.subarray(offset + 9, offset + 9 + length));
    yield { name, offset, bytes: 9 + length, fields, crcBefore: 0 };
    offset += 9 + length;
  }
}

export async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** The fields of a record, one after the other; reading past the end throws RangeError. */
export class Fields {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u8(): number {
    return this.#bytes.readUInt8((this.at += 1) - 1);
  }
  u16(): number {
    return this.#bytes.readUInt16LE((this.at += 2) - 2);
  }
  u32(): number {
    return this.#bytes.readUInt32LE((this.at += 4) - 4);
  }
  u64(): bigint {
    return this.#bytes.readBigUInt64LE((this.at += 8) - 8);
  }
  /** A uint64 that is a place or a length. */
  number(): number {
    return Number(this.u64());
  }
  text(): string {
    const length = this.u32();
    if (this.at + length > this.#bytes.length) throw new RangeError("a text goes past its record");
    return this.#bytes.toString("utf8", this.at, (this.at += length));
  }
  rest(): Buffer {
    return this.#bytes.subarray(this.at);
  }
  get all(): Buffer {
    return this.#bytes;
  }
}
