import { resolveEpisodes } from "./episode-resolve.ts";
import { given } from "./given.ts";
import type {
  EvidenceSpec,
  EvidenceTable,
  FrameTiming,
  JoinSpec,
  Manifest,
  MapSpec,
  OutputSpec,
  Requirements,
  SourceSpec,
  TableShape,
  TagSpec,
  TimeReading,
} from "./manifest.ts";
import type { ManifestText, MapText, SourceText, TagText } from "./schema.ts";
import { defaultJoin } from "./tags.ts";

/** What a manifest says, without where it came from. */
type ManifestContent = Omit<Manifest, "base" | "path" | "sha256">;

/** A checked manifest in resolved form; the names are in the order of the text, which object keys do not keep. */
export function resolve(
  text: ManifestText,
  names: {
    clocks: readonly string[];
    sources: readonly string[];
    tags: readonly string[];
    context: readonly string[];
  },
): ManifestContent {
  return {
    version: text.version,
    capture: text.capture,
    ...given({ description: text.description }),
    referenceClock: text.reference_clock,
    clocks: names.clocks,
    maps: text.maps.map(resolveMap),
    sources: new Map(names.sources.map((name) => [name, resolveSource(name, text.sources[name]!)])),
    frames: text.frames,
    tags: names.tags.map((name) => resolveTag(name, text.tags[name]!, text.sources)),
    provenance: text.provenance,
    require: given({
      coverage: text.require.coverage,
      clockUncertaintyNs: text.require.clock_uncertainty,
    }) satisfies Requirements,
    outputs: text.outputs.map(resolveOutput),
    ...(text.episodes === undefined
      ? {}
      : { episodes: resolveEpisodes(text.episodes, text, names.tags, names.context) }),
  };
}

function resolveOutput(output: ManifestText["outputs"][number]): OutputSpec {
  const path = output.path
    .split(/[\\/]/)
    .filter((part) => part !== "" && part !== ".")
    .join("/");
  switch (output.kind) {
    case "parquet":
    case "arrow":
    case "csv":
      return { kind: output.kind, path };
    default: {
      const { kind, name, video, version, layout, image_size: imageSize } = output;
      return { kind, path, ...given({ name, video, version, layout, imageSize }) };
    }
  }
}

function resolveMap({ from, to, model, evidence }: MapText): MapSpec {
  return { from, to, model, evidence: evidence.map(resolveEvidence) };
}

function resolveEvidence(evidence: MapText["evidence"][number]): EvidenceSpec {
  switch (evidence.kind) {
    case "constant":
      return {
        kind: "constant",
        offsetNs: evidence.offset,
        ...given({ uncertaintyNs: evidence.uncertainty }),
      };
    case "marks": {
      const { from, to, uncertainty } = evidence.columns;
      return { kind: "marks", ...evidenceTable(evidence), columns: { from, to, ...given({ uncertainty }) } };
    }
    case "two-way": {
      const { from, offset, round_trip } = evidence.columns;
      const columns = { from, offset, ...given({ round_trip }) };
      return { kind: "two-way", ...evidenceTable(evidence), columns };
    }
    case "one-way": {
      const { path, columns, source, time } = evidence;
      if (source !== undefined) return { kind: "one-way", source };
      return { kind: "one-way", ...evidenceTable({ path: path!, time: time ?? {} }), columns: columns! };
    }
    case "signals":
      return { kind: "signals", from: evidence.from, to: evidence.to, maxLagNs: evidence.max_lag };
  }
}

function evidenceTable({ path, time }: { path: readonly string[]; time: TimeText }): EvidenceTable {
  return { path, time: resolveTime(time) };
}

function resolveSource(name: string, source: SourceText): SourceSpec {
  const base = { name, clock: source.clock, ...given({ role: source.role }) };
  if (source.kind === "video")
    return { ...base, ...frameTiming(source), kind: "video", path: source.path, start: source.start };
  const rows = {
    time: resolveTime(source.time),
    ...(source.arrival === undefined ? {} : { arrival: resolveTime(source.arrival) }),
    order: source.order,
  };
  if (source.kind === "frames")
    return {
      ...base,
      ...rows,
      ...frameTiming(source),
      kind: "frames",
      path: source.path,
      columns: frameColumns(source.columns),
    };
  return {
    ...base,
    ...(source.kind === "sql"
      ? { kind: source.kind, query: source.query }
      : { kind: source.kind, path: source.path }),
    ...({ shape: source.shape, columns: source.columns } as TableShape),
    ...rows,
    ...given({ quality: source.quality }),
    badValues: source.bad_values.map(String),
  };
}

function frameTiming(source: SourceText & { kind: "video" | "frames" }): FrameTiming {
  return {
    captureDelayNs: source.capture_delay,
    exposureNs: source.exposure,
    cadence: source.cadence,
  };
}

function frameColumns({ time, arrival }: { time: string; arrival?: string | undefined }) {
  return { time, ...given({ arrival }) };
}

type TimeText = { [K in keyof TimeReading]?: TimeReading[K] | undefined };

function resolveTime({ unit, zone, ambiguous, format }: TimeText): TimeReading {
  return { ambiguous: ambiguous ?? "reject", ...given({ unit, zone, format }) };
}

function resolveTag(name: string, tag: TagText, sources: ManifestText["sources"]): TagSpec {
  return {
    name,
    source: tag.source,
    tag: tag.tag,
    join: resolveJoin(tag, tag.join ?? defaultJoin(sources[tag.source]!)),
    ...given({ staleAfterNs: tag.stale_after, type: tag.type, unit: tag.unit, role: tag.role }),
    ...given({ step: tag.step, deviations: deviationsOf(tag), previousEpisode: tag.previous_episode }),
    quality: tag.quality ?? "good",
  };
}

function deviationsOf({ compression_deviation: compression, exception_deviation: exception }: TagText) {
  if (compression === undefined && exception === undefined) return undefined;
  return { compression: compression ?? 0, exception: exception ?? 0 };
}

function resolveJoin(tag: TagText, kind: NonNullable<TagText["join"]>): JoinSpec {
  switch (kind) {
    case "linear":
      return {
        kind,
        extrapolate: tag.extrapolate ?? "none",
        ...given({ maxGapNs: tag.max_gap, toleranceNs: tag.tolerance }),
      };
    case "covering":
      return { kind, overlap: tag.overlap ?? "latest" };
    case "window":
      return { kind, ...tag.window! };
    default:
      return { kind, ...given({ toleranceNs: tag.tolerance }) };
  }
}
