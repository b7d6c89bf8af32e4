import { open, writeFile } from "node:fs/promises";
import type { Episode, EpisodeSet } from "../../episodes/index.ts";
import { type CapturedPictures, openPictures } from "../captured-pictures.ts";
import { capturedVideos, copyVideos } from "../captured-videos.ts";
import type { DatasetFiles, DatasetFormat, FormatOptions } from "../format.ts";
import { type Column, columnsOf, type EpisodeSource } from "./columns.ts";
import { assertReadable, exampleOf } from "./example.ts";
import {
  datasetInfoJson,
  datasetName,
  datasetVersion,
  featuresJson,
  provenanceJson,
  type ShardFacts,
} from "./metadata.ts";
import { planShards } from "./shards.ts";
import { tfrecord } from "./tfrecord.ts";

/**
 * RLDS as tensorflow-datasets keeps it on disk: one example an episode, in shards of whole episodes.
 *
 * Missing values are filled as `filled` has it; `plant/value_valid` and its like tell which ones were there.
 */
export const rlds: DatasetFormat = {
  videoModes: ["images", "copy"],

  async write(set, files, options) {
    const name = datasetName(set.name);
    const folder = `${name}/${datasetVersion}`;
    const { columns, pictures } = await openColumns(set, files, options);
    const shards = planShards(set, columns);
    const total = countFrames(set.episodes);
    const facts: ShardFacts[] = [];
    let done = 0;
    for (const [place, episodes] of shards.entries()) {
      const [ordinal, count] = [place, shards.length].map((number) => `${number}`.padStart(5, "0"));
      const path = `${folder}/${name}-train.tfrecord-${ordinal}-of-${count}`;
      const progress = (frames: number) => files.progress(done + frames, total);
      facts.push(
        await files.write(path, (draft) => writeShard(draft, episodes, { set, columns, pictures, progress })),
      );
      done += countFrames(episodes);
    }
    const text = (path: string, content: string) =>
      files.write(`${folder}/${path}`, async (draft) => {
        await writeFile(draft, content);
        return null;
      });
    await text("tagalign.json", provenanceJson(set, columns));
    await text("features.json", featuresJson(columns));
    await text("dataset_info.json", datasetInfoJson(set, facts));
  },
};

interface ShardJob {
  readonly set: EpisodeSet;
  readonly columns: readonly Column[];
  readonly pictures: CapturedPictures | undefined;
  readonly progress: (frames: number) => void;
}

async function openColumns(
  set: EpisodeSet,
  files: DatasetFiles,
  options: FormatOptions,
): Promise<{ columns: Column[]; pictures: CapturedPictures | undefined }> {
  if (options.video === "images") {
    const pictures = await openPictures(set, options, files.signal);
    return { columns: columnsOf(set, { mode: "images", sizes: pictures.sizes }), pictures };
  }
  const videos = capturedVideos(set);
  await copyVideos(videos, files);
  return { columns: columnsOf(set, { mode: "copy", videos }), pictures: undefined };
}

async function writeShard(path: string, episodes: readonly Episode[], job: ShardJob): Promise<ShardFacts> {
  let bytes = 0;
  let frames = 0;
  const file = await open(path, "w");
  try {
    for (const episode of episodes) {
      const example = exampleOf(job.columns, await sourceOf(episode, job));
      for (const chunk of tfrecord(example.parts(), example.byteLength)) await file.writeFile(chunk);
      bytes += example.byteLength;
      frames += episode.length;
      job.progress(frames);
    }
  } finally {
    await file.close();
  }
  return { examples: episodes.length, bytes };
}

async function sourceOf(episode: Episode, { set, pictures }: ShardJob): Promise<EpisodeSource> {
  const jpegs: Uint8Array[][] = [];
  let bytes = 0;
  if (pictures !== undefined) {
    for (const camera of set.cameras.keys()) {
      const all: Uint8Array[] = [];
      for await (const jpeg of pictures.of(episode, camera, "jpeg")) {
        all.push(jpeg);
        assertReadable(episode.id, (bytes += jpeg.length));
      }
      jpegs.push(all);
    }
  }
  return { frames: await set.read(episode.index), pictures: jpegs };
}

function countFrames(episodes: readonly Episode[]): number {
  return episodes.reduce((sum, { length }) => sum + length, 0);
}
