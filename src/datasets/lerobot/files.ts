import { writeFile } from "node:fs/promises";
import type { EpisodeSet, Json } from "../../episodes/index.ts";
import { columnEntry, type DataColumn } from "./columns.ts";
import { type EpisodeStatistics, type Statistics, statisticNames } from "./statistics.ts";
import type { CameraVideos } from "./videos.ts";

/** Files a chunk. */
export const chunkFiles = 1000;

/** The place of the n-th file: its chunk, its number in it, and both as text. */
export function fileNumber(n: number): { chunk: number; file: number; path: string } {
  const [chunk, file] = [Math.floor(n / chunkFiles), n % chunkFiles];
  const digits = (count: number) => String(count).padStart(3, "0");
  return { chunk, file, path: `chunk-${digits(chunk)}/file-${digits(file)}` };
}

/** The features of info.json. */
export function featureEntries(columns: readonly DataColumn[], cameras: readonly CameraVideos[]): object {
  const videos = cameras.map(({ key, size: [width, height], info }) => [
    key,
    { dtype: "video", shape: [height, width, 3], names: ["height", "width", "channels"], info },
  ]);
  return Object.fromEntries([...videos, ...columns.map((column) => [column.name, columnEntry(column)])]);
}

/**
 * Statistics as members of a JSON object, one a feature: one number a value, a picture's channels nested in three
 * dimensions. Numbers have a fraction, counts do not, because readers tell types by how numbers are written.
 */
export function statisticsMembers(
  all: EpisodeStatistics,
  isPicture: (feature: string) => boolean,
): readonly string[] {
  return Object.entries(all).map(([feature, statistics]) => {
    const parts = statisticNames.map((name) => {
      if (name === "count") return `"count": [${statistics.count}]`;
      const values = statistics[name].map((value) =>
        Number.isInteger(value) ? value.toFixed(1) : `${value}`,
      );
      return `"${name}": [${values.map((value) => (isPicture(feature) ? `[[${value}]]` : value)).join(", ")}]`;
    });
    return `${JSON.stringify(feature)}: {${parts.join(", ")}}`;
  });
}

/** Statistics as columns have them. */
export function nested(
  statistics: Statistics,
  name: (typeof statisticNames)[number],
  isPicture: boolean,
): readonly unknown[] {
  if (name === "count") return [statistics.count];
  return isPicture ? statistics[name].map((value) => [[value]]) : statistics[name];
}

export async function writeText(path: string, text: string): Promise<null> {
  await writeFile(path, text);
  return null;
}

export function writeJson(path: string, document: unknown): Promise<null> {
  return writeText(path, `${JSON.stringify(document, null, 4)}\n`);
}

export function writeJsonLines(path: string, rows: readonly unknown[]): Promise<null> {
  return writeText(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

/** What the format has no place for: where episodes come from, how they went, and how far frames were from the grid. */
export function ownFacts(set: EpisodeSet, jitter: readonly Json[]): object {
  return {
    name: set.name,
    provenance: set.provenance,
    left_out: set.leftOut,
    episodes: set.episodes.map((episode, at) => ({
      episode_index: episode.index,
      episode_id: episode.id,
      capture: episode.capture,
      length: episode.length,
      start_ns: String(episode.startNs),
      end_ns: String(episode.endNs),
      scene: episode.scene,
      context: episode.context,
      ...(episode.conformance === undefined ? {} : { conformance: episode.conformance }),
      segments: episode.segments.map((segment) => ({
        ...segment,
        startNs: undefined,
        endNs: undefined,
        start_ns: String(segment.startNs),
        end_ns: String(segment.endNs),
      })),
      grid: jitter[at] ?? null,
    })),
  };
}
