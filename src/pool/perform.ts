import { type Data, type Field, Int64, makeData } from "apache-arrow";
import {
  alignBlock,
  alignedSchema,
  frameColumns,
  placesOfData,
  planAt,
  tagStatistics,
  tallied,
} from "../align/index.ts";
import type { Kernels } from "../kernels/index.ts";
import { chunkColumn, encodeChunk } from "../parquet/index.ts";
import type { AlignedGroup, AlignTask, Result, ResultOf, StatisticsTask, Task, TaskFrames } from "./task.ts";

/** Does a task in this thread; scratch and results are taken from the task's region. */
export function perform<T extends Task>(kernels: Kernels, task: T): Result<T> {
  const own = kernels.within(task.region);
  const result = task.kind === "align" ? align(own, task) : statistics(own, task);
  return result as Result<T>;
}

function align(kernels: Kernels, task: AlignTask): AlignedGroup[] {
  const { frames, groupRows, provenance, forms } = task;
  const { arena } = kernels;
  const plans = task.plans.map((one) => planAt(arena, one));
  const fields = forms.chunks ? alignedSchema(plans, provenance, new Map()).fields : [];
  const [ownFields, tagFields] = [fields.slice(0, frameColumns.length), fields.slice(frameColumns.length)];
  const groups: AlignedGroup[] = [];
  for (let start = frames.start; start < frames.end; start += groupRows) {
    const end = Math.min(start + groupRows, frames.end);
    const data = alignBlock(kernels, plans, blockOf(kernels, { ...frames, start, end }), provenance);
    const own = (task.own ?? []).map((place) => (arena.view(place) as BigInt64Array).subarray(start, end));
    groups.push({
      start,
      end,
      columns: forms.columns ? data.map((one) => placesOfData(arena, one)) : [],
      chunks: forms.chunks
        ? [
            ...own.map((values, at) => chunk(kernels, ownFields[at]!, int64Data(values))),
            ...data.map((one, at) => chunk(kernels, tagFields[at]!, one)),
          ]
        : [],
    });
  }
  return groups;
}

function chunk(kernels: Kernels, field: Field, data: Data) {
  const { parts, meta } = encodeChunk(kernels, chunkColumn(field, data));
  return { parts: parts.map((part) => kernels.arena.placeOf(part)), meta };
}

function int64Data(values: BigInt64Array): Data {
  return makeData({ type: new Int64(), length: values.length, nullCount: 0, data: values });
}

function statistics(kernels: Kernels, task: StatisticsTask): ResultOf["statistics"] {
  const { arena } = kernels;
  const block = blockOf(kernels, task.frames);
  const ages = task.ages.map((place) => arena.view(place) as BigInt64Array);
  const tallies = task.plans.map((places, at) =>
    tallied(kernels, planAt(arena, places), block, task.tallies[at]!, ages[at]!),
  );
  if (task.samples === undefined) return { tallies };
  const statistics = tallies.map((tally, at) => tagStatistics(kernels, task.samples![at]!, tally, ages[at]!));
  return { tallies, statistics };
}

function blockOf({ arena }: Kernels, { start, end, previousNs, ...places }: TaskFrames) {
  const time = arena.view(places.time) as BigInt64Array;
  const uncertainty = arena.view(places.uncertainty) as BigInt64Array;
  return {
    time: time.subarray(start, end),
    start,
    previousNs: start === 0 ? previousNs : time[start - 1],
    uncertainty: uncertainty.subarray(start, end),
  };
}
