import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EpisodeSet } from "../../../src/episodes/index.ts";
import { select } from "../../fixtures/duckdb.ts";
import { encodeNumbered, hasFfmpeg, numbersIn, probe } from "../../video/footage.ts";
import { digests, frameTimeNs, plantFeatures, plantSet } from "../plant-set.ts";
import { cellOf, type Exporting, expectSound, exporter, json, jsonLines } from "./exported.ts";

const { room, write: writeAny } = exporter();
const write: Exporting = (set, options) => writeAny(set, { version: "2.1", ...options });
const lengths = [6, 4, 3, 2];
const steps = ["Open the valve", "Read the detector"];
const alarms = ["H2S high", "pump trip"];
const texts = ["Check the line", "Write it down", ...steps, "", ...alarms];
const annotations = [
  "annotation.human.action.task_description",
  "annotation.mes.sop_step",
  "annotation.scada.alarm",
];
const counters = ["timestamp", "frame_index", "episode_index", "index", "task_index"];
const dataFile = (episode: number) => `data/chunk-000/episode_00000${episode}.parquet`;
const videoFile = (camera: string, episode: number) =>
  `videos/chunk-000/observation.images.${camera}/episode_00000${episode}.mp4`;
const rowsOf = (dir: string, file: string) => select(`select * from read_parquet('${join(dir, file)}')`);

describe("a set of version 2.1", () => {
  it("is a data file an episode and these files, info.json last", async () => {
    const { dir, written, warnings, progress } = await write(plantSet({ lengths }));
    const files = [
      ...lengths.map((_, episode) => dataFile(episode)),
      "meta/episodes.jsonl",
      "meta/episodes_stats.jsonl",
      "meta/info.json",
      "meta/modality.json",
      "meta/tagalign.json",
      "meta/tasks.jsonl",
    ];
    expect(Object.keys(digests(dir)).sort()).toEqual(files);
    expect(written.at(-1)).toBe("meta/info.json");
    expect(warnings).toEqual([]);
    expect(progress.at(-1)).toEqual([15, 15]);
    await expectSound(dir);
  });

  it("describes itself with every field of its version", async () => {
    const { dir } = await write({ ...plantSet({ lengths }), robotType: "head-camera" });
    const { features, ...fields } = json(dir, "meta/info.json");
    expect(fields).toEqual({
      codebase_version: "v2.1",
      robot_type: "head-camera",
      total_episodes: 4,
      total_frames: 15,
      total_tasks: texts.length,
      total_videos: 0,
      total_chunks: 1,
      chunks_size: 1000,
      fps: 30,
      splits: { train: "0:4" },
      data_path: "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
      video_path: null,
    });
    const inputs = /^observation\./;
    const others = plantFeatures.map(({ name }) => name).filter((name) => !inputs.test(name));
    expect(Object.keys(features)).toEqual(["observation.state", ...others, ...annotations, ...counters]);
    expect(features["observation.state"]).toEqual({
      dtype: "float32",
      shape: [5],
      names: ["grip", "pressure", "levels[0]", "levels[1]", "shared"],
      info: { units: ["mm", "bar", "%", "%", null] },
    });
    for (const name of annotations)
      expect(features[name], name).toEqual({ dtype: "int64", shape: [1], names: null });
  });

  it("begins another chunk after 1000 episodes", async () => {
    const set = plantSet({ lengths: Array(1001).fill(1), features: plantFeatures.slice(-1) });
    const { dir } = await write(set);
    expect(readdirSync(join(dir, "data")).sort()).toEqual(["chunk-000", "chunk-001"]);
    expect(readdirSync(join(dir, "data/chunk-000"))).toHaveLength(1000);
    expect(readdirSync(join(dir, "data/chunk-001"))).toEqual(["episode_001000.parquet"]);
    expect(json(dir, "meta/info.json")).toMatchObject({ total_chunks: 2, total_episodes: 1001 });
  }, 60_000);

  it("is the same bytes when it is written again", async () => {
    const [a, b] = [await write(plantSet({ lengths })), await write(plantSet({ lengths }))];
    expect(digests(a.dir)).toEqual(digests(b.dir));
  });
});

describe("the data of version 2.1", () => {
  it("has state and environment state as one vector, and all else as it is, as DuckDB reads it", async () => {
    const set = plantSet({ lengths });
    const { dir } = await write(set);
    const place = (name: string) => plantFeatures.findIndex((one) => one.name === name);
    const [state, environment] = [place("observation.state"), place("observation.environment_state")];
    for (const episode of set.episodes) {
      const rows = await rowsOf(dir, dataFile(episode.index));
      const { values, taskIndex } = await set.read(episode.index);
      expect(rows).toHaveLength(episode.length);
      rows.forEach((row, frame) => {
        const cell = (at: number) => cellOf(plantFeatures[at]!, values[at]!, frame);
        expect(row["observation.state"]).toEqual([cell(state), cell(environment)].flat());
        for (const [at, { name }] of plantFeatures.entries())
          if (at !== state && at !== environment) expect(row[name], name).toEqual(cell(at));
        expect(row).toMatchObject({
          timestamp: Math.fround(frame / 30),
          frame_index: BigInt(frame),
          episode_index: BigInt(episode.index),
          index: BigInt(episode.firstIndex + frame),
          task_index: BigInt(taskIndex[frame]!),
          "align.frame_time_ns": frameTimeNs(episode.index, frame),
        });
        expect(row).not.toHaveProperty(["observation.environment_state"]);
      });
    }
  });

  it("annotates frames with places in tasks.jsonl: task, step and the first alarm that is active", async () => {
    const set = plantSet({ lengths });
    const { dir } = await write(set);
    const tasks = jsonLines(dir, "meta/tasks.jsonl");
    expect(tasks).toEqual(texts.map((task, at) => ({ task_index: at, task })));
    for (const { index, length } of set.episodes) {
      const { taskIndex } = await set.read(index);
      const rows = await rowsOf(dir, dataFile(index));
      rows.forEach((row, frame) => {
        const told = annotations.map((name) => tasks[Number(row[name])].task);
        const step = frame < length >> 1 ? steps[0] : frame === length - 1 ? "" : steps[1];
        expect(told).toEqual([set.tasks[taskIndex[frame]!], step, "H2S high"]);
      });
    }
  });

  it("says of a frame without alarm that there is none, and of the second alarm which it is", async () => {
    const names = ["H2S high", "pump trip"];
    const base = plantSet({ lengths: [3], features: [] });
    const set: EpisodeSet = {
      ...base,
      features: [{ name: "plant.alarm_multihot", type: "int64", shape: [2], names }],
      read: async (index) => ({
        ...(await base.read(index)),
        values: [BigInt64Array.of(0n, 0n, 0n, 1n, 1n, 1n)],
      }),
    };
    const { dir } = await write(set);
    const tasks = jsonLines(dir, "meta/tasks.jsonl");
    const rows = await rowsOf(dir, dataFile(0));
    const told = rows.map((row) => tasks[Number(row["annotation.scada.alarm"])].task);
    expect(told).toEqual(["", "pump trip", "H2S high"]);
  });

  it("gives a text that is task and step at once one place", async () => {
    const { dir } = await write({ ...plantSet({ lengths }), tasks: ["Read the detector", "Write it down"] });
    const tasks = jsonLines(dir, "meta/tasks.jsonl").map(({ task }) => task);
    expect(tasks).toEqual(["Read the detector", "Write it down", "Open the valve", "", ...alarms]);
    const [, , , row] = await rowsOf(dir, dataFile(0));
    expect(row!["annotation.mes.sop_step"]).toBe(0n);
  });
});

describe("the metadata of version 2.1", () => {
  it("names every part of state and action, every camera's video and every annotation in modality.json", async () => {
    const { dir } = await write(plantSet({ lengths }));
    expect(json(dir, "meta/modality.json")).toEqual({
      state: { state: { start: 0, end: 1 }, environment_state: { start: 1, end: 5 } },
      action: { action: { start: 0, end: 2 } },
      video: {},
      annotation: { "human.action.task_description": {}, "mes.sop_step": {}, "scada.alarm": {} },
    });
    const { features } = json(dir, "meta/info.json");
    const annotated = Object.keys(features).filter((name) => name.startsWith("annotation"));
    expect(annotated).toEqual(annotations);
  });

  it("covers whatever of state, environment and action there is", async () => {
    for (const kept of [/environment/, /^observation.state/, /^action/, /^align/]) {
      const features = plantFeatures.filter(({ name }) => kept.test(name));
      const { dir } = await write(plantSet({ lengths: [2], features }));
      const { state, action } = json(dir, "meta/modality.json");
      const { features: declared } = json(dir, "meta/info.json");
      for (const [slices, column] of [
        [state, "observation.state"],
        [action, "action"],
      ] as const) {
        let end = 0;
        for (const slice of Object.values<{ start: number; end: number }>(slices)) {
          expect(slice.start).toBe(end);
          end = slice.end;
        }
        expect(end, `${kept} ${column}`).toBe(declared[column]?.shape[0] ?? 0);
      }
      await expectSound(dir);
    }
  });

  it("has a line an episode, all with the same keys, and its steps as action_config", async () => {
    const set = plantSet({ lengths: [6, 4, 1] });
    const { dir } = await write(set);
    const lines = jsonLines(dir, "meta/episodes.jsonl");
    expect(lines).toEqual(
      set.episodes.map(({ index, length, tasks, segments }) => ({
        episode_index: index,
        tasks: tasks.map((task) => set.tasks[task]),
        length,
        action_config: segments.map(({ startFrame, endFrame, text }) => ({
          start_frame: startFrame,
          end_frame: endFrame,
          action_text: text,
        })),
      })),
    );
    expect(lines[2].action_config).toEqual([]);
    const without = set.episodes.map((episode) => ({ ...episode, segments: [] }));
    const bare = await write({ ...set, episodes: without });
    const keys = jsonLines(bare.dir, "meta/episodes.jsonl").flatMap((line) => Object.keys(line));
    expect(new Set(keys)).toEqual(new Set(["episode_index", "tasks", "length"]));
  });

  it("has statistics a line an episode, numbers with a fraction and counts without", async () => {
    const { dir } = await write(plantSet({ lengths }));
    const lines = jsonLines(dir, "meta/episodes_stats.jsonl");
    expect(lines.map((line) => line.episode_index)).toEqual([0, 1, 2, 3]);
    const { features } = json(dir, "meta/info.json");
    const numeric = Object.keys(features).filter((name) => features[name].dtype !== "string");
    for (const [at, { stats }] of lines.entries()) {
      expect(Object.keys(stats)).toEqual(numeric);
      for (const name of numeric) {
        expect(stats[name].count, name).toEqual([lengths[at]]);
        for (const part of ["min", "max", "mean", "std"]) {
          expect(stats[name][part], `${name} ${part}`).toHaveLength(features[name].shape[0]);
          expect(stats[name][part].every(Number.isFinite), `${name} ${part}`).toBe(true);
        }
      }
    }
    // Grip is 0, 1/8, ... 5/8 in the first episode; pressure is missing at frame 2.
    expect(lines[0].stats["observation.state"].max).toEqual(
      [5 / 8, Math.fround(5.1), 5, 0, 5e-30].map(Math.fround),
    );
    expect(lines[0].stats["observation.state"].mean[0]).toBeCloseTo(2.5 / 8, 12);
    const text = readFileSync(join(dir, "meta/episodes_stats.jsonl"), "utf8");
    const wrong = [...text.matchAll(/"(\w+)": (\[[^a-z]*\])/g)].filter(([, part, list]) =>
      part === "count"
        ? !/^\[\d+\]$/.test(list!)
        : list!.split(/[[\], ]+/).some((one) => /^-?\d+$/.test(one)),
    );
    expect(wrong.map(([all]) => all)).toEqual([]);
  });
});

describe.skipIf(!hasFfmpeg)("the videos of version 2.1", () => {
  const cameras = () => {
    const h264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-sc_threshold", "0"];
    const head = encodeNumbered(join(room, "head.mp4"), 60, [...h264, "-g", "10", "-bf", "2"]);
    const wrist = encodeNumbered(join(room, "wrist.mp4"), 60, [...h264, "-g", "5", "-bf", "0"]);
    return { head, wrist };
  };
  const cut = [10, 5, 8];

  it("has one an episode and camera, its first picture the episode's, on the frame grid", async () => {
    const { head, wrist } = cameras();
    const first = { head: [10, 30, 50], wrist: [0, 45, 20] };
    const set = plantSet({
      lengths: cut,
      cameras: [
        { name: "head", path: head, first: first.head },
        { name: "wrist", path: wrist, first: first.wrist },
      ],
    });
    const { dir, warnings } = await write(set);
    expect(warnings).toEqual([]);
    for (const [episode, length] of cut.entries())
      for (const camera of ["head", "wrist"] as const) {
        const path = join(dir, videoFile(camera, episode));
        const { stream, packets } = probe(path);
        expect(stream.avg_frame_rate).toBe("30/1");
        const [, scale] = stream.time_base!.split("/").map(Number);
        const stamps = packets.map(({ pts }) => pts).sort((a, b) => a - b);
        expect(stamps).toEqual(stamps.map((_, at) => (at * scale!) / 30));
        const shown = numbersIn(path).slice(0, length);
        expect(shown).toEqual(Array.from({ length }, (_, at) => first[camera][episode]! + at));
      }
    const { features, total_videos, video_path } = json(dir, "meta/info.json");
    expect(total_videos).toBe(6);
    expect(video_path).toBe("videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4");
    expect(features["observation.images.wrist"]).toEqual({
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
    expect(json(dir, "meta/modality.json").video).toEqual({
      head: { original_key: "observation.images.head" },
      wrist: { original_key: "observation.images.wrist" },
    });
    for (const { stats } of jsonLines(dir, "meta/episodes_stats.jsonl"))
      for (const part of ["min", "max", "mean", "std"])
        expect(stats["observation.images.head"][part], part).toEqual(
          Array(3).fill([[expect.closeTo(0.5, 0)]]),
        );
    await expectSound(dir);
  }, 60_000);

  it("refuses an episode that begins behind a key frame, and takes it encoded anew", async () => {
    const { head } = cameras();
    const set = plantSet({ lengths: cut, cameras: [{ name: "head", path: head, first: [10, 33, 50] }] });
    await expect(write(set)).rejects.toMatchObject({
      code: "SOURCE_RETIME",
      message: expect.stringMatching(/gas-round#1.* 3 frames before/),
      hint: expect.stringMatching(/--video resample.*--version 3\.0/),
    });
    const { dir } = await write(set, { video: "resample" });
    expect(numbersIn(join(dir, videoFile("head", 1))).slice(0, 4)).toEqual([33, 34, 35, 36]);
    await expectSound(dir);
  }, 60_000);

  it("has no statistics of pictures where there is no ffmpeg, and says so", async () => {
    const { head } = cameras();
    const set = plantSet({ lengths: [10], cameras: [{ name: "head", path: head, first: [10] }] });
    const { dir, warnings } = await write(set, { ffmpeg: join(room, "no-ffmpeg") });
    expect(warnings).toMatchObject([{ code: "IMAGE_STATISTICS_MISSING" }]);
    const [{ stats }] = jsonLines(dir, "meta/episodes_stats.jsonl");
    expect(Object.keys(stats)).not.toContain("observation.images.head");
  }, 60_000);
});
