import { join } from "node:path";
import { expect } from "vitest";
import type { EpisodeSet } from "../../../src/episodes/index.ts";
import { select } from "../../fixtures/duckdb.ts";
import { numbersIn, probe } from "../../video/footage.ts";
import { json } from "./exported.ts";

/** Seconds that a picture may be from the instant asked for. */
const tolerance = 1e-4;

interface Probed {
  /** Seconds of the pictures shown, in order. */
  readonly times: number[];
  readonly averageRate: number;
}

function probed(path: string): Probed {
  const { stream, packets } = probe(path);
  const [ticks, seconds] = (stream.time_base as string).split("/").map(Number) as [number, number];
  const [frames, per] = (stream.avg_frame_rate as string).split("/").map(Number) as [number, number];
  const times = packets.map(({ pts }) => (pts * ticks) / seconds).sort((a, b) => a - b);
  return { times, averageRate: frames / per };
}

/** As Python rounds: a half to the even side. */
function rounded(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** Picture of a file that a reader takes for an instant in seconds: by the average rate, and by the nearest time. */
function pictureAt({ times, averageRate }: Probed, query: number, where: string): number {
  const place = rounded(query * averageRate);
  const away = (at: number) => Math.abs(Math.fround(Math.fround(query) - Math.fround(times[at]!)));
  expect(place, where).toBeLessThan(times.length);
  expect(away(place), where).toBeLessThan(tolerance);
  for (const other of [place - 1, place + 1])
    if (other >= 0 && other < times.length) expect(away(other), where).toBeGreaterThan(away(place));
  return place;
}

/** Where an episode is in a camera's video: the file, and the second that it begins at. */
export interface Placed {
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

/** Of every episode, by the format's own description of version 3.0. */
export async function placesOf(dir: string, key: string): Promise<Placed[]> {
  const { video_path: pattern } = json(dir, "meta/info.json");
  const path = join(dir, "meta/episodes/chunk-000/file-000.parquet");
  const rows = await select(`select * from read_parquet('${path}') order by episode_index`);
  const digits = (value: unknown) => String(value).padStart(3, "0");
  return rows.map((row) => ({
    file: (pattern as string)
      .replace("{video_key}", key)
      .replace("{chunk_index:03d}", digits(row[`videos/${key}/chunk_index`]))
      .replace("{file_index:03d}", digits(row[`videos/${key}/file_index`])),
    from: row[`videos/${key}/from_timestamp`] as number,
    to: row[`videos/${key}/to_timestamp`] as number,
  }));
}

/**
 * Looks up the picture of every frame of every episode, by the rules of LeRobot's reader, and holds times against its
 * tolerance.
 *
 * @param numbered also holds the number that the picture shows against the capture's frame
 * @returns the files, in order of use
 */
export async function expectPictures(
  dir: string,
  set: EpisodeSet,
  camera: number,
  places: readonly Placed[],
  numbered?: { size?: readonly [number, number] },
): Promise<string[]> {
  const files = new Map<string, Probed & { numbers?: number[] }>();
  for (const { file } of places) {
    if (files.has(file)) continue;
    const path = join(dir, file);
    const own = probed(path);
    own.times.forEach((seconds, at) => {
      expect(Math.abs(seconds - at / set.fps), `picture ${at} of ${file}`).toBeLessThan(1e-9);
    });
    expect(own.averageRate, file).toBe(set.fps);
    files.set(file, { ...own, ...(numbered ? { numbers: numbersIn(path, numbered.size) } : {}) });
  }
  expect(places).toHaveLength(set.episodes.length);
  for (const [index, { length, videos }] of set.episodes.entries()) {
    const { file, from, to } = places[index]!;
    const own = files.get(file)!;
    for (let frame = 0; frame < length; frame += 1) {
      const where = `frame ${frame} of episode ${index} in ${file}`;
      const place = pictureAt(own, from + Math.fround(frame / set.fps), where);
      expect(place, where).toBe(Math.round(from * set.fps) + frame);
      if (own.numbers !== undefined) expect(own.numbers[place], where).toBe(videos[camera]!.frames[frame]);
    }
    expect(Math.round((to - from) * set.fps * 1e6) / 1e6).toBe(length);
  }
  return [...files.keys()];
}
