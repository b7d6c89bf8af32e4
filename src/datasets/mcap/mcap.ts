import { writeFile } from "node:fs/promises";
import type { Episode, EpisodeSet, Json } from "../../episodes/index.ts";
import { version } from "../../version.ts";
import { copyVideo } from "../../video/index.ts";
import { capturedVideos } from "../captured-videos.ts";
import type { DatasetFormat } from "../format.ts";
import { frameMessages, merged } from "./messages.ts";
import { writeRecording } from "./recording.ts";

/** What is known of a recording once it is written. */
interface RecordingFacts {
  readonly [key: string]: Json;
  readonly messages: { readonly [topic: string]: number };
}

/** One MCAP recording an episode, and dataset.json, which lists them. */
export const mcap: DatasetFormat = {
  videoModes: ["copy"],
  async write(set, files) {
    const places = capturedVideos(set);
    const total = set.episodes.reduce((sum, { length }) => sum + length, 0);
    const index: Json[] = [];
    for (const episode of set.episodes) {
      const path = `episode_${String(episode.index).padStart(6, "0")}.mcap`;
      const facts: RecordingFacts = await files.write(path, async (to) => {
        const frames = await set.read(episode.index);
        const references = set.cameras.map(({ name }, camera) => ({
          camera: name,
          path: places.get(episode.videos[camera]!.path)!,
          pictures: episode.videos[camera]!.frames,
        }));
        const messages = merged([frameMessages(set, frames, references)]);
        return { messages: await writeRecording(to, { metadata: metadataOf(set, episode), messages }) };
      });
      index.push({ path, ...aboutEpisode(set, episode), ...facts });
      files.progress(episode.firstIndex + episode.length, total);
    }
    for (const [path, place] of places)
      await files.write(place, (to) => copyVideo(path, to).then(() => null));
    const about = { format: "mcap", ...aboutSet(set), total_frames: total, episodes: index };
    await files.write("dataset.json", async (to) => {
      await writeFile(to, `${JSON.stringify(about, undefined, 2)}\n`);
      return null;
    });
  },
};

function aboutSet({ name, fps, robotType, cameras, tasks, leftOut, provenance }: EpisodeSet) {
  return {
    tagalign: version,
    name,
    fps,
    robot_type: robotType,
    timebase: "UTC ns (POSIX)",
    cameras: cameras.map((camera) => camera.name),
    tasks,
    left_out: leftOut.map((one) => ({ ...one })),
    provenance,
  };
}

function aboutEpisode({ tasks }: EpisodeSet, episode: Episode): { readonly [key: string]: Json } {
  const { id, index, capture, length, startNs, endNs, scene, context, segments, conformance } = episode;
  return {
    id,
    index,
    capture,
    frames: length,
    start_time_ns: String(startNs),
    end_time_ns: String(endNs),
    scene,
    tasks: episode.tasks.map((task) => tasks[task]!),
    context,
    segments: segments.map((segment) => ({
      id: segment.id,
      text: segment.text,
      start_frame: segment.startFrame,
      end_frame: segment.endFrame,
      start_time_ns: String(segment.startNs),
      end_time_ns: String(segment.endNs),
    })),
    conformance:
      conformance === undefined
        ? null
        : { ...conformance, deviations: conformance.deviations.map((deviation) => ({ ...deviation })) },
  };
}

/** Metadata holds texts: what is not one is JSON. */
function metadataOf(set: EpisodeSet, episode: Episode) {
  const texts = (facts: { readonly [key: string]: Json }) =>
    new Map(
      Object.entries(facts).map(([key, fact]) => [
        key,
        typeof fact === "string" ? fact : JSON.stringify(fact),
      ]),
    );
  const { tasks: _, ...about } = aboutSet(set);
  return [
    ["episode", texts(aboutEpisode(set, episode))],
    ["tagalign", texts(about)],
  ] as const;
}
