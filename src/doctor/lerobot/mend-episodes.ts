import { join } from "node:path";
import { probeVideo } from "../ffprobe.ts";
import { replaceFile } from "../files.ts";
import { openParquet } from "../parquet.ts";
import type { Checkup, DoctorOptions } from "../report.ts";
import { rewriteParquet } from "../rewrite.ts";
import type { EpisodeData } from "./episode-data.ts";
import { episodesFolder } from "./episodes.ts";
import { isNumeric } from "./info.ts";
import type { Examined } from "./lerobot.ts";
import { isFixable, type Mended, orRefuse } from "./mended.ts";
import { gridFrom } from "./placing.ts";
import { type LerobotSet, loadedFiles, numberOf } from "./set.ts";
import { quantileShares, type Statistics } from "./statistics.ts";

/** Writes meta/episodes of v3.0 anew where its indexes, times or statistics are not those of the frames. */
export async function mendEpisodes(
  { set, data }: Examined,
  checkup: Checkup,
  options: DoctorOptions,
  mended: Mended,
): Promise<void> {
  if (!isFixable(checkup, "episodes.", "statistics.episodes")) return;
  const hasNewStatistics = isFixable(checkup, "statistics.episodes");
  const numeric = hasNewStatistics ? set.info.features.filter(isNumeric).map(({ name }) => name) : [];
  const starts = await videoStarts(set, data.episodes, options);
  const byIndex = new Map(data.episodes.map((one) => [one.index, one]));
  for (const path of await loadedFiles(set.root, episodesFolder)) {
    const file = await openParquet(join(set.root, path));
    const kinds = file.columns;
    const columns = [...kinds.keys()];
    await file.close();
    const wanted = numeric.flatMap((name) => statisticNames.map((part) => `stats/${name}/${part}`));
    const added = wanted.filter((name) => !columns.includes(name));
    const values = (read: ReadonlyMap<string, ArrayLike<unknown>>) => {
      const changed = new Map<string, unknown[]>();
      const indexes = Array.from(read.get("episode_index") ?? [], numberOf);
      for (const name of [...columns, ...added]) {
        const isOwn = !name.startsWith("stats/") || wanted.includes(name);
        if (!isOwn) continue;
        const before = read.get(name);
        changed.set(
          name,
          indexes.map((index, row) => {
            const truth = truthOf(name, byIndex.get(index), starts, set);
            return truth === undefined ? (before?.[row] ?? null) : stored(truth, kinds.get(name)?.leaf);
          }),
        );
      }
      return changed;
    };
    await orRefuse(mended, path, () =>
      replaceFile(join(set.root, path), (draft) =>
        rewriteParquet(join(set.root, path), draft, { values, added }),
      ),
    );
    if (mended.files.has(path)) {
      const also = hasNewStatistics ? " and statistics" : "";
      mended.said.push(`wrote the indexes, times${also} in ${path} as the frames and videos have them`);
    }
  }
}

/** As a column's type has it; writers differ in whether counts and the like are whole numbers. */
function stored(value: unknown, leaf: string | undefined): unknown {
  if (Array.isArray(value)) return value.map((one) => stored(one, leaf));
  return leaf?.endsWith("int64") === true ? BigInt(value as bigint | number) : Number(value);
}

const statisticNames = ["min", "max", "mean", "std", "count", ...quantileShares.map(([name]) => name)];

/** What a column must hold for an episode, or undefined where it is not told by the frames. */
function truthOf(
  column: string,
  data: EpisodeData | undefined,
  starts: ReadonlyMap<string, number>,
  { info }: LerobotSet,
): unknown {
  if (data === undefined) return undefined;
  const { index, length, firstRow, file } = data;
  const [, chunk, number] = /chunk-(\d+)\/file-(\d+)\.parquet$/.exec(file) ?? [];
  switch (column) {
    case "length":
      return BigInt(length);
    case "dataset_from_index":
      return BigInt(firstRow);
    case "dataset_to_index":
      return BigInt(firstRow + length);
    case "data/chunk_index":
      return chunk === undefined ? undefined : BigInt(chunk);
    case "data/file_index":
      return number === undefined ? undefined : BigInt(number);
  }
  const video = /^videos\/(.+)\/(from|to)_timestamp$/.exec(column);
  if (video !== null) {
    const start = starts.get(`${video[1]}/${index}`);
    return start === undefined ? undefined : video[2] === "from" ? start : start + length / info.fps;
  }
  const statistic = /^stats\/(.+)\/(\w+)$/.exec(column);
  const known = statistic === null ? undefined : data.statistics.get(statistic[1] as string);
  return known === undefined ? undefined : partOf(known, statistic?.[2] as string);
}

function partOf(one: Statistics, part: string): number[] | undefined {
  if (part === "count") return [one.count];
  if (part === "min" || part === "max" || part === "mean" || part === "std") return one[part];
  return one.quantiles.get(part);
}

/** Seconds at which episodes begin, by camera and episode, where they can be told. */
async function videoStarts(
  set: LerobotSet,
  episodes: readonly EpisodeData[],
  options: DoctorOptions,
): Promise<Map<string, number>> {
  const starts = new Map<string, number>();
  const lengths = new Map(episodes.map(({ index, length }) => [index, length]));
  for (const { name } of set.info.cameras) {
    const files = new Map<string, { index: number; from: number; length: number }[]>();
    for (const { index, videos } of set.episodes) {
      const place = videos.get(name);
      const length = lengths.get(index);
      if (place === undefined || length === undefined) continue;
      const parts = files.get(place.file) ?? [];
      parts.push({ index, from: place.from, length });
      files.set(place.file, parts);
    }
    for (const [file, parts] of files) {
      const video = await probeVideo(join(set.root, file), options);
      if (typeof video === "string") continue;
      const truth = gridFrom(parts, video.ticks.length, set.info.fps);
      for (const [at, { index }] of parts.entries())
        if (truth[at] !== undefined) starts.set(`${name}/${index}`, truth[at]);
    }
  }
  return starts;
}
