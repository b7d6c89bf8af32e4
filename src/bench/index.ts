export { type BenchOptions, runBenchmarks } from "./run.ts";
