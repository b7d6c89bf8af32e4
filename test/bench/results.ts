import type { Spread } from "../../src/bench/measure.ts";
import { type BenchReport, machine } from "../../src/bench/results.ts";

/** Made-up full results of one join with these ratios. */
export function results(ratios: Readonly<Record<string, Spread>>): BenchReport {
  const ms = { least: 1, median: 2, most: 3 };
  const rivals = Object.entries(ratios).map(([name, ratio]) => ({ name, wallMs: ms, ratio }));
  const cell = {
    workload: "W1",
    about: "at 1 Hz",
    variant: "plain",
    join: "backward",
    threads: 1,
    frames: 108_000,
    tags: 200,
    bytes: 1,
    wallMs: ms,
    cpuMs: ms,
    rivals,
    skipped: [],
  };
  return { size: "full", machine: machine(), peers: {}, cells: [cell], fixed: [] };
}
