export type { DatasetFiles, DatasetFormat, DatasetWarning, FormatOptions, VideoMode } from "./format.ts";
export { type DatasetFormatName, datasetFormat, datasetFormatNames } from "./registry.ts";
