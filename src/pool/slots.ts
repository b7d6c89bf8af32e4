import type { Arena, Region } from "../kernels/index.ts";

const largeBytes = 2 ** 30;

/** Regions of the kernels' memory that tasks take and give back: what is warm is used again. */
export class Slots {
  readonly #arena: Arena;
  readonly #bytes: number;
  #free: Region[] = [];
  #left: number;
  #largeBytes: number | undefined;

  /** At most `count` regions of `bytes` are out at a time; larger ones come on top. */
  constructor(arena: Arena, count: number, bytes: number) {
    this.#arena = arena;
    this.#bytes = bytes;
    this.#left = count;
  }

  /** A region, or undefined while all are taken. */
  take(): Region | undefined {
    if (this.#left === 0) return undefined;
    this.#left -= 1;
    return this.#taken(this.#bytes);
  }

  /** A region for the rare task that does not fit: lists may be long, and samples dense. */
  takeLarge(): Region {
    this.#largeBytes ??= Math.floor(Math.min(largeBytes, this.#arena.free / 2) / 64) * 64;
    return this.#taken(this.#largeBytes);
  }

  give(region: Region): void {
    if (region.bytes === this.#bytes) this.#left += 1;
    this.#free.push(region);
  }

  #taken(bytes: number): Region {
    const at = this.#free.findLastIndex((one) => one.bytes === bytes);
    return at < 0 ? this.#arena.region(bytes) : (this.#free.splice(at, 1)[0] as Region);
  }
}
