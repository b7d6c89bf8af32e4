export { type Change, type Comparison, compareBenchmarks } from "./compare.ts";
export type { Spread } from "./measure.ts";
export type { BenchReport, Cell } from "./results.ts";
export { type BenchOptions, runBenchmarks } from "./run.ts";
