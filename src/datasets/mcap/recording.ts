import { open } from "node:fs/promises";
import { compress, isLoaded } from "@foxglove/wasm-zstd";
import { McapWriter } from "@mcap/core";
import { AlignError } from "../../errors.ts";
import { version } from "../../version.ts";
import type { MessageSchema } from "./schemas.ts";

/** A message on its way into a recording. */
export interface RecordedMessage {
  readonly topic: string;
  readonly schema: MessageSchema;
  readonly logTimeNs: bigint;
  readonly publishTimeNs: bigint;
  readonly data: Uint8Array;
}

export interface Recording {
  readonly metadata: readonly (readonly [name: string, values: ReadonlyMap<string, string>])[];
  /** In order of log time. */
  readonly messages: AsyncIterable<RecordedMessage>;
}

/** Bytes of messages that are compressed, and read again, at a time. */
const chunkBytes = 4 << 20;

/**
 * Writes an MCAP file: metadata first, then messages in chunks of 4 MiB, compressed with zstd unless most of them is
 * coded pictures, which zstd does not make smaller; complete indexes, statistics and checksums. A channel is there from
 * its first message on.
 *
 * @returns messages by topic
 * @throws AlignError OUTPUT_TIME where an instant is before 1970, which MCAP does not hold
 */
export async function writeRecording(
  path: string,
  { metadata, messages }: Recording,
): Promise<Record<string, number>> {
  await isLoaded;
  const file = await open(path, "w");
  try {
    let position = 0n;
    let pictureBytes = 0;
    const writer = new McapWriter({
      writable: {
        position: () => position,
        async write(bytes) {
          await file.writeFile(bytes);
          position += BigInt(bytes.length);
        },
      },
      chunkSize: chunkBytes,
      compressChunk(bytes) {
        const isCoded = pictureBytes > bytes.length / 2;
        pictureBytes = 0;
        if (isCoded) return { compression: "", compressedData: bytes };
        return { compression: "zstd", compressedData: compress(bytes) };
      },
    });
    await writer.start({ profile: "", library: `tagalign ${version}` });
    for (const [name, values] of metadata) await writer.addMetadata({ name, metadata: new Map(values) });
    const channels = new Channels(writer);
    for await (const { topic, schema, logTimeNs, publishTimeNs, data } of messages) {
      if (logTimeNs < 0n) throw beforeEpoch(topic, logTimeNs);
      const { id, sequence } = await channels.next(topic, schema);
      if (schema.messageEncoding === "protobuf") pictureBytes += data.length;
      await writer.addMessage({
        channelId: id,
        sequence,
        logTime: logTimeNs,
        publishTime: publishTimeNs < 0n ? logTimeNs : publishTimeNs,
        data,
      });
    }
    await writer.end();
    return channels.counts;
  } finally {
    await file.close();
  }
}

class Channels {
  readonly #writer: McapWriter;
  readonly #schemas = new Map<MessageSchema, number>();
  readonly #channels = new Map<string, { id: number; count: number }>();

  constructor(writer: McapWriter) {
    this.#writer = writer;
  }

  /** The channel of a topic, and the number of the message in it. */
  async next(topic: string, schema: MessageSchema): Promise<{ id: number; sequence: number }> {
    let channel = this.#channels.get(topic);
    if (channel === undefined) {
      const { messageEncoding } = schema;
      const schemaId = await this.#schema(schema);
      const id = await this.#writer.registerChannel({
        topic,
        schemaId,
        messageEncoding,
        metadata: new Map(),
      });
      channel = { id, count: 0 };
      this.#channels.set(topic, channel);
    }
    const sequence = channel.count;
    channel.count += 1;
    return { id: channel.id, sequence };
  }

  get counts(): Record<string, number> {
    return Object.fromEntries([...this.#channels].map(([topic, { count }]) => [topic, count]));
  }

  async #schema(schema: MessageSchema): Promise<number> {
    const known = this.#schemas.get(schema);
    if (known !== undefined) return known;
    const { name, encoding, data } = schema;
    const id = await this.#writer.registerSchema({ name, encoding, data: data() });
    this.#schemas.set(schema, id);
    return id;
  }
}

function beforeEpoch(topic: string, timeNs: bigint): AlignError {
  return new AlignError(
    "OUTPUT_TIME",
    `${topic} has a message at ${timeNs} ns, and MCAP holds no time before 0`,
    {
      hint: "give the video's source a start, so that its frames are at instants of the day",
    },
  );
}
