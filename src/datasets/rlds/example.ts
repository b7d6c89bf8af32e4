import { AlignError } from "../../errors.ts";
import { ProtoMessage } from "../protobuf.ts";
import { type Column, type EpisodeSource, keyOf } from "./columns.ts";

/** Protocol buffers of 2 GiB and more cannot be read. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * The `tf.train.Example` of an episode: Example { features: 1 }, Features { map<string, Feature> feature: 1 }, with
 * entries { key: 1, value: 2 } in the order of the columns.
 *
 * @throws AlignError `OUTPUT_EPISODE_SIZE` where the example would be too large for any reader
 */
export function exampleOf(columns: readonly Column[], source: EpisodeSource): ProtoMessage {
  const map = new ProtoMessage();
  for (const column of columns) {
    map.message(1, new ProtoMessage().text(1, keyOf(column)).message(2, column.values(source)));
  }
  const example = new ProtoMessage().message(1, map);
  assertReadable(source.frames.episode.id, example.byteLength);
  return example;
}

/** @param bytes that are known of the episode so far */
export function assertReadable(episode: string, bytes: number): void {
  if (bytes <= MAX_BYTES) return;
  throw new AlignError(
    "OUTPUT_EPISODE_SIZE",
    `episode ${episode} takes ${bytes} bytes or more, and a record of TFDS can have ${MAX_BYTES}`,
    { hint: "cut shorter episodes by `max` under `episodes`, or give --image-size or --video copy" },
  );
}
