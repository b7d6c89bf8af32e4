import type { Arena, Region } from "../kernels/index.ts";

/** Regions of the kernels' memory that tasks take and give back: what is warm is used again. */
export class Slots {
  readonly #arena: Arena;
  readonly #bytes: number;
  #free: Region[] = [];
  #left: number;

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

  /** A region of so many times the usual size, for the rare task that does not fit. */
  takeLarge(times: number): Region {
    return this.#taken(this.#bytes * times);
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
