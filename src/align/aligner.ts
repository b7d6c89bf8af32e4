import {
  type Data,
  type DataType,
  Int64,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  TimestampNanosecond,
} from "apache-arrow";
import type { Arena, Kernels } from "../kernels/index.ts";
import { alignBlock, type FrameBlock } from "./block.ts";
import { upload } from "./columns.ts";
import { type Plan, planTags } from "./plan.ts";
import { alignedSchema, type Provenance } from "./schema.ts";
import type { AlignedTagInput } from "./spec.ts";

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

/** Makes an aligner; what the tags hold is copied into the kernels' arena, which must be released by the caller. */
export function createAligner(
  kernels: Kernels,
  frames: FrameColumns,
  tags: readonly AlignedTagInput[],
  options: AlignerOptions,
): Aligner {
  return new Aligner(kernels, frames, tags, options);
}

/** Aligns tags to frames, block by block, where all samples are in memory. */
export class Aligner {
  readonly schema: Schema;
  /** Number of frames. */
  readonly length: number;
  readonly #kernels: Kernels;
  readonly #frames: FrameColumns;
  readonly #plans: Plan[];
  readonly #options: AlignerOptions;
  readonly #mark: number;

  constructor(
    kernels: Kernels,
    frames: FrameColumns,
    tags: readonly AlignedTagInput[],
    options: AlignerOptions,
  ) {
    this.#kernels = kernels;
    this.#frames = placeFrames(kernels.arena, frames);
    this.length = frames.time.length;
    this.#plans = planTags(kernels, tags);
    this.#options = options;
    this.schema = alignedSchema(this.#plans, options.provenance, options.metadata ?? new Map());
    this.#mark = kernels.arena.mark();
  }

  /**
   * The rows of the frames in [start, end).
   *
   * The batch's columns are views on the arena and hold until the next call of any method. The values do not depend
   * on where the blocks begin and end.
   */
  align(start: number, end: number): RecordBatch {
    const data = alignBlock(this.#kernels, this.#plans, this.#block(start, end), this.#options.provenance);
    return alignedBatch(this.schema, this.#frames, start, end, data);
  }

  /** All frames in blocks of `rowsPerBlock`; each batch holds until the next is asked for. */
  *blocks(rowsPerBlock: number): Generator<RecordBatch, void, undefined> {
    for (let start = 0; start < this.length; start += rowsPerBlock) {
      yield this.align(start, Math.min(start + rowsPerBlock, this.length));
    }
  }

  #block(start: number, end: number): FrameBlock {
    this.#kernels.arena.release(this.#mark);
    const { time, uncertainty } = this.#frames;
    const previousNs = start === 0 ? this.#options.previousFrameNs : time[start - 1];
    const [times, sigmas] = [time.subarray(start, end), uncertainty.subarray(start, end)];
    return { time: times, start, previousNs, uncertainty: sigmas };
  }
}

/** The frames' columns in the arena: what lies elsewhere is copied, each by itself even where one array came twice. */
export function placeFrames(arena: Arena, { index, time, pts, uncertainty }: FrameColumns): FrameColumns {
  const place = (column: BigInt64Array) => upload(arena, arena.i64, column);
  return { index: place(index), time: place(time), pts: place(pts), uncertainty: place(uncertainty) };
}

/** The rows [start, end): the frames' own columns and those of the tags, in the schema's order, without a copy. */
export function alignedBatch(
  schema: Schema,
  { index, time, pts, uncertainty }: FrameColumns,
  start: number,
  end: number,
  tags: readonly Data[],
): RecordBatch {
  const length = end - start;
  const own = (type: DataType, column: BigInt64Array) =>
    makeData({ type, length, nullCount: 0, data: column.subarray(start, end) } as never) as Data;
  const children = [
    own(new Int64(), index),
    own(new TimestampNanosecond(), time),
    own(new Int64(), pts),
    own(new Int64(), uncertainty),
    ...tags,
  ];
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, length, nullCount: 0, children }));
}
