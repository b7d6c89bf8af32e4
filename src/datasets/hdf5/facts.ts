import type { Episode, EpisodeSet } from "../../episodes/index.ts";
import { version } from "../../version.ts";
import type { Attribute, Attributes } from "./file.ts";

/** Attributes that say what a whole set is, with what each value of its features is and where all of it came from. */
export function setFacts(set: EpisodeSet): Attributes {
  const features = set.features.map(({ name, names, units, vocabulary, info }) => [
    name,
    { names: names ?? null, units: units ?? null, vocabulary: vocabulary ?? null, ...info },
  ]);
  return {
    name: set.name,
    fps: BigInt(set.fps),
    robot_type: set.robotType ?? "",
    features: JSON.stringify(Object.fromEntries(features)),
    left_out: JSON.stringify(set.leftOut),
    provenance: JSON.stringify(set.provenance),
    tagalign_version: version,
  };
}

/**
 * Attributes of one episode. A context value is `context.<name>`, and is left out where there is none.
 *
 * @param videos of each camera where its video is, relative to the data set; empty where pictures are in the file
 */
export function episodeFacts(set: EpisodeSet, episode: Episode, videos: readonly string[]): Attributes {
  const { conformance, segments, context } = episode;
  const facts: Record<string, Attribute> = {
    episode_id: episode.id,
    capture: episode.capture,
    scene: episode.scene,
    task: set.tasks[episode.tasks[0]!]!,
    tasks: episode.tasks.map((task) => set.tasks[task]!),
    start_time_ns: episode.startNs,
    end_time_ns: episode.endNs,
    segments: JSON.stringify(segments, (_, value) => (typeof value === "bigint" ? value.toString() : value)),
    conformance: conformance === undefined ? "" : JSON.stringify(conformance),
  };
  for (const [name, value] of Object.entries(context)) {
    if (value === null) continue;
    const isInteger = set.features.some((one) => one.name === `plant.${name}` && one.type === "int64");
    facts[`context.${name}`] = isInteger ? BigInt(value) : value;
  }
  for (const [camera, path] of videos.entries()) facts[`video_path.${set.cameras[camera]!.name}`] = path;
  return facts;
}
