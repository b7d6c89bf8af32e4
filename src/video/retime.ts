import { copyFile, open } from "node:fs/promises";
import { AlignError } from "../errors.ts";
import { retimeProblem, type Span, sameConfig, spanOf } from "./cut.ts";
import { mp4Head, sampleEntryOf } from "./mp4.ts";
import { readPackets } from "./packets.ts";
import type { Cut } from "./video.ts";

/** Where the cuts are in a file that was written from them. */
export interface WrittenVideo {
  /** One a cut, in order: the file's frames from `firstFrame` on are the cut's. */
  readonly places: readonly { readonly firstFrame: number; readonly frames: number }[];
  /** Of the whole file, those included that only decode others. */
  readonly frames: number;
}

/**
 * Writes one MP4 file, without sound, of the packets of some cuts: nothing is decoded or encoded, and frame i of the
 * file is shown at exactly i / fps. Before each cut come the frames from the key frame at or before it, and behind
 * it those that its last frames refer to. The same cuts give the same bytes.
 *
 * @param cuts at least one, all of one configuration (`sameConfig`)
 * @throws AlignError `SOURCE_RETIME` where packets cannot be used so (`retimeProblem`), `SOURCE_CHANGED`
 */
export async function writeRetimed(
  path: string,
  fps: number,
  cuts: readonly Cut[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<WrittenVideo> {
  const { video } = cuts[0]!;
  const spans: Span[] = [];
  for (const cut of cuts) {
    const problem = sameConfig(cut.video, video)
      ? await retimeProblem(cut)
      : `its configuration differs from that of ${video.path}`;
    if (problem !== undefined) throw cannotRetime(cut, problem);
    spans.push(spanOf(cut)!);
  }
  const frames = spans.reduce((sum, { packets }) => sum + packets.length, 0);
  const bytes = new Uint32Array(frames);
  const isKey = new Uint8Array(frames);
  const rank = new Int32Array(frames);
  const places: { firstFrame: number; frames: number }[] = [];
  let start = 0;
  spans.forEach((span, index) => {
    const { packets } = cuts[index]!.video;
    bytes.set(
      span.packets.map((packet) => packets.bytes[packet]!),
      start,
    );
    isKey.set(
      span.packets.map((packet) => packets.isKey[packet]!),
      start,
    );
    rank.set(
      span.rank.map((place) => start + place),
      start,
    );
    places.push({ firstFrame: start + span.lead, frames: cuts[index]!.end - cuts[index]!.first });
    start += span.packets.length;
  });
  const scratch = { bytes: new Uint8Array(0) };
  const file = await open(path, "w");
  try {
    const { width, height, rotation, mp4 } = video;
    const sampleEntry = mp4?.sampleEntry ?? sampleEntryOf(video);
    const chunks = spans.map(({ packets }) => packets.length);
    await writeAll([mp4Head({ width, height, sampleEntry, rotation, fps, bytes, isKey, rank, chunks })]);
    for (const [index, { packets }] of spans.entries())
      for await (const batch of readPackets(cuts[index]!.video, packets, options.signal, scratch))
        await writeAll(joined(batch));
  } finally {
    await file.close();
  }
  return { places, frames };

  async function writeAll(parts: readonly Uint8Array[]): Promise<void> {
    for (let left = parts; left.length > 0; ) left = behind(left, (await file.writev(left)).bytesWritten);
  }
}

/** What is left of some bytes behind the first so many. */
function behind(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skipped = bytes;
  return parts.flatMap((part) => {
    const rest = part.subarray(Math.min(skipped, part.length));
    skipped -= part.length - rest.length;
    return rest.length > 0 ? [rest] : [];
  });
}

/** Packets that lie side by side in memory, as one. */
function joined(batch: readonly Uint8Array[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const packet of batch) {
    const last = parts.at(-1);
    const isNext = last?.buffer === packet.buffer && last.byteOffset + last.length === packet.byteOffset;
    if (!isNext) parts.push(packet);
    else parts[parts.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + packet.length);
  }
  return parts;
}

function cannotRetime({ video, first, end }: Cut, why: string): AlignError {
  const message = `frames ${first} to ${end - 1} of ${video.path} cannot be stamped anew without encoding: ${why}`;
  return new AlignError("SOURCE_RETIME", message, {
    where: { file: video.path },
    hint: "export with --video resample, which encodes them anew, or with --video copy",
  });
}

/** Copies a video file as it is. */
export async function copyVideo(path: string, out: string): Promise<void> {
  await copyFile(path, out);
}
