import { createHash } from "node:crypto";
import type { Episode, EpisodeSet, FeatureValues } from "../../../src/episodes/index.ts";
import { filledIn } from "../rlds/plant-set.ts";

/** A dataset or attribute: its values flat, whole numbers as text; of pixels a digest. */
export interface Expected {
  readonly shape: readonly number[];
  readonly values?: readonly (string | number | boolean)[];
  readonly sha256?: string;
}

export type Truth = Record<string, Expected>;

export const one = (value: string | number | boolean): Expected => ({ shape: [], values: [value] });

/** What is the same in both layouts, for an episode: features by name, times, task, and its attributes. */
export async function episodeTruth(set: EpisodeSet, episode: Episode, videos: readonly string[]) {
  const frames = await set.read(episode.index);
  const { length, conformance, context } = episode;
  const columns: Truth = {};
  set.features.forEach(({ name, shape, vocabulary }, place) => {
    const values = plain(frames.values[place]!, shape[0] ?? 1, vocabulary);
    columns[name] = { shape: [length, ...shape], values };
  });
  const shared: Truth = {
    timestamp_ns: { shape: [length], values: Array.from(frames.timeNs, String) },
    task: { shape: [length], values: Array.from(frames.taskIndex, (task) => set.tasks[task]!) },
  };
  for (const [name, column] of Object.entries(columns)) {
    if (/^(plant|align)\./.test(name)) shared[name.replace(".", "/")] = column;
  }
  if (videos.length > 0) {
    set.cameras.forEach(({ name }, camera) => {
      const shown = Array.from(episode.videos[camera]!.frames, String);
      shared[`video/${name}_frame_index`] = { shape: [length], values: shown };
    });
  }
  const attributes: Truth = {
    episode_id: one(episode.id),
    capture: one(episode.capture),
    scene: one(episode.scene),
    task: one(set.tasks[episode.tasks[0]!]!),
    tasks: { shape: [episode.tasks.length], values: episode.tasks.map((task) => set.tasks[task]!) },
    start_time_ns: one(`${episode.startNs}`),
    end_time_ns: one(`${episode.endNs}`),
    conformance: one(conformance === undefined ? "" : JSON.stringify(conformance)),
    segments: one(
      JSON.stringify(
        episode.segments.map((each) => ({ ...each, startNs: `${each.startNs}`, endNs: `${each.endNs}` })),
      ),
    ),
  };
  const { job_order_id: order, torque, lot } = context;
  if (order != null) attributes["context.job_order_id"] = one(order);
  if (torque != null) attributes["context.torque"] = one(torque);
  if (lot != null) attributes["context.lot"] = one(`${lot}`);
  videos.forEach((path, camera) => {
    attributes[`video_path.${set.cameras[camera]!.name}`] = one(path);
  });
  return { columns, shared, attributes };
}

/** Attributes of the whole set. */
export function setTruth(set: EpisodeSet, version: string): Truth {
  const features = set.features.map(({ name, names = null, units = null, vocabulary = null, info }) => [
    name,
    { names, units, vocabulary, ...info },
  ]);
  return {
    name: one(set.name),
    fps: one(`${set.fps}`),
    robot_type: one(set.robotType ?? ""),
    features: one(JSON.stringify(Object.fromEntries(features))),
    left_out: one(JSON.stringify(set.leftOut)),
    provenance: one(JSON.stringify(set.provenance)),
    tagalign_version: one(version),
  };
}

/** A column as it is one frame later; at the last frame the same again. */
export function oneAhead({ shape, values }: Expected): Expected {
  const size = values!.length / shape[0]!;
  return { shape, values: [...values!.slice(size), ...values!.slice(-size)] };
}

export function pixels(shape: readonly number[], parts: readonly Uint8Array[]): Expected {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return { shape, sha256: digest.digest("hex") };
}

function plain(values: FeatureValues, size: number, vocabulary: readonly string[] = []) {
  if (values instanceof BigInt64Array) return Array.from(values, String);
  if (values instanceof Uint8Array) return Array.from(values, (value) => value === 1);
  if (values instanceof Int32Array) return Array.from(values, (code) => (code < 0 ? "" : vocabulary[code]!));
  return filledIn([...values], size);
}

/** Names with a prefix before each, such as `data/demo_0/` or `data@`. */
export function below(prefix: string, truth: Truth): Truth {
  return Object.fromEntries(Object.entries(truth).map(([name, expected]) => [`${prefix}${name}`, expected]));
}
