import { readFileSync } from "node:fs";
import { decompress, isLoaded } from "@foxglove/wasm-zstd";
import { McapIndexedReader, McapStreamReader, type McapTypes } from "@mcap/core";

/** What a reader finds in a file. */
export interface Found {
  readonly header: McapTypes.Header;
  readonly channels: ReadonlyMap<number, McapTypes.Channel>;
  readonly schemas: ReadonlyMap<number, McapTypes.Schema>;
  /** In the order of the reader. */
  readonly messages: readonly McapTypes.Message[];
  readonly metadata: Readonly<Record<string, Record<string, string>>>;
}

const decompressHandlers: McapTypes.DecompressHandlers = {
  zstd: (bytes, size) => decompress(bytes, Number(size)),
};

export async function openIndexed(path: string): Promise<McapIndexedReader> {
  await isLoaded;
  const file = readFileSync(path);
  const readable: McapTypes.IReadable = {
    size: async () => BigInt(file.length),
    read: async (offset, size) => new Uint8Array(file.subarray(Number(offset), Number(offset + size))),
  };
  return McapIndexedReader.Initialize({ readable, decompressHandlers });
}

export async function readIndexed(path: string): Promise<Found> {
  const reader = await openIndexed(path);
  const messages: McapTypes.Message[] = [];
  for await (const message of reader.readMessages()) messages.push(message);
  const metadata: Record<string, Record<string, string>> = {};
  for await (const record of reader.readMetadata())
    metadata[record.name] = Object.fromEntries(record.metadata);
  const { header, channelsById, schemasById } = reader;
  return { header, channels: channelsById, schemas: schemasById, messages, metadata };
}

export async function readStream(path: string): Promise<Found> {
  await isLoaded;
  const reader = new McapStreamReader({ decompressHandlers, validateCrcs: true });
  reader.append(readFileSync(path));
  let header: McapTypes.Header | undefined;
  const channels = new Map<number, McapTypes.Channel>();
  const schemas = new Map<number, McapTypes.Schema>();
  const messages: McapTypes.Message[] = [];
  const metadata: Record<string, Record<string, string>> = {};
  for (let record = reader.nextRecord(); record !== undefined; record = reader.nextRecord()) {
    if (record.type === "Header") header = record;
    else if (record.type === "Channel") channels.set(record.id, record);
    else if (record.type === "Schema") schemas.set(record.id, record);
    else if (record.type === "Message") messages.push(record);
    else if (record.type === "Metadata") metadata[record.name] = Object.fromEntries(record.metadata);
  }
  if (!reader.done()) throw new Error("the file ends before its records do");
  return { header: header!, channels, schemas, messages, metadata };
}

/** Messages of a topic, in the order of the reader, with JSON bodies parsed. */
export function onTopic({ channels, messages }: Found, topic: string) {
  const channel = [...channels.values()].find((one) => one.topic === topic);
  return messages
    .filter(({ channelId }) => channelId === channel?.id)
    .map(({ logTime, publishTime, sequence, data }) => ({
      logTime,
      publishTime,
      sequence,
      data,
      body: (channel!.messageEncoding === "json"
        ? JSON.parse(Buffer.from(data).toString())
        : undefined) as Record<string, unknown>,
    }));
}

/** The fields of a protobuf message by number: numbers as bigint, all else as bytes. */
export function protoFields(bytes: Uint8Array): Map<number, bigint | Uint8Array> {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const fields = new Map<number, bigint | Uint8Array>();
  while (at < bytes.length) {
    const key = Number(varint());
    if ((key & 7) === 0) fields.set(key >> 3, varint());
    else if ((key & 7) === 2) {
      const length = Number(varint());
      fields.set(key >> 3, bytes.subarray(at, at + length));
      at += length;
    } else throw new Error(`wire type ${key & 7}`);
  }
  return fields;
}
