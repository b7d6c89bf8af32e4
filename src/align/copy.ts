import { BufferType, type Data, RecordBatch } from "apache-arrow";

/** The same rows in memory of their own, so that they outlive the arena's next block. */
export function copyBatch(batch: RecordBatch): RecordBatch {
  return new RecordBatch(batch.schema, copyData(batch.data));
}

function copyData<T extends Data>(data: T): T {
  const children = data.children.map((child) => copyData(child));
  const buffers = {
    [BufferType.OFFSET]: data.valueOffsets?.slice(),
    [BufferType.DATA]: data.values?.slice(),
    [BufferType.VALIDITY]: data.nullBitmap?.slice(),
    [BufferType.TYPE]: data.typeIds?.slice(),
  };
  return data.clone(data.type, data.offset, data.length, data.nullCount, buffers as never, children) as T;
}
