import type { Evidence } from "../../src/clock/index.ts";

/** What an estimator is given, and what is true. All in s; times and queries are on the source clock since `originNs`. */
export interface Case {
  readonly kind: "two-way" | "one-way";
  readonly originNs: bigint;
  /** Source times of the measurements, in order of arrival, whole ns. */
  readonly times: Float64Array;
  /** Measured target minus source, whole ns. */
  readonly offsets: Float64Array;
  readonly roundTrips?: Float64Array;
  readonly queries: Float64Array;
  /** True target minus source at each query; one-way: with the constant floor of the delay. */
  readonly truth: Float64Array;
  readonly steps: readonly Step[];
}

/** A change of the true offset: the first measurement after it, and by how much. */
export interface Step {
  readonly time: number;
  readonly size: number;
}

/** What both clocks count from: today, ns since 1970. */
export const originNs = 1_777_878_000_000_000_000n;

/** The same measurements as evidence, moved to today in int64 ns. */
export function evidenceOf({ kind, originNs, times, offsets, roundTrips }: Case): Evidence {
  const from = instantsOf(times, originNs);
  const offset = instantsOf(offsets, 0n);
  if (kind === "one-way") return { kind, from, to: from.map((time, i) => time + offset[i]!) };
  return { kind, from, offset, ...(roundTrips ? { roundTrip: instantsOf(roundTrips, 0n) } : {}) };
}

export function instantsOf(seconds: Float64Array, originNs: bigint): BigInt64Array {
  return BigInt64Array.from(seconds, (time) => originNs + BigInt(Math.round(time * 1e9)));
}

/** Each to the nearest ns. */
export function wholeNs(seconds: number): number {
  return Math.round(seconds * 1e9) / 1e9;
}
