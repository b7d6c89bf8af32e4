import { open } from "node:fs/promises";
import { EncodedPacketSink } from "mediabunny";
import { AlignError } from "../errors.ts";
import { openTrack, type Video } from "./video.ts";

/** As much as is read at once, and the widest gap (sound, as a rule) that is read over rather than skipped. */
const batchBytes = 4 << 20;
const gapBytes = 128 << 10;

/** Memory to read into, which grows as it must. */
export interface Scratch {
  bytes: Uint8Array;
}

/**
 * The data of packets, in batches: one array a packet, in the order asked for, which holds until the next batch.
 *
 * @param asked places in `video.packets`, ascending
 * @param scratch memory that is used again for one read after another
 * @throws AlignError `SOURCE_CHANGED` where the file is no longer what it was when it was opened
 */
export function readPackets(
  video: Video,
  asked: Int32Array,
  signal?: AbortSignal,
  scratch: Scratch = { bytes: new Uint8Array(0) },
): AsyncGenerator<Uint8Array[], void, undefined> {
  return video.packets.position === undefined
    ? readByDemuxer(video, asked, signal)
    : readInPlace(video, video.packets.position, asked, scratch, signal);
}

async function* readInPlace(
  video: Video,
  position: Float64Array,
  asked: Int32Array,
  scratch: Scratch,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array[], void, undefined> {
  const { bytes } = video.packets;
  const endOf = (packet: number) => position[packet]! + bytes[packet]!;
  const file = await open(video.path, "r");
  const most = Math.min(
    batchBytes,
    asked.reduce((sum, packet) => sum + bytes[packet]!, 0),
  );
  try {
    for (let next = 0; next < asked.length; ) {
      signal?.throwIfAborted();
      const start = position[asked[next]!]!;
      let last = next;
      while (last + 1 < asked.length) {
        const gap = position[asked[last + 1]!]! - endOf(asked[last]!);
        if (gap < 0 || gap > gapBytes || endOf(asked[last + 1]!) - start > batchBytes) break;
        last += 1;
      }
      const length = endOf(asked[last]!) - start;
      if (scratch.bytes.length < length) scratch.bytes = Buffer.allocUnsafeSlow(Math.max(length, most));
      const buffer = scratch.bytes;
      const { bytesRead } = await file.read(buffer, 0, length, start);
      if (bytesRead < length) throw changed(video, `it ends at byte ${start + bytesRead}`);
      const batch: Uint8Array[] = [];
      for (; next <= last; next += 1) {
        const from = position[asked[next]!]! - start;
        batch.push(buffer.subarray(from, from + bytes[asked[next]!]!));
      }
      yield batch;
    }
  } finally {
    await file.close();
  }
}

async function* readByDemuxer(
  video: Video,
  asked: Int32Array,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array[], void, undefined> {
  const { isKey, seconds, bytes } = video.packets;
  const keyOf = (packet: number) => {
    let key = packet;
    while (isKey[key] === 0) key -= 1;
    return key;
  };
  const { track, input } = await openTrack(video.path);
  try {
    const sink = new EncodedPacketSink(track);
    for (let next = 0; next < asked.length; ) {
      let place = keyOf(asked[next]!);
      const start = await sink.getKeyPacket(seconds![place]!);
      if (start === null) throw changed(video, `packet ${place} is gone`);
      let batch: Uint8Array[] = [];
      let held = 0;
      for await (const { data, timestamp } of sink.packets(start)) {
        if (timestamp !== seconds![place] || data.length !== bytes[place])
          throw changed(video, `packet ${place} is another one`);
        const isAsked = place === asked[next];
        place += 1;
        if (!isAsked) continue;
        batch.push(data);
        next += 1;
        held += data.length;
        if (next === asked.length || keyOf(asked[next]!) > place) break;
        if (held < batchBytes) continue;
        signal?.throwIfAborted();
        yield batch;
        batch = [];
        held = 0;
      }
      if (batch.length === 0) throw changed(video, `packet ${place} is gone`);
      signal?.throwIfAborted();
      yield batch;
    }
  } finally {
    input.dispose();
  }
}

function changed(video: Video, what: string): AlignError {
  return new AlignError("SOURCE_CHANGED", `${video.path} has changed while it was read: ${what}`, {
    where: { file: video.path },
    hint: "export again once nothing writes to it",
  });
}
