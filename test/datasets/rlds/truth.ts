import type { Episode, EpisodeSet, FeatureValues } from "../../../src/episodes/index.ts";
import { filledIn } from "./plant-set.ts";

/** Values of an episode by key; whole numbers as text; of pictures the shape. */
export type Truth = Record<string, (string | number | boolean)[]>;

/**
 * What the examples of a set must hold.
 *
 * @param pictures shape of each camera's pictures, or where the copy of its video is
 */
export async function rldsTruth(
  set: EpisodeSet,
  pictures: readonly (readonly [height: number, width: number, channels: 3] | string)[],
): Promise<Truth[]> {
  return Promise.all(set.episodes.map((episode) => truthOf(set, episode, pictures)));
}

async function truthOf(
  set: EpisodeSet,
  episode: Episode,
  pictures: readonly (readonly number[] | string)[],
): Promise<Truth> {
  const frames = await set.read(episode.index);
  const { length, conformance, context, videos } = episode;
  const result = conformance?.result ?? "followed";
  const each = <T>(value: (frame: number) => T) => Array.from({ length }, (_, frame) => value(frame));
  const truth: Truth = {
    "steps/is_first": each((frame) => frame === 0),
    "steps/is_last": each((frame) => frame === length - 1),
    "steps/is_terminal": each((frame) => frame === length - 1 && result !== "incomplete"),
    "steps/reward": each((frame) => (frame === length - 1 && result === "followed" ? 1 : 0)),
    "steps/discount": each(() => 1),
    "steps/language_instruction": each((frame) => set.tasks[frames.taskIndex[frame]!]!),
    "steps/observation/frame_time_ns": each((frame) => `${frames.timeNs[frame]}`),
    "episode_metadata/episode_id": [episode.id],
    "episode_metadata/capture": [episode.capture],
    "episode_metadata/scene": [episode.scene],
    "episode_metadata/file_path": [episode.capture],
    "episode_metadata/conformance": [conformance === undefined ? "" : JSON.stringify(conformance)],
    "episode_metadata/segments": [
      JSON.stringify(
        episode.segments.map((one) => ({ ...one, startNs: `${one.startNs}`, endNs: `${one.endNs}` })),
      ),
    ],
    "episode_metadata/start_time_ns": [`${episode.startNs}`],
    "episode_metadata/end_time_ns": [`${episode.endNs}`],
    "episode_metadata/context/job_order_id": [(context.job_order_id as string | null) ?? ""],
    "episode_metadata/context/torque": [Math.fround((context.torque as number | null) ?? Number.NaN)],
    "episode_metadata/context/lot": [`${context.lot ?? 0}`],
  };
  set.features.forEach(({ name, shape, vocabulary }, place) => {
    truth[`steps/${name.replace(".", "/")}`] = plain(frames.values[place]!, shape[0] ?? 1, vocabulary);
  });
  set.cameras.forEach(({ name }, camera) => {
    const picture = pictures[camera]!;
    const { path, frames: shown } = videos[camera]!;
    if (camera === 0) {
      truth["episode_metadata/file_path"] = [typeof picture === "string" ? picture : path.split("/").at(-1)!];
    }
    if (typeof picture === "string") {
      truth[`episode_metadata/video_path/${name}`] = [picture];
      truth[`steps/observation/${name}_frame_index`] = Array.from(shown, String);
    } else {
      truth[`steps/observation/${name}_image`] = [...picture];
    }
  });
  return truth;
}

function plain(values: FeatureValues, size: number, vocabulary: readonly string[] = []) {
  if (values instanceof BigInt64Array) return Array.from(values, String);
  if (values instanceof Uint8Array) return Array.from(values, (value) => value === 1);
  if (values instanceof Int32Array) return Array.from(values, (code) => (code < 0 ? "" : vocabulary[code]!));
  return filledIn([...values], size).map(Math.fround);
}
