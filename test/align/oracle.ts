import type { AlignedTagInput, Values } from "../../src/align/index.ts";

/** One tag at one frame, as plain values. */
export interface Cell {
  value: unknown;
  age: bigint | null;
  status: number;
}

interface Sample {
  row: number;
  time: bigint;
  end: bigint;
  value: unknown;
  status: number;
}

const NO_DATA = 0x809b0000;
const LAST_USABLE = 0x40900000;
const FIRST_INSTANT = -(2n ** 63n);
const OPEN = 2n ** 63n - 1n;

/** Joins one tag frame by frame, looking at every sample each time. */
export function oracle(frames: readonly bigint[], tag: AlignedTagInput, previous?: bigint): Cell[] {
  const all = samplesOf(tag);
  const kept = all.filter((sample) => keeps(tag, sample.status));
  const skipped = all.filter((sample) => !kept.includes(sample));
  return frames.map((frame, i) => {
    const before = i === 0 ? previous : frames[i - 1];
    switch (tag.join.kind) {
      case "window":
        return window(frame, before, kept, tag.join);
      case "covering":
        return covering(frame, kept, tag);
      case "linear":
        return linear(frame, kept, skipped, tag);
      default:
        return asof(frame, kept, skipped, tag);
    }
  });
}

export function plainValue(values: Values, row: number): unknown {
  switch (values.type) {
    case "number":
    case "integer":
      return values.data[row];
    case "boolean":
      return values.data[row] === 1;
    case "text":
      return values.dictionary[values.codes[row]!];
    case "list": {
      const { offsets, items } = values;
      const length = offsets[row + 1]! - offsets[row]!;
      return Array.from({ length }, (_, i) => plainValue(items, offsets[row]! + i));
    }
  }
}

function samplesOf(tag: AlignedTagInput): Sample[] {
  const rows =
    "intervals" in tag ? { ...tag.intervals, times: tag.intervals.starts } : { ...tag.samples, ends: [] };
  return Array.from(rows.times, (time, row) => {
    const status = rows.status?.[row] ?? 0;
    const value = isBad(status) ? null : plainValue(rows.values, row);
    return { row, time, end: rows.ends[row] ?? 0n, value, status };
  });
}

function isBad(status: number): boolean {
  return status >= 0x80000000;
}

function keeps({ join, quality }: AlignedTagInput, status: number): boolean {
  if (join.kind === "covering" && status === NO_DATA) return true;
  if (quality === "raw") return join.kind !== "window" || join.aggregate === "count" || !isBad(status);
  return quality === "usable" ? !isBad(status) : status < 0x40000000;
}

function none(): Cell {
  return { value: null, age: null, status: NO_DATA };
}

function aged(cell: Cell, tag: AlignedTagInput): Cell {
  const isStale = tag.staleAfterNs !== undefined && cell.age !== null && cell.age > tag.staleAfterNs;
  return isStale && !isBad(cell.status) ? { ...cell, status: LAST_USABLE } : cell;
}

function asof(frame: bigint, kept: Sample[], skipped: Sample[], tag: AlignedTagInput): Cell {
  const past = kept.findLast(({ time }) => time <= frame);
  const future = kept.find(({ time }) => (tag.join.kind === "forward" ? time >= frame : time > frame));
  let match = tag.join.kind === "forward" ? future : past;
  if (tag.join.kind === "nearest") {
    if (past === undefined) match = future;
    else if (future !== undefined) match = future.time - frame < frame - past.time ? future : past;
  }
  if (match === undefined) return none();
  const age = frame - match.time;
  const tolerance = "toleranceNs" in tag.join ? tag.join.toleranceNs : undefined;
  if (tolerance !== undefined && (age < 0n ? -age : age) > tolerance) return none();
  const { row, value, status } = match;
  const blocked = tag.join.kind === "backward" && skipped.some((s) => s.row > row && s.time <= frame);
  return aged({ value, age, status: blocked && !isBad(status) ? LAST_USABLE : status }, tag);
}

function linear(frame: bigint, kept: Sample[], skipped: Sample[], tag: AlignedTagInput): Cell {
  if (tag.join.kind !== "linear") throw new Error("not linear");
  const { maxGapNs, extrapolate, toleranceNs } = tag.join;
  const points = kept.filter((sample, i) => kept[i + 1]?.time !== sample.time);
  const before = points.findLast(({ time }) => time <= frame);
  const after = points.find(({ time }) => time > frame);
  if (before?.time === frame)
    return aged({ value: number(before.value), age: 0n, status: before.status }, tag);
  if (before === undefined || after === undefined) {
    const edge = before ?? after;
    if (edge === undefined || extrapolate === "none" || isBad(edge.status)) return none();
    const age = frame - edge.time;
    if (toleranceNs !== undefined && (age < 0n ? -age : age) > toleranceNs) return none();
    return aged({ value: number(edge.value), age, status: 0x40a40000 }, tag);
  }
  const gap = after.time - before.time;
  if (maxGapNs !== undefined && gap > maxGapNs) return none();
  const age = frame - before.time;
  if (isBad(before.status)) return { value: null, age, status: before.status };
  if (isBad(after.status)) return { value: null, age, status: after.status };
  const v0 = number(before.value)!;
  const v1 = number(after.value)!;
  const weight = Number(age) / Number(gap);
  const isBlemished =
    before.status >= 0x40000000 ||
    after.status >= 0x40000000 ||
    skipped.some(({ row }) => row > before.row && row < after.row);
  return aged({ value: v0 + weight * (v1 - v0), age, status: isBlemished ? 0x40a40402 : 0x00000402 }, tag);
}

function number(value: unknown): number | null {
  return value === null ? null : Number(value);
}

function covering(frame: bigint, kept: Sample[], tag: AlignedTagInput): Cell {
  const rows = kept.filter(({ time, end }) => time <= frame && (frame < end || end === OPEN));
  const latest = rows.at(-1);
  if (latest === undefined) return none();
  const isList = tag.join.kind === "covering" && tag.join.overlap === "all";
  const value = isList ? rows.map((row) => row.value) : latest.value;
  return aged({ value, age: frame - latest.time, status: latest.status }, tag);
}

function window(
  frame: bigint,
  before: bigint | undefined,
  kept: Sample[],
  { span, aggregate }: { span: "frame" | bigint; aggregate: string },
): Cell {
  let from = span === "frame" ? (before ?? frame) : frame - span;
  if (from < FIRST_INSTANT) from = FIRST_INSTANT;
  const values = kept.filter(({ time }) => time > from && time <= frame).map(({ value }) => value);
  if (aggregate === "count") return { value: BigInt(values.length), age: null, status: 0 };
  if (values.length === 0) return none();
  return { value: aggregated(values, aggregate), age: null, status: 0 };
}

/** Sums are exact as long as the values are small whole numbers, in whatever order they are added. */
function aggregated(values: unknown[], aggregate: string): unknown {
  if (aggregate === "first") return values[0];
  if (aggregate === "last") return values.at(-1);
  const numbers = values as (number | bigint)[];
  const sorted = numbers.toSorted((a, b) => Number(a) - Number(b));
  if (aggregate === "min") return sorted[0];
  if (aggregate === "max") return sorted.at(-1);
  if (aggregate === "mean") return numbers.map(Number).reduce((a, b) => a + b) / numbers.length;
  return typeof numbers[0] === "bigint"
    ? (numbers as bigint[]).reduce((a, b) => a + b)
    : (numbers as number[]).reduce((a, b) => a + b);
}
