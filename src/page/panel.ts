import type { ClockEvent, ClockMap, ClockSegment } from "../clock/index.ts";
import { signedText } from "./quantity.ts";
import { type Dots, thin } from "./thin.ts";

/** Evidence of one entry and what became of each row: 0 used, 1 rejected, 2 stale, 3 filler or invalid. */
export interface PlottedReadings {
  readonly kind: string;
  /** ns on the from clock. */
  readonly from: BigInt64Array;
  /** Evidence minus map, ns. */
  readonly residualsNs: Float64Array;
  readonly states: Uint8Array;
}

/**
 * One stretch of a clock's time, ready to be drawn. x is in s since `base`; all else is in ns and `null` where there is
 * nothing. At each x at most one of `used`, `rejected` and `stale` is a number: the reading minus the map.
 */
export interface Panel {
  readonly base: bigint;
  readonly x: readonly number[];
  /** The map's offset minus that of its segment's straight line. */
  readonly map: readonly (number | null)[];
  /** Whose line that is: a position in `segments`. */
  readonly segment: readonly number[];
  readonly sigma: readonly (number | null)[];
  readonly bound: readonly (number | null)[];
  readonly used: readonly (number | null)[];
  readonly rejected: readonly (number | null)[];
  readonly stale: readonly (number | null)[];
  readonly events: readonly { readonly x: number; readonly label: string }[];
  readonly segments: readonly ClockSegment[];
  /** What the charts show at first. */
  readonly view: { readonly x: Range; readonly map: Range; readonly residual: Range };
  /** Readings of this stretch, and how many of them are drawn. */
  readonly readings: number;
  readonly drawn: number;
}

export type Range = readonly [least: number, greatest: number];

const GRID = 400;
const MOST_DOTS = 4000;
const COLUMNS = 1000;
/** Readings farther from a stretch than so many times its length are not drawn. */
const FARTHEST_SPANS = 2n;
const LONE_INSTANT_NS = 30_000_000_000n;

/** One panel a stretch of segments that lie closer together than all of them are long. */
export function panelsOf(map: ClockMap, readings: readonly PlottedReadings[]): Panel[] {
  const stretches = stretchesOf(finiteSegments(map.segments, readings));
  const reaches = reachesOf(stretches, readings);
  return stretches.map((segments, at) => panelOf(map, segments, readings, reaches[at]!));
}

/** A segment that holds for all time is as long as its evidence; without evidence there is nothing to draw. */
function finiteSegments(
  segments: readonly ClockSegment[],
  readings: readonly PlottedReadings[],
): ClockSegment[] {
  if (!segments.some(({ start, end }) => end - start > 2n ** 63n)) {
    return [...segments].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  }
  const times = readings.flatMap(({ from, states }) => [...from.filter((_, row) => states[row]! < 3)]);
  if (times.length === 0) return [];
  const sorted = BigInt64Array.from(times).sort();
  return segments.map((segment) => ({ ...segment, start: sorted[0]!, end: sorted.at(-1)! }));
}

function stretchesOf(segments: readonly ClockSegment[]): ClockSegment[][] {
  const total = segments.reduce((sum, { start, end }) => sum + end - start, 0n);
  const stretches: ClockSegment[][] = [];
  for (const segment of segments) {
    const last = stretches.at(-1);
    if (last !== undefined && segment.start - last.at(-1)!.end <= total) last.push(segment);
    else stretches.push([segment]);
  }
  return stretches;
}

/** From where to where each stretch is drawn: readings that were left out before and after it belong to the nearest. */
function reachesOf(
  stretches: readonly (readonly ClockSegment[])[],
  readings: readonly PlottedReadings[],
): [base: bigint, end: bigint][] {
  const spans = stretches.map((segments) => [segments[0]!.start, segments.at(-1)!.end] as const);
  const reaches = spans.map(([start, end]): [bigint, bigint] =>
    start === end ? [start - LONE_INSTANT_NS, end + LONE_INSTANT_NS] : [start, end],
  );
  const away = (time: bigint, at: number) => {
    const [start, end] = spans[at]!;
    return time < start ? start - time : time > end ? time - end : 0n;
  };
  for (const { from, states } of readings) {
    for (let row = 0; row < from.length; row++) {
      const time = from[row]!;
      if (states[row]! > 2) continue;
      let nearest = 0;
      for (let at = 1; at < spans.length; at++) if (away(time, at) < away(time, nearest)) nearest = at;
      const [start, end] = spans[nearest] ?? [0n, 0n];
      if (away(time, nearest) > FARTHEST_SPANS * (end - start)) continue;
      const reach = reaches[nearest]!;
      if (time < reach[0]) reach[0] = time;
      if (time > reach[1]) reach[1] = time;
    }
  }
  return reaches;
}

function panelOf(
  map: ClockMap,
  segments: readonly ClockSegment[],
  readings: readonly PlottedReadings[],
  [base, end]: readonly [bigint, bigint],
): Panel {
  const last = segments.length - 1;
  const shown = segments.map((segment, at) => ({
    start: at === 0 ? base : segment.start,
    end: at === last ? end : segment.end,
  }));
  const spanS = Number(end - base) / 1e9;
  const dots = dotsBetween(readings, base, end);
  const drawn = thin(dots, MOST_DOTS, COLUMNS);
  const points: Point[] = [
    ...gridOf(shown, base, spanS),
    ...Array.from(drawn, (at) => ({ x: dots.x[at]!, residual: dots.residual[at]!, state: dots.state[at]! })),
  ].sort((a, b) => a.x - b.x);
  const times = BigInt64Array.from(points, ({ x }) => base + BigInt(Math.round(x * 1e9)));
  const [targets, sigmas, bounds] = [map.apply(times), map.uncertainty(times), map.bound(times)];
  const onMap = (value: (at: number) => number) =>
    points.map(({ isHole }, at) => (isHole === true ? null : rounded(value(at))));
  const nearest = Array.from(times, (time, at) => nearestLine(segments, time, targets[at]! - time));
  const line = onMap((at) => nearest[at]!.distance);
  const sigma = onMap((at) => sigmas[at]!);
  const ofState = (wanted: number) =>
    points.map(({ residual, state }) =>
      state === wanted && residual !== undefined ? rounded(residual) : null,
    );
  return {
    base,
    x: points.map(({ x }) => Number(x.toFixed(9))),
    map: line,
    segment: nearest.map(({ segment }) => segment),
    sigma,
    bound: onMap((at) => bounds[at]!),
    used: ofState(0),
    rejected: ofState(1),
    stale: ofState(2),
    events: map.events.filter(({ time }) => time >= base && time <= end).map((event) => eventOf(event, base)),
    segments,
    view: viewOf(
      dots,
      line,
      sigma,
      spanS,
      readings.every(({ kind }) => kind === "one-way"),
    ),
    readings: dots.x.length,
    drawn: drawn.length,
  };
}

interface Point {
  readonly x: number;
  readonly residual?: number;
  readonly state?: number;
  /** Between two segments, where the line is to break. */
  readonly isHole?: boolean;
}

function gridOf(
  segments: readonly Pick<ClockSegment, "start" | "end">[],
  base: bigint,
  spanS: number,
): Point[] {
  return segments.flatMap(({ start, end }, at) => {
    const [first, last] = [Number(start - base) / 1e9, Number(end - base) / 1e9];
    const count = Math.max(2, Math.ceil((GRID * (last - first)) / spanS));
    const points: Point[] = Array.from({ length: count + 1 }, (_, i) => ({
      x: first + ((last - first) * i) / count,
    }));
    const next = segments[at + 1];
    if (next === undefined) return points;
    return [...points, { x: (last + Number(next.start - base) / 1e9) / 2, isHole: true }];
  });
}

/** The rows that lie between two instants; x in s since the first. */
function dotsBetween(readings: readonly PlottedReadings[], base: bigint, end: bigint): Dots {
  const [x, residual, state]: [number[], number[], number[]] = [[], [], []];
  for (const { from, residualsNs, states } of readings) {
    for (let row = 0; row < from.length; row++) {
      const time = from[row]!;
      if (states[row]! > 2 || time < base || time > end) continue;
      x.push(Number(time - base) / 1e9);
      residual.push(residualsNs[row]!);
      state.push(states[row]!);
    }
  }
  return { x: Float64Array.from(x), residual: Float64Array.from(residual), state: Uint8Array.from(state) };
}

/** The segment around an instant, and how far an offset is from its line; between two segments that of the nearer line. */
function nearestLine(
  segments: readonly ClockSegment[],
  time: bigint,
  offset: bigint,
): { segment: number; distance: number } {
  const next = segments.findIndex(({ end }) => end >= time);
  const at = next < 0 ? segments.length - 1 : next;
  const candidates = at === 0 || segments[at]!.start <= time ? [at] : [at - 1, at];
  return candidates
    .map((segment) => {
      const { start, offsetNs, driftPpb } = segments[segment]!;
      return { segment, distance: Number(offset - offsetNs) - Number(time - start) * driftPpb * 1e-9 };
    })
    .reduce((best, one) => (Math.abs(one.distance) < Math.abs(best.distance) ? one : best));
}

function eventOf({ kind, time, sizeNs }: ClockEvent, base: bigint): { x: number; label: string } {
  const size = sizeNs === 0n ? "" : ` ${signedText(Number(sizeNs), 3)}`;
  return { x: Number(time - base) / 1e9, label: `${kind.replaceAll("-", " ")}${size}` };
}

/**
 * The middle of the readings in use and two sigma of the map, so that no outlier makes all else a flat line.
 * Of one-way readings the earliest count: the others lie above the map by their delay.
 */
function viewOf(
  { residual, state }: Dots,
  line: readonly (number | null)[],
  sigma: readonly (number | null)[],
  spanS: number,
  isOneWay: boolean,
): Panel["view"] {
  const used = residual.filter((_, at) => state[at] === 0).sort();
  const quantile = (share: number) => used[Math.round(share * (used.length - 1))] ?? 0;
  const widest = sigma.reduce<number>((most, one) => Math.max(most, 2 * (one ?? 0)), 0);
  const low = Math.min(quantile(0.01), -widest);
  const high = Math.max(quantile(isOneWay ? 0.25 : 0.99), widest);
  const numbers = line.filter((one) => one !== null);
  return {
    x: widened(0, spanS, 0.02),
    map: widened(Math.min(...numbers) + low, Math.max(...numbers) + high, 0.05),
    residual: widened(low, high, 0.05),
  };
}

function widened(low: number, high: number, share: number): Range {
  const margin = high > low ? share * (high - low) : 1;
  return [low - margin, high + margin];
}

/** A tenth of a ns is below what any clock tells. */
function rounded(ns: number): number | null {
  return Number.isFinite(ns) ? Math.round(ns * 10) / 10 : null;
}
