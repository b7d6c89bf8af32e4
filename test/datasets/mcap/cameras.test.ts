import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pictureTimes } from "../../../src/datasets/mcap/cameras.ts";
import { compressedVideo, compressedVideoSchema } from "../../../src/datasets/mcap/compressed-video.ts";
import { mcap } from "../../../src/datasets/mcap/index.ts";
import type { EpisodeSet } from "../../../src/episodes/index.ts";
import {
  encodeNumbered,
  ffmpeg,
  hasFfmpeg,
  hasShared,
  numbersIn,
  shared,
  workplace,
} from "../../video/footage.ts";
import { digests, frameTimeNs, plantSet, writeInto } from "../plant-set.ts";
import { diagnose } from "./doctor.ts";
import { type Found, onTopic, openIndexed, protoFields, readIndexed } from "./readers.ts";

const folder = workplace();
const text = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString();

async function write(name: string, set: EpisodeSet, video: "copy" | "resample" = "copy") {
  const dir = join(folder, name);
  mkdirSync(dir);
  const target = writeInto(dir);
  await mcap.write(set, target.files, { video, ffmpeg: "ffmpeg" });
  return { dir, path: (index: number) => join(dir, `episode_00000${index}.mcap`), ...target };
}

let streams = 0;
/** The stream of a camera as a decoder gets it, and when each picture of it is. */
function streamOf(found: Found, camera: string, suffix: string) {
  const messages = onTopic(found, `/camera/${camera}`);
  const fields = messages.map(({ data }) => protoFields(data));
  const path = join(folder, `${camera}-${streams++}.${suffix}`);
  // Files of AV1 have a delimiter before each picture, which messages do not need.
  const delimiter = Uint8Array.from(suffix === "obu" ? [0x12, 0] : []);
  writeFileSync(path, Buffer.concat(fields.flatMap((one) => [delimiter, one.get(3) as Uint8Array])));
  return { messages, fields, path };
}

const h264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "10"];

describe("times of pictures", () => {
  it("are those of the frames that show them first, and lie between them elsewhere", () => {
    const times = pictureTimes(Int32Array.of(3, 3, 4, 8), BigInt64Array.of(100n, 110n, 120n, 160n));
    expect(times).toEqual(BigInt64Array.of(100n, 120n, 130n, 140n, 150n, 160n));
  });

  it("are none where pictures or instants go back", () => {
    expect(pictureTimes(Int32Array.of(3, 5, 4, 6), BigInt64Array.of(1n, 2n, 3n, 4n))).toBeUndefined();
    expect(pictureTimes(Int32Array.of(3, 4), BigInt64Array.of(2n, 1n))).toBeUndefined();
  });

  it("never go back, and are exact where a picture is first shown", () => {
    const steps = fc.array(fc.tuple(fc.nat(3), fc.bigInt(0n, 1_000_000_007n)), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(steps, (some) => {
        let [picture, now] = [7, 1_767_225_600_123_456_789n];
        const rows = some.map(([more, later]) => [(picture += more), (now += later)] as const);
        const times = pictureTimes(
          Int32Array.from(rows, ([one]) => one),
          BigInt64Array.from(rows, ([, one]) => one),
        )!;
        expect(times.every((time, at) => at === 0 || times[at - 1]! <= time)).toBe(true);
        for (const [at, [one, time]] of rows.entries())
          if (at === 0 || rows[at - 1]![0] !== one) expect(times[one - rows[0]![0]]).toBe(time);
      }),
    );
  });
});

describe("the message of a picture", () => {
  const hasProtoc = spawnSync("protoc", ["--version"]).status === 0;
  it.skipIf(!hasProtoc)(
    "is read by protoc with the schema beside it (skipped where it is not installed)",
    () => {
      const schema = join(folder, "schema.desc");
      writeFileSync(schema, compressedVideoSchema());
      const data = Uint8Array.of(0, 0, 0, 1, 0x67, 255);
      const message = compressedVideo(1_767_225_600_123_456_789n, "head", data, "h264");
      const args = [`--descriptor_set_in=${schema}`, "--decode=foxglove.CompressedVideo"];
      const decode = (input: Uint8Array) =>
        execFileSync("protoc", [...args, "foxglove/CompressedVideo.proto"], { input, encoding: "utf8" });
      expect(decode(message)).toBe(
        [
          "timestamp {",
          "  seconds: 1767225600",
          "  nanos: 123456789",
          "}",
          'frame_id: "head"',
          'data: "\\000\\000\\000\\001g\\377"',
          'format: "h264"',
          "",
        ].join("\n"),
      );
      expect(decode(compressedVideo(0n, "", Uint8Array.of(1), "av1"))).toContain('data: "\\001"');
    },
  );
});

describe.skipIf(!hasFfmpeg)("pictures", () => {
  it("are in the recording where their stream allows it, from the key frame on that decoders need", async () => {
    const path = encodeNumbered(join(folder, "plain.mp4"), 40, h264);
    const set = plantSet({ lengths: [6, 4], cameras: [{ name: "head", path, first: [0, 23] }] });
    const recording = await write("plain", set);
    expect(recording.written).toEqual(["episode_000000.mcap", "episode_000001.mcap", "dataset.json"]);
    expect(recording.warnings).toEqual([]);
    for (const [index, leadIn, numbers] of [
      [0, 0, [0, 1, 2, 3, 4, 5]],
      [1, 3, [20, 21, 22, 23, 24, 25, 26]],
    ] as const) {
      const found = await readIndexed(recording.path(index));
      const { messages, fields, path: stream } = streamOf(found, "head", "h264");
      expect(numbersIn(stream)).toEqual(numbers);
      const { timeNs } = await set.read(index);
      expect(messages.slice(leadIn).map(({ logTime }) => logTime)).toEqual([...timeNs]);
      const before = Array.from(
        { length: leadIn },
        (_, at) => timeNs[0]! - BigInt(leadIn - at) * 33_333_333n,
      );
      expect(messages.slice(0, leadIn).map(({ logTime }) => logTime)).toEqual(before);
      for (const [at, one] of fields.entries()) {
        expect([text(one.get(2)), text(one.get(4))]).toEqual(["head", "h264"]);
        const stamp = protoFields(one.get(1) as Uint8Array);
        expect((stamp.get(1) as bigint) * 1_000_000_000n + ((stamp.get(2) ?? 0n) as bigint)).toBe(
          messages[at]!.logTime,
        );
      }
      // A key frame begins with its parameter sets, behind start codes.
      expect([...(fields[0]!.get(3) as Uint8Array).subarray(0, 4)]).toEqual([0, 0, 0, 1]);
      expect((fields[0]!.get(3) as Uint8Array)[4]! & 31).toBe(7);
      expect(await diagnose(readFileSync(recording.path(index)))).toMatchObject({ errors: [], warnings: [] });
    }
  });

  it.skipIf(!hasShared)("of a robot's AV1 recording are in it, as its decoder has them", async () => {
    const [path] = readdirSync(`${shared}/lerobot_g1/videos`, { recursive: true, encoding: "utf8" })
      .filter((one) => one.endsWith(".mp4"))
      .map((one) => `${shared}/lerobot_g1/videos/${one}`);
    const set = plantSet({ lengths: [221], cameras: [{ name: "head", path: path!, first: [0] }] });
    const { path: recording, warnings } = await write("av1", set);
    expect(warnings).toEqual([]);
    const { messages, fields, path: stream } = streamOf(await readIndexed(recording(0)), "head", "obu");
    expect(messages.map(({ logTime }) => logTime)).toEqual([...(await set.read(0)).timeNs]);
    expect(text(fields[0]!.get(4))).toBe("av1");
    // A key frame begins with a sequence header.
    expect((fields[0]!.get(3) as Uint8Array)[0]! >> 3).toBe(1);
    const hashes = (file: string) =>
      ffmpeg("-i", file, "-frames:v", "221", "-vsync", "passthrough", "-f", "framehash", "-hash", "md5", "-")
        .split("\n")
        .filter((line) => line.startsWith("0,"))
        .map((line) => line.split(",").at(-1));
    expect(hashes(stream)).toHaveLength(221);
    expect(hashes(stream)).toEqual(hashes(path!));
  });

  it("are stored as they are where they are most of a chunk", async () => {
    const path = encodeNumbered(join(folder, "lossless.mp4"), 40, [
      "-vf",
      "noise=alls=40:allf=t",
      ...h264,
      "-qp",
      "0",
    ]);
    const set = plantSet({ lengths: [40], cameras: [{ name: "head", path, first: [0] }] });
    const { path: recording } = await write("lossless", set);
    const { chunkIndexes } = await openIndexed(recording(0));
    expect(chunkIndexes.map(({ compression }) => compression)).toEqual([""]);
    const { path: stream } = streamOf(await readIndexed(recording(0)), "head", "h264");
    expect(numbersIn(stream)).toEqual(numbersIn(path));
    expect(await diagnose(readFileSync(recording(0)))).toMatchObject({ errors: [], warnings: [] });
  });

  it("of a camera of another rate are all there, once", async () => {
    const path = encodeNumbered(join(folder, "fast.mp4"), 40, h264);
    const set = plantSet({ lengths: [4], cameras: [{ name: "wrist", path, first: [10] }] });
    const frames = Int32Array.of(10, 12, 12, 15);
    const episodes = set.episodes.map((one) => ({ ...one, videos: [{ path, frames }] }));
    const read: EpisodeSet["read"] = async (index) => ({ ...(await set.read(index)), episode: episodes[0]! });
    const recording = await write("fast", { ...set, episodes, read });
    const { messages, path: stream } = streamOf(await readIndexed(recording.path(0)), "wrist", "h264");
    expect(numbersIn(stream)).toEqual([10, 11, 12, 13, 14, 15]);
    const at = (frame: number) => frameTimeNs(0, frame);
    const between = (part: bigint, from: number, to: number, parts: bigint) =>
      at(from) + ((at(to) - at(from)) * part) / parts;
    expect(messages.map(({ logTime }) => logTime)).toEqual([
      at(0),
      between(1n, 0, 1, 2n),
      at(1),
      between(1n, 1, 3, 3n),
      between(2n, 1, 3, 3n),
      at(3),
    ]);
  });

  it("are references to the video beside the recordings where their stream does not allow it", async () => {
    const path = encodeNumbered(join(folder, "reordered.mp4"), 40, [
      ...["-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "3", "-b_strategy", "0", "-g", "20"],
    ]);
    const set = plantSet({ lengths: [6, 4], cameras: [{ name: "head", path, first: [2, 23] }] });
    const { dir, written, warnings, path: recording } = await write("reordered", set);
    const place = "videos/refinery-3_gas-round/head.mp4";
    expect(written).toEqual(["episode_000000.mcap", "episode_000001.mcap", place, "dataset.json"]);
    expect(readFileSync(join(dir, place)).equals(readFileSync(path))).toBe(true);
    expect(warnings).toEqual([
      {
        code: "VIDEO_BESIDE_RECORDING",
        message: expect.stringMatching(
          /^camera head: its frames .*B-frames.*; 2 of 2 recordings .*--video resample/,
        ),
      },
    ]);
    const found = await readIndexed(recording(1));
    const messages = onTopic(found, "/camera/head/frame");
    expect(messages.map(({ logTime, body }) => [logTime, body])).toEqual(
      [0, 1, 2, 3].map((frame) => [
        frameTimeNs(1, frame),
        {
          frame_index: frame,
          frame_time_ns: String(frameTimeNs(1, frame)),
          path: place,
          picture: 23 + frame,
        },
      ]),
    );
    expect(onTopic(found, "/camera/head")).toEqual([]);
    expect(await diagnose(readFileSync(recording(1)))).toMatchObject({ errors: [], warnings: [] });
    const index = JSON.parse(readFileSync(join(dir, "dataset.json"), "utf8")) as {
      episodes: { references: { head: string } }[];
    };
    expect(index.episodes[0]!.references.head).toContain("B-frames");
  });

  it("are encoded so that they can be in the recording where that is asked for", async () => {
    const path = encodeNumbered(join(folder, "anew.mp4"), 40, [
      ...["-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "3", "-b_strategy", "0", "-g", "20"],
    ]);
    const set = plantSet({ lengths: [6, 4], cameras: [{ name: "head", path, first: [2, 23] }] });
    const one = await write("anew", set, "resample");
    const two = await write("anew-again", set, "resample");
    expect(digests(two.dir)).toEqual(digests(one.dir));
    expect(one.warnings).toEqual([]);
    const { messages, path: stream } = streamOf(await readIndexed(one.path(1)), "head", "h264");
    expect(numbersIn(stream)).toEqual([23, 24, 25, 26]);
    expect(messages.map(({ logTime }) => logTime)).toEqual([...(await set.read(1)).timeNs]);
  });

  it.each([
    [
      "h265",
      ["-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "bframes=0:log-level=none"],
      "mp4",
      "hevc",
    ],
    [
      "vp9",
      ["-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-auto-alt-ref", "0", "-cpu-used", "8"],
      "webm",
      "",
    ],
  ])("of %s are in the recording", async (format, args, container, stream) => {
    const path = encodeNumbered(join(folder, `${format}.${container}`), 12, args);
    const set = plantSet({ lengths: [6], cameras: [{ name: "head", path, first: [0] }] });
    const { path: recording, warnings } = await write(format, set);
    expect(warnings).toEqual([]);
    const found = streamOf(await readIndexed(recording(0)), "head", stream);
    expect(found.messages).toHaveLength(6);
    expect(text(found.fields[0]!.get(4))).toBe(format);
    if (stream !== "") expect(numbersIn(found.path)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  const python = process.env.PYTHON ?? "python3";
  const hasReader = spawnSync(python, ["-c", "import mcap, google.protobuf"]).status === 0;
  it.skipIf(!hasReader)(
    "and all else are read by the Python reader (skipped where it is not installed)",
    async () => {
      const head = encodeNumbered(join(folder, "python.mp4"), 40, h264);
      const wrist = encodeNumbered(join(folder, "python-wrist.mp4"), 40, [
        ...["-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "3", "-b_strategy", "0"],
      ]);
      const cameras = [
        { name: "head", path: head, first: [0, 23, 39] },
        { name: "wrist", path: wrist, first: [4, 5, 6] },
      ];
      const set = plantSet({ cameras });
      const { dir } = await write("python", set);
      const truth: Record<string, Record<string, unknown[]>> = {};
      for (const { index } of set.episodes) {
        const { timeNs, taskIndex } = await set.read(index);
        const messages = [...timeNs].map((now, frame) => ({ now, frame, task_index: taskIndex[frame]! }));
        const changes = messages.filter(({ frame, task_index }) => task_index !== taskIndex[frame - 1]);
        const stamps = ({ now, frame }: (typeof messages)[number]) => ({
          frame_index: frame,
          frame_time_ns: String(now),
        });
        truth[`episode_00000${index}.mcap`] = {
          "/task": changes.map((one) => [
            String(one.now),
            { ...stamps(one), task_index: one.task_index, task: set.tasks[one.task_index] },
          ]),
          "/camera/wrist/frame": messages.map((one) => [
            String(one.now),
            {
              ...stamps(one),
              path: "videos/refinery-3_gas-round/wrist.mp4",
              picture: cameras[1]!.first[index]! + one.frame,
            },
          ]),
        };
      }
      const truthFile = join(folder, "truth.json");
      writeFileSync(truthFile, JSON.stringify(truth));
      const { status, stdout, stderr } = spawnSync(python, ["test/interop/mcap.py", dir, truthFile], {
        encoding: "utf8",
      });
      expect([status, stderr]).toEqual([0, ""]);
      expect(JSON.parse(stdout)).toMatchObject({
        recordings: 3,
        pictures: 6 + 7 + 10,
        messages_compared: 11 + 5,
        failures: [],
        warnings: [],
      });
      truth["episode_000000.mcap"]!["/task"]!.pop();
      writeFileSync(truthFile, JSON.stringify(truth));
      expect(spawnSync(python, ["test/interop/mcap.py", dir, truthFile]).status).toBe(1);
    },
  );
});
