import { type DataType, Float64, Int64 } from "apache-arrow";
import { AlignError } from "../errors.ts";
import type { Arena, Kernels } from "../kernels/index.ts";
import { OPEN_END, type Samples, type SampleWindow, type ValueShape, type Values } from "../samples.ts";
import { arrowType, listType, type SampleColumn, upload, uploadColumn } from "./columns.ts";
import type { Aggregate, AlignedTagInput, Join, Quality, TagSpec } from "./spec.ts";
import { isBad, Status, severity } from "./status.ts";

/**
 * What the join of one tag reads, in the arena: the samples that its quality rule keeps.
 *
 * times     i64[n] ns, ascending; the starts under `covering`
 * ends      i64[n] ns, `covering` only
 * status    u32[n]; absent when every kept sample is 0
 * badAfter  i64[n] ns, `backward` only: the first sample skipped between this one and the next kept one,
 *           the largest int64 where there is none; absent when nothing was skipped
 * skipped   u8[n], `linear` only: 1 where a sample was skipped between this one and the next kept one
 */
export interface Plan {
  spec: TagSpec;
  times: BigInt64Array;
  ends?: BigInt64Array;
  column: SampleColumn;
  status?: Uint32Array;
  badAfter?: BigInt64Array;
  skipped?: Uint8Array;
  /** Type of the output values. */
  type: DataType;
}

/** Puts what the tags need into the arena, unless it is there already; arrays of times that tags share are put once. */
export function planTags(kernels: Kernels, tags: readonly AlignedTagInput[]): Plan[] {
  const { arena } = kernels;
  const uploaded = new Map<BigInt64Array, BigInt64Array>();
  const share = (times: BigInt64Array): BigInt64Array => {
    const known = uploaded.get(times) ?? upload(arena, arena.i64, times);
    uploaded.set(times, known);
    return known;
  };
  return tags.map((tag, at) => planTag(kernels, tag, at, share));
}

function planTag(
  kernels: Kernels,
  tag: AlignedTagInput,
  dictionaryId: number,
  share: (times: BigInt64Array) => BigInt64Array,
): Plan {
  const { arena } = kernels;
  const input = "intervals" in tag ? { ...tag.intervals, times: tag.intervals.starts } : tag.samples;
  const ends = "intervals" in tag ? tag.intervals.ends : undefined;
  const { name, join, quality, metadata, staleAfterNs } = tag;
  if ((join.kind === "covering") !== (ends !== undefined)) throw wrongShape(tag);
  checkType(tag, input.values);

  const values = needsNumbers(join) ? asNumbers(input.values) : input.values;
  const kept = input.status && keptPositions(input.status, keepRule(tag));
  const positions =
    join.kind === "linear"
      ? lastOfEqual(kernels, input.times, kept, share)
      : join.kind === "window" && "samples" in tag && isWindow(tag.samples)
        ? fromWholeBlock(tag, tag.samples, kept)
        : kept;
  const take = (times: BigInt64Array) =>
    positions === undefined ? share(times) : upload(arena, arena.i64, times, positions);

  const column = uploadColumn(arena, values, positions);
  const plan: Plan = {
    spec: { name, join, quality, metadata, ...(staleAfterNs !== undefined && { staleAfterNs }) },
    times: take(input.times),
    column,
    type: outputType(join, column, dictionaryId),
  };
  if (ends !== undefined) plan.ends = take(ends);
  if (input.status !== undefined) {
    const mark = arena.mark();
    const status = upload(arena, arena.u32, input.status, positions);
    if (status.some((code) => code !== Status.good)) plan.status = status;
    else arena.release(mark);
    const validity = validityOf(arena, status);
    if (validity !== undefined) column.validity = validity;
  }
  if (kept !== undefined && join.kind === "backward") plan.badAfter = firstSkipped(arena, input.times, kept);
  if (kept !== undefined && positions !== undefined && join.kind === "linear") {
    plan.skipped = skippedBetween(arena, kept, positions);
  }
  return plan;
}

function isWindow(samples: Samples): samples is SampleWindow {
  return "skippedBefore" in samples;
}

/** Float sums are made of blocks at multiples of 64 of all kept samples, so those of a window must begin at one. */
function fromWholeBlock(
  tag: AlignedTagInput,
  { skippedBefore: [good, uncertain, bad], times }: SampleWindow,
  kept: Int32Array | undefined,
): Int32Array | undefined {
  const quality = effectiveQuality(tag);
  const before = good + (quality === "good" ? 0 : uncertain) + (quality === "raw" ? bad : 0);
  const extra = -before & 63;
  return extra === 0 ? kept : (kept ?? Int32Array.from(times, (_, i) => i)).subarray(extra);
}

/** Whether a sample with this status takes part in the tag's join. */
function keepRule(tag: AlignedTagInput): (status: number) => boolean {
  const quality = effectiveQuality(tag);
  if (quality === "raw") return () => true;
  const worst = quality === "good" ? 0 : 1;
  if (tag.join.kind !== "covering") return (status) => severity(status) <= worst;
  // An interval without an attribute still covers its span.
  return (status) => severity(status) <= worst || status === Status.noData;
}

/** How many samples the quality rule lets into the join. */
export function keptSamples(tag: AlignedTagInput): number {
  const { status, ...rows } = "intervals" in tag ? tag.intervals : tag.samples;
  const length = "starts" in rows ? rows.starts.length : rows.times.length;
  if (status === undefined) return length;
  const keeps = keepRule(tag);
  let kept = 0;
  for (const code of status) if (keeps(code)) kept++;
  return kept;
}

/** A bad sample has no value to aggregate, so under `raw` only `count` sees it. */
export function effectiveQuality({ join, quality }: TagSpec): Quality {
  return join.kind === "window" && join.aggregate !== "count" && quality === "raw" ? "usable" : quality;
}

/** Positions of the samples that pass, or undefined when all do. */
function keptPositions(status: Uint32Array, keeps: (status: number) => boolean): Int32Array | undefined {
  const positions = new Int32Array(status.length);
  let kept = 0;
  for (let i = 0; i < status.length; i++) if (keeps(status[i]!)) positions[kept++] = i;
  return kept === status.length ? undefined : positions.subarray(0, kept);
}

/** Leaves the last of equal times; undefined when all samples stay. */
function lastOfEqual(
  kernels: Kernels,
  times: BigInt64Array,
  kept: Int32Array | undefined,
  share: (times: BigInt64Array) => BigInt64Array,
): Int32Array | undefined {
  const { arena } = kernels;
  const column = kept === undefined ? share(times) : upload(arena, arena.i64, times, kept);
  const keep = arena.bitmap(column.length);
  const left = kernels.lastOfEqual(column, keep);
  if (left === column.length) return kept;
  const all = arena.copy(kept ?? Int32Array.from(times, (_, i) => i));
  kernels.compact(all, keep, all);
  return all.slice(0, left);
}

function firstSkipped(arena: Arena, times: BigInt64Array, kept: Int32Array): BigInt64Array {
  const after = arena.i64(kept.length);
  for (let i = 0; i < kept.length; i++) {
    const next = kept[i]! + 1;
    after[i] = next === (kept[i + 1] ?? times.length) ? OPEN_END : times[next]!;
  }
  return after;
}

/** `kept` passed the quality rule; `positions` are those of them that are left after equal times fell together. */
function skippedBetween(arena: Arena, kept: Int32Array, positions: Int32Array): Uint8Array {
  const skipped = arena.u8(positions.length).fill(0);
  let at = 0;
  for (let i = 0; i + 1 < positions.length; i++) {
    for (let between = positions[i]! + 1; between < positions[i + 1]!; between++) {
      while (kept[at]! < between) at++;
      if (kept[at] !== between) skipped[i] = 1;
    }
  }
  return skipped;
}

/** A bit per sample, 0 where its status is bad; undefined when none is. */
function validityOf(arena: Arena, status: Uint32Array): Uint8Array | undefined {
  if (!status.some(isBad)) return undefined;
  const validity = arena.bitmap(status.length).fill(0);
  for (let i = 0; i < status.length; i++) if (!isBad(status[i]!)) validity[i >> 3]! |= 1 << (i & 7);
  return validity;
}

/** The Arrow type of a tag's values; `dictionaryId` tells the dictionaries of one schema apart. */
export function outputType(join: Join, shape: ValueShape, dictionaryId: number): DataType {
  if (join.kind === "covering" && join.overlap === "all") return listType(shape);
  if (join.kind === "window" && join.aggregate === "count") return new Int64();
  if (needsNumbers(join)) return new Float64();
  return arrowType(shape, dictionaryId);
}

/** Joins whose result is a float64 whatever number goes in. */
function needsNumbers(join: Join): boolean {
  return join.kind === "linear" || (join.kind === "window" && join.aggregate === "mean");
}

const numericAggregates: ReadonlySet<Aggregate> = new Set(["sum", "mean", "min", "max"]);

function checkType(tag: TagSpec, values: Values): void {
  const { join } = tag;
  const isNumeric = values.type === "number" || values.type === "integer";
  const what = join.kind === "window" ? `aggregate ${join.aggregate}` : `join ${join.kind}`;
  if (
    isNumeric ||
    !(join.kind === "linear" || (join.kind === "window" && numericAggregates.has(join.aggregate)))
  )
    return;
  throw new AlignError(
    "SOURCE_TYPE",
    `${what} needs numbers, but tag ${tag.name} holds ${values.type} values`,
    {
      where: { source: tag.metadata.source, tag: tag.metadata.tag },
      hint: join.kind === "linear" ? "use join backward" : "use aggregate count, first or last",
    },
  );
}

function wrongShape(tag: AlignedTagInput): AlignError {
  const has = "intervals" in tag ? "intervals" : "samples";
  return new AlignError(
    "SOURCE_SHAPE",
    `join ${tag.join.kind} does not fit tag ${tag.name}, which has ${has}`,
    {
      where: { source: tag.metadata.source, tag: tag.metadata.tag },
      hint: "join covering goes with intervals, every other join with samples or events",
    },
  );
}

function asNumbers(values: Values): Values {
  return values.type === "integer"
    ? { type: "number", data: Float64Array.from(values.data, Number) }
    : values;
}
