import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { decompress, isLoaded } from "@foxglove/wasm-zstd";
import {
  bytesAt,
  chunkRecords,
  type Fields,
  fileRecords,
  type McapRecord,
  magic,
  type RecordName,
} from "./records.ts";
import { checkSummary, type SummaryRecord } from "./summary.ts";

/** Groups of findings in MCAP files. */
export type McapCheck =
  | "mcap.structure"
  | "mcap.crc"
  | "mcap.channels"
  | "mcap.chunks"
  | "mcap.indexes"
  | "mcap.summary"
  | "mcap.order"
  | "mcap.chunked"
  | "mcap.header"
  | "mcap.compression";

export type Say = (check: McapCheck, detail: string) => void;

/** What is known of a chunk once its records are read. */
interface ChunkFacts {
  offset: number;
  bytes: number;
  startNs: bigint;
  endNs: bigint;
  compression: string;
  compressed: bigint;
  uncompressed: bigint;
  /** By channel: times and places of its messages; undefined where the chunk could not be opened. */
  messages: Map<number, string[]> | undefined;
  /** By channel: place of its MessageIndex in the file. */
  indexes: Map<number, number>;
  indexBytes: number;
}

/** All that is read in the data section. */
export interface RecordingFacts {
  schemas: Map<number, string>;
  channels: Map<number, string>;
  topics: Map<number, string>;
  chunks: Map<number, ChunkFacts>;
  /** Record bytes by place. */
  attachments: Map<number, number>;
  metadata: Map<number, string>;
  counts: Map<number, bigint>;
  messages: number;
  least: bigint | undefined;
  latest: bigint | undefined;
  /** Whether every chunk could be opened, so that counts are whole. */
  isWhole: boolean;
}

/** Reads every record of a recording and tells what contradicts the format or another record. */
export async function examineRecording(path: string, say: Say): Promise<RecordingFacts> {
  await isLoaded;
  const reading = new Reading(say);
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (!(await bytesAt(file, 0, 8)).equals(magic)) say("mcap.structure", "no magic at the start");
    else if (size < 16 || !(await bytesAt(file, size - 8, 8)).equals(magic))
      say("mcap.structure", "no magic at the end: the file is cut short");
    for await (const record of fileRecords(file, size)) reading.take(record);
    reading.finish();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    say("mcap.structure", cause.message);
  } finally {
    await file.close();
  }
  return reading.facts;
}

class Reading {
  readonly facts: RecordingFacts = {
    schemas: new Map(),
    channels: new Map(),
    topics: new Map(),
    chunks: new Map(),
    attachments: new Map(),
    metadata: new Map(),
    counts: new Map(),
    messages: 0,
    least: undefined,
    latest: undefined,
    isWhole: true,
  };
  readonly #say: Say;
  readonly #summary: SummaryRecord[] = [];
  #first = true;
  #isSummary = false;
  #footer: McapRecord | undefined;
  /** CRC of the summary so far, and where it began. */
  #summaryCrc: number | undefined;
  #chunk: ChunkFacts | undefined;

  constructor(say: Say) {
    this.#say = say;
  }

  take(record: McapRecord): void {
    const say = this.#say;
    if (this.#first && record.name !== "Header") say("mcap.structure", `it begins with ${record.name}`);
    this.#first = false;
    if (this.#footer !== undefined) say("mcap.structure", `${record.name} after the Footer`);
    if (record.name === "Footer") this.#takeFooter(record);
    else if (this.#isSummary) this.#takeSummary(record);
    else if (record.name === "DataEnd") {
      this.#isSummary = true;
      const crc = record.fields.u32();
      if (crc !== 0 && crc !== record.crcBefore)
        say("mcap.crc", "the data section has another CRC than DataEnd");
    } else this.#takeData(record);
  }

  finish(): void {
    if (!this.#isSummary) this.#say("mcap.structure", "no DataEnd");
    if (this.#footer === undefined) this.#say("mcap.structure", "no Footer");
    else checkSummary(this.facts, this.#summary, this.#footer, this.#say);
  }

  #takeFooter(record: McapRecord): void {
    this.#footer = record;
    const [start, , crc] = [record.fields.u64(), record.fields.u64(), record.fields.u32()];
    record.fields.at = 0;
    const head = Buffer.alloc(9);
    head.writeUInt8(2, 0);
    head.writeBigUInt64LE(BigInt(record.fields.all.length), 1);
    const found = crc32(record.fields.all.subarray(0, 16), crc32(head, this.#summaryCrc ?? 0));
    if (crc !== 0 && start !== 0n && crc !== found)
      this.#say("mcap.crc", "the summary has another CRC than the Footer");
  }

  #takeSummary(record: McapRecord): void {
    const { name, offset, bytes, fields } = record;
    const head = Buffer.alloc(9);
    head.writeUInt8(opcodes[name] ?? 0, 0);
    head.writeBigUInt64LE(BigInt(fields.all.length), 1);
    this.#summaryCrc = crc32(fields.all, crc32(head, this.#summaryCrc ?? 0));
    this.#summary.push({ name, offset, bytes, fields });
  }

  #takeData(record: McapRecord): void {
    const { name, offset, bytes, fields } = record;
    switch (name) {
      case "Header": {
        if (offset !== magic.length) this.#say("mcap.structure", "a second Header");
        const [profile, library] = [fields.text(), fields.text()];
        if (!["", "ros1", "ros2"].includes(profile))
          this.#say("mcap.header", `profile ${profile} is not known`);
        if (library === "") this.#say("mcap.header", "the library is not named");
        return;
      }
      case "Schema":
      case "Channel":
        this.#define(name, fields);
        return;
      case "Message":
        this.#say("mcap.chunked", `a message at byte ${offset}`);
        this.#message(fields, undefined, 0);
        return;
      case "Chunk":
        this.#openChunk(record);
        return;
      case "MessageIndex":
        this.#messageIndex(record);
        return;
      case "Attachment":
        this.facts.attachments.set(offset, bytes);
        this.#attachment(fields, offset);
        return;
      case "Metadata":
        this.facts.metadata.set(offset, fields.text());
        return;
      case "Unknown":
        return;
      default:
        this.#say("mcap.structure", `${name} in the data section`);
    }
  }

  #attachment(fields: Fields, offset: number): void {
    const { all } = fields;
    const crc = all.readUInt32LE(all.length - 4);
    if (crc !== 0 && crc !== crc32(all.subarray(0, all.length - 4)))
      this.#say("mcap.crc", `the attachment at byte ${offset} has another CRC`);
  }

  #define(kind: "Schema" | "Channel", fields: Fields): void {
    const content = fields.all.toString("latin1");
    const id = fields.u16();
    const known = kind === "Schema" ? this.facts.schemas : this.facts.channels;
    if (kind === "Schema" && id === 0) this.#say("mcap.channels", "a Schema with id 0");
    if ((known.get(id) ?? content) !== content)
      this.#say("mcap.channels", `${kind} ${id} is defined twice, differently`);
    known.set(id, content);
    if (kind === "Schema") return;
    const schema = fields.u16();
    this.facts.topics.set(id, fields.text());
    if (schema !== 0 && !this.facts.schemas.has(schema))
      this.#say("mcap.channels", `Channel ${id} names Schema ${schema}, which is missing`);
  }

  #message(fields: Fields, chunk: Map<number, string[]> | undefined, at: number): bigint {
    const facts = this.facts;
    const channel = fields.u16();
    fields.u32();
    const time = fields.u64();
    if (!facts.channels.has(channel))
      this.#say("mcap.channels", `a message of Channel ${channel} before the channel`);
    if (facts.latest !== undefined && time < facts.latest)
      this.#say("mcap.order", `log time ${time} after ${facts.latest}`);
    if (facts.latest === undefined || time > facts.latest) facts.latest = time;
    if (facts.least === undefined || time < facts.least) facts.least = time;
    facts.counts.set(channel, (facts.counts.get(channel) ?? 0n) + 1n);
    facts.messages += 1;
    if (chunk !== undefined) {
      const places = chunk.get(channel) ?? [];
      places.push(`${time}@${at}`);
      chunk.set(channel, places);
    }
    return time;
  }

  #openChunk({ offset, bytes, fields }: McapRecord): void {
    const [startNs, endNs, uncompressed] = [fields.u64(), fields.u64(), fields.u64()];
    const [crc, compression, compressed] = [fields.u32(), fields.text(), fields.u64()];
    const stored = fields.rest();
    const chunk: ChunkFacts = {
      offset,
      bytes,
      startNs,
      endNs,
      compression,
      compressed,
      uncompressed,
      messages: undefined,
      indexes: new Map(),
      indexBytes: 0,
    };
    // Indexes of a chunk follow it at once, so that places of the one before are needed no longer.
    for (const places of this.#chunk?.messages?.values() ?? []) places.length = 0;
    this.#chunk = chunk;
    this.facts.chunks.set(offset, chunk);
    const what = `the chunk at byte ${offset}`;
    if (compressed !== BigInt(stored.length))
      this.#say("mcap.chunks", `${what} has ${stored.length} bytes, not ${compressed}`);
    const records = this.#decompressed(what, stored, compression, uncompressed);
    if (records === undefined) {
      this.facts.isWhole = false;
      return;
    }
    if (uncompressed !== BigInt(records.length))
      this.#say("mcap.chunks", `${what} is ${records.length} bytes opened, not ${uncompressed}`);
    if (crc !== 0 && crc !== crc32(records)) this.#say("mcap.crc", `${what} has another CRC`);
    chunk.messages = new Map();
    let least: bigint | undefined;
    let latest: bigint | undefined;
    for (const record of chunkRecords(records)) {
      if (record.name === "Message") {
        const time = this.#message(record.fields, chunk.messages, record.offset);
        if (least === undefined || time < least) least = time;
        if (latest === undefined || time > latest) latest = time;
      } else if (record.name === "Schema" || record.name === "Channel")
        this.#define(record.name, record.fields);
      else if (record.name !== "Unknown") this.#say("mcap.structure", `${record.name} in ${what}`);
    }
    if (startNs !== (least ?? 0n) || endNs !== (latest ?? 0n))
      this.#say(
        "mcap.chunks",
        `${what} says ${startNs} to ${endNs}, and holds ${least ?? 0n} to ${latest ?? 0n}`,
      );
  }

  #decompressed(what: string, stored: Buffer, compression: string, bytes: bigint): Buffer | undefined {
    if (compression === "") return stored;
    if (compression !== "zstd") {
      this.#say("mcap.compression", `${what} is compressed as ${compression}`);
      return undefined;
    }
    try {
      return Buffer.from(decompress(stored, Number(bytes)));
    } catch {
      this.#say("mcap.chunks", `${what} cannot be decompressed`);
      return undefined;
    }
  }

  #messageIndex({ offset, bytes, fields }: McapRecord): void {
    const chunk = this.#chunk;
    const channel = fields.u16();
    if (chunk === undefined) {
      this.#say("mcap.indexes", "a MessageIndex without a chunk");
      return;
    }
    chunk.indexes.set(channel, offset);
    chunk.indexBytes += bytes;
    const end = fields.u32() + fields.at;
    const found: string[] = [];
    while (fields.at < end) found.push(`${fields.u64()}@${fields.u64()}`);
    const real = chunk.messages?.get(channel) ?? [];
    if (chunk.messages !== undefined && found.join() !== real.join())
      this.#say(
        "mcap.indexes",
        `the MessageIndex of Channel ${channel} at byte ${offset} is not of its messages`,
      );
  }
}

const opcodes: Partial<Record<RecordName, number>> = {
  Schema: 3,
  Channel: 4,
  ChunkIndex: 8,
  AttachmentIndex: 10,
  Statistics: 11,
  MetadataIndex: 13,
  SummaryOffset: 14,
};
