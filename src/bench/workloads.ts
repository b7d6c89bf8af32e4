import { instants, Random, regularTimes, type Series, walk, withNulls } from "./series.ts";

/** The workloads that joins are timed on; frames at 30 fps in all of them. */
export const workloadNames = ["W1", "W2", "W3s", "W3c", "W4"] as const;
export type WorkloadName = (typeof workloadNames)[number];

/** `nulls`: 5 % of the values are null. `limit`: a tolerance or a largest gap that about half of the frames exceed. */
export const variants = ["plain", "nulls", "limit"] as const;
export type Variant = (typeof variants)[number];

export type Size = "small" | "full";

export interface Workload {
  name: WorkloadName;
  /** Of the tags, in words. */
  about: string;
  frames: BigInt64Array;
  relativeFrames: Float64Array;
  tags: Series[];
  /** What a memory copy must move to be the join's equal. */
  counts: "output" | "input and output";
  /** ns: the median age of a match; beyond it are half of the frames. */
  toleranceNs: number;
  /** ns: the median distance of two samples. */
  maxGapNs: number;
  /** How many of the tags a slow peer joins; its time is scaled to all of them. */
  peerTags: number;
}

const framePeriodNs = 33_333_333;
const firstFrameNs = 500_000_000;
const frameJitterNs = 1_000_000;
const sampleJitter = 0.05;

const shapes: Record<WorkloadName, (size: Size) => Workload> = {
  W1: (size) =>
    ownTimes("W1", size === "full" ? [108_000, 200, 20] : [3_001, 3, 2], {
      about: "at 1 Hz",
      period: 1e9,
      counts: "output",
    }),
  W2: (size) =>
    ownTimes("W2", size === "full" ? [108_000, 50, 5] : [3_001, 2, 2], {
      about: "at 100 Hz",
      period: 1e7,
      counts: "input and output",
    }),
  W3s: (size) =>
    oneTag("W3s", size, {
      about: "at 30 Hz, phases apart",
      tags: 1,
      frames: 10_000_000,
      after: 22_870_000,
      jitter: sampleJitter * framePeriodNs,
      counts: "input and output",
    }),
  W3c: (size) =>
    oneTag("W3c", size, {
      about: "at 30 Hz, phases colliding",
      tags: 1,
      frames: 10_000_000,
      after: 0,
      jitter: frameJitterNs,
      counts: "input and output",
    }),
  W4: (size) =>
    oneTag("W4", size, {
      about: "at 30 Hz with the same times",
      tags: size === "full" ? 50 : 3,
      frames: 1_000_000,
      after: 4_730_000,
      jitter: sampleJitter * framePeriodNs,
      counts: "output",
    }),
};

export function makeWorkload(name: WorkloadName, size: Size): Workload {
  return shapes[name](size);
}

export function variantOf(load: Workload, variant: Variant): Workload {
  return variant === "nulls" ? { ...load, tags: withNulls(load.tags, 0.05) } : load;
}

/** Many tags, each with its own times from its own phase. */
function ownTimes(
  name: WorkloadName,
  [frames, tags, peerTags]: readonly [number, number, number],
  { about, period, counts }: { about: string; period: number; counts: Workload["counts"] },
): Workload {
  const random = new Random();
  const relativeFrames = frameTimes(frames, random);
  const samples = Math.ceil((frames * framePeriodNs) / period);
  const series = Array.from({ length: tags }, () => {
    const relative = regularTimes(samples, random.next() * period, period, sampleJitter * period, random);
    return { relative, times: instants(relative), values: walk(samples, random) };
  });
  const limits = { toleranceNs: period / 2, maxGapNs: period };
  return {
    name,
    about,
    frames: instants(relativeFrames),
    relativeFrames,
    tags: series,
    counts,
    peerTags,
    ...limits,
  };
}

/** As many samples as frames, at the frames' own rate; all tags share one column of times. */
function oneTag(
  name: WorkloadName,
  size: Size,
  shape: Pick<Workload, "about" | "counts"> & { tags: number; frames: number; after: number; jitter: number },
): Workload {
  const random = new Random();
  const frames = size === "full" ? shape.frames : 5_003;
  const relativeFrames = frameTimes(frames, random);
  const relative = regularTimes(frames, firstFrameNs + shape.after, framePeriodNs, shape.jitter, random);
  const times = instants(relative);
  const tags = Array.from({ length: shape.tags }, () => ({ relative, times, values: walk(frames, random) }));
  const { about, counts } = shape;
  const toleranceNs = shape.after === 0 ? framePeriodNs / 2 : framePeriodNs - shape.after;
  return {
    name,
    about,
    frames: instants(relativeFrames),
    relativeFrames,
    tags,
    counts,
    peerTags: tags.length,
    toleranceNs: Math.floor(toleranceNs),
    maxGapNs: framePeriodNs,
  };
}

/** Frames at 30 fps, each moved by up to 1 ms. */
export function frameTimes(count: number, random: Random): Float64Array {
  return regularTimes(count, firstFrameNs, framePeriodNs, frameJitterNs, random);
}
