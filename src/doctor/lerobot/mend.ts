import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import { replaceFile, replaceText } from "../files.ts";
import { Checkup, counted, type DoctorOptions } from "../report.ts";
import { rewriteParquet } from "../rewrite.ts";
import { readStatistics, statisticsPath, wholeStatistics } from "./check-statistics.ts";
import { isNumeric, isRecord, splitsProblem } from "./info.ts";
import { type Examined, examineLerobot, infoPath, leftovers } from "./lerobot.ts";
import { mendEpisodes } from "./mend-episodes.ts";
import { isFixable, type Mended, orRefuse } from "./mended.ts";
import { episodeTruth, filesOfTwo } from "./metadata.ts";
import { episodesLines, statisticsLines } from "./per-episode.ts";
import { statisticsOf } from "./set.ts";
import type { Statistics } from "./statistics.ts";
import { tasksPath, tasksTable } from "./tasks.ts";

/** Mends what follows from the frames alone; each file is replaced at once, meta/info.json last. */
export async function mendLerobot(root: string, options: DoctorOptions): Promise<Mended> {
  const mended: Mended = { said: [], refused: [], files: new Set() };
  const first = new Checkup();
  let found = await examineLerobot(root, first, options);
  if (found === undefined) return mended;
  await removeLeftovers(root, mended);
  if (isFixable(first, "tasks.")) await mendTasks(root, mended);
  if (isFixable(first, "data.timestamp")) await mendTimestamps(found, mended);
  // Statistics are of the new times.
  const second = new Checkup();
  found = (await examineLerobot(root, second, options)) as Examined;
  if (!episodeTruth(found.set, found.data).isCertain) return mended;
  if (found.set.info.layout === 3) await mendEpisodes(found, second, options, mended);
  else await mendLines(found, second, mended);
  if (isFixable(second, "statistics.file", "statistics.complete", "statistics.values"))
    await mendStatistics(found, second, mended);
  if (isFixable(second, "info.")) await mendInfo(found, mended);
  return mended;
}

async function removeLeftovers(root: string, mended: Mended): Promise<void> {
  for (const path of await leftovers(root)) {
    await rm(join(root, path));
    mended.said.push(`removed the unfinished file ${path}`);
  }
}

/** The two columns that pandas restores with the text as the index. */
async function mendTasks(root: string, mended: Mended): Promise<void> {
  const { numbers, texts, columns } = await tasksTable(root);
  if (numbers === undefined || texts === undefined || columns.length !== 2) {
    mended.refused.push(`${tasksPath} has other columns than a number and a text`);
    return;
  }
  const rows = numbers.map((number, row) => ({ number, text: texts[row] as string }));
  if (new Set(numbers).size === rows.length && numbers.every((number) => number in rows))
    rows.sort((a, b) => a.number - b.number);
  const column = (name: string, kind: string, numpy: string) => ({
    name,
    field_name: name,
    pandas_type: kind,
    numpy_type: numpy,
    metadata: null,
  });
  const index = { name: null, field_name: null, pandas_type: "unicode", numpy_type: "object" };
  const pandas = {
    index_columns: ["task"],
    column_indexes: [{ ...index, metadata: { encoding: "UTF-8" } }],
    columns: [column("task_index", "int64", "int64"), column("task", "unicode", "object")],
    creator: { library: "tagalign", version: "1" },
    pandas_version: "2.2.0",
  };
  await replaceFile(join(root, tasksPath), async (draft) =>
    parquetWriteFile({
      filename: draft,
      columnData: [
        { name: "task_index", data: rows.map(({ number }) => BigInt(number)), type: "INT64" },
        { name: "task", data: rows.map(({ text }) => text), type: "STRING" },
      ],
      kvMetadata: [{ key: "pandas", value: JSON.stringify(pandas) }],
    }),
  );
  mended.files.add(tasksPath);
  mended.said.push(`wrote ${tasksPath} with the text as the pandas index, in the order of the numbers`);
}

async function mendTimestamps({ set, data }: Examined, mended: Mended): Promise<void> {
  const { root, info } = set;
  const files = new Set(data.episodes.filter(({ timestamps }) => timestamps).map(({ file }) => file));
  for (const path of files) {
    const values = (columns: ReadonlyMap<string, ArrayLike<unknown>>) => {
      const frames = Array.from(columns.get("frame_index") ?? [], Number);
      return new Map([["timestamp", frames.map((frame) => Math.fround(frame / info.fps))]]);
    };
    await orRefuse(mended, path, () =>
      replaceFile(join(root, path), (draft) => rewriteParquet(join(root, path), draft, { values })),
    );
    if (mended.files.has(path)) mended.said.push(`put the timestamps of ${path} on the grid of frames`);
  }
}

/** Lengths and statistics of v2, a line an episode; all else on a line stays. */
async function mendLines({ set, data }: Examined, checkup: Checkup, mended: Mended): Promise<void> {
  const { root } = set;
  if (isFixable(checkup, "episodes.length")) {
    const lengths = new Map(data.episodes.map(({ index, length }) => [index, length]));
    await mendEachLine(root, episodesLines, mended, "lengths", (line) => {
      const length = lengths.get(Number(line.episode_index));
      return length === undefined ? line : { ...line, length };
    });
  }
  if (!isFixable(checkup, "statistics.episodes")) return;
  const lines: object[] = [];
  const before = await jsonLines(root, statisticsLines);
  for (const { index, statistics } of data.episodes) {
    const line = before.find((one) => one.episode_index === index);
    const stats = { ...(isRecord(line?.stats) ? line.stats : {}) };
    for (const [name, one] of statistics) stats[name] = asJson(one, false);
    lines.push({ ...line, episode_index: index, stats });
  }
  await replaceText(join(root, statisticsLines), lines.map((one) => `${JSON.stringify(one)}\n`).join(""));
  mended.files.add(statisticsLines);
  mended.said.push(`computed ${statisticsLines} from the frames`);
}

async function mendEachLine(
  root: string,
  path: string,
  mended: Mended,
  what: string,
  change: (line: Record<string, unknown>) => object,
): Promise<void> {
  const lines = (await jsonLines(root, path)).map((line) => `${JSON.stringify(change(line))}\n`);
  await replaceText(join(root, path), lines.join(""));
  mended.files.add(path);
  mended.said.push(`wrote the ${what} in ${path} as the frames have them`);
}

/** Lines that are no JSON are left out: what they said is not known. */
async function jsonLines(root: string, path: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(root, path), "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return isRecord(value) ? [value] : [];
    } catch {
      return [];
    }
  });
}

async function mendStatistics({ set, data }: Examined, checkup: Checkup, mended: Mended): Promise<void> {
  const found = await readStatistics(set.root);
  const raw = typeof found === "string" ? {} : found;
  const names: string[] = [];
  const isWrong = isFixable(checkup, "statistics.values");
  for (const feature of set.info.features.filter(isNumeric)) {
    const known = isRecord(raw[feature.name])
      ? statisticsOf(raw[feature.name] as Record<string, unknown>)
      : undefined;
    const isMissing = known === undefined || (set.info.layout === 3 && known.quantiles.size < 5);
    const truth = wholeStatistics(data, feature);
    if (truth === undefined || !(isMissing || isWrong)) continue;
    raw[feature.name] = asJson(truth, true);
    names.push(feature.name);
  }
  await replaceText(join(set.root, statisticsPath), `${JSON.stringify(raw, null, 4)}\n`);
  mended.files.add(statisticsPath);
  mended.said.push(`computed statistics of ${counted(names.length, "feature")} in ${statisticsPath}`);
}

/** As LeRobot writes them: lists, with the count in one. */
function asJson({ count, min, max, mean, std, quantiles }: Statistics, hasQuantiles: boolean): object {
  return { min, max, mean, std, count: [count], ...(hasQuantiles ? Object.fromEntries(quantiles) : {}) };
}

async function mendInfo({ set, data }: Examined, mended: Mended): Promise<void> {
  const { episodes } = episodeTruth(set, data);
  const counters: Record<string, number> = {
    total_episodes: episodes,
    total_frames: data.rows,
    total_tasks: set.tasks.length,
    ...(set.info.layout === 2 ? filesOfTwo(set) : {}),
  };
  const raw: Record<string, unknown> = { ...set.info.raw, ...counters };
  if (splitsProblem(raw.splits, episodes)?.isFixable === true) {
    const [name = "train"] = isRecord(raw.splits) ? Object.keys(raw.splits) : [];
    raw.splits = { [name]: `0:${episodes}` };
  }
  await replaceText(join(set.root, infoPath), `${JSON.stringify(raw, null, 4)}\n`);
  mended.files.add(infoPath);
  mended.said.push(`wrote counters and splits in ${infoPath} as the data have them`);
}
