export { type AlignOptions, type AlignResult, alignCapture } from "./capture.ts";
export { type CheckReport, checkCapture, type SourceSummary, type TagSummary } from "./check.ts";
export { type ExportOptions, type ExportReport, type ExportResult, exportEpisodes } from "./export.ts";
export { type ColumnSummary, type InspectReport, inspectFile } from "./inspect.ts";
export {
  type Certainty,
  type ClocksReport,
  type ClocksResult,
  type ClockTieReport,
  type EvidenceReport,
  type FittedMapReport,
  type InspectClocksOptions,
  inspectClocks,
} from "./inspect-clocks.ts";
export { type AlignReport, type ExampleValue, type Output, reportJson, type TagReport } from "./report.ts";
export type { Input, Progress, SessionOptions, Warning } from "./session.ts";
