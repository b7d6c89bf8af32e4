import { filesBelow } from "../tree.ts";
import type { Info } from "./info.ts";
import type { Statistics } from "./statistics.ts";

/** Where an episode's pictures are. */
export interface VideoPlace {
  /** Relative to the root. */
  file: string;
  /** Seconds within that file. */
  from: number;
  /** Seconds, where the format states it. */
  to: number | undefined;
}

/** What the metadata say of one episode. */
export interface EpisodeRow {
  index: number;
  length: number;
  tasks: string[];
  /** Relative to the root. */
  data: string;
  /** Rows of the whole set, half-open; v3.0 only. */
  rows: readonly [number, number] | undefined;
  /** By camera. */
  videos: Map<string, VideoPlace>;
  /** By feature; undefined where the set keeps none of this episode. */
  statistics: Map<string, Statistics> | undefined;
}

/** A LeRobot data set as its metadata describe it. */
export interface LerobotSet {
  root: string;
  info: Info;
  /** By their numbers. */
  tasks: string[];
  episodes: EpisodeRow[];
  /** Data files, relative to the root, in the order that the loader reads them in. */
  dataFiles: string[];
}

/** The parquet files that the loader takes: exactly one folder deep, in the order of their paths. */
export async function loadedFiles(root: string, folder: string): Promise<string[]> {
  return filesBelow(root, folder, new RegExp(`^${folder}/[^/]+/[^/]+\\.parquet$`));
}

/** A number of any of the ways a reader gives it. */
export function numberOf(value: unknown): number {
  return typeof value === "bigint" || typeof value === "number" ? Number(value) : Number.NaN;
}

/** All numbers of nested lists, in their order; null and undefined become NaN. */
export function flatNumbers(value: unknown): number[] {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const flat: number[] = [];
    for (const one of value as unknown as Iterable<unknown>) {
      if (typeof one === "number") flat.push(one);
      else for (const inner of flatNumbers(one)) flat.push(inner);
    }
    return flat;
  }
  if (typeof value === "boolean") return [value ? 1 : 0];
  return [numberOf(value)];
}

/** Statistics of one feature from their parts, or undefined where a part is missing. */
export function statisticsOf(parts: Readonly<Record<string, unknown>>): Statistics | undefined {
  const { min, max, mean, std, count } = parts;
  if ([min, max, mean, std, count].some((part) => part === undefined || part === null)) return undefined;
  const quantiles = Object.keys(parts).filter((name) => /^q\d+$/.test(name) && parts[name] !== null);
  return {
    count: flatNumbers(count)[0] ?? Number.NaN,
    min: flatNumbers(min),
    max: flatNumbers(max),
    mean: flatNumbers(mean),
    std: flatNumbers(std),
    quantiles: new Map(quantiles.sort().map((name) => [name, flatNumbers(parts[name])])),
  };
}
