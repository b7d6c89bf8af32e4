import { existsSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Cut, openVideo, retimeProblem, sameConfig, writeRetimed } from "../../src/video/index.ts";
import {
  complaintsOn,
  encodeNumbered,
  ffmpeg,
  hasFfmpeg,
  hasShared,
  numbersIn,
  probe,
  shared,
  workplace,
} from "./footage.ts";

const folder = workplace();
const x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "12"];
const withB = [...x264, "-bf", "2", "-b_strategy", "0"];

/** Writes cuts and holds the file against the grid and the sources' packets; returns the numbers that each cut shows. */
async function retime(name: string, fps: number, cuts: readonly Cut[]): Promise<number[][]> {
  const path = join(folder, name);
  const { places, frames } = await writeRetimed(path, fps, cuts);
  const { stream, packets } = probe(path);
  expect(stream).toMatchObject({
    avg_frame_rate: `${fps}/1`,
    r_frame_rate: `${fps}/1`,
    nb_frames: `${frames}`,
  });
  expect(stream.time_base).toBe(`1/${fps * 512}`);
  expect(Number(stream.start_pts)).toBe(0);
  const shown = packets.map(({ pts }) => pts).sort((a, b) => a - b);
  expect(shown).toEqual(Array.from({ length: frames }, (_, index) => index * 512));
  packets.forEach(({ dts, pts }, index) => {
    expect(dts).toBeLessThanOrEqual(pts);
    if (index > 0) expect(dts).toBeGreaterThan(packets[index - 1]!.dts);
  });
  expect(complaintsOn(path)).toBe("");
  const sources = new Set(cuts.flatMap(({ video }) => probe(video.path).packets.map(({ hash }) => hash)));
  for (const { hash } of packets) expect(sources).toContain(hash);
  expect(stream.codec_name).toBe(probe(cuts[0]!.video.path).stream.codec_name);
  const numbers = numbersIn(path, [cuts[0]!.video.width, cuts[0]!.video.height]);
  expect(numbers.length).toBe(frames);
  return places.map(({ firstFrame, frames: count }) => numbers.slice(firstFrame, firstFrame + count));
}

const range = (first: number, end: number) =>
  Array.from({ length: end - first }, (_, index) => first + index);

describe.skipIf(!hasFfmpeg)("re-stamping numbered pictures", () => {
  it("shows each cut's own frames, wherever it begins in a group, of several files", async () => {
    const a = await openVideo(encodeNumbered(join(folder, "a.mp4"), 60, withB));
    const b = await openVideo(encodeNumbered(join(folder, "b.mp4"), 90, withB));
    expect(a.hasReordering).toBe(true);
    const cuts: Cut[] = [
      { video: a, first: 0, end: 60 },
      { video: b, first: 13, end: 14 },
      { video: b, first: 23, end: 36 },
      { video: a, first: 12, end: 24 },
      { video: b, first: 77, end: 90 },
    ];
    expect(await retime("several.mp4", 30, cuts)).toEqual(cuts.map(({ first, end }) => range(first, end)));
  });

  it("every cut of a short file with B-frames", async () => {
    const video = await openVideo(encodeNumbered(join(folder, "short.mp4"), 26, withB));
    const cuts = range(0, 26).flatMap((first) =>
      [1, 6]
        .filter((length) => first + length <= 26)
        .map((length) => ({ video, first, end: first + length })),
    );
    expect(await retime("every.mp4", 25, cuts)).toEqual(cuts.map(({ first, end }) => range(first, end)));
  });

  it.each([
    ["negative offsets", "n.mp4", [...withB, "-movflags", "negative_cts_offsets"]],
    ["fragments", "f.mp4", [...withB, "-movflags", "frag_keyframe+empty_moov"]],
    ["Matroska", "m.mkv", withB],
    [
      "H.265",
      "h.mp4",
      [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-x265-params",
        "log-level=none:keyint=12:min-keyint=12:open-gop=0:bframes=2",
      ],
    ],
    [
      "H.265 in Matroska",
      "h.mkv",
      [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-x265-params",
        "log-level=none:keyint=12:min-keyint=12:open-gop=0:bframes=2",
      ],
    ],
    [
      "VP9",
      "v.webm",
      ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "12", "-pix_fmt", "yuv420p"],
    ],
    [
      "AV1",
      "v.mkv",
      ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "12", "-pix_fmt", "yuv420p"],
    ],
    [
      "AV1 in MP4",
      "v.mp4",
      ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "12", "-pix_fmt", "yuv420p"],
    ],
  ])("%s", async (_, name, args) => {
    const video = await openVideo(encodeNumbered(join(folder, name), 40, args));
    const cuts = [
      { video, first: 15, end: 31 },
      { video, first: 0, end: 40 },
      { video, first: 24, end: 26 },
    ];
    expect(await retime(`retimed-${name}.mp4`, 24, cuts)).toEqual(
      cuts.map(({ first, end }) => range(first, end)),
    );
  });

  it("an edit list that begins and ends within groups, and uneven times", async () => {
    const whole = encodeNumbered(join(folder, "whole.mp4"), 60, withB);
    ffmpeg("-ss", "0.7", "-i", whole, "-t", "0.9", "-c", "copy", join(folder, "edited.mp4"));
    const edited = await openVideo(join(folder, "edited.mp4"));
    const numbers = numbersIn(edited.path);
    expect(numbers[0]).toBe(21);
    expect(edited.frames).toBe(numbers.length);
    const uneven = await openVideo(
      encodeNumbered(join(folder, "uneven.mp4"), 60, [
        "-vf",
        "select=not(mod(n\\,7))+not(mod(n\\,3))",
        "-vsync",
        "vfr",
        ...withB,
      ]),
    );
    const kept = range(0, 60).filter((number) => number % 7 === 0 || number % 3 === 0);
    const cuts = [
      { video: edited, first: 0, end: edited.frames },
      { video: uneven, first: 5, end: 20 },
    ];
    expect(await retime("edits.mp4", 30, cuts)).toEqual([numbers, kept.slice(5, 20)]);
  });

  it("an open group of pictures: from its clean start, and refused anywhere else", async () => {
    const params = "log-level=none:keyint=12:min-keyint=12:open-gop=1:bframes=3:b-adapt=0";
    const hevc = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", params];
    const video = await openVideo(encodeNumbered(join(folder, "open.mp4"), 60, hevc));
    const { packets } = video;
    const leading = packets.rank.some(
      (rank, packet) => packet > 0 && packets.isKey[packet - 1] === 1 && rank < packets.rank[packet - 1]!,
    );
    expect(leading).toBe(true);
    expect(await retime("opened.mp4", 30, [{ video, first: 5, end: 11 }])).toEqual([range(5, 11)]);
    expect(await retimeProblem({ video, first: 0, end: 60 })).toBeUndefined();
    expect(await retimeProblem({ video, first: 30, end: 40 })).toMatch(/frame 2\d.*open GOP/);
    const out = join(folder, "refused.mp4");
    await expect(writeRetimed(out, 30, [{ video, first: 30, end: 40 }])).rejects.toMatchObject({
      code: "SOURCE_RETIME",
      hint: expect.stringContaining("resample"),
    });
  });

  it("refuses what MP4 cannot hold so, and configurations that differ", async () => {
    const mjpeg = await openVideo(
      encodeNumbered(join(folder, "j.mkv"), 9, ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"]),
    );
    expect(await retimeProblem({ video: mjpeg, first: 0, end: 9 })).toContain("mjpeg");
    const stream = await openVideo(encodeNumbered(join(folder, "s.ts"), 20, withB));
    expect(await retimeProblem({ video: stream, first: 0, end: 9 })).toContain("parameter sets");
    const [a, b] = await Promise.all(
      [x264, withB].map((args, index) => openVideo(encodeNumbered(join(folder, `c${index}.mp4`), 20, args))),
    );
    expect([sameConfig(a!, a!), sameConfig(a!, b!)]).toEqual([true, false]);
    const cuts = [a!, b!].map((video) => ({ video, first: 0, end: 5 }));
    await expect(writeRetimed(join(folder, "no.mp4"), 30, cuts)).rejects.toMatchObject({
      code: "SOURCE_RETIME",
    });
    await expect(retimeProblem({ video: a!, first: 3, end: 21 })).rejects.toMatchObject({
      code: "SOURCE_CHANGED",
    });
  });

  it("gives the same bytes again, and stops at once when told to", async () => {
    const video = await openVideo(encodeNumbered(join(folder, "again.mkv"), 40, withB));
    const write = async (name: string) => {
      await writeRetimed(join(folder, name), 30, [{ video, first: 7, end: 33 }]);
      return readFileSync(join(folder, name));
    };
    expect((await write("1.mp4")).equals(await write("2.mp4"))).toBe(true);
    const signal = AbortSignal.abort(new Error("stopped"));
    await expect(
      writeRetimed(join(folder, "3.mp4"), 30, [{ video, first: 7, end: 33 }], { signal }),
    ).rejects.toThrow("stopped");
  });
});

describe.skipIf(!hasFfmpeg)("re-stamping beside sound and onto a full disk", () => {
  it("leaves sound out, whatever lies between the packets", async () => {
    const silent = encodeNumbered(join(folder, "silent.mp4"), 90, withB);
    const loud = join(folder, "loud.mp4");
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", "-i", silent, "-map", "0", "-map", "1", "-c:v", "copy", loud);
    const video = await openVideo(loud);
    expect([video.hasAudio, video.frames]).toEqual([true, 90]);
    const { position, bytes } = video.packets;
    expect(
      position!.some((at, packet) => packet > 0 && at !== position![packet - 1]! + bytes[packet - 1]!),
    ).toBe(true);
    expect(await retime("no-sound.mp4", 30, [{ video, first: 20, end: 80 }])).toEqual([range(20, 80)]);
    expect((await openVideo(join(folder, "no-sound.mp4"))).hasAudio).toBe(false);
  });

  it.skipIf(!existsSync("/dev/full"))("says so where nothing can be written", async () => {
    const video = await openVideo("fixtures/gas-round/headcam.mp4");
    await expect(writeRetimed("/dev/full", 30, [{ video, first: 0, end: 99 }])).rejects.toMatchObject({
      code: "ENOSPC",
    });
  });

  it("says so where the video is not what it was", async () => {
    const path = encodeNumbered(join(folder, "shrinking.mp4"), 60, x264);
    const video = await openVideo(path);
    truncateSync(path, video.packets.position![30]!);
    await expect(
      writeRetimed(join(folder, "y.mp4"), 30, [{ video, first: 0, end: 60 }]),
    ).rejects.toMatchObject({
      code: "SOURCE_CHANGED",
    });
  });
});

/** Hashes of decoded pictures, in order of presentation. */
function picturesOf(path: string): string[] {
  const said = ffmpeg(
    "-noautorotate",
    "-i",
    path,
    "-map",
    "0:v:0",
    "-vsync",
    "passthrough",
    "-f",
    "framemd5",
    "-",
  );
  return said
    .split("\n")
    .filter((line) => /^0,/.test(line))
    .map((line) => line.split(",").at(-1)!.trim());
}

describe.skipIf(!hasFfmpeg)("re-stamping footage of others", () => {
  const files: [string, number][] = [["fixtures/gas-round/headcam.mp4", 30]];
  if (hasShared)
    files.push(
      [`${shared}/gopro/karma.mp4`, 30],
      [`${shared}/lerobot_g1/videos/chunk-000/observation.images.cam_high/episode_000029.mp4`, 30],
      ...[
        "exo_sample.mkv",
        "exo_sample_fragmented.mp4",
        "exo_sample_mdat_too_long.mp4",
        "mb_edts.mp4",
        "mb_frames.webm",
      ].map((name): [string, number] => [`${shared}/video/${name}`, 25]),
      ...[
        "mb_cursed-vfr.mp4",
        "tc_nasa_13013.mp4",
        "tc_nasa_13013_rotated.mp4",
        "exo_sample_sef_slow_motion.mp4",
      ].map((name): [string, number] => [`${shared}/video/${name}`, 60]),
    );

  it.each(files)("%s decodes to the same pictures, cut or whole", async (path, fps) => {
    const video = await openVideo(path);
    const third = Math.floor(video.frames / 3);
    const cuts = [
      { video, first: 0, end: video.frames },
      { video, first: third, end: 2 * third },
    ];
    const out = join(folder, "others.mp4");
    const { places, frames } = await writeRetimed(out, fps, cuts);
    const { packets, stream } = probe(out);
    expect(packets.map(({ pts }) => pts).sort((a, b) => a - b)).toEqual(
      range(0, frames).map((frame) => frame * 512),
    );
    expect(stream.avg_frame_rate).toBe(`${fps}/1`);
    expect(complaintsOn(out)).toBe("");
    const [before, after] = [picturesOf(path), picturesOf(out)];
    expect(before.length).toBe(video.frames);
    expect(after.length).toBe(frames);
    for (const [index, { firstFrame, frames: count }] of places.entries())
      expect(after.slice(firstFrame, firstFrame + count)).toEqual(
        before.slice(cuts[index]!.first, cuts[index]!.end),
      );
  });
});
