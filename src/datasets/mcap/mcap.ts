import { writeFile } from "node:fs/promises";
import type { Episode, EpisodeFrames, EpisodeSet, Json } from "../../episodes/index.ts";
import { version } from "../../version.ts";
import { copyVideo } from "../../video/index.ts";
import { type CapturedVideos, capturedVideos } from "../captured-videos.ts";
import type { DatasetFormat } from "../format.ts";
import { Cameras } from "./cameras.ts";
import { frameMessages, merged, type Reference } from "./messages.ts";
import { type RecordedMessage, writeRecording } from "./recording.ts";

/** What is known of a recording once it is written. */
interface RecordingFacts {
  readonly [key: string]: Json;
  readonly messages: { readonly [topic: string]: number };
  /** Of each camera, why its pictures are in their own file; null where they are in the recording. */
  readonly references: { readonly [camera: string]: string | null };
}

/**
 * One MCAP recording an episode, the videos that recordings refer to, and dataset.json, which lists them.
 *
 * Log times are the instants of the frames on the reference clock. Publish times are those of the source where the plant
 * tells: of `/plant/values` the newest sample in the message, of `/mes/step` the start of the step.
 */
export const mcap: DatasetFormat = {
  videoModes: ["copy", "resample"],
  async write(set, files, options) {
    const places = capturedVideos(set);
    const cameras = new Cameras(set, options, files.signal);
    const total = set.episodes.reduce((sum, { length }) => sum + length, 0);
    const index: Json[] = [];
    const referred = new Map<string, string>();
    const reasons = new Map<string, number>();
    for (const episode of set.episodes) {
      const path = `episode_${String(episode.index).padStart(6, "0")}.mcap`;
      const facts = await files.write(path, async (to) =>
        recordEpisode(to, set, await set.read(episode.index), cameras, places),
      );
      for (const [camera, { name }] of set.cameras.entries()) {
        const why = facts.references[name];
        if (why == null) continue;
        const video = episode.videos[camera]!.path;
        referred.set(video, places.get(video)!);
        const reason = `camera ${name}: ${why}`;
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
      index.push({ path, ...aboutEpisode(set, episode), ...facts });
      files.progress(episode.firstIndex + episode.length, total);
    }
    for (const [reason, count] of reasons) {
      const message = `${reason}; ${count} of ${set.episodes.length} recordings name frames of the video beside them instead (--video resample puts pictures into all)`;
      files.warn({ code: "VIDEO_BESIDE_RECORDING", message });
    }
    for (const [path, place] of referred)
      await files.write(place, (to) => copyVideo(path, to).then(() => null));
    const about = { format: "mcap", ...aboutSet(set), total_frames: total, episodes: index };
    await files.write("dataset.json", async (to) => {
      await writeFile(to, `${JSON.stringify(about, undefined, 2)}\n`);
      return null;
    });
  },
};

async function recordEpisode(
  path: string,
  set: EpisodeSet,
  frames: EpisodeFrames,
  cameras: Cameras,
  places: CapturedVideos,
): Promise<RecordingFacts> {
  const { episode } = frames;
  const streams: AsyncGenerator<RecordedMessage>[] = [];
  const referred: Reference[] = [];
  const references: Record<string, string | null> = {};
  for (const [camera, { name }] of set.cameras.entries()) {
    const pictures = await cameras.pictures(frames, camera, `${path}.${camera}.mp4`);
    references[name] = typeof pictures === "string" ? pictures : null;
    if (typeof pictures !== "string") {
      streams.push(pictures);
      continue;
    }
    const video = episode.videos[camera]!;
    referred.push({ camera: name, path: places.get(video.path)!, pictures: video.frames });
  }
  const messages = merged([frameMessages(set, frames, referred), ...streams]);
  return {
    messages: await writeRecording(path, { metadata: metadataOf(set, episode), messages }),
    references,
  };
}

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
