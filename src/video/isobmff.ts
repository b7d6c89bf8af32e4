import type { FileHandle } from "node:fs/promises";

/** The sample table of one track of an MP4 or QuickTime file (ISO/IEC 14496-12), in decode order. */
export interface Mp4Track {
  readonly id: number;
  /** Ticks a second. */
  readonly timescale: number;
  /** The whole sample entry, such as an `avc1` box with its configuration; the first one where there are several. */
  readonly sampleEntry: Uint8Array;
  /** Whether all samples use that entry. */
  readonly hasOneEntry: boolean;
  /** Empty where the samples are in fragments. */
  readonly samples: Mp4Samples;
  /** Media time that is shown, in ticks, half-open and in order; everything where the file has no edit list. */
  readonly shown: readonly { readonly start: number; readonly end: number }[];
}

export interface Mp4Samples {
  readonly count: number;
  /** Byte offset in the file. */
  readonly position: Float64Array;
  readonly bytes: Uint32Array;
  /** Composition time in ticks, before edits. */
  readonly ticks: Float64Array;
  readonly isKey: Uint8Array;
}

/** What a file's boxes say that cannot be; the caller knows the file's name. */
export class MalformedBoxes extends Error {}

/**
 * The video tracks of an MP4 or QuickTime file by their ids; undefined where the file is no such file.
 *
 * @throws MalformedBoxes where tables contradict each other or end early
 */
export async function readMp4Tracks(
  file: FileHandle,
  fileBytes: number,
): Promise<ReadonlyMap<number, Mp4Track> | undefined> {
  const moov = await findMovie(file, fileBytes);
  if (moov === undefined) return undefined;
  const boxes = boxesIn(moov);
  const header = boxes.get("mvhd")?.[0];
  if (header === undefined) throw new MalformedBoxes("the movie has no header");
  const movieScale = wordAt(header, header[0] === 1 ? 20 : 12);
  const tracks = new Map<number, Mp4Track>();
  for (const trak of boxes.get("trak") ?? []) {
    const track = videoTrack(trak, movieScale, fileBytes);
    if (track !== undefined) tracks.set(track.id, track);
  }
  return tracks;
}

/** A movie box beyond this is no index but damage. */
const movieBytesMax = 1 << 30;

async function findMovie(file: FileHandle, fileBytes: number): Promise<Uint8Array | undefined> {
  const head = Buffer.alloc(16);
  for (let position = 0; position + 8 <= fileBytes; ) {
    const { bytesRead } = await file.read(head, 0, 16, position);
    const kind = head.toString("latin1", 4, 8);
    if (position === 0 && !firstBoxes.has(kind)) return undefined;
    let length = head.readUInt32BE(0);
    let headBytes = 8;
    if (length === 0) length = fileBytes - position;
    if (length === 1 && bytesRead === 16) {
      length = Number(head.readBigUInt64BE(8));
      headBytes = 16;
    }
    if (length < headBytes) throw new MalformedBoxes(`box "${kind}" at byte ${position} has ${length} bytes`);
    if (kind === "moov") {
      if (length > movieBytesMax || position + length > fileBytes)
        throw new MalformedBoxes(`the index of ${length} bytes at byte ${position} goes past the end`);
      const movie = new Uint8Array(length - headBytes);
      await file.read(movie, 0, movie.length, position + headBytes);
      return movie;
    }
    position += length;
  }
  return undefined;
}

const firstBoxes = new Set(["ftyp", "moov", "mdat", "free", "skip", "wide", "pdin", "pnot"]);

/** The payloads of the boxes in a payload, by kind. */
function boxesIn(payload: Uint8Array): Map<string, Uint8Array[]> {
  const boxes = new Map<string, Uint8Array[]>();
  for (let position = 0; position + 8 <= payload.length; ) {
    let length = wordAt(payload, position);
    let headBytes = 8;
    if (length === 0) length = payload.length - position;
    if (length === 1 && position + 16 <= payload.length) {
      length = longAt(payload, position + 8);
      headBytes = 16;
    }
    const kind = String.fromCharCode(...payload.subarray(position + 4, position + 8));
    // QuickTime ends some lists with a zero word.
    if (length < headBytes) break;
    if (position + length > payload.length) throw new MalformedBoxes(`box "${kind}" ends past its parent`);
    const content = payload.subarray(position + headBytes, position + length);
    boxes.set(kind, [...(boxes.get(kind) ?? []), content]);
    position += length;
  }
  return boxes;
}

function videoTrack(trak: Uint8Array, movieScale: number, fileBytes: number): Mp4Track | undefined {
  const parts = boxesIn(trak);
  const media = boxesIn(one(parts, "mdia"));
  if (String.fromCharCode(...one(media, "hdlr").subarray(8, 12)) !== "vide") return undefined;
  const trackHeader = one(parts, "tkhd");
  const mediaHeader = one(media, "mdhd");
  const timescale = wordAt(mediaHeader, mediaHeader[0] === 1 ? 20 : 12);
  const table = boxesIn(one(boxesIn(one(media, "minf")), "stbl"));
  const description = one(table, "stsd");
  const edits = boxesIn(parts.get("edts")?.[0] ?? new Uint8Array()).get("elst")?.[0];
  return {
    id: wordAt(trackHeader, trackHeader[0] === 1 ? 20 : 12),
    timescale,
    sampleEntry: description.slice(8, 8 + wordAt(description, 8)),
    hasOneEntry: allOfFirstEntry(one(table, "stsc")),
    samples: samplesOf(table, fileBytes),
    shown: edits === undefined ? [everything] : shownBy(edits, timescale, movieScale),
  };
}

const everything = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY };

/** Durations are in the movie's ticks and become the nearest of the track's; -1 is an empty edit, 0 lasts to the end. */
function shownBy(elst: Uint8Array, timescale: number, movieScale: number): Mp4Track["shown"] {
  const isLong = elst[0] === 1;
  const shown: { start: number; end: number }[] = [];
  eachEntry(elst, isLong ? 20 : 12, (at) => {
    const duration = isLong ? longAt(elst, at) : wordAt(elst, at);
    const start = isLong ? Number(viewOf(elst).getBigInt64(at + 8)) : viewOf(elst).getInt32(at + 4);
    if (start < 0) return;
    const ticks =
      (BigInt(duration) * BigInt(timescale) * 2n + BigInt(movieScale)) / (2n * BigInt(movieScale));
    shown.push({ start, end: duration === 0 ? Number.POSITIVE_INFINITY : start + Number(ticks) });
  });
  return shown.length === 0 ? [everything] : shown;
}

function allOfFirstEntry(stsc: Uint8Array): boolean {
  let first = true;
  eachEntry(stsc, 12, (at) => {
    first &&= wordAt(stsc, at + 8) === 1;
  });
  return first;
}

function samplesOf(table: Map<string, Uint8Array[]>, fileBytes: number): Mp4Samples {
  const bytes = sizesOf(table, fileBytes);
  const count = bytes.length;
  return {
    count,
    bytes,
    position: positionsOf(table, bytes),
    ticks: ticksOf(table, count),
    isKey: keysOf(table.get("stss")?.[0], count),
  };
}

function sizesOf(table: Map<string, Uint8Array[]>, fileBytes: number): Uint32Array {
  const stsz = table.get("stsz")?.[0];
  if (stsz === undefined) return compactSizes(one(table, "stz2"));
  const equal = wordAt(stsz, 4);
  const count = wordAt(stsz, 8);
  if (count > fileBytes) throw new MalformedBoxes(`it states ${count} frames in ${fileBytes} bytes`);
  const sizes = new Uint32Array(count).fill(equal);
  if (equal === 0) for (let index = 0; index < count; index += 1) sizes[index] = wordAt(stsz, 12 + 4 * index);
  return sizes;
}

function compactSizes(stz2: Uint8Array): Uint32Array {
  const bits = stz2[7] ?? 0;
  const count = wordAt(stz2, 8);
  if (![4, 8, 16].includes(bits) || 12 + Math.ceil((count * bits) / 8) > stz2.length)
    throw new MalformedBoxes("the table of sizes ends early");
  return Uint32Array.from({ length: count }, (_, index) => {
    if (bits === 16) return stz2[12 + 2 * index]! * 256 + stz2[13 + 2 * index]!;
    if (bits === 8) return stz2[12 + index]!;
    const pair = stz2[12 + (index >> 1)]!;
    return index % 2 === 0 ? pair >> 4 : pair & 15;
  });
}

function positionsOf(table: Map<string, Uint8Array[]>, bytes: Uint32Array): Float64Array {
  const long = table.get("co64")?.[0];
  const offsets = long ?? one(table, "stco");
  const chunkAt = (chunk: number) =>
    long === undefined ? wordAt(offsets, 8 + 4 * chunk) : longAt(offsets, 8 + 8 * chunk);
  const chunks = wordAt(offsets, 4);
  const stsc = one(table, "stsc");
  const runs: { firstChunk: number; samples: number }[] = [];
  eachEntry(stsc, 12, (at) => {
    runs.push({ firstChunk: wordAt(stsc, at) - 1, samples: wordAt(stsc, at + 4) });
  });
  const position = new Float64Array(bytes.length);
  let sample = 0;
  runs.forEach((run, index) => {
    const end = Math.min(runs[index + 1]?.firstChunk ?? chunks, chunks);
    for (let chunk = run.firstChunk; chunk < end && sample < bytes.length; chunk += 1) {
      let at = chunkAt(chunk);
      for (let nth = 0; nth < run.samples && sample < bytes.length; nth += 1) {
        position[sample] = at;
        at += bytes[sample]!;
        sample += 1;
      }
    }
  });
  if (sample < bytes.length) throw new MalformedBoxes(`chunks hold ${sample} frames of ${bytes.length}`);
  return position;
}

function ticksOf(table: Map<string, Uint8Array[]>, count: number): Float64Array {
  const ticks = new Float64Array(count);
  const stts = one(table, "stts");
  let sample = 0;
  let time = 0;
  eachEntry(stts, 8, (at) => {
    const delta = wordAt(stts, at + 4);
    for (let left = wordAt(stts, at); left > 0 && sample < count; left -= 1) {
      ticks[sample] = time;
      sample += 1;
      time += delta;
    }
  });
  if (sample < count) throw new MalformedBoxes(`times are stated for ${sample} frames of ${count}`);
  const ctts = table.get("ctts")?.[0];
  if (ctts === undefined) return ticks;
  sample = 0;
  eachEntry(ctts, 8, (at) => {
    // Version 0 is unsigned by the book; writers put negative offsets there, and readers take them so.
    const offset = viewOf(ctts).getInt32(at + 4);
    for (let left = wordAt(ctts, at); left > 0 && sample < count; left -= 1) {
      ticks[sample]! += offset;
      sample += 1;
    }
  });
  return ticks;
}

/** Without a table every sample is a key. */
function keysOf(stss: Uint8Array | undefined, count: number): Uint8Array {
  const isKey = new Uint8Array(count).fill(stss === undefined ? 1 : 0);
  if (stss === undefined) return isKey;
  eachEntry(stss, 4, (at) => {
    const sample = wordAt(stss, at) - 1;
    if (sample >= 0 && sample < count) isKey[sample] = 1;
  });
  return isKey;
}

/** Calls back with the place of every entry of a table that begins with version, flags and a count. */
function eachEntry(box: Uint8Array, entryBytes: number, read: (at: number) => void): void {
  const count = wordAt(box, 4);
  if (8 + count * entryBytes > box.length) throw new MalformedBoxes("a table of the index ends early");
  for (let index = 0; index < count; index += 1) read(8 + index * entryBytes);
}

function one(boxes: Map<string, Uint8Array[]>, kind: string): Uint8Array {
  const box = boxes.get(kind)?.[0];
  if (box === undefined) throw new MalformedBoxes(`the index has no "${kind}" box`);
  return box;
}

function wordAt(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw new MalformedBoxes("a box ends early");
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function longAt(bytes: Uint8Array, at: number): number {
  return wordAt(bytes, at) * 2 ** 32 + wordAt(bytes, at + 4);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
