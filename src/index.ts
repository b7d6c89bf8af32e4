export {
  type AlignFramesInput,
  alignFrames,
  asofJoin,
  type FrameTag,
  interpolate,
} from "./align/index.ts";
export {
  type BenchOptions,
  type BenchReport,
  type Cell as BenchCell,
  type Change as BenchChange,
  type Comparison as BenchComparison,
  compareBenchmarks,
  runBenchmarks,
  type Spread,
} from "./bench/index.ts";
export {
  type ClockEvent,
  ClockMap,
  type ClockModel,
  type ClockReport,
  type ClockSegment,
  ClockTracker,
  type DriftPrior,
  type Evidence,
  estimateClockMap,
  type Ns,
  type TrackClockOptions,
  type TrackedRows,
  trackClock,
} from "./clock/index.ts";
export {
  type DatasetFormatName,
  type DatasetWarning,
  datasetFormatNames,
  type VideoMode,
} from "./datasets/index.ts";
export {
  type DoctorOptions,
  type DoctorReport,
  examine as examineDataset,
  type Finding,
  type FindingPlace,
  mend as mendDataset,
} from "./doctor/index.ts";
export { contextVocabulary, episodeSchema } from "./episodes/index.ts";
export { AlignError, type ErrorPlace } from "./errors.ts";
export {
  type JsonSchema,
  type Manifest,
  manifestSchema,
  type ParseManifestOptions,
  parseManifest,
  readManifest,
} from "./manifest/index.ts";
export { createEngine, type Engine, type EngineOptions } from "./pool/index.ts";
export { procedureSchema } from "./procedure/index.ts";
export {
  type AlignOptions,
  type AlignReport,
  type AlignResult,
  alignCapture,
  type Certainty,
  type CheckReport,
  type ClocksReport,
  type ClocksResult,
  type ClockTieReport,
  type ColumnSummary,
  checkCapture,
  type EvidenceReport,
  type ExampleValue,
  type ExportOptions,
  type ExportReport,
  type ExportResult,
  exportEpisodes,
  type FittedMapReport,
  type Input,
  type InspectClocksOptions,
  type InspectReport,
  inspectClocks,
  inspectFile,
  type Output,
  type Progress,
  reportJson,
  type SessionOptions,
  type SourceSummary,
  type TagReport,
  type TagSummary,
  type Warning,
} from "./run/index.ts";
export { version } from "./version.ts";
