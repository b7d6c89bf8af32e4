import { Field, type RecordBatch, Schema } from "apache-arrow";
import type { EpisodeFrames, EpisodeSet } from "../../episodes/index.ts";
import { batchOf, featureColumn, float32, int64, plain } from "./columns.ts";

/** Frames of all episodes in order, one row each: counters, features, places of pictures. */
export class FrameColumns {
  readonly schema: Schema;
  readonly #set: EpisodeSet;
  readonly #features;

  constructor(set: EpisodeSet, metadata: Map<string, string>) {
    this.#set = set;
    this.#features = set.features.map((feature, at) => featureColumn(feature, at));
    const integers = (names: readonly string[]) => names.map((name) => new Field(name, int64, false));
    this.schema = new Schema(
      [
        ...integers(["episode_index", "frame_index", "index"]),
        new Field("timestamp", float32, false, new Map([["units", '["s"]']])),
        ...integers(["task_index"]),
        ...this.#features.map(({ field }) => field),
        ...integers(set.cameras.map(({ name }) => `observation.images.${name}.frame`)),
      ],
      metadata,
    );
  }

  batch({ episode, values, taskIndex }: EpisodeFrames): RecordBatch {
    const { length } = episode;
    const count = (from: number, step: number) =>
      plain(
        int64,
        BigInt64Array.from({ length }, (_, frame) => BigInt(from + frame * step)),
      );
    return batchOf(this.schema, length, [
      count(episode.index, 0),
      count(0, 1),
      count(episode.firstIndex, 1),
      plain(
        float32,
        Float32Array.from({ length }, (_, frame) => frame / this.#set.fps),
      ),
      plain(int64, BigInt64Array.from(taskIndex, BigInt)),
      ...this.#features.map(({ data }, at) => data(values[at]!, length)),
      ...episode.videos.map(({ frames }) => plain(int64, BigInt64Array.from(frames, BigInt))),
    ]);
  }
}
