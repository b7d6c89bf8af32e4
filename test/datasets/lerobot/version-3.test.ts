import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parquetMetadata } from "hyparquet";
import { describe, expect, it } from "vitest";
import type { EpisodeSet, Feature } from "../../../src/episodes/index.ts";
import { select } from "../../fixtures/duckdb.ts";
import { digests, frameTimeNs, plantFeatures, plantSet } from "../plant-set.ts";
import { cellOf, expectSound, exporter, json } from "./exported.ts";

const { write } = exporter();
const lengths = [6, 4, 3, 2];
const dataFile = "data/chunk-000/file-000.parquet";
const episodesFile = "meta/episodes/chunk-000/file-000.parquet";
const counters = ["timestamp", "frame_index", "episode_index", "index", "task_index"];

const rowsOf = (dir: string, file = dataFile) => select(`select * from read_parquet('${join(dir, file)}')`);
const bytesOf = (dir: string, file: string) => {
  const { buffer, byteOffset, byteLength } = readFileSync(join(dir, file));
  return buffer.slice(byteOffset, byteOffset + byteLength);
};
const metadataOf = (dir: string, file: string) => parquetMetadata(bytesOf(dir, file));

describe("a set of version 3.0", () => {
  it("is these files and no others, info.json last", async () => {
    const { dir, written, warnings, progress } = await write(plantSet({ lengths }));
    const files = [
      dataFile,
      episodesFile,
      "meta/info.json",
      "meta/stats.json",
      "meta/tagalign.json",
      "meta/tasks.parquet",
    ];
    expect(Object.keys(digests(dir)).sort()).toEqual(files);
    expect([...written].sort()).toEqual(files);
    expect(written.at(-1)).toBe("meta/info.json");
    expect(warnings).toEqual([]);
    expect(progress.at(-1)).toEqual([15, 15]);
    await expectSound(dir);
  });

  it("describes itself with every field, and no field that readers warn about", async () => {
    const { dir } = await write({ ...plantSet({ lengths }), robotType: "head-camera" });
    const { features, ...fields } = json(dir, "meta/info.json");
    expect(fields).toEqual({
      codebase_version: "v3.0",
      robot_type: "head-camera",
      total_episodes: 4,
      total_frames: 15,
      total_tasks: 2,
      chunks_size: 1000,
      data_files_size_in_mb: 100,
      video_files_size_in_mb: 200,
      fps: 30,
      splits: { train: "0:4" },
      data_path: "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
      video_path: null,
    });
    expect(readFileSync(join(dir, "meta/info.json"), "utf8")).toContain('"fps": 30,');
    expect(Object.keys(features)).toEqual([...plantFeatures.map(({ name }) => name), ...counters]);
    expect(Object.keys(features).filter((name) => name.includes("/"))).toEqual([]);
  });

  it("describes every feature as readers declare it", async () => {
    const { dir } = await write(plantSet({ lengths }));
    const { features } = json(dir, "meta/info.json");
    for (const { name, type, shape, names } of plantFeatures) {
      const entry = features[name];
      expect(entry.dtype, name).toBe(type === "text" ? "string" : type);
      expect(entry.shape, name).toEqual([shape[0] ?? 1]);
      expect(entry.names, name).toEqual(names ?? null);
    }
    expect(features["observation.environment_state"].info).toEqual({ units: ["bar", "%", "%", null] });
    expect(features["plant.job_order_id"].info.vocabulary).toEqual(["PO-7", 'PO "8"', "é 漢 🜂"]);
    for (const name of counters) {
      const dtype = name === "timestamp" ? "float32" : "int64";
      expect(features[name], name).toEqual({ dtype, shape: [1], names: null });
    }
  });

  it("refuses a number whose name readers take for pictures, and takes a text of that name", async () => {
    const named = (type: Feature["type"]): Feature[] => [
      { name: "plant.image_count", type, shape: [], ...(type === "text" ? { vocabulary: ["a"] } : {}) },
    ];
    const zeros: EpisodeSet = {
      ...plantSet({ lengths: [2], features: [] }),
      async read(index) {
        const frames = await plantSet({ lengths: [2], features: [] }).read(index);
        return { ...frames, values: [new Int32Array(2)] };
      },
    };
    await expect(write({ ...zeros, features: named("int64") })).rejects.toMatchObject({
      code: "MANIFEST_FEATURE_NAME",
      message: expect.stringContaining("plant.image_count"),
    });
    const { dir } = await write({ ...zeros, features: named("text") });
    expect((await rowsOf(dir)).map((row) => row["plant.image_count"])).toEqual(["a", "a"]);
  });
});

describe("the data file of version 3.0", () => {
  it("holds every value of every frame, filled where there is none, as DuckDB reads it", async () => {
    const set = plantSet({ lengths });
    const { dir } = await write(set);
    const rows = await rowsOf(dir);
    expect(rows).toHaveLength(15);
    for (const episode of set.episodes) {
      const { values, taskIndex } = await set.read(episode.index);
      for (let frame = 0; frame < episode.length; frame += 1) {
        const row = rows[episode.firstIndex + frame]!;
        expect(Object.keys(row)).toEqual([...plantFeatures.map(({ name }) => name), ...counters]);
        plantFeatures.forEach((feature, at) => {
          const where = `${feature.name}, frame ${frame} of episode ${episode.index}`;
          expect(row[feature.name], where).toEqual(cellOf(feature, values[at]!, frame));
        });
        expect(row).toMatchObject({
          timestamp: Math.fround(frame / 30),
          frame_index: BigInt(frame),
          episode_index: BigInt(episode.index),
          index: BigInt(episode.firstIndex + frame),
          task_index: BigInt(taskIndex[frame]!),
          "align.frame_time_ns": frameTimeNs(episode.index, frame),
        });
      }
    }
  });

  it("fills a missing number with the last before, else with the first after, else with 0", async () => {
    const { dir } = await write(plantSet({ lengths: [6, 4] }));
    const rows = await rowsOf(dir);
    const column = (name: string, item: number) => rows.map((row) => (row[name] as number[])[item]);
    // Missing at frame 2, and at frame 1.
    expect(column("observation.environment_state", 0)).toEqual(
      [0.1, 1.1, 1.1, 3.1, 4.1, 5.1, 0.1, 1.1, 1.1, 3.1].map((value) => Math.fround(value)),
    );
    expect(column("observation.environment_state", 1)).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 3]);
    expect(column("observation.environment_state", 2).map((value) => value! + 0)).toEqual([
      0, 0, -2, -3, -4, -5, 0, 0, -2, -3,
    ]);
    // Nowhere in the first episode.
    expect(rows.map((row) => row["plant.previous_delta"])).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 2, 3]);
    const valid = rows.map((row) => (row["plant.value_valid"] as boolean[])[0]);
    expect(valid).toEqual([true, true, false, true, true, true, true, true, false, true]);
  });

  it("has no null and no NaN in any column", async () => {
    const { dir } = await write(plantSet({ lengths }));
    for (const row of await rowsOf(dir))
      for (const [name, cell] of Object.entries(row))
        for (const value of [cell].flat()) {
          expect(value, name).not.toBeNull();
          expect(Number.isNaN(value), name).toBe(false);
        }
  });

  it("has one row group an episode, with the types that info.json says", async () => {
    const { dir } = await write(plantSet({ lengths }));
    const { row_groups, schema, num_rows } = metadataOf(dir, dataFile);
    expect(row_groups.map((group) => Number(group.num_rows))).toEqual(lengths);
    expect(Number(num_rows)).toBe(15);
    const codecs = row_groups.flatMap(({ columns }) => columns.map(({ meta_data }) => meta_data!.codec));
    expect(new Set(codecs)).toEqual(new Set(["SNAPPY"]));
    const types = {
      float32: "FLOAT",
      float64: "DOUBLE",
      int64: "INT64",
      bool: "BOOLEAN",
      string: "BYTE_ARRAY",
    };
    const { features } = json(dir, "meta/info.json");
    let at = 1;
    for (const [name, { dtype, shape }] of Object.entries<{ dtype: keyof typeof types; shape: number[] }>(
      features,
    )) {
      expect(schema[at]!.name).toBe(name);
      if (shape[0] === 1) expect(schema[at++]!.type, name).toBe(types[dtype]);
      else {
        expect(schema.slice(at, at + 3).map((one) => one.name)).toEqual([name, "list", "element"]);
        expect(schema[at + 2]!.type, name).toBe(types[dtype]);
        at += 3;
      }
    }
    expect(schema).toHaveLength(at);
  });

  it("keeps frames dense over more episodes than one, in the order of the episodes", async () => {
    const many = Array.from({ length: 40 }, (_, at) => (at % 5) + 2);
    const { dir } = await write(plantSet({ lengths: many }));
    const rows = await rowsOf(dir);
    expect(rows.map(({ index }) => Number(index))).toEqual(rows.map((_, at) => at));
    expect(rows.map((row) => Number(row.episode_index))).toEqual(
      many.flatMap((length, episode) => Array(length).fill(episode)),
    );
    await expectSound(dir);
  });

  it("begins another file rather than split an episode, where 100 MB would be passed", async () => {
    // 16 kB a frame and the counters: 6538 frames a file.
    const size = 4000;
    const features: Feature[] = [{ name: "action", type: "float32", shape: [size] }];
    const lengthsOf = [3000, 3538, 1, 6538, 2];
    const base = plantSet({ lengths: lengthsOf, features: [] });
    const set: EpisodeSet = {
      ...base,
      features,
      async read(index) {
        const frames = await base.read(index);
        return { ...frames, values: [new Float32Array(size * lengthsOf[index]!).fill(index * 10 + 2)] };
      },
    };
    const { dir } = await write(set);
    const episodes = await rowsOf(dir, episodesFile);
    const files = episodes.map((row) => Number(row["data/file_index"]));
    expect(files).toEqual([0, 0, 1, 2, 3]);
    for (const [n, own] of [[0, 1], [2], [3], [4]].entries()) {
      const path = join(dir, `data/chunk-000/file-00${n}.parquet`);
      const found = await select(
        `select episode_index e, count(*) n, min(index) i, min(action[1]) a from read_parquet('${path}') group by 1 order by 1`,
      );
      expect(found).toEqual(
        own.map((episode) => ({
          e: BigInt(episode),
          n: BigInt(lengthsOf[episode]!),
          i: BigInt(base.episodes[episode]!.firstIndex),
          a: episode * 10 + 2,
        })),
      );
    }
    expect(existsSync(join(dir, "data/chunk-000/file-004.parquet"))).toBe(false);
  }, 120_000);
});

describe("tasks and episodes of version 3.0", () => {
  it("has tasks in order, and says that the task is the index", async () => {
    const tasks = ["Check the line", "Write it down", 'Größe "漢"'];
    const { dir } = await write({ ...plantSet({ lengths }), tasks });
    expect(await rowsOf(dir, "meta/tasks.parquet")).toEqual(
      tasks.map((task, at) => ({ task_index: BigInt(at), task })),
    );
    const entries = metadataOf(dir, "meta/tasks.parquet").key_value_metadata!;
    const pandas = JSON.parse(entries.find(({ key }) => key === "pandas")!.value!);
    expect(pandas.index_columns).toEqual(["task"]);
    const described = (name: string, pandas_type: string, numpy_type: string) => ({
      name,
      field_name: name,
      pandas_type,
      numpy_type,
      metadata: null,
    });
    expect(pandas.columns).toEqual([
      described("task_index", "int64", "int64"),
      described("task", "unicode", "object"),
    ]);
    const metadata = { encoding: "UTF-8" };
    expect(pandas.column_indexes).toEqual([
      { name: null, field_name: null, pandas_type: "unicode", numpy_type: "object", metadata },
    ]);
    expect(pandas.creator.library).toBe("pyarrow");
    expect(pandas.pandas_version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it("has row i for episode i, with half-open places and the steps as sub-tasks", async () => {
    const set = plantSet({ lengths });
    const { dir } = await write(set);
    const rows = await rowsOf(dir, episodesFile);
    expect(rows).toHaveLength(4);
    rows.forEach((row, at) => {
      const { firstIndex, length, id, scene, tasks, segments } = set.episodes[at]!;
      expect(row).toMatchObject({
        episode_index: BigInt(at),
        length: BigInt(length),
        tasks: tasks.map((task) => set.tasks[task]),
        "data/chunk_index": 0n,
        "data/file_index": 0n,
        dataset_from_index: BigInt(firstIndex),
        dataset_to_index: BigInt(firstIndex + length),
        "meta/episodes/chunk_index": 0n,
        "meta/episodes/file_index": 0n,
        episode_id: id,
        scene,
        dense_subtask_names: segments.map(({ text }) => text),
        dense_subtask_start_frames: segments.map(({ startFrame }) => BigInt(startFrame)),
        dense_subtask_end_frames: segments.map(({ endFrame }) => BigInt(endFrame)),
        dense_subtask_start_times: segments.map(({ startFrame }) => startFrame / 30),
        dense_subtask_end_times: segments.map(({ endFrame }) => endFrame / 30),
      });
    });
    expect(rows[0]!.dense_subtask_names).toEqual(["Open the valve", "Read the detector"]);
    const statistics = Object.keys(rows[0]!).filter((name) => name.startsWith("stats/"));
    const numeric = [
      ...plantFeatures.filter(({ type }) => type !== "text").map(({ name }) => name),
      ...counters,
    ];
    const names = ["min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"];
    expect(statistics).toEqual(numeric.flatMap((name) => names.map((one) => `stats/${name}/${one}`)));
    for (const [at, row] of rows.entries())
      for (const name of numeric) {
        const size = plantFeatures.find((one) => one.name === name)?.shape[0] ?? 1;
        for (const one of names) {
          const cell = row[`stats/${name}/${one}`] as unknown[];
          if (one === "count") expect(cell, name).toEqual([BigInt(lengths[at]!)]);
          else expect(cell.map(Number.isFinite), name).toEqual(Array(size).fill(true));
        }
      }
  });

  it("has no sub-task columns where no episode has a step", async () => {
    const set = plantSet({ lengths });
    const episodes = set.episodes.map((episode) => ({ ...episode, segments: [] }));
    const { dir } = await write({ ...set, episodes });
    const [row] = await rowsOf(dir, episodesFile);
    expect(Object.keys(row!).filter((name) => name.includes("subtask"))).toEqual([]);
    await expectSound(dir);
  });

  it("keeps what the format has no place for in a file of its own", async () => {
    const set = plantSet({ lengths });
    const { dir } = await write(set);
    const facts = json(dir, "meta/tagalign.json");
    expect(facts.provenance).toEqual(set.provenance);
    expect(facts.left_out).toEqual([{ capture: "refinery-3/gas-round", reason: "outside", frames: 12 }]);
    expect(facts.episodes).toHaveLength(4);
    facts.episodes.forEach((own: Record<string, unknown>, at: number) => {
      const episode = set.episodes[at]!;
      expect(own).toMatchObject({
        episode_id: episode.id,
        start_ns: String(episode.startNs),
        end_ns: String(episode.endNs),
        scene: episode.scene,
        context: episode.context,
      });
      expect(own.conformance).toEqual(episode.conformance);
      expect(own.grid).toMatchObject({ max_ns: expect.any(Number), p99_ns: expect.any(Number) });
      expect(own.segments).toHaveLength(episode.segments.length);
    });
    expect(facts.episodes[0].segments[0]).toMatchObject({
      id: "open",
      startFrame: 0,
      endFrame: 3,
      start_ns: String(frameTimeNs(0, 0)),
      end_ns: String(frameTimeNs(0, 3)),
    });
  });

  it("is the same bytes when it is written again", async () => {
    const [a, b] = [await write(plantSet({ lengths })), await write(plantSet({ lengths }))];
    expect(digests(a.dir)).toEqual(digests(b.dir));
  });
});
