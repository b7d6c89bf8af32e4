import { AlignError } from "../errors.ts";
import type { CompactKernel, GatherKernel } from "./abi.ts";
import { Arena, bitmapBytes, type Column, type Region } from "./arena.ts";
import type {
  LinearOptions,
  LinearSamples,
  MapPiece,
  NullableColumn,
  StatusAsofOptions,
  StatusLinearOptions,
} from "./arguments.ts";
import { address, bitsIn, bitsOut, limit, optional } from "./column.ts";
import { type CoveringState, coveringAll, coveringLatest, coveringState } from "./covering.ts";
import { type Instance, instantiate, type LoadOptions } from "./load.ts";
import { PageKernels } from "./parquet.ts";
import { ranked } from "./quantile.ts";
import { type AsofOptions, asof } from "./scan.ts";
import { type WindowOptions, windowFloat, windowInteger, windows } from "./windows.ts";

/** The longest stretch from `from` that the clock kernel maps exactly; the caller splits longer pieces. */
const LONGEST_PIECE_NS = 1n << 50n;

/**
 * The kernels over one arena.
 *
 * Every array must be a view on `arena` (else AlignError BUG_KERNEL_ARGUMENT); outputs may be longer than needed.
 * Frames and samples ascend, which is not checked here: on unsorted ones the result is wrong, the memory is safe.
 * Positions in index, lo and hi columns must be those that the kernels gave for these very samples: a position
 * outside them reads other memory.
 */
export class Kernels {
  readonly arena: Arena;
  /** Of the WebAssembly module, in hexadecimal. */
  readonly sha256: string;
  /** What Parquet pages are made with. */
  readonly pages: PageKernels;
  readonly #instance: Instance;

  /**
   * @throws AlignError BUG_KERNELS_MISSING where the compiled module is not there
   */
  static load(options: LoadOptions = {}): Kernels {
    return new Kernels(instantiate(options));
  }

  /** The same kernels over the same memory, whose arena hands out a region of it. */
  within(region: Region): Kernels {
    return new Kernels({ ...this.#instance, arena: Arena.over(this.arena.memory, region) });
  }

  private constructor(instance: Instance) {
    this.#instance = instance;
    this.arena = instance.arena;
    this.sha256 = instance.sha256;
    this.pages = new PageKernels(instance);
  }

  /**
   * out[i] = to + (t - from) + round((t - from) * drift), half to even: at most 1 ns from the exact product.
   * `out` may be `times`.
   *
   * @throws AlignError BUG_KERNEL_ARGUMENT where the first or last instant is 2^50 ns or more from `from`, or the
   * drift is more than 1; instants between them are taken to lie between them
   */
  mapAffine(times: BigInt64Array, out: BigInt64Array, piece: MapPiece): void {
    const length = times.length;
    if (!(Math.abs(piece.drift) <= 1)) {
      throw new AlignError("BUG_KERNEL_ARGUMENT", `a drift of ${piece.drift} is out of range`);
    }
    for (const time of length === 0 ? [] : [times[0]!, times[length - 1]!]) {
      const distance = time - piece.from;
      if (distance >= LONGEST_PIECE_NS || distance <= -LONGEST_PIECE_NS) {
        throw new AlignError("BUG_KERNEL_ARGUMENT", `${time} is too far from ${piece.from} for one piece`);
      }
    }
    const timesAt = address(this.arena, "times", times, length);
    const outAt = address(this.arena, "out", out, length);
    this.#instance.exports.mapAffine(timesAt, length, outAt, piece.from, piece.to, piece.drift);
  }

  /** out[i] = first + i. */
  countUp(first: bigint, out: BigInt64Array): void {
    this.#instance.exports.countUp(first, out.length, address(this.arena, "out", out, out.length));
  }

  /** out[i] = times[i] - origin, modulo 2^64; `out` may be `times`. */
  elapsed(times: BigInt64Array, origin: bigint, out: BigInt64Array): void {
    const timesAt = address(this.arena, "times", times, times.length);
    const outAt = address(this.arena, "out", out, times.length);
    this.#instance.exports.elapsed(timesAt, times.length, origin, outAt);
  }

  /** The first row that is earlier than the row before it, or -1 where the times ascend. */
  firstDescent(times: BigInt64Array): number {
    return this.#instance.exports.firstDescent(
      address(this.arena, "times", times, times.length),
      times.length,
    );
  }

  /**
   * index[i] = the position of the frame's sample, or -1; returns how many matched.
   *
   * Of equal sample times backward takes the last, forward the first, nearest the last at or before the frame and
   * the first after it. Distances are compared unsigned, so int64 extremes are right.
   */
  asof(frames: BigInt64Array, samples: BigInt64Array, index: Int32Array, options: AsofOptions): number {
    return asof(this.#instance, frames, samples, index, options) >>> 0;
  }

  /**
   * v0 + w * (v1 - v0) with w = (t - t0) / (t1 - t0), times subtracted exactly; returns how many are valid.
   *
   * A frame on a valid sample copies it. Otherwise a missing or null sample on either side, or a gap wider than
   * `maxGap`, gives null: value 0, bit 0. `hold` lets the first and the last sample hold outside.
   *
   * @param index the backward as-of index of these frames and samples, without tolerance
   */
  linear(
    frames: BigInt64Array,
    samples: LinearSamples,
    index: Int32Array,
    options: LinearOptions,
    out: NullableColumn<Float64Array>,
  ): number {
    const { arena } = this;
    const length = frames.length;
    const sampleLength = samples.times.length;
    return (
      this.#instance.exports.linear(
        address(arena, "frames", frames, length),
        length,
        address(arena, "samples.times", samples.times, sampleLength),
        address(arena, "samples.values", samples.values, sampleLength),
        bitsIn(arena, "samples.validity", samples.validity, sampleLength),
        sampleLength,
        address(arena, "index", index, length),
        limit("maxGap", options.maxGap),
        options.hold === true ? limit("holdTolerance", options.holdTolerance) : 0n,
        address(arena, "out.values", out.values, length),
        bitsOut(arena, "out.validity", out.validity, length),
      ) >>> 0
    );
  }

  /**
   * out.values[i] = values[index[i]], or 0 and bit 0 where the index is -1 or the source is null; returns how many
   * are valid.
   */
  gather<T extends Column>(
    values: T,
    validity: Uint8Array | undefined,
    index: Int32Array,
    out: NullableColumn<T>,
  ): number {
    const { arena } = this;
    const length = index.length;
    const valuesAt = address(arena, "values", values, values.length);
    const validityAt = bitsIn(arena, "validity", validity, values.length);
    const indexAt = address(arena, "index", index, length);
    const outAt = address(arena, "out.values", out.values, length);
    const bitsAt = bitsOut(arena, "out.validity", out.validity, length);
    if (values.length === 0) {
      new Uint8Array(arena.buffer, outAt, length * values.BYTES_PER_ELEMENT).fill(0);
      out.validity.fill(0, 0, bitmapBytes(length));
      return 0;
    }
    return this.#gatherKernel(values)(valuesAt, validityAt, indexAt, length, outAt, bitsAt) >>> 0;
  }

  /** Bytes (0 is false) to an Arrow bitmap. */
  packBits(bytes: Uint8Array, out: Uint8Array): void {
    const at = address(this.arena, "bytes", bytes, bytes.length);
    this.#instance.exports.packBits(at, bytes.length, bitsOut(this.arena, "out", out, bytes.length));
  }

  /** Bit i = index[i] >= 0; returns how many. */
  matched(index: Int32Array, validity: Uint8Array): number {
    const at = address(this.arena, "index", index, index.length);
    const bitsAt = bitsOut(this.arena, "validity", validity, index.length);
    return this.#instance.exports.matched(at, index.length, bitsAt) >>> 0;
  }

  /** Bit i = times[i] is the last of its equals; returns how many. */
  lastOfEqual(times: BigInt64Array, keep: Uint8Array): number {
    const at = address(this.arena, "times", times, times.length);
    const bitsAt = bitsOut(this.arena, "keep", keep, times.length);
    return this.#instance.exports.lastOfEqual(at, times.length, bitsAt) >>> 0;
  }

  /** Writes the entries whose bit in `keep` is 1, in order; `out` may be `values`. Returns how many. */
  compact<T extends Column>(values: T, keep: Uint8Array, out: T): number {
    const { arena } = this;
    const length = values.length;
    const at = address(arena, "values", values, length);
    const keepAt = bitsIn(arena, "keep", keep, length);
    return this.#compactKernel(values)(at, length, keepAt, address(arena, "out", out, length)) >>> 0;
  }

  /** out[i] = frames[i] - times[max(index[i], 0)] where bit i of `validity` is 1, else 0; wraps beyond int64. */
  age(
    frames: BigInt64Array,
    times: BigInt64Array,
    index: Int32Array,
    validity: Uint8Array,
    out: BigInt64Array,
  ): void {
    const { arena } = this;
    const length = frames.length;
    const framesAt = address(arena, "frames", frames, length);
    const timesAt = address(arena, "times", times, times.length);
    const indexAt = address(arena, "index", index, length);
    const bitsAt = bitsIn(arena, "validity", validity, length);
    const outAt = address(arena, "out", out, length);
    if (times.length === 0) out.fill(0n, 0, length);
    else this.#instance.exports.age(framesAt, length, timesAt, indexAt, bitsAt, outAt);
  }

  /**
   * The StatusCode of an as-of match: 0x809B0000 where there is none; the sample's own; or 0x40900000 where that is
   * not bad but the sample is older than `staleAfter`, or a later bad one was skipped at or before the frame.
   */
  statusAsof(
    frames: BigInt64Array,
    times: BigInt64Array,
    index: Int32Array,
    options: StatusAsofOptions,
    out: Uint32Array,
  ): void {
    const { arena } = this;
    const length = frames.length;
    this.#instance.exports.statusAsof(
      address(arena, "frames", frames, length),
      length,
      address(arena, "times", times, times.length),
      address(arena, "index", index, length),
      optional(arena, "sampleStatus", options.sampleStatus, times.length),
      optional(arena, "badAfter", options.badAfter, times.length),
      limit("staleAfter", options.staleAfter),
      address(arena, "out", out, length),
    );
  }

  /**
   * The StatusCode of a `linear` value, from the index and the validity of that call.
   *
   * Null: the code of a bad sample at the frame's very time, or of the first bad one of the two samples around it
   * where these are at most `maxGap` apart, else 0x809B0000. Valid: the code of the sample at the frame's time;
   * 0x00000402 interpolated; 0x40A40402 where one of the two is not good or one was skipped between them;
   * 0x40A40000 held. A valid one whose age is more than `staleAfter`: 0x40900000.
   */
  statusLinear(
    frames: BigInt64Array,
    times: BigInt64Array,
    index: Int32Array,
    validity: Uint8Array,
    options: StatusLinearOptions,
    out: Uint32Array,
  ): void {
    const { arena } = this;
    const length = frames.length;
    this.#instance.exports.statusLinear(
      address(arena, "frames", frames, length),
      length,
      address(arena, "times", times, times.length),
      times.length,
      address(arena, "index", index, length),
      bitsIn(arena, "validity", validity, length),
      optional(arena, "sampleStatus", options.sampleStatus, times.length),
      optional(arena, "skipped", options.skipped, times.length),
      limit("staleAfter", options.staleAfter),
      limit("maxGap", options.maxGap),
      address(arena, "out", out, length),
    );
  }

  /**
   * The samples of each frame's window, lo[i] <= position < hi[i]: those in (frame before, frame], the first one's
   * window beginning after `previous` (absent: empty), or those in (frame - span, frame], saturating.
   */
  windows(
    frames: BigInt64Array,
    samples: BigInt64Array,
    options: WindowOptions,
    lo: Int32Array,
    hi: Int32Array,
  ): void {
    windows(this.#instance, frames, samples, options, lo, hi);
  }

  /** How many samples each window has. `lo` gives the number of windows, here and below. */
  windowCount(lo: Int32Array, hi: Int32Array, out: BigInt64Array): void {
    const [loAt, hiAt] = this.#bounds(lo, hi);
    this.#instance.exports.windowCount(loAt, hiAt, lo.length, address(this.arena, "out", out, lo.length));
  }

  /**
   * Folds the values of each window, an empty one to null; returns how many are valid.
   *
   * A sum depends on its own lo and hi alone: two running sums of every other value up to 64 values, beyond that the
   * pairwise sum of blocks at multiples of 64. NaN spreads.
   */
  windowFloat(
    op: "sum" | "mean" | "min" | "max",
    values: Float64Array,
    lo: Int32Array,
    hi: Int32Array,
    out: NullableColumn<Float64Array>,
  ): number {
    return windowFloat(this.#instance, op, values, lo, hi, out);
  }

  /**
   * As windowFloat, exactly.
   *
   * @throws AlignError SOURCE_INTEGER_OVERFLOW where a sum is not an int64, with the row of the frame
   */
  windowInteger(
    op: "sum" | "min" | "max",
    values: BigInt64Array,
    lo: Int32Array,
    hi: Int32Array,
    out: NullableColumn<BigInt64Array>,
  ): number {
    return windowInteger(this.#instance, op, values, lo, hi, out);
  }

  /** The position of the first or last sample of each window, -1 where it is empty. */
  windowEdge(edge: "first" | "last", lo: Int32Array, hi: Int32Array, index: Int32Array): void {
    const [loAt, hiAt] = this.#bounds(lo, hi);
    const indexAt = address(this.arena, "index", index, lo.length);
    this.#instance.exports.windowEdge(edge === "last" ? 1 : 0, loAt, hiAt, lo.length, indexAt);
  }

  /** A sweep over intervals that stands before the first frame; takes its memory from the arena. */
  coveringState(starts: BigInt64Array): CoveringState {
    return coveringState(this.arena, starts);
  }

  /**
   * index[i] = the latest interval with start <= frame < end (of equal starts the later row), or -1; returns how many.
   * An end at the largest int64 is open. `starts` ascend; blocks of ascending frames share one `state`.
   */
  coveringLatest(
    frames: BigInt64Array,
    starts: BigInt64Array,
    ends: BigInt64Array,
    state: CoveringState,
    index: Int32Array,
  ): number {
    return coveringLatest(this.#instance, frames, starts, ends, state, index);
  }

  /**
   * Every interval with start <= frame < end, by start: rows of frame i at positions[offsets[i] .. offsets[i + 1]].
   *
   * Returns how many frames were done. Fewer than all means that `positions` is full: call again with the rest, and
   * with more room where none were done.
   */
  coveringAll(
    frames: BigInt64Array,
    starts: BigInt64Array,
    ends: BigInt64Array,
    state: CoveringState,
    offsets: Int32Array,
    positions: Int32Array,
  ): number {
    return coveringAll(this.#instance, frames, starts, ends, state, offsets, positions);
  }

  /** The values of these ranks (1-based) if `values` were sorted; takes at most as much scratch again. */
  ranked(values: BigInt64Array, ranks: readonly number[]): bigint[] {
    address(this.arena, "values", values, values.length);
    return ranked(this.#instance, values, ranks);
  }

  /** How many valid values are greater than `limit`. */
  countAbove(values: BigInt64Array, validity: Uint8Array, limit: bigint): number {
    const valuesAt = address(this.arena, "values", values, values.length);
    const validityAt = bitsIn(this.arena, "validity", validity, values.length);
    return this.#instance.exports.countAbove(valuesAt, values.length, validityAt, limit) >>> 0;
  }

  #bounds(lo: Int32Array, hi: Int32Array): [lo: number, hi: number] {
    return [address(this.arena, "lo", lo, lo.length), address(this.arena, "hi", hi, lo.length)];
  }

  #gatherKernel(values: Column): GatherKernel {
    const { gather64, gather32, gather8 } = this.#instance.exports;
    if (values.BYTES_PER_ELEMENT === 8) return gather64;
    return values.BYTES_PER_ELEMENT === 4 ? gather32 : gather8;
  }

  #compactKernel(values: Column): CompactKernel {
    const { compact64, compact32, compact8 } = this.#instance.exports;
    if (values.BYTES_PER_ELEMENT === 8) return compact64;
    return values.BYTES_PER_ELEMENT === 4 ? compact32 : compact8;
  }
}

let shared: Kernels | undefined;

/** The kernels that a thread's library calls share, loaded on the first call. */
export function sharedKernels(): Kernels {
  shared ??= Kernels.load();
  return shared;
}
