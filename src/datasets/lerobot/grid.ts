import { type EpisodeFrames, type EpisodeSet, gridDeviation, type Json } from "../../episodes/index.ts";
import { AlignError } from "../../errors.ts";

/** Rates further apart than this are not taken for one another. */
const rateLimit = 0.01;

/**
 * How far the frames of an episode are from the grid that they are stamped with.
 *
 * @throws AlignError SOURCE_JITTER where that is further than the set allows
 */
export function requireGrid(set: EpisodeSet, { episode, timeNs }: EpisodeFrames): Json {
  const found = gridDeviation(timeNs, set.fps);
  const { rateHz, rateDeviation, p50Ns, p99Ns, maxNs, maxIntervalNs } = found;
  const limit = set.maxJitterNs;
  const farthest = [maxNs, maxIntervalNs].find((ns) => ns > limit);
  // Over a few frames jitter alone looks like another rate.
  const spanNs = Number(timeNs[timeNs.length - 1]! - timeNs[0]!);
  const isOtherRate = Math.abs(rateDeviation) > rateLimit && Math.abs(rateDeviation) * spanNs > Number(limit);
  if (farthest !== undefined || isOtherRate) {
    const why =
      farthest !== undefined
        ? `its frames are up to ${milliseconds(farthest)} off an even grid, and ${milliseconds(limit)} are allowed`
        : `its frames come at ${rateHz.toFixed(3)} Hz, and the set has ${set.fps}`;
    throw new AlignError(
      "SOURCE_JITTER",
      `the video of episode ${episode.id} cannot be stamped anew: ${why}`,
      {
        where: { input: episode.id },
        hint: "cut episodes at gaps (split_at_gaps), allow more (max_jitter), or export with --video resample",
      },
    );
  }
  return {
    rate_hz: rateHz,
    p50_ns: Number(p50Ns),
    p99_ns: Number(p99Ns),
    max_ns: Number(maxNs),
    max_interval_ns: Number(maxIntervalNs),
  };
}

function milliseconds(ns: bigint): string {
  return `${Number((Number(ns) / 1e6).toPrecision(3))} ms`;
}
