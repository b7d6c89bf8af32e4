import type { Values } from "../samples.ts";
import { isValid } from "./database.ts";

/**
 * Positions that put times in order, stably; undefined when they are in order already.
 * Runs that are in order are merged two by two, so rows that are only a little late cost little.
 * Times are compared as their two 32-bit halves, because a bigint a row would be an allocation a row.
 */
export function sortedPositions(times: BigInt64Array): Int32Array | undefined {
  const { length } = times;
  const low = new Uint32Array(times.buffer, times.byteOffset, length * 2);
  const high = new Int32Array(times.buffer, times.byteOffset, length * 2);
  const isBefore = (a: number, b: number) => {
    const [left, right] = [high[2 * a + 1]!, high[2 * b + 1]!];
    return left < right || (left === right && low[2 * a]! < low[2 * b]!);
  };
  let ends: number[] = [];
  for (let i = 1; i < length; i++) if (isBefore(i, i - 1)) ends.push(i);
  if (ends.length === 0) return undefined;
  ends.push(length);
  let from = Int32Array.from({ length }, (_, i) => i);
  let to = new Int32Array(length);
  while (ends.length > 1) {
    const merged: number[] = [];
    let start = 0;
    for (let run = 0; run < ends.length; run += 2) {
      const middle = ends[run]!;
      const end = ends[run + 1] ?? middle;
      let [left, right] = [start, middle];
      for (let at = start; at < end; at++) {
        const takesRight = left === middle || (right < end && isBefore(from[right]!, from[left]!));
        to[at] = takesRight ? from[right++]! : from[left++]!;
      }
      if (end === middle) to.set(from.subarray(start, end), start);
      merged.push(end);
      start = end;
    }
    [from, to] = [to, from];
    ends = merged;
  }
  return from;
}

/** Positions of the rows that are the last of their time, when some are not; `times` are in order. */
export function lastOfEach(times: BigInt64Array): Int32Array | undefined {
  let kept = 0;
  for (let i = 0; i < times.length; i++) if (times[i] !== times[i + 1]) kept += 1;
  if (kept === times.length) return undefined;
  const positions = new Int32Array(kept);
  let next = 0;
  for (let i = 0; i < times.length; i++) if (times[i] !== times[i + 1]) positions[next++] = i;
  return positions;
}

export function takeTimes(times: BigInt64Array, positions: Int32Array): BigInt64Array {
  const taken = new BigInt64Array(positions.length);
  for (let i = 0; i < positions.length; i++) taken[i] = times[positions[i] ?? 0] ?? 0n;
  return taken;
}

export function takeStatus(status: Uint32Array, positions: Int32Array): Uint32Array {
  const taken = new Uint32Array(positions.length);
  for (let i = 0; i < positions.length; i++) taken[i] = status[positions[i] ?? 0] ?? 0;
  return taken;
}

export function takeValues(values: Values, positions: Int32Array): Values {
  switch (values.type) {
    case "number": {
      const data = new Float64Array(positions.length);
      for (let i = 0; i < positions.length; i++) data[i] = values.data[positions[i] ?? 0] ?? 0;
      return { type: "number", data };
    }
    case "integer":
      return { type: "integer", data: takeTimes(values.data, positions) };
    case "boolean": {
      const data = new Uint8Array(positions.length);
      for (let i = 0; i < positions.length; i++) data[i] = values.data[positions[i] ?? 0] ?? 0;
      return { type: "boolean", data };
    }
    case "text": {
      const codes = new Int32Array(positions.length);
      for (let i = 0; i < positions.length; i++) codes[i] = values.codes[positions[i] ?? 0] ?? 0;
      return { type: "text", codes, dictionary: values.dictionary };
    }
    case "list":
      return takeLists(values, positions);
  }
}

function takeLists(values: Extract<Values, { type: "list" }>, positions: Int32Array): Values {
  const offsets = new Int32Array(positions.length + 1);
  for (let i = 0; i < positions.length; i++) {
    const row = positions[i] ?? 0;
    offsets[i + 1] = (offsets[i] ?? 0) + (values.offsets[row + 1] ?? 0) - (values.offsets[row] ?? 0);
  }
  const items = new Int32Array(offsets[positions.length] ?? 0);
  for (let i = 0; i < positions.length; i++) {
    const start = values.offsets[positions[i] ?? 0] ?? 0;
    const from = offsets[i] ?? 0;
    for (let k = from; k < (offsets[i + 1] ?? 0); k++) items[k] = start + k - from;
  }
  return { type: "list", offsets, items: takeValues(values.items, items) };
}

/**
 * Counts rows that are earlier than the latest time before them, over all rows and within each tag,
 * because a file stored tag by tag goes back at every new tag without being out of order.
 */
export class OrderCount {
  readonly #high: Int32Array;
  readonly #low: Uint32Array;
  readonly #tags: number;
  #lastTag = -1;
  #rows = 0;
  #runs = 0;
  #all = 0;
  #within = 0;
  #firstAll: Unsorted = nothing;
  #firstWithin: Unsorted = nothing;
  #earliestHigh = 0x7fff_ffff;
  #earliestLow = 0xffff_ffff;

  constructor(tags: number) {
    this.#tags = tags;
    this.#high = new Int32Array(tags + 1).fill(-0x8000_0000);
    this.#low = new Uint32Array(tags + 1);
  }

  /**
   * Adds the rows of a chunk that have a time. `words` are the times as 32-bit halves, low before high;
   * `tags[row]` counts from 0, all rows are of tag 0 where it is absent; `start` is the number of the first row.
   */
  addRows(
    words: Uint32Array,
    rowCount: number,
    start: number,
    { tags, valid = null }: { tags?: Uint32Array; valid?: Uint32Array | null },
  ): void {
    const [highs, lows, all] = [this.#high, this.#low, this.#tags];
    let [rows, runs, lastTag] = [this.#rows, this.#runs, this.#lastTag];
    let [allHigh, allLow] = [highs[all]!, lows[all]!];
    for (let row = 0; row < rowCount; row++) {
      if (valid !== null && !isValid(valid, row)) continue;
      const low = words[2 * row]!;
      const high = words[2 * row + 1]! | 0;
      const tag = tags === undefined ? 0 : tags[row]!;
      if (tag !== lastTag) {
        runs += 1;
        lastTag = tag;
      }
      if (rows++ === 0) this.#noteEarliest(high, low);
      if (high > allHigh || (high === allHigh && low >= allLow)) {
        allHigh = high;
        allLow = low;
      } else {
        this.#noteEarliest(high, low);
        if (this.#all++ === 0) this.#firstAll = { row: start + row, high, low };
      }
      const latest = highs[tag]!;
      if (high > latest || (high === latest && low >= lows[tag]!)) {
        highs[tag] = high;
        lows[tag] = low;
      } else if (this.#within++ === 0) this.#firstWithin = { row: start + row, high, low };
    }
    highs[all] = allHigh;
    lows[all] = allLow;
    this.#rows = rows;
    this.#runs = runs;
    this.#lastTag = lastTag;
  }

  addAll(times: BigInt64Array): void {
    this.addRows(new Uint32Array(times.buffer, times.byteOffset, times.length * 2), times.length, 0, {});
  }

  #noteEarliest(high: number, low: number): void {
    if (high > this.#earliestHigh || (high === this.#earliestHigh && low >= this.#earliestLow)) return;
    this.#earliestHigh = high;
    this.#earliestLow = low;
  }

  /** A mean run of 16 rows of one tag is the mark of a file stored tag by tag. */
  get isTagByTag(): boolean {
    return this.#tags > 1 && this.#rows >= 16 * this.#runs;
  }

  get unsorted(): number {
    return this.isTagByTag ? this.#within : this.#all;
  }

  /** The first row that is out of order; -1 where none is. */
  get firstRow(): number {
    return this.#first.row;
  }

  get firstTime(): bigint {
    return instantOf(this.#first.high, this.#first.low);
  }

  get #first(): Unsorted {
    return this.isTagByTag ? this.#firstWithin : this.#firstAll;
  }

  /** The earliest and the latest time; undefined without rows. */
  get span(): { first: bigint; last: bigint } | undefined {
    if (this.#rows === 0) return undefined;
    const latest = instantOf(this.#high[this.#tags]!, this.#low[this.#tags]!);
    return { first: instantOf(this.#earliestHigh, this.#earliestLow), last: latest };
  }
}

/** A row and the halves of its time. */
interface Unsorted {
  readonly row: number;
  readonly high: number;
  readonly low: number;
}

const nothing: Unsorted = { row: -1, high: 0, low: 0 };

function instantOf(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
