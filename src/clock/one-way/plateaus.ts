import { type Cells, medianOf } from "./cells.ts";
import type { Rows } from "./rows.ts";

/** Rows between two sudden changes of the lowest delay. */
export interface Plateau {
  /** Rows [start, end). */
  readonly start: number;
  readonly end: number;
  /** Lowest delays near the two ends, less the usual drift, as lines: time (s), level (s), slope, and its sigma. */
  readonly head: Line;
  readonly tail: Line;
}

export interface Line {
  readonly time: number;
  readonly level: number;
  readonly slope: number;
  readonly slopeSigma: number;
}

/** Cells on each side of a change that are compared. */
const REACH = 5;

/** Fewer cells than these at an end show no level of their own. */
const LEAST_CELLS = 3;

/** A change is sudden if it exceeds this many sigma of a cell's low. */
const SUDDEN = 8;

/** How far a clock may leave its usual drift without a step, s/s. */
const USUAL_SLOPE = 3e-6;

/** Cells that tell the line at an end of a plateau. */
const END_CELLS = 40;

/** Parts rows where the lowest delay changes suddenly; without such a change there is one plateau. */
export function findPlateaus(rows: Rows, cells: Cells): Plateau[] {
  const cuts = mergeEqual(cells, candidates(cells));
  const bounds = [0, ...cuts, cells.lows.length];
  const starts = cuts.map((cut, k) => placeChange(rows, cells, bounds[k]!, cut, bounds[k + 2]!));
  const edges = [0, ...starts, rows.times.length];
  return bounds.slice(1).map((end, k) => {
    const start = bounds[k]!;
    return {
      start: edges[k]!,
      end: edges[k + 1]!,
      head: lineOf(cells, start, Math.min(end, start + END_CELLS), false),
      tail: lineOf(cells, Math.max(start, end - END_CELLS), end, true),
    };
  });
}

/** Cells that begin a new level: the largest jump of each run of jumps that are too large. */
function candidates({ lows, times, noise }: Cells): number[] {
  const count = lows.length;
  const jumps = new Float64Array(count);
  for (let c = LEAST_CELLS; c <= count - LEAST_CELLS; c++) {
    const before = medianOf(lows.slice(Math.max(0, c - REACH), c));
    const after = medianOf(lows.slice(c, c + REACH));
    const jump = after - before;
    const apart = times[Math.min(count - 1, c + REACH - 1)]! - times[Math.max(0, c - REACH)]!;
    if (Math.abs(jump) > SUDDEN * noise + USUAL_SLOPE * apart) jumps[c] = jump;
  }
  const found: number[] = [];
  for (let c = 0; c < count; c++) {
    if (jumps[c] === 0) continue;
    const sign = Math.sign(jumps[c]!);
    const first = c;
    while (c + 1 < count && Math.sign(jumps[c + 1]!) === sign) c++;
    found.push(splitBest(lows, first, c));
  }
  return found;
}

/** The cell in [first, last] at which two levels fit the cells around best, by absolute deviations. */
function splitBest(lows: Float64Array, first: number, last: number): number {
  const from = Math.max(0, first - REACH);
  const to = Math.min(lows.length, last + REACH);
  let best = first;
  let least = Number.POSITIVE_INFINITY;
  for (let c = first; c <= last; c++) {
    const cost = deviationOf(lows.slice(from, c)) + deviationOf(lows.slice(c, to));
    if (cost >= least) continue;
    best = c;
    least = cost;
  }
  return best;
}

function deviationOf(lows: Float64Array): number {
  const middle = medianOf(lows);
  return lows.reduce((sum, low) => sum + Math.abs(low - middle), 0);
}

/** Drops cuts between levels that reach equally low: there the low is only reached rarely. */
function mergeEqual(cells: Cells, cuts: number[]): number[] {
  const { lows, noise } = cells;
  const kept = [...cuts];
  for (let k = 0; k < kept.length; ) {
    const before = lows.subarray(Math.max(kept[k - 1] ?? 0, kept[k]! - END_CELLS), kept[k]);
    const after = lows.subarray(kept[k], Math.min(kept[k + 1] ?? lows.length, kept[k]! + END_CELLS));
    const least = 0.5 * SUDDEN * noise;
    if (Math.abs(floorOf(after) - floorOf(before)) > least && Math.abs(jumpAt(cells, kept, k)) > least) k++;
    else {
      kept.splice(k, 1);
      k = Math.max(0, k - 1);
    }
  }
  return kept;
}

/** The change at a cut between the lines on both sides of it. */
function jumpAt(cells: Cells, cuts: readonly number[], k: number): number {
  const cut = cuts[k]!;
  const before = lineOf(cells, Math.max(cuts[k - 1] ?? 0, cut - 2 * REACH), cut, true);
  const after = lineOf(cells, cut, Math.min(cuts[k + 1] ?? cells.lows.length, cut + 2 * REACH), false);
  return after.level - before.level - 0.5 * (before.slope + after.slope) * (after.time - before.time);
}

/** The lowest but one of ten and more, else the lowest. */
function floorOf(lows: Float64Array): number {
  const sorted = lows.slice().sort();
  return sorted[sorted.length >= 10 ? 1 : 0]!;
}

/** First row of the new level: after the last row below the middle of a rise, at the first below it of a fall. */
function placeChange(
  { times, delays }: Rows,
  { lows, starts, drift }: Cells,
  first: number,
  cut: number,
  last: number,
): number {
  const before = medianOf(lows.slice(Math.max(first, cut - REACH), cut));
  const after = medianOf(lows.slice(cut, Math.min(last, cut + REACH)));
  const middle = (before + after) / 2;
  const isLow = (i: number) => delays[i]! - drift * times[i]! < middle;
  const from = starts[Math.max(first, cut - 2)]! + 1;
  const to = starts[Math.min(last, cut + 2)]! - 1;
  if (after > before) {
    for (let i = to; i >= from; i--) if (isLow(i)) return i + 1;
    return from;
  }
  for (let i = from; i <= to; i++) if (isLow(i)) return i;
  return to;
}

function lineOf({ times, lows, noise }: Cells, from: number, to: number, atEnd: boolean): Line {
  const count = to - from;
  const time = times[atEnd ? to - 1 : from]!;
  if (count < 4) return { time, level: medianOf(lows.slice(from, to)), slope: 0, slopeSigma: 20e-6 };
  const lag = count >> 1;
  const slopes = Float64Array.from({ length: count - lag }, (_, k) => {
    const i = from + k;
    return (lows[i + lag]! - lows[i]!) / (times[i + lag]! - times[i]!);
  });
  const slope = medianOf(slopes);
  const level = medianOf(
    Float64Array.from({ length: count }, (_, k) => lows[from + k]! - slope * (times[from + k]! - time)),
  );
  const span = times[to - 1]! - times[from]!;
  return { time, level, slope, slopeSigma: (4 * noise) / (span * Math.sqrt(count)) };
}
