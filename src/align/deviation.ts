import { Float64 } from "apache-arrow";
import type { Match } from "../kernels/index.ts";
import { type BlockColumn, blockColumn } from "./columns.ts";
import type { BlockIndexes } from "./indexes.ts";
import type { JoinedBlock } from "./join.ts";
import type { Plan } from "./plan.ts";
import type { Compression } from "./spec.ts";

/** Where samples were skipped, so that the archive does not tell what was between two that are there. */
export interface Lapses {
  /** u8[n]: 1 where one was skipped after this sample and before the next, if there is one. */
  flags: Uint8Array;
  /** i64[n] ns: the first such one. */
  from: BigInt64Array;
}

/**
 * How far the truth may be from what an archive that left samples out gives: from the value held since the last sample
 * of a step tag, from the straight line between the samples of any other.
 *
 * An exception test passes a value on once it is more than the deviation from the last one passed on, and then the
 * value before it too; compression then leaves out what is within its own deviation. A step tag's truth is therefore
 * within compression + exception of the last sample. Of a sloped tag the values passed on are within the compression
 * deviation of the line. What lies between two of them is within the exception deviation of the first, and so is the
 * second where it is that value before: the line between the two leaves the first by that much again.
 */
function halfWidth({ step, compression, exception }: Compression): number {
  return step ? compression + exception : compression + 2 * exception;
}

/**
 * The half-width around each value that contains the truth: that of the archive, and how far the joined value is from
 * the held one or from the line. Null where the value is null and where no samples bound the truth: before the first
 * one, after the last one of a sloped tag, and where one that was skipped or is bad lies between.
 */
export function errorColumn(plan: Plan, indexes: BlockIndexes, joined: JoinedBlock): BlockColumn {
  const { kernels, frames } = indexes;
  const { arena } = kernels;
  const compression = plan.spec.compression!;
  const { length } = frames;
  const truth = compression.step ? heldValues(plan, indexes) : lineValues(plan, indexes);
  if (plan.lapses !== undefined) dropLapses(plan, plan.lapses, indexes, truth.validity);
  const value = joinedNumbers(plan, indexes, joined);
  const half = halfWidth(compression);
  const errors = arena.f64(length);
  const validity = arena.bitmap(length).fill(0);
  let valid = 0;
  for (let i = 0; i < length; i++) {
    const bit = 1 << (i & 7);
    const isKnown = (truth.validity[i >> 3]! & value.validity[i >> 3]! & bit) !== 0;
    errors[i] = isKnown ? half + Math.abs(value.values[i]! - truth.values[i]!) : 0;
    if (!isKnown) continue;
    validity[i >> 3]! |= bit;
    valid += 1;
  }
  return blockColumn(new Float64(), length, errors, validity, valid);
}

interface Numbers {
  values: Float64Array;
  validity: Uint8Array;
}

function heldValues(plan: Plan, indexes: BlockIndexes): Numbers {
  return gathered(plan, indexes, indexes.asof(plan.times, "backward"));
}

function lineValues(plan: Plan, indexes: BlockIndexes): Numbers {
  const { kernels, frames } = indexes;
  const { times, column } = plan;
  const out = { values: kernels.arena.f64(frames.length), validity: kernels.arena.bitmap(frames.length) };
  const line = indexes.line(times, { maxGap: undefined, holdBefore: 0n, holdAfter: 0n });
  kernels.linear(line, frames, { times, values: plan.numbers!, validity: column.validity }, out);
  return out;
}

function joinedNumbers(plan: Plan, indexes: BlockIndexes, { value, match }: JoinedBlock): Numbers {
  if (plan.spec.join.kind === "linear") {
    return { values: value.data.values as Float64Array, validity: value.validity };
  }
  return gathered(plan, indexes, match as Match);
}

function gathered({ numbers, column }: Plan, { kernels, frames }: BlockIndexes, match: Match): Numbers {
  const out = { values: kernels.arena.f64(frames.length), validity: kernels.arena.bitmap(frames.length) };
  kernels.gather(numbers!, column.validity, match, out);
  return out;
}

/** A frame on a sample, or before the first skipped one of a step tag, is still bounded. */
function dropLapses(plan: Plan, { flags, from }: Lapses, indexes: BlockIndexes, validity: Uint8Array): void {
  const { kernels, frames } = indexes;
  const before = kernels.index(indexes.asof(plan.times, "backward"));
  const isStep = plan.spec.compression!.step;
  for (let i = 0; i < before.length; i++) {
    const k = before[i]!;
    if (k < 0 || flags[k] === 0) continue;
    const isBounded = isStep ? frames[i]! < from[k]! : frames[i] === plan.times[k];
    if (!isBounded) validity[i >> 3]! &= ~(1 << (i & 7));
  }
}
