import { type Checkup, counted, Tally } from "../report.ts";
import { isFile } from "../tree.ts";
import type { SetData } from "./data.ts";
import { checkCounters } from "./info.ts";
import type { LerobotSet } from "./set.ts";

/** Holds what the metadata say of episodes, files and counts against the frames. */
export function checkMetadata(set: LerobotSet, data: SetData, checkup: Checkup): void {
  const { info, tasks } = set;
  const { episodes, isCertain } = episodeTruth(set, data);
  const counters = { total_episodes: episodes, total_frames: data.rows, total_tasks: tasks.length };
  const beside = info.layout === 2 ? filesOfTwo(set) : {};
  checkCounters(info, { ...counters, ...beside }, isCertain, checkup);
  checkEpisodes(set, data, isCertain, checkup);
}

/** How many episodes there are, and whether metadata and frames agree in which. */
export function episodeTruth(set: LerobotSet, data: SetData): { episodes: number; isCertain: boolean } {
  const read = new Set(data.episodes.map(({ index }) => index));
  if (!data.isWhole) return { episodes: set.episodes.length, isCertain: false };
  const isCertain = read.size === set.episodes.length && set.episodes.every(({ index }) => read.has(index));
  return { episodes: read.size, isCertain };
}

/** What v2 counts beside. */
export function filesOfTwo({ info, episodes }: LerobotSet): { total_chunks: number; total_videos: number } {
  return {
    total_chunks: Math.ceil(episodes.length / info.chunksSize),
    total_videos: episodes.length * info.cameras.length,
  };
}

function checkEpisodes(set: LerobotSet, data: SetData, isCertain: boolean, checkup: Checkup): void {
  const known = new Map(set.episodes.map((row) => [row.index, row]));
  const read = new Set(data.episodes.map(({ index }) => index));
  const file = set.info.layout === 3 ? "meta/episodes" : "meta/episodes.jsonl";
  const [undescribed, unread, length, rows, place] = [
    new Tally(),
    new Tally(),
    new Tally(),
    new Tally(),
    new Tally(),
  ];
  for (const one of data.episodes) {
    const row = known.get(one.index);
    const where = { file, episode: one.index };
    if (row === undefined) {
      undescribed.add({ file: one.file, episode: one.index });
      continue;
    }
    if (row.length !== one.length) length.add(where, `length ${row.length}, but ${one.length} frames`);
    const end = one.firstRow + one.length;
    if (row.rows !== undefined && (row.rows[0] !== one.firstRow || row.rows[1] !== end))
      rows.add(where, `rows ${row.rows[0]} to ${row.rows[1]}, but they are ${one.firstRow} to ${end}`);
    if (row.data !== one.file) place.add(where, `data in ${row.data}, but it is in ${one.file}`);
  }
  const texts = new Set(set.tasks);
  const tasks = new Tally();
  for (const { index, tasks: own } of set.episodes) {
    const strange = own.find((text) => !texts.has(text));
    if (strange !== undefined) tasks.add({ file, episode: index }, JSON.stringify(strange));
  }
  if (data.isWhole)
    for (const { index } of set.episodes) if (!read.has(index)) unread.add({ file, episode: index });
  const some = (check: string, tally: Tally, bad: string, good: string, fixable = isCertain) =>
    checkup.judge(check, { tally, bad: (count) => `${counted(count, "episode")} ${bad}`, good, fixable });
  some(
    "episodes.described",
    undescribed,
    "with frames, but not in the metadata",
    "every frame's episode is described",
    false,
  );
  some("episodes.frames", unread, "in the metadata, but without frames", "every episode has frames", false);
  some("episodes.tasks", tasks, "with a task that is not in the tasks", "episodes have known tasks", false);
  some("episodes.length", length, "of another length than stated", "lengths are those of the frames");
  if (set.info.layout === 2) return;
  some(
    "episodes.rows",
    rows,
    "whose rows are stated wrongly",
    "dataset_from_index and dataset_to_index are right",
  );
  some("episodes.data", place, "whose data file is stated wrongly", "data files are stated right");
}

/** Files that the metadata name and that are not there, and files that they do not name. */
export async function checkFiles(
  set: LerobotSet,
  stored: readonly string[],
  checkup: Checkup,
): Promise<void> {
  const [data, video, strange] = [new Tally(), new Tally(), new Tally()];
  const named = new Set<string>();
  for (const { index, data: path, videos } of set.episodes) {
    const all = [
      { path, tally: data },
      ...[...videos.values()].map(({ file }) => ({ path: file, tally: video })),
    ];
    for (const { path: file, tally } of all) {
      if (named.has(file)) continue;
      if (await isFile(`${set.root}/${file}`)) named.add(file);
      else tally.add({ file, episode: index });
    }
  }
  const isPerEpisode = set.info.layout === 2;
  const missing = (what: string) => (count: number) =>
    isPerEpisode
      ? `${what} of ${count} of ${counted(set.episodes.length, "episode")} missing; the loader wants all of them`
      : `${what} of ${counted(count, "episode")} missing`;
  checkup.judge("files.data", { tally: data, bad: missing("data files"), good: "every data file is there" });
  if (set.info.cameras.length > 0)
    checkup.judge("files.video", { tally: video, bad: missing("videos"), good: "every video is there" });
  for (const path of stored) if (!named.has(path)) strange.add({ file: path });
  checkup.judge("files.unnamed", {
    tally: strange,
    level: "WARN",
    bad: (count) => `${counted(count, "file")} in data/ or videos/ that no episode names`,
    good: "every file belongs to an episode",
  });
}
