import { extname } from "node:path";
import type { EpisodeSet } from "../episodes/index.ts";
import { copyVideo } from "../video/index.ts";
import type { DatasetFiles } from "./format.ts";

/** The videos of a set's captures, each once: where the data set has its copy, by the path of the capture's own file. */
export type CapturedVideos = ReadonlyMap<string, string>;

/** A place such as `videos/refinery-3_gas-round/head.mp4` for each file, in order of first use. */
export function capturedVideos(set: EpisodeSet): CapturedVideos {
  const places = new Map<string, string>();
  const taken = new Set<string>();
  for (const episode of set.episodes) {
    for (const [camera, { path }] of episode.videos.entries()) {
      if (places.has(path)) continue;
      const stem = `videos/${fileName(episode.capture)}/${fileName(set.cameras[camera]!.name)}`;
      let place = `${stem}${extname(path)}`;
      for (let copy = 2; taken.has(place.toLowerCase()); copy += 1) place = `${stem}-${copy}${extname(path)}`;
      taken.add(place.toLowerCase());
      places.set(path, place);
    }
  }
  return places;
}

export async function copyVideos(videos: CapturedVideos, files: DatasetFiles): Promise<void> {
  for (const [path, place] of videos) {
    await files.write(place, async (copy) => {
      await copyVideo(path, copy);
      return null;
    });
  }
}

function fileName(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/g, "_").replace(/^\.+/, (dots) => "_".repeat(dots.length));
}
