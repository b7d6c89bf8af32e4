import type { Data, Utf8, Vector } from "apache-arrow";

/**
 * One column over the rows of a row group (at most 65,536), in the memory of the kernels that encode it.
 *
 * `validity` is an Arrow bitmap, absent where `nullCount` is 0; its bits past the length are 0, those of `bits` too.
 * What lies under a null does not matter. A dictionary holds each text once, in one piece.
 *
 * number   float64
 * integer  int64, instants among them
 * status   uint32
 * boolean  an Arrow bitmap
 * text     codes into a dictionary
 * list     lists of any of these but status, of lists too; may be anywhere in memory
 */
export type ChunkColumn =
  | Flat<"number", { values: Float64Array }>
  | Flat<"integer", { values: BigInt64Array }>
  | Flat<"status", { values: Uint32Array }>
  | Flat<"boolean", { bits: Uint8Array }>
  | Flat<"text", { codes: Int32Array; dictionary: Vector<Utf8> }>
  | { kind: "list"; data: Data };

type Flat<Kind extends string, Values> = {
  kind: Kind;
  length: number;
  /** Whether the schema allows nulls. */
  nullable: boolean;
  nullCount: number;
  validity?: Uint8Array | undefined;
} & Values;

/** The bytes of a column chunk, and what the file's footer says about them. */
export interface EncodedChunk {
  /** In order; views on the kernels' memory, on the column's own values among them. */
  parts: Uint8Array[];
  /** Survives the way to another thread. */
  meta: ChunkMeta;
}

export interface ChunkMeta {
  /** Numbers of parquet.thrift `Encoding`. */
  encodings: number[];
  /** Rows, or for lists items and what stands for a list without items. */
  values: number;
  nulls: number;
  /** Of all parts. */
  bytes: number;
  /** Of those, what the dictionary page takes; 0 where there is none. */
  dictionaryBytes: number;
  /** The least and the greatest value, as PLAIN writes them; absent where there are none or they are long texts. */
  bounds?: { least: Uint8Array; most: Uint8Array };
}

/** Numbers of parquet.thrift `Encoding`. */
export const encoding = { plain: 0, rle: 3, delta: 5, dictionary: 8 } as const;
