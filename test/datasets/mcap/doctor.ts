import { decompress, isLoaded } from "@foxglove/wasm-zstd";

/** What is wrong with an MCAP file, and what is only odd. */
export interface Diagnosis {
  readonly errors: string[];
  readonly warnings: string[];
  readonly messages: number;
}

const MAGIC = "894d434150300d0a";
const names: Record<number, string> = {
  1: "Header",
  2: "Footer",
  3: "Schema",
  4: "Channel",
  5: "Message",
  6: "Chunk",
  7: "MessageIndex",
  8: "ChunkIndex",
  9: "Attachment",
  10: "AttachmentIndex",
  11: "Statistics",
  12: "Metadata",
  13: "MetadataIndex",
  14: "SummaryOffset",
  15: "DataEnd",
};

interface RecordAt {
  readonly name: string;
  /** Of the opcode. */
  readonly offset: number;
  /** With opcode and length. */
  readonly bytes: number;
  readonly fields: Fields;
}

interface ChunkFacts {
  readonly offset: number;
  readonly bytes: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly compression: string;
  readonly compressed: bigint;
  readonly uncompressed: bigint;
  /** By channel: instant and place of every message. */
  readonly messages: Map<number, string[]>;
  /** By channel: place of the MessageIndex record in the file. */
  readonly indexes: Map<number, number>;
  indexBytes: number;
}

/** Examines an MCAP file as the format's own command line tool does, and its indexes as well; shares no code with readers or writers of it. */
export async function diagnose(file: Uint8Array): Promise<Diagnosis> {
  await isLoaded;
  return new Doctor(Buffer.from(file.buffer, file.byteOffset, file.length)).examine();
}

class Doctor {
  readonly #file: Buffer;
  readonly #errors: string[] = [];
  readonly #warnings: string[] = [];
  readonly #schemas = new Map<number, string>();
  readonly #channels = new Map<number, string>();
  readonly #chunks = new Map<number, ChunkFacts>();
  readonly #attachments = new Map<number, RecordAt>();
  readonly #metadata = new Map<number, string>();
  readonly #counts = new Map<number, bigint>();
  readonly #summary = new Map<string, RecordAt[]>();
  #chunk: ChunkFacts | undefined;
  #messages = 0;
  #least: bigint | undefined;
  #latest: bigint | undefined;

  constructor(file: Buffer) {
    this.#file = file;
  }

  examine(): Diagnosis {
    const file = this.#file;
    if (file.subarray(0, 8).toString("hex") !== MAGIC) this.#error("no magic at the start");
    if (file.subarray(-8).toString("hex") !== MAGIC) this.#error("no magic at the end");
    try {
      this.#read();
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      this.#error(`record cut short: ${cause.message}`);
    }
    return { errors: this.#errors, warnings: this.#warnings, messages: this.#messages };
  }

  #error(text: string): void {
    this.#errors.push(text);
  }

  #warn(text: string): void {
    this.#warnings.push(text);
  }

  #read(): void {
    let isSummary = false;
    let footer: RecordAt | undefined;
    let last: RecordAt | undefined;
    for (const record of recordsIn(this.#file, 8, this.#file.length - 8)) {
      if (last === undefined && record.name !== "Header") this.#error(`begins with ${record.name}`);
      if (footer !== undefined) this.#error(`${record.name} after the Footer`);
      last = record;
      if (record.name === "Footer") footer = record;
      else if (isSummary) this.#summarize(record);
      else if (record.name === "DataEnd") {
        isSummary = true;
        const crc = record.fields.u32();
        const found = crc32(this.#file.subarray(0, record.offset));
        if (crc !== 0 && crc !== found) this.#error(`data section has CRC ${found}, DataEnd says ${crc}`);
      } else this.#data(record);
    }
    if (!isSummary) this.#error("no DataEnd");
    if (footer === undefined) this.#error("no Footer");
    else this.#examineSummary(footer);
  }

  #data(record: RecordAt): void {
    const { name, offset, fields } = record;
    switch (name) {
      case "Header": {
        if (offset !== 8) this.#error("a second Header");
        const [profile, library] = [fields.text(), fields.text()];
        if (!["", "ros1", "ros2"].includes(profile)) this.#warn(`unknown profile ${profile}`);
        if (library === "") this.#warn("the library is not named");
        return;
      }
      case "Schema":
      case "Channel":
        this.#define(name, fields);
        return;
      case "Message":
        this.#warn("message outside of a chunk");
        this.#message(fields, undefined, 0);
        return;
      case "Chunk":
        this.#readChunk(record);
        return;
      case "MessageIndex":
        this.#messageIndex(record);
        return;
      case "Attachment":
        this.#attachments.set(offset, record);
        return;
      case "Metadata":
        this.#metadata.set(offset, fields.text());
        return;
      case "Footer":
      case "Unknown":
        return;
      default:
        this.#error(`${name} in the data section`);
    }
  }

  #define(kind: "Schema" | "Channel", fields: Fields): void {
    const content = fields.rest().toString("latin1");
    const id = fields.u16();
    if (kind === "Schema") {
      if (id === 0) this.#error("a Schema with id 0");
      if ((this.#schemas.get(id) ?? content) !== content)
        this.#error(`Schema ${id} defined twice, differently`);
      const [name, encoding, data] = [fields.text(), fields.text(), fields.blob()];
      if (encoding === "" && data.length > 0) this.#error(`Schema ${id} (${name}) has data and no encoding`);
      if (encoding === "jsonschema") this.#requireJson(`Schema ${id}`, data);
      this.#schemas.set(id, content);
      return;
    }
    const schema = fields.u16();
    if (schema !== 0 && !this.#schemas.has(schema))
      this.#error(`Channel ${id} names missing Schema ${schema}`);
    if ((this.#channels.get(id) ?? content) !== content)
      this.#error(`Channel ${id} defined twice, differently`);
    this.#channels.set(id, content);
  }

  #requireJson(what: string, data: Buffer): void {
    try {
      JSON.parse(data.toString());
    } catch {
      this.#error(`${what} is not JSON`);
    }
  }

  #message(fields: Fields, chunk: ChunkFacts | undefined, at: number): bigint {
    const channel = fields.u16();
    fields.u32();
    const time = fields.u64();
    if (!this.#channels.has(channel)) this.#error(`message of Channel ${channel} before the channel`);
    if (this.#latest !== undefined && time < this.#latest)
      this.#warn(`log time ${time} is before ${this.#latest}`);
    if (this.#latest === undefined || time > this.#latest) this.#latest = time;
    if (this.#least === undefined || time < this.#least) this.#least = time;
    this.#counts.set(channel, (this.#counts.get(channel) ?? 0n) + 1n);
    this.#messages += 1;
    if (chunk !== undefined)
      chunk.messages.set(channel, [...(chunk.messages.get(channel) ?? []), `${time}@${at}`]);
    return time;
  }

  #readChunk({ offset, bytes, fields }: RecordAt): void {
    const [startNs, endNs, uncompressed] = [fields.u64(), fields.u64(), fields.u64()];
    const [crc, compression] = [fields.u32(), fields.text()];
    const compressed = fields.u64();
    const stored = fields.rest();
    const chunk: ChunkFacts = {
      offset,
      bytes,
      startNs,
      endNs,
      compression,
      compressed,
      uncompressed,
      messages: new Map(),
      indexes: new Map(),
      indexBytes: 0,
    };
    this.#chunk = chunk;
    this.#chunks.set(offset, chunk);
    const what = `chunk at ${offset}`;
    if (compressed !== BigInt(stored.length))
      this.#error(`${what} has ${stored.length} bytes, not ${compressed}`);
    if (compression !== "" && compression !== "zstd") {
      this.#error(`${what}: compression ${compression}`);
      return;
    }
    let records: Buffer = stored;
    try {
      if (compression === "zstd") records = decompress(stored, Number(uncompressed));
    } catch {
      this.#error(`${what} cannot be decompressed`);
      return;
    }
    if (uncompressed !== BigInt(records.length))
      this.#error(`${what} is ${records.length} bytes, not ${uncompressed}`);
    if (crc !== 0 && crc !== crc32(records)) this.#error(`${what} has CRC ${crc32(records)}, not ${crc}`);
    let [least, latest] = [undefined as bigint | undefined, undefined as bigint | undefined];
    for (const record of recordsIn(records, 0, records.length)) {
      if (record.name === "Message") {
        const time = this.#message(record.fields, chunk, record.offset);
        if (least === undefined || time < least) least = time;
        if (latest === undefined || time > latest) latest = time;
      } else if (record.name === "Schema" || record.name === "Channel")
        this.#define(record.name, record.fields);
      else this.#error(`${record.name} in ${what}`);
    }
    if (startNs !== (least ?? 0n) || endNs !== (latest ?? 0n))
      this.#error(`${what} says ${startNs} to ${endNs}, and holds ${least} to ${latest}`);
  }

  #messageIndex({ offset, bytes, fields }: RecordAt): void {
    const channel = fields.u16();
    const chunk = this.#chunk;
    if (chunk === undefined) {
      this.#error("MessageIndex without a chunk");
      return;
    }
    chunk.indexes.set(channel, offset);
    chunk.indexBytes += bytes;
    const end = fields.u32() + fields.at;
    const found: string[] = [];
    while (fields.at < end) {
      const time = fields.u64();
      found.push(`${time}@${fields.u64()}`);
    }
    const real = chunk.messages.get(channel) ?? [];
    if (found.join() !== real.join())
      this.#error(
        `MessageIndex of Channel ${channel} after the chunk at ${chunk.offset} is not of its messages`,
      );
  }

  #summarize(record: RecordAt): void {
    const { name, fields } = record;
    this.#summary.set(name, [...(this.#summary.get(name) ?? []), record]);
    switch (name) {
      case "Schema":
      case "Channel": {
        const content = fields.rest().toString("latin1");
        const id = fields.u16();
        const known = (name === "Schema" ? this.#schemas : this.#channels).get(id);
        if (known === undefined) this.#error(`${name} ${id} is in the summary and not in the data`);
        else if (known !== content) this.#error(`${name} ${id} differs in the summary`);
        return;
      }
      case "Statistics":
        this.#statistics(fields);
        return;
      case "ChunkIndex":
        this.#chunkIndex(fields);
        return;
      case "AttachmentIndex": {
        const [offset, bytes] = [fields.number(), fields.number()];
        if (this.#attachments.get(offset)?.bytes !== bytes) this.#error(`no attachment at ${offset}`);
        return;
      }
      case "MetadataIndex": {
        const [offset, , metadata] = [fields.number(), fields.number(), fields.text()];
        if (this.#metadata.get(offset) !== metadata) this.#error(`no metadata ${metadata} at ${offset}`);
        return;
      }
      case "SummaryOffset":
      case "Unknown":
        return;
      default:
        this.#error(`${name} in the summary`);
    }
  }

  #statistics(fields: Fields): void {
    if (this.#summary.get("Statistics")!.length > 1) this.#error("Statistics twice");
    const say = (what: string, said: bigint | number, found: bigint | number) => {
      if (BigInt(said) !== BigInt(found)) this.#error(`Statistics say ${said} ${what}, there are ${found}`);
    };
    say("messages", fields.u64(), this.#messages);
    say("schemas", fields.u16(), this.#schemas.size);
    say("channels", fields.u32(), this.#channels.size);
    say("attachments", fields.u32(), this.#attachments.size);
    say("metadata", fields.u32(), this.#metadata.size);
    say("chunks", fields.u32(), this.#chunks.size);
    say("as start", fields.u64(), this.#least ?? 0n);
    say("as end", fields.u64(), this.#latest ?? 0n);
    const end = fields.u32() + fields.at;
    const counts = new Map<number, bigint>();
    while (fields.at < end) {
      const channel = fields.u16();
      counts.set(channel, fields.u64());
    }
    for (const channel of new Set([...counts.keys(), ...this.#counts.keys()]))
      say(`messages of Channel ${channel}`, counts.get(channel) ?? 0n, this.#counts.get(channel) ?? 0n);
  }

  #chunkIndex(fields: Fields): void {
    const [startNs, endNs] = [fields.u64(), fields.u64()];
    const offset = fields.number();
    const chunk = this.#chunks.get(offset);
    if (chunk === undefined) {
      this.#error(`a ChunkIndex names ${offset}, where no chunk is`);
      return;
    }
    const what = `ChunkIndex of the chunk at ${offset}`;
    const say = (fact: string, said: unknown, found: unknown) => {
      if (said !== found) this.#error(`${what} says ${fact} ${said}, not ${found}`);
    };
    say("start", startNs, chunk.startNs);
    say("end", endNs, chunk.endNs);
    say("length", fields.number(), chunk.bytes);
    const end = fields.u32() + fields.at;
    const offsets = new Map<number, number>();
    while (fields.at < end) {
      const channel = fields.u16();
      offsets.set(channel, fields.number());
    }
    for (const channel of new Set([...offsets.keys(), ...chunk.messages.keys()]))
      say(`MessageIndex of Channel ${channel} at`, offsets.get(channel), chunk.indexes.get(channel));
    say("MessageIndex bytes", fields.number(), chunk.indexBytes);
    say("compression", fields.text(), chunk.compression);
    say("compressed size", fields.u64(), chunk.compressed);
    say("size", fields.u64(), chunk.uncompressed);
  }

  #examineSummary(footer: RecordAt): void {
    const { fields, offset } = footer;
    const [start, offsetStart, crc] = [fields.number(), fields.number(), fields.u32()];
    const indexes = this.#summary.get("ChunkIndex")?.length ?? 0;
    if (indexes > 0 && indexes !== this.#chunks.size)
      this.#error(`${indexes} ChunkIndex records for ${this.#chunks.size} chunks`);
    const all = [...this.#summary.values()].flat().sort((a, b) => a.offset - b.offset);
    if (start !== (all[0]?.offset ?? 0)) this.#error(`the summary does not start at ${start}`);
    const offsets = this.#summary.get("SummaryOffset") ?? [];
    if (offsetStart !== 0 && offsets.length > 0 && offsetStart !== offsets[0]!.offset)
      this.#error(`summary offsets do not start at ${offsetStart}`);
    for (const { fields: of } of offsets) {
      const [opcode, groupStart, groupBytes] = [of.u8(), of.number(), of.number()];
      const group = this.#summary.get(names[opcode] ?? "") ?? [];
      const bytes = group.reduce((sum, one) => sum + one.bytes, 0);
      if (group[0]?.offset !== groupStart || bytes !== groupBytes)
        this.#error(`SummaryOffset of ${names[opcode]} says ${groupBytes} bytes at ${groupStart}`);
    }
    const found = crc32(this.#file.subarray(start, offset + 9 + 16));
    if (crc !== 0 && start !== 0 && crc !== found) this.#error(`the summary has CRC ${found}, not ${crc}`);
  }
}

function* recordsIn(bytes: Buffer, start: number, end: number): Generator<RecordAt> {
  for (let offset = start; offset < end; ) {
    const length = Number(bytes.readBigUInt64LE(offset + 1));
    if (offset + 9 + length > end) throw new RangeError(`record at ${offset} goes past ${end}`);
    const name = names[bytes.readUInt8(offset)] ?? "Unknown";
    yield {
      name,
      offset,
      bytes: 9 + length,
      fields: new Fields(bytes.subarray(offset + 9, offset + 9 + length)),
    };
    offset += 9 + length;
  }
}

/** The fields of a record, one after the other. */
class Fields {
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
  number(): number {
    return Number(this.u64());
  }
  blob(): Buffer {
    const length = this.u32();
    return this.#bytes.subarray(this.at, (this.at += length));
  }
  text(): string {
    return this.blob().toString();
  }
  rest(): Buffer {
    return this.#bytes.subarray(this.at);
  }
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes: Buffer): number {
  let value = 0xffff_ffff;
  for (const byte of bytes) value = table[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}
