import { join } from "node:path";
import { openParquet, type ParquetFile } from "../parquet.ts";
import { type Checkup, counted, Tally } from "../report.ts";
import { fillPath, type Info } from "./info.ts";
import { type EpisodeRow, flatNumbers, loadedFiles, numberOf, statisticsOf, type VideoPlace } from "./set.ts";
import type { Statistics } from "./statistics.ts";

export const episodesFolder = "meta/episodes";

/** Reads meta/episodes of v3.0 in the order of the loader, which takes row i for episode i. */
export async function readEpisodes(root: string, info: Info, checkup: Checkup): Promise<EpisodeRow[]> {
  const rows: EpisodeRow[] = [];
  const files = await loadedFiles(root, episodesFolder);
  if (files.length === 0)
    checkup.fail("episodes.files", `no parquet file is in ${episodesFolder}/chunk-000`, {
      file: episodesFolder,
    });
  const order = new Tally();
  for (const path of files) {
    try {
      const file = await openParquet(join(root, path));
      try {
        rows.push(...(await rowsOf(file, path, info, checkup)));
      } finally {
        await file.close();
      }
    } catch (cause) {
      checkup.fail("episodes.files", `${path} cannot be read: ${(cause as Error).message}`, { file: path });
    }
  }
  for (const [at, { index }] of rows.entries())
    if (index !== at) order.add({ file: episodesFolder, episode: index }, `row ${at} is episode ${index}`);
  checkup.judge("episodes.order", {
    tally: order,
    bad: (count) =>
      `${counted(count, "row")} of meta/episodes not at the place of their episode; the loader goes by rows`,
    good: "row i is episode i",
  });
  return rows;
}

const requiredColumns = ["episode_index", "length", "data/chunk_index", "data/file_index"].concat([
  "dataset_from_index",
  "dataset_to_index",
  "tasks",
]);
const videoColumns = ["chunk_index", "file_index", "from_timestamp", "to_timestamp"];

async function rowsOf(file: ParquetFile, path: string, info: Info, checkup: Checkup): Promise<EpisodeRow[]> {
  const asked = info.cameras.flatMap(({ name }) => videoColumns.map((part) => `videos/${name}/${part}`));
  const missing = [...requiredColumns, ...asked].filter((name) => !file.columns.has(name));
  for (const name of missing)
    checkup.fail("episodes.columns", `meta/episodes has no column ${name}`, { file: path });
  if (missing.length > 0) return [];
  const statistics = [...file.columns.keys()].filter((name) => name.startsWith("stats/"));
  const columns = await file.read([...requiredColumns, ...asked, ...statistics], 0, file.rows);
  const rows: EpisodeRow[] = [];
  for (let row = 0; row < file.rows; row += 1) {
    const number = (name: string) => numberOf(columns.get(name)?.[row]);
    const data = fillPath(info.dataPath, {
      chunk_index: number("data/chunk_index"),
      file_index: number("data/file_index"),
    });
    const tasks = columns.get("tasks")?.[row];
    rows.push({
      index: number("episode_index"),
      length: number("length"),
      tasks: Array.isArray(tasks) ? tasks.map(String) : typeof tasks === "string" ? [tasks] : [],
      data: data ?? info.dataPath,
      rows: [number("dataset_from_index"), number("dataset_to_index")],
      videos: new Map(info.cameras.map(({ name }) => [name, videoPlace(name, info, number)])),
      statistics: rowStatistics(statistics, (name) => columns.get(name)?.[row]),
    });
  }
  return rows;
}

function videoPlace(camera: string, info: Info, number: (name: string) => number): VideoPlace {
  const part = (name: string) => number(`videos/${camera}/${name}`);
  const values = { video_key: camera, chunk_index: part("chunk_index"), file_index: part("file_index") };
  return {
    file: fillPath(info.videoPath ?? "", values) ?? info.videoPath ?? "",
    from: part("from_timestamp"),
    to: part("to_timestamp"),
  };
}

function rowStatistics(
  columns: readonly string[],
  cellOf: (name: string) => unknown,
): Map<string, Statistics> | undefined {
  const parts = new Map<string, Record<string, unknown>>();
  for (const name of columns) {
    const slash = name.lastIndexOf("/");
    const feature = name.slice("stats/".length, slash);
    const value = cellOf(name);
    if (value === null || value === undefined) continue;
    const known = parts.get(feature) ?? {};
    known[name.slice(slash + 1)] = flatNumbers(value);
    parts.set(feature, known);
  }
  if (parts.size === 0) return undefined;
  const found = new Map<string, Statistics>();
  for (const [feature, some] of parts) {
    const one = statisticsOf(some);
    if (one !== undefined) found.set(feature, one);
  }
  return found;
}
