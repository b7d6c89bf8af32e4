import { type DataType, Float64, Int64 } from "apache-arrow";
import { AlignError } from "../errors.ts";
import type { Column, Kernels } from "../kernels/index.ts";
import type { Samples, SampleWindow, ValueShape, Values } from "../samples.ts";
import { type Changes, changesOf } from "./changes.ts";
import { arrowType, listType, mapColumn, type SampleColumn, upload, uploadColumn } from "./columns.ts";
import type { Lapses } from "./deviation.ts";
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
 * changes   where the value changes; absent unless the tag says what is ambiguous
 * numbers   f64[n], with `compression` only: the values, whatever numbers they are
 * lapses    with `compression` only: where samples were skipped; absent when nothing was
 */
export interface Plan {
  spec: TagSpec;
  times: BigInt64Array;
  ends?: BigInt64Array;
  column: SampleColumn;
  status?: Uint32Array;
  badAfter?: BigInt64Array;
  skipped?: Uint8Array;
  changes?: Changes;
  numbers?: Float64Array;
  lapses?: Lapses;
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
  const { join } = tag;
  if ((join.kind === "covering") !== (ends !== undefined)) throw wrongShape(tag);
  checkType(tag, input.values);

  const values = needsNumbers(join) ? asNumbers(input.values) : input.values;
  const status = input.status && upload(arena, arena.u32, input.status);
  const given = share(input.times);
  const skips = status === undefined ? undefined : keptBits(kernels, tag, status);
  const kept = new Selection(kernels, skips);
  const equals = join.kind === "linear" ? lastOfEqual(kernels, kept.take(given)) : undefined;
  const left = new Selection(kernels, equals);
  const first = join.kind === "window" && "samples" in tag ? extraSamples(tag, tag.samples) : 0;
  const take = <T extends Column>(column: T): T => left.take(kept.take(column)).subarray(first) as T;

  const column = mapColumn(uploadColumn(arena, values), take);
  const plan: Plan = {
    spec: specOf(tag),
    times: take(given),
    column,
    type: outputType(join, column, dictionaryId),
  };
  if (ends !== undefined) plan.ends = take(share(ends));
  if (status !== undefined) {
    const codes = take(status);
    const union = kernels.unionOfStatus(codes);
    if (union !== Status.good) plan.status = codes;
    if (isBad(union)) column.validity = validityOf(kernels, codes);
  }
  if (skips !== undefined && join.kind === "backward") {
    plan.badAfter = arena.i64(skips.count);
    kernels.skippedTimes(given, skips.bits, plan.badAfter);
  }
  if (skips !== undefined && join.kind === "linear")
    plan.skipped = skippedBetween(kernels, given, skips, equals);
  if (tag.compression !== undefined) {
    plan.numbers = numbersIn(kernels, column);
    if (skips !== undefined) plan.lapses = lapsesOf(kernels, given, skips, plan);
  }
  if (tag.ambiguous === true && tag.certainty !== undefined) {
    const isCut = "samples" in tag && isWindow(tag.samples) && keptBefore(tag, tag.samples) > 0;
    plan.changes = changesOf(kernels, plan, tag.certainty, isCut);
  }
  return plan;
}

/** What crosses to other threads with a plan, without the samples. */
export function specOf(tag: TagSpec): TagSpec {
  const { name, join, quality, metadata, staleAfterNs, ambiguous, compression } = tag;
  return {
    name,
    join,
    quality,
    metadata,
    ...(staleAfterNs !== undefined && { staleAfterNs }),
    ...(ambiguous !== undefined && { ambiguous }),
    ...(compression !== undefined && { compression }),
  };
}

function numbersIn({ arena }: Kernels, column: SampleColumn): Float64Array {
  if (column.type === "number") return column.data;
  const numbers = arena.f64(column.type === "integer" ? column.data.length : 0);
  if (column.type === "integer") for (let i = 0; i < numbers.length; i++) numbers[i] = Number(column.data[i]);
  return numbers;
}

function lapsesOf(kernels: Kernels, given: BigInt64Array, skips: Bits, { skipped, badAfter }: Plan): Lapses {
  const { arena } = kernels;
  const flags = skipped ?? arena.u8(skips.count);
  if (skipped === undefined) {
    kernels.skippedFlags(given.length, skips.bits, flags);
    // After the last sample there is no other to bound what was skipped.
    if (skips.count > 0 && !bitOf(skips.bits, given.length - 1)) flags[skips.count - 1] = 1;
  }
  if (badAfter !== undefined) return { flags, from: badAfter };
  const from = arena.i64(skips.count);
  kernels.skippedTimes(given, skips.bits, from);
  return { flags, from };
}

/** A bit a sample, 1 where it stays, and how many stay. */
interface Bits {
  bits: Uint8Array;
  count: number;
}

/** The samples that stay, for any of their columns; all of them where there are no bits. */
class Selection {
  readonly #kernels: Kernels;
  readonly #kept: Bits | undefined;

  constructor(kernels: Kernels, kept: Bits | undefined) {
    this.#kernels = kernels;
    this.#kept = kept;
  }

  take<T extends Column>(column: T): T {
    if (this.#kept === undefined) return column;
    const { bits, count } = this.#kept;
    const { arena } = this.#kernels;
    const make = column.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => T;
    const room = (length: number) =>
      new make(arena.buffer, arena.u8(length * column.BYTES_PER_ELEMENT).byteOffset, length);
    // Room for all is taken, and the rest given back.
    const mark = arena.mark();
    this.#kernels.compact(column, bits, room(column.length));
    arena.release(mark);
    const taken = room(count);
    return taken;
  }
}

function isWindow(samples: Samples): samples is SampleWindow {
  return "skippedBefore" in samples;
}

/** Float sums are made of blocks at multiples of 64 of all kept samples, so those of a window must begin at one. */
function extraSamples(tag: TagSpec, samples: Samples): number {
  return isWindow(samples) ? -keptBefore(tag, samples) & 63 : 0;
}

/** How many samples that the join keeps lie before a window. */
function keptBefore(tag: TagSpec, { skippedBefore: [good, uncertain, bad] }: SampleWindow): number {
  const quality = effectiveQuality(tag);
  return good + (quality === "good" ? 0 : uncertain) + (quality === "raw" ? bad : 0);
}

/** Whether a sample with this status takes part in the tag's join. */
function keepRule(tag: TagSpec): (status: number) => boolean {
  const worst = worstSeverity(tag);
  if (tag.join.kind !== "covering") return (status) => severity(status) <= worst;
  // An interval without an attribute still covers its span.
  return (status) => severity(status) <= worst || status === Status.noData;
}

function worstSeverity(tag: TagSpec): number {
  const quality = effectiveQuality(tag);
  return quality === "raw" ? 3 : quality === "usable" ? 1 : 0;
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

/** The samples that pass, or undefined when all do. */
function keptBits(kernels: Kernels, tag: TagSpec, status: Uint32Array): Bits | undefined {
  const bits = kernels.arena.bitmap(status.length);
  let count = kernels.keepSeverity(status, worstSeverity(tag), bits);
  if (tag.join.kind === "covering" && count < status.length) {
    const keeps = keepRule(tag);
    for (let i = 0; i < status.length; i++) {
      if (bitOf(bits, i) || !keeps(status[i]!)) continue;
      bits[i >> 3]! |= 1 << (i & 7);
      count++;
    }
  }
  return count === status.length ? undefined : { bits, count };
}

/** Leaves the last of equal times; undefined when all samples stay. */
function lastOfEqual(kernels: Kernels, times: BigInt64Array): Bits | undefined {
  const bits = kernels.arena.bitmap(times.length);
  const count = kernels.lastOfEqual(times, bits);
  return count === times.length ? undefined : { bits, count };
}

/** A flag a sample that is left after equal times fell together: whether one was skipped before the next such sample. */
function skippedBetween(
  kernels: Kernels,
  times: BigInt64Array,
  kept: Bits,
  left: Bits | undefined,
): Uint8Array {
  const flags = kernels.arena.u8(kept.count);
  kernels.skippedFlags(times.length, kept.bits, flags);
  if (left === undefined) return flags;
  const between = kernels.arena.u8(left.count);
  let at = -1;
  for (let i = 0; i < kept.count; i++) {
    if (bitOf(left.bits, i)) between[++at] = flags[i]!;
    else if (at >= 0) between[at]! |= flags[i]!;
  }
  if (at >= 0) between[at] = 0;
  return between;
}

function bitOf(bits: Uint8Array, i: number): boolean {
  return ((bits[i >> 3]! >> (i & 7)) & 1) === 1;
}

/** A bit per sample, 0 where its status is bad. */
function validityOf(kernels: Kernels, status: Uint32Array): Uint8Array {
  const validity = kernels.arena.bitmap(status.length);
  kernels.keepSeverity(status, 1, validity);
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
  if (tag.compression !== undefined && !isNumeric) {
    throw new AlignError(
      "SOURCE_TYPE",
      `a compression or exception deviation needs numbers, but tag ${tag.name} holds ${values.type} values`,
      {
        where: { source: tag.metadata.source, tag: tag.metadata.tag },
        hint: "leave the deviations out: every change of such a tag is archived",
      },
    );
  }
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
