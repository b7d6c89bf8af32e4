import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Checkup, counted, Tally } from "../report.ts";
import type { SetData } from "./data.ts";
import { bookkeeping, type Feature, isNumeric, isRecord } from "./info.ts";
import { episodeTruth } from "./metadata.ts";
import { type LerobotSet, statisticsOf } from "./set.ts";
import { mergeStatistics, quantileShares, type Statistics, statisticsProblem } from "./statistics.ts";

export const statisticsPath = "meta/stats.json";

const where = { file: statisticsPath };

/** Recomputes statistics and holds those of the set and of its episodes against them. */
export async function checkStatistics(set: LerobotSet, data: SetData, checkup: Checkup): Promise<void> {
  const { isCertain } = episodeTruth(set, data);
  const isByEpisode = set.info.layout === 2 && set.info.raw.codebase_version !== "v2.0";
  checkEpisodes(set, data, { isCertain, isNeeded: isByEpisode }, checkup);
  if (isByEpisode) return;
  const raw = await readStatistics(set.root);
  if (typeof raw === "string") {
    checkup.fail("statistics.file", raw, where, isCertain);
    return;
  }
  checkPictures(set, raw, checkup);
  // Official tools that cut and merge sets leave counters' statistics as they were; nothing is normalised by them.
  const [tally, stale, missing] = [new Tally(), new Tally(), new Tally()];
  for (const feature of set.info.features.filter(isNumeric)) {
    const place = { ...where, feature: feature.name };
    const parts = raw[feature.name];
    const given = isRecord(parts) ? statisticsOf(parts) : undefined;
    if (given === undefined) {
      missing.add(place, feature.name);
      continue;
    }
    const absent = missingQuantiles(set, given);
    if (absent !== undefined) missing.add(place, `${absent} of ${feature.name}`);
    const truth = wholeStatistics(data, feature);
    if (!data.isWhole || truth === undefined) continue;
    const problem = statisticsProblem(given, truth, envelope(data, feature));
    if (problem !== undefined)
      (feature.name in bookkeeping ? stale : tally).add(place, `${feature.name}: ${problem}`);
  }
  checkup.judge("statistics.complete", {
    tally: missing,
    bad: (count) => `statistics of ${counted(count, "feature")} missing or incomplete`,
    good: "every feature has statistics",
    fixable: isCertain,
  });
  if (!data.isWhole) return;
  const fixable = isCertain;
  checkup.judge("statistics.values", {
    tally,
    bad: (count) => `statistics of ${counted(count, "feature")} are not those of the data`,
    ...(stale.count === 0 ? { good: "statistics are those of the data" } : {}),
    fixable,
  });
  checkup.judge("statistics.values", {
    tally: stale,
    level: "WARN",
    bad: (count) =>
      `statistics of ${counted(count, "counter")} are not those of the data, as after a cut or merge`,
    fixable,
  });
}

/** stats.json, or why there is none; numbers that JSON does not know become null. */
export async function readStatistics(root: string): Promise<Record<string, unknown> | string> {
  let text: string;
  try {
    text = await readFile(join(root, statisticsPath), "utf8");
  } catch {
    return `${statisticsPath} is missing: training cannot normalise`;
  }
  try {
    const raw: unknown = JSON.parse(text.replace(/(?<=[[,:\s])(NaN|-?Infinity)(?=[\],}\s])/g, "null"));
    return isRecord(raw) ? raw : `${statisticsPath} is no JSON object`;
  } catch (cause) {
    return `${statisticsPath} cannot be read: ${(cause as Error).message}`;
  }
}

/** Of all frames of the set; undefined where some could not be read. */
export function wholeStatistics(data: SetData, { name }: Feature): Statistics | undefined {
  const known = data.episodes.map(({ statistics }) => statistics.get(name));
  return known.length === 0 || known.includes(undefined) ? undefined : mergeStatistics(known as Statistics[]);
}

/** Quantiles of a whole lie between the least and the greatest of its episodes, however they are put together. */
function envelope(data: SetData, { name }: Feature): Map<string, [number, number][]> {
  const ranges = new Map<string, [number, number][]>();
  for (const { ranges: own, statistics } of data.episodes)
    for (const [quantile, bounds] of own.get(name) ?? []) {
      const wide = ranges.get(quantile) ?? [];
      for (const [at, [low, high]] of bounds.entries()) {
        const [least, most] = wide[at] ?? [low, high];
        // An episode of one or two frames may have its mean for a quantile.
        const mean = statistics.get(name)?.mean[at] ?? low;
        const isShort = (statistics.get(name)?.count ?? 0) < 3;
        wide[at] = [Math.min(least, low, isShort ? mean : low), Math.max(most, high, isShort ? mean : high)];
      }
      ranges.set(quantile, wide);
    }
  return ranges;
}

function missingQuantiles(set: LerobotSet, given: Statistics): string | undefined {
  if (set.info.layout === 2) return undefined;
  return quantileShares.map(([name]) => name).find((name) => !given.quantiles.has(name));
}

function checkPictures(set: LerobotSet, raw: Record<string, unknown>, checkup: Checkup): void {
  const [missing, shape] = [new Tally(), new Tally()];
  for (const feature of set.info.features.filter(({ dtype }) => dtype === "video" || dtype === "image")) {
    const place = { ...where, feature: feature.name };
    const parts = raw[feature.name];
    if (!isRecord(parts) || statisticsOf(parts) === undefined) {
      missing.add(place, feature.name);
      continue;
    }
    for (const [key, value] of Object.entries(parts))
      if (key !== "count" && !/^\[(\[\[[^[\]]*\]\],?){1,3}\]$/.test(JSON.stringify(value)))
        shape.add(place, `${key} of ${feature.name} is not [3][1][1]`);
  }
  checkup.judge("statistics.pictures", {
    tally: missing,
    level: "WARN",
    bad: (count) =>
      `statistics of the pictures of ${counted(count, "camera")} missing; policies then use those of ImageNet, or none`,
  });
  checkup.judge("statistics.pictures", {
    tally: shape,
    bad: (count) => `${counted(count, "number")} of pictures in another shape than one value a channel`,
    ...(missing.count === 0 && set.info.features.some(({ dtype }) => dtype === "video" || dtype === "image")
      ? { good: "pictures have statistics, one value a channel" }
      : {}),
  });
}

function checkEpisodes(
  set: LerobotSet,
  data: SetData,
  { isCertain, isNeeded }: { isCertain: boolean; isNeeded: boolean },
  checkup: Checkup,
): void {
  const given = new Map(set.episodes.map((row) => [row.index, row.statistics]));
  const [missing, wrong, stale] = [new Tally(), new Tally(), new Tally()];
  const file = set.info.layout === 3 ? "meta/episodes" : "meta/episodes_stats.jsonl";
  for (const { index, statistics, ranges } of data.episodes) {
    const row = given.get(index);
    for (const [name, truth] of statistics) {
      const place = { file, episode: index, feature: name };
      const one = row?.get(name);
      if (one === undefined) {
        missing.add(place, name);
        break;
      }
      // Of a single frame official writers keep its whole shape.
      if (truth.count === 1 && one.min.length !== truth.min.length) continue;
      const problem = statisticsProblem(one, truth, ranges.get(name) ?? new Map());
      if (problem !== undefined) (name in bookkeeping ? stale : wrong).add(place, `${name}: ${problem}`);
    }
  }
  checkup.judge("statistics.episodes-complete", {
    tally: missing,
    level: isNeeded ? "FAIL" : "WARN",
    bad: (count) =>
      `statistics of ${counted(count, "episode")} missing; ${isNeeded ? "the loader" : "tools that cut and merge sets"} need${isNeeded ? "s" : ""} them`,
    good: "every episode has statistics",
    fixable: isCertain,
  });
  checkup.judge("statistics.episodes", {
    tally: wrong,
    bad: (count) => `${counted(count, "statistic")} of episodes not those of their frames`,
    ...(stale.count === 0 ? { good: "statistics of episodes are those of their frames" } : {}),
    fixable: isCertain,
  });
  checkup.judge("statistics.episodes", {
    tally: stale,
    level: "WARN",
    bad: (count) =>
      `${counted(count, "statistic")} of counters not those of their frames, as after a cut or merge`,
    fixable: isCertain,
  });
}
