import { type DataType, Field, Int64, Schema, TimestampNanosecond, Uint32 } from "apache-arrow";
import type { TagMetadata, TagSpec } from "./spec.ts";

/** `full` adds age and status to every tag, `none` leaves them out. */
export type Provenance = "full" | "none";

export const frameColumns = ["frame_index", "frame_time", "frame_pts", "frame_uncertainty"] as const;

/** The aligned table's columns: the frame's own, then value, age and status of every tag in order. */
export function alignedSchema(
  columns: readonly { spec: TagSpec; type: DataType }[],
  provenance: Provenance,
  metadata: ReadonlyMap<string, string>,
): Schema {
  const frames = frameColumns.map(
    (name) => new Field(name, name === "frame_time" ? new TimestampNanosecond() : new Int64(), false),
  );
  const tags = columns.flatMap(({ spec, type }) => {
    const value = new Field(spec.name, type, true, fieldMetadata(spec.metadata));
    if (provenance === "none") return [value];
    const age = new Field(`${spec.name}.age`, new Int64(), true, new Map([["unit", "ns"]]));
    return [value, age, new Field(`${spec.name}.status`, new Uint32(), false)];
  });
  return new Schema([...frames, ...tags], new Map(metadata));
}

function fieldMetadata({ source, tag, role, unit, join }: TagMetadata): Map<string, string> {
  const metadata = new Map([
    ["source", source],
    ["tag", tag],
    ["role", role],
  ]);
  if (unit !== undefined) metadata.set("unit", unit);
  return metadata.set("join", join);
}
