import {
  type Data,
  Int64,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  TimestampNanosecond,
  Uint32,
} from "apache-arrow";
import { AlignError } from "../errors.ts";
import type { Kernels } from "../kernels/index.ts";
import { BlockIndexes, CoveringSweeps } from "./indexes.ts";
import { ageColumn, type JoinedBlock, joinTag, statusColumn } from "./join.ts";
import { type Plan, planTags } from "./plan.ts";
import { alignedSchema, type Provenance } from "./schema.ts";
import type { AlignedTagInput } from "./spec.ts";
import { ageQuantiles, countStale, type TagStatistics } from "./statistics.ts";

/**
 * The frames to align to, one entry a frame, all of one length.
 *
 * index        0-based number in presentation order; need not start at 0
 * time         ns on the reference clock, ascending
 * pts          ns on the source's own timeline
 * uncertainty  ns, 1 sigma of the clock map at the frame
 */
export interface FrameColumns {
  index: BigInt64Array;
  time: BigInt64Array;
  pts: BigInt64Array;
  uncertainty: BigInt64Array;
}

export interface AlignerOptions {
  provenance: Provenance;
  /** Time of the frame before the first one, ns; absent: the first frame's `span: frame` window is empty. */
  previousFrameNs?: bigint;
  /** Metadata of the schema. */
  metadata?: ReadonlyMap<string, string>;
}

/** Frames per pass over a tag when statistics are made. */
const STATISTICS_ROWS = 16_384;

/** Makes an aligner; what the tags hold is copied into the kernels' arena, which must be released by the caller. */
export function createAligner(
  kernels: Kernels,
  frames: FrameColumns,
  tags: readonly AlignedTagInput[],
  options: AlignerOptions,
): Aligner {
  return new Aligner(kernels, frames, tags, options);
}

/** Aligns tags to frames, block by block. */
export class Aligner {
  readonly schema: Schema;
  /** Number of frames. */
  readonly length: number;
  readonly #kernels: Kernels;
  readonly #frames: FrameColumns;
  readonly #plans: Plan[];
  readonly #options: AlignerOptions;
  readonly #sweepMark: number;
  #sweeps!: CoveringSweeps;
  #blockMark!: number;
  #nextRow = 0;

  constructor(
    kernels: Kernels,
    frames: FrameColumns,
    tags: readonly AlignedTagInput[],
    options: AlignerOptions,
  ) {
    const { arena } = kernels;
    this.#kernels = kernels;
    // A column must not overlap another in memory, so each gets its own copy even where the caller gave one array twice.
    this.#frames = {
      index: arena.copy(frames.index),
      time: arena.copy(frames.time),
      pts: arena.copy(frames.pts),
      uncertainty: arena.copy(frames.uncertainty),
    };
    this.length = frames.time.length;
    this.#plans = planTags(kernels, tags);
    this.#options = options;
    this.schema = alignedSchema(this.#plans, options.provenance, options.metadata ?? new Map());
    this.#sweepMark = arena.mark();
    this.#restart();
  }

  /**
   * The rows of the frames in [start, end).
   *
   * The batch's columns are views on the arena and hold until the next call of any method; rows in ascending order
   * are cheapest. The values do not depend on where the blocks begin and end.
   */
  align(start: number, end: number): RecordBatch {
    const indexes = this.#block(start, end);
    const { index, time, pts, uncertainty } = this.#frames;
    const length = end - start;
    const children: Data[] = [
      makeData({ type: new Int64(), length, data: index.subarray(start, end) }),
      makeData({ type: new TimestampNanosecond(), length, data: time.subarray(start, end) }),
      makeData({ type: new Int64(), length, data: pts.subarray(start, end) }),
      makeData({ type: new Int64(), length, data: uncertainty.subarray(start, end) }),
    ];
    for (const plan of this.#plans) {
      const joined = joinAt(plan, indexes, start);
      children.push(joined.value.data);
      if (this.#options.provenance === "none") continue;
      children.push(ageColumn(plan, indexes, joined).data);
      const status = statusColumn(plan, indexes, joined);
      children.push(makeData({ type: new Uint32(), length, data: status }));
    }
    const type = new Struct(this.schema.fields);
    return new RecordBatch(this.schema, makeData({ type, length, nullCount: 0, children }));
  }

  /** All frames in blocks of `rowsPerBlock`; each batch holds until the next is asked for. */
  *blocks(rowsPerBlock: number): Generator<RecordBatch, void, undefined> {
    for (let start = 0; start < this.length; start += rowsPerBlock) {
      yield this.align(start, Math.min(start + rowsPerBlock, this.length));
    }
  }

  /** What the join did for each tag over all frames, by tag name; joins every tag anew, and ends the last batch. */
  statistics(): Map<string, TagStatistics> {
    const ages = new BigInt64Array(this.length);
    return new Map(this.#plans.map((plan) => [plan.spec.name, this.#tagStatistics(plan, ages)]));
  }

  #tagStatistics(plan: Plan, ages: BigInt64Array): TagStatistics {
    let matched = 0;
    let nulls = 0;
    let stale = 0;
    let aged = 0;
    for (let start = 0; start < this.length; start += STATISTICS_ROWS) {
      const indexes = this.#block(start, Math.min(start + STATISTICS_ROWS, this.length));
      const joined = joinAt(plan, indexes, start);
      matched += joined.matchedCount;
      nulls += joined.value.data.nullCount;
      if (joined.index === undefined) continue;
      const age = ageColumn(plan, indexes, joined).data.values as BigInt64Array;
      const { staleAfterNs } = plan.spec;
      if (staleAfterNs !== undefined)
        stale += countStale(statusColumn(plan, indexes, joined), age, staleAfterNs);
      const kept = this.#kernels.arena.i64(age.length);
      const count = this.#kernels.compact(age, joined.matched, kept);
      ages.set(kept.subarray(0, count), aged);
      aged += count;
    }
    const samples = plan.times.length;
    const coverage = this.length === 0 ? 0 : (this.length - nulls) / this.length;
    return { samples, matched, nulls, stale, coverage, ...ageQuantiles(ages.subarray(0, aged)) };
  }

  #block(start: number, end: number): BlockIndexes {
    if (start !== this.#nextRow) this.#restart();
    this.#nextRow = end;
    this.#kernels.arena.release(this.#blockMark);
    const { time } = this.#frames;
    const previousNs = start === 0 ? this.#options.previousFrameNs : time[start - 1];
    return new BlockIndexes(this.#kernels, time.subarray(start, end), previousNs, this.#sweeps);
  }

  #restart(): void {
    this.#kernels.arena.release(this.#sweepMark);
    this.#sweeps = new CoveringSweeps(this.#kernels, this.#plans);
    this.#blockMark = this.#kernels.arena.mark();
  }
}

/** Joins a block that begins at row `start`; an error names the tag, and the row among all frames. */
function joinAt(plan: Plan, indexes: BlockIndexes, start: number): JoinedBlock {
  try {
    return joinTag(plan, indexes);
  } catch (error) {
    if (!(error instanceof AlignError) || error.where?.row === undefined) throw error;
    const { source, tag } = plan.spec.metadata;
    throw new AlignError(error.code as "SOURCE_", error.message, {
      where: { source, tag, row: start + error.where.row },
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    });
  }
}
