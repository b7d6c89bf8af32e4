import type { Case } from "./case.ts";

/** Samples of a regression, and as many again for the test of runs. */
const mostSamples = 64;
const fewestSamples = 6;
/** Of what a clock can tell, s. */
const precision = 1e-7;

/**
 * A regression as chronyd's, from the past only: weighted by the round trip, its oldest samples dropped while the
 * signs of the residuals change too seldom for a straight line. Without chronyd's tests of single samples.
 */
export function chronyLike(one: Case): Float64Array {
  const { times, offsets, queries } = one;
  let used = 0;
  let known = 0;
  let line = { time: times[0]!, offset: offsets[0]!, slope: 0 };
  return queries.map((time) => {
    while (known < times.length && times[known]! <= time) {
      known++;
      used = Math.min(used + 1, mostSamples);
      ({ line, used } = regress(one, known, used));
    }
    return line.offset + line.slope * (time - line.time);
  });
}

function regress({ times, offsets, roundTrips }: Case, known: number, samples: number) {
  let used = samples;
  const last = times[known - 1]!;
  const distance = (i: number) => (roundTrips?.[i] ?? 1e-3) / 2;
  while (true) {
    const from = known - used;
    const sd = spreadOf(Array.from({ length: used }, (_, k) => distance(from + k)));
    let [w, wt, wy] = [0, 0, 0];
    const weights = new Float64Array(used);
    for (let k = 0; k < used; k++) {
      const weight = 1 / (1 + Math.max(0, distance(from + k) - sd.least) / sd.size) ** 2;
      weights[k] = weight;
      w += weight;
      wt += weight * (times[from + k]! - last);
      wy += weight * offsets[from + k]!;
    }
    const [center, mean] = [wt / w, wy / w];
    let [spread, moment] = [0, 0];
    for (let k = 0; k < used; k++) {
      const from0 = times[from + k]! - last - center;
      spread += weights[k]! * from0 * from0;
      moment += weights[k]! * from0 * (offsets[from + k]! - mean);
    }
    const slope = spread > 0 ? moment / spread : 0;
    const line = { time: last, offset: mean - slope * center, slope };
    const first = Math.max(0, known - Math.min(2 * used, 2 * mostSamples));
    let runs = 1;
    let sign = 0;
    for (let i = first; i < known; i++) {
      const now = Math.sign(offsets[i]! - line.offset - slope * (times[i]! - last));
      if (sign !== 0 && now !== sign) runs++;
      sign = now;
    }
    if (used <= fewestSamples || runs > fewestRuns(known - first)) return { line, used };
    used--;
  }
}

/** From the median down to the least, as a spread. */
function spreadOf(distances: number[]): { least: number; size: number } {
  const sorted = distances.sort((a, b) => a - b);
  const least = sorted[0]!;
  const size = (sorted[sorted.length >> 1]! - least) / 0.7;
  return { least, size: Math.min(Math.max(size, precision), Math.max(least, precision)) };
}

/** Runs of signs that only one in twenty straight lines falls below, by the normal approximation of their number. */
function fewestRuns(samples: number): number {
  return Math.floor((samples + 1) / 2 - 1.645 * (Math.sqrt(samples - 1) / 2));
}
