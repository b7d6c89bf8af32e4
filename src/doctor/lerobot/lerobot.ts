import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { leftoverName } from "../files.ts";
import { type Checkup, counted, type DoctorOptions } from "../report.ts";
import { filesBelow, isFile } from "../tree.ts";
import { checkStatistics } from "./check-statistics.ts";
import { examineData, type SetData } from "./data.ts";
import { readEpisodes } from "./episodes.ts";
import { checkInfo, type Info } from "./info.ts";
import { checkFiles, checkMetadata } from "./metadata.ts";
import { checkModality } from "./modality.ts";
import { readEpisodeLines, readTaskLines } from "./per-episode.ts";
import { checkPlausible } from "./plausible.ts";
import { type LerobotSet, loadedFiles } from "./set.ts";
import { readTasks } from "./tasks.ts";
import { examineVideos } from "./videos.ts";

export const infoPath = "meta/info.json";

/** What an examination found out beside its checks. */
export interface Examined {
  set: LerobotSet;
  data: SetData;
}

/** Examines a LeRobot data set; undefined where its own description cannot be read. */
export async function examineLerobot(
  root: string,
  checkup: Checkup,
  options: DoctorOptions,
): Promise<Examined | undefined> {
  const info = await readInfo(root, checkup);
  if (info === undefined) return undefined;
  const isShared = info.layout === 3;
  const tasks = await (isShared ? readTasks(root, checkup) : readTaskLines(root, checkup));
  const episodes = isShared
    ? await readEpisodes(root, info, checkup)
    : await readEpisodeLines(root, info, checkup);
  const stored = await filesBelow(root, "data", /\.parquet$/);
  const videos = await filesBelow(root, "videos", /\.mp4$/);
  const dataFiles = isShared ? await loadedFiles(root, "data") : stored;
  const set: LerobotSet = { root, info, tasks, episodes, dataFiles };
  if (dataFiles.length === 0)
    checkup.fail("data.files", "there is no parquet file in data/", { file: "data" });
  await checkFiles(set, [...stored, ...videos], checkup);
  await checkLeftovers(root, checkup);
  const data = await examineData(set, checkup, options);
  checkMetadata(set, data, checkup);
  if (!isShared) await checkModality(set, checkup);
  await checkStatistics(set, data, checkup);
  await examineVideos(set, data, checkup, options);
  checkPlausible(info, data, checkup);
  if (!data.isWhole) {
    const message = `values and pictures of ${data.episodes.length} of ${episodes.length} episodes were looked at`;
    checkup.pass("examined", message);
  }
  return { set, data };
}

async function readInfo(root: string, checkup: Checkup): Promise<Info | undefined> {
  const where = { file: infoPath };
  if (!(await isFile(join(root, infoPath)))) {
    const hint = "it is written last, so the set is unfinished: go on with the export's --resume";
    checkup.fail("info.json", `${infoPath} is missing; ${hint}`, where);
    return undefined;
  }
  let raw: unknown;
  try {
    raw = JSON.parse(await readFile(join(root, infoPath), "utf8"));
  } catch (cause) {
    checkup.fail("info.json", `${infoPath} is no JSON: ${(cause as Error).message}`, where);
    return undefined;
  }
  return checkInfo(raw, checkup);
}

/** Files of writers that were cut short. */
export async function leftovers(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ["meta", "data", "videos"])
    found.push(...(await filesBelow(root, folder, leftoverName)));
  return found;
}

async function checkLeftovers(root: string, checkup: Checkup): Promise<void> {
  const files = await leftovers(root);
  const [first] = files;
  if (first === undefined) checkup.pass("files.leftover", "no unfinished files");
  else
    checkup.warn(
      "files.leftover",
      `${counted(files.length, "unfinished file")} of a writer`,
      { file: first },
      true,
    );
  const images = await filesBelow(root, "images", /\.(png|tiff)$/);
  if (images.length > 0) {
    const message = `${counted(images.length, "picture")} in images/ that a recording left behind`;
    checkup.warn("files.leftover", message, { file: images[0] as string });
  }
}
