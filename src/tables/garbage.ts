import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes of chunks that may lie about before they are collected. */
const mostBytes = 16 * 2 ** 20;

let collect: ((options: { type: "minor" }) => void) | undefined;

/**
 * Has chunks and results collected that nobody holds any more. They lie outside the heap, where V8 does not see how
 * large they are: left to itself it lets hundreds of megabytes of them pile up before it looks.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as NonNullable<typeof collect>;
  }
  collect({ type: "minor" });
}

/** Has chunks collected each time that many were fetched. */
export class ChunkGarbage {
  #bytes = 0;

  /** Counts a chunk that was fetched; those before it are done with. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < mostBytes) return;
    this.#bytes = 0;
    collectGarbage();
  }
}
