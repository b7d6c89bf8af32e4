import type { Constant, Readings } from "./evidence.ts";
import { INVALID, OUTLIER, STALE, USED } from "./evidence.ts";
import type { Envelope, EnvelopeStretch } from "./one-way/index.ts";
import { distances, offsetsOf } from "./rows.ts";
import { chooseWander, type Smoothed, smooth, type Track } from "./smoother.ts";
import { medianInPlace, robustSigma } from "./statistics.ts";

/** The lower envelope of a one-way entry as rows of evidence, and what the rest of the evidence says of its floor. */
export interface EnvelopeRows {
  /** The entry that it was read from. */
  readonly origin: Readings;
  readonly stretches: readonly EnvelopeStretch[];
  /** The stretch of each row. */
  readonly owners: Int32Array;
  /** What all rows of a stretch may be off by together, s^2. */
  readonly commons: Float64Array;
  /** How the offset changes before each stretch but the first. */
  readonly changes: readonly Change[];
}

/** A lasting change of the envelope: of the clock, of the delay, or of one of them nobody can tell which. */
export interface Change {
  readonly kind: "reset" | "step" | "delay" | "step-or-delay";
  /** ns on the from clock. */
  readonly time: bigint;
}

/** A change must exceed so many sigma of what is known on both sides for marks or round trips to settle it. */
const SETTLED = 4;

interface Level {
  readonly offset: number;
  readonly variance: number;
}

/**
 * Turns an envelope, which is the offset and an unknown floor of the delay, into rows that go with other evidence.
 *
 * The floor is what the other evidence lies below the envelope by; without any it stays in the rows. A lasting change
 * of the envelope is a step where the other evidence changes with it, a change of the delay where that does not; else
 * it counts as a step and nobody can tell, unless `delays` says to take it (by its time) for a delay.
 */
export function rowsOfEnvelope(
  origin: Readings,
  envelope: Envelope,
  others: readonly Readings[],
  constants: readonly Constant[],
  position: number,
  delays: ReadonlySet<bigint>,
): Readings & { envelope: EnvelopeRows } {
  envelope.states.forEach((state, row) => {
    if (origin.states[row] === USED) origin.states[row] = [USED, OUTLIER, STALE, INVALID][state]!;
  });
  const { stretches } = envelope;
  const levels = levelsOf(stretches, others, constants);
  const changes = stretches.slice(1).map((stretch, k): Change => {
    const { kind, time, sizeNs, sigmaNs } = stretch.change!;
    if (kind === "reset") return { kind, time };
    if (delays.has(time)) return { kind: "delay", time };
    const [before, after] = [levels[k], levels[k + 1]];
    if (before === undefined || after === undefined) return { kind, time };
    const size = Number(sizeNs) / 1e9;
    const sigma = Math.sqrt(before.variance + after.variance + (sigmaNs / 1e9) ** 2);
    if (Math.abs(size) <= SETTLED * sigma) return { kind, time };
    const moved = after.offset - before.offset;
    return { kind: Math.abs(moved) < Math.abs(moved + size) ? "step" : "delay", time };
  });
  const { shifts, commons } = shiftsOf(stretches, levels, changes);
  const count = stretches.reduce((sum, { track }) => sum + track.times.length, 0);
  const [from, values, uncertainty] = [0, 0, 0].map(() => new BigInt64Array(count));
  const owners = new Int32Array(count);
  let at = 0;
  stretches.forEach(({ base, track }, k) => {
    for (let i = 0; i < track.times.length; i++, at++) {
      from![at] = base.from + BigInt(Math.round(track.times[i]! * 1e9));
      values![at] = base.offset + shifts[k]! + BigInt(Math.round(track.offsets[i]! * 1e9));
      uncertainty![at] = BigInt(Math.max(1, Math.round(Math.sqrt(track.variances[i]!) * 1e9)));
      owners[at] = k;
    }
  });
  return {
    kind: "one-way",
    entry: origin.entry,
    position,
    input: origin.input,
    from: from!,
    values: values!,
    holdsOffsets: true,
    uncertainty: uncertainty!,
    roundTrip: undefined,
    states: new Uint8Array(count),
    envelope: { origin, stretches, owners, commons, changes },
  };
}

/** What the other evidence lies above the envelope of each stretch by, s relative to the stretch's own base. */
function levelsOf(
  stretches: readonly EnvelopeStretch[],
  others: readonly Readings[],
  constants: readonly Constant[],
): (Level | undefined)[] {
  const found = stretches.map((): { offset: number; variance: number }[] => []);
  const smoothed = stretches.map(({ track }) =>
    track.times.length < 2 ? undefined : smooth(track, chooseWander(track)),
  );
  for (const readings of others) {
    const homes = stretches.map((): number[] => []);
    for (let row = 0; row < readings.from.length; row++) {
      if (readings.states[row] === USED) homes[nearest(stretches, readings.from[row]!)]!.push(row);
    }
    homes.forEach((list, k) => {
      const rows = Int32Array.from(list);
      const { base, track } = stretches[k]!;
      const times = distances(readings.from, rows, base.from);
      const offsets = offsetsOf(readings, rows, base, times);
      rows.forEach((row, i) => {
        const curve = curveAt(track, smoothed[k], times[i]! / 1e9);
        const own = ownVariance(readings, row);
        found[k]!.push({ offset: offsets[i]! / 1e9 - curve.offset, variance: own + curve.variance });
      });
    });
  }
  if (found.every((list) => list.length === 0) && constants.length > 0) {
    const { base, track } = stretches[0]!;
    const middle = curveAt(track, smoothed[0], (track.times[0]! + track.times.at(-1)!) / 2);
    for (const { offset, sigmaNs } of constants) {
      const distance = Number(offset - base.offset) / 1e9 - middle.offset;
      found[0]!.push({ offset: distance, variance: ((sigmaNs ?? 1) / 1e9) ** 2 + middle.variance });
    }
  }
  return found.map(combine);
}

/** Many agree on their median; few are weighed by what is known of each. */
function combine(list: readonly Level[]): Level | undefined {
  if (list.length === 0) return undefined;
  if (list.length >= 8) {
    const offset = medianInPlace(Float64Array.from(list, (one) => one.offset));
    const sigma = robustSigma(list.map((one) => one.offset - offset));
    return { offset, variance: (1.57 * sigma ** 2) / list.length + 1e-18 };
  }
  let [weight, sum] = [0, 0];
  for (const { offset, variance } of list) {
    weight += 1 / variance;
    sum += offset / variance;
  }
  return { offset: sum / weight, variance: 1 / weight };
}

/** Stretches between resets and delays have one floor; of a stretch nothing is known of, that of the one before. */
function shiftsOf(
  stretches: readonly EnvelopeStretch[],
  levels: readonly (Level | undefined)[],
  changes: readonly Change[],
) {
  const shifts: bigint[] = [];
  const commons = new Float64Array(stretches.length);
  for (let start = 0; start < stretches.length; ) {
    let end = start + 1;
    while (end < stretches.length && changes[end - 1]!.kind !== "delay") end++;
    const known = levels.slice(start, end).filter((level) => level !== undefined);
    const level = combine(known);
    const jump = start === 0 ? 0n : (stretches[start]!.change?.sizeNs ?? 0n);
    const shift =
      level === undefined
        ? start === 0
          ? 0n
          : shifts[start - 1]! - jump
        : BigInt(Math.round(level.offset * 1e9));
    for (let k = start; k < end; k++) {
      shifts.push(shift);
      commons[k] = level?.variance ?? stretches[k]!.floorSigma ** 2;
    }
    start = end;
  }
  return { shifts, commons };
}

function nearest(stretches: readonly EnvelopeStretch[], time: bigint): number {
  let best = 0;
  let least: bigint | undefined;
  stretches.forEach(({ start, end }, k) => {
    const distance = time < start ? start - time : time > end ? time - end : 0n;
    if (least !== undefined && distance >= least) return;
    least = distance;
    best = k;
  });
  return best;
}

function ownVariance({ uncertainty, roundTrip }: Readings, row: number): number {
  if (uncertainty !== undefined) return (Math.max(1, Number(uncertainty[row]!)) / 1e9) ** 2;
  // Half a round trip bounds the error; without either, 1 ms is what a stamp by software may be off by.
  return roundTrip === undefined ? 1e-6 : (Number(roundTrip[row]!) / 2e9) ** 2 / 3 + 1e-18;
}

/** The envelope at a time, beyond its ends by the end slope; s and s^2. */
function curveAt(track: Track, smoothed: Smoothed | undefined, time: number): Level {
  if (smoothed === undefined) return { offset: track.offsets[0]!, variance: track.variances[0]! };
  const { times } = track;
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle]! <= time) low = middle;
    else high = middle - 1;
  }
  const d = time - times[low]!;
  const { offsets, drifts, p00, p01, p11, wander } = smoothed;
  const walk = Math.abs(d) * (wander.q0 + (wander.q1 * d * d) / 3);
  return {
    offset: offsets[low]! + drifts[low]! * d,
    variance: Math.max(0, p00[low]! + d * (2 * p01[low]! + d * p11[low]!)) + walk,
  };
}
