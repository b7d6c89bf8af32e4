export { type AlignOptions, alignCapture } from "./capture.ts";
export type { AlignReport, Output, TagReport } from "./report.ts";
export { reportJson } from "./report.ts";
export type { Input, Progress, SessionOptions, Warning } from "./session.ts";
