import type { Kernels } from "../kernels/index.ts";
import { OPEN_END } from "../samples.ts";
import type { SampleColumn } from "./columns.ts";
import type { Plan } from "./plan.ts";
import type { Certainty } from "./spec.ts";

/**
 * The instants at which a join's value becomes another one, and how well they are known; in the arena.
 *
 * times      i64[n] ns, ascending
 * variances  f64[n] ns^2
 * reachNs    no change matters to a frame that is farther away
 */
export interface Changes {
  times: BigInt64Array;
  variances: Float64Array;
  reachNs: bigint;
}

/**
 * Finds the changes of a planned tag: `backward` has one at a sample that differs from the one before, `forward` one
 * right after a sample that differs from the next, `nearest` one half-way between two that differ, `covering` one where
 * the latest interval's value becomes another, and with `overlap: all` one at every start and end. No value before the
 * first and after the last is a value that differs, and so is the null of a bad sample.
 *
 * @param isCut samples before the first planned one were left out, so it is no start
 */
export function changesOf(kernels: Kernels, plan: Plan, certainty: Certainty, isCut: boolean): Changes {
  const { arena } = kernels;
  const mark = arena.mark();
  const found = BigInt64Array.from(timesOfChanges(kernels, plan, isCut));
  arena.release(mark);
  const times = arena.copy(found);
  const variances = arena.f64(times.length);
  variances.set(certainty.sigmaNs(found).map((sigma) => sigma * sigma));
  return { times, variances, reachNs: certainty.reachNs };
}

function timesOfChanges(kernels: Kernels, plan: Plan, isCut: boolean): bigint[] {
  const { join } = plan.spec;
  switch (join.kind) {
    case "backward":
      return backwardChanges(plan, isCut);
    case "forward":
      return forwardChanges(plan);
    case "nearest":
      return nearestChanges(plan);
    case "covering":
      return join.overlap === "all" ? bounds(plan) : latestChanges(kernels, plan);
    default:
      return [];
  }
}

/** Of equal times the last is the sample. */
function backwardChanges({ times, column }: Plan, isCut: boolean): bigint[] {
  const changes: bigint[] = [];
  if (times.length === 0) return changes;
  if (!isCut && !isNull(column, lastOfGroup(times, 0))) changes.push(times[0]!);
  for (let i = 1; i < times.length; i++) {
    if (isSame(column, i - 1, i)) continue;
    const [first, last] = [firstOfGroup(times, i), lastOfGroup(times, i)];
    if (first > 0 && !isSame(column, first - 1, last)) changes.push(times[i]!);
    i = last;
  }
  return changes;
}

/** Of equal times the first is the sample. */
function forwardChanges({ times, column }: Plan): bigint[] {
  const changes: bigint[] = [];
  const { length } = times;
  for (let i = 1; i < length; i++) {
    if (isSame(column, i - 1, i)) continue;
    const [first, last] = [firstOfGroup(times, i - 1), lastOfGroup(times, i - 1)];
    if (last + 1 < length && !isSame(column, first, last + 1)) changes.push(times[first]!);
    i = Math.max(i, last);
  }
  if (length > 0 && !isNull(column, firstOfGroup(times, length - 1))) {
    const end = times[length - 1]!;
    if (changes.at(-1) !== end) changes.push(end);
  }
  return changes;
}

/** Of equal times the last counts up to the middle, the first from the middle before it on. */
function nearestChanges({ times, column }: Plan): bigint[] {
  const changes: bigint[] = [];
  for (let i = 1; i < times.length; i++) {
    if (isSame(column, i - 1, i)) continue;
    const [before, now] = [times[i - 1]!, times[i]!];
    if (before < now) changes.push(before + (now - before) / 2n);
    else if (!isSame(column, firstOfGroup(times, i), lastOfGroup(times, i)) && changes.at(-1) !== now) {
      changes.push(now);
    }
  }
  return changes;
}

function firstOfGroup(times: BigInt64Array, i: number): number {
  let first = i;
  while (first > 0 && times[first - 1] === times[i]) first--;
  return first;
}

function lastOfGroup(times: BigInt64Array, i: number): number {
  let last = i;
  while (last + 1 < times.length && times[last + 1] === times[i]) last++;
  return last;
}

function latestChanges(kernels: Kernels, plan: Plan): bigint[] {
  const { arena } = kernels;
  const { times, column } = plan;
  const ends = plan.ends!;
  const places = bounds(plan);
  const frames = arena.copy(BigInt64Array.from(places));
  const index = arena.i32(places.length);
  kernels.coveringLatest(frames, times, ends, kernels.coveringState(times), index);
  const hasValue = (k: number) => k >= 0 && !isNull(column, k);
  return places.filter((_, i) => {
    const [before, now] = [i === 0 ? -1 : index[i - 1]!, index[i]!];
    if (!hasValue(before) || !hasValue(now)) return hasValue(before) !== hasValue(now);
    return !isSame(column, before, now);
  });
}

/** Every start and end of an interval that covers something, each once, in order. */
function bounds({ times, ends }: Plan): bigint[] {
  const places: bigint[] = [];
  for (let i = 0; i < times.length; i++) {
    const [start, end] = [times[i]!, ends![i]!];
    if (start >= end && end !== OPEN_END) continue;
    places.push(start);
    if (end !== OPEN_END) places.push(end);
  }
  const sorted = BigInt64Array.from(places).sort();
  return [...sorted.filter((place, i) => i === 0 || place !== sorted[i - 1])];
}

function isNull({ validity }: SampleColumn, i: number): boolean {
  return validity !== undefined && ((validity[i >> 3]! >> (i & 7)) & 1) === 0;
}

function isSame(column: SampleColumn, a: number, b: number): boolean {
  if (column.validity !== undefined) {
    const [noneA, noneB] = [isNull(column, a), isNull(column, b)];
    if (noneA || noneB) return noneA && noneB;
  }
  if (column.type !== "list") return column.data[a] === column.data[b] || isNaNs(column, a, b);
  const [from, other] = [column.starts[a]!, column.starts[b]!];
  const length = column.ends[a]! - from;
  if (column.ends[b]! - other !== length) return false;
  for (let k = 0; k < length; k++) if (!isSame(column.items, from + k, other + k)) return false;
  return true;
}

/** An element that is missing in a list of numbers is NaN. */
function isNaNs(column: SampleColumn & { type: string }, a: number, b: number): boolean {
  return column.type === "number" && Number.isNaN(column.data[a]) && Number.isNaN(column.data[b]);
}
