import { AlignError } from "../errors.ts";
import type { CompactKernel } from "./abi.ts";
import { Arena, type Column, type Region } from "./arena.ts";
import type { MapPiece, NullableColumn } from "./arguments.ts";
import { address, bitsIn, bitsOut } from "./column.ts";
import { type CoveringState, coveringAll, coveringLatest, coveringState } from "./covering.ts";
import { JoinKernels } from "./joins.ts";
import { type Instance, instantiate, type LoadOptions } from "./load.ts";
import { PageKernels } from "./parquet.ts";
import { ranked } from "./quantile.ts";
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
export class Kernels extends JoinKernels {
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
    super(instance);
    this.#instance = instance;
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

  /** Bytes (0 is false) to an Arrow bitmap. */
  packBits(bytes: Uint8Array, out: Uint8Array): void {
    const at = address(this.arena, "bytes", bytes, bytes.length);
    this.#instance.exports.packBits(at, bytes.length, bitsOut(this.arena, "out", out, bytes.length));
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

  /** All codes or-ed: 0 says that all are good, bit 31 that one is bad. */
  unionOfStatus(status: Uint32Array): number {
    const at = address(this.arena, "status", status, status.length);
    return this.#instance.exports.unionOfStatus(at, status.length) >>> 0;
  }

  /** Bit i of `keep` = the severity (upper two bits) of status[i] is at most `worst`; returns how many. */
  keepSeverity(status: Uint32Array, worst: number, keep: Uint8Array): number {
    const at = address(this.arena, "status", status, status.length);
    const keepAt = bitsOut(this.arena, "keep", keep, status.length);
    return this.#instance.exports.keepSeverity(at, status.length, worst, keepAt) >>> 0;
  }

  /** For each kept sample, the time of the next one if that is skipped, else the largest int64; `out` has one a kept. */
  skippedTimes(times: BigInt64Array, keep: Uint8Array, out: BigInt64Array): void {
    const at = address(this.arena, "times", times, times.length);
    const keepAt = bitsIn(this.arena, "keep", keep, times.length);
    this.#instance.exports.skippedTimes(at, times.length, keepAt, address(this.arena, "out", out, 0));
  }

  /** For each kept one of `length` samples, 1 where any is skipped before the next kept one; `out` has one a kept. */
  skippedFlags(length: number, keep: Uint8Array, out: Uint8Array): void {
    const keepAt = bitsIn(this.arena, "keep", keep, length);
    this.#instance.exports.skippedFlags(length, keepAt, address(this.arena, "out", out, 0));
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
