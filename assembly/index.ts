/** The ABI: every function that the host may call. Addresses and lengths are u32, instants and durations i64. */
export {
  countThrough,
  firstDescent,
  keepBackward,
  keepForward,
  keepNearest,
} from "./asof";
export { mapAffine } from "./clock";
export { coveringAll, coveringLatest } from "./covering";
export { packDelta } from "./delta";
export { fill8, fill32, fill64, indexRuns, matchedRuns } from "./fill";
export { countUp, elapsed } from "./frames";
export { gather8, gather32, gather64 } from "./gather";
export { blend, weights } from "./interpolate";
export { lineRuns } from "./line";
export {
  compactBits,
  packHybrid,
  range32,
  range64,
  rangeFloat,
  rankCodes,
  rankFew,
  rankRuns,
} from "./parquet";
export { age, statusAsof, statusLinear } from "./provenance";
export { keepSeverity, skippedFlags, skippedTimes, unionOfStatus } from "./quality";
export { countAbove, countBins, extremes, keepBin } from "./quantile";
export { runs, runsBetween } from "./runs";
export { scanGallop, scanMerge, scanRun } from "./scan";
export { ageRuns, statusAsofRuns, statusLinearRuns } from "./trace";
export { compact8, compact32, compact64, lastOfEqual, matched, packBits } from "./validity";
export { joinSums, windowCount, windowEdge, windowFloat, windowInteger, windowLongest } from "./window";
