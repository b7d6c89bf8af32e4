export {
  clockPage,
  type PlotLibrary,
  type PlottedCapture,
  type PlottedClock,
  type PlottedEntry,
  type PlottedMap,
} from "./page.ts";
export type { PlottedReadings } from "./panel.ts";
