import type { Base } from "./curve.ts";
import type { Readings } from "./evidence.ts";
import { tickOf } from "./stale.ts";

/** The rows of all entries that belong to one epoch, by ascending time. Times and offsets in s, relative to the base. */
export interface Rows {
  readonly base: Base;
  readonly times: Float64Array;
  readonly offsets: Float64Array;
  /** Half the round trip and half a tick, s; NaN where no round trip is known. */
  readonly halves: Float64Array;
  /** Given sigmas, s; NaN where none is. */
  readonly sigmas: Float64Array;
  /** No variance is below that of the rounding of the row's offset, s^2. */
  readonly leastVariances: Float64Array;
  /** How many rows in a row share an offset that is a multiple of a coarse tick: together they tell as much as one. */
  readonly repeats: Float64Array;
  /** The entry of each row, as a position in the readings, and its place there. */
  readonly entries: Uint16Array;
  readonly places: Int32Array;
}

/** Which rows of an entry are meant. */
export interface Part {
  readonly readings: Readings;
  readonly rows: Int32Array;
}

/** Puts rows of several entries into one list by time; of equal times the earlier entry comes first. */
export function gatherRows(parts: readonly Part[]): Rows {
  const first = parts.find(({ rows }) => rows.length > 0)!;
  const from = first.readings.from[first.rows[0]!]!;
  const value = first.readings.values[first.rows[0]!]!;
  const base: Base = { from, offset: first.readings.holdsOffsets ? value : value - from };
  const n = parts.reduce((sum, { rows }) => sum + rows.length, 0);
  const [times, offsets, halves, sigmas] = [0, 0, 0, 0].map(() => new Float64Array(n));
  const repeats = new Float64Array(n).fill(1);
  const leastVariances = new Float64Array(n).fill(1e-18 / 12);
  const entries = new Uint16Array(n);
  const places = new Int32Array(n);
  let at = 0;
  parts.forEach(({ readings, rows }, entry) => {
    const { uncertainty, roundTrip } = readings;
    const instants = distances(readings.from, rows, base.from);
    const values = offsetsOf(readings, rows, base, instants);
    const slack = roundTrip === undefined ? 0 : slackOf(readings, rows, instants, values);
    const tick = tickOf(values);
    if (isCoarse(tick)) {
      countRepeats(values, repeats.subarray(at));
      leastVariances.fill((tick / 1e9) ** 2 / 12, at, at + rows.length);
    }
    for (let i = 0; i < rows.length; i++, at++) {
      const row = rows[i]!;
      times![at] = instants[i]! / 1e9;
      offsets![at] = values[i]! / 1e9;
      halves![at] = roundTrip === undefined ? Number.NaN : (Number(roundTrip[row]!) / 2 + slack) / 1e9;
      sigmas![at] = uncertainty === undefined ? Number.NaN : Math.max(Number(uncertainty[row]!), 1) / 1e9;
      entries[at] = entry;
      places[at] = row;
    }
  });
  const rows: Rows = {
    base,
    times: times!,
    offsets: offsets!,
    halves: halves!,
    sigmas: sigmas!,
    leastVariances,
    repeats,
    entries,
    places,
  };
  return parts.length === 1 ? rows : sorted(rows);
}

/** Offsets of rows of an entry, ns relative to the base's. */
export function offsetsOf(
  readings: Readings,
  rows: Int32Array,
  base: Base,
  instants = distances(readings.from, rows, base.from),
): Float64Array {
  const { values, holdsOffsets } = readings;
  if (holdsOffsets) return distances(values, rows, base.offset);
  const targets = distances(values, rows, base.from + base.offset);
  for (let i = 0; i < targets.length; i++) targets[i] = targets[i]! - instants[i]!;
  return targets;
}

/** Values of an int64 column minus a base, exact below 2^53 ns, which is 104 days. */
export function distances(column: BigInt64Array, rows: Int32Array, base: bigint): Float64Array {
  const halves = new Int32Array(column.buffer, column.byteOffset, 2 * column.length);
  const whole = BigInt.asIntN(64, base);
  // A base beyond int64 is only met where evidence is 292 years apart.
  const beyond = Number(base - whole);
  const baseHigh = Number(whole >> 32n);
  const baseLow = Number(whole & 0xffff_ffffn);
  const out = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const at = 2 * rows[i]!;
    const high = halves[at + 1]! - baseHigh;
    out[i] = high * 4294967296 + ((halves[at]! >>> 0) - baseLow) - beyond;
  }
  return out;
}

/** Half a tick of the stamps and of the offsets, ns, where they are coarse. */
function slackOf(
  { from }: Readings,
  rows: Int32Array,
  instants: Float64Array,
  offsets: Float64Array,
): number {
  if (rows.length < 3) return 0;
  const tick = (values: Float64Array) => {
    const found = tickOf(values.subarray(0, 100));
    return isCoarse(found) ? found / 2 : 0;
  };
  // Probes sent at whole seconds are no sign of a coarse clock, unless the seconds' fractions vary by ticks.
  const fractions = new Set(Array.from(rows.subarray(0, 100), (row) => from[row]! % 1_000_000_000n));
  return (fractions.size > 2 ? tick(instants) : 0) + tick(offsets);
}

/** Whether a tick, ns, is far above the resolution of stamps, and no accident of few values. */
export function isCoarse(tick: number): boolean {
  return tick >= 1000 && tick < 1e9;
}

function countRepeats(values: Float64Array, out: Float64Array): void {
  for (let start = 0; start < values.length; ) {
    let end = start + 1;
    while (end < values.length && values[end] === values[start]) end++;
    out.fill(end - start, start, end);
    start = end;
  }
}

function sorted(rows: Rows): Rows {
  const order = Uint32Array.from(rows.times.keys()).sort((a, b) => rows.times[a]! - rows.times[b]! || a - b);
  const pick = (column: Float64Array) => Float64Array.from(order, (i) => column[i]!);
  return {
    base: rows.base,
    times: pick(rows.times),
    offsets: pick(rows.offsets),
    halves: pick(rows.halves),
    sigmas: pick(rows.sigmas),
    leastVariances: pick(rows.leastVariances),
    repeats: pick(rows.repeats),
    entries: Uint16Array.from(order, (i) => rows.entries[i]!),
    places: Int32Array.from(order, (i) => rows.places[i]!),
  };
}
