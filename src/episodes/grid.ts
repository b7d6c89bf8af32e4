import { AlignError } from "../errors.ts";

const NS_PER_SECOND = 1_000_000_000n;

/** How far frames are from an even grid. */
export interface GridDeviation {
  /** Of the straight line that fits the instants best. */
  readonly rateHz: number;
  /** rateHz / fps - 1. */
  readonly rateDeviation: number;
  /** Departures of the frames from that line, to either side. */
  readonly p50Ns: bigint;
  readonly p99Ns: bigint;
  readonly maxNs: bigint;
  /** The largest departure of the distance of two frames from 1 / rateHz. */
  readonly maxIntervalNs: bigint;
}

/**
 * How far frames are from an even grid at their own best rate (least squares), beside the rate that they are to have.
 *
 * @param timeNs instants of the frames, in order; fewer than two, or all at one instant, are on every grid
 * @param fps whole frames a second
 */
export function gridDeviation(timeNs: BigInt64Array, fps: number): GridDeviation {
  const count = timeNs.length;
  const still = { rateHz: fps, rateDeviation: 0, p50Ns: 0n, p99Ns: 0n, maxNs: 0n, maxIntervalNs: 0n };
  if (count < 2 || timeNs[0] === timeNs[count - 1]) return still;
  const elapsed = Float64Array.from({ length: count }, (_, i) => Number(timeNs[i]! - timeNs[0]!));
  const middle = (count - 1) / 2;
  const mean = elapsed.reduce((sum, ns) => sum + ns, 0) / count;
  let [along, across] = [0, 0];
  for (let i = 0; i < count; i += 1) {
    along += (i - middle) * (elapsed[i]! - mean);
    across += (i - middle) ** 2;
  }
  const interval = along / across;
  const departures = elapsed.map((ns, i) => Math.abs(ns - mean - (i - middle) * interval)).sort();
  let widest = 0;
  for (let i = 1; i < count; i += 1)
    widest = Math.max(widest, Math.abs(elapsed[i]! - elapsed[i - 1]! - interval));
  /** Nearest rank. */
  const quantile = (share: number) => whole(departures[Math.ceil(share * count) - 1]!);
  return {
    rateHz: 1e9 / interval,
    rateDeviation: 1e9 / interval / fps - 1,
    p50Ns: quantile(0.5),
    p99Ns: quantile(0.99),
    maxNs: quantile(1),
    maxIntervalNs: whole(widest),
  };
}

function whole(ns: number): bigint {
  return BigInt(Math.round(ns));
}

/** Distances of frames that follow one another. */
export interface FrameIntervals {
  /** 0 where there are fewer than two frames. */
  readonly medianNs: bigint;
  /** Of the frames that are no more than half a median interval from it: gaps do not count, nor does rounding of stamps. */
  readonly rateHz: number | undefined;
}

/** The usual distance of frames, and their rate. */
export function frameIntervals(timeNs: BigInt64Array): FrameIntervals {
  if (timeNs.length < 2) return { medianNs: 0n, rateHz: undefined };
  const intervals = Float64Array.from({ length: timeNs.length - 1 }, (_, i) =>
    Number(timeNs[i + 1]! - timeNs[i]!),
  ).sort();
  const median = intervals[(intervals.length - 1) >> 1]!;
  const usual = intervals.filter((ns) => Math.abs(ns - median) * 2 <= median);
  const mean = usual.reduce((sum, ns) => sum + ns, 0) / usual.length;
  return { medianNs: BigInt(median), rateHz: mean > 0 ? 1e9 / mean : undefined };
}

/**
 * The nearest whole rate.
 *
 * @throws AlignError MANIFEST_EPISODES_FPS where it is more than 1 % from the real one
 */
export function wholeRate(capture: string, { rateHz }: FrameIntervals): number {
  const fps = Math.round(rateHz ?? 0);
  if (rateHz !== undefined && fps > 0 && Math.abs(rateHz - fps) <= fps * 0.01) return fps;
  const rate = rateHz === undefined ? "no rate" : `a rate of ${rateHz.toPrecision(6)} Hz`;
  throw new AlignError(
    "MANIFEST_EPISODES_FPS",
    `the frames of ${capture} have ${rate}, which is not within 1 % of a whole one`,
    { hint: "write episodes.fps, the whole frames a second that data sets say" },
  );
}

/** For every instant i / fps from the first frame to the last the frame that is nearest; of two the earlier. */
export function gridFrames(timeNs: BigInt64Array, fps: number): Int32Array {
  const start = timeNs[0]!;
  const rate = BigInt(fps);
  const span = timeNs[timeNs.length - 1]! - start;
  const frames = new Int32Array(Number((span * rate) / NS_PER_SECOND) + 1);
  let frame = 0;
  for (let i = 0; i < frames.length; i += 1) {
    const at = BigInt(i) * NS_PER_SECOND;
    const away = (row: number) => {
      const ahead = (timeNs[row]! - start) * rate - at;
      return ahead < 0n ? -ahead : ahead;
    };
    while (frame + 1 < timeNs.length && (timeNs[frame + 1]! - start) * rate <= at) frame += 1;
    frames[i] = frame + 1 < timeNs.length && away(frame + 1) < away(frame) ? frame + 1 : frame;
  }
  return frames;
}

/**
 * For each row from `start` to before `end` the row that is nearest to `leadNs` after it, of two the earlier; -1 where
 * none is within half a frame interval. Rows beyond a place where time goes back are not looked at.
 */
export function rowsAhead(
  timeNs: BigInt64Array,
  start: number,
  end: number,
  leadNs: bigint,
  fps: number,
): Int32Array {
  if (leadNs === 0n) return Int32Array.from({ length: end - start }, (_, i) => start + i);
  const rows = new Int32Array(end - start);
  const follows = (row: number) => row + 1 < timeNs.length && timeNs[row + 1]! >= timeNs[row]!;
  let row = start;
  for (let i = 0; i < rows.length; i += 1) {
    row = Math.max(row, start + i);
    const target = timeNs[start + i]! + leadNs;
    while (follows(row) && timeNs[row + 1]! <= target) row += 1;
    const past = target - timeNs[row]!;
    const future = follows(row) ? timeNs[row + 1]! - target : past;
    const [nearest, away] = future < past ? [row + 1, future] : [row, past];
    rows[i] = away * 2n * BigInt(fps) <= NS_PER_SECOND ? nearest : -1;
  }
  return rows;
}
