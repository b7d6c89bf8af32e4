import { ByteWriter } from "hyparquet-writer/src/bytewriter.js";
import { serializeTCompactProtocol, ThriftStruct } from "hyparquet-writer/src/thrift.js";

/** The fields of a Thrift struct, named `field_1` and so on, ascending: numbers are i32, bigints i64. */
export type Fields = Parameters<typeof serializeTCompactProtocol>[1];

/** A struct in Thrift's compact protocol, the stop byte included. */
export function thrift(fields: Fields): Uint8Array {
  const writer = new ByteWriter(128);
  serializeTCompactProtocol(writer, fields);
  return writer.getBytes();
}

/** Header of a list of so many structs. */
export function structListHeader(length: number): Uint8Array {
  const struct = 12;
  return length < 15
    ? Uint8Array.of((length << 4) | struct)
    : Uint8Array.of(0xf0 | struct, ...varint(length));
}

/** parquet.thrift `IntType`, whose width is a byte where a plain number would be an i32. */
export function integerType(bits: number, signed: boolean): ThriftStruct {
  const [yes, no, byte] = [1, 2, 3];
  return new ThriftStruct([
    [1, byte, bits],
    [2, signed ? yes : no, signed],
  ]);
}

/** Unsigned LEB128. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  bytes.push(left);
  return bytes;
}
