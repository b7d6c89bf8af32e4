export {
  ClockTracker,
  type DriftPrior,
  type Ns,
  type TrackClockOptions,
  type TrackedRows,
  trackClock,
} from "./tracker.ts";
