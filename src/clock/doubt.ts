import { lineStates, lineThrough } from "./line.ts";
import { logLikelihood, type Smoothed, smooth, type Track, thinned } from "./smoother.ts";

/**
 * Random-walk frequency noise of clocks, s^2/s^3, a decade each from none to that of a crystal that warms up, and how
 * likely each is before any evidence: crystals without an oven wander by more than 1e-18.
 */
const WALKS = Float64Array.of(0, 1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16, 1e-15, 1e-14);
const ODDS = WALKS.map((q1) => (q1 < 1e-18 ? 1 : q1 < 1e-16 ? 4 : 12));

const LEAST_ROWS = 3;
/** So many measurements tell what walks are possible. */
const COARSE = 240;
/** Walks less likely than this do not count. */
const LEAST_WEIGHT = 1e-3;
/** Where no variance grows by more than this share, the line is as sure as it seems. */
const LEAST_GROWTH = 0.1;

/**
 * A line's states with the variance of the walks that the measurements do not exclude, and those walks' mean.
 *
 * Measurements too noisy or too few to show how a clock wanders do not show that it does not. Each walk counts by its
 * likelihood, with its own variance and with how far its curve leaves the line. Undefined where that adds nothing.
 */
export function doubted(track: Track, states: Smoothed): Smoothed | undefined {
  const n = track.times.length;
  if (n < LEAST_ROWS) return undefined;
  const thin = n > COARSE ? thinned(track, Math.ceil(n / COARSE)) : track;
  const straight = logLikelihood(thin, 0, 0);
  const odds = WALKS.map((q1, i) => ODDS[i]! * Math.exp(logLikelihood(thin, 0, q1) - straight));
  const total = odds.reduce((sum, one) => sum + one, 0);
  const line = lineStates(thin, lineThrough(thin, false));
  const size = thin.times.length;
  const [v00, v01, v11] = [0, 0, 0].map(() => new Float64Array(size));
  let q1 = 0;
  odds.forEach((one, walk) => {
    const weight = one / total;
    if (walk === 0 || !(weight > LEAST_WEIGHT)) return;
    q1 += weight * WALKS[walk]!;
    const curve = smooth(thin, { q0: 0, q1: WALKS[walk]! });
    for (let k = 0; k < size; k++) {
      const away = curve.offsets[k]! - line.offsets[k]!;
      const turn = curve.drifts[k]! - line.drifts[k]!;
      v00![k]! += weight * Math.max(0, curve.p00[k]! - line.p00[k]! + away * away);
      v01![k]! += weight * (curve.p01[k]! - line.p01[k]! + away * turn);
      v11![k]! += weight * Math.max(0, curve.p11[k]! - line.p11[k]! + turn * turn);
    }
  });
  if (!v00!.some((variance, k) => variance > LEAST_GROWTH * line.p00[k]!)) return undefined;
  const p00 = between(thin.times, v00!, track.times);
  const p01 = between(thin.times, v01!, track.times);
  const p11 = between(thin.times, v11!, track.times);
  for (let i = 0; i < n; i++) {
    p00[i]! += states.p00[i]!;
    p01[i]! += states.p01[i]!;
    p11[i]! += states.p11[i]!;
  }
  return { ...states, p00, p01, p11, wander: { q0: 0, q1 } };
}

/** Values at some times, straight between, at other ones; both ascend. */
function between(times: Float64Array, values: Float64Array, wanted: Float64Array): Float64Array {
  const last = times.length - 1;
  let k = 0;
  return wanted.map((time) => {
    while (k < last - 1 && times[k + 1]! <= time) k++;
    const share = Math.min(1, Math.max(0, (time - times[k]!) / (times[k + 1]! - times[k]!)));
    return values[k]! + share * (values[k + 1]! - values[k]!);
  });
}
