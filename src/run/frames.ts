import type { FrameColumns } from "../align/index.ts";
import type { FrameGap } from "../clock/index.ts";
import { AlignError } from "../errors.ts";
import type { FramesSourceSpec, Manifest, VideoSourceSpec } from "../manifest/index.ts";
import { readVideoFrames } from "../sources/index.ts";
import {
  emptyCounts,
  OrderCount,
  planTime,
  readTimes,
  type SourceCounts,
  sortedPositions,
  takeTimes,
} from "../tables/index.ts";
import { formatInstant } from "../time.ts";
import type { Clocks } from "./clocks/index.ts";
import { frameTimes, tickOf } from "./frame-times.ts";
import type { Session } from "./session.ts";
import { warnOfCounts } from "./warnings.ts";

/** The frames of one video or frames source. */
export interface SourceFrames {
  /** ns on the source's clock, ascending: the middle of the exposure. */
  times: BigInt64Array;
  /** ns on the source's own timeline. */
  pts: BigInt64Array;
  counts: SourceCounts;
  /** Where frames are missing; empty where they keep no beat. */
  gaps: readonly FrameGap[];
  /** What ffprobe says of a video, for people. */
  description: string;
}

export async function readFrames(
  session: Session,
  spec: VideoSourceSpec | FramesSourceSpec,
): Promise<SourceFrames> {
  session.progress("frames", spec.name, 0, 1);
  return spec.kind === "video" ? readVideo(session, spec) : readTable(session, spec);
}

async function readVideo(session: Session, spec: VideoSourceSpec): Promise<SourceFrames> {
  const files = await session.files(spec.name, spec.path);
  const [file] = files;
  if (file === undefined || files.length > 1) {
    throw new AlignError(
      "SOURCE_VIDEO_PARTS",
      `source ${spec.name}: ${files.length} video files where one is expected`,
      {
        where: { source: spec.name },
        hint: "the parts of a recording do not say how far apart they are: give each part its own source and manifest",
      },
    );
  }
  const { ffprobe, signal } = session.options;
  const video = await readVideoFrames(file, {
    ...(ffprobe === undefined ? {} : { ffprobe }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((cause: unknown) => {
    throw cause instanceof AlignError ? ofSource(spec.name, cause) : cause;
  });
  const start = startOf(spec, file, video.creationTime);
  const stamps = video.ptsNs.map((pts) => pts + start);
  const tickNs = (1e9 * Number(video.timeBase.numerator)) / Number(video.timeBase.denominator);
  const { times, gaps, steady } = frameTimes(session, spec, stamps, tickNs);
  const counts = { ...emptyCounts(), rows: times.length };
  const rate = `${video.averageRate} frames/s${steady ? "" : " on average"}`;
  return {
    times,
    pts: video.ptsNs,
    counts: withSpan(counts, times),
    gaps,
    description: `${video.codec} ${video.width}x${video.height}, ${rate}`,
  };
}

function ofSource(source: string, cause: AlignError): AlignError {
  const { code, message, where, hint } = cause;
  return new AlignError(code as "SOURCE_", message, {
    where: { source, ...where },
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
}

function startOf(spec: VideoSourceSpec, file: string, creationTime: bigint | undefined): bigint {
  if (spec.start.kind !== "creation_time") return spec.start.ns;
  if (creationTime !== undefined) return creationTime;
  throw new AlignError("SOURCE_NO_CREATION_TIME", `source ${spec.name}: the video states no creation_time`, {
    where: { source: spec.name, file },
    hint: "give start: an instant on the camera's clock, for example start: 2026-05-04T07:12:31.25Z",
  });
}

async function readTable(session: Session, spec: FramesSourceSpec): Promise<SourceFrames> {
  const column = spec.columns.time;
  const relation = await session.table(spec.name, { path: spec.path }, [column]);
  const plan = await planTime(session.database, relation, column, spec.time, "columns.time");
  const [count] = await session.database.rows(`SELECT count(*) FROM ${relation.from}`, {});
  const counts = emptyCounts();
  if (plan.assumesUtc === true) counts.assumedUtc.push(column);
  const rowCount = Number(count?.[0] ?? 0);
  const read = await readTimes(
    session.database,
    relation,
    plan,
    relation.from,
    rowCount,
    counts,
    session.options.signal,
  );
  const missing = read.missing?.indexOf(1) ?? -1;
  if (missing >= 0) {
    throw new AlignError("SOURCE_FRAME_WITHOUT_TIME", `source ${spec.name}: a frame has no time`, {
      where: { source: spec.name, row: missing },
      hint: "every row is a frame; drop the rows that are not",
    });
  }
  counts.rows = rowCount;
  const order = new OrderCount(1);
  order.addAll(read.times);
  counts.unsorted = order.unsorted;
  counts.firstUnsortedRow = order.firstRow;
  if (order.unsorted > 0 && spec.order === "strict") {
    throw new AlignError(
      "SOURCE_UNSORTED",
      `source ${spec.name}: row ${order.firstRow} is earlier than a row before it (order: strict)`,
      {
        where: { source: spec.name, row: order.firstRow },
        hint: "use order: sort to put the frames in time order",
      },
    );
  }
  const positions = sortedPositions(read.times);
  const stamps = positions === undefined ? read.times : takeTimes(read.times, positions);
  const first = stamps[0] ?? 0n;
  const pts = stamps.map((stamp) => stamp - first);
  const { times, gaps } = frameTimes(session, spec, stamps, tickOf(stamps));
  return { times, pts, counts: withSpan(counts, times), gaps, description: `${times.length} frame times` };
}

function withSpan(counts: SourceCounts, times: BigInt64Array): SourceCounts {
  const [first, last] = [times[0], times[times.length - 1]];
  return first === undefined || last === undefined ? counts : { ...counts, first, last };
}

/** The frames that are the rows, on the reference clock. */
export interface Rows {
  columns: FrameColumns;
  /** Where frames are missing, over all frames of the source. */
  gaps: readonly FrameGap[];
  /** Time of the frame before the first row, where a range leaves it out. */
  previousFrameNs?: bigint;
}

/** Reads the frames that are the rows, within [from, to) on the reference clock. */
export async function readRows(
  session: Session,
  manifest: Manifest,
  clocks: Clocks,
  range: { from?: bigint; to?: bigint },
): Promise<Rows> {
  const spec = manifest.sources.get(manifest.frames) as VideoSourceSpec | FramesSourceSpec;
  const frames = await readFrames(session, spec);
  warnOfCounts(session, spec.name, frames.counts);
  const map = clocks.mapOf(spec.clock);
  const time = spec.clock === manifest.referenceClock ? frames.times : map.apply(frames.times);
  const sigma = map.uncertainty(frames.times);
  const start = range.from === undefined ? 0 : firstAtOrAfter(time, range.from);
  const end = range.to === undefined ? time.length : firstAtOrAfter(time, range.to);
  if (end <= start) {
    const isRange = time.length > 0;
    throw new AlignError(
      isRange ? "USAGE_RANGE" : "SOURCE_NO_FRAMES",
      isRange
        ? `no frame lies in the range: the frames are from ${formatInstant(time[0] ?? 0n)} to ${formatInstant(time[time.length - 1] ?? 0n)}`
        : `source ${spec.name} has no frames`,
      {
        where: { source: spec.name },
        hint: isRange
          ? "--from and --to are instants on the reference clock"
          : "see whether the file is complete",
      },
    );
  }
  const columns = {
    index: new BigInt64Array(end - start),
    time: time.slice(start, end),
    pts: frames.pts.slice(start, end),
    uncertainty: new BigInt64Array(end - start),
  };
  for (let row = start; row < end; row++) {
    columns.index[row - start] = BigInt(row);
    columns.uncertainty[row - start] = BigInt(Math.round(sigma[row] ?? 0));
  }
  const previous = start === 0 ? undefined : time[start - 1];
  const rows = { columns, gaps: frames.gaps };
  return previous === undefined ? rows : { ...rows, previousFrameNs: previous };
}

/** Position of the first time that is not before `instant`. */
function firstAtOrAfter(times: BigInt64Array, instant: bigint): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0n) < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}
