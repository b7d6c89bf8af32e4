import { differences, rowStates } from "./rows.ts";

/** Rows in order of arrival that are compared. */
const BLOCK = 32;

/** How many times the usual spread of delays a row must be early, and how many blocks late, to be no measurement. */
const EARLY = 20;
const LATE = 5;

/** Delays spread by this much at least, and no row is late by less, ns. */
const LEAST_SPREAD = 50e3;
const LEAST_LATE = 60e9;

/**
 * Rejects stamps that stray from those around them in order of arrival.
 *
 * Nothing arrives before it is sent, and a stamp from long ago tells nothing of the floor.
 */
export function rejectStrays(
  from: BigInt64Array,
  to: BigInt64Array,
  places: Int32Array,
  states: Uint8Array,
): void {
  const stamps = differences(from, places, from[places[0]!]!);
  const arrivals = differences(to, places, to[places[0]!]!);
  const delays = arrivals.map((arrival, i) => arrival - stamps[i]!);
  const n = places.length;
  if (n < 5) return;
  const blocks = Array.from({ length: Math.ceil(n / BLOCK) }, (_, b) => {
    const last = Math.min(n, (b + 1) * BLOCK);
    const first = Math.max(0, last - BLOCK);
    const sorted = delays.slice(first, last).sort();
    const middle = sorted[sorted.length >> 1]!;
    const spread = sorted.map((delay) => Math.abs(delay - middle)).sort()[sorted.length >> 1]!;
    return { middle, spread, late: LATE * (arrivals[last - 1]! - arrivals[first]!) };
  });
  const spreads = Float64Array.from(blocks, ({ spread }) => spread).sort();
  const usual = Math.max(LEAST_SPREAD, spreads[spreads.length >> 1]!);
  const strayOf = (i: number): number => {
    const { middle, spread, late } = blocks[Math.floor(i / BLOCK)]!;
    const rest = delays[i]! - middle;
    if (rest < -EARLY * Math.max(spread, usual)) return -1;
    return rest > Math.max(LEAST_LATE, late, EARLY * usual) ? 1 : 0;
  };
  for (let i = 0; i < n; i++) {
    const side = strayOf(i);
    if (side === 0) continue;
    let alike = 0;
    for (let k = Math.max(0, i - 3); k <= Math.min(n - 1, i + 3); k++)
      if (k !== i && strayOf(k) === side) alike++;
    if (alike < 3) states[places[i]!] = rowStates.rejected;
  }
}
