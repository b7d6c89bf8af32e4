import { cpus, totalmem } from "node:os";
import { version } from "../version.ts";
import type { Spread } from "./measure.ts";
import type { Size } from "./workloads.ts";

/** One rival of a join in the same rounds. */
export interface Rival {
  name: string;
  /** ms, scaled to all tags. */
  wallMs: Spread;
  /** rival / ours, of wall time: how many times as fast we are. */
  ratio: Spread;
  /** How many of the tags were joined, where not all. */
  tags?: number;
}

/** One measurement: a join of a workload and its rivals. */
export interface Cell {
  workload: string;
  about: string;
  variant: string;
  join: string;
  /** Threads that the peers were allowed; we, a plain loop and a copy take one. */
  threads: number;
  frames: number;
  tags: number;
  /** What the copy moves. */
  bytes: number;
  wallMs: Spread;
  /** Of all threads. */
  cpuMs: Spread;
  /** Into outputs that were never touched; only where it was measured. */
  coldMs?: Spread;
  rivals: Rival[];
  /** What could not be timed: its memory was too small. */
  skipped: { name: string; why: string }[];
}

/** What a call of a peer costs that joins one frame with one sample. */
export interface FixedCost {
  peer: string;
  wallMs: Spread;
}

/** Peers by name: their versions, or how to get those that are not there. */
export type Peers = Record<string, { version: string } | { missing: string }>;

/** A whole job in processes of its own, beside the same job as users of other tools write it. */
export interface Job {
  name: string;
  wallMs: Spread;
  cpuMs: Spread;
  /** Largest resident set. */
  peakBytes: number;
  /** Stages of the median run, as its report has them. */
  timingMs: Record<string, number>;
  rivals: (Rival & { cpuMs: Spread; peakBytes: number })[];
}

export interface BenchReport {
  size: Size;
  machine: ReturnType<typeof machine>;
  peers: Peers;
  cells: Cell[];
  fixed: FixedCost[];
}

/** What the figures were taken on. */
export function machine() {
  const processors = cpus();
  return {
    processor: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    tagalign: version,
  };
}

export function cellName({ workload, variant, join, threads }: Cell): string {
  return `${workload} ${join}, ${variant}, ${threads} thread${threads === 1 ? "" : "s"}`;
}
