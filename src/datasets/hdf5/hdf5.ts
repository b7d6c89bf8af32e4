import { writeFile } from "node:fs/promises";
import type { EpisodeSet } from "../../episodes/index.ts";
import { openPictures } from "../captured-pictures.ts";
import { capturedVideos, copyVideos } from "../captured-videos.ts";
import type { DatasetFiles, DatasetFormat, FormatOptions } from "../format.ts";
import { writeAloha } from "./aloha.ts";
import type { Job } from "./job.ts";
import { writeRobomimic } from "./robomimic.ts";

/**
 * HDF5 as robomimic reads it, all episodes in `dataset.hdf5`, or as ALOHA's loaders do, one file an episode.
 *
 * Missing values are filled as `filled` has it; `plant/value_valid` and its like tell which ones were there.
 */
export const hdf5: DatasetFormat = {
  videoModes: ["images", "copy"],
  layouts: ["robomimic", "aloha"],

  async write(set, files, options) {
    if (!set.features.some(({ name }) => name === "action")) {
      files.warn({
        code: "ACTION_MISSING",
        message:
          "the episodes have no action, which loaders of this layout ask for: give tags the role action",
      });
    }
    const job = await openJob(set, files, options);
    if (options.layout === "aloha") {
      for (const episode of set.episodes) {
        await files.write(`episode_${episode.index}.hdf5`, async (path) => {
          await writeAloha(path, episode, job);
          return null;
        });
        job.progress(episode);
      }
      const count = { name: set.name, fps: set.fps, episodes: set.episodes.length };
      await files.write("dataset.json", async (path) => {
        await writeFile(path, JSON.stringify(count, null, 2));
        return null;
      });
    } else {
      await files.write("dataset.hdf5", async (path) => {
        await writeRobomimic(path, job);
        return null;
      });
    }
  },
};

async function openJob(set: EpisodeSet, files: DatasetFiles, options: FormatOptions): Promise<Job> {
  const total = set.episodes.reduce((sum, { length }) => sum + length, 0);
  const progress: Job["progress"] = ({ firstIndex, length }) => files.progress(firstIndex + length, total);
  if (options.video === "images") {
    return { set, pictures: await openPictures(set, options, files.signal), videosOf: () => [], progress };
  }
  const places = capturedVideos(set);
  await copyVideos(places, files);
  return {
    set,
    pictures: undefined,
    videosOf: ({ videos }) => videos.map(({ path }) => places.get(path)!),
    progress,
  };
}
