import { alignBlock, placesOfData, planAt, tagStatistics, tallied } from "../align/index.ts";
import type { Kernels } from "../kernels/index.ts";
import type { AlignedGroup, AlignTask, Result, ResultOf, StatisticsTask, Task, TaskFrames } from "./task.ts";

/** Does a task in this thread; scratch and results are taken from the task's region. */
export function perform<T extends Task>(kernels: Kernels, task: T): Result<T> {
  const own = kernels.within(task.region);
  const result = task.kind === "align" ? align(own, task) : statistics(own, task);
  return result as Result<T>;
}

function align(
  kernels: Kernels,
  { frames, groupRows, plans: places, provenance }: AlignTask,
): AlignedGroup[] {
  const { arena } = kernels;
  const plans = places.map((one) => planAt(arena, one));
  const groups: AlignedGroup[] = [];
  for (let start = frames.start; start < frames.end; start += groupRows) {
    const end = Math.min(start + groupRows, frames.end);
    const data = alignBlock(kernels, plans, blockOf(kernels, { ...frames, start, end }), provenance);
    groups.push({ start, end, columns: data.map((one) => placesOfData(arena, one)) });
  }
  return groups;
}

function statistics(kernels: Kernels, task: StatisticsTask): ResultOf["statistics"] {
  const { arena } = kernels;
  const block = blockOf(kernels, task.frames);
  const frames = task.frames.time.length;
  const ages = task.plans.map((_, at) => {
    const known = task.ages?.[at];
    return known === undefined ? arena.i64(frames) : (arena.view(known) as BigInt64Array);
  });
  const tallies = task.plans.map((places, at) =>
    tallied(kernels, planAt(arena, places), block, task.tallies[at]!, ages[at]!),
  );
  const rest = { tallies, ages: ages.map((column) => arena.placeOf(column)) };
  if (task.samples === undefined) return rest;
  return {
    ...rest,
    statistics: tallies.map((tally, at) => tagStatistics(kernels, task.samples![at]!, tally, ages[at]!)),
  };
}

function blockOf({ arena }: Kernels, { time: place, start, end, previousNs }: TaskFrames) {
  const time = arena.view(place) as BigInt64Array;
  return { time: time.subarray(start, end), start, previousNs: start === 0 ? previousNs : time[start - 1] };
}
