import type { Schema } from "apache-arrow";
import { openArrowSink } from "./arrow.ts";
import { openCsvSink } from "./csv.ts";
import { openParquetSink } from "./parquet.ts";
import type { Sink } from "./sink.ts";

const sinks = {
  parquet: openParquetSink,
  arrow: openArrowSink,
  csv: openCsvSink,
} satisfies Record<string, (path: string, schema: Schema) => Promise<Sink>>;

export type SinkKind = keyof typeof sinks;

export const sinkKinds = Object.keys(sinks) as SinkKind[];

/**
 * Starts a file of the given format. A file that is there already is replaced.
 *
 * @throws AlignError `OUTPUT_WRITE` where the file cannot be written, `OUTPUT_TYPE` where the format cannot hold a
 *   column; so do the sink's own calls.
 */
export function openSink(kind: SinkKind, path: string, schema: Schema): Promise<Sink> {
  return sinks[kind](path, schema);
}
