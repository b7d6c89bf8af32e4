import type { Intervals } from "../align/index.ts";
import { severity } from "../align/index.ts";
import type { ClockReport } from "../clock/index.ts";
import { AlignError } from "../errors.ts";
import { type Manifest, readManifest, type SourceSpec, type TagSpec } from "../manifest/index.ts";
import type { SampleStore, SeverityCounts } from "../samples.ts";
import type { SourceCounts } from "../tables/index.ts";
import { formatInstant } from "../time.ts";
import { readClocks } from "./clocks/index.ts";
import { readFrames } from "./frames.ts";
import { Session, type SessionOptions, type Warning } from "./session.ts";
import { readSource } from "./tags.ts";
import { warnOfCounts } from "./warnings.ts";

/** What a capture's sources hold. Times are ISO 8601 text on each source's own clock. */
export interface CheckReport {
  capture: string;
  sources: SourceSummary[];
  clocks: ClockReport[];
  warnings: Warning[];
  /** True when every tag of the manifest is there. */
  complete: boolean;
}

export interface SourceSummary {
  source: string;
  kind: string;
  clock: string;
  files: string[];
  rows: number;
  first: string | null;
  last: string | null;
  /** (rows - 1) / span for frames, null else. */
  rate_hz: number | null;
  /** Where frames are missing: the first frame after each gap. */
  frame_gaps: readonly { frame: number; missing: number }[];
  unsorted_rows: number;
  duplicate_samples: number;
  rows_without_time: number;
  ambiguous_local_times: number;
  nonexistent_local_times: number;
  tags: TagSummary[];
  /** Tags that the manifest names and the source does not have. */
  missing_tags: string[];
  /** What a video is, in words. */
  description: string | null;
}

export interface TagSummary {
  tag: string;
  type: string;
  samples: number;
  first: string | null;
  last: string | null;
  /** Samples a second over the tag's own span; null for fewer than two. */
  rate_hz: number | null;
  /** Share of samples whose quality is bad. */
  bad_share: number;
}

/**
 * Opens every source of a capture, reads the tags that the manifest names, and ties the clocks. Writes nothing.
 *
 * @throws AlignError as `alignCapture` would; a missing tag alone is told in the report instead.
 */
export async function checkCapture(
  manifest: string | URL | Manifest,
  options: SessionOptions = {},
): Promise<CheckReport> {
  const read =
    typeof manifest === "string" || manifest instanceof URL ? await readManifest(manifest) : manifest;
  return Session.during(read.base, options, async (session) => {
    const clocks = await readClocks(session, read);
    const sources: SourceSummary[] = [];
    for (const source of read.sources.values()) {
      session.progress("sources", source.name, sources.length, read.sources.size);
      const specs = read.tags.filter((tag) => tag.source === source.name);
      if (specs.length > 0 || source.name === read.frames) clocks.mapOf(source.clock);
      sources.push(await summariseSource(session, source, specs));
    }
    const complete = sources.every((source) => source.missing_tags.length === 0);
    return { capture: read.capture, sources, clocks: clocks.reports(), warnings: session.warnings, complete };
  });
}

/** Reads one source and sums up what it holds. */
export async function summariseSource(
  session: Session,
  source: SourceSpec,
  specs: readonly TagSpec[],
): Promise<SourceSummary> {
  if (source.kind === "video" || source.kind === "frames") {
    const frames = await readFrames(session, source);
    warnOfCounts(session, source.name, frames.counts);
    const rate = rateHz(frames.times.length, frames.counts.first, frames.counts.last);
    const files = (await session.files(source.name, source.path)).map((file) => session.shortPath(file));
    const { description, gaps } = frames;
    return { ...summary(source, frames.counts, files), rate_hz: rate, frame_gaps: gaps, description };
  }
  const missing: string[] = [];
  for (;;) {
    const wanted = specs.filter((spec) => !missing.includes(spec.tag));
    try {
      const read = await readSource(session, source, wanted);
      warnOfCounts(session, source.name, read.counts);
      const files = (read.relation?.files ?? []).map((file) => session.shortPath(file));
      const tags = new Map(
        read.tags.map(({ spec, data }) => [`${typeOf(data)} ${spec.tag}`, summariseTag(spec.tag, data)]),
      );
      return { ...summary(source, read.counts, files), tags: [...tags.values()], missing_tags: missing };
    } catch (error) {
      if (!(error instanceof AlignError) || error.code !== "SOURCE_MISSING_TAG") throw error;
      missing.push(...(error.cause as readonly string[]));
    }
  }
}

function summary(source: SourceSpec, counts: SourceCounts, files: string[]): SourceSummary {
  return {
    source: source.name,
    kind: source.kind,
    clock: source.clock,
    files,
    rows: counts.rows,
    first: instantText(counts.first),
    last: instantText(counts.last),
    rate_hz: null,
    frame_gaps: [],
    unsorted_rows: counts.unsorted,
    duplicate_samples: counts.duplicates,
    rows_without_time: counts.rowsWithoutTime,
    ambiguous_local_times: counts.ambiguous,
    nonexistent_local_times: counts.nonexistent,
    tags: [],
    missing_tags: [],
    description: null,
  };
}

function summariseTag(tag: string, data: SampleStore | Intervals): TagSummary {
  const [good, uncertain, bad] = "starts" in data ? severities(data) : data.counts;
  const samples = good + uncertain + bad;
  const [first, last] =
    "starts" in data ? [data.starts[0], data.starts[samples - 1]] : [data.first, data.last];
  return {
    tag,
    type: typeOf(data),
    samples,
    first: instantText(first),
    last: instantText(last),
    rate_hz: rateHz(samples, first, last),
    bad_share: samples === 0 ? 0 : bad / samples,
  };
}

function typeOf(data: SampleStore | Intervals): string {
  return "starts" in data ? data.values.type : data.shape.type;
}

function severities({ starts, status }: Intervals): SeverityCounts {
  const counts: [number, number, number] = [0, 0, 0];
  for (let i = 0; i < starts.length; i++) counts[Math.min(2, severity(status?.[i] ?? 0)) as 0 | 1 | 2] += 1;
  return counts;
}

function instantText(ns: bigint | undefined): string | null {
  return ns === undefined ? null : formatInstant(ns);
}

function rateHz(count: number, first: bigint | undefined, last: bigint | undefined): number | null {
  if (first === undefined || last === undefined || last <= first) return null;
  return ((count - 1) * 1e9) / Number(last - first);
}
