import { Int64 } from "apache-arrow";
import { AlignError } from "../errors.ts";
import { isRuns, type Line, type Match } from "../kernels/index.ts";
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

/** No two instants are as far apart. */
const LONGEST_NS = 2n ** 64n - 1n;

/** One tag, joined to one block of frames. Everything is a view on the arena. */
export interface JoinedBlock {
  value: BlockColumn;
  /** The samples that age and status go by; absent under `window`. */
  match?: Match | Line;
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
      return joinMatch(plan, indexes.asof(plan.times, join.kind, join.toleranceNs), indexes);
  }
}

/** Frame time minus the matched sample's time, ns; null where nothing matched. */
export function ageColumn(plan: Plan, indexes: BlockIndexes, joined: JoinedBlock): BlockColumn {
  const { kernels, frames } = indexes;
  const length = frames.length;
  const age = kernels.arena.i64(length);
  if (joined.match === undefined) {
    return blockColumn(new Int64(), length, age.fill(0n), kernels.arena.bitmap(length).fill(0), 0);
  }
  kernels.age(frames, plan.times, joined.match, joined.matched, age);
  return blockColumn(new Int64(), length, age, joined.matched, joined.matchedCount);
}

/** The OPC UA StatusCode of each value of the block. */
export function statusColumn(plan: Plan, indexes: BlockIndexes, joined: JoinedBlock): Uint32Array {
  const { kernels, frames } = indexes;
  const { spec, times } = plan;
  const status = kernels.arena.u32(frames.length);
  if (joined.match === undefined) return windowStatus(joined.value, status);
  const { match } = joined;
  const options = { sampleStatus: plan.status, staleAfter: spec.staleAfterNs };
  if (spec.join.kind === "linear") {
    kernels.statusLinear(frames, times, match as Line, { ...options, skipped: plan.skipped }, status);
  } else {
    kernels.statusAsof(frames, times, match as Match, { ...options, badAfter: plan.badAfter }, status);
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

function joinMatch(plan: Plan, match: Match, { kernels }: BlockIndexes): JoinedBlock {
  const value = gatherColumn(kernels, plan.column, match, plan.type);
  if (plan.column.validity === undefined) {
    return { value, match, matched: value.validity, matchedCount: value.valid };
  }
  const matched = kernels.arena.bitmap(match.length);
  return { value, match, matched, matchedCount: kernels.matched(match, matched) };
}

function joinLinear(plan: Plan, join: LinearJoin, indexes: BlockIndexes): JoinedBlock {
  const { kernels, frames } = indexes;
  const { times, column } = plan;
  const { validity } = column;
  const { arena } = kernels;
  const hold = join.extrapolate === "hold" ? (join.toleranceNs ?? LONGEST_NS) : 0n;
  // A bad sample at an end has no value to hold.
  const holdFrom = (k: number) => (isValid(validity, k) ? hold : 0n);
  const match = indexes.line(times, {
    maxGap: join.maxGapNs,
    holdBefore: holdFrom(0),
    holdAfter: holdFrom(times.length - 1),
  });
  const out = { values: arena.f64(frames.length), validity: arena.bitmap(frames.length) };
  const valid = kernels.linear(match, frames, { times, values: numbersOf(column), validity }, out);
  const value = blockColumn(plan.type, frames.length, out.values, out.validity, valid);
  if (validity === undefined) return { value, match, matched: out.validity, matchedCount: valid };
  // A null that a bad sample makes is a match too.
  if (!isRuns(match)) return { value, match, matched: match.matched, matchedCount: match.matchedCount };
  const matched = arena.bitmap(frames.length);
  return { value, match, matched, matchedCount: kernels.matched(match, matched) };
}

function isValid(validity: Uint8Array | undefined, k: number): boolean {
  return validity === undefined || ((validity[k >> 3]! >> (k & 7)) & 1) === 1;
}

function numbersOf(column: SampleColumn): Float64Array {
  if (column.type === "number") return column.data;
  throw new AlignError("BUG_PLAN", `numbers were planned, but the column holds ${column.type} values`);
}

function joinCovering(plan: Plan, join: CoveringJoin, indexes: BlockIndexes): JoinedBlock {
  const { kernels } = indexes;
  if (join.overlap === "latest") return joinMatch(plan, indexes.latest(plan.times, plan.ends!), indexes);
  const lists = indexes.all(plan.times, plan.ends!);
  const index = lastOfLists(kernels.arena.i32(indexes.frames.length), lists);
  const matched = kernels.arena.bitmap(index.length);
  const matchedCount = kernels.matched(index, matched);
  const value = listColumn(kernels, plan.column, plan.type, lists, matched, matchedCount);
  return { value, match: index, matched, matchedCount };
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
