import { type FileHandle, open } from "node:fs/promises";
import {
  ALL_FORMATS,
  EncodedPacketSink,
  FilePathSource,
  Input,
  type InputVideoTrack,
  Logging,
  LogLevel,
} from "mediabunny";
import { AlignError } from "../errors.ts";
import { MalformedBoxes, type Mp4Track, readMp4Tracks } from "./isobmff.ts";
import { startsSequence } from "./nal.ts";
import { pixelFormatOf } from "./pixels.ts";

/** The first picture track of a media file: what it is, where its packets are, and which of them are shown. */
export interface Video {
  readonly path: string;
  /** In FFmpeg's words: `h264`, `hevc`, `vp8`, `vp9`, `av1`, `mjpeg`, else what the container calls it. */
  readonly codec: string;
  /** RFC 6381, such as `avc1.64001f`, where the codec has such a name. */
  readonly codecString?: string;
  /** Pixels, as stored: before rotation. */
  readonly width: number;
  readonly height: number;
  /** Degrees clockwise that pictures are to be turned by for display. */
  readonly rotation: 0 | 90 | 180 | 270;
  /** In FFmpeg's words, such as `yuv420p`. */
  readonly pixelFormat?: string;
  readonly hasAudio: boolean;
  /** Whether packets are stored in another order than pictures are shown in (B-frames). */
  readonly hasReordering: boolean;
  /** Displayed frames, in presentation order, edit lists applied: the numbers that an aligned table counts by. */
  readonly frames: number;
  /** For every displayed frame its packet. */
  readonly display: Int32Array;
  readonly packets: Packets;
  /** avcC or hvcC; missing where parameter sets are in the packets, and for codecs that need none. */
  readonly description?: Uint8Array;
  /** Of MP4 and QuickTime files. */
  readonly mp4?: { readonly sampleEntry: Uint8Array; readonly hasOneEntry: boolean };
}

/** Packets in decode order, from the first key packet on. */
export interface Packets {
  readonly count: number;
  readonly isKey: Uint8Array;
  readonly bytes: Uint32Array;
  /** Place in presentation order among all packets, shown or not. */
  readonly rank: Int32Array;
  /** Byte offset in the file, where packets lie there in one piece each; else they are read through the demuxer. */
  readonly position?: Float64Array;
  /** Presentation times as the demuxer counts them, to find packets by. */
  readonly seconds?: Float64Array;
}

/** Displayed frames of a video from `first` to before `end`. */
export interface Cut {
  readonly video: Video;
  readonly first: number;
  readonly end: number;
}

/**
 * Reads a video file's index; no picture is decoded.
 *
 * @throws AlignError `SOURCE_MISSING`, `SOURCE_UNREADABLE`, `SOURCE_NOT_VIDEO`, `SOURCE_CORRUPT`, `SOURCE_TRUNCATED`
 */
export async function openVideo(path: string): Promise<Video> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    const tracks = await readMp4Tracks(file, size);
    const { track, input } = await openTrack(path);
    try {
      const mp4 = tracks?.get(track.id);
      const facts = await factsOf(path, track, mp4);
      const hasAudio = (await input.getAudioTracks()).length > 0;
      const index =
        mp4 !== undefined && mp4.samples.count > 0
          ? indexOfMp4(path, mp4, size)
          : await indexByDemuxer(path, track, facts);
      return { path, ...facts, hasAudio, ...index };
    } finally {
      input.dispose();
    }
  } catch (cause) {
    if (cause instanceof AlignError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    const code = cause instanceof MalformedBoxes ? "SOURCE_CORRUPT" : "SOURCE_UNREADABLE";
    throw new AlignError(code, `${path} cannot be read as a video: ${why}`, {
      where: { file: path },
      hint: "see whether it plays; if it does, put it into another container: ffmpeg -i FILE -c copy new.mkv",
      cause,
    });
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const where = { file: path };
    if (code === "ENOENT" || code === "ENOTDIR") {
      const hint = "put it back to where it was when the capture was aligned";
      throw new AlignError("SOURCE_MISSING", `there is no video file ${path}`, { where, hint, cause });
    }
    const hint = "give the user who runs tagalign the right to read it";
    throw new AlignError("SOURCE_UNREADABLE", `${path} cannot be read (${code})`, { where, hint, cause });
  }
}

/** Opens a file with the demuxer, which the caller disposes of, and finds its first picture track. */
export async function openTrack(path: string): Promise<{ track: InputVideoTrack; input: Input }> {
  Logging.level = LogLevel.Silent;
  const input = new Input({ source: new FilePathSource(path), formats: ALL_FORMATS });
  try {
    const [track] = (await input.getVideoTracks()).sort((a, b) => a.number - b.number);
    if (track !== undefined) return { track, input };
  } catch (cause) {
    input.dispose();
    throw cause;
  }
  input.dispose();
  throw new AlignError("SOURCE_NOT_VIDEO", `${path} has no video stream`, {
    where: { file: path },
    hint: "name a file with a picture track",
  });
}

const codecNames: Record<string, string> = { avc: "h264", V_MJPEG: "mjpeg", jpeg: "mjpeg", mjpa: "mjpeg" };

async function factsOf(path: string, track: InputVideoTrack, mp4: Mp4Track | undefined) {
  const [known, internal, config] = [
    await track.getCodec(),
    await track.getInternalCodecId(),
    await track.getDecoderConfig(),
  ];
  const id = known ?? (typeof internal === "string" ? internal : "unknown");
  const codec = codecNames[id] ?? (id === "mp4v" && mp4 !== undefined ? mpeg4Codec(mp4.sampleEntry) : id);
  const [width, height] = [await track.getCodedWidth(), await track.getCodedHeight()];
  if (!(width > 0 && height > 0)) {
    throw new AlignError("SOURCE_CORRUPT", `the picture size of ${path} (${codec}) is not known`, {
      where: { file: path },
      hint: "see whether it plays",
    });
  }
  const description = config?.description === undefined ? undefined : bytesOf(config.description);
  const { fullRange, matrix } = config?.colorSpace ?? {};
  const colors = { isFullRange: fullRange === true, isRgb: (matrix as string) === "rgb" };
  const pixelFormat = pixelFormatOf(codec, config?.codec, description, colors);
  return {
    codec,
    width,
    height,
    rotation: await track.getRotation(),
    ...(config === null ? {} : { codecString: config.codec }),
    ...(pixelFormat === undefined ? {} : { pixelFormat }),
    ...(description === undefined ? {} : { description }),
    ...(mp4 === undefined ? {} : { mp4: { sampleEntry: mp4.sampleEntry, hasOneEntry: mp4.hasOneEntry } }),
  };
}

function bytesOf(source: AllowSharedBufferSource): Uint8Array {
  if (ArrayBuffer.isView(source))
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice();
  return new Uint8Array(source).slice();
}

/** An `mp4v` entry holds MPEG-4 or, by the object type in its elementary stream descriptor, Motion JPEG. */
function mpeg4Codec(sampleEntry: Uint8Array): string {
  const entry = Buffer.from(sampleEntry);
  const esds = entry.indexOf("esds");
  if (esds < 0) return "mpeg4";
  const length = (at: number) => {
    let next = at;
    while ((entry[next] ?? 0) & 0x80) next += 1;
    return next + 1;
  };
  const decoder = length(esds + 9) + 3;
  return entry[length(decoder + 1)] === 0x6c ? "mjpeg" : "mpeg4";
}

type Index = Pick<Video, "packets" | "display" | "frames" | "hasReordering">;

function indexOfMp4(path: string, track: Mp4Track, fileBytes: number): Index {
  const { samples } = track;
  for (let index = 0; index < samples.count; index += 1) {
    if (samples.position[index]! + samples.bytes[index]! <= fileBytes) continue;
    const message = `${path} is cut short: packet ${index} of ${samples.count} goes past its ${fileBytes} bytes`;
    const hint = "copy the file again from where it was recorded, or repair it first";
    throw new AlignError("SOURCE_TRUNCATED", message, { where: { file: path }, hint });
  }
  return indexOf(path, samples, track.shown);
}

async function indexByDemuxer(
  path: string,
  track: InputVideoTrack,
  { codec, description }: { codec: string; description?: Uint8Array },
): Promise<Index> {
  const resolution = await track.getTimeResolution();
  const seconds: number[] = [];
  const bytes: number[] = [];
  const isKey: number[] = [];
  const hidden: number[] = [];
  const isStream = /^h/.test(codec) && description === undefined;
  const metadataOnly = codec !== "vp8" && !isStream;
  for await (const packet of new EncodedPacketSink(track).packets(undefined, undefined, { metadataOnly })) {
    // A VP8 frame may be a reference for others only, which its first byte tells (RFC 6386, 9.1).
    if (codec === "vp8" && ((packet.data[0]! >> 4) & 1) === 0) hidden.push(seconds.length);
    // Transport streams call packets keys that are none.
    const isTrueKey = packet.type === "key" && (!isStream || startsSequence(codec, packet.data));
    seconds.push(packet.timestamp);
    bytes.push(packet.byteLength);
    isKey.push(isTrueKey ? 1 : 0);
  }
  const table = {
    count: seconds.length,
    seconds: Float64Array.from(seconds),
    ticks: Float64Array.from(seconds, (time) => Math.round(time * resolution)),
    bytes: Uint32Array.from(bytes),
    isKey: Uint8Array.from(isKey),
  };
  const shown = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY };
  return indexOf(path, table, [shown], new Set(hidden));
}

interface Table {
  count: number;
  ticks: Float64Array;
  bytes: Uint32Array;
  isKey: Uint8Array;
  position?: Float64Array;
  seconds?: Float64Array;
}

function indexOf(
  path: string,
  table: Table,
  shown: Mp4Track["shown"],
  hidden: ReadonlySet<number> = new Set(),
): Index {
  const start = table.isKey.indexOf(1);
  if (start < 0) {
    const message = table.count === 0 ? "holds no frames" : "has no key frame";
    const hint = "record or export it again";
    throw new AlignError("SOURCE_NO_FRAMES", `${path} ${message}`, { where: { file: path }, hint });
  }
  const count = table.count - start;
  const ticks = table.ticks.subarray(start);
  const order = Int32Array.from({ length: count }, (_, index) => index);
  const hasReordering = ticks.some((tick, index) => index > 0 && tick < ticks[index - 1]!);
  if (hasReordering) order.sort((a, b) => ticks[a]! - ticks[b]! || a - b);
  const rank = new Int32Array(count);
  order.forEach((packet, place) => {
    rank[packet] = place;
  });
  const display = shown.flatMap(({ start: from, end }) =>
    Array.from(order).filter(
      (packet) => ticks[packet]! >= from && ticks[packet]! < end && !hidden.has(packet + start),
    ),
  );
  const packets = {
    count,
    isKey: table.isKey.subarray(start),
    bytes: table.bytes.subarray(start),
    rank,
    ...(table.position === undefined ? {} : { position: table.position.subarray(start) }),
    ...(table.seconds === undefined ? {} : { seconds: table.seconds.subarray(start) }),
  };
  return { packets, display: Int32Array.from(display), frames: display.length, hasReordering };
}
