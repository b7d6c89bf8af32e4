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
