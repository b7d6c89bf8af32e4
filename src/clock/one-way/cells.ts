import { rowStates, type Rows } from "./rows.ts";

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

const LEAST_ROWS = 4;
const MOST_ROWS = 16;
const MOST_CELLS = 1500;

/** Cuts rows into cells and takes off the usual drift: the median slope between the lows of cells apart. */
export function cutCells(rows: Rows, states: Uint8Array): Cells {
  const n = rows.times.length;
  const size = Math.min(Math.max(LEAST_ROWS, Math.floor(n / 24)), Math.max(MOST_ROWS, Math.ceil(n / MOST_CELLS)));
  const count = Math.max(1, Math.floor(n / size));
  const starts = Int32Array.from({ length: count + 1 }, (_, c) => Math.floor((c * n) / count));
  let drift = 0;
  let cells = lowest(rows, states, starts, drift);
  for (let round = 0; round < 3 && count > 1; round++) {
    drift += usualSlope(cells.times, cells.lows);
    cells = lowest(rows, states, starts, drift);
  }
  if (rejectEarly(rows, states, starts, cells.lows, drift)) cells = lowest(rows, states, starts, drift);
  return { starts, ...cells, drift, noise: noiseOf(cells.lows) };
}

function lowest({ times, delays, places }: Rows, states: Uint8Array, starts: Int32Array, drift: number) {
  const count = starts.length - 1;
  const out = { times: new Float64Array(count), lows: new Float64Array(count).fill(Number.POSITIVE_INFINITY) };
  for (let c = 0; c < count; c++) {
    for (let i = starts[c]!; i < starts[c + 1]!; i++) {
      const low = delays[i]! - drift * times[i]!;
      if (low >= out.lows[c]! || states[places[i]!] === rowStates.rejected) continue;
      out.lows[c] = low;
      out.times[c] = times[i]!;
    }
    if (out.lows[c] === Number.POSITIVE_INFINITY) {
      out.lows[c] = out.lows[c - 1] ?? delays[starts[c]!]! - drift * times[starts[c]!]!;
      out.times[c] = times[starts[c]!]!;
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

/** How many times the usual spread of delays a few rows must be early to be no measurement. */
const BEYOND_REASON = 20;

/** Rejects single rows that come far earlier than the cells around them: nothing arrives before it is sent. */
function rejectEarly(
  { times, delays, places }: Rows,
  states: Uint8Array,
  starts: Int32Array,
  lows: Float64Array,
  drift: number,
): boolean {
  const count = lows.length;
  if (count < 5) return false;
  const spread = medianOf(Float64Array.from(lows, (low, c) => {
    const cell = delays.slice(starts[c]!, starts[c + 1]!).map((r, i) => r - drift * times[starts[c]! + i]!);
    return medianOf(cell) - low;
  }));
  const least = BEYOND_REASON * Math.max(spread, noiseOf(lows));
  let rejected = false;
  for (let c = 0; c < count; c++) {
    const from = Math.min(Math.max(0, c - 2), count - 5);
    const around = medianOf(lows.slice(from, from + 5));
    if (!(around - lows[c]! > least)) continue;
    const early: number[] = [];
    for (let i = starts[c]!; i < starts[c + 1]!; i++) {
      if (around - (delays[i]! - drift * times[i]!) > least) early.push(places[i]!);
    }
    if (early.length > 2) continue;
    for (const place of early) states[place] = rowStates.rejected;
    rejected = true;
  }
  return rejected;
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
