import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLoaded } from "@foxglove/wasm-zstd";
import { type McapTypes, McapWriter } from "@mcap/core";
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
    ["a chunk's size is wrong", () => changed("chunk", (it) => one(it, 16)), /bytes, not/],
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
    const parts: Uint8Array[] = [];
    const writer = new McapWriter({
      useChunks,
      writable: {
        position: () => BigInt(parts.reduce((sum, { length }) => sum + length, 0)),
        write: async (bytes) => parts.push(bytes.slice()),
      },
    });
    await writer.start({ profile: "", library: "test", ...header });
    const channelId = await writer.registerChannel({
      topic: "/a",
      schemaId: 0,
      messageEncoding: "json",
      metadata: new Map(),
    });
    for (const logTime of times)
      await writer.addMessage({ channelId, sequence: 0, logTime, publishTime: 0n, data: new Uint8Array() });
    await writer.end();
    const { errors, warnings } = await diagnose(Buffer.concat(parts));
    expect(errors).toEqual([]);
    expect(warnings).toEqual(complaints.map((complaint) => expect.stringMatching(complaint)));
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
