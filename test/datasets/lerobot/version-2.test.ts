import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { EpisodeSet } from "../../../src/episodes/index.ts";
import { select } from "../../fixtures/duckdb.ts";
import { encodeNumbered, hasFfmpeg } from "../../video/footage.ts";
import { digests, plantFeatures, plantSet } from "../plant-set.ts";
import { cellOf, type Exported, expectSound, exporter, json, jsonLines, withTimes } from "./exported.ts";
import { expectPictures } from "./loader.ts";

const { room, write: writeAny } = exporter();
const write = (set: EpisodeSet, options = {}) => writeAny(set, { version: "2.1", ...options });
const keyed = join(room, "keyed.mp4");
const grouped = join(room, "grouped.mp4");
const lengths = [6, 4, 3];
const counters = ["timestamp", "frame_index", "episode_index", "index", "task_index"];
const annotations = ["human.action.task_description", "mes.sop_step", "scada.alarm"].map(
  (name) => `annotation.${name}`,
);
const nameOf = (episode: number) => `episode_${String(episode).padStart(6, "0")}`;
const rowsOf = ({ dir }: Exported, episode: number) =>
  select(`select * from read_parquet('${join(dir, `data/chunk-000/${nameOf(episode)}.parquet`)}')`);

beforeAll(() => {
  if (!hasFfmpeg) return;
  const x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
  encodeNumbered(keyed, 60, [...x264, "-g", "5", "-bf", "0"]);
  encodeNumbered(grouped, 60, [...x264, "-g", "12", "-bf", "2", "-b_strategy", "0"]);
});

const filmed = (first: { head: number[]; wrist: number[] }, path = keyed) =>
  plantSet({
    lengths,
    cameras: [
      { name: "head", path: keyed, first: first.head },
      { name: "wrist", path, first: first.wrist },
    ],
  });

describe("a set of version 2.1", () => {
  it("is these files and no others, info.json last, and sound", async () => {
    const { dir, written, warnings, progress } = await write(plantSet({ lengths }));
    const files = [
      ...lengths.map((_, at) => `data/chunk-000/${nameOf(at)}.parquet`),
      ...["episodes.jsonl", "episodes_stats.jsonl", "info.json", "modality.json", "tagalign.json"].map(
        (name) => `meta/${name}`,
      ),
      "meta/tasks.jsonl",
    ];
    expect(Object.keys(digests(dir)).sort()).toEqual(files);
    expect(written.at(-1)).toBe("meta/info.json");
    expect(warnings).toEqual([]);
    expect(progress.at(-1)).toEqual([13, 13]);
    await expectSound(dir);
  });

  it("describes itself with every field", async () => {
    const { dir } = await write(plantSet({ lengths }));
    const { features, ...fields } = json(dir, "meta/info.json");
    const tasks = jsonLines(dir, "meta/tasks.jsonl");
    expect(fields).toEqual({
      codebase_version: "v2.1",
      robot_type: null,
      total_episodes: 3,
      total_frames: 13,
      total_tasks: tasks.length,
      total_videos: 0,
      total_chunks: 1,
      chunks_size: 1000,
      fps: 30,
      splits: { train: "0:3" },
      data_path: "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
      video_path: null,
    });
    const own = plantFeatures.map(({ name }) => name).filter((name) => !/environment_state$/.test(name));
    expect(Object.keys(features)).toEqual([...own, ...annotations, ...counters]);
    expect(features["observation.state"]).toEqual({
      dtype: "float32",
      shape: [5],
      names: ["grip", "pressure", "levels[0]", "levels[1]", "shared"],
      info: { units: ["mm", "bar", "%", "%", null] },
    });
    for (const name of annotations)
      expect(features[name]).toEqual({ dtype: "int64", shape: [1], names: null });
  });

  it("holds every value, with state and environment state as one vector, filled where there is none", async () => {
    const set = plantSet({ lengths });
    const made = await write(set);
    for (const episode of set.episodes) {
      const { values } = await set.read(episode.index);
      const rows = await rowsOf(made, episode.index);
      expect(rows).toHaveLength(episode.length);
      rows.forEach((row, frame) => {
        const cell = (name: string) => {
          const at = plantFeatures.findIndex((feature) => feature.name === name);
          return cellOf(plantFeatures[at]!, values[at]!, frame);
        };
        for (const { name } of plantFeatures) {
          if (!name.startsWith("observation.")) expect(row[name], name).toEqual(cell(name));
        }
        expect(row["observation.state"]).toEqual(
          [cell("observation.state"), cell("observation.environment_state")].flat(),
        );
        expect(row).toMatchObject({
          timestamp: Math.fround(frame / 30),
          frame_index: BigInt(frame),
          episode_index: BigInt(episode.index),
          index: BigInt(episode.firstIndex + frame),
        });
        const all = Object.values(row).flat();
        expect(all.filter((value) => value === null || Number.isNaN(value))).toEqual([]);
      });
    }
  });

  it("has annotations that tasks.jsonl spells out, and no other column that begins so", async () => {
    const set = plantSet({ lengths });
    const made = await write(set);
    const tasks: { task_index: number; task: string }[] = jsonLines(made.dir, "meta/tasks.jsonl");
    expect(tasks.map((row) => row.task_index)).toEqual(tasks.map((_, at) => at));
    expect(tasks.slice(0, 2).map(({ task }) => task)).toEqual(set.tasks);
    expect(new Set(tasks.map(({ task }) => task)).size).toBe(tasks.length);
    const textOf = (place: unknown) => tasks[Number(place)]!.task;
    const rows = await rowsOf(made, 0);
    expect(Object.keys(rows[0]!).filter((name) => name.startsWith("annotation"))).toEqual(annotations);
    const texts = (name: string) => rows.map((row) => textOf(row[`annotation.${name}`]));
    expect(texts("human.action.task_description")).toEqual([
      ...Array(2).fill("Check the line"),
      ...Array(4).fill("Write it down"),
    ]);
    expect(rows.map((row) => textOf(row.task_index))).toEqual(texts("human.action.task_description"));
    expect(texts("mes.sop_step")).toEqual([
      ...Array(3).fill("Open the valve"),
      ...Array(2).fill("Read the detector"),
      "",
    ]);
    expect(texts("scada.alarm")).toEqual(Array(6).fill("H2S high"));
  });

  it("has a row an episode, all with the same keys", async () => {
    const set = plantSet({ lengths });
    const episodes = set.episodes.map((episode, at) => (at === 1 ? { ...episode, segments: [] } : episode));
    const { dir } = await write({ ...set, episodes });
    const rows = jsonLines(dir, "meta/episodes.jsonl");
    rows.forEach((row, at) => {
      const { tasks, length, segments } = episodes[at]!;
      expect(row).toEqual({
        episode_index: at,
        tasks: tasks.map((task) => set.tasks[task]),
        length,
        action_config: segments.map(({ startFrame, endFrame, text }) => ({
          start_frame: startFrame,
          end_frame: endFrame,
          action_text: text,
        })),
      });
    });
    expect(rows[1].action_config).toEqual([]);
  });

  it("has statistics of every number of every episode, whose types show in how they are written", async () => {
    const { dir } = await write(plantSet({ lengths }));
    const { features } = json(dir, "meta/info.json");
    const rows = jsonLines(dir, "meta/episodes_stats.jsonl");
    const numeric = Object.keys(features).filter((name) => features[name].dtype !== "string");
    rows.forEach((row, at) => {
      expect(row.episode_index).toBe(at);
      expect(Object.keys(row.stats)).toEqual(numeric);
      for (const name of numeric) {
        const { count, ...numbers } = row.stats[name];
        expect(count, name).toEqual([lengths[at]]);
        for (const part of ["min", "max", "mean", "std"]) {
          expect(numbers[part], `${name} ${part}`).toHaveLength(features[name].shape[0]);
          expect(numbers[part].every(Number.isFinite), `${name} ${part}`).toBe(true);
        }
      }
    });
    expect(rows[0].stats.index).toMatchObject({ min: [0], max: [5], mean: [2.5] });
    const text = readFileSync(join(dir, "meta/episodes_stats.jsonl"), "utf8");
    expect(text).toContain('"index": {"min": [0.0], "max": [5.0], "mean": [2.5]');
    expect(text.match(/"(?:min|max|mean|std|q\d\d)": \[-?\d+[,\]]/g)).toBeNull();
    expect(text.match(/"count": \[\d+\.\d/g)).toBeNull();
  });

  it("is the same bytes when it is written again", async () => {
    const [a, b] = [await write(plantSet({ lengths })), await write(plantSet({ lengths }))];
    expect(digests(a.dir)).toEqual(digests(b.dir));
  });
});

describe("modality.json", () => {
  const covers = (slices: Record<string, { start: number; end: number }>, size: number) => {
    let next = 0;
    for (const { start, end } of Object.values(slices)) {
      expect(start).toBe(next);
      expect(end).toBeGreaterThan(start);
      next = end;
    }
    expect(next).toBe(size);
  };

  it("has slices that cover state and action exactly, each the part that its name says", async () => {
    const set = plantSet({ lengths });
    const made = await write(set);
    const modality = json(made.dir, "meta/modality.json");
    const { features } = json(made.dir, "meta/info.json");
    expect(modality.state).toEqual({
      state: { start: 0, end: 1 },
      environment_state: { start: 1, end: 5 },
    });
    covers(modality.state, features["observation.state"].shape[0]);
    covers(modality.action, features.action.shape[0]);
    expect(modality.video).toEqual({});
    expect(Object.keys(modality.annotation).map((name) => `annotation.${name}`)).toEqual(annotations);
    const [row] = await rowsOf(made, 0);
    const { start, end } = modality.state.environment_state;
    expect((row!["observation.state"] as number[]).slice(start, end)).toEqual([Math.fround(0.1), 0, -0, 0]);
  });

  it("says nothing of what a set does not have", async () => {
    const keep = ["observation.environment_state", "align.frame_time_ns"];
    const features = plantFeatures.filter(({ name }) => keep.includes(name));
    const { dir } = await write(plantSet({ lengths, features }));
    const modality = json(dir, "meta/modality.json");
    expect(modality).toEqual({
      state: { environment_state: { start: 0, end: 4 } },
      action: {},
      video: {},
      annotation: { "human.action.task_description": {} },
    });
    expect(json(dir, "meta/info.json").features["observation.state"].shape).toEqual([4]);
    const bare = await write(plantSet({ lengths, features: features.slice(1) }));
    expect(json(bare.dir, "meta/info.json").features["observation.state"]).toBeUndefined();
    expect(json(bare.dir, "meta/modality.json").state).toEqual({});
  });
});

describe.skipIf(!hasFfmpeg)("videos of version 2.1", () => {
  it("are one an episode and camera, from the episode's first frame on", async () => {
    const set = filmed({ head: [10, 40, 55], wrist: [0, 5, 20] });
    const { dir, warnings } = await write(set);
    expect(warnings).toEqual([]);
    const info = json(dir, "meta/info.json");
    expect(info.total_videos).toBe(6);
    expect(info.video_path).toBe(
      "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    );
    for (const [camera, name] of ["head", "wrist"].entries()) {
      const key = `observation.images.${name}`;
      expect(info.features[key]).toMatchObject({ dtype: "video", shape: [96, 160, 3] });
      const places = set.episodes.map(({ index, length }) => ({
        file: `videos/chunk-000/${key}/${nameOf(index)}.mp4`,
        from: 0,
        to: length / 30,
      }));
      expect(await expectPictures(dir, set, camera, places, {})).toHaveLength(3);
    }
    expect(json(dir, "meta/modality.json").video).toEqual({
      head: { original_key: "observation.images.head" },
      wrist: { original_key: "observation.images.wrist" },
    });
    const [{ stats }] = jsonLines(dir, "meta/episodes_stats.jsonl");
    expect(stats["observation.images.wrist"].mean).toHaveLength(3);
    expect(stats["observation.images.wrist"].mean[0]).toEqual([[expect.any(Number)]]);
    await expectSound(dir);
  });

  it("are refused where an episode begins behind a key frame, and resampled", async () => {
    const set = filmed({ head: [10, 40, 55], wrist: [0, 29, 24] }, grouped);
    await expect(write(set)).rejects.toMatchObject({
      code: "SOURCE_RETIME",
      message: expect.stringMatching(/camera wrist .*gas-round#1 .* 5 frames before/),
      where: { file: grouped },
      hint: expect.stringMatching(/--video resample.*3\.0/),
    });
    const even = { ...withTimes(set, (frame) => BigInt(frame) * 40_000_000n), fps: 25 };
    const { dir } = await write(even, { video: "resample" });
    const places = set.episodes.map(({ index, length }) => ({
      file: `videos/chunk-000/observation.images.wrist/${nameOf(index)}.mp4`,
      from: 0,
      to: length / 25,
    }));
    await expectPictures(dir, even, 1, places, {});
    await expectSound(dir);
  });
});
