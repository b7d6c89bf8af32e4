export { type Clocks, readClocks, tieToReference } from "./clocks.ts";
export { type ClockFit, type ClockFits, type FittedEvidence, readClockFits } from "./fits.ts";
export { requireClockUncertainty } from "./uncertainty.ts";
