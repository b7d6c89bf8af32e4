import { INT64_MAX, INT64_MIN } from "../piece.ts";

/** What became of a row: used, rejected (early beyond reason, or while the delay was raised), a repeated stamp, a filler. */
export const rowStates = { used: 0, rejected: 1, stale: 2, filler: 3 } as const;

/** Pairs of one epoch of the source's clock, by ascending and different stamps. */
export interface Rows {
  readonly base: { readonly from: bigint; readonly offset: bigint };
  /** s since base.from. */
  readonly times: Float64Array;
  /** Arrival minus stamp minus base.offset, s. */
  readonly delays: Float64Array;
  /** Row of the evidence. */
  readonly places: Int32Array;
}

/** Differences of the values at some places from an int64, in ns, rounded once; exact below 2^53. */
export function differences(values: BigInt64Array, places: Int32Array, from: bigint): Float64Array {
  const words = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
  const low = Number(BigInt.asUintN(32, from));
  const high = Number(from >> 32n);
  const out = new Float64Array(places.length);
  for (let i = 0; i < out.length; i++) {
    const place = 2 * places[i]!;
    out[i] = (words[place + 1]! - high) * 4294967296 + ((words[place]! >>> 0) - low);
  }
  return out;
}

/** Marks rows that hold an int64 extreme as fillers. */
export function markFillers(columns: readonly BigInt64Array[], states: Uint8Array): void {
  for (const column of columns) {
    const words = new Int32Array(column.buffer, column.byteOffset, 2 * column.length);
    for (let i = 0; i < states.length; i++) {
      const high = words[2 * i + 1]!;
      if (high !== 0x7fffffff && high !== -0x80000000) continue;
      if (column[i] === INT64_MAX || column[i] === INT64_MIN) states[i] = rowStates.filler;
    }
  }
}

/** A stamp that is seen this often again, later than ticks would explain, is reported as stale. */
const STALE_REPEATS = 8;

/** Rows of one epoch by ascending stamps, of each stamp the earliest arrival. */
export interface Epoch {
  readonly rows: Rows;
  /** All places by stamp and arrival; row i of `rows` and its repeats are [heads[i], heads[i + 1]). */
  readonly order: Int32Array;
  readonly heads: Int32Array;
  /** Places of the stamps that went stale. */
  readonly stale: readonly number[];
}

/** Sorts the rows of an epoch and marks the repeats that are stale. */
export function sortEpoch(
  from: BigInt64Array,
  to: BigInt64Array,
  places: Int32Array,
  states: Uint8Array,
): Epoch {
  const order = inOrder(from, to, places);
  const first = order.map((_, i) => i).filter((i) => i === 0 || from[order[i]!] !== from[order[i - 1]!]);
  const stale = markStale(from, to, order, first, states);
  const valid = first.filter((i) => states[order[i]!] === rowStates.used);
  const used = valid.length > 0 ? valid : first;
  const rows = placeRows(
    from,
    to,
    used.map((i) => order[i]!),
  );
  return { rows, order, heads: headsOf(used, order.length), stale };
}

/** Where the rows begin in the order; strays go with the row before them, or with the first. */
function headsOf(used: Int32Array, end: number): Int32Array {
  const heads = new Int32Array(used.length + 1);
  heads.set(used);
  heads[0] = 0;
  heads[used.length] = end;
  return heads;
}

/** Rows at some places, based at the first. */
export function placeRows(from: BigInt64Array, to: BigInt64Array, places: Int32Array): Rows {
  const base = { from: from[places[0]!]!, offset: to[places[0]!]! - from[places[0]!]! };
  const times = differences(from, places, base.from);
  const delays = differences(to, places, base.from + base.offset);
  for (let i = 0; i < times.length; i++) {
    delays[i] = (delays[i]! - times[i]!) / 1e9;
    times[i] = times[i]! / 1e9;
  }
  return { base, times, delays, places };
}

function inOrder(from: BigInt64Array, to: BigInt64Array, places: Int32Array): Int32Array {
  const stamps = differences(from, places, from[places[0]!]!);
  const arrivals = differences(to, places, to[places[0]!]!);
  const compare = (a: number, b: number): number => {
    const stamp = stamps[a]! - stamps[b]! || Number(from[places[a]!]! - from[places[b]!]!);
    return stamp || arrivals[a]! - arrivals[b]! || a - b;
  };
  for (let i = 1; i < places.length; i++) {
    if (compare(i - 1, i) < 0) continue;
    const sorted = places.map((_, k) => k).sort(compare);
    return sorted.map((k) => places[k]!);
  }
  return places;
}

/**
 * Marks repeats that come later than three usual distances between stamps: coarse ticks repeat too, but only until
 * the next. Returns the place of each stamp that is repeated eight times or more.
 */
function markStale(
  from: BigInt64Array,
  to: BigInt64Array,
  order: Int32Array,
  first: Int32Array,
  states: Uint8Array,
): number[] {
  const n = first.length;
  if (order.length === n) return [];
  const stamps = differences(
    from,
    first.map((i) => order[i]!),
    from[order[0]!]!,
  );
  const gaps = Float64Array.from({ length: n - 1 }, (_, i) => stamps[i + 1]! - stamps[i]!).sort();
  const usual = 3 * (gaps[gaps.length >> 1] ?? 0);
  const found: number[] = [];
  first.forEach((head, i) => {
    let repeats = 0;
    for (let k = head + 1; k < (first[i + 1] ?? order.length); k++) {
      if (Number(to[order[k]!]! - to[order[head]!]!) <= usual) continue;
      states[order[k]!] = rowStates.stale;
      repeats++;
    }
    if (repeats >= STALE_REPEATS) found.push(order[head]!);
  });
  return found;
}

/** Finer ticks do not matter, ns. */
const LEAST_TICK = 1e3;

/** The largest tick that all instants are multiples of, from the first on, ns; 0 below a microsecond. */
export function tickOf(values: BigInt64Array, places: Int32Array): number {
  let tick = 0;
  for (const distance of differences(values, places, values[places[0]!]!)) {
    let rest = Math.abs(distance);
    while (rest > 0) [tick, rest] = [rest, tick % rest];
    if (tick > 0 && tick < LEAST_TICK) return 0;
  }
  return tick;
}
