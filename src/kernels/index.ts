export { Arena, bitmapBytes, type Column, type Place, type Region } from "./arena.ts";
export type {
  LinearSamples,
  LineOptions,
  MapPiece,
  NullableColumn,
  StatusAsofOptions,
  StatusLinearOptions,
} from "./arguments.ts";
export type { CoveringState } from "./covering.ts";
export { Kernels, sharedKernels } from "./kernels.ts";
export type { LoadOptions } from "./load.ts";
export { isRuns, type Line, type Match } from "./match.ts";
export { deltaRoom, hybridRoom, type PageKernels, runRoom } from "./parquet.ts";
export type { AsofOptions, Scan } from "./scan.ts";
export type { WindowOptions } from "./windows.ts";
