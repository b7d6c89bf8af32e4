import {
  type Episode,
  type EpisodeFrames,
  type EpisodeSet,
  type Feature,
  type FeatureType,
  filled,
} from "../../episodes/index.ts";
import type { CapturedVideos } from "../captured-videos.ts";
import { outcomeOf } from "../outcome.ts";
import { bools, bytesList, floats, integers, type Leaf, type Values } from "./leaf.ts";

/** What the example of one episode is made of. */
export interface EpisodeSource {
  readonly frames: EpisodeFrames;
  /** Of each camera the JPEG of every frame; empty where pictures stay in their videos. */
  readonly pictures: readonly (readonly Uint8Array[])[];
}

/** A feature of the data set; its values are of all steps of an episode, or one of the episode. */
export interface Column {
  /** Such as `["steps", "observation", "state"]`. */
  readonly path: readonly string[];
  readonly leaf: Leaf;
  values(source: EpisodeSource): Values;
}

/** How pictures appear in the steps. */
export type Pictures =
  | {
      readonly mode: "images";
      readonly sizes: readonly { readonly width: number; readonly height: number }[];
    }
  | { readonly mode: "copy"; readonly videos: CapturedVideos };

const int64 = { kind: "tensor", dtype: "int64", shape: [] } as const;
const bool = { kind: "tensor", dtype: "bool", shape: [] } as const;
const float32 = { kind: "tensor", dtype: "float32", shape: [] } as const;
const text = { kind: "text" } as const;

/**
 * All columns, ordered by their paths as tensorflow-datasets has them.
 *
 * A feature's name is cut at its first dot, so that `plant.job_order_id` is `job_order_id` in the dict `plant`.
 */
export function columnsOf(set: EpisodeSet, pictures: Pictures): Column[] {
  const columns = [
    ...stepColumns(set),
    ...set.features.map((feature, place) => featureColumn(feature, place)),
    ...cameraColumns(set, pictures),
    ...metadataColumns(set, pictures),
  ];
  return columns.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** The name of a column in the examples. */
export function keyOf({ path }: Column): string {
  return path.join("/");
}

function stepColumns({ tasks }: EpisodeSet): Column[] {
  const step = (name: string, leaf: Leaf, values: (frames: EpisodeFrames) => Values): Column => ({
    path: ["steps", name],
    leaf,
    values: ({ frames }) => values(frames),
  });
  return [
    step("is_first", bool, ({ episode }) => bools(marked(episode, 0, 1))),
    step("is_last", bool, ({ episode }) => bools(marked(episode, episode.length - 1, 1))),
    step("is_terminal", bool, ({ episode }) =>
      bools(marked(episode, episode.length - 1, outcomeOf(episode).isTerminal ? 1 : 0)),
    ),
    step("reward", float32, ({ episode }) =>
      floats(Float32Array.from(marked(episode, episode.length - 1, outcomeOf(episode).reward))),
    ),
    step("discount", float32, ({ episode }) => floats(new Float32Array(episode.length).fill(1))),
    step("language_instruction", text, ({ taskIndex }) => texts(taskIndex, tasks)),
    {
      path: ["steps", "observation", "frame_time_ns"],
      leaf: int64,
      values: ({ frames }) => integers(frames.timeNs),
    },
  ];
}

function marked({ length }: Episode, step: number, value: number): Uint8Array {
  const values = new Uint8Array(length);
  values[step] = value;
  return values;
}

function featureColumn({ name, type, shape, vocabulary }: Feature, place: number): Column {
  const dot = name.indexOf(".");
  return {
    path: ["steps", ...(dot < 0 ? [name] : [name.slice(0, dot), name.slice(dot + 1)])],
    leaf: type === "text" ? text : { kind: "tensor", dtype: storedAs(type), shape },
    values({ frames }) {
      const values = filled(frames.values[place]!, shape[0] ?? 1);
      if (values instanceof Int32Array) return texts(values, vocabulary ?? []);
      if (values instanceof Float32Array) return floats(values);
      if (values instanceof Float64Array) return floats(Float32Array.from(values));
      return values instanceof BigInt64Array ? integers(values) : bools(values);
    },
  };
}

/** An example has floats of single precision only. */
function storedAs(type: Exclude<FeatureType, "text">): Exclude<FeatureType, "text" | "float64"> {
  return type === "float64" ? "float32" : type;
}

function texts(codes: Int32Array, vocabulary: readonly string[]): Values {
  const encoded = vocabulary.map((one) => Buffer.from(one));
  const none = new Uint8Array();
  return bytesList(Array.from(codes, (code) => encoded[code] ?? none));
}

function cameraColumns(set: EpisodeSet, pictures: Pictures): Column[] {
  return set.cameras.map(({ name }, camera) =>
    pictures.mode === "images"
      ? {
          path: ["steps", "observation", `${name}_image`],
          leaf: { kind: "image", ...pictures.sizes[camera]! },
          values: (source) => bytesList(source.pictures[camera]!),
        }
      : {
          path: ["steps", "observation", `${name}_frame_index`],
          leaf: int64,
          values: ({ frames }) =>
            integers(BigInt64Array.from(frames.episode.videos[camera]!.frames, (frame) => BigInt(frame))),
        },
  );
}

function metadataColumns(set: EpisodeSet, pictures: Pictures): Column[] {
  const fact = (path: readonly string[], leaf: Leaf, values: (episode: Episode) => Values): Column => ({
    path: ["episode_metadata", ...path],
    leaf,
    values: ({ frames }) => values(frames.episode),
  });
  const textFact = (path: readonly string[], of: (episode: Episode) => string) =>
    fact(path, text, (episode) => bytesList([Buffer.from(of(episode))]));
  const videoPath = (episode: Episode, camera: number): string => {
    const { path } = episode.videos[camera]!;
    return (pictures.mode === "copy" ? pictures.videos.get(path) : undefined) ?? path.replace(/^.*[\\/]/, "");
  };
  return [
    textFact(["file_path"], (episode) => (set.cameras.length > 0 ? videoPath(episode, 0) : episode.capture)),
    textFact(["episode_id"], ({ id }) => id),
    textFact(["capture"], ({ capture }) => capture),
    textFact(["scene"], ({ scene }) => scene),
    textFact(["conformance"], ({ conformance }) =>
      conformance === undefined ? "" : JSON.stringify(conformance),
    ),
    textFact(["segments"], ({ segments }) =>
      JSON.stringify(segments, (_, value) => (typeof value === "bigint" ? value.toString() : value)),
    ),
    fact(["start_time_ns"], int64, ({ startNs }) => integers(BigInt64Array.of(startNs))),
    fact(["end_time_ns"], int64, ({ endNs }) => integers(BigInt64Array.of(endNs))),
    ...(pictures.mode === "images"
      ? []
      : set.cameras.map(({ name }, camera) =>
          textFact(["video_path", name], (episode) => videoPath(episode, camera)),
        )),
    ...set.features.flatMap((feature) => {
      const name = feature.name.replace(/^plant\./, "");
      if (!set.episodes.some(({ context }) => name in context)) return [];
      const leaf: Leaf =
        feature.type === "text" ? text : { kind: "tensor", dtype: storedAs(feature.type), shape: [] };
      return [fact(["context", name], leaf, ({ context }) => contextValue(feature, context[name] ?? null))];
    }),
  ];
}

function contextValue({ type }: Feature, value: string | number | boolean | null): Values {
  if (type === "text") return bytesList([Buffer.from(`${value ?? ""}`)]);
  if (type === "bool") return bools(Uint8Array.of(value === true ? 1 : 0));
  if (type === "int64") return integers(BigInt64Array.of(BigInt(value ?? 0)));
  return floats(Float32Array.of(value === null ? Number.NaN : Number(value)));
}
