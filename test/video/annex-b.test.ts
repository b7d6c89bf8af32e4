import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  annexB,
  type Cut,
  compressedVideoProblem,
  openVideo,
  type StreamFrame,
} from "../../src/video/index.ts";
import { encodeNumbered, hasFfmpeg, hasShared, numbersIn, probe, shared, workplace } from "./footage.ts";

const folder = workplace();
const x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "12"];
const x265 = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
const range = (first: number, end: number) =>
  Array.from({ length: end - first }, (_, index) => first + index);

async function framesOf(cut: Cut): Promise<StreamFrame[]> {
  const frames: StreamFrame[] = [];
  for await (const frame of annexB(cut)) frames.push(frame);
  return frames;
}

/** Types of the units behind the start codes of a frame. */
function unitTypes(codec: string, data: Uint8Array): number[] {
  const types: number[] = [];
  for (let at = 3; at < data.length; at += 1)
    if (data[at - 1] === 1 && data[at - 2] === 0 && data[at - 3] === 0)
      types.push(codec === "h264" ? data[at]! & 31 : (data[at]! >> 1) & 63);
  return types;
}

describe.skipIf(!hasFfmpeg)("frames without a container", () => {
  it.each([
    ["h264", "mp4", x264, [7, 8]],
    ["h264", "mkv", x264, [7, 8]],
    ["h264", "ts", x264, [7, 8]],
    ["hevc", "mp4", [...x265, "-x265-params", "log-level=none:keyint=12:open-gop=0:bframes=0"], [32, 33, 34]],
  ] as const)("%s of %s decodes from any key frame on", async (codec, kind, args, sets) => {
    const video = await openVideo(encodeNumbered(join(folder, `${codec}.${kind}`), 40, args));
    const cut = { video, first: 17, end: 33 };
    expect(compressedVideoProblem(cut)).toBeUndefined();
    const frames = await framesOf(cut);
    expect(frames.map(({ frame }) => frame)).toEqual(range(12, 33));
    expect(frames.filter(({ key }) => key).map(({ frame }) => frame)).toEqual([12, 24]);
    for (const { data, key } of frames) {
      const types = unitTypes(codec, data);
      expect(sets.map((type) => types.filter((one) => one === type).length)).toEqual(
        sets.map(() => (key ? 1 : 0)),
      );
    }
    for (const start of [0, 12]) {
      const stream = join(folder, `${kind}-${start}.${codec === "h264" ? "264" : "265"}`);
      writeFileSync(stream, Buffer.concat(frames.slice(start).map(({ data }) => data)));
      expect(numbersIn(stream)).toEqual(range(12 + start, 33));
    }
  });

  it.each([
    ["vp9", "webm", ["-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-g", "12"]],
    ["av1", "mp4", ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "12"]],
  ] as const)("%s as it is", async (codec, kind, args) => {
    const path = encodeNumbered(join(folder, `${codec}.${kind}`), 30, [...args, "-pix_fmt", "yuv420p"]);
    const cut = { video: await openVideo(path), first: 14, end: 20 };
    expect(compressedVideoProblem(cut)).toBeUndefined();
    const frames = await framesOf(cut);
    expect(frames.map(({ frame }) => frame)).toEqual(range(12, 20));
    const hashes = frames.map(({ data }) => `MD5:${createHash("md5").update(data).digest("hex")}`);
    expect(hashes).toEqual(
      probe(path)
        .packets.slice(12, 20)
        .map(({ hash }) => hash),
    );
  });

  it("says why frames cannot be messages", async () => {
    const b = await openVideo(
      encodeNumbered(join(folder, "b.mp4"), 30, [...x264, "-bf", "2", "-b_strategy", "0"]),
    );
    expect(compressedVideoProblem({ video: b, first: 0, end: 3 })).toContain("B-frames");
    const jpeg = await openVideo(
      encodeNumbered(join(folder, "j.mkv"), 5, ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"]),
    );
    expect(compressedVideoProblem({ video: jpeg, first: 0, end: 3 })).toContain("mjpeg");
  });

  it.skipIf(!hasShared)("of a camera's own file", async () => {
    const video = await openVideo(`${shared}/gopro/karma.mp4`);
    const frames = await framesOf({ video, first: 100, end: 140 });
    const path = join(folder, "karma.264");
    writeFileSync(path, Buffer.concat(frames.map(({ data }) => data)));
    expect(probe(path).packets.length).toBe(frames.length);
    expect(frames.at(-1)!.frame).toBe(139);
  });
});
