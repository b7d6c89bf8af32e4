import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Checkup, counted, Tally } from "../report.ts";
import { isFile } from "../tree.ts";
import { fillPath, type Info, isRecord } from "./info.ts";
import { type EpisodeRow, numberOf, statisticsOf } from "./set.ts";
import type { Statistics } from "./statistics.ts";

export const episodesLines = "meta/episodes.jsonl";
const tasksLines = "meta/tasks.jsonl";
export const statisticsLines = "meta/episodes_stats.jsonl";

/** Reads the tasks of v2, a line each. */
export async function readTaskLines(root: string, checkup: Checkup): Promise<string[]> {
  const lines = await readLines(root, tasksLines, "tasks.file", checkup);
  const tasks: string[] = [];
  const wrong = new Tally();
  for (const [row, line] of lines.entries()) {
    const number = numberOf(line.task_index);
    if (number !== row || typeof line.task !== "string") wrong.add({ file: tasksLines }, `line ${row + 1}`);
    tasks[Number.isInteger(number) && number >= 0 ? number : row] = String(line.task);
  }
  checkup.judge("tasks.order", {
    tally: wrong,
    bad: (count) => `${counted(count, "line")} not a task with the number of its line`,
    good: `${tasks.length} tasks, numbered by their lines`,
  });
  return tasks;
}

/** Reads the episodes of v2 and the files that each must have. */
export async function readEpisodeLines(root: string, info: Info, checkup: Checkup): Promise<EpisodeRow[]> {
  const lines = await readLines(root, episodesLines, "episodes.files", checkup);
  const statistics = await episodeStatistics(root, checkup);
  const wrong = new Tally();
  const rows = lines.map((line, row): EpisodeRow => {
    const index = numberOf(line.episode_index);
    if (index !== row || !Number.isInteger(line.length))
      wrong.add({ file: episodesLines, episode: index }, `line ${row + 1}`);
    const place = { episode_chunk: Math.floor(index / info.chunksSize), episode_index: index };
    const fileOf = (camera: string) =>
      fillPath(info.videoPath ?? "", { ...place, video_key: camera }) ?? info.videoPath ?? "";
    return {
      index,
      length: numberOf(line.length),
      tasks: Array.isArray(line.tasks) ? line.tasks.map(String) : [],
      data: fillPath(info.dataPath, place) ?? info.dataPath,
      rows: undefined,
      videos: new Map(info.cameras.map(({ name }) => [name, { file: fileOf(name), from: 0, to: undefined }])),
      statistics: statistics.get(index),
    };
  });
  checkup.judge("episodes.order", {
    tally: wrong,
    bad: (count) => `${counted(count, "line")} not the episode of that number with a length`,
    good: "line i is episode i",
  });
  return rows;
}

async function episodeStatistics(
  root: string,
  checkup: Checkup,
): Promise<Map<number, Map<string, Statistics>>> {
  const found = new Map<number, Map<string, Statistics>>();
  if (!(await isFile(join(root, statisticsLines)))) return found;
  for (const line of await readLines(root, statisticsLines, "statistics.file", checkup)) {
    const one = new Map<string, Statistics>();
    for (const [feature, parts] of Object.entries(isRecord(line.stats) ? line.stats : {})) {
      const known = isRecord(parts) ? statisticsOf(parts) : undefined;
      if (known !== undefined) one.set(feature, known);
    }
    found.set(numberOf(line.episode_index), one);
  }
  return found;
}

async function readLines(
  root: string,
  path: string,
  check: string,
  checkup: Checkup,
): Promise<Record<string, unknown>[]> {
  let text: string;
  try {
    text = await readFile(join(root, path), "utf8");
  } catch {
    checkup.fail(check, `${path} is missing`, { file: path });
    return [];
  }
  const rows: Record<string, unknown>[] = [];
  const broken = new Tally();
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      const row: unknown = JSON.parse(line);
      if (isRecord(row)) {
        rows.push(row);
        continue;
      }
    } catch {
      // Counted below with lines that are no object.
    }
    broken.add({ file: path }, `line ${at + 1}`);
  }
  checkup.judge(check, {
    tally: broken,
    bad: (count) => `${counted(count, "line")} of ${path} no JSON object`,
  });
  return rows;
}
