export { examine } from "./examine.ts";
export { mend } from "./mend.ts";
export type { DoctorOptions, DoctorReport, Finding, FindingPlace, Level } from "./report.ts";
