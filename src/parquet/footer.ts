import type { Schema } from "apache-arrow";
import { version } from "../version.ts";
import type { ChunkMeta } from "./chunk.ts";
import { arrowSchema, type FileColumn, schemaElements } from "./schema.ts";
import { type Fields, structListHeader, thrift } from "./thrift.ts";

/** What a Parquet file begins and ends with. */
export const magic: Uint8Array = Buffer.from("PAR1");

/** Describes the row groups of a file one by one, and the file at its end. Keeps about 100 bytes a chunk. */
export class Footer {
  readonly #schema: Schema;
  readonly #columns: readonly FileColumn[];
  readonly #groups: Uint8Array[] = [];
  #rows = 0;

  constructor(schema: Schema, columns: readonly FileColumn[]) {
    this.#schema = schema;
    this.#columns = columns;
  }

  /** Rows of all groups. */
  get rows(): number {
    return this.#rows;
  }

  /** A row group whose chunks, one a column, lie side by side from `start` on. */
  addGroup(rows: number, start: number, chunks: readonly ChunkMeta[]): void {
    let at = start;
    const columns = chunks.map((chunk, index) => {
      const column = columnChunk(this.#columns[index]!, chunk, at);
      at += chunk.bytes;
      return column;
    });
    const bytes = BigInt(at - start);
    const group = {
      field_1: columns,
      field_2: bytes,
      field_3: BigInt(rows),
      field_5: BigInt(start),
      field_6: bytes,
    };
    this.#groups.push(thrift(group).slice());
    this.#rows += rows;
  }

  /** The end of the file: parquet.thrift `FileMetaData`, its length and the magic word. */
  finish(): Uint8Array {
    const elements = schemaElements(this.#columns);
    const pairs = [...this.#schema.metadata].sort(([a], [b]) => (a < b ? -1 : 1));
    const keyValues = [...pairs, ["ARROW:schema", arrowSchema(this.#schema)] as const].map(
      ([key, value]) => ({
        field_1: key,
        field_2: value,
      }),
    );
    const before = thrift({ field_1: 2, field_2: elements, field_3: BigInt(this.#rows) });
    // A field is told by its distance from the one before: after field 4 these three are 5, 6 and 7.
    const after = thrift({
      field_1: keyValues,
      field_2: `tagalign version ${version}`,
      field_3: this.#columns.map(() => ({ field_1: {} })),
    });
    const listField = (1 << 4) | 9;
    const metadata = Buffer.concat([
      before.subarray(0, -1),
      Buffer.of(listField),
      structListHeader(this.#groups.length),
      ...this.#groups,
      after,
    ]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(metadata.length);
    return Buffer.concat([metadata, length, magic]);
  }
}

/** parquet.thrift `ColumnChunk`. */
function columnChunk({ physical, path }: FileColumn, chunk: ChunkMeta, start: number): Fields {
  const { encodings, values, nulls, bytes, dictionaryBytes, bounds } = chunk;
  const statistics =
    bounds === undefined
      ? { field_3: BigInt(nulls) }
      : { field_3: BigInt(nulls), field_5: bounds.most, field_6: bounds.least, field_7: true, field_8: true };
  return {
    field_2: 0n,
    field_3: {
      field_1: physical,
      field_2: encodings,
      field_3: path,
      field_4: 0,
      field_5: BigInt(values),
      field_6: BigInt(bytes),
      field_7: BigInt(bytes),
      field_9: BigInt(start + dictionaryBytes),
      field_11: dictionaryBytes === 0 ? undefined : BigInt(start),
      field_12: statistics,
    },
  };
}
