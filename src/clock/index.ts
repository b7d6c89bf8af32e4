export { analyseCadence, type Cadence, type FrameGap } from "./cadence.ts";
export { type CleanedTimes, cleanCadence } from "./cadence-clean.ts";
export {
  type ClockFit,
  type ClockModel,
  type EvidenceOutcome,
  estimateClockMap,
  fitClock,
} from "./estimate.ts";
export type { ClockEvent } from "./event.ts";
export type { Evidence } from "./evidence.ts";
export {
  buildClockGraph,
  type ClockEdge,
  type ClockGraph,
  type ClockPath,
  quarterHourNear,
} from "./graph.ts";
export { ClockMap, identityMap } from "./map.ts";
export { type ClockReport, clockReport } from "./report.ts";
export type { ClockSegment } from "./segment.ts";
export { type Signal, signalLags } from "./signals/index.ts";
export {
  ClockTracker,
  type DriftPrior,
  type Ns,
  type TrackClockOptions,
  type TrackedRows,
  trackClock,
} from "./tracker/index.ts";
