import { Int64 } from "apache-arrow";
import { AlignError } from "../errors.ts";
import type { Arena } from "../kernels/index.ts";
import {
  type BlockColumn,
  blockColumn,
  gatherColumn,
  type ListPositions,
  listColumn,
  type SampleColumn,
} from "./columns.ts";
import type { BlockIndexes, WindowBounds } from "./indexes.ts";
import type { Plan } from "./plan.ts";
import type { Aggregate, CoveringJoin, LinearJoin } from "./spec.ts";
import { Status } from "./status.ts";

/** One tag, joined to one block of frames. Everything is a view on the arena. */
export interface JoinedBlock {
  value: BlockColumn;
  /** i32[frames]: the sample that age and status go by; absent under `window`. */
  index?: Int32Array;
  /** Bitmap over the frames: where a sample matched, with or without a value. */
  matched: Uint8Array;
  matchedCount: number;
}

/** Joins a tag to a block of frames. */
export function joinTag(plan: Plan, indexes: BlockIndexes): JoinedBlock {
  const { join } = plan.spec;
  switch (join.kind) {
    case "linear":
      return joinLinear(plan, join, indexes);
    case "covering":
      return joinCovering(plan, join, indexes);
    case "window":
      return joinWindow(plan, join.aggregate, indexes.windows(plan.times, join.span), indexes);
    default:
      return joinIndex(plan, indexes.asof(plan.times, join.kind, join.toleranceNs), indexes);
  }
}

/** Frame time minus the matched sample's time, ns; null where nothing matched. */
export function ageColumn(plan: Plan, indexes: BlockIndexes, joined: JoinedBlock): BlockColumn {
  const { kernels, frames } = indexes;
  const length = frames.length;
  const age = kernels.arena.i64(length);
  if (joined.index === undefined) {
    return blockColumn(new Int64(), length, age.fill(0n), kernels.arena.bitmap(length).fill(0), 0);
  }
  kernels.age(frames, plan.times, joined.index, joined.matched, age);
  return blockColumn(new Int64(), length, age, joined.matched, joined.matchedCount);
}

/** The OPC UA StatusCode of each value of the block. */
export function statusColumn(plan: Plan, indexes: BlockIndexes, joined: JoinedBlock): Uint32Array {
  const { kernels, frames } = indexes;
  const { spec, times } = plan;
  const status = kernels.arena.u32(frames.length);
  if (joined.index === undefined) return windowStatus(joined.value, status);
  const options = { sampleStatus: plan.status, staleAfter: spec.staleAfterNs };
  if (spec.join.kind === "linear") {
    const between = { skipped: plan.skipped, maxGap: spec.join.maxGapNs };
    kernels.statusLinear(
      frames,
      times,
      joined.index,
      joined.value.validity,
      { ...options, ...between },
      status,
    );
  } else {
    kernels.statusAsof(frames, times, joined.index, { ...options, badAfter: plan.badAfter }, status);
  }
  return status;
}

function windowStatus(value: BlockColumn, status: Uint32Array): Uint32Array {
  status.fill(Status.good);
  if (value.valid === status.length) return status;
  for (let i = 0; i < status.length; i++) {
    if (((value.validity[i >> 3]! >> (i & 7)) & 1) === 0) status[i] = Status.noData;
  }
  return status;
}

function joinIndex(plan: Plan, index: Int32Array, { kernels }: BlockIndexes): JoinedBlock {
  const value = gatherColumn(kernels, plan.column, index, plan.type);
  if (plan.column.validity === undefined) {
    return { value, index, matched: value.validity, matchedCount: value.valid };
  }
  const matched = kernels.arena.bitmap(index.length);
  return { value, index, matched, matchedCount: kernels.matched(index, matched) };
}

function joinLinear(plan: Plan, join: LinearJoin, indexes: BlockIndexes): JoinedBlock {
  const { kernels, frames } = indexes;
  const { times, column } = plan;
  const { arena } = kernels;
  const index = indexes.asof(times, "backward");
  const options = {
    maxGap: join.maxGapNs,
    hold: join.extrapolate === "hold",
    holdTolerance: join.toleranceNs,
  };
  const out = () => ({ values: arena.f64(frames.length), validity: arena.bitmap(frames.length) });
  const samples = { times, values: numbersOf(column), validity: column.validity };
  const line = out();
  const valid = kernels.linear(frames, samples, index, options, line);
  const value = blockColumn(plan.type, frames.length, line.values, line.validity, valid);
  if (column.validity === undefined) return { value, index, matched: line.validity, matchedCount: valid };
  // A null that a bad sample makes is a match too, so the line is drawn once more as if no sample were bad.
  const whole = out();
  kernels.linear(frames, { ...samples, validity: undefined }, index, { maxGap: join.maxGapNs }, whole);
  return { value, index, ...union(line.validity, whole.validity, arena) };
}

function numbersOf(column: SampleColumn): Float64Array {
  if (column.type === "number") return column.data;
  throw new AlignError("BUG_PLAN", `numbers were planned, but the column holds ${column.type} values`);
}

function union(a: Uint8Array, b: Uint8Array, arena: Arena): Pick<JoinedBlock, "matched" | "matchedCount"> {
  const matched = arena.u8(a.length);
  let matchedCount = 0;
  for (let i = 0; i < a.length; i++) {
    matched[i] = a[i]! | b[i]!;
    for (let bits = matched[i]!; bits !== 0; bits &= bits - 1) matchedCount++;
  }
  return { matched, matchedCount };
}

function joinCovering(plan: Plan, join: CoveringJoin, indexes: BlockIndexes): JoinedBlock {
  const { kernels } = indexes;
  if (join.overlap === "latest") return joinIndex(plan, indexes.latest(plan.times, plan.ends!), indexes);
  const lists = indexes.all(plan.times, plan.ends!);
  const index = lastOfLists(kernels.arena.i32(indexes.frames.length), lists);
  const matched = kernels.arena.bitmap(index.length);
  const matchedCount = kernels.matched(index, matched);
  const value = listColumn(kernels, plan.column, plan.type, lists, matched, matchedCount);
  return { value, index, matched, matchedCount };
}

function lastOfLists(index: Int32Array, { offsets, positions }: ListPositions): Int32Array {
  for (let i = 0; i < index.length; i++) {
    index[i] = offsets[i] === offsets[i + 1] ? -1 : positions[offsets[i + 1]! - 1]!;
  }
  return index;
}

function joinWindow(
  plan: Plan,
  aggregate: Aggregate,
  bounds: WindowBounds,
  indexes: BlockIndexes,
): JoinedBlock {
  const { kernels } = indexes;
  const { arena } = kernels;
  const { lo, hi } = bounds;
  const length = lo.length;
  const validity = arena.bitmap(length);
  const { column } = plan;
  switch (aggregate) {
    case "count": {
      const values = arena.i64(length);
      kernels.windowCount(lo, hi, values);
      const last = arena.i32(length);
      kernels.windowEdge("last", lo, hi, last);
      const matchedCount = kernels.matched(last, validity);
      const value = blockColumn(plan.type, length, values, validity, length);
      return { value, matched: validity, matchedCount };
    }
    case "first":
    case "last": {
      const edge = arena.i32(length);
      kernels.windowEdge(aggregate, lo, hi, edge);
      const value = gatherColumn(kernels, column, edge, plan.type);
      return { value, matched: value.validity, matchedCount: value.valid };
    }
    default: {
      const value =
        column.type === "integer" && aggregate !== "mean"
          ? integerAggregate(plan, aggregate, column.data, bounds, indexes, validity)
          : floatAggregate(plan, aggregate, numbersOf(column), bounds, indexes, validity);
      return { value, matched: value.validity, matchedCount: value.valid };
    }
  }
}

function integerAggregate(
  plan: Plan,
  aggregate: "sum" | "min" | "max",
  data: BigInt64Array,
  { lo, hi }: WindowBounds,
  { kernels }: BlockIndexes,
  validity: Uint8Array,
): BlockColumn {
  const values = kernels.arena.i64(lo.length);
  const valid = kernels.windowInteger(aggregate, data, lo, hi, { values, validity });
  return blockColumn(plan.type, lo.length, values, validity, valid);
}

function floatAggregate(
  plan: Plan,
  aggregate: "sum" | "mean" | "min" | "max",
  data: Float64Array,
  { lo, hi }: WindowBounds,
  { kernels }: BlockIndexes,
  validity: Uint8Array,
): BlockColumn {
  const values = kernels.arena.f64(lo.length);
  const valid = kernels.windowFloat(aggregate, data, lo, hi, { values, validity });
  return blockColumn(plan.type, lo.length, values, validity, valid);
}
