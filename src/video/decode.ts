import { AlignError } from "../errors.ts";
import { streamForm } from "./annex-b.ts";
import { entryOf, requireFrames, startsClean } from "./cut.ts";
import { everyFrame, type Ffmpeg, type FfmpegOptions, startFfmpeg } from "./ffmpeg.ts";
import { readPackets } from "./packets.ts";
import type { Video } from "./video.ts";

export interface DecodeOptions extends FfmpegOptions {
  /** Filters and coder that make bytes of pictures. */
  readonly output: readonly string[];
  /** Cuts what ffmpeg writes into pictures. */
  readonly split: (output: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
}

/**
 * Decoded pictures of some displayed frames, told by number: ffmpeg is given the packets that decode them and no
 * others, so that no time, edit list or rate can choose another picture.
 *
 * @param frames ascending in the stream's order of presentation, without doubles
 * @throws AlignError `SOURCE_UNDECODABLE`, `USAGE_FFMPEG`
 */
export async function* decoded(
  video: Video,
  frames: Int32Array,
  options: DecodeOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (frames.length === 0) return;
  const tag = streamTags[video.codec];
  if (tag === undefined) throw undecodable(video, `${video.codec} is no codec that pictures are decoded of`);
  const packets = await packetsFor(video, frames);
  const { rank } = video.packets;
  const order = packets.slice().sort((a, b) => rank[a]! - rank[b]!);
  const wanted = new Set(Array.from(frames, (frame) => video.display[frame]!));
  const passthrough = await everyFrame(options);
  // Not all versions know the code of H.265.
  const decoder = video.codec === "hevc" ? ["-c:v", "hevc"] : [];
  const args = [
    ...decoder,
    "-f",
    "ivf",
    "-i",
    "pipe:0",
    "-map",
    "0:v:0",
    ...passthrough,
    ...options.output,
    "pipe:1",
  ];
  const child = startFfmpeg(args, options, (why) => undecodable(video, why));
  const feeding = feedIvf(child, video, tag, packets, order, options.signal);
  feeding.catch(child.kill);
  let seen = 0;
  try {
    for await (const picture of options.split(child.output)) {
      if (wanted.has(order[seen++]!)) yield picture;
    }
    await feeding;
    await child.ended;
  } catch (cause) {
    // The first cause is what is told: a child that was killed has nothing more to say.
    await feeding;
    await child.ended;
    throw cause;
  } finally {
    child.kill();
  }
  if (seen !== order.length) throw undecodable(video, `of ${order.length} pictures ${seen} can be decoded`);
}

function undecodable({ path }: Video, why: string): AlignError {
  return new AlignError("SOURCE_UNDECODABLE", `${path} cannot be decoded: ${why}`, {
    where: { file: path },
    hint: "see whether it plays; if it does, try a newer ffmpeg",
  });
}

/** The codes of codecs in IVF, which holds one packet after another with nothing but its length and number. */
const streamTags: Record<string, string> = {
  h264: "H264",
  hevc: "HEVC",
  vp8: "VP80",
  vp9: "VP90",
  av1: "AV01",
  mjpeg: "MJPG",
};

/** Packets that decode some frames, ascending: each stretch begins with a key packet that needs nothing before it. */
async function packetsFor(video: Video, frames: Int32Array): Promise<Int32Array> {
  for (const frame of frames) requireFrames(video, frame, frame + 1);
  const stretches: { key: number; last: number }[] = [];
  for (const frame of frames) {
    const last = video.display[frame]!;
    const open = stretches.at(-1);
    if (open !== undefined && last <= open.last) continue;
    const isNext = open !== undefined && entryOf(video, last, open.last + 2) < open.last + 2;
    const key = isNext ? open.key : await decoderEntry(video, last);
    if (key < 0) throw undecodable(video, `no key frame comes before frame ${frame}`);
    // A stretch after a hole needs an entry that forgets what came before the hole.
    if (open !== undefined && (isNext || key <= open.last || !(await startsClean(video, key))))
      open.last = last;
    else stretches.push({ key, last });
  }
  const { rank } = video.packets;
  const packets = stretches.flatMap(({ key, last }) =>
    Array.from({ length: last - key + 1 }, (_, index) => key + index).filter(
      (packet) => rank[packet]! >= rank[key]!,
    ),
  );
  return Int32Array.from(packets);
}

/**
 * The key packet that a decoder can begin at to show a packet. In H.264 that is an IDR picture: of others it may show
 * nothing until it has recovered, some frames later.
 */
async function decoderEntry(video: Video, packet: number): Promise<number> {
  let key = entryOf(video, packet);
  while (video.codec === "h264" && key > 0 && !(await startsClean(video, key))) key = entryOf(video, key - 1);
  return key;
}

async function feedIvf(
  child: Ffmpeg,
  video: Video,
  tag: string,
  packets: Int32Array,
  order: Int32Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  const place = new Map(Array.from(order, (packet, index) => [packet, index]));
  const head = Buffer.alloc(32);
  head.write("DKIF", 0, "latin1");
  head.writeUInt16LE(32, 6);
  head.write(tag, 8, "latin1");
  head.writeUInt16LE(video.width, 12);
  head.writeUInt16LE(video.height, 14);
  head.writeUInt32LE(25, 16);
  head.writeUInt32LE(1, 20);
  head.writeUInt32LE(packets.length, 24);
  let isOpen = await child.feed(head);
  let next = 0;
  for await (const batch of readPackets(video, packets, signal)) {
    for (const packet of batch) {
      if (!isOpen) return;
      const at = packets[next++]!;
      const data = streamForm(video, packet, video.packets.isKey[at] === 1);
      // A temporal unit of AV1 begins with a delimiter, which MP4 leaves out.
      const delimiter = video.codec === "av1" && data[0] !== 0x12 ? Uint8Array.of(0x12, 0) : noBytes;
      const frame = Buffer.alloc(12);
      frame.writeUInt32LE(delimiter.length + data.length, 0);
      frame.writeBigUInt64LE(BigInt(place.get(at)!), 4);
      isOpen = await child.feed(Buffer.concat([frame, delimiter, data]));
    }
  }
  child.endInput();
}

const noBytes = new Uint8Array(0);

/** Cuts a byte stream into pictures of equal length, each one's own memory; a rest at the end is an error of the child. */
export async function* ofEqualLength(
  output: AsyncIterable<Uint8Array>,
  length: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let picture = new Uint8Array(length);
  let filled = 0;
  for await (const chunk of output) {
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(length - filled, chunk.length - at);
      picture.set(chunk.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled < length) continue;
      yield picture;
      picture = new Uint8Array(length);
      filled = 0;
    }
  }
}

/** Cuts a multipart stream, in which every part says its length, into the parts. */
export async function* ofStatedLength(
  output: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = Buffer.alloc(0);
  let chunks: Uint8Array[] = [];
  let missing = 1;
  for await (const chunk of output) {
    chunks.push(chunk);
    missing -= chunk.length;
    if (missing > 0) continue;
    rest = Buffer.concat([rest, ...chunks]);
    chunks = [];
    for (;;) {
      const headEnd = rest.indexOf("\r\n\r\n");
      missing = 1;
      if (headEnd < 0) break;
      const stated = /content-length: *(\d+)/i.exec(rest.toString("latin1", 0, headEnd));
      if (stated === null) break;
      const end = headEnd + 4 + Number(stated[1]);
      missing = Math.max(1, end - rest.length);
      if (end > rest.length) break;
      yield new Uint8Array(rest.subarray(headEnd + 4, end));
      rest = rest.subarray(end);
    }
  }
}
