import { medianInPlace } from "./statistics.ts";

/** Up to this many rows every pair tells the slope, else pairs a sixteenth of the rows apart do. */
const FEW = 48;

/** The median slope between rows, which a minority of wild rows cannot move (Theil and Sen). */
export function robustSlope(times: Float64Array, offsets: Float64Array): number {
  const n = times.length;
  const slopes: number[] = [];
  const add = (i: number, j: number) => {
    if (times[j]! > times[i]!) slopes.push((offsets[j]! - offsets[i]!) / (times[j]! - times[i]!));
  };
  if (n <= FEW) for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) add(i, j);
  else {
    const lag = Math.max(16, n >> 4);
    for (let i = 0; i + lag < n; i++) add(i, i + lag);
  }
  return medianInPlace(Float64Array.from(slopes));
}

/** Offsets minus a line through the first time. */
export function detrend(times: Float64Array, offsets: Float64Array, slope: number): Float64Array {
  return offsets.map((offset, i) => offset - slope * (times[i]! - times[0]!));
}

/** The median of a window around each value, the window moved inwards at the ends. `width` is odd. */
export function runningMedian(values: Float64Array, width: number): Float64Array {
  const n = values.length;
  const size = Math.min(width, n);
  const window = values.slice(0, size).sort();
  const out = new Float64Array(n);
  const half = width >> 1;
  const middle = () =>
    size % 2 === 1 ? window[size >> 1]! : (window[size / 2 - 1]! + window[size / 2]!) / 2;
  for (let i = 0, start = 0; i < n; i++) {
    const wanted = Math.min(Math.max(0, i - half), n - size);
    for (; start < wanted; start++) replaceSorted(window, values[start]!, values[start + size]!);
    out[i] = middle();
  }
  return out;
}

function replaceSorted(window: Float64Array, old: number, fresh: number): void {
  let at = window.indexOf(old);
  for (; at + 1 < window.length && window[at + 1]! < fresh; at++) window[at] = window[at + 1]!;
  for (; at > 0 && window[at - 1]! > fresh; at--) window[at] = window[at - 1]!;
  window[at] = fresh;
}

/** One sigma of the noise of single values, by how far each lies from the line through its neighbours. */
export function noiseOf(times: Float64Array, offsets: Float64Array): number {
  const n = times.length;
  const deviations = new Float64Array(Math.max(0, n - 2));
  for (let i = 1; i + 1 < n; i++) {
    const width = times[i + 1]! - times[i - 1]!;
    const share = width > 0 ? (times[i]! - times[i - 1]!) / width : 0.5;
    const line = offsets[i - 1]! + share * (offsets[i + 1]! - offsets[i - 1]!);
    deviations[i - 1] = Math.abs(offsets[i]! - line) / Math.sqrt(1 + share * share + (1 - share) ** 2);
  }
  return 1.4826 * medianInPlace(deviations);
}
