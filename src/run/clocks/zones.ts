import { quarterHourNear } from "../../clock/index.ts";
import { formatDuration, formatInstant } from "../../time.ts";
import type { Session } from "../session.ts";
import type { ClockFit } from "./fits.ts";

/** How far the clocks of one site may be off beside a zone error, ns. */
const NEAR_NS = 5_000_000_000n;

/** The widest difference between two zones: UTC-12 to UTC+14. */
const WIDEST_NS = 26n * 3_600_000_000_000n;

/**
 * Warns of offsets that look like a time zone that was misread, and of stamps that arrive before they were made.
 *
 * An offset that was asserted is not looked at.
 */
export function warnOfZones(session: Session, { label, map, evidence }: ClockFit): void {
  const measured = evidence.filter(({ kind }) => kind !== "constant");
  if (measured.length === 0) return;
  const zoned = map.segments.filter(({ offsetNs }) => quarterHourNear(offsetNs, NEAR_NS) !== undefined);
  const [first] = zoned;
  if (first !== undefined) {
    const quarters = quarterHourNear(first.offsetNs, NEAR_NS) as bigint;
    const rest = first.offsetNs - quarters;
    session.warn(
      "CLOCK_LOOKS_LIKE_ZONE",
      zoned.length,
      formatInstant(first.start),
      `map ${label}: the offset ${formatDuration(first.offsetNs)} is ${formatDuration(rest)} from ${formatDuration(quarters)}, a whole number of quarter hours: it looks like a time zone that was misread, not like a clock; see time.zone of both sides`,
    );
  }
  if (measured.some(({ kind }) => kind !== "one-way")) return;
  const sigmas = map.uncertainty(BigInt64Array.from(map.segments, ({ start }) => start));
  const ahead = map.segments.filter(
    (segment, at) =>
      Number(segment.offsetNs) < -3 * sigmas[at]! &&
      segment.offsetNs > -WIDEST_NS &&
      !zoned.includes(segment),
  );
  if (ahead[0] === undefined) return;
  session.warn(
    "CLOCK_NEGATIVE_DELAY",
    ahead.length,
    formatInstant(ahead[0].start),
    `map ${label}: stamps arrive ${formatDuration(-ahead[0].offsetNs)} before they were made: clock ${label.split(" -> ")[0]} is ahead, or the columns are swapped`,
  );
}
