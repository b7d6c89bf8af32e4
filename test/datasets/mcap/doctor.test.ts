import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLoaded } from "@foxglove/wasm-zstd";
import { type McapTypes, McapWriter, type McapWriterOptions } from "@mcap/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mcap } from "../../../src/datasets/mcap/index.ts";
import { plantSet, writeInto } from "../plant-set.ts";
import { diagnose } from "./doctor.ts";

const room = mkdtempSync(join(tmpdir(), "mcap-doctor-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));

const bags = "../shared/data/rosbag2";
const hasBags = existsSync(bags);
if (!hasBags) console.warn(`skipped: ${bags} is not there`);

let sound: Buffer;
beforeAll(async () => {
  await mcap.write(plantSet(), writeInto(room).files, { video: "copy", ffmpeg: "ffmpeg" });
  sound = readFileSync(join(room, "episode_000000.mcap"));
});

const suite = "../shared/data/mcap_conformance/mcap-conformance-json.tgz";
const hasSuite = existsSync(suite);
if (!hasSuite) console.warn(`skipped: ${suite} is not there`);

/** What the suite says that a file holds, and which of the format's parts it has. */
interface Expectation {
  readonly records: readonly {
    readonly type: string;
    readonly fields: readonly (readonly [string, unknown])[];
  }[];
  readonly meta: { readonly variant: { readonly features: readonly string[] } };
}

async function recorded(
  options: Partial<McapWriterOptions>,
  write: (writer: McapWriter) => Promise<void>,
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let position = 0n;
  const writer = new McapWriter({
    ...options,
    writable: {
      position: () => position,
      async write(bytes) {
        parts.push(bytes.slice());
        position += BigInt(bytes.length);
      },
    },
  });
  await write(writer);
  await writer.end();
  return Buffer.concat(parts);
}

/** The file that the suite's records describe. */
function rebuilt(records: Expectation["records"], has: ReadonlySet<string>): Promise<Buffer> {
  const options = {
    startChannelId: 1,
    useChunks: has.has("ch"),
    useMessageIndex: has.has("mx"),
    useStatistics: has.has("st"),
    repeatSchemas: has.has("rsh"),
    repeatChannels: has.has("rch"),
    useAttachmentIndex: has.has("ax"),
    useMetadataIndex: has.has("mdx"),
    useChunkIndex: has.has("chx"),
    useSummaryOffsets: has.has("sum"),
  };
  return recorded(options, async (writer) => {
    for (const { type, fields } of records) {
      const values = Object.fromEntries(fields);
      const text = (key: string) => String(values[key]);
      const bytes = (key: string) => Uint8Array.from(values[key] as string[], Number);
      const map = (key: string) => new Map(Object.entries(values[key] as Record<string, string>));
      if (type === "DataEnd") return;
      if (type === "Header") await writer.start({ profile: text("profile"), library: text("library") });
      else if (type === "Schema")
        await writer.registerSchema({ name: text("name"), encoding: text("encoding"), data: bytes("data") });
      else if (type === "Channel")
        await writer.registerChannel({
          topic: text("topic"),
          schemaId: Number(values.schema_id),
          messageEncoding: text("message_encoding"),
          metadata: map("metadata"),
        });
      else if (type === "Message")
        await writer.addMessage({
          channelId: Number(values.channel_id),
          sequence: Number(values.sequence),
          logTime: BigInt(text("log_time")),
          publishTime: BigInt(text("publish_time")),
          data: bytes("data"),
        });
      else if (type === "Metadata")
        await writer.addMetadata({ name: text("name"), metadata: map("metadata") });
      else if (type === "Attachment")
        await writer.addAttachment({
          name: text("name"),
          mediaType: text("media_type"),
          logTime: BigInt(text("log_time")),
          createTime: BigInt(text("create_time")),
          data: bytes("data"),
        });
    }
  });
}

interface Place {
  readonly opcode: number;
  /** Of the record's content. */
  readonly start: number;
  readonly end: number;
}

function placesIn(file: Buffer): Place[] {
  const places: Place[] = [];
  for (let at = 8; at < file.length - 8; ) {
    const end = at + 9 + Number(file.readBigUInt64LE(at + 1));
    places.push({ opcode: file[at]!, start: at + 9, end });
    at = end;
  }
  return places;
}

const opcodes = {
  header: 1,
  footer: 2,
  chunk: 6,
  messageIndex: 7,
  chunkIndex: 8,
  statistics: 11,
  dataEnd: 15,
};

/** The sound file with a change at its first record of a kind. */
function changed(kind: keyof typeof opcodes, change: (record: Buffer) => void): Buffer {
  const file = Buffer.from(sound);
  const { start, end } = placesIn(file).find(({ opcode }) => opcode === opcodes[kind])!;
  change(file.subarray(start, end));
  return file;
}

function without(kind: keyof typeof opcodes): Buffer {
  const { start, end } = placesIn(sound).find(({ opcode }) => opcode === opcodes[kind])!;
  return Buffer.concat([sound.subarray(0, start - 9), sound.subarray(end)]);
}

const one = (record: Buffer, at: number) => record.writeUInt8(record[at]! ^ 1, at);

describe("the doctor of recordings", () => {
  it("finds nothing in a sound one", async () => {
    expect(await diagnose(sound)).toMatchObject({ errors: [], warnings: [] });
  });

  it.each<[string, () => Buffer, RegExp]>([
    ["its end is missing", () => sound.subarray(0, -8), /no magic at the end/],
    ["it is cut in a record", () => sound.subarray(0, sound.length >> 1), /cut short/],
    ["DataEnd is missing", () => without("dataEnd"), /no DataEnd/],
    ["Footer is missing", () => without("footer"), /no Footer/],
    [
      "its start is another's",
      () => Buffer.concat([Buffer.from("\0"), sound.subarray(1)]),
      /magic at the start/,
    ],
    [
      "a byte of a chunk is changed",
      () => changed("chunk", (it) => one(it, it.length >> 1)),
      /CRC|decompress/,
    ],
    ["a chunk's start is wrong", () => changed("chunk", (it) => one(it, 0)), /chunk at \d+ says/],
    ["a chunk's size is wrong", () => changed("chunk", (it) => one(it, 18)), /bytes, not/],
    [
      "an index of messages is wrong",
      () => changed("messageIndex", (it) => one(it, 6)),
      /MessageIndex of Channel/,
    ],
    ["an index names no chunk", () => changed("chunkIndex", (it) => one(it, 16)), /where no chunk is/],
    ["an index has a wrong end", () => changed("chunkIndex", (it) => one(it, 8)), /ChunkIndex .* says end/],
    ["an index has a wrong length", () => changed("chunkIndex", (it) => one(it, 24)), /says length/],
    ["an index is missing", () => without("messageIndex"), /MessageIndex/],
    ["chunks have no index", () => without("chunkIndex"), /SummaryOffset of ChunkIndex/],
    ["statistics are wrong", () => changed("statistics", (it) => one(it, 0)), /say \d+ messages, there are/],
    ["statistics have a wrong start", () => changed("statistics", (it) => one(it, 26)), /as start/],
    ["the data's checksum is wrong", () => changed("dataEnd", (it) => one(it, 0)), /DataEnd says/],
    ["the summary's checksum is wrong", () => changed("footer", (it) => one(it, 16)), /the summary has CRC/],
  ])("says so where %s", async (_, breakIt, complaint) => {
    const { errors } = await diagnose(breakIt());
    expect(errors.join("\n")).toMatch(complaint);
  });

  it.each<[string, Partial<McapTypes.Header>, bigint[], boolean, RegExp[]]>([
    ["an unknown profile", { profile: "plant" }, [1n, 2n], true, [/unknown profile plant/]],
    ["no library", { library: "" }, [1n], true, [/library is not named/]],
    ["times that go back", {}, [5n, 4n], true, [/log time 4 is before 5/]],
    ["messages outside of chunks", {}, [1n], false, [/outside of a chunk/]],
  ])("warns of %s", async (_, header, times, useChunks, complaints) => {
    const file = await recorded({ useChunks }, async (writer) => {
      await writer.start({ profile: "", library: "test", ...header });
      const channel = { topic: "/a", schemaId: 0, messageEncoding: "json", metadata: new Map() };
      const channelId = await writer.registerChannel(channel);
      for (const logTime of times)
        await writer.addMessage({ channelId, sequence: 0, logTime, publishTime: 0n, data: new Uint8Array() });
    });
    const { errors, warnings } = await diagnose(file);
    expect(errors).toEqual([]);
    expect(warnings).toEqual(complaints.map((complaint) => expect.stringMatching(complaint)));
  });

  it.skipIf(!hasSuite)("finds no error in the files of the conformance suite", async () => {
    const folder = join(room, "suite");
    mkdirSync(folder);
    execFileSync("tar", ["xzf", suite, "-C", folder]);
    const expectations = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
      // Padding is beyond the writer at hand.
      (path) => path.endsWith(".json") && !path.includes("pad"),
    );
    let same = 0;
    for (const path of expectations) {
      const { records, meta } = JSON.parse(readFileSync(join(folder, path), "utf8")) as Expectation;
      const file = await rebuilt(records, new Set(meta.variant.features));
      const fields = (type: string) => Object.fromEntries(records.find((one) => one.type === type)!.fields);
      const footer = placesIn(file).at(-1)!;
      const dataEnd = placesIn(file).find(({ opcode }) => opcode === opcodes.dataEnd)!;
      // Equal checksums: it is the suite's file, byte for byte.
      if (
        String(file.readUInt32LE(dataEnd.start)) !== fields("DataEnd").data_section_crc ||
        String(file.readUInt32LE(footer.start + 16)) !== fields("Footer").summary_crc
      )
        continue;
      same += 1;
      const { errors, messages } = await diagnose(file);
      expect([path, errors]).toEqual([path, []]);
      expect(messages).toBe(records.filter(({ type }) => type === "Message").length);
    }
    expect(same).toBeGreaterThan(150);
  });

  it.skipIf(!hasBags)("finds nothing in recordings of ROS", async () => {
    await isLoaded;
    const files = readdirSync(bags, { recursive: true, encoding: "utf8" }).filter((path) =>
      path.endsWith(".mcap"),
    );
    expect(files.length).toBeGreaterThan(5);
    for (const path of files) {
      const { errors, warnings, messages } = await diagnose(readFileSync(join(bags, path)));
      expect(messages).toBeGreaterThan(0);
      // Its writer took time 0 for no time.
      const known = path.endsWith("rewriter_a_0.mcap")
        ? ["Statistics say 1000000 as start, there are 0"]
        : [];
      expect([errors, warnings], path).toEqual([known, []]);
    }
  });
});
