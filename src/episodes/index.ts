export { type BuiltEpisodes, buildEpisodes } from "./build.ts";
export type {
  AlignedCapture,
  EpisodeCamera,
  EpisodeSpec,
  EpisodeTag,
  EpisodeText,
  EpisodeWarning,
} from "./capture.ts";
export { type Carriers, type FrameField, frameFields } from "./fields.ts";
export { filled } from "./fill.ts";
export { type GridDeviation, gridDeviation } from "./grid.ts";
export { resampled } from "./resample.ts";
export { type EpisodeField, type EpisodeJsonSchema, episodeFields, episodeSchema } from "./schema.ts";
export type {
  Camera,
  Episode,
  EpisodeFrames,
  EpisodeSet,
  EpisodeVideo,
  Feature,
  FeatureType,
  FeatureValues,
  Json,
  LeftOut,
  Segment,
} from "./set.ts";
export type { FrameTable, TableColumn, TableColumnType } from "./table.ts";
export { type ContextTerm, contextVocabulary } from "./vocabulary.ts";
