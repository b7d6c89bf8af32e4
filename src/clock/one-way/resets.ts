import { differences } from "./rows.ts";

/** How many rows on each side tell the level of the delay around a stamp that goes back. */
const BLOCK = 8;

/**
 * The places of each epoch of the source's clock, in order of arrival.
 *
 * A stamp that goes back raises arrival minus stamp. It is a reset if that lasts: where the level of before returns
 * (late messages, a flushed queue, a stamp that was far ahead), it is passing.
 */
export function partEpochs(from: BigInt64Array, to: BigInt64Array, places: Int32Array): Int32Array[] {
  const stamps = differences(from, places, from[places[0]!]!);
  const arrivals = differences(to, places, to[places[0]!]!);
  const epochs: Int32Array[] = [];
  let start = 0;
  for (let i = 1; i < places.length; i++) {
    const back = stamps[i - 1]! - stamps[i]!;
    if (!(back > 0) || !isLasting(stamps, arrivals, start, i, back)) continue;
    epochs.push(places.slice(start, i));
    start = i;
  }
  return [...epochs, places.slice(start)];
}

/** A lasting change is still there after this long, ns, whatever its size. */
const HORIZON = 30e9;

function isLasting(
  stamps: Float64Array,
  arrivals: Float64Array,
  start: number,
  at: number,
  back: number,
): boolean {
  const delay = (k: number) => arrivals[k]! - stamps[k]!;
  const end = Math.min(stamps.length, at + BLOCK);
  if (end - at < 3) return false;
  const before = medianOf(delay, Math.max(start, at - BLOCK), at);
  const jump = medianOf(delay, at, end) - before;
  if (!(jump > 0.5 * back)) return false;
  const last = arrivals[at]! + Math.max(HORIZON, 2 * jump);
  let rows = 0;
  let returned = 0;
  for (let k = at; k < stamps.length && (rows < 2 * BLOCK || arrivals[k]! <= last); k++) {
    rows++;
    if (delay(k) < before + 0.5 * jump && ++returned >= 3) return false;
  }
  return returned < 0.1 * rows;
}

function medianOf(valueAt: (k: number) => number, from: number, to: number): number {
  const values = Float64Array.from({ length: to - from }, (_, k) => valueAt(from + k)).sort();
  return values[values.length >> 1]!;
}
