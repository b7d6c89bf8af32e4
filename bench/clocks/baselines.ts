import type { Case } from "./case.ts";
import { chronyLike } from "./chrony.ts";

/** Estimates the offset at each query of a case. */
export interface Baseline {
  readonly name: string;
  readonly kinds: readonly Case["kind"][];
  estimate(one: Case): Float64Array;
}

const both = ["two-way", "one-way"] as const;

/** What others do, in memory. */
export const baselines: readonly Baseline[] = [
  { name: "least squares", kinds: both, estimate: (one) => onLine(leastSquares(one, onesOf(one)), one) },
  { name: "Huber line", kinds: ["two-way"], estimate: (one) => onLine(huberLine(one), one) },
  { name: "chrony-like, causal", kinds: ["two-way"], estimate: chronyLike },
  { name: "interpolation", kinds: ["two-way"], estimate: interpolation },
  { name: "lower hull line", kinds: ["one-way"], estimate: (one) => onLine(hullLine(one), one) },
];

/** offset + slope * (time - center), s. */
export interface Line {
  center: number;
  offset: number;
  slope: number;
}

function onLine({ center, offset, slope }: Line, { queries }: Case): Float64Array {
  return queries.map((time) => offset + slope * (time - center));
}

function onesOf({ times }: Case): Float64Array {
  return new Float64Array(times.length).fill(1);
}

/** Weighted least squares, centred. */
export function leastSquares(
  { times, offsets }: Pick<Case, "times" | "offsets">,
  weights: Float64Array,
): Line {
  let [total, center, offset] = [0, 0, 0];
  for (let i = 0; i < times.length; i++) {
    total += weights[i]!;
    center += weights[i]! * times[i]!;
    offset += weights[i]! * offsets[i]!;
  }
  center /= total;
  offset /= total;
  let [spread, moment] = [0, 0];
  for (let i = 0; i < times.length; i++) {
    const distance = times[i]! - center;
    spread += weights[i]! * distance * distance;
    moment += weights[i]! * distance * (offsets[i]! - offset);
  }
  return { center, offset, slope: spread > 0 ? moment / spread : 0 };
}

/** Where the loss of a residual turns from a square into a straight line, s: as pyxdf has it. */
const huberAt = 1e-4;

/** The line of the least Huber loss: reweighted least squares from a robust start until nothing moves by a ns. */
function huberLine(one: Case): Line {
  const { times, offsets } = one;
  let line = medianLine(one);
  const span = Math.abs(times.at(-1)! - times[0]!);
  for (let round = 0; round < 1000; round++) {
    const weights = offsets.map((offset, i) => {
      const size = Math.abs(offset - line.offset - line.slope * (times[i]! - line.center));
      return size <= huberAt ? 1 : huberAt / size;
    });
    const next = leastSquares(one, weights);
    const moved = Math.abs(next.slope - line.slope) * span;
    const shift = Math.abs(next.offset - line.offset - line.slope * (next.center - line.center));
    line = next;
    if (moved + shift < 1e-9) return line;
  }
  return line;
}

/** Theil's incomplete method: slopes of pairs half a record apart, and the median offset about their median. */
function medianLine({ times, offsets }: Case): Line {
  const half = times.length >> 1;
  const slopes: number[] = [];
  for (let i = 0; i + half < times.length; i++)
    slopes.push((offsets[i + half]! - offsets[i]!) / (times[i + half]! - times[i]!));
  const slope = median(slopes);
  const center = times[half]!;
  return { center, slope, offset: median(Array.from(offsets, (y, i) => y - slope * (times[i]! - center))) };
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Straight from measurement to measurement. */
function interpolation({ times, offsets, queries }: Case): Float64Array {
  let at = 0;
  return queries.map((time) => {
    while (at > 0 && times[at]! > time) at--;
    while (at + 2 < times.length && times[at + 1]! < time) at++;
    const share = (time - times[at]!) / (times[at + 1]! - times[at]!);
    return offsets[at]! + share * (offsets[at + 1]! - offsets[at]!);
  });
}

/** Moon, Skelly and Towsley's line below all delays with the least sum above it: the hull's edge at the mean time. */
function hullLine({ times, offsets }: Case): Line {
  const hull: number[] = [];
  for (let i = 0; i < times.length; i++) {
    while (hull.length >= 2) {
      const [a, b] = [hull.at(-2)!, hull.at(-1)!];
      const turn =
        (times[b]! - times[a]!) * (offsets[i]! - offsets[a]!) -
        (offsets[b]! - offsets[a]!) * (times[i]! - times[a]!);
      if (turn > 0) break;
      hull.pop();
    }
    hull.push(i);
  }
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  const after = Math.max(
    1,
    hull.findIndex((i) => times[i]! >= mean),
  );
  const [a, b] = [hull[after - 1]!, hull[after]!];
  return {
    center: times[a]!,
    offset: offsets[a]!,
    slope: (offsets[b]! - offsets[a]!) / (times[b]! - times[a]!),
  };
}
