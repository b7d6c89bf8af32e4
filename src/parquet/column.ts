import type { Data, Dictionary, Field, Utf8, Vector } from "apache-arrow";
import { AlignError } from "../errors.ts";
import type { ChunkColumn } from "./chunk.ts";
import { kindOf } from "./schema.ts";

/**
 * A column of a batch, to be encoded as it stands: its values and bitmaps are in the kernels' arena.
 *
 * @throws AlignError OUTPUT_TYPE where Parquet does not take the type, BUG_PARQUET_SLICE where the bitmaps do not begin
 * with the column
 */
export function chunkColumn(field: Field, data: Data): ChunkColumn {
  const kind = kindOf(field);
  if (kind === "list") return { kind, data };
  if (data.offset !== 0)
    throw new AlignError("BUG_PARQUET_SLICE", `column "${field.name}" is part of another`);
  const { length, nullCount } = data;
  const rows = {
    length,
    nullable: field.nullable,
    nullCount,
    validity: nullCount === 0 ? undefined : data.nullBitmap,
  };
  switch (kind) {
    case "number":
      return { kind, ...rows, values: data.values as Float64Array };
    case "integer":
      return { kind, ...rows, values: data.values as BigInt64Array };
    case "status":
      return { kind, ...rows, values: data.values as Uint32Array };
    case "boolean":
      return { kind, ...rows, bits: data.values as Uint8Array };
    case "text": {
      const dictionary = (data as Data<Dictionary>).dictionary as Vector<Utf8>;
      return { kind, ...rows, codes: data.values as Int32Array, dictionary };
    }
  }
}
