import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EpisodeSet } from "../../../src/episodes/index.ts";
import { openVideo } from "../../../src/video/index.ts";
import { select } from "../../fixtures/duckdb.ts";
import { encodeNumbered, hasFfmpeg, hasShared, probe, shared } from "../../video/footage.ts";
import { digests, plantFeatures, plantSet } from "../plant-set.ts";
import { expectSound, exporter, json, withTimes } from "./exported.ts";
import { expectPictures, placesOf } from "./loader.ts";

const { room, write } = exporter();
const key = "observation.images.head";
const mjpeg = `${shared}/orbis_fischertechnik/red_20251110/video_mjpeg_copy.mkv`;
const g1 = `${shared}/lerobot_g1/videos/chunk-000/observation.images.cam_high/episode_000029.mp4`;

/** All displayed frames of a recording as one episode, at the times that ffprobe tells. */
async function recorded(path: string, fps: number): Promise<EpisodeSet> {
  const { frames: length } = await openVideo(path);
  const { stream, packets } = probe(path);
  const [ticks, seconds] = (stream.time_base as string).split("/").map(BigInt) as [bigint, bigint];
  const shown = packets.map(({ pts }) => BigInt(pts)).sort((a, b) => (a < b ? -1 : 1));
  const features = plantFeatures.filter(({ name }) => name.startsWith("align."));
  const set = plantSet({ lengths: [length], cameras: [{ name: "head", path, first: [0] }], features });
  const ns = (at: number) => ((shown[at]! - shown[0]!) * ticks * 1_000_000_000n) / seconds;
  return { ...withTimes(set, ns), fps };
}

describe.skipIf(!hasFfmpeg || !hasShared)("recordings of others, stamped anew", () => {
  it.each([
    ["29.97 for 30, with sound, telemetry and an edit list", `${shared}/gopro/karma.mp4`, 30, "video.codec"],
    ["fragments", `${shared}/video/exo_sample_fragmented.mp4`, 30],
    ["B-frames and an edit list", `${shared}/video/mb_edts.mp4`, 25],
    ["8 s between key frames", `${shared}/video/tc_nasa_13013.mp4`, 25, "video.key-frames"],
    ["AV1", g1, 30],
  ])("show every frame by the reader's rules: %s", async (_, path, fps, known = "") => {
    const set = await recorded(path, fps);
    const { dir } = await write(set);
    const [file] = await expectPictures(dir, set, 0, await placesOf(dir, key));
    const { stream, packets } = probe(join(dir, file!));
    const sources = new Set(probe(path).packets.map(({ hash }) => hash));
    expect(packets.filter(({ hash }) => !sources.has(hash))).toEqual([]);
    expect(stream.codec_name).toBe(json(dir, "meta/info.json").features[key].info["video.codec"]);
    await expectSound(dir, [known]);
  });

  it.each([
    ["a variable rate", `${shared}/video/mb_cursed-vfr.mp4`, 30],
    ["slow motion", `${shared}/video/exo_sample_android_slow_motion.mp4`, 30],
  ])("are refused or resampled: %s", async (_, path, fps) => {
    const set = await recorded(path, fps);
    await expect(write(set)).rejects.toMatchObject({
      code: "SOURCE_JITTER",
      message: expect.stringMatching(/refinery-3\/gas-round#0.*( ms off an even grid|Hz)/),
      hint: expect.stringContaining("--video resample"),
    });
    const { dir } = await write(set, { video: "resample", imageSize: [160, 90] });
    const total = json(dir, "meta/info.json").total_frames;
    const { timeNs } = await set.read(0);
    expect(total).toBe(Math.floor((Number(timeNs.at(-1)! - timeNs[0]!) * fps) / 1e9 + 1e-9) + 1);
    const one = { ...set, episodes: [{ ...set.episodes[0]!, length: total }] };
    await expectPictures(dir, one, 0, await placesOf(dir, key));
  });

  it("are refused where they are turned, and upright when resampled", async () => {
    const path = `${shared}/video/tc_nasa_13013_rotated.mp4`;
    const set = await recorded(path, 30);
    await expect(write(set)).rejects.toMatchObject({
      code: "SOURCE_RETIME",
      message: expect.stringMatching(/turned by \d+ degrees/),
    });
    const { width, height } = await openVideo(path);
    const { dir } = await write(set, { video: "resample" });
    expect(json(dir, "meta/info.json").features[key].shape).toEqual([width, height, 3]);
    await expectSound(dir);
  });

  it.skipIf(!existsSync(mjpeg))("are refused as Motion JPEG in Matroska, and resampled", async () => {
    const set = await recorded(mjpeg, 2);
    const even = withTimes(set, (frame) => BigInt(frame) * 500_000_000n);
    await expect(write(even)).rejects.toMatchObject({
      code: "SOURCE_RETIME",
      message: expect.stringMatching(/video_mjpeg_copy\.mkv .*its codec \(mjpeg\)/),
      hint: expect.stringContaining("--video resample"),
    });
    const { dir } = await write(set, { video: "resample" });
    const total = json(dir, "meta/info.json").total_frames;
    const one = { ...set, episodes: [{ ...set.episodes[0]!, length: total }] };
    await expectPictures(dir, one, 0, await placesOf(dir, key));
  });
});

describe.skipIf(!hasFfmpeg)("resampled videos", () => {
  it("show at each instant of the grid the frame that is nearest, and its values, the same on every run", async () => {
    const path = encodeNumbered(join(room, "numbered.mp4"), 60, ["-c:v", "libx264", "-g", "12", "-bf", "2"]);
    const lengths = [40, 12];
    const base = plantSet({ lengths, cameras: [{ name: "head", path, first: [3, 45] }] });
    // Jitter of up to 12 ms, and five frames lost in the first episode.
    const late = (frame: number) => BigInt(((frame * 37) % 25) - 12) * 1_000_000n;
    const lost = (frame: number, episode: number) => (episode === 0 && frame > 17 ? 5 : 0);
    const set = withTimes(base, (frame, episode) =>
      frame === 0 ? 0n : (BigInt(frame + lost(frame, episode)) * 1_000_000_000n) / 30n + late(frame),
    );
    await expect(write(set)).rejects.toMatchObject({ code: "SOURCE_JITTER" });
    const runs = [await write(set, { video: "resample" }), await write(set, { video: "resample" })];
    expect(digests(runs[0]!.dir)).toEqual(digests(runs[1]!.dir));
    const { dir, warnings } = runs[0]!;
    expect(warnings).toEqual([]);

    const chosen = await Promise.all(
      set.episodes.map(async ({ index }) => {
        const { timeNs } = await set.read(index);
        const times = Array.from(timeNs, (ns) => Number(ns - timeNs[0]!));
        const count = Math.floor((times.at(-1)! * 30) / 1e9 + 1e-9) + 1;
        return Array.from({ length: count }, (_, at) => {
          const away = times.map((ns) => Math.abs(ns - (at * 1e9) / 30));
          return away.indexOf(Math.min(...away));
        });
      }),
    );
    expect(new Set(chosen[0]).size).toBeLessThan(chosen[0]!.length);
    const shown: EpisodeSet = {
      ...set,
      episodes: set.episodes.map((episode, at) => ({
        ...episode,
        length: chosen[at]!.length,
        videos: [{ path, frames: Int32Array.from(chosen[at]!, (row) => episode.videos[0]!.frames[row]!) }],
      })),
    };
    await expectPictures(dir, shown, 0, await placesOf(dir, key), {});
    const data = join(dir, "data/chunk-000/file-000.parquet");
    const rows = await select(`select * from read_parquet('${data}') order by index`);
    const captured = await Promise.all(set.episodes.map(({ index }) => set.read(index)));
    const times = chosen.flatMap((frames, at) => frames.map((row) => captured[at]!.timeNs[row]!));
    expect(rows.map((row) => row["align.frame_time_ns"])).toEqual(times);
    const repeated = chosen.flatMap((frames) => frames.map((row, at) => row === frames[at - 1]));
    expect(rows.map((row) => ((row["align.frame_flags"] as bigint) & 2n) === 2n)).toEqual(repeated);
    expect(rows.map((row) => row.timestamp)).toEqual(
      chosen.flatMap((frames) => frames.map((_, at) => Math.fround(at / 30))),
    );
  });

  it("are of one size and one file, whatever the captures are", async () => {
    const sizes = [
      ["a.mp4", "scale=160:96"],
      ["b.mp4", "scale=98:54"],
    ] as const;
    const paths = sizes.map(([name, filter]) =>
      encodeNumbered(join(room, name), 30, [
        "-vf",
        filter,
        "-c:v",
        "libx264",
        "-qp",
        "1",
        "-pix_fmt",
        "yuv420p",
      ]),
    );
    const base = plantSet({ lengths: [10, 8], cameras: [{ name: "head", path: paths[0]!, first: [0, 0] }] });
    const episodes = base.episodes.map((episode, at) => ({
      ...episode,
      videos: [{ path: paths[at]!, frames: episode.videos[0]!.frames }],
    }));
    const set = { ...withTimes({ ...base, episodes }, (frame) => BigInt(frame) * 40_000_000n), fps: 25 };
    const { dir, warnings } = await write(set, { video: "resample", imageSize: [120, 80] });
    expect(warnings).toEqual([]);
    expect(json(dir, "meta/info.json").features[key].shape).toEqual([80, 120, 3]);
    const files = await expectPictures(dir, set, 0, await placesOf(dir, key), { size: [120, 80] });
    expect(files).toHaveLength(1);
    await expectSound(dir);
  });
});
