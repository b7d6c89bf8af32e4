export { openSink, type SinkKind, sinkKinds } from "./registry.ts";
export type { Sink } from "./sink.ts";
