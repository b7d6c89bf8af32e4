export type { DatasetFiles, DatasetFormat, DatasetWarning, FormatOptions, VideoMode } from "./format.ts";
