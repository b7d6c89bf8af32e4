import { DataType } from "apache-arrow";
import type { Kernels, Match } from "../kernels/index.ts";
import { blockIndexes, type FrameBlock, joinAt } from "./block.ts";
import type { BlockIndexes } from "./indexes.ts";
import type { JoinedBlock } from "./join.ts";
import type { Plan } from "./plan.ts";

/** What the join of one tag did over all frames. */
export interface TagStatistics {
  /** Samples or intervals that the quality rule lets into the join. */
  samples: number;
  /** Frames where a sample matched. */
  matched: number;
  /** Frames without a value. */
  nulls: number;
  /** Frames whose value was older than `stale_after`. */
  stale: number;
  /** Share of the frames that have a value; 0 when there are no frames. */
  coverage: number;
  /** Median age of the matched samples, ns, nearest rank; null when nothing matched. */
  ageP50Ns: bigint | null;
  /** 99th percentile of the age, ns, nearest rank. */
  ageP99Ns: bigint | null;
}

/** Counts of a tag over the frames that were tallied so far. */
export interface Tally {
  frames: number;
  matched: number;
  nulls: number;
  stale: number;
  /** How many ages there are. */
  aged: number;
}

export const emptyTally: Readonly<Tally> = { frames: 0, matched: 0, nulls: 0, stale: 0, aged: 0 };

/** Frames a pass, so that a pass stays in the nearest caches. */
const ROWS = 16_384;

/**
 * Adds the frames of a block to a tag's tally, and the ages of its matches to `ages`, which has room for all frames.
 *
 * @param ages i64 in the arena
 */
export function tallied(
  kernels: Kernels,
  plan: Plan,
  block: FrameBlock,
  tally: Readonly<Tally>,
  ages: BigInt64Array,
): Tally {
  const { arena } = kernels;
  let { frames, matched, nulls, stale, aged } = tally;
  for (let at = 0; at < block.time.length; at += ROWS) {
    const mark = arena.mark();
    const indexes = blockIndexes(kernels, [plan], part(block, at, at + ROWS));
    const joined = matchOnly(plan, indexes) ?? joinAt(plan, indexes, block.start + at);
    const length = indexes.frames.length;
    frames += length;
    matched += joined.matchedCount;
    nulls += length - joined.value.valid;
    if (joined.match !== undefined) {
      const isWhole = joined.matchedCount === length;
      const age = isWhole ? ages.subarray(aged, aged + length) : arena.i64(length);
      kernels.age(indexes.frames, plan.times, joined.match, joined.matched, age);
      const { staleAfterNs } = plan.spec;
      if (staleAfterNs !== undefined) {
        stale += kernels.countAbove(age, withGoodSample(kernels, plan, joined), staleAfterNs);
      }
      aged += isWhole ? length : kernels.compact(age, joined.matched, ages.subarray(aged));
    }
    arena.release(mark);
  }
  return { frames, matched, nulls, stale, aged };
}

/** What is told of a join; a value is all that it has to be counted by. */
type Counted = Pick<JoinedBlock, "match" | "matched" | "matchedCount"> & {
  value: Pick<JoinedBlock["value"], "validity" | "valid">;
};

/** Where each matched sample is a value, values need not be fetched to be counted. */
function matchOnly(
  { spec: { join }, times, ends, column }: Plan,
  indexes: BlockIndexes,
): Counted | undefined {
  if (column.validity !== undefined || join.kind === "linear" || join.kind === "window") return undefined;
  if (join.kind === "covering" && join.overlap === "all") return undefined;
  const match =
    join.kind === "covering"
      ? indexes.latest(times, ends!)
      : indexes.asof(times, join.kind, join.toleranceNs);
  const { kernels, frames } = indexes;
  const matched = kernels.arena.bitmap(frames.length);
  const matchedCount = kernels.matched(match, matched);
  return { match, matched, matchedCount, value: { validity: matched, valid: matchedCount } };
}

/** Where the value can be stale: a list is a value, but the bad sample that its status goes by is never stale. */
function withGoodSample(kernels: Kernels, plan: Plan, { value, match, matched }: Counted): Uint8Array {
  const { validity } = plan.column;
  if (!DataType.isList(plan.type) || match === undefined || validity === undefined) return value.validity;
  const index = kernels.index(match as Match);
  const good = kernels.arena.copy(matched);
  for (let i = 0; i < index.length; i++) {
    const k = index[i]!;
    if (k >= 0 && ((validity[k >> 3]! >> (k & 7)) & 1) === 0) good[i >> 3]! &= ~(1 << (i & 7));
  }
  return good;
}

/** The statistics of a tag whose frames are all tallied; `samples` is how many there are for its join. */
export function tagStatistics(
  kernels: Kernels,
  samples: number,
  { frames, matched, nulls, stale, aged }: Readonly<Tally>,
  ages: BigInt64Array,
): TagStatistics {
  const coverage = frames === 0 ? 0 : (frames - nulls) / frames;
  return { samples, matched, nulls, stale, coverage, ...ageQuantiles(kernels, ages.subarray(0, aged)) };
}

/** Exact nearest-rank quantiles of the ages, which may be in any order; i64 in the arena. */
export function ageQuantiles(
  kernels: Kernels,
  ages: BigInt64Array,
): Pick<TagStatistics, "ageP50Ns" | "ageP99Ns"> {
  const { length } = ages;
  if (length === 0) return { ageP50Ns: null, ageP99Ns: null };
  const [ageP50Ns, ageP99Ns] = kernels.ranked(ages, [Math.ceil(length / 2), Math.ceil((length * 99) / 100)]);
  return { ageP50Ns: ageP50Ns!, ageP99Ns: ageP99Ns! };
}

/** Arena bytes that the statistics of one tag over so many frames need, ages and scratch together. */
export function statisticsBytes(frames: number): number {
  return frames * 8 * 3 + ROWS * 64 + 65_536;
}

function part({ time, start, previousNs, uncertainty }: FrameBlock, from: number, to: number): FrameBlock {
  return {
    uncertainty: uncertainty.subarray(from, to),
    time: time.subarray(from, to),
    start: start + from,
    previousNs: from === 0 ? previousNs : time[from - 1],
  };
}
