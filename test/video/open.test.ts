import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { readVideoFrames } from "../../src/sources/video/index.ts";
import { openVideo } from "../../src/video/index.ts";
import { encodeNumbered, ffmpeg, hasFfmpeg, hasShared, probe, shared, workplace } from "./footage.ts";

const folder = workplace();
const x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "12"];
const withB = [...x264, "-bf", "2", "-b_strategy", "0"];

/** A file a row: what makes it awkward, and how ffmpeg makes it. */
const made: Record<string, (path: string) => unknown> = {
  "plain.mp4": (path) => encodeNumbered(path, 60, x264),
  "b-frames.mp4": (path) => encodeNumbered(path, 60, withB),
  "negative-offsets.mp4": (path) => encodeNumbered(path, 60, [...withB, "-movflags", "negative_cts_offsets"]),
  "ntsc.mov": (path) => encodeNumbered(path, 60, withB, "30000/1001"),
  "fragmented.mp4": (path) => encodeNumbered(path, 60, [...withB, "-movflags", "frag_keyframe+empty_moov"]),
  "b-frames.mkv": (path) => encodeNumbered(path, 60, withB),
  "b-frames.ts": (path) => encodeNumbered(path, 60, withB),
  "hevc-open-gop.mp4": (path) =>
    encodeNumbered(
      path,
      60,
      ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p"].concat([
        "-x265-params",
        "log-level=none:keyint=12:min-keyint=12:open-gop=1:bframes=3:b-adapt=0",
      ]),
    ),
  "vp8-hidden.webm": (path) =>
    encodeNumbered(path, 60, [
      "-c:v",
      "libvpx",
      "-auto-alt-ref",
      "1",
      "-lag-in-frames",
      "16",
      "-b:v",
      "200k",
    ]),
  "vp9.webm": (path) =>
    encodeNumbered(path, 60, ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]),
  "vp9-420.webm": (path) =>
    encodeNumbered(path, 60, ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-pix_fmt", "yuv420p"]),
  "rgb.mp4": (path) => encodeNumbered(path, 10, ["-c:v", "libx264rgb", "-qp", "0"]),
  "full-range.mp4": (path) => encodeNumbered(path, 10, ["-c:v", "libx264", "-pix_fmt", "yuvj420p"]),
  "av1.mkv": (path) => encodeNumbered(path, 30, ["-c:v", "libsvtav1", "-preset", "12", "-g", "10"]),
  "mjpeg.mkv": (path) => encodeNumbered(path, 20, ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"]),
  "mjpeg.mov": (path) => encodeNumbered(path, 20, ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"]),
  "mjpeg.mp4": (path) => encodeNumbered(path, 20, ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"]),
  "ten-bit.mp4": (path) => encodeNumbered(path, 20, ["-c:v", "libx264", "-pix_fmt", "yuv422p10le"]),
  "cut-in-group.mp4": (path) => {
    encodeNumbered(`${path}.whole.mp4`, 60, withB);
    ffmpeg("-ss", "0.7", "-i", `${path}.whole.mp4`, "-t", "0.9", "-c", "copy", path);
  },
  "late-start.mp4": (path) => {
    encodeNumbered(`${path}.whole.mp4`, 60, withB);
    ffmpeg("-itsoffset", "1.5", "-i", `${path}.whole.mp4`, "-c", "copy", path);
  },
  "uneven.mp4": (path) =>
    encodeNumbered(path, 60, ["-vf", "select=not(mod(n\\,7))+not(mod(n\\,3))", "-vsync", "vfr", ...withB]),
};

describe.skipIf(!hasFfmpeg)("displayed frames", () => {
  it.each(Object.keys(made))("are as many and stand as they do for the aligner: %s", async (name) => {
    const path = join(folder, name);
    made[name]!(path);
    const [video, frames] = [await openVideo(path), await readVideoFrames(path)];
    expect(video.frames).toBe(frames.ticks.length);
    expect([video.width, video.height]).toEqual([frames.width, frames.height]);
    expect(video.codec).toBe(frames.codec);
    const { stream, packets } = probe(path);
    if (video.pixelFormat !== undefined) expect(video.pixelFormat).toBe(stream.pix_fmt);
    expect(video.hasReordering).toBe(
      packets.some(({ pts }, index) => index > 0 && pts < packets[index - 1]!.pts),
    );
    expect([...video.packets.bytes].length).toBe(packets.length);
    expect(Array.from(video.packets.isKey, Boolean)).toEqual(packets.map(({ key }) => key));
    expect(video.hasAudio).toBe(false);
  });

  it("a turned picture, and sound", async () => {
    const plain = encodeNumbered(join(folder, "upright.mp4"), 10, x264);
    for (const rotation of [90, 180, 270]) {
      const turned = join(folder, `turned-${rotation}.mp4`);
      ffmpeg("-i", plain, "-c", "copy", "-metadata:s:v", `rotate=${360 - rotation}`, turned);
      expect([rotation, 360 - rotation]).toContain((await openVideo(turned)).rotation);
    }
    const loud = join(folder, "loud.mp4");
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.3", "-i", plain, "-c:v", "copy", loud);
    expect(await openVideo(loud)).toMatchObject({ hasAudio: true, codec: "h264", frames: 10, rotation: 0 });
  });
});

describe("files of others", () => {
  const files = ["fixtures/gas-round/headcam.mp4"];
  if (hasShared) {
    const awkward = readdirSync(`${shared}/video`).filter((name) => /\.(mp4|mkv|ts|webm)$/.test(name));
    files.push(...awkward.map((name) => `${shared}/video/${name}`), `${shared}/gopro/karma.mp4`);
    files.push(`${shared}/lerobot_g1/videos/chunk-000/observation.images.cam_high/episode_000029.mp4`);
  }

  it.each(files)("%s", async (path) => {
    const frames = await readVideoFrames(path).catch((error: unknown) => error);
    const video = await openVideo(path).catch((error: unknown) => error);
    if (frames instanceof AlignError) {
      // Packets alone do not tell that nothing can be decoded of them.
      if (frames.code === "SOURCE_UNDECODABLE") return expect(video).toMatchObject({ frames: 51 });
      return expect(video).toMatchObject({ code: frames.code });
    }
    expect(frames).toMatchObject({ ticks: expect.anything() });
    const { ticks, width, height, codec } = frames as Awaited<ReturnType<typeof readVideoFrames>>;
    expect(video).toMatchObject({ frames: ticks.length, width, height, codec });
  });
});

describe("files that cannot be read", () => {
  const whole = readFileSync("fixtures/gas-round/headcam.mp4");
  const written = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };

  it.each([
    ["missing", () => join(folder, "nothing.mp4"), "SOURCE_MISSING"],
    ["empty", () => written("empty.mp4", new Uint8Array()), "SOURCE_UNREADABLE"],
    [
      "text",
      () => written("text.mp4", Buffer.from("no video at all, only words\n".repeat(99))),
      "SOURCE_UNREADABLE",
    ],
    ["a folder", () => folder, "SOURCE_UNREADABLE"],
    [
      "without its last half",
      () => written("half.mp4", whole.subarray(0, whole.length >> 1)),
      /^SOURCE_(TRUNC|CORR|UNREAD)/,
    ],
    ["without its last byte", () => written("byte.mp4", whole.subarray(0, -1)), /^SOURCE_(TRUNC|CORR)/],
  ] as const)("%s", async (_, make, code) => {
    const path = make();
    const error = await openVideo(path).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(AlignError);
    expect((error as AlignError).code).toMatch(code);
    expect((error as AlignError).message).toContain(path);
    expect((error as AlignError).hint).toBeTruthy();
  });

  it("damage anywhere in the index is told or harmless, and never hangs", async () => {
    const moov = whole.indexOf("moov");
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 150; seed += 1) {
      const damaged = Buffer.from(whole);
      const at = moov + ((seed * 2654435761) % Math.min(6000, whole.length - moov - 4));
      damaged.writeUInt32BE((seed * 40503) >>> 0, at);
      const outcome = await openVideo(written("damaged.mp4", damaged)).catch((cause: unknown) => cause);
      if (outcome instanceof AlignError) outcomes.add(outcome.code);
      else expect((outcome as { frames: number }).frames).toBeLessThanOrEqual(1440);
    }
    expect(
      [...outcomes].every((code) => /^SOURCE_(CORRUPT|TRUNCATED|UNREADABLE|NOT_VIDEO|NO_FRAMES)$/.test(code)),
    ).toBe(true);
    expect(outcomes.size).toBeGreaterThan(0);
  });
});
