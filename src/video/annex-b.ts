import { spanOf } from "./cut.ts";
import { parameterSets, unitsOf, unitType, withStartCodes } from "./nal.ts";
import { readPackets } from "./packets.ts";
import type { Cut, Video } from "./video.ts";

/** One frame of a stream that needs no container. */
export interface StreamFrame {
  /** Among the video's displayed frames; -1 where it is not shown. */
  readonly frame: number;
  readonly key: boolean;
  /** Annex B with parameter sets in every key frame (H.264, H.265), a temporal unit (AV1) or a frame (VP9); the caller's own. */
  readonly data: Uint8Array;
}

/** Why frames of a cut cannot be messages of their own, one a frame, in order; undefined where they can. */
export function compressedVideoProblem(cut: Cut): string | undefined {
  const { codec, hasReordering } = cut.video;
  if (!streamed.has(codec)) return `its codec (${codec}) is none of H.264, H.265, VP9 and AV1`;
  if (hasReordering) return "its frames are stored in another order than they are shown in (B-frames)";
  if (spanOf(cut) === undefined) return `no key frame comes before frame ${cut.first}`;
  return undefined;
}

const streamed = new Set(["h264", "hevc", "vp9", "av1"]);

/**
 * The frames of a cut in decode order, from the key frame at or before it (whose number is then below `cut.first`),
 * in the form that streams have: for a cut without a `compressedVideoProblem`.
 */
export async function* annexB(cut: Cut, signal?: AbortSignal): AsyncGenerator<StreamFrame, void, undefined> {
  const { video } = cut;
  const span = spanOf(cut);
  if (span === undefined) return;
  const frameOf = new Int32Array(video.packets.count).fill(-1);
  video.display.forEach((packet, frame) => {
    frameOf[packet] = frame;
  });
  let next = 0;
  for await (const batch of readPackets(video, span.packets, signal)) {
    for (const packet of batch) {
      const place = span.packets[next++]!;
      const key = video.packets.isKey[place] === 1;
      const data = streamForm(video, packet, key);
      yield { frame: frameOf[place]!, key, data: data === packet ? packet.slice() : data };
    }
  }
}

/** A packet as a stream has it; the packet itself where it has that form. */
export function streamForm(video: Video, packet: Uint8Array, isKey: boolean): Uint8Array {
  const { codec } = video;
  if (!/^h/.test(codec)) return packet;
  const units = unitsOf(video, packet);
  const [sequence, delimiter] = codec === "h264" ? [7, 9] : [33, 35];
  if (isKey && !units.some((unit) => unitType(codec, unit) === sequence)) {
    // An access unit delimiter, where there is one, comes first.
    const at = units.length > 0 && unitType(codec, units[0]!) === delimiter ? 1 : 0;
    units.splice(at, 0, ...parameterSets(video));
  }
  return withStartCodes(units);
}
