import { type FileHandle, open } from "node:fs/promises";

/**
 * What a media file lacks at its end, as one clause, or undefined where it is whole or cannot tell.
 *
 * Reads only the sizes that the container itself states, element by element: Matroska and WebM segments and
 * clusters (RFC 9559), RIFF chunks, and the boxes of fragmented ISO files (ISO/IEC 14496-12). A plain MP4 states
 * the number of its frames instead. A transport stream states no length: only a cut within a packet can be told.
 */
export async function missingTail(path: string): Promise<string | undefined> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const head = await bytesAt(file, 0, 12);
    if (head.length < 12) return undefined;
    const transport = await transportTail(file, size);
    if (transport !== undefined) return transport;
    if (head.readUInt32BE(0) === ebmlHeader) return await matroskaTail(file, size);
    const kind = head.toString("latin1", 0, 4);
    if (kind === "RIFF") return await riffTail(file, size);
    if (boxesThatComeFirst.has(head.toString("latin1", 4, 8))) return await fragmentTail(file, size);
    return undefined;
  } finally {
    await file.close();
  }
}

const ebmlHeader = 0x1a45dfa3;
const matroskaSegment = 0x18538067;
const boxesThatComeFirst = new Set([
  "ftyp",
  "styp",
  "moov",
  "moof",
  "mdat",
  "free",
  "skip",
  "wide",
  "sidx",
  "pdin",
]);

async function matroskaTail(file: FileHandle, size: number): Promise<string | undefined> {
  const header = await elementAt(file, 0);
  if (header?.end === undefined) return undefined;
  const segment = await elementAt(file, header.end);
  if (segment?.id !== matroskaSegment) return undefined;
  if (segment.end !== undefined) return overrun("the segment", segment.end, size);
  // A file that was streamed does not know its own length, but its clusters know theirs.
  for (let position = segment.start; position < size; ) {
    const child = await elementAt(file, position);
    if (child === undefined) return "an element ends within its own header";
    if (child.end === undefined) return undefined;
    if (child.end > size) return overrun("the last element", child.end, size);
    position = child.end;
  }
  return undefined;
}

interface Element {
  id: number;
  start: number;
  /** Absent where the element does not know its own size. */
  end?: number;
}

async function elementAt(file: FileHandle, position: number): Promise<Element | undefined> {
  const bytes = await bytesAt(file, position, 12);
  if (bytes.length < 2) return undefined;
  const idLength = Math.clz32(bytes[0]!) - 23;
  if (idLength > 4 || bytes.length <= idLength) return undefined;
  const sizeLength = Math.clz32(bytes[idLength]!) - 23;
  const start = position + idLength + sizeLength;
  if (sizeLength > 8 || bytes.length < idLength + sizeLength) return undefined;
  let length = BigInt(bytes[idLength]! & (0xff >> sizeLength));
  for (let index = 1; index < sizeLength; index += 1)
    length = length * 256n + BigInt(bytes[idLength + index]!);
  const id = bytes.readUIntBE(0, idLength);
  const unknown = length === (1n << BigInt(7 * sizeLength)) - 1n;
  return unknown ? { id, start } : { id, start, end: start + Number(length) };
}

async function transportTail(file: FileHandle, size: number): Promise<string | undefined> {
  for (const { packet, sync } of [
    { packet: 188, sync: 0 },
    { packet: 192, sync: 4 },
  ]) {
    const start = await bytesAt(file, 0, 3 * packet);
    const synchronous = [0, 1, 2].every((index) => start[index * packet + sync] === 0x47);
    if (synchronous && size % packet > 0) return `its last packet has ${size % packet} of ${packet} bytes`;
  }
  return undefined;
}

async function riffTail(file: FileHandle, size: number): Promise<string | undefined> {
  for (let position = 0; position + 8 <= size; ) {
    const head = await bytesAt(file, position, 8);
    const length = head.readUInt32LE(4);
    if (head.toString("latin1", 0, 4) !== "RIFF" || length === 0 || length === 0xffffffff) return undefined;
    const end = position + 8 + length;
    if (end > size) return overrun("the RIFF chunk", end, size);
    position = end + (length & 1);
  }
  return undefined;
}

async function fragmentTail(file: FileHandle, size: number): Promise<string | undefined> {
  let fragmented = false;
  for (let position = 0; position < size; ) {
    const head = await bytesAt(file, position, 16);
    if (head.length < 8) return fragmented ? "a box ends within its own header" : undefined;
    const kind = head.toString("latin1", 4, 8);
    fragmented ||= kind === "moof";
    let length = head.readUInt32BE(0);
    if (length === 1 && head.length === 16) length = Number(head.readBigUInt64BE(8));
    if (length < 8) return undefined;
    if (position + length > size)
      return fragmented ? overrun(`box "${kind}"`, position + length, size) : undefined;
    position += length;
  }
  return undefined;
}

function overrun(what: string, end: number, size: number): string | undefined {
  return end > size ? `${what} ends at byte ${end}, but the file has ${size} bytes` : undefined;
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
