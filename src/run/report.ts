import type { TagStatistics } from "../align/index.ts";
import type { ClockReport } from "../clock/index.ts";
import type { Input, Warning } from "./session.ts";

/** What `report.json` holds: how a result came to be, and how good it is. Times of instants are ISO 8601 text. */
export interface AlignReport {
  capture: string;
  version: string;
  /** The manifest's file, relative to the result's directory; null where it was not read from a file. */
  manifest: string | null;
  manifest_sha256: string;
  /** The rows that were asked for, on the reference clock; null: from the first, to the last. */
  range: { from: string | null; to: string | null };
  frames: {
    count: number;
    first: string;
    last: string;
    /** (count - 1) / span; null for one frame or none in between. */
    rate_hz: number | null;
  };
  /** Where frames are missing: the first frame after each gap, over all frames of the source. */
  frame_gaps: readonly { frame: number; missing: number }[];
  clocks: ClockReport[];
  tags: Record<string, TagReport>;
  /** The row in the middle, to hold against the picture. */
  example: { frame_index: bigint; frame_time: string; frame_pts: bigint; tags: Record<string, ExampleValue> };
  warnings: Warning[];
  inputs: Input[];
  outputs: Output[];
  engine: { kernels_sha256: string; workers: number };
  timing_ms: Record<string, number>;
}

/** One cell of the table; `age_ns` and `status` are null where the table leaves them out. */
export interface ExampleValue {
  value: number | bigint | boolean | string | null | unknown[];
  age_ns: bigint | null;
  status: number | null;
}

export interface TagReport {
  samples: number;
  matched: number;
  nulls: number;
  stale: number;
  /** Share of the frames that have a value. */
  coverage: number;
  age_p50_ns: bigint | null;
  age_p99_ns: bigint | null;
}

/** `path` is relative to the result's directory. */
export interface Output {
  path: string;
  kind: string;
  rows: number;
  sha256: string;
}

export function tagReport(statistics: TagStatistics): TagReport {
  const { samples, matched, nulls, stale, coverage, ageP50Ns, ageP99Ns } = statistics;
  return { samples, matched, nulls, stale, coverage, age_p50_ns: ageP50Ns, age_p99_ns: ageP99Ns };
}

/** JSON text of a report: int64 as whole numbers, digit by digit. */
export function reportJson(report: unknown): string {
  const mark = "\u0001int64:";
  const text = JSON.stringify(
    report,
    (_, value) => (typeof value === "bigint" ? `${mark}${value}` : value),
    2,
  );
  return `${text.replace(/"\\u0001int64:(-?\d+)"/g, "$1")}\n`;
}
