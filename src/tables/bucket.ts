import type { Samples, ValueType } from "../samples.ts";
import type { SourceCounts } from "./counts.ts";
import { lastOfEach, sortedPositions, takeStatus, takeTimes, takeValues } from "./order.ts";
import { StatusStore, type ValueStore, valueStore } from "./store.ts";
import type { ValuePlan } from "./values.ts";

/** One tag of a long table as one type, while it is read. */
export interface Bucket {
  readonly type: ValueType;
  readonly times: BigInt64Array;
  readonly timeWords: Uint32Array;
  readonly values: ValueStore;
  readonly status: StatusStore;
  /** Position of its value in the query's columns. */
  readonly column: number;
  /** A tag that is read as two types counts its duplicates once. */
  readonly first: boolean;
  length: number;
}

/** Room for `capacity` samples of a tag, whose values are the query's column at position `column`. */
export function newBucket(plan: ValuePlan, capacity: number, column: number, first: boolean): Bucket {
  const times = new BigInt64Array(capacity);
  return {
    type: plan.type,
    times,
    timeWords: new Uint32Array(times.buffer),
    values: valueStore(plan.type, capacity, plan.itemType),
    status: new StatusStore(capacity),
    column,
    first,
    length: 0,
  };
}

/** Puts a tag in time order and keeps the last of the rows at one instant. */
export function finishBucket(bucket: Bucket, counts: SourceCounts): Samples {
  let times = bucket.times.subarray(0, bucket.length);
  let values = bucket.values.finish(bucket.length);
  let status = bucket.status.finish(bucket.length);
  const take = (positions: Int32Array | undefined) => {
    if (positions === undefined) return 0;
    const dropped = times.length - positions.length;
    times = takeTimes(times, positions);
    values = takeValues(values, positions);
    if (status !== undefined) status = takeStatus(status, positions);
    return dropped;
  };
  take(sortedPositions(times));
  const superseded = take(lastOfEach(times));
  if (bucket.first) counts.duplicates += superseded;
  if (times.length > 0) {
    const [first, last] = [times[0] ?? 0n, times[times.length - 1] ?? 0n];
    if (counts.first === undefined || first < counts.first) counts.first = first;
    if (counts.last === undefined || last > counts.last) counts.last = last;
  }
  return status === undefined ? { times, values } : { times, values, status };
}
