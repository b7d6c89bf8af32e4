import { type Data, makeData, Uint32 } from "apache-arrow";
import { AlignError } from "../errors.ts";
import type { Kernels } from "../kernels/index.ts";
import { ambiguousColumn } from "./ambiguity.ts";
import { errorColumn } from "./deviation.ts";
import { BlockIndexes, CoveringSweeps } from "./indexes.ts";
import { ageColumn, type JoinedBlock, joinTag, statusColumn } from "./join.ts";
import type { Plan } from "./plan.ts";
import type { Provenance } from "./schema.ts";

/** Consecutive frames of a capture. */
export interface FrameBlock {
  /** i64[n] ns, ascending, in the arena. */
  time: BigInt64Array;
  /** Position of the first of them among all frames, for messages. */
  start: number;
  /** Time of the frame before the first of them; absent where there is none. */
  previousNs: bigint | undefined;
  /** i64[n] ns, 1 sigma of each frame's time. */
  uncertainty: BigInt64Array;
}

/**
 * The columns of every tag over a block of frames, in the schema's order.
 *
 * They are views on `kernels.arena` and hold until it is released. They depend on the frames and the plans alone,
 * not on how the frames were cut into blocks.
 *
 * @throws AlignError of family SOURCE where a sum does not fit, naming the tag and the row
 */
export function alignBlock(
  kernels: Kernels,
  plans: readonly Plan[],
  block: FrameBlock,
  provenance: Provenance,
): Data[] {
  const indexes = blockIndexes(kernels, plans, block);
  const length = block.time.length;
  return plans.flatMap((plan) => {
    const joined = joinAt(plan, indexes, block.start);
    if (provenance === "none") return [joined.value.data];
    const age = ageColumn(plan, indexes, joined).data;
    const status = statusColumn(plan, indexes, joined);
    const columns = [
      joined.value.data,
      age,
      makeData({ type: new Uint32(), length, nullCount: 0, data: status }) as Data,
    ];
    if (plan.changes !== undefined) columns.push(ambiguousColumn(indexes, plan.changes, block.uncertainty));
    if (plan.spec.compression !== undefined) columns.push(errorColumn(plan, indexes, joined).data);
    return columns;
  });
}

export function blockIndexes(kernels: Kernels, plans: readonly Plan[], block: FrameBlock): BlockIndexes {
  return new BlockIndexes(kernels, block.time, block.previousNs, new CoveringSweeps(kernels, plans));
}

/** Joins a tag to a block that begins at row `start`; an error names the tag, and the row among all frames. */
export function joinAt(plan: Plan, indexes: BlockIndexes, start: number): JoinedBlock {
  try {
    return joinTag(plan, indexes);
  } catch (error) {
    if (!(error instanceof AlignError) || error.where?.row === undefined) throw error;
    const { source, tag } = plan.spec.metadata;
    throw new AlignError(error.code as "SOURCE_", error.message, {
      where: { source, tag, row: start + error.where.row },
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    });
  }
}
