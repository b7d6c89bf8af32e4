import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parquetMetadataAsync, parquetReadObjects, type SchemaElement } from "hyparquet";
import { fileWriter, ParquetWriter } from "hyparquet-writer";

type Row = Record<string, unknown>;
/** numpy name, and numbers a frame; 0 is a scalar column. */
type Columns = Record<string, [string, number]>;

export const fps = 10;
const taskTexts = ["open the valve", "read the detector"];
const numbers: Columns = {
  "observation.state": ["float32", 2],
  action: ["float32", 0],
  "plant.count": ["int64", 0],
  "align.frame_time_ns": ["int64", 0],
  timestamp: ["float32", 0],
  frame_index: ["int64", 0],
  episode_index: ["int64", 0],
  index: ["int64", 0],
  task_index: ["int64", 0],
};

export interface SetOptions {
  lengths?: readonly number[];
  /** Of the camera `observation.images.head`, 64 x 48. */
  videos?: { chunk: number; file: number; from: number; to: number }[];
  /** In frames a second. */
  rate?: number;
  /** Changes what a frame holds before anything is computed from it. */
  row?: (row: Row, episode: number, frame: number) => Row;
}

/** Writes a small data set of LeRobot v3.0 by the format's own description, sharing no code with the project. */
export async function writeSet(dir: string, options: SetOptions = {}): Promise<void> {
  const { episodes, features } = content(options);
  await writeParquet(join(dir, "data/chunk-000/file-000.parquet"), dataSchema(numbers), episodes.flat(), {
    groups: episodes.map((rows) => rows.length),
  });
  await writeParquet(
    join(dir, "meta/tasks.parquet"),
    [scalar("task_index", "INT64"), scalar("task", "BYTE_ARRAY")],
    taskTexts.map((task, index) => ({ task_index: BigInt(index), task })),
    { keyValues: { pandas: JSON.stringify({ index_columns: ["task"], columns: [] }) } },
  );
  const names = Object.keys(numbers);
  const statistics = episodes.map((rows) => new Map(names.map((name) => [name, statisticsOf(rows, name)])));
  const parts = ["min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"];
  let from = 0;
  const rows = episodes.map((frames, index): Row => {
    const row: Row = {
      episode_index: BigInt(index),
      length: BigInt(frames.length),
      tasks: [taskTexts[index % 2]],
      "data/chunk_index": 0n,
      "data/file_index": 0n,
      dataset_from_index: BigInt(from),
      dataset_to_index: BigInt((from += frames.length)),
    };
    const place = options.videos?.[index];
    if (place !== undefined) {
      row[`videos/${camera}/chunk_index`] = BigInt(place.chunk);
      row[`videos/${camera}/file_index`] = BigInt(place.file);
      row[`videos/${camera}/from_timestamp`] = place.from;
      row[`videos/${camera}/to_timestamp`] = place.to;
    }
    for (const name of names)
      for (const part of parts) row[`stats/${name}/${part}`] = statistics[index]!.get(name)![part];
    return row;
  });
  const schema = Object.entries(rows[0]!).flatMap(([name, value]) => {
    if (name === "tasks") return list(name, "BYTE_ARRAY");
    if (Array.isArray(value)) return list(name, "DOUBLE");
    return [scalar(name, typeof value === "bigint" ? "INT64" : "DOUBLE")];
  });
  await writeParquet(join(dir, "meta/episodes/chunk-000/file-000.parquet"), schema, rows);
  const all = Object.fromEntries(names.map((name) => [name, statisticsOf(episodes.flat(), name)]));
  writeText(join(dir, "meta/stats.json"), JSON.stringify(all));
  const info = {
    ...counters(episodes, options.rate),
    codebase_version: "v3.0",
    data_files_size_in_mb: 100,
    video_files_size_in_mb: 200,
    data_path: "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
    video_path: "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    features,
  };
  writeText(join(dir, "meta/info.json"), JSON.stringify(info));
}

/** The same as v2.1: a file an episode. */
export async function writeOldSet(dir: string, options: SetOptions = {}): Promise<void> {
  const { episodes, features } = content(options);
  const lines: string[] = [];
  const statistics: string[] = [];
  for (const [index, rows] of episodes.entries()) {
    const file = `data/chunk-000/episode_${String(index).padStart(6, "0")}.parquet`;
    await writeParquet(join(dir, file), dataSchema(numbers), rows);
    lines.push(JSON.stringify({ episode_index: index, tasks: [taskTexts[index % 2]], length: rows.length }));
    const stats = Object.fromEntries(
      Object.keys(numbers).map((name) => {
        const { min, max, mean, std, count } = statisticsOf(rows, name);
        return [name, { min, max, mean, std, count }];
      }),
    );
    statistics.push(JSON.stringify({ episode_index: index, stats }));
  }
  writeText(join(dir, "meta/episodes.jsonl"), `${lines.join("\n")}\n`);
  writeText(join(dir, "meta/episodes_stats.jsonl"), `${statistics.join("\n")}\n`);
  const tasks = taskTexts.map((task, index) => JSON.stringify({ task_index: index, task }));
  writeText(join(dir, "meta/tasks.jsonl"), `${tasks.join("\n")}\n`);
  const info = {
    ...counters(episodes, options.rate),
    codebase_version: "v2.1",
    total_chunks: 1,
    total_videos: 0,
    data_path: "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
    video_path: "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    features,
  };
  writeText(join(dir, "meta/info.json"), JSON.stringify(info));
}

export const camera = "observation.images.head";

function content({ lengths = [8, 5, 6], videos, rate = fps, row: change = (row) => row }: SetOptions) {
  let index = 0;
  const episodes = lengths.map((length, episode) =>
    Array.from({ length }, (_, frame): Row => {
      const row = {
        "observation.state": [Math.fround(Math.sin(frame + episode)), Math.fround(frame / 3)],
        action: Math.fround(episode - frame / 7),
        "plant.note": `note ${episode}`,
        "plant.count": BigInt(frame * frame),
        "align.frame_time_ns": 1_767_225_600_123_456_789n + BigInt(Math.round((index * 1e9) / rate)),
        timestamp: Math.fround(frame / rate),
        frame_index: BigInt(frame),
        episode_index: BigInt(episode),
        index: BigInt(index++),
        task_index: BigInt(episode % 2),
      };
      return change(row, episode, frame);
    }),
  );
  const features: Record<string, object> = {};
  for (const [name, [dtype, size]] of Object.entries(numbers))
    features[name] = { dtype, shape: [Math.max(1, size)], names: null };
  features["plant.note"] = { dtype: "string", shape: [1], names: null };
  if (videos !== undefined)
    features[camera] = {
      dtype: "video",
      shape: [48, 64, 3],
      names: ["height", "width", "channels"],
      info: { "video.codec": "h264", "video.pix_fmt": "yuv420p", has_audio: false },
    };
  return { episodes, features };
}

function counters(episodes: readonly Row[][], rate = fps): object {
  return {
    fps: rate,
    robot_type: "arm",
    total_episodes: episodes.length,
    total_frames: episodes.flat().length,
    total_tasks: taskTexts.length,
    chunks_size: 1000,
    splits: { train: `0:${episodes.length}` },
  };
}

/** Straight from the definitions; quantiles are the values at their ranks. */
function statisticsOf(rows: readonly Row[], name: string): Record<string, number[]> {
  const vectors = rows.map((row) => [row[name]].flat().map(Number));
  const count = vectors.length;
  const sides = vectors[0]!.map((_, at) => vectors.map((vector) => vector[at]!).sort((a, b) => a - b));
  const each = (of: (sorted: number[]) => number) => sides.map(of);
  const mean = (sorted: number[]) => sorted.reduce((sum, one) => sum + one, 0) / count;
  const rank = (share: number) => each((sorted) => sorted[Math.max(0, Math.ceil(share * count) - 1)]!);
  return {
    min: each((sorted) => sorted[0]!),
    max: each((sorted) => sorted.at(-1)!),
    mean: each(mean),
    std: each((sorted) => Math.sqrt(mean(sorted.map((one) => (one - mean(sorted)) ** 2)))),
    count: [count],
    q01: rank(0.01),
    q10: rank(0.1),
    q50: rank(0.5),
    q90: rank(0.9),
    q99: rank(0.99),
  };
}

export function scalar(name: string, type: "INT64" | "FLOAT" | "DOUBLE" | "BYTE_ARRAY"): SchemaElement {
  const text = type === "BYTE_ARRAY" ? { converted_type: "UTF8" as const } : {};
  return { name, type, repetition_type: "OPTIONAL", ...text };
}

function list(name: string, type: "FLOAT" | "DOUBLE" | "BYTE_ARRAY" | "INT64"): SchemaElement[] {
  return [
    { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    scalar("element", type),
  ];
}

function dataSchema(columns: Columns): SchemaElement[] {
  const elements = Object.entries(columns).flatMap(([name, [dtype, size]]) => {
    const type = dtype === "float32" ? "FLOAT" : "INT64";
    return size === 0 ? [scalar(name, type)] : list(name, type);
  });
  return [...elements, scalar("plant.note", "BYTE_ARRAY")];
}

interface ParquetOptions {
  /** Rows of each row group; default: one. */
  groups?: readonly number[];
  keyValues?: Record<string, string>;
}

async function writeParquet(
  path: string,
  elements: SchemaElement[],
  rows: readonly Row[],
  { groups = [rows.length], keyValues = {} }: ParquetOptions = {},
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const columns = topLevel(elements);
  const writer = new ParquetWriter({
    writer: fileWriter(path),
    schema: [{ name: "schema", num_children: columns.length }, ...elements],
    ...(Object.keys(keyValues).length === 0
      ? {}
      : { kvMetadata: Object.entries(keyValues).map(([key, value]) => ({ key, value })) }),
  });
  let start = 0;
  for (const length of groups) {
    const some = rows.slice(start, (start += length));
    await writer.write({
      columnData: columns.map((name) => ({ name, data: some.map((row) => row[name] ?? null) })),
      rowGroupSize: Math.max(1, length),
    });
  }
  await writer.finish();
}

function topLevel(elements: readonly SchemaElement[]): string[] {
  const names: string[] = [];
  for (let at = 0; at < elements.length; ) {
    names.push(elements[at]!.name);
    let open = 1;
    while (open > 0) open += (elements[at++]!.num_children ?? 0) - 1;
  }
  return names;
}

export interface ParquetEdit {
  rows?: (rows: Row[]) => Row[];
  schema?: (elements: SchemaElement[]) => SchemaElement[];
  groups?: (groups: number[]) => number[];
  keyValues?: (known: Record<string, string>) => Record<string, string>;
  /** Where to write; default: in place. */
  to?: string;
}

/** Reads a Parquet file, changes it and writes it. */
export async function editParquet(path: string, edit: ParquetEdit): Promise<void> {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const metadata = await parquetMetadataAsync(file);
  const rows = (await parquetReadObjects({ file })) as Row[];
  const known = Object.fromEntries(
    (metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ""]),
  );
  const changed = (edit.rows ?? ((same) => same))(rows);
  const groups = metadata.row_groups.map(({ num_rows: count }) => Number(count));
  await writeParquet(edit.to ?? path, (edit.schema ?? ((same) => same))(metadata.schema.slice(1)), changed, {
    groups: edit.groups?.(groups) ?? (changed.length === rows.length ? groups : [changed.length]),
    keyValues: (edit.keyValues ?? ((same) => same))(known),
  });
}

// biome-ignore lint/suspicious/noExplicitAny: what a test changes has no type
export function editJson(path: string, change: (value: any) => unknown): void {
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify(change(value) ?? value));
}

export function writeText(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
