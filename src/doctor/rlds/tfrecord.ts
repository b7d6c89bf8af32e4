import { open } from "node:fs/promises";

/** More than a protobuf message can be is damage, not data. */
const recordBytesMax = 2 ** 31;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0);
  return sum >>> 0;
});

/** CRC-32C (RFC 3720), rotated and moved as TFRecord stores it. */
function maskedCrc(bytes: Uint8Array): number {
  let sum = 0xffff_ffff;
  for (let at = 0; at < bytes.length; at += 1)
    sum = (table[(sum ^ (bytes[at] as number)) & 0xff] as number) ^ (sum >>> 8);
  const crc = ~sum >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** One record, or what is wrong at its place, after which nothing more can be read. */
export type TfRecord = { data: Uint8Array; problem?: string } | { data: undefined; problem: string };

/** The records of a TFRecord file (tensorflow/core/lib/io/record_reader.h), one in memory at a time. */
export async function* tfRecords(path: string): AsyncGenerator<TfRecord> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const read = async (position: number, length: number) => {
      const bytes = Buffer.alloc(length);
      for (let done = 0; done < length; ) {
        const { bytesRead } = await file.read(bytes, done, length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes;
    };
    for (let at = 0; at < size; ) {
      if (at + 12 > size) return yield { data: undefined, problem: `byte ${at}: it ends within a length` };
      const head = await read(at, 12);
      if (head.readUInt32LE(8) !== maskedCrc(head.subarray(0, 8)))
        return yield { data: undefined, problem: `byte ${at}: the length has another CRC` };
      const length = Number(head.readBigUInt64LE(0));
      if (at + 16 + length > size || length > recordBytesMax)
        return yield {
          data: undefined,
          problem: `byte ${at}: a record of ${length} bytes goes past the end`,
        };
      const body = await read(at + 12, length + 4);
      const data = body.subarray(0, length);
      const isSame = body.readUInt32LE(length) === maskedCrc(data);
      yield isSame ? { data } : { data, problem: `byte ${at}: the record has another CRC` };
      at += 16 + length;
    }
  } finally {
    await file.close();
  }
}
