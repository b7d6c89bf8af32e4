import type { ClockEvent, ClockMap } from "../../src/clock/index.ts";
import { type Case, instantsOf, type Step } from "./case.ts";

/** Sizes of errors, in us. */
export interface Errors {
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** How a map did on one case. Errors in s, signed; steps are counted. */
export interface Score {
  readonly errors: Float64Array;
  /** How many errors are within 2 sigma. */
  readonly within2Sigma: number;
  /** How many errors are beyond the hard bound. */
  readonly beyondBound: number;
  /** How many of the bounds are finite. */
  readonly bounded: number;
  readonly found: number;
  readonly missed: number;
  readonly invented: number;
  /** The farthest that a found step is from its place, s. */
  readonly stepOffBy: number;
}

/** Steps closer to a true one than this, and of about its size, are the same. */
const stepReach = { "two-way": 60, "one-way": 60 };

/** Holds a map against the truth. */
export function scoreMap(map: ClockMap, one: Case): Score {
  const times = instantsOf(one.queries, one.originNs);
  const mapped = map.apply(times);
  const sigmas = map.uncertainty(times);
  const bounds = map.bound(times);
  const errors = Float64Array.from(mapped, (to, i) => Number(to - times[i]!) / 1e9 - one.truth[i]!);
  const count = (isSo: (error: number, i: number) => boolean) =>
    errors.reduce((sum, error, i) => sum + (isSo(Math.abs(error), i) ? 1 : 0), 0);
  return {
    errors,
    within2Sigma: count((error, i) => error <= (2 * sigmas[i]!) / 1e9 + 0.5e-9),
    beyondBound: count((error, i) => error > bounds[i]! / 1e9 + 1e-9),
    bounded: count((_, i) => Number.isFinite(bounds[i]!)),
    ...scoreSteps(map.events, one),
  };
}

function scoreSteps(events: readonly ClockEvent[], one: Case) {
  const jumps = events.filter(({ kind }) => kind !== "stale" && kind !== "gap");
  const open = jumps.map(({ time, sizeNs }): Step => {
    return { time: Number(time - one.originNs) / 1e9, size: Number(sizeNs) / 1e9 };
  });
  let found = 0;
  let stepOffBy = 0;
  for (const { time, size } of one.steps) {
    const at = open.findIndex(
      (jump) =>
        Math.abs(jump.time - time) <= stepReach[one.kind] &&
        Math.abs(jump.size - size) <= 2e-3 + Math.abs(size) / 10,
    );
    if (at < 0) continue;
    found++;
    stepOffBy = Math.max(stepOffBy, Math.abs(open[at]!.time - time));
    open.splice(at, 1);
  }
  return { found, missed: one.steps.length - found, invented: open.length, stepOffBy };
}

/** Errors of estimated offsets, s. */
export function errorsOf(estimated: Float64Array, { truth }: Case): Float64Array {
  return estimated.map((offset, i) => offset - truth[i]!);
}

/** Percentiles of the sizes of all errors together. */
export function pool(parts: readonly Float64Array[]): Errors {
  const sizes = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) for (const error of part) sizes[at++] = Math.abs(error) * 1e6;
  sizes.sort();
  const quantile = (share: number) => {
    const place = share * (sizes.length - 1);
    const low = sizes[Math.floor(place)]!;
    return low + (place - Math.floor(place)) * (sizes[Math.ceil(place)]! - low);
  };
  return { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99), max: sizes.at(-1)! };
}
