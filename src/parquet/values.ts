import type { Utf8, Vector } from "apache-arrow";
import { AlignError } from "../errors.ts";
import { type Arena, type Column, deltaRoom, hybridRoom, type Kernels, runRoom } from "../kernels/index.ts";
import { type ChunkMeta, encoding } from "./chunk.ts";
import { bytesOf, type ChunkBody } from "./pages.ts";

/** A column of StatusCodes with more distinct ones is written plain. */
const mostStatuses = 256;

/** Values that stay the same for at least so many rows on average are a dictionary. */
const rowsPerRun = 2;

/** Texts longer than this are no bounds: a reader that skips by them gains nothing, the footer grows. */
const longestBound = 64;

/** The values of a flat column that are not null; `width` is that of the dictionary's codes, in bits. */
export type PageValues = Pick<ChunkBody, "values" | "encoding" | "dictionary" | "bounds"> & {
  width?: number;
};

export function numbers(kernels: Kernels, values: Float64Array): PageValues {
  const { arena } = kernels;
  let found: Runs | undefined;
  const body = trimmed(arena, runsRoom(values.length), (out) => {
    found = packRuns(kernels, values, out);
    return found?.bytes ?? 0;
  });
  if (found !== undefined) return repeated(found, body);
  return { values: [bytesOf(values)], encoding: encoding.plain, bounds: numberBounds(kernels.pages, values) };
}

/** `take` gives at most `length` values; what memory it takes is given back. */
export function integers(kernels: Kernels, length: number, take: () => BigInt64Array): PageValues {
  let found: Runs | undefined;
  let bounds: ChunkMeta["bounds"];
  const body = trimmed(kernels.arena, Math.max(runsRoom(length), deltaRoom(length)), (out) => {
    const values = take();
    found = packRuns(kernels, values, out);
    if (found !== undefined) return found.bytes;
    bounds = numberBounds(kernels.pages, values);
    return kernels.pages.packDelta(values, out);
  });
  if (found !== undefined) return repeated(found, body);
  return { values: [body], encoding: encoding.delta, bounds };
}

/** The runs of equal values in a column: how many, and of how many bytes their values and codes are. */
interface Runs {
  entries: number;
  bytes: number;
  width: number;
  bounds: ChunkMeta["bounds"];
}

/** Writes a value for each run, then the code of each value; undefined where there are too many to be worth it. */
function packRuns(
  { arena, pages }: Kernels,
  values: Float64Array | BigInt64Array,
  out: Uint8Array,
): Runs | undefined {
  const most = Math.floor(values.length / rowsPerRun);
  if (most === 0) return undefined;
  const mark = arena.mark();
  const codes = arena.u32(values.length);
  const room = runRoom(most);
  const all =
    values instanceof Float64Array
      ? new Float64Array(arena.buffer, out.byteOffset, room)
      : new BigInt64Array(arena.buffer, out.byteOffset, room);
  const entries = pages.rankRuns<Float64Array | BigInt64Array>(values, most, all, codes);
  if (entries > most) {
    arena.release(mark);
    return undefined;
  }
  const bounds = numberBounds(pages, all.subarray(0, entries));
  const width = codeWidth(entries);
  const packed = pages.packHybrid(codes, width, out.subarray(8 * entries));
  arena.release(mark);
  return { entries, bytes: 8 * entries + packed, width, bounds };
}

/** Bytes that `packRuns` may write for so many values. */
function runsRoom(length: number): number {
  return 8 * runRoom(Math.floor(length / rowsPerRun)) + hybridRoom(length);
}

function repeated({ entries, width, bounds }: Runs, body: Uint8Array): PageValues {
  const dictionary = { values: body.subarray(0, 8 * entries), entries };
  return { values: [body.subarray(8 * entries)], encoding: encoding.dictionary, width, dictionary, bounds };
}

export function booleans(bits: Uint8Array, length: number): PageValues {
  return { values: [bits.subarray(0, Math.ceil(length / 8))], encoding: encoding.plain };
}

/** `take` as for integers. */
export function statuses(kernels: Kernels, length: number, take: () => Uint32Array): PageValues {
  const { arena, pages } = kernels;
  let known: Uint32Array | undefined;
  let width = 0;
  const body = trimmed(arena, Math.max(hybridRoom(length), 4 * length), (out) => {
    const values = take();
    if (values.length === 0) return 0;
    const distinct = arena.u32(mostStatuses);
    const ranks = arena.u32(values.length);
    const count = pages.rankFew(values, distinct, ranks);
    if (count > mostStatuses) {
      out.set(bytesOf(values));
      return values.byteLength;
    }
    known = distinct.slice(0, count);
    width = codeWidth(count);
    return pages.packHybrid(ranks, width, out);
  });
  if (known === undefined) return { values: [body], encoding: encoding.plain };
  const dictionary = { values: bytesOf(arena.copy(known)), entries: known.length };
  const ordered = known.slice().sort();
  const bounds = {
    least: bytesOf(ordered.slice(0, 1)),
    most: bytesOf(ordered.slice(-1)),
  };
  return { values: [body], encoding: encoding.dictionary, width, dictionary, bounds };
}

/** `take` as for integers; it gives codes into `texts`. */
export function texts(
  kernels: Kernels,
  length: number,
  vector: Vector<Utf8>,
  take: () => Int32Array,
): PageValues {
  const { arena, pages } = kernels;
  const texts = textsOf(vector);
  let used: Uint32Array = new Uint32Array();
  let width = 0;
  const body = trimmed(arena, hybridRoom(length), (out) => {
    const taken = take();
    if (taken.length === 0) return 0;
    const [least, most] = pages.range(taken);
    if (least < 0 || most >= texts.length) {
      throw new AlignError(
        "BUG_KERNEL_ARGUMENT",
        `code ${least < 0 ? least : most} is outside ${texts.length} texts`,
      );
    }
    const list = arena.u32(Math.min(taken.length, most + 1));
    const ranks = arena.u32(taken.length);
    used = list.slice(0, pages.rankCodes(taken, arena.u32(most + 1).fill(0), list, ranks));
    width = codeWidth(used.length);
    return pages.packHybrid(ranks, width, out);
  });
  if (used.length === 0) return { values: [], encoding: encoding.plain };
  const dictionary = { values: textPage(arena, texts, used), entries: used.length };
  return {
    values: [body],
    encoding: encoding.dictionary,
    width,
    dictionary,
    bounds: textBounds(texts, used),
  };
}

/** The bits of a code among so many; 0 bits would be right for one entry, but not every reader takes them. */
function codeWidth(entries: number): number {
  return Math.max(1, 32 - Math.clz32(entries - 1));
}

/** As the format orders numbers: without NaN, and a zero as -0 below and as 0 above. */
function numberBounds(pages: Kernels["pages"], values: Float64Array | BigInt64Array): ChunkMeta["bounds"] {
  if (values.length === 0) return undefined;
  if (values instanceof BigInt64Array) {
    const [least, most] = pages.range(values);
    return { least: bytesOf(BigInt64Array.of(least)), most: bytesOf(BigInt64Array.of(most)) };
  }
  const [least, most] = pages.range(values);
  if (least > most) return undefined;
  return {
    least: bytesOf(Float64Array.of(least === 0 ? -0 : least)),
    most: bytesOf(Float64Array.of(most === 0 ? 0 : most)),
  };
}

interface Texts {
  offsets: Int32Array;
  bytes: Uint8Array;
  length: number;
}

function textsOf({ data, length }: Vector<Utf8>): Texts {
  const [only] = data;
  if (data.length !== 1) throw new AlignError("BUG_PARQUET_DICTIONARY", "a dictionary is not in one piece");
  return { offsets: only!.valueOffsets, bytes: only!.values, length };
}

/** Each text with its length before it, as PLAIN writes them. */
function textPage(arena: Arena, { offsets, bytes }: Texts, used: Uint32Array): Uint8Array {
  let size = 0;
  for (const code of used) size += 4 + offsets[code + 1]! - offsets[code]!;
  const page = arena.u8(size);
  const view = new DataView(page.buffer, page.byteOffset, size);
  let at = 0;
  for (const code of used) {
    const text = bytes.subarray(offsets[code], offsets[code + 1]);
    view.setUint32(at, text.length, true);
    page.set(text, at + 4);
    at += 4 + text.length;
  }
  return page;
}

function textBounds({ offsets, bytes }: Texts, used: Uint32Array): ChunkMeta["bounds"] {
  const textAt = (code: number) => bytes.subarray(offsets[code], offsets[code + 1]);
  let least = textAt(used[0]!);
  let most = least;
  for (const code of used) {
    const text = textAt(code);
    if (Buffer.compare(text, least) < 0) least = text;
    if (Buffer.compare(text, most) > 0) most = text;
  }
  if (Math.max(least.length, most.length) > longestBound) return undefined;
  return { least: least.slice(), most: most.slice() };
}

/** Takes `room` bytes, has them written to, and keeps as many as `write` says; gives back what it took meanwhile. */
export function trimmed(arena: Arena, room: number, write: (out: Uint8Array) => number): Uint8Array {
  const mark = arena.mark();
  const length = write(arena.u8(room));
  arena.release(mark);
  return arena.u8(length);
}

/** A column of the same type, not zeroed. */
export function like<T extends Column>(arena: Arena, column: T, length: number): T {
  const make = column.constructor as new (buffer: ArrayBufferLike, at: number, length: number) => T;
  return new make(arena.buffer, arena.u8(length * column.BYTES_PER_ELEMENT).byteOffset, length);
}
