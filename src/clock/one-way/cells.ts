import type { Rows } from "./rows.ts";

/** The lowest delay of some neighbouring rows, less the usual drift. */
export interface Cells {
  /** Cell c holds the rows [starts[c], starts[c + 1]). */
  readonly starts: Int32Array;
  readonly times: Float64Array;
  readonly lows: Float64Array;
  /** The drift that was taken off the delays. */
  readonly drift: number;
  /** One sigma of a low against its neighbours. */
  readonly noise: number;
}

/** No clock drifts by more: a steeper slope is a queue that is flushed. */
export const MOST_DRIFT = 0.05;

const LEAST_ROWS = 4;
const MOST_ROWS = 16;
const MOST_CELLS = 1500;

/** Cuts rows into cells and takes off the usual drift: the median slope between the lows of cells apart. */
export function cutCells(rows: Rows): Cells {
  const n = rows.times.length;
  const size = Math.min(
    Math.max(LEAST_ROWS, Math.floor(n / 24)),
    Math.max(MOST_ROWS, Math.ceil(n / MOST_CELLS)),
  );
  const starts = startCells(rows.times, size);
  const count = starts.length - 1;
  let drift = 0;
  let cells = lowest(rows, starts, drift);
  for (let round = 0; round < 3 && count > 1; round++) {
    drift += usualSlope(cells.times, cells.lows);
    if (!(Math.abs(drift) <= MOST_DRIFT)) drift = 0;
    cells = lowest(rows, starts, drift);
  }
  return { starts, ...cells, drift, noise: noiseOf(cells.lows) };
}

/** A pause this many times as long as the rows of a cell take on average ends it. */
const PAUSE = 5;

/** First rows of cells of a size; rows too few for a cell join the one before, but not across a pause. */
function startCells(times: Float64Array, size: number): Int32Array {
  const n = times.length;
  const pause = (PAUSE * size * (times[n - 1]! - times[0]!)) / Math.max(1, n - 1);
  const starts = [0];
  let isFresh = true;
  for (let i = 1; i <= n; i++) {
    const count = i - starts.at(-1)!;
    const isEnd = i === n || times[i]! - times[i - 1]! > pause;
    if (!isEnd && count < size) continue;
    if (isEnd && !isFresh && 2 * count < size) starts.pop();
    starts.push(i);
    isFresh = isEnd;
  }
  return Int32Array.from(starts);
}

function lowest({ times, delays }: Rows, starts: Int32Array, drift: number) {
  const count = starts.length - 1;
  const out = {
    times: new Float64Array(count),
    lows: new Float64Array(count).fill(Number.POSITIVE_INFINITY),
  };
  for (let c = 0; c < count; c++) {
    for (let i = starts[c]!; i < starts[c + 1]!; i++) {
      const low = delays[i]! - drift * times[i]!;
      if (low >= out.lows[c]!) continue;
      out.lows[c] = low;
      out.times[c] = times[i]!;
    }
  }
  return out;
}

function usualSlope(times: Float64Array, lows: Float64Array): number {
  const lag = Math.max(1, Math.min(lows.length >> 2, 50));
  const slopes = new Float64Array(lows.length - lag);
  for (let i = 0; i < slopes.length; i++) {
    slopes[i] = (lows[i + lag]! - lows[i]!) / (times[i + lag]! - times[i]!);
  }
  return medianOf(slopes);
}

/** From the differences of neighbours: what four in five do not exceed, or half of them, whichever says more. */
function noiseOf(lows: Float64Array): number {
  if (lows.length < 3) return Number.POSITIVE_INFINITY;
  const steps = new Float64Array(lows.length - 1);
  for (let i = 0; i < steps.length; i++) steps[i] = Math.abs(lows[i + 1]! - lows[i]!);
  steps.sort();
  const half = steps[steps.length >> 1]! / 0.6745;
  const most = steps[Math.floor(0.8 * (steps.length - 1))]! / 1.2816;
  return Math.max(half, most) / Math.SQRT2;
}

export function medianOf(values: Float64Array): number {
  const sorted = values.slice().sort();
  return sorted[sorted.length >> 1] ?? 0;
}
