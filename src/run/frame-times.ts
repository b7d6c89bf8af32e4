import {
  analyseCadence,
  type Cadence,
  type CleanedTimes,
  cleanCadence,
  type FrameGap,
} from "../clock/index.ts";
import type { FrameTiming } from "../manifest/index.ts";
import { formatDuration } from "../time.ts";
import type { Session } from "./session.ts";

/** Rounding whose standard deviation is above this is told of, ns. */
const TOLD_SIGMA_NS = 100_000;

/** The times of frames on their camera's clock, and what their stamps say of missing frames. */
export interface FrameTimes {
  /** i64 ns, ascending: when the light fell, in the middle of the exposure. */
  times: BigInt64Array;
  gaps: readonly FrameGap[];
  /** Whether the frames keep a beat, so that missing ones can be told. */
  steady: boolean;
}

/**
 * Makes stamps into times, and warns of what is wrong with the stamps: frames that are missing or repeated, pauses, a
 * first frame off the beat, rounding.
 *
 * @param stamps i64 ns, ascending
 * @param tickNs what the stamps are rounded to, ns
 */
export function frameTimes(
  session: Session,
  source: { name: string } & FrameTiming,
  stamps: BigInt64Array,
  tickNs: number,
): FrameTimes {
  const cadence = analyseCadence(stamps);
  warnOfCadence(session, source.name, cadence);
  const times = source.cadence === "auto" ? cleaned(session, source.name, stamps, cadence, tickNs) : stamps;
  if (source.cadence === "off") warnOfRounding(session, source.name, stamps, cadence, tickNs);
  const shift = (source.exposureNs + 1n) / 2n - source.captureDelayNs;
  return {
    times: shift === 0n ? times : times.map((time) => time + shift),
    gaps: cadence.gaps,
    steady: cadence.steady,
  };
}

/** The largest power of ten up to 10 ms that divides all distances between stamps, ns. */
export function tickOf(stamps: BigInt64Array): number {
  for (let tick = 10_000_000n; tick > 1n; tick /= 10n) {
    if (stamps.every((stamp) => (stamp - stamps[0]!) % tick === 0n)) return Number(tick);
  }
  return 1;
}

function warnOfCadence(session: Session, source: string, cadence: Cadence): void {
  const { gaps, repeated, pauses, first, periodNs } = cadence;
  const missing = gaps.reduce((sum, gap) => sum + gap.missing, 0);
  const shown = gaps.slice(0, 8).map((gap) => `${gap.missing} before frame ${gap.frame}`);
  const rest = gaps.length > shown.length ? ", ..." : "";
  warn(
    session,
    "FRAMES_DROPPED",
    missing,
    gaps[0]?.frame,
    `source ${source}: ${missing === 1 ? "1 frame is" : `${missing} frames are`} missing in ${gaps.length === 1 ? "1 gap" : `${gaps.length} gaps`}: ${shown.join(", ")}${rest}`,
  );
  warn(
    session,
    "FRAMES_REPEATED",
    repeated.length,
    repeated[0],
    `source ${source}: ${repeated.length === 1 ? "1 frame is" : `${repeated.length} frames are`} stamped within the time of another`,
  );
  warn(
    session,
    "FRAME_PAUSES",
    pauses.length,
    pauses[0],
    `source ${source}: ${pauses.length === 1 ? "1 pause is" : `${pauses.length} pauses are`} no whole number of frames long, so what is missing there cannot be counted`,
  );
  if (first === undefined) return;
  warn(
    session,
    "FIRST_FRAME_TIME",
    1,
    0,
    `source ${source}: the first frame is stamped ${text(first.intervalNs)} before the second, where others are ${text(first.periodNs || periodNs)} apart; its time is kept`,
  );
}

function cleaned(
  session: Session,
  source: string,
  stamps: BigInt64Array,
  cadence: Cadence,
  tickNs: number,
): BigInt64Array {
  const found = cleanCadence(stamps, cadence, tickNs);
  const changed = changes(stamps, found.times);
  warn(
    session,
    "FRAME_TIMES_CLEANED",
    changed.count,
    changed.first,
    `source ${source}: ${changed.count} of ${stamps.length} frame times were cleaned: ${reason(found, tickNs)}; the largest change is ${text(Number(found.largestNs))}`,
  );
  const left = stamps.length - found.cleaned - (cadence.first === undefined ? 0 : 1);
  warn(
    session,
    "FRAME_TIMES_KEPT",
    left,
    undefined,
    `source ${source}: ${left} of ${stamps.length} frames keep their stamps under cadence: auto, as no constant rate is proven for them`,
  );
  return found.times;
}

function reason({ rate, stretches }: CleanedTimes, tickNs: number): string {
  if (rate !== undefined) return `${rateText(rate)} frames/s, rounded to ${text(tickNs)}`;
  const jitter = stretches.reduce((most, { jitterNs }) => Math.max(most, jitterNs), 0);
  const count = stretches.length;
  return `${count === 1 ? "1 stretch" : `${count} stretches`} of constant rate, jitter up to ${text(jitter)} (1 sigma)`;
}

function warnOfRounding(
  session: Session,
  source: string,
  stamps: BigInt64Array,
  cadence: Cadence,
  tickNs: number,
): void {
  const sigmaNs = tickNs / Math.sqrt(12);
  if (sigmaNs < TOLD_SIGMA_NS) return;
  const { rate, times } = cleanCadence(stamps, cadence, tickNs);
  if (rate === undefined) return;
  const { count, first } = changes(stamps, times);
  warn(
    session,
    "FRAME_TIMES_ROUNDED",
    count,
    first,
    `source ${source}: ${count} of ${stamps.length} frame times are off by rounding to ${text(tickNs)} (1 sigma ${text(sigmaNs)}, not part of frame_uncertainty), as the frames keep ${rateText(rate)} frames/s; cadence: auto cleans them`,
  );
}

function changes(before: BigInt64Array, after: BigInt64Array): { count: number; first: number | undefined } {
  let count = 0;
  let first: number | undefined;
  for (let i = 0; i < before.length; i++) {
    if (before[i] === after[i]) continue;
    count += 1;
    first ??= i;
  }
  return { count, first };
}

/** A source that is read both for its frames and as a tag is warned of once. */
function warn(
  session: Session,
  code: string,
  count: number,
  first: number | undefined,
  message: string,
): void {
  if (session.warnings.some((known) => known.code === code && known.message === message)) return;
  session.warn(code, count, first === undefined ? null : `frame ${first}`, message);
}

function rateText({ numerator, denominator }: { numerator: bigint; denominator: bigint }): string {
  return denominator === 1n ? `${numerator}` : `${numerator}/${denominator}`;
}

function text(ns: number): string {
  return formatDuration(BigInt(Math.round(ns)));
}
