import type { Intervals, Samples, SampleWindow } from "../samples.ts";

/** Whether samples that are not good are skipped: `usable` keeps uncertain ones, `raw` keeps everything. */
export type Quality = "good" | "usable" | "raw";

export type Aggregate = "count" | "sum" | "mean" | "min" | "max" | "first" | "last";

/** The one sample before, after or next to the frame, at most `toleranceNs` away (inclusive; absent: any distance). */
export interface AsofJoin {
  kind: "backward" | "forward" | "nearest";
  toleranceNs?: bigint;
}

/**
 * The straight line between the samples around the frame, unless they are more than `maxGapNs` apart.
 * `hold` repeats the first and the last sample outside the samples, as far as `toleranceNs`.
 */
export interface LinearJoin {
  kind: "linear";
  maxGapNs?: bigint;
  extrapolate: "none" | "hold";
  toleranceNs?: bigint;
}

/** The interval with start <= frame < end: the one with the greatest start, or a list of all by start. */
export interface CoveringJoin {
  kind: "covering";
  overlap: "latest" | "all";
}

/** An aggregate of the samples in (previous frame, frame], or in (frame - span, frame] for a span in ns. */
export interface WindowJoin {
  kind: "window";
  span: "frame" | bigint;
  aggregate: Aggregate;
}

export type Join = AsofJoin | LinearJoin | CoveringJoin | WindowJoin;

/** What the value column's field says about where it comes from. */
export interface TagMetadata {
  source: string;
  tag: string;
  role: string;
  unit?: string;
  join: string;
}

/** What a historian left out: in the unit of the values. */
export interface Compression {
  /** Whether a value holds until the next sample; else values lie on the line between samples. */
  step: boolean;
  /** The largest deviation of what compression left out. */
  compression: number;
  /** The largest deviation that was not passed on to be compressed. */
  exception: number;
}

/** How well the places of samples on the clock of the frames are known. */
export interface Certainty {
  /** 1 sigma at instants on the frames' clock, ns. */
  sigmaNs(times: BigInt64Array): Float64Array;
  /** At least 2 sigma of any frame and any sample near it together. */
  reachNs: bigint;
}

/** How one output column is made. A value older than `staleAfterNs` keeps its value and is marked. */
export interface TagSpec {
  name: string;
  join: Join;
  staleAfterNs?: bigint;
  quality: Quality;
  /** Whether the table says where a change of the value is too near to the frame for its clock; not under `linear`, `window`. */
  ambiguous?: boolean;
  /** Makes the column of the half-width that contains the truth; not under `covering`, `window`. */
  compression?: Compression;
  metadata: TagMetadata;
}

/** What goes with the samples of a tag. */
export interface SampleCertainty {
  /** There where the tag is to say what is ambiguous. */
  certainty?: Certainty;
}

/** A tag and what it is made of: intervals under a `covering` join, samples under any other. */
export type AlignedTagInput =
  | (TagSpec & SampleCertainty & { samples: Samples | SampleWindow })
  | (TagSpec & SampleCertainty & { intervals: Intervals });
