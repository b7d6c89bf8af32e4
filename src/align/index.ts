export { type Intervals, OPEN_END, type Samples, type Values, type ValueType } from "../samples.ts";
export { Aligner, type AlignerOptions, createAligner, type FrameColumns } from "./aligner.ts";
export { type AsofJoinOptions, asofJoin } from "./asof.ts";
export { copyBatch } from "./copy.ts";
export { type AlignFramesInput, alignFrames, type FrameTag } from "./frames.ts";
export { type InterpolateOptions, type InterpolateSamples, interpolate } from "./interpolate.ts";
export type { Provenance } from "./schema.ts";
export type {
  Aggregate,
  AlignedTagInput,
  AsofJoin,
  CoveringJoin,
  Join,
  LinearJoin,
  Quality,
  TagMetadata,
  TagSpec,
  WindowJoin,
} from "./spec.ts";
export type { TagStatistics } from "./statistics.ts";
export { severity } from "./status.ts";
export type { TimesInput, ValuesInput } from "./vectors.ts";
