import {
  type EpisodeFrames,
  type EpisodeSet,
  type Feature,
  type FeatureValues,
  filled,
  type Json,
} from "../../episodes/index.ts";
import { AlignError } from "../../errors.ts";

/** A numeric or text column of the data files, as info.json describes it. */
export interface DataColumn {
  readonly name: string;
  readonly dtype: "float32" | "float64" | "int64" | "bool" | "string";
  /** Values a frame; a single one is stored plain, more are a list. */
  readonly size: number;
  readonly names: readonly string[] | null;
  readonly info?: { readonly [key: string]: Json };
  /** The values of an episode: numbers `size` a frame (0 and 1 for bool), or a text a frame. */
  values(frames: EpisodeFrames): FeatureValues | readonly string[];
}

/** The features of a set, without what a format adds: missing numbers are filled, missing texts are empty. */
export function featureColumns({ features }: EpisodeSet): DataColumn[] {
  return features.map((feature, place) => {
    const { name, type, shape, names, vocabulary } = feature;
    const size = shape[0] ?? 1;
    if (type !== "text" && name.includes("image")) {
      throw new AlignError(
        "MANIFEST_FEATURE_NAME",
        `LeRobot takes ${name} for pictures, because of its name`,
        {
          hint: 'give the context another name, without "image"',
        },
      );
    }
    const isFloat = type === "float32" || type === "float64";
    return {
      name,
      dtype: type === "text" ? "string" : type,
      size,
      names: shape.length === 0 ? null : (names ?? null),
      ...infoOf(feature),
      values({ values }) {
        const own = values[place]!;
        if (vocabulary !== undefined) return Array.from(own as Int32Array, (code) => vocabulary[code] ?? "");
        return isFloat ? filled(own as Float32Array | Float64Array, size) : own;
      },
    };
  });
}

function infoOf({ units, vocabulary, info }: Feature): Pick<DataColumn, "info"> {
  const facts = {
    ...(units === undefined ? {} : { units }),
    ...(vocabulary === undefined ? {} : { vocabulary }),
    ...info,
  };
  return Object.keys(facts).length === 0 ? {} : { info: facts };
}

/** The columns that follow from places alone. `timestamp` is the float32 of frame / fps, in seconds from the episode's start. */
export function counterColumns({ fps }: EpisodeSet): DataColumn[] {
  const counter = (name: string, at: (frame: number, frames: EpisodeFrames) => number): DataColumn => ({
    name,
    dtype: "int64",
    size: 1,
    names: null,
    values: (frames) =>
      BigInt64Array.from({ length: frames.episode.length }, (_, frame) => BigInt(at(frame, frames))),
  });
  return [
    {
      name: "timestamp",
      dtype: "float32",
      size: 1,
      names: null,
      values: ({ episode }) => Float32Array.from({ length: episode.length }, (_, frame) => frame / fps),
    },
    counter("frame_index", (frame) => frame),
    counter("episode_index", (_, { episode }) => episode.index),
    counter("index", (frame, { episode }) => episode.firstIndex + frame),
    counter("task_index", (frame, { taskIndex }) => taskIndex[frame]!),
  ];
}

/** The entry of info.json. */
export function columnEntry({ dtype, size, names, info }: DataColumn): object {
  return { dtype, shape: [size], names, ...(info ? { info } : {}) };
}
