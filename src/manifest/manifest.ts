import type { AmbiguousPolicy } from "../time.ts";

/**
 * A capture manifest that has been read, checked and completed with its defaults.
 *
 * Durations and instants are int64 ns; a missing `...Ns` is "unlimited". Paths are as written, relative to `base`.
 */
export interface Manifest {
  version: 1;
  /** Identity of the capture, which appears in every output. */
  capture: string;
  description?: string;
  /** The clock that every output time is on; one of `clocks`. */
  referenceClock: string;
  clocks: readonly string[];
  maps: readonly MapSpec[];
  /** By name, in the manifest's order. */
  sources: ReadonlyMap<string, SourceSpec>;
  /** Name of the source whose frames are the rows: of kind `video` or `frames`. */
  frames: string;
  /** In the order of the output columns. */
  tags: readonly TagSpec[];
  /** `none` leaves all columns `<tag>.…` out of the tables. */
  provenance: "full" | "none";
  require: Requirements;
  outputs: readonly OutputSpec[];
  /** How the frames become episodes of a data set. */
  episodes?: EpisodesSpec;
  /** Directory that relative paths start from. */
  base: string;
  /** The file that it was read from, as the caller wrote it. */
  path?: string;
  /** SHA-256 of the manifest's bytes, in hex. */
  sha256: string;
}

/** Limits that the aligned capture must keep, else nothing is published. */
export interface Requirements {
  /** Least share of frames with a value, for every tag, 0 to 1. */
  coverage?: number;
  /** Largest 1 sigma of any clock map in use. */
  clockUncertaintyNs?: bigint;
}

/** Evidence that ties the clock `from` to the clock `to`. */
export interface MapSpec {
  from: string;
  to: string;
  model: "auto" | "constant" | "linear" | "piecewise";
  /** One or more, used jointly. */
  evidence: readonly EvidenceSpec[];
}

export type EvidenceSpec =
  | ConstantEvidenceSpec
  | MarksEvidenceSpec
  | TwoWayEvidenceSpec
  | OneWayEvidenceSpec
  | SignalsEvidenceSpec;

/** A known offset: `to` minus `from`. */
export interface ConstantEvidenceSpec {
  kind: "constant";
  offsetNs: bigint;
  /** 1 sigma. */
  uncertaintyNs?: bigint;
}

/** A table of evidence; numbers without `time.unit` are whole ns. */
export interface EvidenceTable {
  /** Paths and globs, at least one. */
  path: readonly string[];
  time: TimeReading;
}

/** A table of instants seen on both clocks. */
export interface MarksEvidenceSpec extends EvidenceTable {
  kind: "marks";
  /** Column names: reading of the clock `from`, of the clock `to`, and 1 sigma. */
  columns: { from: string; to: string; uncertainty?: string };
}

/** A table of measured offsets, `to` minus `from`, with the round trips of their probes. */
export interface TwoWayEvidenceSpec extends EvidenceTable {
  kind: "two-way";
  columns: { from: string; offset: string; round_trip?: string };
}

/** Stamps on the clock `from` and their arrivals on the clock `to`: a table, or the rows of a source. */
export type OneWayEvidenceSpec = OneWayTableSpec | OneWaySourceSpec;

export interface OneWayTableSpec extends EvidenceTable {
  kind: "one-way";
  columns: { from: string; to: string };
}

export interface OneWaySourceSpec {
  kind: "one-way";
  /** On the clock `from`, with `columns.arrival`. */
  source: string;
}

/** Two tags that follow the same thing, one on the clock `from` and one on the clock `to`. */
export interface SignalsEvidenceSpec {
  kind: "signals";
  from: { source: string; tag: string };
  to: { source: string; tag: string };
  /** The largest offset that is looked for, in either direction. */
  maxLagNs: bigint;
}

export type PlantRole = "historian" | "scada" | "dcs" | "mes" | "erp" | "robot" | "camera" | "sensor";

interface SourceBase {
  name: string;
  clock: string;
  role?: PlantRole;
}

export type SourceSpec = VideoSourceSpec | FramesSourceSpec | TableSourceSpec;

/** The clock's reading at presentation time 0. */
export type VideoStart =
  | { kind: "duration"; ns: bigint }
  | { kind: "instant"; ns: bigint }
  | { kind: "creation_time" };

/** How the stamps of frames become times. */
export interface FrameTiming {
  /** How much later than the light the stamp is: subtracted. */
  captureDelayNs: bigint;
  /** Length of the exposure that begins at the stamp: half of it is added. */
  exposureNs: bigint;
  /** `auto`: rounding and jitter are taken away where a constant rate is proven. */
  cadence: "auto" | "off";
}

export interface VideoSourceSpec extends SourceBase, FrameTiming {
  kind: "video";
  /** Paths and globs, at least one. */
  path: readonly string[];
  start: VideoStart;
}

/** A table of frame times. */
export interface FramesSourceSpec extends SourceBase, FrameTiming {
  kind: "frames";
  path: readonly string[];
  columns: { time: string; arrival?: string };
  time: TimeReading;
  /** Of the column `arrival`; missing: as `time`. */
  arrival?: TimeReading;
  order: RowOrder;
}

/** A table of plant data: its place, its shape, and how its cells read. */
export type TableSourceSpec = SourceBase & TablePlace & TableShape & TableReading;

export type TablePlace =
  | { kind: "csv" | "jsonl" | "parquet" | "arrow"; path: readonly string[] }
  | { kind: "sql"; query: string };

/**
 * The columns of each shape by their names in the table; `name[3]` is an element of a list column.
 * `arrival` holds when a row arrived, on another clock.
 */
export type TableShape =
  | { shape: "wide"; columns: { time: string; arrival?: string; quality?: string } }
  | {
      shape: "long";
      columns: { time: string; arrival?: string; tag: string; value: string; quality?: string };
    }
  | { shape: "intervals"; columns: { start: string; end: string; quality?: string } }
  | { shape: "events"; columns: { time: string; arrival?: string; quality?: string } };

export interface TableReading {
  time: TimeReading;
  /** Of the column `arrival`; missing: as `time`. */
  arrival?: TimeReading;
  /** Missing: by what the quality column holds. */
  quality?: QualityReading;
  /** Words of a value column that mean "no value", beside the usual ones. */
  badValues: readonly string[];
  order: RowOrder;
}

/** How a time column reads. */
export interface TimeReading {
  /** Of numbers. */
  unit?: "ns" | "us" | "ms" | "s";
  /** IANA name, for text without a zone. */
  zone?: string;
  ambiguous: AmbiguousPolicy;
  /** Of text that is not ISO 8601. */
  format?: string;
}

/** `sort` puts rows in time order, stably, and counts; `strict` refuses rows out of order. */
export type RowOrder = "sort" | "strict";

export type QualityReading = "opcua" | "opcda" | "words" | QualityLists;

/** The codes and words of each quality; no entry is in two lists. */
export interface QualityLists {
  good: readonly (string | number)[];
  uncertain: readonly (string | number)[];
  bad: readonly (string | number)[];
}

/** One output column and how it is joined. */
export interface TagSpec {
  name: string;
  source: string;
  /** The tag's name in the source; of a video or frames source `frame_index` or `pts`. */
  tag: string;
  join: JoinSpec;
  /** A value older than this is marked as stale. */
  staleAfterNs?: bigint;
  quality: "good" | "usable" | "raw";
  /** Whether a value holds until the next one. Missing: where the join is covering, and where values are boolean or text. */
  step?: boolean;
  /** What the historian left out, in the unit of the values; missing where neither deviation is given. */
  deviations?: { compression: number; exception: number };
  /** Missing: as found. */
  type?: "number" | "integer" | "boolean" | "text";
  unit?: string;
  role?: "state" | "action" | "context";
  /** Whether episodes carry the value that the tag had in the episode before. */
  previousEpisode?: boolean;
}

export type JoinSpec = AsofJoinSpec | LinearJoinSpec | CoveringJoinSpec | WindowJoinSpec;

export interface AsofJoinSpec {
  kind: "backward" | "forward" | "nearest";
  /** The farthest a match may be, inclusive. */
  toleranceNs?: bigint;
}

export interface LinearJoinSpec {
  kind: "linear";
  /** The widest distance between the two bracketing samples, inclusive. */
  maxGapNs?: bigint;
  extrapolate: "none" | "hold";
  /** How far a hold may reach, inclusive. */
  toleranceNs?: bigint;
}

export interface CoveringJoinSpec {
  kind: "covering";
  overlap: "latest" | "all";
}

export type WindowAggregate = "count" | "sum" | "mean" | "min" | "max" | "first" | "last";

export interface WindowJoinSpec {
  kind: "window";
  /** `frame`: (previous frame, this frame]; else ns: (t - span, t]. */
  span: "frame" | bigint;
  aggregate: WindowAggregate;
}

export type OutputSpec = TableOutputSpec | DatasetOutputSpec;

export interface TableOutputSpec {
  kind: "parquet" | "arrow" | "csv";
  /** Relative to the output directory, with `/`. */
  path: string;
}

/** A data set of the capture's episodes. */
export interface DatasetOutputSpec {
  kind: "lerobot" | "rlds" | "mcap" | "hdf5";
  /** Its directory, relative to the output directory, with `/`. */
  path: string;
  name?: string;
  video?: "retime" | "copy" | "resample" | "images";
  version?: string;
  layout?: string;
  /** Width and height. */
  imageSize?: readonly [number, number];
}

/** How aligned frames become episodes. Every tag and source that it names is declared. */
export interface EpisodesSpec {
  /** Missing: the whole capture is one episode. */
  by?: EpisodeCutSpec;
  /** Shorter episodes are left out. */
  minNs?: bigint;
  /** Longer episodes are cut into pieces of this length. */
  maxNs?: bigint;
  /** Episodes are cut where frames are farther apart than this. */
  splitAtGapsNs?: bigint;
  /** Whole frames a second. Missing: the nearest whole rate. */
  fps?: number;
  robot?: string;
  /** Of each frame. */
  task?: readonly TemplatePart[];
  /** Of each episode, with the values at its first frame. */
  scene?: readonly TemplatePart[];
  /** Tag names. Missing: the tags of role state. */
  observation?: readonly string[];
  /** Tag names. Missing: the tags of role action. */
  action?: readonly string[];
  /** The action of a frame is the state that far ahead of it. */
  actionLeadNs: bigint;
  /** In order. Missing: the tags of role context, under their own names. */
  context?: readonly { name: string; tag: string }[];
  /** The tag that names a person, and the key of the hash that stands for the name. */
  personnel?: { tag: string; salt: string };
  /** List tags. */
  alarms?: { name: string; severity?: string };
  /** Path of a procedure file as written, and the tag that holds the step's id. */
  procedure?: { path: string; step: string };
  /** Sources of kind video. */
  cameras: readonly EpisodeCameraSpec[];
  /** Missing: half a frame interval. */
  maxJitterNs?: bigint;
}

/** `interval`: told by value and start of the tag, which is the first tag of an intervals source. */
export type EpisodeCutSpec = { kind: "tag"; tag: string } | { kind: "interval"; source: string; tag: string };

/** Text as it is, or a name whose value stands there; `otherwise` where there is none. */
export type TemplatePart = string | { name: string; otherwise?: string };

export interface EpisodeCameraSpec {
  source: string;
  /** The tag that holds the place of the picture. Missing: the column `frame_index`, as the camera is the frames source. */
  frameIndexTag?: string;
}
