import { AlignError } from "../errors.ts";
import type { Arena } from "./arena.ts";
import { address } from "./column.ts";
import type { Instance } from "./load.ts";

/**
 * Where the sweep over a list of intervals stands. It belongs to one list, and frames only go on from where they were.
 * It lives in the arena: a release of an earlier mark ends it.
 */
export interface CoveringState {
  /** Intervals begun, how many of them are listed, the list. */
  readonly words: Int32Array;
}

/** See Kernels.coveringState. */
export function coveringState(arena: Arena, starts: BigInt64Array): CoveringState {
  const words = arena.i32(2 + starts.length);
  words.fill(0, 0, 2);
  return { words };
}

/** See Kernels.coveringLatest. */
export function coveringLatest(
  { exports, arena }: Instance,
  frames: BigInt64Array,
  starts: BigInt64Array,
  ends: BigInt64Array,
  state: CoveringState,
  index: Int32Array,
): number {
  return (
    exports.coveringLatest(
      address(arena, "frames", frames, frames.length),
      frames.length,
      ...intervals(arena, starts, ends, state),
      address(arena, "index", index, frames.length),
    ) >>> 0
  );
}

/** See Kernels.coveringAll. */
export function coveringAll(
  { exports, arena }: Instance,
  frames: BigInt64Array,
  starts: BigInt64Array,
  ends: BigInt64Array,
  state: CoveringState,
  offsets: Int32Array,
  positions: Int32Array,
): number {
  return (
    exports.coveringAll(
      address(arena, "frames", frames, frames.length),
      frames.length,
      ...intervals(arena, starts, ends, state),
      address(arena, "offsets", offsets, frames.length + 1),
      address(arena, "positions", positions, 0),
      positions.length,
    ) >>> 0
  );
}

function intervals(
  arena: Arena,
  starts: BigInt64Array,
  ends: BigInt64Array,
  { words }: CoveringState,
): [starts: number, ends: number, length: number, state: number] {
  const length = starts.length;
  if (words[0]! > length || words[1]! > words[0]!) {
    throw new AlignError("BUG_KERNEL_ARGUMENT", "the covering state belongs to other intervals");
  }
  return [
    address(arena, "starts", starts, length),
    address(arena, "ends", ends, length),
    length,
    address(arena, "state", words, 2 + length),
  ];
}
