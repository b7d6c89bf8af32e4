import { AlignError } from "../errors.ts";
import { byStartCodes, unitsOf, unitType, withStartCodes } from "./nal.ts";
import { readPackets } from "./packets.ts";
import type { Cut, Video } from "./video.ts";

/** The packets that decode a cut. */
export interface Span {
  /** Places in `video.packets`, ascending; the first is a key packet. */
  readonly packets: Int32Array;
  /** For every packet its place in presentation order among these. */
  readonly rank: Int32Array;
  /** Place in presentation order, among these, of the cut's first frame. */
  readonly lead: number;
}

/**
 * The packets from the key packet at or before a cut to the last one that its frames need.
 *
 * Packets that are decoded after that key packet and shown before it (open GOP, leading pictures) refer to what is
 * before it; nothing else refers to them, and they are left out. Undefined where no key packet comes before.
 */
export function spanOf({ video, first, end }: Cut): Span | undefined {
  requireFrames(video, first, end);
  const { rank } = video.packets;
  const start = video.display[first]!;
  const key = entryOf(video, start);
  if (key < 0) return undefined;
  let last = start;
  for (let frame = first; frame < end; frame += 1) last = Math.max(last, video.display[frame]!);
  const packets = Int32Array.from({ length: last - key + 1 }, (_, index) => key + index).filter(
    (packet) => rank[packet]! >= rank[key]!,
  );
  const places = new Map(
    Array.from(packets, (packet) => rank[packet]!)
      .sort((a, b) => a - b)
      .map((one, place) => [one, place]),
  );
  return {
    packets,
    rank: packets.map((packet) => places.get(rank[packet]!)!),
    lead: places.get(rank[start]!)!,
  };
}

/**
 * The key packet at or before a packet, in decode order and in presentation order.
 *
 * @param floor where the search ends
 * @returns less than `floor` where there is none from there on
 */
export function entryOf({ packets: { isKey, rank } }: Video, packet: number, floor = 0): number {
  let key = packet;
  while (key >= floor && (isKey[key] === 0 || rank[key]! > rank[packet]!)) key -= 1;
  return key;
}

/** @throws AlignError `SOURCE_CHANGED` where the video has no such displayed frames */
export function requireFrames(video: Video, first: number, end: number): void {
  if (Number.isInteger(first) && Number.isInteger(end) && first >= 0 && first < end && end <= video.frames)
    return;
  const message = `frames ${first} to ${end - 1} of ${video.path} are asked for, which shows ${video.frames}`;
  throw new AlignError("SOURCE_CHANGED", message, {
    where: { file: video.path },
    hint: "align the capture again, with the video as it is now",
  });
}

/** Why the packets of a cut cannot be stamped anew without encoding; undefined where they can. */
export async function retimeProblem(cut: Cut): Promise<string | undefined> {
  const { video, first, end } = cut;
  const inFile = streamProblem(video);
  if (inFile !== undefined) return inFile;
  const span = spanOf(cut);
  if (span === undefined) return `no key frame comes before frame ${first}`;
  const { rank } = video.packets;
  for (let frame = first + 1; frame < end; frame += 1) {
    if (rank[video.display[frame]!]! !== rank[video.display[frame - 1]!]! + 1)
      return `its edit list puts frames ${frame - 1} and ${frame} together, which are apart in the stream`;
  }
  if (!(await startsClean(video, span.packets[0]!))) {
    const frame = first - span.lead;
    return `the key frame before frame ${first} (frame ${frame}) is no clean entry (open GOP): what comes before it would show through`;
  }
  return undefined;
}

const retimed = new Set(["h264", "hevc", "vp9", "av1"]);

function streamProblem({ codec, mp4, description }: Video): string | undefined {
  if (mp4 !== undefined && String.fromCharCode(...mp4.sampleEntry.subarray(4, 8)) === "encv")
    return "it is encrypted";
  if (!retimed.has(codec)) return `its codec (${codec}) is none that data sets hold in MP4`;
  if (/^h/.test(codec) && description === undefined)
    return "its parameter sets are in the packets, as in a transport stream";
  if (mp4?.hasOneEntry === false) return "its stream changes configuration on the way";
  return undefined;
}

/** Whether decoding forgets all before this packet: an IDR picture (or BLA) in H.264 and H.265, any key frame in others. */
export async function startsClean(video: Video, packet: number): Promise<boolean> {
  if (!/^h/.test(video.codec)) return true;
  for await (const [data] of readPackets(video, Int32Array.of(packet))) {
    // Some cameras put start codes inside of units with lengths, which decoders take for what they are.
    for (const unit of byStartCodes(withStartCodes(unitsOf(video, data!)))) {
      const type = unitType(video.codec, unit);
      if (video.codec === "h264" && type >= 1 && type <= 5) return type === 5;
      if (video.codec === "hevc" && type < 32) return type >= 16 && type <= 20;
    }
  }
  return false;
}

/** Whether packets of both can follow one another in one stream. */
export function sameConfig(a: Video, b: Video): boolean {
  const facts = ({ codec, codecString, width, height, rotation, pixelFormat }: Video) =>
    [codec, codecString, width, height, rotation, pixelFormat].join(" ");
  return (
    facts(a) === facts(b) &&
    Buffer.compare(a.description ?? new Uint8Array(), b.description ?? new Uint8Array()) === 0
  );
}
