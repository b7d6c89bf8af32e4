import {
  Bool,
  type DataType,
  Field,
  Float64,
  Int64,
  Schema,
  TimestampNanosecond,
  Uint32,
} from "apache-arrow";
import type { TagMetadata, TagSpec } from "./spec.ts";

/** `full` adds to every tag where its value comes from and how far it holds, `none` leaves that out. */
export type Provenance = "full" | "none";

export const frameColumns = ["frame_index", "frame_time", "frame_pts", "frame_uncertainty"] as const;

/** How many columns a tag has. */
export function columnsOf({ ambiguous, compression }: TagSpec, provenance: Provenance): number {
  if (provenance === "none") return 1;
  return 3 + (ambiguous === true ? 1 : 0) + (compression === undefined ? 0 : 1);
}

/**
 * The aligned table's columns: the frame's own, then of every tag in order its value, age and status, where it says so
 * what is ambiguous, and the half-width around the value.
 */
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
    const fields = [value, age, new Field(`${spec.name}.status`, new Uint32(), false)];
    if (spec.ambiguous === true) fields.push(new Field(`${spec.name}.ambiguous`, new Bool(), false));
    if (spec.compression !== undefined) {
      const { unit } = spec.metadata;
      const metadata = unit === undefined ? undefined : new Map([["unit", unit]]);
      fields.push(new Field(`${spec.name}.error`, new Float64(), true, metadata));
    }
    return fields;
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
