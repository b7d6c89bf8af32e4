import type { Episode, EpisodeSet } from "../../episodes/index.ts";
import type { Column } from "./columns.ts";

/** As tensorflow-datasets advises, some 100 to 200 MB. */
const SHARD_BYTES = 200e6;
/** Of a picture as JPEG, about. */
const BYTES_PER_PIXEL = 0.2;

/**
 * Episodes by shard, in order: as many as are about 200 MB together, one at least.
 *
 * The sizes are estimated, so that the plan is a function of the set and its columns alone.
 */
export function planShards(set: EpisodeSet, columns: readonly Column[]): Episode[][] {
  const bytesPerFrame = columns
    .filter(({ path }) => path[0] === "steps")
    .reduce((sum, { leaf }) => {
      if (leaf.kind === "image") return sum + leaf.width * leaf.height * BYTES_PER_PIXEL;
      if (leaf.kind === "text") return sum + 32;
      return sum + (leaf.shape[0] ?? 1) * (leaf.dtype === "bool" ? 1 : 8);
    }, 0);
  const shards: Episode[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const episode of set.episodes) {
    const bytes = episode.length * bytesPerFrame;
    if (filled + bytes > SHARD_BYTES) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push(episode);
    filled += bytes;
  }
  return shards;
}
