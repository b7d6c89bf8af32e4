import type { Data, RecordBatch, Vector } from "apache-arrow";
import {
  type AlignedTagInput,
  createAligner,
  type FrameColumns,
  type Provenance,
} from "../../src/align/index.ts";
import { Kernels } from "../../src/kernels/index.ts";
import type { Cell } from "./oracle.ts";

/** 64 MiB, so that a test that leaks arena memory fails. */
export const kernels = Kernels.load({ pages: 1024 });

export function frameColumns(time: readonly bigint[], firstIndex = 0): FrameColumns {
  return {
    index: BigInt64Array.from(time, (_, i) => BigInt(firstIndex + i)),
    time: BigInt64Array.from(time),
    pts: BigInt64Array.from(time, (t) => BigInt.asIntN(64, t - time[0]!)),
    uncertainty: BigInt64Array.from(time, () => 7n),
  };
}

export interface AlignCase {
  frames: readonly bigint[];
  tags: readonly AlignedTagInput[];
  previousFrameNs?: bigint | undefined;
  provenance?: Provenance;
  rowsPerBlock?: number;
}

/** Aligns in blocks and reads every block before the next one overwrites it. */
export function alignCells(input: AlignCase): Map<string, Cell[]> {
  const {
    frames,
    tags,
    previousFrameNs,
    provenance = "full",
    rowsPerBlock = Math.max(1, frames.length),
  } = input;
  const mark = kernels.arena.mark();
  try {
    const aligner = createAligner(kernels, frameColumns(frames), tags, {
      provenance,
      ...(previousFrameNs !== undefined && { previousFrameNs }),
    });
    const cells = new Map<string, Cell[]>(tags.map(({ name }) => [name, []]));
    for (const batch of aligner.blocks(rowsPerBlock)) {
      for (const { name } of tags) cells.get(name)!.push(...cellsOf(batch, name));
    }
    return cells;
  } finally {
    kernels.arena.release(mark);
  }
}

/** Values, ages and statuses of one tag; ages and statuses are null and -1 where the batch has no such columns. */
export function cellsOf(batch: RecordBatch, name: string): Cell[] {
  const value = batch.getChild(name)!;
  const age = batch.getChild(`${name}.age`)?.data[0];
  const status = batch.getChild(`${name}.status`)?.data[0];
  return Array.from({ length: batch.numRows }, (_, i) => ({
    value: plain(value, i),
    age: age === undefined || !age.getValid(i) ? null : (age.values as BigInt64Array)[i]!,
    status: status === undefined ? -1 : (status.values as Uint32Array)[i]!,
  }));
}

export function plain(vector: Vector, row: number): unknown {
  const value = vector.get(row);
  return value !== null && typeof value === "object" && Symbol.iterator in value ? [...value] : value;
}

/** Bits that are set in a column's null slots, where the table promises zeros. */
export function dirtyNulls(data: Data): number[] {
  const rows = Array.from({ length: data.length }, (_, i) => i).filter((i) => !data.getValid(i));
  return rows.filter((i) => {
    if (data.valueOffsets !== undefined) return data.valueOffsets[i] !== data.valueOffsets[i + 1];
    if (data.type.typeId === 6) return ((data.values[i >> 3] >> (i & 7)) & 1) !== 0;
    return Number(data.values[i]) !== 0 || Object.is(data.values[i], -0);
  });
}
