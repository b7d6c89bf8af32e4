import type { Episode, EpisodeSet } from "../../episodes/index.ts";
import type { CapturedPictures } from "../captured-pictures.ts";

/** What both layouts need to write an episode. */
export interface Job {
  readonly set: EpisodeSet;
  /** Missing where pictures stay in their videos. */
  readonly pictures: CapturedPictures | undefined;
  /** One a camera, relative to the data set; empty where pictures are in the file. */
  videosOf(episode: Episode): readonly string[];
  /** Called once an episode is written. */
  progress(episode: Episode): void;
}
