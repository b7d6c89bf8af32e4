import { AlignError } from "../errors.ts";

/** The columns that kernels read and write. */
export type Column = BigInt64Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

/** Where a column lies and what it is made of: all that another thread needs to see it. */
export interface Place {
  of: keyof typeof constructors;
  at: number;
  length: number;
}

const constructors = {
  i64: BigInt64Array,
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
} as const;

const MOST_PAGES = 65_536;

/** Columns start at multiples of this many bytes and have as many unused ones behind them. */
const ALIGNMENT = 64;

/** Part of a memory: addresses from `at` on, `bytes` of them. Survives the way to another thread. */
export interface Region {
  at: number;
  bytes: number;
}

/**
 * Hands out columns in one shared WebAssembly memory, or in a region of it, one after the other.
 *
 * The memory is reserved once (4 GiB of address space by default) and never grows, so views on it stay good; the
 * system commits pages as they are first written. A column is never freed: take a `mark()` before a piece of work
 * and `release()` it afterwards.
 */
export class Arena {
  readonly memory: WebAssembly.Memory;
  readonly buffer: SharedArrayBuffer;
  readonly #start: number;
  readonly #end: number;
  #next: number;

  private constructor(memory: WebAssembly.Memory, region?: Region) {
    this.memory = memory;
    this.buffer = memory.buffer as ArrayBufferLike as SharedArrayBuffer;
    // Address 0 is no column, so that kernels can read it as "no bitmap".
    this.#start = region?.at ?? ALIGNMENT;
    this.#end = region === undefined ? this.buffer.byteLength : region.at + region.bytes;
    this.#next = this.#start;
  }

  /**
   * A new memory.
   *
   * @param pages how many pages of 64 KiB to reserve, at most 65,536
   */
  static reserve(pages: number = MOST_PAGES): Arena {
    return new Arena(new WebAssembly.Memory({ initial: pages, maximum: MOST_PAGES, shared: true }));
  }

  /** A region that was taken from another arena over this memory, in this thread or in another. */
  static over(memory: WebAssembly.Memory, region: Region): Arena {
    return new Arena(memory, region);
  }

  /** Bytes that are still free. */
  get free(): number {
    return this.#end - this.#next;
  }

  /** Takes a part of this arena for another one to hand out. */
  region(bytes: number): Region {
    return { at: this.#take(bytes), bytes };
  }

  /** The place up to which the memory is taken; `release` it to give back what is taken after it. */
  mark(): number {
    return this.#next;
  }

  /** Gives back every column that was taken since `mark`; their views must not be used any more. */
  release(mark: number): void {
    if (mark < this.#start || mark > this.#next || mark % ALIGNMENT !== 0) {
      throw new AlignError("BUG_ARENA_MARK", `no such mark in kernel memory: ${mark}`);
    }
    this.#next = mark;
  }

  /** A column of `length` int64, contents not zeroed. */
  i64(length: number): BigInt64Array {
    return new BigInt64Array(this.buffer, this.#take(length * 8), length);
  }

  /** A column of `length` float64, contents not zeroed. */
  f64(length: number): Float64Array {
    return new Float64Array(this.buffer, this.#take(length * 8), length);
  }

  /** A column of `length` int32, contents not zeroed. */
  i32(length: number): Int32Array {
    return new Int32Array(this.buffer, this.#take(length * 4), length);
  }

  /** A column of `length` uint32, contents not zeroed. */
  u32(length: number): Uint32Array {
    return new Uint32Array(this.buffer, this.#take(length * 4), length);
  }

  /** A column of `length` bytes, contents not zeroed. */
  u8(length: number): Uint8Array {
    return new Uint8Array(this.buffer, this.#take(length), length);
  }

  /** An Arrow bitmap of `length` bits, padded to 8 bytes because kernels write whole words; not zeroed. */
  bitmap(length: number): Uint8Array {
    return this.u8(bitmapBytes(length));
  }

  /** A copy of `array` in this memory. */
  copy<T extends Column>(array: T): T {
    const make = array.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => T;
    const view = new make(this.buffer, this.#take(array.byteLength), array.length);
    view.set(array as never);
    return view;
  }

  /**
   * The place of a column of this memory.
   *
   * @throws AlignError BUG_ARENA_PLACE where it lies elsewhere
   */
  placeOf(column: Column): Place {
    const [of] = Object.entries(constructors).find(([, one]) => column instanceof one) ?? [];
    if (column.buffer !== this.buffer || of === undefined) {
      throw new AlignError("BUG_ARENA_PLACE", "the column is not in the kernel memory");
    }
    return { of: of as Place["of"], at: column.byteOffset, length: column.length };
  }

  /** The column at a place of this memory, wherever in the memory that is. */
  view({ of, at, length }: Place): Column {
    const make = constructors[of] as new (buffer: ArrayBufferLike, at: number, length: number) => Column;
    return new make(this.buffer, at, length);
  }

  #take(bytes: number): number {
    const at = this.#next;
    const end = at + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT + ALIGNMENT;
    if (!(end <= this.#end)) {
      throw new AlignError(
        "USAGE_TOO_LARGE",
        `a column of ${bytes} bytes does not fit the kernel memory, which has ${this.free} of ${this.#end - this.#start} bytes left`,
        { hint: "align fewer frames or samples at a time" },
      );
    }
    this.#next = end;
    return at;
  }
}

/** The bytes of an Arrow bitmap of `length` bits, padded to whole 64-bit words. */
export function bitmapBytes(length: number): number {
  return Math.ceil(length / 64) * 8;
}
