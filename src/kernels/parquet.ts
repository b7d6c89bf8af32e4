import { AlignError } from "../errors.ts";
import { address, bitsIn, bitsOut } from "./column.ts";
import type { Instance } from "./load.ts";

/** Codes that the hybrid packs have at most this many bits. */
const WIDEST_CODE = 16;

/** The bodies of Parquet pages, and what is said about them. Every array must be a view on the arena. */
export class PageKernels {
  readonly #instance: Instance;

  constructor(instance: Instance) {
    this.#instance = instance;
  }

  /** DELTA_BINARY_PACKED; `out` has `deltaRoom` bytes. Returns how many bytes the result has. */
  packDelta(values: BigInt64Array, out: Uint8Array): number {
    const { arena, exports } = this.#instance;
    const { length } = values;
    const at = address(arena, "values", values, length);
    return exports.packDelta(at, length, address(arena, "out", out, deltaRoom(length))) >>> 0;
  }

  /**
   * The RLE/bit-packing hybrid of `codes`, `width` bits each; `out` has `hybridRoom` bytes. Returns how many bytes
   * the result has.
   */
  packHybrid(codes: Uint32Array, width: number, out: Uint8Array): number {
    const { arena, exports } = this.#instance;
    const { length } = codes;
    if (!(width >= 1 && width <= WIDEST_CODE)) {
      throw new AlignError("BUG_KERNEL_ARGUMENT", `codes of ${width} bits cannot be packed`);
    }
    const at = address(arena, "codes", codes, length);
    return exports.packHybrid(at, length, width, address(arena, "out", out, hybridRoom(length))) >>> 0;
  }

  /**
   * ranks[i] = the place of values[i] in `distinct`, which is filled in order of first appearance. Returns how many
   * distinct values there are, or one more than `distinct` has room for.
   */
  rankFew(values: Uint32Array, distinct: Uint32Array, ranks: Uint32Array): number {
    const { arena, exports } = this.#instance;
    const { length } = values;
    const at = address(arena, "values", values, length);
    const distinctAt = address(arena, "distinct", distinct, 0);
    const ranksAt = address(arena, "ranks", ranks, length);
    return exports.rankFew(at, length, distinct.length, distinctAt, ranksAt) >>> 0;
  }

  /**
   * As rankFew for codes, each a position in `table`, which is all zero before and after. Returns how many of `used`
   * are filled.
   */
  rankCodes(codes: Int32Array, table: Uint32Array, used: Uint32Array, ranks: Uint32Array): number {
    const { arena, exports } = this.#instance;
    const { length } = codes;
    return (
      exports.rankCodes(
        address(arena, "codes", codes, length),
        length,
        address(arena, "table", table, 0),
        address(arena, "used", used, Math.min(length, table.length)),
        address(arena, "ranks", ranks, length),
      ) >>> 0
    );
  }

  /**
   * codes[i] = the number of the run of equal neighbours, bit by bit, that values[i] is in; `entries`, with
   * `runRoom(most)` of them, takes a value of each. Returns how many runs there are, or a number greater than `most`
   * where they are more.
   */
  rankRuns<T extends Float64Array | BigInt64Array>(
    values: T,
    most: number,
    entries: T,
    codes: Uint32Array,
  ): number {
    const { arena, exports } = this.#instance;
    const { length } = values;
    const at = address(arena, "values", values, length);
    const entriesAt = address(arena, "entries", entries, runRoom(most));
    return exports.rankRuns(at, length, most, entriesAt, address(arena, "codes", codes, length)) >>> 0;
  }

  /** The bits whose bit in `keep` is 1, side by side; `out` has room for all. Returns how many. */
  compactBits(bits: Uint8Array, length: number, keep: Uint8Array, out: Uint8Array): number {
    const { arena, exports } = this.#instance;
    return (
      exports.compactBits(
        bitsIn(arena, "bits", bits, length),
        length,
        bitsIn(arena, "keep", keep, length),
        bitsOut(arena, "out", out, length),
      ) >>> 0
    );
  }

  /** The least and the greatest value, at least one given. NaN is passed over; all NaN gives Infinity, -Infinity. */
  range<T extends Float64Array | BigInt64Array | Int32Array>(values: T): [least: T[number], most: T[number]] {
    const { arena, exports } = this.#instance;
    const { length } = values;
    const at = address(arena, "values", values, length);
    if (length === 0) throw new AlignError("BUG_KERNEL_ARGUMENT", "no values have no range");
    const mark = arena.mark();
    let out: Float64Array | BigInt64Array | Int32Array;
    if (values instanceof Float64Array) exports.rangeFloat(at, length, (out = arena.f64(2)).byteOffset);
    else if (values instanceof BigInt64Array) exports.range64(at, length, (out = arena.i64(2)).byteOffset);
    else exports.range32(at, length, (out = arena.i32(2)).byteOffset);
    arena.release(mark);
    return [out[0]!, out[1]!];
  }
}

/** Bytes that `packDelta` may write for so many values. */
export function deltaRoom(length: number): number {
  return 9 * length + 512;
}

/** Bytes that `packHybrid` may write for so many codes. */
export function hybridRoom(length: number): number {
  return 2 * length + 64;
}

/** Entries that `rankRuns` may write where at most so many are of use. */
export function runRoom(most: number): number {
  return most + 64;
}
