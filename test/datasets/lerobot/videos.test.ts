import { cpSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { EpisodeSet } from "../../../src/episodes/index.ts";
import { select } from "../../fixtures/duckdb.ts";
import { complaintsOn, encodeNumbered, ffmpeg, hasFfmpeg, probe } from "../../video/footage.ts";
import { digests, plantFeatures, plantSet } from "../plant-set.ts";
import { expectSound, exporter, json, withTimes } from "./exported.ts";
import { expectPictures, placesOf } from "./loader.ts";

const { room, write } = exporter();
const head = join(room, "head.mp4");
const wrist = join(room, "wrist.mp4");
const x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
const withB = [...x264, "-g", "12", "-bf", "2", "-b_strategy", "0"];
const lengths = [20, 15, 9];

beforeAll(() => {
  if (!hasFfmpeg) return;
  encodeNumbered(head, 90, withB);
  encodeNumbered(wrist, 90, [...x264, "-g", "7"]);
});

/** Cuts that begin at a key frame, within a group of pictures, and again with pictures that came before. */
const twoCameras = () =>
  plantSet({
    lengths,
    cameras: [
      { name: "head", path: head, first: [12, 41, 30] },
      { name: "wrist", path: wrist, first: [3, 60, 0] },
    ],
  });
const headOnly = (path: string, first: number[], own = lengths) =>
  plantSet({ lengths: own, cameras: [{ name: "head", path, first }] });

describe.skipIf(!hasFfmpeg)("videos of version 3.0", () => {
  it("show every frame of every episode by the reader's own rules, lead-ins counted, for two cameras", async () => {
    const set = twoCameras();
    const { dir, written, warnings } = await write(set);
    for (const [camera, key] of ["observation.images.head", "observation.images.wrist"].entries()) {
      const places = await placesOf(dir, key);
      const files = await expectPictures(dir, set, camera, places, {});
      expect(files).toEqual([`videos/${key}/chunk-000/file-000.mp4`]);
      expect(complaintsOn(join(dir, files[0]!))).toBe("");
    }
    const starts = (await placesOf(dir, "observation.images.head")).map(({ from }) => from);
    // Behind the first 20 frames comes one that the last of them refers to; frame 41 is 5 behind the key frame 36.
    expect(starts.slice(0, 2)).toEqual([0, (20 + 1 + 5) / 30]);
    expect(written.at(-1)).toBe("meta/info.json");
    // Readers that stream take no notice of where episodes begin, which is said for each camera.
    expect(warnings.map(({ code }) => code)).toEqual(["VIDEO_LEAD_FRAMES", "VIDEO_LEAD_FRAMES"]);
    expect(warnings[0]!.message).toMatch(/observation\.images\.head .*frame 20 of the set is frame 26 there/);
    await expectSound(dir);
  });

  it("hold no other frames where episodes begin at key frames, which streaming readers need", async () => {
    const keyed = encodeNumbered(join(room, "keyed.mp4"), 90, [...x264, "-g", "5", "-bf", "0"]);
    const set = headOnly(keyed, [10, 40, 65], [20, 15, 9]);
    const { dir, warnings } = await write(set);
    expect(warnings).toEqual([]);
    const places = await placesOf(dir, "observation.images.head");
    places.forEach(({ from }, at) => {
      expect(from).toBe(set.episodes[at]!.firstIndex / 30);
    });
    await expectPictures(dir, set, 0, places, {});
  });

  it("are described in info.json as they are, and are in no data file", async () => {
    const { dir } = await write(twoCameras());
    const { features, video_path } = json(dir, "meta/info.json");
    expect(video_path).toBe("videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4");
    for (const key of ["observation.images.head", "observation.images.wrist"]) {
      expect(features[key]).toEqual({
        dtype: "video",
        shape: [96, 160, 3],
        names: ["height", "width", "channels"],
        info: {
          "video.height": 96,
          "video.width": 160,
          "video.codec": "h264",
          "video.pix_fmt": "yuv420p",
          "video.fps": 30,
          "video.channels": 3,
          has_audio: false,
          is_depth_map: false,
        },
      });
      const { stream } = probe(join(dir, `videos/${key}/chunk-000/file-000.mp4`));
      expect(stream).toMatchObject({ width: 160, height: 96, codec_name: "h264", pix_fmt: "yuv420p" });
    }
    const data = join(dir, "data/chunk-000/file-000.parquet");
    const columns = await select(`describe select * from read_parquet('${data}')`);
    expect(columns.map(({ column_name }) => column_name)).not.toContain("observation.images.head");
  });

  it("begin at counts of frames over the rate, however many episodes come before", async () => {
    const many = Array.from({ length: 220 }, () => 180);
    const long = encodeNumbered(join(room, "long.mp4"), 180, withB);
    const set = headOnly(
      long,
      many.map(() => 0),
      many,
    );
    const { dir } = await write({ ...set, features: plantFeatures.slice(0, 1) });
    const places = await placesOf(dir, "observation.images.head");
    places.forEach(({ from, to }, at) => {
      expect(from).toBe((at * 180) / 30);
      expect(to).toBe(((at + 1) * 180) / 30);
    });
    expect(places.at(-1)!.from).toBeGreaterThan(1024);
    await expectPictures(dir, set, 0, places);
  }, 120_000);

  it("have statistics a channel in three dimensions, from 0 to 1", async () => {
    const red = join(room, "red.mp4");
    const colour = "color=c=0xC81E0A:size=64x48:rate=30:duration=1";
    ffmpeg("-f", "lavfi", "-i", colour, ...x264, "-g", "10", red);
    const { dir } = await write(headOnly(red, [0, 10], [10, 12]));
    const total = json(dir, "meta/stats.json")["observation.images.head"];
    const path = join(dir, "meta/episodes/chunk-000/file-000.parquet");
    const [row] = await select(`select * from read_parquet('${path}')`);
    for (const name of ["min", "max", "mean", "q01", "q50", "q99"]) {
      for (const found of [total[name], row![`stats/observation.images.head/${name}`]] as number[][][][]) {
        expect(found.map((channel) => [channel.length, channel[0]!.length])).toEqual(Array(3).fill([1, 1]));
        [0xc8, 0x1e, 0x0a].forEach((level, channel) => {
          expect(Math.abs(found[channel]![0]![0]! - level / 255), name).toBeLessThan(4 / 255);
        });
      }
    }
    expect(total.std.flat(2).every((std: number) => std >= 0 && std < 2 / 255)).toBe(true);
    expect(total.count).toEqual([Number((row!["stats/observation.images.head/count"] as bigint[])[0]) * 2]);
  });

  it("have no statistics where ffmpeg is missing, which is said, and are whole without", async () => {
    const set = twoCameras();
    const { dir, warnings } = await write(set, { ffmpeg: join(room, "no-ffmpeg") });
    expect(warnings.map(({ code }) => code)).toContain("IMAGE_STATISTICS_MISSING");
    expect(Object.keys(json(dir, "meta/stats.json")).filter((name) => name.includes("image"))).toEqual([]);
    await expectPictures(dir, set, 0, await placesOf(dir, "observation.images.head"), {});
  });

  it("are in several files where packets cannot follow one another, with a warning that says why", async () => {
    const other = encodeNumbered(join(room, "main.mp4"), 40, [
      ...x264,
      "-g",
      "10",
      "-profile:v",
      "main",
      "-refs",
      "3",
    ]);
    const set = headOnly(head, [0, 0, 0]);
    const episodes = set.episodes.map((episode, at) =>
      at === 1 ? { ...episode, videos: [{ path: other, frames: episode.videos[0]!.frames }] } : episode,
    );
    const { dir, warnings } = await write({ ...set, episodes });
    expect(warnings).toEqual([
      {
        code: "SEVERAL_VIDEO_FILES",
        message: expect.stringMatching(/observation\.images\.head is in 3 files.*stream/),
      },
    ]);
    const places = await placesOf(dir, "observation.images.head");
    expect(places.map(({ from }) => from)).toEqual([0, 0, 0]);
    const files = await expectPictures(dir, { ...set, episodes }, 0, places, {});
    expect(files).toHaveLength(3);
  });

  it("share one file where captures are of one camera, and the same bytes come of another run", async () => {
    const second = join(room, "second.mp4");
    cpSync(head, second);
    const set = headOnly(head, [0, 36, 24], [24, 12, 9]);
    const episodes = set.episodes.map((episode, at) => ({
      ...episode,
      capture: at < 2 ? "refinery-3/a" : "refinery-3/b",
      videos: [{ path: at < 2 ? head : second, frames: episode.videos[0]!.frames }],
    }));
    const merged = { ...set, episodes };
    const runs = [await write(merged), await write(merged)];
    expect(digests(runs[0]!.dir)).toEqual(digests(runs[1]!.dir));
    const { dir, warnings } = runs[0]!;
    expect(warnings).toEqual([]);
    const places = await placesOf(dir, "observation.images.head");
    expect(await expectPictures(dir, merged, 0, places, {})).toHaveLength(1);
    const captures = json(dir, "meta/tagalign.json").episodes.map((own: { capture: string }) => own.capture);
    expect(captures).toEqual(["refinery-3/a", "refinery-3/a", "refinery-3/b"]);
    await expectSound(dir);
  });
});

describe.skipIf(!hasFfmpeg)("what cannot be stamped anew", () => {
  const refusal = async (set: EpisodeSet) => {
    const failed = write(set).then(
      () => undefined,
      (error: unknown) => error,
    );
    return (await failed) as { code: string; message: string; hint: string; where: object };
  };

  it("refuses frames off the grid, with the episode, the figures and the ways out, and takes what is allowed", async () => {
    const jitter = (ns: bigint) => (frame: number) =>
      (BigInt(frame) * 1_000_000_000n) / 30n + (frame === 7 ? ns : 0n);
    const set = headOnly(head, [0, 24, 48]);
    const error = await refusal(withTimes(set, jitter(13_000_000n)));
    expect(error.code).toBe("SOURCE_JITTER");
    expect(error.message).toMatch(/refinery-3\/gas-round#0.* 1\d(\.\d)? ms .*10 ms/);
    for (const way of ["split_at_gaps", "--video resample", "max_jitter"]) expect(error.hint).toContain(way);
    const allowed = await write({ ...withTimes(set, jitter(13_000_000n)), maxJitterNs: 14_000_000n });
    const [grid] = json(allowed.dir, "meta/tagalign.json").episodes.map((own: { grid: object }) => own.grid);
    expect(grid.max_ns).toBeGreaterThan(11_000_000);
    expect(grid.max_ns).toBeLessThan(14_000_000);
    const small = await write(withTimes(set, jitter(8_000_000n)));
    await expectPictures(small.dir, set, 0, await placesOf(small.dir, "observation.images.head"), {});
  });

  it("refuses frames of another rate, but takes 29.97 for 30 with the true rate beside", async () => {
    const at = (rate: number) => (frame: number) => BigInt(Math.round((frame * 1e9) / rate));
    const set = headOnly(head, [0, 24, 48]);
    const error = await refusal(withTimes(set, at(25)));
    expect(error.code).toBe("SOURCE_JITTER");
    expect(error.message).toMatch(/25\.000 Hz.*30/);
    const { dir } = await write(withTimes(set, at(30_000 / 1001)));
    expect(json(dir, "meta/tagalign.json").episodes[0].grid.rate_hz).toBeCloseTo(29.97003, 4);
    await expectPictures(dir, set, 0, await placesOf(dir, "observation.images.head"), {});
    await expectSound(dir);
  });

  it("takes the jitter of a few frames for no other rate", async () => {
    const late = (ns: bigint) => (frame: number) =>
      (BigInt(frame) * 1_000_000_000n) / 30n + (frame % 2 === 1 ? ns : 0n);
    const set = headOnly(head, [0, 24, 48], [2, 3, 5]);
    const { dir } = await write(withTimes(set, late(3_000_000n)));
    await expectPictures(dir, set, 0, await placesOf(dir, "observation.images.head"), {});
    const error = await refusal(withTimes(set, late(33_000_000n)));
    expect(error.code).toBe("SOURCE_JITTER");
  });

  it("refuses pictures that are to be turned, and frames that are left out or repeated", async () => {
    const turned = join(room, "turned.mp4");
    ffmpeg("-i", head, "-c", "copy", "-metadata:s:v", "rotate=90", turned);
    const error = await refusal(headOnly(turned, [0, 24, 48]));
    expect(error.code).toBe("SOURCE_RETIME");
    expect(error.message).toMatch(/turned by (90|270) degrees/);
    expect(error.hint).toContain("--video resample");
    for (const [to, message] of [
      [9, /frame 7 is followed by frame 9/],
      [7, /frame 7 is followed by frame 7/],
    ] as const) {
      const set = headOnly(head, [0, 24, 48]);
      set.episodes[0]!.videos[0]!.frames[8] = to;
      expect(await refusal(set)).toMatchObject({
        code: "SOURCE_RETIME",
        message: expect.stringMatching(message),
      });
    }
  });

  it("refuses cameras whose pictures change their size from one capture to another", async () => {
    const small = join(room, "small.mp4");
    ffmpeg("-i", head, "-vf", "scale=80:48", ...x264, small);
    const set = headOnly(head, [0, 24, 48]);
    const episodes = set.episodes.map((episode, at) =>
      at === 1 ? { ...episode, videos: [{ path: small, frames: episode.videos[0]!.frames }] } : episode,
    );
    const error = await refusal({ ...set, episodes });
    expect(error.code).toBe("SOURCE_PICTURE_SIZE");
    expect(error.message).toMatch(/head.*160x96.*80x48/);
    expect(error.hint).toContain("--image-size");
  });

  it("leaves no info.json where it stops", async () => {
    const { lerobot } = await import("../../../src/datasets/lerobot/index.ts");
    const { writeInto } = await import("../plant-set.ts");
    const target = writeInto(join(room, "stopped"));
    const set = withTimes(headOnly(head, [0, 24, 48]), (frame) => BigInt(frame * frame) * 5_000_000n);
    const options = { video: "retime", version: "3.0", ffmpeg: "ffmpeg" } as const;
    await expect(lerobot.write(set, target.files, options)).rejects.toMatchObject({ code: "SOURCE_JITTER" });
    expect(target.written.filter((path) => path.startsWith("meta/"))).toEqual([]);
  });
});
