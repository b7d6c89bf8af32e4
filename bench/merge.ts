import type { Spread } from "../src/bench/measure.ts";
import { type BenchReport, type Job, machine } from "../src/bench/results.ts";
import type { Size } from "../src/bench/workloads.ts";
import type { AlignRun } from "./align.ts";

/** One row group in one writer, its file included. */
export interface Writer {
  name: string;
  cpuMs: Spread;
  /** Of the file. */
  bytes: number;
}

/** What a second thread gains. */
export interface ThreadGain {
  name: string;
  oneMs: Spread;
  twoMs: Spread;
  /** One over two: how many times as fast two are. */
  ratio: Spread;
}

/** The figures of all benchmarks of one run. */
export interface AllResults extends BenchReport {
  jobs: Job[];
  /** The hour's joins alone, in memory. */
  alone?: { wallMs: Spread; cpuMs: Spread };
  writers: Writer[];
  threads: ThreadGain[];
  /** Captures by name: whole runs, once. */
  runs: Record<string, AlignRun>;
}

/** One document out of the documents of the parts. */
export function merge(size: Size, parts: readonly Partial<AllResults>[]): AllResults {
  const none = { peers: {}, cells: [], fixed: [], jobs: [], writers: [], threads: [], runs: {} };
  const all: AllResults = { size, machine: machine(), ...none };
  for (const part of parts) {
    Object.assign(all.peers, part.peers);
    Object.assign(all.runs, part.runs);
    all.cells.push(...(part.cells ?? []));
    all.jobs.push(...(part.jobs ?? []));
    all.writers.push(...(part.writers ?? []));
    all.threads.push(...(part.threads ?? []));
    if (part.alone !== undefined) all.alone = part.alone;
    const known = new Set(all.fixed.map(({ peer }) => peer));
    all.fixed.push(...(part.fixed ?? []).filter(({ peer }) => !known.has(peer)));
  }
  return all;
}
