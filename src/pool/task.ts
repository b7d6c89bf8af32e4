import type { DataPlaces, PlanPlaces, Provenance, TagStatistics, Tally } from "../align/index.ts";
import type { ErrorPlace } from "../errors.ts";
import type { Place, Region } from "../kernels/index.ts";
import type { ChunkMeta } from "../parquet/index.ts";

/** The frames that a task works on: rows [start, end) of these columns, all in the shared memory. */
export interface TaskFrames {
  time: Place;
  /** 1 sigma of each frame's time. */
  uncertainty: Place;
  start: number;
  end: number;
  /** Time of the frame before the column's first one. */
  previousNs: bigint | undefined;
}

/** What is made of the joined columns: Arrow columns, Parquet chunks, or both. */
export interface TaskForms {
  columns: boolean;
  chunks: boolean;
}

/** Joins some tags to some frames, row group by row group; what it makes lies in `region` until that is reused. */
export interface AlignTask {
  kind: "align";
  region: Region;
  frames: TaskFrames;
  groupRows: number;
  plans: PlanPlaces[];
  provenance: Provenance;
  forms: TaskForms;
  /** The frames' own columns, where this task encodes them. */
  own?: Place[];
}

/** One row group of the tags of a task: the columns of the schema, tag after tag. */
export interface AlignedGroup {
  start: number;
  end: number;
  /** Empty where they are not asked for; so are the chunks. */
  columns: DataPlaces[];
  /** The frames' own columns first, where the task encodes them. */
  chunks: { parts: Place[]; meta: ChunkMeta }[];
}

/** Tallies some tags over some frames; after the last frames it gives the statistics instead. */
export interface StatisticsTask {
  kind: "statistics";
  region: Region;
  frames: TaskFrames;
  plans: PlanPlaces[];
  tallies: Readonly<Tally>[];
  /** Ages of the matches so far, a column a tag with room for all frames. */
  ages: Place[];
  /** How many samples there are for each tag's join; absent while more frames are to come. */
  samples?: number[];
}

export type Task = AlignTask | StatisticsTask;

export interface ResultOf {
  align: AlignedGroup[];
  statistics: { tallies: Tally[]; statistics?: TagStatistics[] };
}

export type Result<T extends Task> = ResultOf[T["kind"]];

/** What comes back from a thread. */
export type Answer<T extends Task> =
  | { result: Result<T> }
  | { error: { code: string; message: string; where: ErrorPlace | undefined; hint: string | undefined } };
