import { lookup3 } from "./checksum.ts";

/** What the values of a dataset are; `bool` is h5py's enumeration, `text` is UTF-8 of any length. */
export type ValueType = "float32" | "float64" | "int64" | "uint8" | "bool" | "text";

const UNDEFINED = 0xffff_ffff_ffff_ffffn;

/** Numbers of header messages (HDF5 File Format Specification 3.0, IV.A.2). */
const messageTypes = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  fillValue: 0x05,
  link: 0x06,
  layout: 0x08,
  groupInfo: 0x0a,
  attribute: 0x0c,
} as const;

export interface Message {
  readonly type: number;
  readonly data: Uint8Array;
}

/** Bytes of a value of the type, in a dataset; a text is a place in the file. */
export const valueBytes: Record<ValueType, number> = {
  float32: 4,
  float64: 8,
  int64: 8,
  uint8: 1,
  bool: 1,
  text: 16,
};

const signedByte = fixedPoint(1, true);
const float = (size: number, sign: number, numbers: readonly number[], bias: number) =>
  Uint8Array.from([0x11, 0x20, sign, 0, ...le(size, 4), 0, 0, ...numbers, ...le(bias, 4)]);

const datatypes: Record<ValueType, Uint8Array> = {
  float32: float(4, 31, [32, 0, 23, 8, 0, 23], 127),
  float64: float(8, 63, [64, 0, 52, 11, 0, 52], 1023),
  int64: fixedPoint(8, true),
  uint8: fixedPoint(1, false),
  bool: Uint8Array.from([
    0x18,
    2,
    0,
    0,
    ...le(1, 4),
    ...signedByte,
    ...ascii("FALSE", 8),
    ...ascii("TRUE", 8),
    0,
    1,
  ]),
  text: Uint8Array.from([0x19, 1, 1, 0, ...le(16, 4), ...fixedPoint(1, false)]),
};

function fixedPoint(size: number, isSigned: boolean): Uint8Array {
  return Uint8Array.from([0x10, isSigned ? 8 : 0, 0, 0, ...le(size, 4), 0, 0, size * 8, 0]);
}

function ascii(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(Buffer.from(text));
  return bytes;
}

function datatype(type: ValueType): Uint8Array {
  return datatypes[type];
}

/** @param shape `[]` is a scalar */
function dataspace(shape: readonly number[]): Uint8Array {
  return Uint8Array.from([
    2,
    shape.length,
    0,
    shape.length > 0 ? 1 : 0,
    ...shape.flatMap((size) => le(size, 8)),
  ]);
}

export function attribute(
  name: string,
  type: ValueType,
  shape: readonly number[],
  data: Uint8Array,
): Message {
  const encodedName = Buffer.from(`${name}\0`);
  const [kind, space] = [datatype(type), dataspace(shape)];
  const head = [3, 0, ...le(encodedName.length, 2), ...le(kind.length, 2), ...le(space.length, 2), 1];
  return {
    type: messageTypes.attribute,
    data: Buffer.concat([Uint8Array.from(head), encodedName, kind, space, data]),
  };
}

/** A dataset whose values lie in the file in one piece. */
export function datasetMessages(
  type: ValueType,
  shape: readonly number[],
  address: number,
  byteLength: number,
): Message[] {
  const place = byteLength === 0 ? le(UNDEFINED, 8) : le(address, 8);
  return [
    { type: messageTypes.dataspace, data: dataspace(shape) },
    { type: messageTypes.datatype, data: datatype(type) },
    { type: messageTypes.fillValue, data: Uint8Array.of(3, 0x0a) },
    { type: messageTypes.layout, data: Uint8Array.from([3, 1, ...place, ...le(byteLength, 8)]) },
  ];
}

/**
 * A group whose links are in its header, and stay there: a library that adds one to thousands would else move them all
 * to an index first, which takes minutes.
 */
export function groupMessages(links: Iterable<readonly [name: string, address: number]>): Message[] {
  const messages: Message[] = [
    { type: messageTypes.linkInfo, data: Uint8Array.from([0, 0, ...le(UNDEFINED, 8), ...le(UNDEFINED, 8)]) },
    { type: messageTypes.groupInfo, data: Uint8Array.of(0, 1, 0xff, 0xff, 6, 0) },
  ];
  for (const [name, address] of links) {
    if (name === "" || name.includes("/")) throw new Error(`"${name}" cannot be the name of a link`);
    const encoded = Buffer.from(name);
    const data = Uint8Array.from([1, 0x11, 1, ...le(encoded.length, 2), ...encoded, ...le(address, 8)]);
    messages.push({ type: messageTypes.link, data });
  }
  return messages;
}

/** Version 2, without times: the same content has the same bytes whenever it is written. */
export function objectHeader(messages: readonly Message[]): Uint8Array {
  const size = messages.reduce((sum, { data }) => sum + 4 + data.length, 0);
  const header = Buffer.alloc(size + 14);
  header.write("OHDR", "latin1");
  header[4] = 2;
  header[5] = 2;
  header.writeUInt32LE(size, 6);
  let at = 10;
  for (const { type, data } of messages) {
    header[at] = type;
    header.writeUInt16LE(data.length, at + 1);
    header.set(data, at + 4);
    at += 4 + data.length;
  }
  header.writeUInt32LE(lookup3(header.subarray(0, at)), at);
  return header;
}

export const SUPERBLOCK_BYTES = 48;

/** Version 2, which every library since HDF5 1.8 reads. */
export function superblock(end: number, root: number): Uint8Array {
  const bytes = Uint8Array.from([
    ...[0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 2, 8, 8, 0],
    ...[0n, UNDEFINED, end, root].flatMap((address) => le(address, 8)),
  ]);
  return Uint8Array.from([...bytes, ...le(lookup3(bytes), 4)]);
}

/** The bytes of an unsigned integer, the lowest first. */
export function le(value: number | bigint, size: number): number[] {
  let rest = BigInt(value);
  return Array.from({ length: size }, () => {
    const byte = Number(rest & 0xffn);
    rest >>= 8n;
    return byte;
  });
}
