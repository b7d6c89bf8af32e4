import type { Video } from "./video.ts";

/** One picture track of an MP4 file, laid out before anything is written. */
export interface Mp4Layout {
  readonly width: number;
  readonly height: number;
  readonly sampleEntry: Uint8Array;
  /** Degrees clockwise that players turn pictures by. */
  readonly rotation: Video["rotation"];
  readonly fps: number;
  /** Samples in decode order. */
  readonly bytes: Uint32Array;
  readonly isKey: Uint8Array;
  /** Place of each sample in presentation order. */
  readonly rank: Int32Array;
  /** Samples of each chunk, in order. */
  readonly chunks: readonly number[];
}

/** A frame's length in ticks: what most writers take for whole rates, 1/15360 s at 30 frames a second. */
const frameTicks = 512;

/**
 * Everything of an MP4 file (ISO/IEC 14496-12) that comes before the samples, which follow without gaps.
 *
 * Frame i in presentation order is shown at exactly i / fps. Decode times are the samples' places; where some are
 * decoded after their presentation, an edit list shifts presentation by the reordering delay. No date is written.
 */
export function mp4Head(layout: Mp4Layout): Uint8Array {
  const draft = movie(layout, 0);
  const start = fileType.length + draft.length + 16;
  const data = layout.bytes.reduce((sum, bytes) => sum + bytes, 0);
  const head = Buffer.alloc(16);
  head.writeUInt32BE(1, 0);
  head.write("mdat", 4, "latin1");
  head.writeBigUInt64BE(BigInt(data + 16), 8);
  return Buffer.concat([fileType, movie(layout, start), head]);
}

const fileType = box("ftyp", text("isom"), words(512), text("isomiso2mp41"));

function movie(layout: Mp4Layout, dataStart: number): Buffer {
  const { fps, rank, width, height } = layout;
  const scale = fps * frameTicks;
  const duration = rank.length * frameTicks;
  const delay = rank.reduce((most, place, index) => Math.max(most, index - place), 0);
  const trackHeader = [
    // Enabled, in the movie; track 1.
    ...[words(0, 0, 1, 0), longs(duration), words(0, 0, 0, 0)],
    turned(layout.rotation),
    words(width * 65536, height * 65536),
  ];
  const edit = box("edts", full("elst", 1, 0, words(1), longs(duration, delay * frameTicks), words(65536)));
  return box(
    "moov",
    full(
      "mvhd",
      1,
      0,
      ...[longs(0, 0), words(scale), longs(duration), words(65536, 0x01000000, 0, 0), turned(0)],
      words(0, 0, 0, 0, 0, 0, 2),
    ),
    box(
      "trak",
      full("tkhd", 1, 3, longs(0), ...trackHeader),
      ...(delay > 0 ? [edit] : []),
      box(
        "mdia",
        full("mdhd", 1, 0, longs(0, 0), words(scale), longs(duration), words(0x55c40000)),
        full("hdlr", 0, 0, words(0), text("vide"), words(0, 0, 0), text("VideoHandler\0")),
        box(
          "minf",
          full("vmhd", 0, 1, words(0, 0)),
          box("dinf", full("dref", 0, 0, words(1), full("url ", 0, 1))),
          sampleTable(layout, delay, dataStart),
        ),
      ),
    ),
  );
}

function sampleTable(layout: Mp4Layout, delay: number, dataStart: number): Buffer {
  const { bytes, isKey, rank, chunks } = layout;
  const offsets = runsOf(rank.map((place, index) => (place - index + delay) * frameTicks));
  const keys = [...isKey.keys()].filter((index) => isKey[index] === 1).map((index) => index + 1);
  const chunkRuns = chunks
    .map((samples, index) => ({ samples, chunk: index + 1 }))
    .filter(({ samples }, index) => samples !== chunks[index - 1]);
  return box(
    "stbl",
    full("stsd", 0, 0, words(1), layout.sampleEntry),
    full("stts", 0, 0, words(1, bytes.length, frameTicks)),
    ...(delay > 0 ? [full("ctts", 0, 0, words(offsets.length), table(offsets.flat()))] : []),
    ...(keys.length < bytes.length ? [full("stss", 0, 0, words(keys.length), table(keys))] : []),
    full(
      "stsc",
      0,
      0,
      words(chunkRuns.length),
      table(chunkRuns.flatMap((run) => [run.chunk, run.samples, 1])),
    ),
    full("stsz", 0, 0, words(0, bytes.length), table(bytes)),
    full("co64", 0, 0, words(chunks.length), longTable(chunkStarts(layout, dataStart))),
  );
}

function chunkStarts({ bytes, chunks }: Mp4Layout, dataStart: number): number[] {
  let sample = 0;
  let position = dataStart;
  return chunks.map((samples) => {
    const start = position;
    for (const end = sample + samples; sample < end; sample += 1) position += bytes[sample]!;
    return start;
  });
}

/** Equal neighbours as [count, value]. */
function runsOf(values: Int32Array): [number, number][] {
  const runs: [number, number][] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last?.[1] === value) last[0] += 1;
    else runs.push([1, value]);
  }
  return runs;
}

/** The sample entry of a stream that comes from another container; see `retimeProblem` for those that have one. */
export function sampleEntryOf({ codec, codecString, width, height, description }: Video): Buffer {
  const kind = { h264: "avc1", hevc: "hvc1", vp9: "vp09", av1: "av01" }[codec]!;
  const size = Buffer.alloc(4);
  size.writeUInt16BE(width, 0);
  size.writeUInt16BE(height, 2);
  const parts = (codecString ?? "").split(".");
  const configuration = {
    h264: () => box("avcC", description!),
    hevc: () => box("hvcC", description!),
    vp9: () => full("vpcC", 1, 0, vp9Configuration(parts)),
    av1: () => box("av1C", av1Configuration(parts)),
  }[codec]!;
  return box(
    kind,
    ...[words(0), Buffer.from([0, 0, 0, 1]), words(0, 0, 0, 0), size, words(0x480000, 0x480000, 0)],
    // One frame a sample, no name, 24 bits, no colour table.
    ...[Buffer.from([0, 1]), Buffer.alloc(32), Buffer.from([0, 24, 255, 255])],
    configuration(),
  );
}

/** VP Codec ISO Media File Format Binding; parts as in `vp09.profile.level.bits.chroma.primaries.transfer.matrix.range`. */
function vp9Configuration(parts: string[]): Buffer {
  const [, profile, level, bits, chroma = 1, primaries = 1, transfer = 1, matrix = 1, range = 0] =
    parts.map(Number);
  return Buffer.from([
    profile!,
    level!,
    (bits! << 4) | (chroma << 1) | range,
    primaries,
    transfer,
    matrix,
    0,
    0,
  ]);
}

/** AV1 Codec ISO Media File Format Binding, without the optional OBUs; parts as in `av01.profile.levelTier.bits.mono.chroma`. */
function av1Configuration([, profile, levelAndTier = "", bits, mono = "0", chroma]: string[]): Buffer {
  const tier = levelAndTier.endsWith("H") ? 1 : 0;
  const depth = (Number(bits) > 8 ? 2 : 0) | (Number(bits) > 10 ? 1 : 0);
  const [x, y, place] = [...(chroma ?? (profile === "1" ? "000" : "110"))].map(Number);
  const third = (tier << 7) | (depth << 5) | (Number(mono) << 4) | (x! << 3) | (y! << 2) | place!;
  return Buffer.from([0x81, (Number(profile) << 5) | Number.parseInt(levelAndTier, 10), third, 0]);
}

/** The transformation matrix of a track, rows of a, b, u, ... as 16.16 and 2.30 numbers. */
function turned(rotation: Video["rotation"]): Buffer {
  const one = 65536;
  const [a, b] = { 0: [one, 0], 90: [0, one], 180: [-one, 0], 270: [0, -one] }[rotation] as [number, number];
  return words(a >>> 0, b >>> 0, 0, -b >>> 0, a >>> 0, 0, 0, 0, 0x40000000);
}

function box(kind: string, ...parts: Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([words(length), text(kind), ...parts]);
}

function full(kind: string, version: number, flags: number, ...parts: Uint8Array[]): Buffer {
  return box(kind, words(version * 2 ** 24 + flags), ...parts);
}

function text(value: string): Buffer {
  return Buffer.from(value, "latin1");
}

function words(...values: number[]): Buffer {
  return table(values);
}

function longs(...values: number[]): Buffer {
  return longTable(values);
}

function table(values: ArrayLike<number>): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (let index = 0; index < values.length; index += 1) bytes.writeUInt32BE(values[index]!, 4 * index);
  return bytes;
}

function longTable(values: ArrayLike<number>): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (let index = 0; index < values.length; index += 1)
    bytes.writeBigUInt64BE(BigInt(values[index]!), 8 * index);
  return bytes;
}
