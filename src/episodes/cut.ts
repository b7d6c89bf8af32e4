import { AlignError } from "../errors.ts";
import type { AlignedCapture } from "./capture.ts";
import { integerAt, textAt } from "./cells.ts";

/** Rows of a table from `start` to before `end`. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** What the frames of a capture are cut by. */
export interface CutRequest {
  readonly timeNs: BigInt64Array;
  /** Rows in a row with one key belong together; -1 is outside of every episode. */
  readonly keys: Int32Array;
  readonly fps: number;
  readonly minNs?: bigint | undefined;
  readonly maxNs?: bigint | undefined;
  readonly splitAtGapsNs?: bigint | undefined;
}

export interface Cut {
  /** In order; none overlaps another. */
  readonly episodes: readonly RowRange[];
  /** Frames with key -1. */
  readonly outside: number;
  /** Frames of pieces that are shorter than `minNs`. */
  readonly tooShort: number;
}

/**
 * Rows of each episode: a new one begins where the key changes, after a gap, where time goes back, and where the
 * last one has lasted `maxNs`. A frame lasts 1 / fps, and lengths are compared to the nearest frame, so that jitter
 * never adds one or takes one away.
 */
export function cutRows({ timeNs, keys, fps, minNs, maxNs, splitAtGapsNs }: CutRequest): Cut {
  const rate = BigInt(fps);
  const second = 1_000_000_000n;
  /** In units of 1 / (2 fps) ns, so that half a frame is whole. */
  const isFull = (spanNs: bigint) => maxNs !== undefined && 2n * rate * (spanNs - maxNs) + second >= 0n;
  const isTooShort = (spanNs: bigint) =>
    minNs !== undefined && 2n * rate * (spanNs - minNs) + 3n * second < 0n;
  const episodes: RowRange[] = [];
  let [outside, tooShort, start] = [0, 0, -1];
  const close = (end: number) => {
    if (start < 0) return;
    if (isTooShort(timeNs[end - 1]! - timeNs[start]!)) tooShort += end - start;
    else episodes.push({ start, end });
    start = -1;
  };
  for (let row = 0; row < timeNs.length; row += 1) {
    if (start >= 0) {
      const step = timeNs[row]! - timeNs[row - 1]!;
      const isApart = step < 0n || (splitAtGapsNs !== undefined && step > splitAtGapsNs);
      if (keys[row] !== keys[row - 1] || isApart || isFull(timeNs[row]! - timeNs[start]!)) close(row);
    }
    if (keys[row] === -1) outside += 1;
    else if (start < 0) start = row;
  }
  close(timeNs.length);
  return { episodes, outside, tooShort };
}

/** The instants of all frames, and the keys that they are cut by. */
export async function readKeys({
  table,
  spec: { by },
}: AlignedCapture): Promise<{ timeNs: BigInt64Array; keys: Int32Array }> {
  const ageName = `${by?.tag}.age`;
  const names = ["frame_time", ...(by === undefined ? [] : [by.tag])];
  if (by?.kind === "interval") {
    if (!table.columns.has(ageName)) {
      throw new AlignError("SOURCE_EPISODES", `the table has no column "${ageName}"`, {
        where: { tag: by.tag },
        hint: "align with provenance: full, which tells when intervals begin",
      });
    }
    names.push(ageName);
  }
  const columns = await table.read(names, 0, table.rows);
  const times = columns.get("frame_time")!;
  const timeNs = times.type === "int64" ? times.values : new BigInt64Array();
  const keys = new Int32Array(table.rows);
  if (by === undefined) return { timeNs, keys };
  const values = columns.get(by.tag)!;
  const ages = columns.get(ageName);
  let key = -1;
  let before: string | null = null;
  for (let row = 0; row < table.rows; row += 1) {
    let now = textAt(values, row);
    if (ages !== undefined) {
      const age = integerAt(ages, row, -1n);
      now = age < 0n ? null : `${timeNs[row]! - age} ${now ?? ""}`;
    }
    if (now !== null && now !== before) key += 1;
    keys[row] = now === null ? -1 : key;
    before = now;
  }
  return { timeNs, keys };
}
