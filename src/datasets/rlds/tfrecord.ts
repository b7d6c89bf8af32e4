import { crc32c } from "./crc32c.ts";

const CHUNK_BYTES = 1 << 20;

/**
 * One record of a TFRecord file, in chunks to write one after the other (tensorflow/core/lib/io/record_writer.h):
 * length (uint64), masked CRC-32C of the length, the data, masked CRC-32C of the data; all little-endian.
 *
 * @param parts the record's data, in pieces
 * @returns chunks that hold until the next one is asked for
 */
export function* tfrecord(parts: Iterable<Uint8Array>, byteLength: number): Generator<Uint8Array> {
  const head = new DataView(new ArrayBuffer(12));
  head.setBigUint64(0, BigInt(byteLength), true);
  head.setUint32(8, masked(crc32c(new Uint8Array(head.buffer, 0, 8))), true);
  yield new Uint8Array(head.buffer);
  let sum = 0;
  for (const chunk of gathered(parts, Math.min(byteLength, CHUNK_BYTES))) {
    sum = crc32c(chunk, sum);
    yield chunk;
  }
  const tail = new DataView(new ArrayBuffer(4));
  tail.setUint32(0, masked(sum), true);
  yield new Uint8Array(tail.buffer);
}

/** A sum that is stored beside its data is rotated and moved, so that sums of data with sums in it stay sound. */
function masked(sum: number): number {
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}

/** The same bytes in few, large pieces, as every write costs some microseconds. A piece holds until the next one is asked for. */
function* gathered(parts: Iterable<Uint8Array>, size: number): Generator<Uint8Array> {
  const chunk = new Uint8Array(size);
  let filled = 0;
  for (const part of parts) {
    if (filled + part.length > size) {
      if (filled > 0) yield chunk.subarray(0, filled);
      filled = 0;
    }
    if (part.length > size) {
      yield part;
    } else {
      chunk.set(part, filled);
      filled += part.length;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}
