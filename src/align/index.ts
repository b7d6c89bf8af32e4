export { type Intervals, OPEN_END, type Samples, type Values, type ValueType } from "../samples.ts";
export {
  type AlignerOptions,
  alignedBatch,
  createAligner,
  type FrameColumns,
  placeFrames,
} from "./aligner.ts";
export { type AsofJoinOptions, asofJoin } from "./asof.ts";
export { alignBlock } from "./block.ts";
export { copyBatch } from "./copy.ts";
export { type AlignFramesInput, alignFrames, type FrameJob, type FrameTag, placeInput } from "./frames.ts";
export { type InterpolateOptions, type InterpolateSamples, interpolate } from "./interpolate.ts";
export {
  type DataPlaces,
  dataAt,
  type PlanPlaces,
  placesOfData,
  placesOfPlan,
  planAt,
} from "./places.ts";
export { effectiveQuality, keptSamples, outputType, planTags, specOf } from "./plan.ts";
export { alignedSchema, columnsOf, frameColumns, type Provenance } from "./schema.ts";
export type {
  Aggregate,
  AlignedTagInput,
  AsofJoin,
  Certainty,
  Compression,
  CoveringJoin,
  Join,
  LinearJoin,
  Quality,
  SampleCertainty,
  TagMetadata,
  TagSpec,
  WindowJoin,
} from "./spec.ts";
export {
  emptyTally,
  statisticsBytes,
  type TagStatistics,
  type Tally,
  tagStatistics,
  tallied,
} from "./statistics.ts";
export { severity } from "./status.ts";
export type { TimesInput, ValuesInput } from "./vectors.ts";
