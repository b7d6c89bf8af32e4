import { LOWEST, type Profile, profileOf } from "./floor.ts";

/** The lowest rows of each window: where they lie in time, s, and what they say of the floor. */
export interface Windows {
  readonly times: readonly number[];
  readonly profiles: readonly Profile[];
}

const LEAST_ROWS = 4;

/** The share of a window's rows that is taken for its lowest. */
const SHARE = 0.25;

const lowest = new Float64Array(LOWEST);
const instants = new Float64Array(LOWEST);

/** Profiles of windows of some length (s), longer where rows are few; none across a pause of that length. */
export function profileWindows(times: Float64Array, rests: Float64Array, length: number): Windows {
  const windows = { times: [] as number[], profiles: [] as Profile[] };
  const n = times.length;
  for (let start = 0, end = 1; start < n; start = end++) {
    while (end < n && times[end]! - times[end - 1]! <= length) {
      if (times[end]! - times[start]! >= length && end - start >= LEAST_ROWS && n - end >= LEAST_ROWS) break;
      end++;
    }
    if (end - start < LEAST_ROWS) continue;
    const count = Math.min(LOWEST, Math.max(LEAST_ROWS, Math.ceil(SHARE * (end - start))));
    collect(times, rests, start, end, count);
    if (!(lowest[count - 1]! > lowest[0]!)) lowest[count - 1] = lowest[0]! + FINEST;
    let sum = 0;
    for (let j = 0; j < count; j++) sum += instants[j]! - times[start]!;
    windows.times.push(times[start]! + sum / count);
    windows.profiles.push(profileOf(lowest, count));
  }
  return windows;
}

/** Stamps are integers of ns. */
const FINEST = 1e-9;

function collect(times: Float64Array, rests: Float64Array, start: number, end: number, count: number): void {
  let size = 0;
  for (let i = start; i < end; i++) {
    const rest = rests[i]!;
    if (size === count && rest >= lowest[count - 1]!) continue;
    let j = size < count ? size++ : count - 1;
    for (; j > 0 && lowest[j - 1]! > rest; j--) {
      lowest[j] = lowest[j - 1]!;
      instants[j] = instants[j - 1]!;
    }
    lowest[j] = rest;
    instants[j] = times[i]!;
  }
}
