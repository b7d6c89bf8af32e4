import type {
  Allocate,
  PlaceTimes,
  QualityRule,
  SampleStore,
  Samples,
  SampleWindow,
  SeverityCounts,
  ValueShape,
  Values,
  WindowArrays,
  WindowRequest,
} from "../samples.ts";
import { BlockLog, type Cells } from "./log.ts";
import { type CellBlock, cellBlock, type FlatType, type Member, type TimeBlock, timeBlock } from "./track.ts";

/** Kept samples that a window holds before those it needs: a block of a float sum. */
const samplesAhead = 64;

/** The blocks of a track on one clock. */
export class PlacedTrack {
  readonly log: BlockLog;
  readonly blocks: readonly TimeBlock[];
  readonly min: BigInt64Array;
  readonly max: BigInt64Array;
  readonly #place: PlaceTimes | undefined;
  readonly #elsewhere = new WeakMap<PlaceTimes, PlacedTrack>();

  constructor({ log, blocks }: { log: BlockLog; blocks: readonly TimeBlock[] }, place?: PlaceTimes) {
    this.log = log;
    this.blocks = blocks;
    this.#place = place;
    const bounds = BigInt64Array.from(blocks.flatMap(({ min, max }) => [min, max]));
    const placed = place === undefined ? bounds : place(bounds);
    this.min = placed.filter((_, at) => at % 2 === 0);
    this.max = placed.filter((_, at) => at % 2 === 1);
  }

  /** The same track by another map; tags that share a track share the result. */
  on(place: PlaceTimes): PlacedTrack {
    const before = this.#place;
    const known = this.#elsewhere.get(place);
    if (known !== undefined) return known;
    const whole = before === undefined ? place : (times: BigInt64Array) => place(before(times));
    const placed = new PlacedTrack(this, whole);
    this.#elsewhere.set(place, placed);
    return placed;
  }

  /** Times of some blocks, one after another. */
  times(chosen: readonly number[], length: number, { allocate, shared }: WindowArrays): BigInt64Array {
    const key = chosen.join();
    const ofTrack = shared.get(this) ?? new Map<string, BigInt64Array>();
    shared.set(this, ofTrack);
    const known = ofTrack.get(key);
    if (known !== undefined) return known;
    const target = this.#place === undefined ? allocate.i64(length) : new BigInt64Array(length);
    let at = 0;
    for (const block of chosen) {
      const { times, length: own } = this.blocks[block]!;
      this.log.read(times, target.subarray(at, at + own));
      at += own;
    }
    const times = this.#place === undefined ? target : allocated(allocate.i64(length), this.#place(target));
    ofTrack.set(key, times);
    return times;
  }
}

function allocated(target: BigInt64Array, times: BigInt64Array): BigInt64Array {
  target.set(times);
  return target;
}

/** Samples in blocks: those of a tag of a table, which may lie in a file. */
class BlockStore implements SampleStore {
  readonly shape: { type: FlatType };
  readonly dictionary: readonly string[];
  readonly #track: PlacedTrack;
  readonly #blocks: readonly CellBlock[];
  /** Samples before each block and after the last: all, uncertain, bad. */
  readonly #before: readonly [Float64Array, Float64Array, Float64Array];

  constructor(
    track: PlacedTrack,
    type: FlatType,
    blocks: readonly CellBlock[],
    dictionary: readonly string[],
  ) {
    this.shape = { type };
    this.dictionary = dictionary;
    this.#track = track;
    this.#blocks = blocks;
    this.#before = [
      sums(track.blocks.map(({ length }) => length)),
      sums(blocks.map(({ uncertain }) => uncertain)),
      sums(blocks.map(({ bad }) => bad)),
    ];
  }

  get counts(): SeverityCounts {
    return this.#countsBefore(this.#blocks.length);
  }

  get first(): bigint | undefined {
    return this.#track.min[0];
  }

  get last(): bigint | undefined {
    return this.#track.max.at(-1);
  }

  placed(place: PlaceTimes): SampleStore {
    return new BlockStore(this.#track.on(place), this.shape.type, this.#blocks, this.dictionary);
  }

  load(request: WindowRequest, arrays: WindowArrays): SampleWindow {
    const chosen = this.#choose(request);
    const { log, blocks } = this.#track;
    const length = chosen.reduce((sum, at) => sum + blocks[at]!.length, 0);
    const { allocate } = arrays;
    const times = this.#track.times(chosen, length, arrays);
    const [values, cells] = emptyValues(this.shape.type, length, allocate, this.dictionary);
    const status = chosen.some((at) => this.#blocks[at]!.status >= 0) ? allocate.u32(length) : undefined;
    let at = 0;
    for (const block of chosen) {
      const end = at + blocks[block]!.length;
      const own = this.#blocks[block]!;
      log.read(own.values, cells.subarray(at, end));
      if (own.status >= 0) log.read(own.status, status!.subarray(at, end));
      else status?.fill(0, at, end);
      at = end;
    }
    const skippedBefore = this.#countsBefore(chosen[0] ?? 0);
    return status === undefined ? { times, values, skippedBefore } : { times, values, status, skippedBefore };
  }

  #countsBefore(block: number): SeverityCounts {
    const [all, uncertain, bad] = this.#before;
    return [all[block]! - uncertain[block]! - bad[block]!, uncertain[block]!, bad[block]!];
  }

  /**
   * The blocks of a window: from the last that begins before it to the first that ends after it. Before and behind them
   * those that hold kept samples, as far as they are needed; a block in between that holds none says nothing.
   */
  #choose({ from, to, beforeNs, quality }: WindowRequest): number[] {
    const { min, max } = this.#track;
    const count = this.#blocks.length;
    if (count === 0) return [];
    const begin = Math.max(0, firstAtLeast(min, from - beforeNs) - 1);
    const end = Math.min(count - 1, firstAbove(max, to));
    const chosen: number[] = [];
    for (let block = begin - 1, ahead = 0; block >= 0 && ahead <= samplesAhead; block--) {
      const kept = this.#kept(block, quality);
      if (kept > 0) chosen.unshift(block);
      ahead += kept;
    }
    for (let block = begin; block <= end; block++) chosen.push(block);
    const isEnough = (block: number) => this.#kept(block, quality) === this.#track.blocks[block]!.length;
    let last = end;
    if (last + 1 < count && !isEnough(end)) {
      chosen.push(++last);
      while (last + 1 < count && this.#kept(last, quality) === 0) last++;
      if (last !== chosen.at(-1)) chosen.push(last);
    }
    // Of equal times the last one counts, which may be in the next block.
    for (; last + 1 < count && min[last + 1] === max[last]; last++) chosen.push(last + 1);
    return chosen;
  }

  #kept(block: number, quality: QualityRule): number {
    const { uncertain, bad } = this.#blocks[block]!;
    const all = this.#track.blocks[block]!.length;
    return all - (quality === "raw" ? 0 : bad) - (quality === "good" ? uncertain : 0);
  }
}

/** Sums of what lies before each entry, and of all at the end. */
function sums(counts: readonly number[]): Float64Array {
  const before = new Float64Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) before[i + 1] = before[i]! + counts[i]!;
  return before;
}

/** The first position whose time is not below `time`; the length where there is none. */
function firstAtLeast(times: BigInt64Array, time: bigint): number {
  return firstWhere(times.length, (at) => times[at]! >= time);
}

function firstAbove(times: BigInt64Array, time: bigint): number {
  return firstWhere(times.length, (at) => times[at]! > time);
}

function firstWhere(length: number, holds: (at: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function emptyValues(
  type: FlatType,
  length: number,
  allocate: Allocate,
  dictionary: readonly string[],
): [Values, Cells] {
  switch (type) {
    case "number": {
      const data = allocate.f64(length);
      return [{ type, data }, data];
    }
    case "integer": {
      const data = allocate.i64(length);
      return [{ type, data }, data];
    }
    case "boolean": {
      const data = allocate.u8(length);
      return [{ type, data }, data];
    }
    case "text": {
      const codes = allocate.i32(length);
      return [{ type, codes, dictionary }, codes];
    }
  }
}

/** Samples that are handed out whole: lists, whose items have no place in blocks. */
class WholeStore implements SampleStore {
  readonly shape: ValueShape;
  readonly dictionary: readonly string[] = [];
  readonly counts: SeverityCounts;
  readonly #samples: Samples;

  constructor(samples: Samples) {
    this.#samples = samples;
    this.shape = shapeOf(samples.values);
    const counts = [0, 0, 0];
    for (let i = 0; i < samples.times.length; i++)
      counts[Math.min(2, (samples.status?.[i] ?? 0) >>> 30)]! += 1;
    this.counts = counts as unknown as SeverityCounts;
  }

  get first(): bigint | undefined {
    return this.#samples.times[0];
  }

  get last(): bigint | undefined {
    return this.#samples.times.at(-1);
  }

  placed(place: PlaceTimes): SampleStore {
    return new WholeStore({ ...this.#samples, times: place(this.#samples.times) });
  }

  load(): SampleWindow {
    return { ...this.#samples, skippedBefore: [0, 0, 0] };
  }
}

function shapeOf(values: Values): ValueShape {
  return values.type === "list" ? { type: "list", items: shapeOf(values.items) } : { type: values.type };
}

/** The samples of a member of a track that is in order. */
export function storeOfMember(track: PlacedTrack, { type, blocks, dictionary }: Member): SampleStore {
  return new BlockStore(track, type, blocks, dictionary);
}

export function storeOfSamples(samples: Samples): SampleStore {
  return new WholeStore(samples);
}

/** Stores of values that share their times and are in memory anyway; the values are as many as the times. */
export function storesOf(
  times: BigInt64Array,
  columns: readonly { readonly values: Values; readonly status?: Uint32Array }[],
): SampleStore[] {
  const log = new BlockLog(() => "", { memoryBytes: Number.POSITIVE_INFINITY });
  const starts: number[] = [];
  for (let at = 0; at < times.length; at += log.limits.blockLength) starts.push(at);
  const cut = <C extends Cells>(cells: C, at: number) => cells.subarray(at, at + log.limits.blockLength) as C;
  const blocks = starts.map((at) => timeBlock(log, cut(times, at), cut(times, at).length));
  const track = new PlacedTrack({ log, blocks });
  return columns.map(({ values, status }) => {
    if (values.type === "list")
      return new WholeStore(status === undefined ? { times, values } : { times, values, status });
    const cells = values.type === "text" ? values.codes : values.data;
    const own = starts.map((at) => {
      const run = cut(cells, at);
      return cellBlock(log, run, status && cut(status, at), run.length);
    });
    return new BlockStore(track, values.type, own, values.type === "text" ? values.dictionary : []);
  });
}
