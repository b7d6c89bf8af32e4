import type { TagSpec as AlignSpec, Certainty, Intervals, SampleCertainty } from "../align/index.ts";
import type { ClockMap } from "../clock/index.ts";
import { AlignError } from "../errors.ts";
import type {
  FramesSourceSpec,
  Manifest,
  SourceSpec,
  TableSourceSpec,
  TagSpec,
  VideoSourceSpec,
} from "../manifest/index.ts";
import type { TableTag } from "../pool/index.ts";
import { OPEN_END, type SampleStore } from "../samples.ts";
import {
  type Relation,
  readEvents,
  readIntervals,
  readLong,
  readWide,
  type SourceCounts,
  storesOf,
  type ValueRequest,
} from "../tables/index.ts";
import { formatInstant } from "../time.ts";
import { certaintyOf } from "./certainty.ts";
import type { Clocks } from "./clocks/index.ts";
import { type Rows, readFrames } from "./frames.ts";
import type { Session } from "./session.ts";
import { warnOfCounts } from "./warnings.ts";

/** What one source holds for its tags, on the source's own clock. */
export interface SourceReading {
  source: SourceSpec;
  counts: SourceCounts;
  /** One entry a tag of the manifest that names this source, in order. */
  tags: { spec: TagSpec; data: SampleStore | Intervals }[];
  /** Absent for a video or frames source. */
  relation?: Relation;
  description?: string;
}

/** Reads every tag of one source. */
export async function readSource(
  session: Session,
  source: SourceSpec,
  specs: readonly TagSpec[],
): Promise<SourceReading> {
  if (source.kind === "video" || source.kind === "frames") return readFrameTags(session, source, specs);
  const relation = await openTableSource(session, source);
  const { database, options } = session;
  const requests: ValueRequest[] = specs.map((spec) => ({
    tag: spec.tag,
    linear: spec.join.kind === "linear",
    ...(spec.type === undefined ? {} : { type: spec.type }),
  }));
  const common = {
    time: source.time,
    badValues: source.badValues,
    strict: source.order === "strict",
    ...(source.quality === undefined ? {} : { quality: source.quality }),
  };
  const { signal } = options;
  switch (source.shape) {
    case "long": {
      const read = await readLong(
        database,
        relation,
        { ...common, columns: source.columns },
        requests,
        signal,
      );
      return reading(source, specs, read.stores, read.counts, relation);
    }
    case "wide":
    case "events": {
      const readRows = source.shape === "wide" ? readWide : readEvents;
      const read = await readRows(
        database,
        relation,
        { ...common, columns: source.columns },
        requests,
        signal,
      );
      return reading(source, specs, read.stores, read.counts, relation);
    }
    case "intervals": {
      const { start, ...columns } = source.columns;
      const read = await readIntervals(
        database,
        relation,
        { ...common, columns: { time: start, ...columns } },
        requests,
        signal,
      );
      return reading(source, specs, read.intervals, read.counts, relation);
    }
  }
}

function reading(
  source: SourceSpec,
  specs: readonly TagSpec[],
  data: readonly (SampleStore | Intervals)[],
  counts: SourceCounts,
  relation: Relation,
): SourceReading {
  return {
    source,
    counts,
    relation,
    tags: specs.map((spec, index) => ({ spec, data: data[index] as SampleStore })),
  };
}

async function openTableSource(session: Session, source: TableSourceSpec): Promise<Relation> {
  const columns = source.columns as { time?: string; start?: string; end?: string };
  const timeColumns = [columns.time, columns.start, columns.end].filter((column) => column !== undefined);
  if (source.kind === "sql") {
    const relation = await session.table(source.name, { kind: "sql", query: source.query }, timeColumns);
    warnOfCutTimes(session, relation, timeColumns);
    return relation;
  }
  return session.table(source.name, { kind: source.kind, path: source.path }, timeColumns);
}

/** DuckDB holds instants with a zone in microseconds; finer digits are gone before a query's result is read. */
function warnOfCutTimes(session: Session, relation: Relation, timeColumns: readonly string[]): void {
  const cut = timeColumns.filter((column) => relation.columns.get(column) === "TIMESTAMP WITH TIME ZONE");
  session.warn(
    "TIMES_IN_MICROSECONDS",
    cut.length,
    null,
    `source ${relation.source}: column ${cut.join(" and ")} is TIMESTAMPTZ, which holds microseconds only; select text or epoch_ns() for more`,
  );
}

/** A camera's frames as samples: `frame_index` counts them, `pts` is ns on its own timeline. */
async function readFrameTags(
  session: Session,
  source: VideoSourceSpec | FramesSourceSpec,
  specs: readonly TagSpec[],
): Promise<SourceReading> {
  const { times, pts, counts, description } = await readFrames(session, source);
  const index = BigInt64Array.from(times, (_, row) => BigInt(row));
  const stores = storesOf(
    times,
    specs.map(({ tag }) => ({ values: { type: "integer", data: tag === "pts" ? pts : index } })),
  );
  const tags = specs.map((spec, at) => ({ spec, data: stores[at] as SampleStore }));
  return { source, counts, tags, description };
}

/** Reads all sources and puts every tag on the reference clock, in the manifest's tag order. */
export async function readTags(
  session: Session,
  manifest: Manifest,
  clocks: Clocks,
  { columns }: Rows,
): Promise<TableTag[]> {
  const framesClock = manifest.sources.get(manifest.frames)?.clock;
  const inputs = new Map<string, TableTag>();
  const sources = [...manifest.sources.values()].filter((source) =>
    manifest.tags.some((tag) => tag.source === source.name),
  );
  for (const [index, source] of sources.entries()) {
    session.progress("sources", source.name, index, sources.length);
    const specs = manifest.tags.filter((tag) => tag.source === source.name);
    const read = await readSource(session, source, specs);
    warnOfCounts(session, source.name, read.counts);
    const map = clocks.mapOf(source.clock);
    const place = placer(source, map, manifest.referenceClock);
    // Where tag and frames share a clock they share its error.
    const certainty =
      source.clock === framesClock || manifest.provenance === "none" ? undefined : certaintyOf(map, columns);
    for (const { spec, data } of read.tags) {
      const aligned = alignSpec(spec, source, data, certainty);
      if ("starts" in data) {
        inputs.set(spec.name, {
          ...aligned,
          intervals: { ...data, starts: place(data.starts), ends: place(data.ends) },
        });
      } else {
        const store = source.clock === manifest.referenceClock ? data : data.placed(place);
        inputs.set(spec.name, { ...aligned, store });
      }
    }
  }
  return manifest.tags.map((tag) => inputs.get(tag.name) as TableTag);
}

/** Maps time arrays of one source to the reference clock; an array that tags share stays one array. */
function placer(
  source: SourceSpec,
  map: ClockMap,
  reference: string,
): (times: BigInt64Array) => BigInt64Array {
  if (source.clock === reference) return (times) => times;
  const placed = new Map<BigInt64Array, BigInt64Array>();
  return (times) => {
    const known = placed.get(times);
    if (known !== undefined) return known;
    const mapped = mapClosed(map, times);
    requireOrder(source, times, mapped);
    placed.set(times, mapped);
    return mapped;
  };
}

/** An open end stays open: it is no instant that a clock map could move. */
function mapClosed(map: ClockMap, times: BigInt64Array): BigInt64Array {
  if (!times.includes(OPEN_END)) return map.apply(times);
  const closed = map.apply(times.filter((time) => time !== OPEN_END));
  let next = 0;
  return times.map((time) => (time === OPEN_END ? OPEN_END : (closed[next++] ?? 0n)));
}

function requireOrder(source: SourceSpec, times: BigInt64Array, mapped: BigInt64Array): void {
  for (let row = 1; row < times.length; row++) {
    if ((mapped[row] ?? 0n) >= (mapped[row - 1] ?? 0n) || (times[row] ?? 0n) < (times[row - 1] ?? 0n))
      continue;
    throw new AlignError(
      "CLOCK_NOT_MONOTONE",
      `the map of clock ${source.clock} would put samples of source ${source.name} out of order`,
      {
        where: { source: source.name, row, time: formatInstant(times[row] ?? 0n) },
        hint: "the evidence holds a step or a reset: split the capture there",
      },
    );
  }
}

/** Joins whose value is that of one sample or interval. */
const heldJoins: readonly string[] = ["backward", "forward", "nearest", "covering"];

function alignSpec(
  spec: TagSpec,
  source: SourceSpec,
  data: SampleStore | Intervals,
  certainty: Certainty | undefined,
): AlignSpec & SampleCertainty {
  const isCount = spec.join.kind === "window" && spec.join.aggregate === "count";
  const shape = "starts" in data ? data.values : data.shape;
  const isText = (shape.type === "list" ? shape.items : shape).type === "text" && !isCount;
  const step = spec.step ?? (spec.join.kind === "covering" || ["boolean", "text"].includes(shape.type));
  const isAmbiguous = certainty !== undefined && step && heldJoins.includes(spec.join.kind);
  return {
    name: spec.name,
    join: spec.join,
    quality: spec.quality,
    ...(spec.staleAfterNs === undefined ? {} : { staleAfterNs: spec.staleAfterNs }),
    ...(isAmbiguous ? { ambiguous: true, certainty } : {}),
    ...(spec.deviations === undefined ? {} : { compression: { step, ...spec.deviations } }),
    metadata: {
      source: source.name,
      tag: spec.tag,
      role: spec.role ?? (isText ? "context" : "state"),
      join: spec.join.kind,
      ...(spec.unit === undefined ? {} : { unit: spec.unit }),
    },
  };
}
