import { Message, type RecordBatch, RecordBatchFileWriter, type Schema } from "apache-arrow";

/**
 * Encodes record batches as an Arrow IPC file, piece by piece. The pieces from byte 8 on are a complete IPC stream too.
 *
 * Pieces are copied one by one: the library's own way of joining them corrupts columns that share memory.
 */
export class IpcEncoder {
  readonly #writer = new PieceWriter();

  constructor(schema: Schema) {
    this.#writer.reset(undefined, schema);
  }

  /** What has come to the file with this batch; the batch's memory is free again. */
  write(batch: RecordBatch): Uint8Array {
    this.#writer.write(batch);
    return this.#writer.take();
  }

  /** The end of the file. */
  finish(): Uint8Array {
    this.#writer.finish();
    return this.#writer.take();
  }
}

class PieceWriter extends RecordBatchFileWriter {
  #pieces: Uint8Array[] = [];

  take(): Uint8Array {
    const joined = Buffer.concat(this.#pieces);
    this.#pieces = [];
    return joined;
  }

  protected override _write(chunk: ArrayBufferView): this {
    if (this._started) {
      this.#pieces.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      this._position += chunk.byteLength;
    }
    return this;
  }

  /** The base class leaves out the schema message, which the file format asks for before the first batch. */
  protected override _writeSchema(schema: Schema): this {
    return super._writeSchema(schema)._writeMessage(Message.from(schema));
  }
}
