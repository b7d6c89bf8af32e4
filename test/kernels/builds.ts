import { type Arena, bitmapBytes, type Column, Kernels } from "../../src/kernels/index.ts";

/** Both builds of the kernels go through one suite. */
export const builds = ["kernels.wasm", "kernels.debug.wasm"] as const;

export function loadBuild(build: (typeof builds)[number]): Kernels {
  return Kernels.load({ wasm: new URL(`../../build/${build}`, import.meta.url), pages: 4096 });
}

const GUARD = 64;
const FILL = 0xa5;

/** Outputs with a zone before and behind that nothing may write to. */
export class Outputs {
  readonly #arena: Arena;
  readonly #zones: { name: string; zone: Uint8Array; dataBytes: number }[] = [];

  constructor(kernels: Kernels) {
    this.#arena = kernels.arena;
  }

  i64(length: number): BigInt64Array {
    return new BigInt64Array(this.#arena.buffer, this.#guard("i64", length * 8), length);
  }

  f64(length: number): Float64Array {
    return new Float64Array(this.#arena.buffer, this.#guard("f64", length * 8), length);
  }

  i32(length: number): Int32Array {
    return new Int32Array(this.#arena.buffer, this.#guard("i32", length * 4), length);
  }

  u32(length: number): Uint32Array {
    return new Uint32Array(this.#arena.buffer, this.#guard("u32", length * 4), length);
  }

  u8(length: number): Uint8Array {
    return new Uint8Array(this.#arena.buffer, this.#guard("u8", length), length);
  }

  bitmap(length: number): Uint8Array {
    return this.u8(bitmapBytes(length));
  }

  like<T extends Column>(column: T, length: number): T {
    const make = column.constructor as new (buffer: ArrayBufferLike, at: number, length: number) => T;
    return new make(this.#arena.buffer, this.#guard("column", length * column.BYTES_PER_ELEMENT), length);
  }

  /** The bytes outside the outputs that were written to. */
  breaches(): string[] {
    return this.#zones.flatMap(({ name, zone, dataBytes }) =>
      [...zone.keys()]
        .filter((at) => (at < GUARD || at >= GUARD + dataBytes) && zone[at] !== FILL)
        .map((at) => `${name}[${at - GUARD}]`),
    );
  }

  #guard(name: string, dataBytes: number): number {
    const zone = this.#arena.u8(dataBytes + 2 * GUARD).fill(FILL);
    this.#zones.push({ name, zone, dataBytes });
    return zone.byteOffset + GUARD;
  }
}

/** Runs `work` and gives back the arena memory it took. */
export function scoped<T>(kernels: Kernels, work: (outputs: Outputs) => T): T {
  const mark = kernels.arena.mark();
  try {
    return work(new Outputs(kernels));
  } finally {
    kernels.arena.release(mark);
  }
}

/** The bits of an Arrow bitmap. */
export function bitsOf(bitmap: Uint8Array, length: number): boolean[] {
  return Array.from({ length }, (_, i) => ((bitmap[i >> 3]! >> (i & 7)) & 1) === 1);
}
