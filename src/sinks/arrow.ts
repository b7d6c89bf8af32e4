import {
  type Data,
  DataType,
  type Dictionary,
  Message,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  type Schema,
  Struct,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { OutputFile, type Sink, writeError } from "./sink.ts";

/**
 * Writes an Arrow IPC file, one record batch for each batch given.
 *
 * Between the magic words the file is a complete IPC stream, so readers of streams can take it too. Text columns
 * keep one dictionary each; values that first turn up in a later batch follow as a delta.
 */
export async function openArrowSink(path: string, schema: Schema): Promise<Sink> {
  const file = await OutputFile.create(path);
  const writer = new ChunkWriter();
  const dictionaries = schema.fields.map(({ type }) =>
    DataType.isDictionary(type) ? new GrowingDictionary() : undefined,
  );
  writer.reset(undefined, schema);
  let rows = 0;

  return {
    async write(batch) {
      try {
        writer.write(withDictionaries(schema, batch, dictionaries));
      } catch (error) {
        throw writeError(path, error);
      }
      await file.write(...writer.takeChunks());
      rows += batch.numRows;
    },
    async close() {
      writer.finish();
      await file.write(...writer.takeChunks());
      return { rows, sha256: await file.close() };
    },
    async abort() {
      await file.abort();
    },
  };
}

/** Hands out what it encodes piece by piece: joining the pieces would copy, and corrupts columns that share memory. */
class ChunkWriter extends RecordBatchFileWriter {
  #chunks: Uint8Array[] = [];

  takeChunks(): Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  protected override _write(chunk: ArrayBufferView): this {
    if (this._started) {
      this.#chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      this._position += chunk.byteLength;
    }
    return this;
  }

  /** The base class leaves out the schema message, which the file format asks for before the first batch. */
  protected override _writeSchema(schema: Schema): this {
    return super._writeSchema(schema)._writeMessage(Message.from(schema));
  }
}

function withDictionaries(
  schema: Schema,
  batch: RecordBatch,
  dictionaries: readonly (GrowingDictionary | undefined)[],
): RecordBatch {
  const children = batch.data.children.map(
    (child, column) => dictionaries[column]?.adopt(child as Data<Dictionary>) ?? child,
  );
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, children, length: batch.numRows, nullCount: 0 }));
}

/** The dictionary of one column over all batches: a value keeps the code that it got first. */
class GrowingDictionary {
  readonly #codes = new Map<string, number>();
  #values: Vector<Utf8> | undefined;
  #adopted: Vector | undefined;
  /** The code here of each code of the adopted dictionary; absent where they agree. */
  #renamed: Int32Array | undefined;

  /** The same column, with codes into this dictionary. */
  adopt(column: Data<Dictionary>): Data {
    const dictionary = column.dictionary as Vector<Utf8>;
    if (dictionary !== this.#adopted) this.#extend(dictionary);
    const renamed = this.#renamed;
    const { type, length, offset, nullCount } = column;
    const indices = column.values as Int32Array;
    const data = renamed === undefined ? indices : Int32Array.from(indices, (code) => renamed[code] ?? 0);
    const nullBitmap = nullCount === 0 ? null : column.nullBitmap;
    return makeData({ type, data, length, offset, nullCount, nullBitmap, dictionary: this.#values! });
  }

  #extend(dictionary: Vector<Utf8>): void {
    const added: string[] = [];
    const renamed = new Int32Array(dictionary.length);
    for (let code = 0; code < dictionary.length; code += 1) {
      const value = dictionary.get(code) ?? "";
      let known = this.#codes.get(value);
      if (known === undefined) {
        known = this.#codes.size;
        this.#codes.set(value, known);
        added.push(value);
      }
      renamed[code] = known;
    }
    if (this.#values === undefined || added.length > 0) {
      const delta = vectorFromArray(added, new Utf8());
      this.#values = new Vector([...(this.#values?.data ?? []), ...delta.data]);
    }
    this.#renamed = renamed.every((known, code) => known === code) ? undefined : renamed;
    this.#adopted = dictionary;
  }
}
