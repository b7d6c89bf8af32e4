import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readVideoFrames } from "../../src/sources/video/index.ts";
import {
  displayedSize,
  type FrameChoice,
  imageStatistics,
  openVideo,
  pictures,
  resampleVideo,
  retimeProblem,
  type Video,
  writeRetimed,
} from "../../src/video/index.ts";
import {
  complaintsOn,
  encodeNumbered,
  ffmpeg,
  hasFfmpeg,
  hasShared,
  numberOf,
  numbersIn,
  probe,
  shared,
  withEdits,
  workplace,
} from "./footage.ts";

const folder = workplace();
const x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "12"];
const withB = [...x264, "-bf", "2", "-b_strategy", "0"];
const x265 = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
const range = (first: number, end: number) =>
  Array.from({ length: end - first }, (_, index) => first + index);
const options = { ffmpeg: "ffmpeg" };

async function numbersOf(
  video: Video,
  frames: number[],
  size?: readonly [number, number],
): Promise<number[]> {
  const numbers: number[] = [];
  const asked = { ...options, format: "rgb24", ...(size === undefined ? {} : { size }) } as const;
  for await (const picture of pictures(video, Int32Array.from(frames), asked))
    numbers.push(numberOf(picture, ...(size ?? displayedSize(video))));
  return numbers;
}

/** Made anew for each kind of file that once could lead to another picture. */
const kinds: Record<string, readonly string[]> = {
  "b.mp4": withB,
  "b.mkv": withB,
  "b.ts": withB,
  "b.mov": withB,
  "fragments.mp4": [...withB, "-movflags", "frag_keyframe+empty_moov"],
  "open-gop.mp4": [...withB, "-x264-params", "open-gop=1:scenecut=0:keyint=12:min-keyint=12:bframes=3"],
  "intra-refresh.mp4": [...x264, "-x264-params", "intra-refresh=1:keyint=12:scenecut=0"],
  "closed.hevc.mp4": [...x265, "-x265-params", "log-level=none:keyint=12:min-keyint=12:open-gop=0:bframes=2"],
  "open.hevc.mp4": [
    ...x265,
    "-x265-params",
    "log-level=none:keyint=12:min-keyint=12:open-gop=1:bframes=3:b-adapt=0",
  ],
  "vp8.webm": ["-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-b:v", "500k", "-g", "20"],
  "vp9.webm": [
    "-c:v",
    "libvpx-vp9",
    "-cpu-used",
    "8",
    "-auto-alt-ref",
    "1",
    "-lag-in-frames",
    "16",
    "-g",
    "20",
  ],
  "av1.mp4": ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "12"],
  "mjpeg.mkv": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "3"],
};

describe.skipIf(!hasFfmpeg)("pictures by number", () => {
  it.each(Object.keys(kinds))("%s", async (name) => {
    const video = await openVideo(encodeNumbered(join(folder, name), 60, kinds[name]!));
    expect(video.frames).toBe(60);
    expect(await numbersOf(video, range(0, 60))).toEqual(range(0, 60));
    const chosen = [3, 3, 3, 13, 14, 25, 26, 40, 59];
    expect(await numbersOf(video, chosen)).toEqual(chosen);
    expect(await numbersOf(video, [41])).toEqual([41]);
  });

  it("in any order, of an edited file, and of an uneven one", async () => {
    const whole = encodeNumbered(join(folder, "whole.mp4"), 60, withB);
    expect(await numbersOf(await openVideo(whole), [50, 2, 2, 31, 30])).toEqual([50, 2, 2, 31, 30]);
    const edited = join(folder, "edited.mp4");
    ffmpeg("-ss", "0.7", "-i", whole, "-t", "0.9", "-c", "copy", edited);
    const video = await openVideo(edited);
    expect(await numbersOf(video, range(0, video.frames))).toEqual(numbersIn(edited));
    const select = "select=not(mod(n\\,7))+not(mod(n\\,3))";
    const uneven = encodeNumbered(join(folder, "uneven.mp4"), 60, ["-vf", select, "-vsync", "vfr", ...withB]);
    const kept = range(0, 60).filter((number) => number % 7 === 0 || number % 3 === 0);
    expect(await numbersOf(await openVideo(uneven), range(3, 20))).toEqual(kept.slice(3, 20));
  });

  it("of an edit list that shows a later part before an earlier one", async () => {
    const whole = encodeNumbered(join(folder, "parts.mp4"), 60, withB);
    const tick = 512;
    // Presentation begins two frames behind decoding.
    const edits = [
      [30, 10],
      [4, 9],
      [50, 3],
    ].map(([first, frames]) => [(first! + 2) * tick, frames! * tick] as const);
    const path = join(folder, "parts-edited.mp4");
    writeFileSync(path, withEdits(readFileSync(whole), edits));
    const shown = [...range(30, 40), ...range(4, 13), ...range(50, 53)];
    const video = await openVideo(path);
    expect((await readVideoFrames(path)).ticks.length).toBe(video.frames);
    expect(await numbersOf(video, range(0, video.frames))).toEqual(shown);
    expect(numbersIn(path)).toEqual(shown);
    expect(await retimeProblem({ video, first: 8, end: 12 })).toContain("edit list");
    const out = join(folder, "parts-stamped.mp4");
    const { places } = await writeRetimed(out, 30, [{ video, first: 10, end: 19 }]);
    expect(numbersIn(out).slice(places[0]!.firstFrame).slice(0, 9)).toEqual(range(4, 13));
    const frames = Int32Array.from(range(0, video.frames));
    const [statistics] = await imageStatistics([{ video, frames }], options);
    expect(statistics!.count).toBe(4);
  });

  it.each([90, 180, 270])("upright where the file is turned by %i", async (rotation) => {
    const turn = { 90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock" }[rotation]!;
    const lying = encodeNumbered(join(folder, `lying-${rotation}.mp4`), 12, ["-vf", turn, ...x264]);
    const turned = join(folder, `turned-${rotation}.mp4`);
    ffmpeg("-i", lying, "-c", "copy", "-metadata:s:v", `rotate=${rotation}`, turned);
    // What ffmpeg itself shows when it turns pictures is upright.
    expect(numbersIn(turned)).toEqual(range(0, 12));
    const video = await openVideo(turned);
    expect(displayedSize(video)).toEqual([160, 96]);
    const stamped = join(folder, `stamped-${rotation}.mp4`);
    await writeRetimed(stamped, 30, [{ video, first: 0, end: 12 }]);
    expect(numbersIn(stamped)).toEqual(range(0, 12));
    expect((await openVideo(stamped)).rotation).toBe(video.rotation);
    expect(await numbersOf(video, range(0, 12))).toEqual(range(0, 12));
    const out = join(folder, `resampled-${rotation}.mp4`);
    expect(await resampleVideo(out, 10, [{ video, frames: Int32Array.of(4, 7) }], options)).toMatchObject({
      width: 160,
      height: 96,
    });
    expect(numbersIn(out)).toEqual([4, 7]);
  });

  it("as JPEG files, in another size, the same bytes again", async () => {
    const video = await openVideo(encodeNumbered(join(folder, "jpeg.mp4"), 30, withB));
    const take = async () => {
      const files: Uint8Array[] = [];
      const asked = { ...options, format: "jpeg", size: [80, 48] } as const;
      for await (const file of pictures(video, Int32Array.of(5, 6, 6, 29), asked)) files.push(file);
      return files;
    };
    const [once, again] = [await take(), await take()];
    expect(once.map((file) => Buffer.from(file).toString("hex"))).toEqual(
      again.map((file) => Buffer.from(file).toString("hex")),
    );
    const numbers = once.map((file, index) => {
      const path = join(folder, `${index}.jpg`);
      writeFileSync(path, file);
      expect(probe(path).stream).toMatchObject({ codec_name: "mjpeg", width: 80, height: 48 });
      return numbersIn(path, [80, 48])[0];
    });
    expect(numbers).toEqual([5, 6, 6, 29]);
  });

  it("gives up quietly when nobody wants more, and at once when told to stop", async () => {
    const video = await openVideo(encodeNumbered(join(folder, "long.mp4"), 600, x264));
    for await (const picture of pictures(video, Int32Array.from(range(0, 600)), {
      ...options,
      format: "rgb24",
    })) {
      expect(numberOf(picture)).toBe(0);
      break;
    }
    const stop = new AbortController();
    const asked = { ...options, format: "rgb24", signal: stop.signal } as const;
    const taken = async () => {
      for await (const _ of pictures(video, Int32Array.from(range(0, 600)), asked))
        stop.abort(new Error("enough"));
    };
    await expect(taken()).rejects.toThrow("enough");
    const encoded = new AbortController();
    setTimeout(() => encoded.abort(new Error("enough")), 100);
    const choices: FrameChoice[] = range(0, 50).map(() => ({
      video,
      frames: Int32Array.from(range(0, 600)),
    }));
    const encoding = resampleVideo(join(folder, "x.mp4"), 30, choices, {
      ...options,
      signal: encoded.signal,
    });
    await expect(encoding).rejects.toThrow("enough");
  });

  it("tells what is wrong", async () => {
    const video = await openVideo(encodeNumbered(join(folder, "wrong.mp4"), 30, x264));
    const take = async (frames: number[], more: object = {}) => {
      for await (const _ of pictures(video, Int32Array.from(frames), {
        ...options,
        format: "rgb24",
        ...more,
      }));
    };
    await expect(take([30])).rejects.toMatchObject({ code: "SOURCE_CHANGED" });
    await expect(take([1], { ffmpeg: join(folder, "no-ffmpeg") })).rejects.toMatchObject({
      code: "USAGE_FFMPEG",
      hint: expect.stringContaining("install ffmpeg"),
    });
    const nowhere = join(folder, "no-folder", "x.mp4");
    await expect(
      resampleVideo(nowhere, 10, [{ video, frames: Int32Array.of(1) }], options),
    ).rejects.toMatchObject({
      code: "OUTPUT_WRITE",
    });
    const damaged = readFileSync(video.path);
    const { position, bytes } = video.packets;
    damaged.fill(0xff, position![0]! + 8, position![0]! + bytes[0]!);
    damaged.fill(0xff, position![1]! + 4, position![9]! + bytes[9]!);
    writeFileSync(video.path, damaged);
    await expect(take(range(0, 12))).rejects.toMatchObject({ code: "SOURCE_UNDECODABLE" });
  });

  it("with an older ffmpeg, by the option that it knows", async () => {
    const video = await openVideo(encodeNumbered(join(folder, "older.mp4"), 20, x264));
    const older = join(folder, "older-ffmpeg");
    const log = join(folder, "older.log");
    const version = 'case "$*" in *-version*) echo "ffmpeg version 4.4.2-0ubuntu0.22.04.1"; exit;; esac';
    writeFileSync(older, `#!/bin/sh\n${version}\necho "$*" >> ${log}\nexec ffmpeg "$@"\n`, { mode: 0o755 });
    const taken: number[] = [];
    for await (const picture of pictures(video, Int32Array.of(2, 19), { ffmpeg: older, format: "rgb24" }))
      taken.push(numberOf(picture));
    expect(taken).toEqual([2, 19]);
    expect(readFileSync(log, "utf8")).toContain("-vsync passthrough");
    const poor = join(folder, "poor-ffmpeg");
    const encoder = `case "$*" in *libx264*) echo "Unknown encoder 'libx264'" >&2; exit 1;; esac`;
    writeFileSync(poor, `#!/bin/sh\n${encoder}\nexec ffmpeg "$@"\n`, { mode: 0o755 });
    const choices = [{ video, frames: Int32Array.of(2, 19) }];
    await expect(
      resampleVideo(join(folder, "poor.mp4"), 10, choices, { ffmpeg: poor }),
    ).rejects.toMatchObject({
      code: "USAGE_FFMPEG",
      message: expect.stringContaining("libx264"),
    });
  });

  it.skipIf(!hasShared)("of the awkward files: the very pictures that ffmpeg shows", async () => {
    const names = [
      "exo_sample.mkv",
      "exo_sample_sef_slow_motion.mp4",
      "mb_edts.mp4",
      "mb_entry24-segment3.ts",
      "tc_nasa_13013.mp4",
      "tc_nasa_13013_rotated.mp4",
      "mb_no-initial-keyframe.ts",
      "exo_sample_android_slow_motion.mp4",
    ];
    for (const name of names) {
      const video = await openVideo(`${shared}/video/${name}`);
      const scale = "scale=32:32:flags=bicubic+accurate_rnd+full_chroma_int+bitexact,format=rgb24";
      const args = ["-v", "error", "-i", video.path, "-map", "0:v:0", "-vsync", "passthrough", "-vf", scale];
      const all = execFileSync("ffmpeg", [...args, "-f", "rawvideo", "pipe:1"], {
        maxBuffer: 1 << 28,
        stdio: ["ignore", "pipe", "ignore"],
      });
      expect(all.length, name).toBe(video.frames * 32 * 32 * 3);
      let next = Math.floor(video.frames / 2);
      const frames = Int32Array.from(range(next, Math.min(next + 20, video.frames)));
      for await (const picture of pictures(video, frames, { ...options, format: "rgb24", size: [32, 32] })) {
        expect(Buffer.compare(all.subarray(next * 3072, (next + 1) * 3072), picture), `${name} ${next}`).toBe(
          0,
        );
        next += 1;
      }
    }
  });
});

describe.skipIf(!hasFfmpeg)("resampling", () => {
  it("shows exactly the chosen frames of several videos on the grid", async () => {
    const a = await openVideo(encodeNumbered(join(folder, "ra.mp4"), 60, withB, "30000/1001"));
    const b = await openVideo(
      encodeNumbered(join(folder, "rb.mkv"), 40, ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"]),
    );
    const chosen = [
      range(10, 40),
      [0, 0, 1, 1, 2, 3, 5, 8, 13, 21, 34],
      range(0, 20).map((index) => 3 * index),
    ];
    const choices = [a, b, a].map((video, index) => ({ video, frames: Int32Array.from(chosen[index]!) }));
    const out = join(folder, "resampled.mp4");
    const { places, frames, width, height } = await resampleVideo(out, 25, choices, options);
    expect([width, height, frames]).toEqual([160, 96, chosen.flat().length]);
    expect(numbersIn(out)).toEqual(chosen.flat());
    expect(places).toEqual([
      { firstFrame: 0, frames: 30 },
      { firstFrame: 30, frames: 11 },
      { firstFrame: 41, frames: 20 },
    ]);
    const { stream, packets } = probe(out);
    expect(stream).toMatchObject({
      codec_name: "h264",
      pix_fmt: "yuv420p",
      avg_frame_rate: "25/1",
      time_base: `1/${25 * 512}`,
      has_b_frames: 0,
    });
    expect(packets.map(({ pts }) => pts)).toEqual(range(0, frames).map((frame) => frame * 512));
    expect(packets.map(({ key }) => key)).toEqual(range(0, frames).map((frame) => frame % 2 === 0));
    expect(complaintsOn(out)).toBe("");
    const again = join(folder, "again.mp4");
    await resampleVideo(again, 25, choices, options);
    expect(readFileSync(again).equals(readFileSync(out))).toBe(true);
  });

  it("makes odd sizes even, and any size that is asked for", async () => {
    const odd = ["-vf", "scale=161:97", "-c:v", "libx264", "-pix_fmt", "yuv444p"];
    const video = await openVideo(encodeNumbered(join(folder, "odd.mp4"), 10, odd));
    const frames = Int32Array.of(1, 9);
    const out = join(folder, "even.mp4");
    expect(await resampleVideo(out, 10, [{ video, frames }], options)).toMatchObject({
      width: 160,
      height: 96,
    });
    expect(numbersIn(out)).toEqual([1, 9]);
    const small = { ...options, size: [80, 48] } as const;
    expect(await resampleVideo(out, 10, [{ video, frames }], small)).toMatchObject({ width: 80, height: 48 });
    expect(numbersIn(out, [80, 48])).toEqual([1, 9]);
  });
});

describe.skipIf(!hasFfmpeg)("statistics of pictures", () => {
  it("are those of the pictures, for each choice apart", async () => {
    const half = "geq=r='if(lt(X,W/4),255,0)':g='128':b='if(eq(N,0),0,64)'";
    const path = encodeNumbered(join(folder, "flat.mp4"), 8, [
      "-vf",
      `format=gbrp,${half}`,
      "-c:v",
      "libx264rgb",
      "-qp",
      "0",
      "-g",
      "1",
    ]);
    const video = await openVideo(path);
    const choices = [range(0, 8), [0], [1, 2, 3, 4]].map((frames) => ({
      video,
      frames: Int32Array.from(frames),
    }));
    const [all, first, rest] = await imageStatistics(choices, options);
    expect(all!.count).toBe(4);
    expect(all!.min).toEqual([0, 128 / 255, 0]);
    expect(all!.max).toEqual([1, 128 / 255, 64 / 255]);
    expect(all!.mean[0]).toBeCloseTo(0.25, 12);
    expect(all!.mean[2]).toBeCloseTo((64 / 255) * (3 / 4), 12);
    expect(all!.std[0]).toBeCloseTo(Math.sqrt(0.25 * 0.75), 12);
    expect(all!.std[1]).toBeCloseTo(0, 12);
    expect([all!.q01[0], all!.q50[0], all!.q90[0], all!.q10[2], all!.q50[2]]).toEqual([0, 0, 1, 0, 64 / 255]);
    expect(first).toMatchObject({ count: 1, max: [1, 128 / 255, 0] });
    expect(rest).toMatchObject({ count: 4, min: [0, 128 / 255, 64 / 255] });
  });

  it("come from some key frames, and from other frames where there are not enough", async () => {
    const video = await openVideo(encodeNumbered(join(folder, "keys.mp4"), 120, withB));
    const choices = [range(0, 120), range(13, 23)].map((frames) => ({
      video,
      frames: Int32Array.from(frames),
    }));
    const [long, short] = await imageStatistics(choices, options);
    expect([long!.count, short!.count]).toEqual([4, 4]);
    const rgb: number[] = [];
    for await (const picture of pictures(video, Int32Array.of(13, 16, 19, 22), {
      ...options,
      format: "rgb24",
    }))
      for (let at = 0; at < picture.length; at += 3) rgb.push(picture[at]! / 255);
    const mean = rgb.reduce((sum, value) => sum + value, 0) / rgb.length;
    expect(short!.mean[0]).toBeCloseTo(mean, 2);
  });
});
