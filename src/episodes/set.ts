import type { Conformance } from "../procedure/index.ts";

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What the values of a feature are in memory; `text` is codes into the feature's vocabulary. */
export type FeatureType = "float32" | "float64" | "int64" | "bool" | "text";

/** A column of an episode, the same in all episodes of a set. */
export interface Feature {
  /** Such as `observation.environment_state`, `action`, `plant.job_order_id` or `align.frame_time_ns`; never with a slash. */
  readonly name: string;
  readonly type: FeatureType;
  /** `[]` is a scalar, `[n]` a vector of n values a frame. */
  readonly shape: readonly [] | readonly [number];
  /** One name a value of a vector. */
  readonly names?: readonly string[];
  /** One unit a value, null where there is none. */
  readonly units?: readonly (string | null)[];
  /** The texts of a `text` feature over the whole set; a code is a place in it, -1 is none. */
  readonly vocabulary?: readonly string[];
  /** More facts, for formats that have a place for them. */
  readonly info?: { readonly [key: string]: Json };
}

/** The values of a feature, frame after frame: `Uint8Array` of 0 and 1 for bool, `Int32Array` of codes for text. */
export type FeatureValues = Float32Array | Float64Array | BigInt64Array | Uint8Array | Int32Array;

/** A camera of a set. */
export interface Camera {
  /** Such as `head`; the key in most formats is `observation.images.head`. */
  readonly name: string;
}

/** Where the pictures of an episode are, for one camera. */
export interface EpisodeVideo {
  /** The capture's own video file. */
  readonly path: string;
  /** For every frame of the episode the place of its picture among the file's displayed frames, from 0. */
  readonly frames: Int32Array;
}

/** Frames in a row with one step of the procedure. */
export interface Segment {
  /** Half-open, in frames of the episode. */
  readonly startFrame: number;
  readonly endFrame: number;
  /** Of its first frame, and of the first frame after it (of the last frame where the episode ends with it). */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly id: string;
  readonly text: string;
}

/** What is known of an episode before its frames are read. */
export interface Episode {
  /** From 0, without gaps over the whole set. */
  readonly index: number;
  /** Unique in the set: the capture's name and the episode's number in it, such as `refinery-3/gas-round#0`. */
  readonly id: string;
  readonly capture: string;
  /** Frames, at least one. */
  readonly length: number;
  /** Place of its first frame among all frames of the set. */
  readonly firstIndex: number;
  /** Instants of its first and last frame, on the capture's reference clock. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Places in the set's tasks, in order of first use; at least one. */
  readonly tasks: readonly number[];
  /** Scene text, or empty. */
  readonly scene: string;
  /** Values of the context features at its first frame, by feature name without `plant.`; null where there is none. */
  readonly context: { readonly [name: string]: string | number | boolean | null };
  /** In order; frames outside of every step belong to none. */
  readonly segments: readonly Segment[];
  /** Missing where the capture names no procedure. */
  readonly conformance?: Conformance;
  /** One a camera, in the set's order. */
  readonly videos: readonly EpisodeVideo[];
}

/** The frames of one episode. */
export interface EpisodeFrames {
  readonly episode: Episode;
  /** Instants of the frames, on the reference clock: also a feature, here for those who need times. */
  readonly timeNs: BigInt64Array;
  /** One a feature, in the set's order. NaN in float features where there is no value; see `filled`. */
  readonly values: readonly FeatureValues[];
  /** For every frame its place in the set's tasks. */
  readonly taskIndex: Int32Array;
}

/** Frames that are in no episode. */
export interface LeftOut {
  readonly capture: string;
  readonly reason: "outside" | "too-short";
  readonly frames: number;
}

/** Episodes of one or more captures, ready to be written in any format. Episodes are read one by one, in any order, any number of times. */
export interface EpisodeSet {
  readonly name: string;
  /** Whole frames a second: the rate of the time grid of formats that have one. */
  readonly fps: number;
  /** What acts in the episodes, such as `head-camera` or a robot's name; null where nothing says so. */
  readonly robotType: string | null;
  /** Without the counters (timestamp, frame_index, episode_index, index, task_index), which follow from places. */
  readonly features: readonly Feature[];
  readonly cameras: readonly Camera[];
  readonly episodes: readonly Episode[];
  /** Without doubles, in order of first use. */
  readonly tasks: readonly string[];
  readonly leftOut: readonly LeftOut[];
  /** Of the largest departure from the time grid that video may be re-stamped with. */
  readonly maxJitterNs: bigint;
  /** Facts of the captures: identity, digests, clock maps, joins. */
  readonly provenance: Json;
  read(index: number): Promise<EpisodeFrames>;
}
