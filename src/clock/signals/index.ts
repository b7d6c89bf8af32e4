export { type LagChunk, type SignalLags, signalLags } from "./lags.ts";
export type { Signal } from "./signal.ts";
