import { quantile } from "../statistics.ts";
import type { Series } from "./correlate.ts";

/** One tag's samples, by ascending time; times are ns on the tag's own clock. */
export interface Signal {
  readonly times: BigInt64Array;
  readonly values: Float64Array;
  /** True where values are words or switches, whose changes count and not their distance. */
  readonly isState: boolean;
}

/** What of a signal is compared: its values, or where they change. */
export type Feature = "level" | "change";

/** A signal that is prepared for the grid; times in s since the base. */
export interface Track {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly isState: boolean;
  /** True where samples come when something changes, so that a value holds until the next one. */
  readonly isHeld: boolean;
  /** Longer distances of samples are holes, s. */
  readonly gap: number;
  /** Typical distance of two samples, s. */
  readonly interval: number;
  /** How often the value changes. */
  readonly changes: number;
}

/** Values beyond these quantiles are cut, so that one glitch does not outweigh the rest. */
const CUT = 0.002;

export function trackOf(signal: Signal, base: bigint): Track {
  const { isState } = signal;
  const times = Float64Array.from(signal.times, (time) => Number(time - base) / 1e9);
  const values = isState ? signal.values : cut(signal.values);
  const gaps: number[] = [];
  const before: { change: number[]; same: number[] } = { change: [], same: [] };
  for (let i = 1; i < times.length; i++) {
    const distance = times[i]! - times[i - 1]!;
    if (distance > 0) gaps.push(distance);
    before[values[i] === values[i - 1] ? "same" : "change"].push(distance);
  }
  const isHeld = isState && !isPolled(before);
  return {
    times,
    values,
    isState,
    isHeld,
    gap: isHeld ? Number.POSITIVE_INFINITY : 8 * quantile(gaps, 0.9),
    interval: quantile(gaps, 0.5),
    changes: before.change.length,
  };
}

/** Whether samples come at a rate of their own: then the last one before a change is as near as any other. */
function isPolled({ change, same }: { change: readonly number[]; same: readonly number[] }): boolean {
  if (same.length < change.length) return false;
  const period = quantile(same, 0.5);
  const regular = change.filter((distance) => distance > 0.5 * period && distance < 1.5 * period);
  return regular.length >= 0.8 * change.length;
}

function cut(values: Float64Array): Float64Array {
  const all = Array.from(values);
  const [low, high] = [quantile(all, CUT), quantile(all, 1 - CUT)];
  return values.map((value) => Math.min(high, Math.max(low, value)));
}

/** Equal bins: bin k is [start + k step, start + (k + 1) step), s. */
export interface Grid {
  readonly start: number;
  readonly step: number;
  readonly length: number;
}

/**
 * The mean of a feature in every bin, with mean 0 and variance 1 over the known bins.
 *
 * Between samples the value goes straight, or holds where samples come on change. The change of a bin is the sum of all
 * steps in it: of a polled signal a step is spread over the distance of its two samples, because it was somewhere there.
 */
export function binned(track: Track, feature: Feature, grid: Grid): Series {
  const sums = new Float64Array(grid.length);
  const covered = new Float64Array(grid.length);
  const { times, values, isState, isHeld, gap } = track;
  const end = grid.start + grid.length * grid.step;
  for (let i = Math.max(0, firstFrom(times, grid.start) - 1); i + 1 < times.length; i++) {
    const [from, to] = [times[i]!, times[i + 1]!];
    if (from >= end) break;
    if (to <= from || to - from > gap) continue;
    const [first, last] = [values[i]!, values[i + 1]!];
    const rise = isState && feature === "change" ? Number(first !== last) : last - first;
    const slope = isHeld ? 0 : rise / (to - from);
    let at = Math.max(0, Math.floor((from - grid.start) / grid.step));
    for (; at < grid.length; at++) {
      const low = Math.max(from, grid.start + at * grid.step);
      const high = Math.min(to, grid.start + (at + 1) * grid.step);
      if (high <= low) break;
      covered[at]! += high - low;
      const level = first + slope * ((low + high) / 2 - from);
      sums[at]! += feature === "level" ? level * (high - low) : Math.abs(slope) * (high - low);
    }
    const stepAt = Math.floor((to - grid.start) / grid.step);
    if (isHeld && feature === "change" && stepAt >= 0 && stepAt < grid.length)
      sums[stepAt]! += Math.abs(rise);
  }
  return standardised(sums, covered, grid.step, feature);
}

function standardised(sums: Float64Array, covered: Float64Array, step: number, feature: Feature): Series {
  const known = Uint8Array.from(covered, (time) => (time > 0.5 * step ? 1 : 0));
  const values = sums.map((sum, i) => (known[i] === 0 ? 0 : feature === "level" ? sum / covered[i]! : sum));
  const n = known.reduce((count, one) => count + one, 0);
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(n, 1);
  let squares = 0;
  for (let i = 0; i < values.length; i++) if (known[i] === 1) squares += (values[i]! - mean) ** 2;
  const scale = squares > 0 ? Math.sqrt(n / squares) : 0;
  for (let i = 0; i < values.length; i++) values[i] = known[i] === 1 ? (values[i]! - mean) * scale : 0;
  return { values, known };
}

/** The mean over `width` bins around every bin; 0 where the bin itself is not known. */
export function movingMean({ values, known }: Series, width: number): Float64Array {
  const n = values.length;
  const [sums, counts] = [new Float64Array(n + 1), new Float64Array(n + 1)];
  for (let i = 0; i < n; i++) {
    sums[i + 1] = sums[i]! + values[i]!;
    counts[i + 1] = counts[i]! + known[i]!;
  }
  const half = width >> 1;
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    if (known[i] === 0) continue;
    const [low, high] = [Math.max(0, i - half), Math.min(n, i + half + 1)];
    out[i] = (sums[high]! - sums[low]!) / (counts[high]! - counts[low]!);
  }
  return out;
}

/**
 * How far one must go, in bins, for a series to be less than half as like itself as it is three bins away: noise is
 * only like itself in the next bins, which share samples with it.
 */
export function memoryOf({ values, known }: Series): number {
  const likeness = (lag: number) => {
    let [cross, square] = [0, 0];
    for (let i = 0; i + lag < values.length; i++) {
      if (known[i] === 0 || known[i + lag] === 0) continue;
      cross += values[i]! * values[i + lag]!;
      square += (values[i]! * values[i]! + values[i + lag]! * values[i + lag]!) / 2;
    }
    return square > 0 ? cross / square : 0;
  };
  const near = likeness(3);
  if (near < 5 / Math.sqrt(values.length)) return 1;
  let lag = 3;
  while (2 * lag < values.length && likeness(lag) > 0.5 * near) lag = Math.ceil(lag * 1.4);
  return lag;
}

/** Position of the first time that is not before an instant. */
function firstFrom(times: Float64Array, instant: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}
