import { formatInstant } from "../time.ts";
import type { ClockEvent } from "./event.ts";
import type { ClockMap } from "./map.ts";
import { INT64_MAX, INT64_MIN } from "./piece.ts";

/** What a report says of one map; int64 as bigint, instants as ISO 8601 text on the from clock. */
export interface ClockReport {
  from: string;
  to: string;
  model: string;
  /** The kinds of evidence used. */
  evidence: readonly string[];
  segments: {
    /** null where the evidence holds for all time. */
    start: string | null;
    /** null where the evidence holds for all time. */
    end: string | null;
    offset_ns: bigint;
    drift_ppb: number;
    residual_p50_ns: number;
    residual_p99_ns: number;
    pairs: number;
    rejected: number;
  }[];
  events: { kind: ClockEvent["kind"]; time: string; size_ns: bigint }[];
}

/** The entry of a map in a report's `clocks`. */
export function clockReport(
  map: ClockMap,
  about: { from: string; to: string; model: string; evidence: readonly string[] },
): ClockReport {
  return {
    from: about.from,
    to: about.to,
    model: about.model,
    evidence: about.evidence,
    segments: map.segments.map((segment) => ({
      start: formatLimit(segment.start),
      end: formatLimit(segment.end),
      offset_ns: segment.offsetNs,
      drift_ppb: segment.driftPpb,
      residual_p50_ns: segment.residualP50Ns,
      residual_p99_ns: segment.residualP99Ns,
      pairs: segment.pairs,
      rejected: segment.rejected,
    })),
    events: map.events.map(({ kind, time, sizeNs }) => ({
      kind,
      time: formatInstant(time),
      size_ns: sizeNs,
    })),
  };
}

function formatLimit(time: bigint): string | null {
  return time === INT64_MIN || time === INT64_MAX ? null : formatInstant(time);
}
