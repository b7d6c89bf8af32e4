import type { CoveringState, Kernels, Line, LineOptions, Match } from "../kernels/index.ts";
import type { ListPositions } from "./columns.ts";
import type { Plan } from "./plan.ts";
import type { AsofJoin, CoveringJoin } from "./spec.ts";

/** The samples of each frame's window: `lo[i] <= position < hi[i]`. */
export interface WindowBounds {
  lo: Int32Array;
  hi: Int32Array;
}

/**
 * The index columns of one block of frames, each computed once however many tags read it.
 *
 * Tags share a column when they read the same times (the same array in the arena) with the same parameters.
 * Columns live in the arena until it is released to before the block.
 */
export class BlockIndexes {
  readonly kernels: Kernels;
  /** i64[n] ns, ascending, in the arena. */
  readonly frames: BigInt64Array;
  /** Time of the frame before the block; absent for the first block. */
  readonly previousNs: bigint | undefined;
  readonly #sweeps: CoveringSweeps;
  readonly #columns = new Map<string, unknown>();

  constructor(
    kernels: Kernels,
    frames: BigInt64Array,
    previousNs: bigint | undefined,
    sweeps: CoveringSweeps,
  ) {
    this.kernels = kernels;
    this.frames = frames;
    this.previousNs = previousNs;
    this.#sweeps = sweeps;
  }

  asof(times: BigInt64Array, direction: AsofJoin["kind"], toleranceNs?: bigint): Match {
    return this.#once(`${direction} ${identity(times)} ${toleranceNs ?? ""}`, () =>
      this.kernels.match(this.frames, times, { direction, tolerance: toleranceNs }),
    );
  }

  /** Where linear values are drawn between samples at these times; the ends that hold must be good samples. */
  line(times: BigInt64Array, options: LineOptions): Line {
    const { maxGap, holdBefore, holdAfter } = options;
    const key = `line ${identity(times)} ${maxGap ?? ""} ${holdBefore ?? ""} ${holdAfter ?? ""}`;
    return this.#once(key, () =>
      this.kernels.line(this.asof(times, "backward"), this.frames, times, options),
    );
  }

  windows(times: BigInt64Array, span: "frame" | bigint): WindowBounds {
    return this.#once(`window ${identity(times)} ${span}`, () => {
      const lo = this.kernels.arena.i32(this.frames.length);
      const hi = this.kernels.arena.i32(this.frames.length);
      this.kernels.windows(
        this.frames,
        times,
        span === "frame" ? { previous: this.previousNs } : { span },
        lo,
        hi,
      );
      return { lo, hi };
    });
  }

  /** The covering interval with the greatest start. */
  latest(starts: BigInt64Array, ends: BigInt64Array): Int32Array {
    return this.#once(sweepKey(starts, ends, "latest"), () => {
      const index = this.kernels.arena.i32(this.frames.length);
      const state = this.#sweeps.state(starts, ends, "latest");
      this.kernels.coveringLatest(this.frames, starts, ends, state, index);
      return index;
    });
  }

  /** All covering intervals, by start. */
  all(starts: BigInt64Array, ends: BigInt64Array): ListPositions {
    return this.#once(sweepKey(starts, ends, "all"), () => this.#coveringAll(starts, ends));
  }

  #coveringAll(starts: BigInt64Array, ends: BigInt64Array): ListPositions {
    const { arena } = this.kernels;
    const state = this.#sweeps.state(starts, ends, "all");
    const length = this.frames.length;
    const offsets = arena.i32(length + 1);
    const parts: Int32Array[] = [];
    offsets[0] = 0;
    let capacity = 2 * length + 64;
    for (let done = 0; done < length; capacity *= 2) {
      const rest = this.frames.subarray(done);
      const partOffsets = arena.i32(rest.length + 1);
      const positions = arena.i32(capacity);
      const covered = this.kernels.coveringAll(rest, starts, ends, state, partOffsets, positions);
      for (let i = 1; i <= covered; i++) offsets[done + i] = offsets[done]! + partOffsets[i]!;
      parts.push(positions.subarray(0, partOffsets[covered]!));
      done += covered;
    }
    if (parts.length === 1) return { offsets, positions: parts[0]! };
    const positions = arena.i32(offsets[length]!);
    let filled = 0;
    for (const part of parts) {
      positions.set(part, filled);
      filled += part.length;
    }
    return { offsets, positions };
  }

  #once<T>(key: string, compute: () => T): T {
    if (!this.#columns.has(key)) this.#columns.set(key, compute());
    return this.#columns.get(key) as T;
  }
}

/** How far the sweep over each set of intervals has come; it goes on from block to block of ascending frames. */
export class CoveringSweeps {
  readonly #states = new Map<string, CoveringState>();

  /** Takes arena memory that must outlive the blocks. */
  constructor(kernels: Kernels, plans: readonly Plan[]) {
    for (const { times, ends, spec } of plans) {
      if (spec.join.kind !== "covering" || ends === undefined) continue;
      const key = sweepKey(times, ends, spec.join.overlap);
      if (!this.#states.has(key)) this.#states.set(key, kernels.coveringState(times));
    }
  }

  state(starts: BigInt64Array, ends: BigInt64Array, overlap: CoveringJoin["overlap"]): CoveringState {
    return this.#states.get(sweepKey(starts, ends, overlap))!;
  }
}

function sweepKey(starts: BigInt64Array, ends: BigInt64Array, overlap: CoveringJoin["overlap"]): string {
  return `${overlap} ${identity(starts)} ${identity(ends)}`;
}

/** Tells arrays in the arena apart. */
function identity(array: BigInt64Array): string {
  return `${array.byteOffset}:${array.length}`;
}
