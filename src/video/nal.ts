import type { Video } from "./video.ts";

/**
 * The NAL units of a packet of H.264 or H.265, without lengths or start codes: by the length fields of ISO/IEC
 * 14496-15 where the video has a configuration, else by start codes (Annex B).
 */
export function unitsOf(video: Video, packet: Uint8Array): Uint8Array[] {
  return video.description === undefined ? byStartCodes(packet) : byLengths(packet, lengthBytes(video));
}

/** @param codec `h264` or `hevc` */
export function unitType(codec: string, unit: Uint8Array): number {
  return codec === "h264" ? unit[0]! & 31 : (unit[0]! >> 1) & 63;
}

/** The parameter sets of a configuration (avcC or hvcC), in order; none where the video has none. */
export function parameterSets({ codec, description }: Video): Uint8Array[] {
  if (description === undefined) return [];
  const sets: Uint8Array[] = [];
  let at = codec === "h264" ? 5 : 23;
  const take = (count: number) => {
    for (let index = 0; index < count; index += 1) {
      const length = (description[at]! << 8) | description[at + 1]!;
      sets.push(description.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  };
  if (codec === "h264") {
    take(description[at++]! & 31);
    take(description[at++] ?? 0);
    return sets;
  }
  for (let arrays = description[22]!; arrays > 0; arrays -= 1) {
    const count = (description[at + 1]! << 8) | description[at + 2]!;
    at += 3;
    take(count);
  }
  return sets;
}

function lengthBytes({ codec, description }: Video): number {
  return (description![codec === "h264" ? 4 : 21]! & 3) + 1;
}

function byLengths(packet: Uint8Array, lengthBytes: number): Uint8Array[] {
  const units: Uint8Array[] = [];
  for (let at = 0; at + lengthBytes <= packet.length; ) {
    let length = 0;
    for (let index = 0; index < lengthBytes; index += 1) length = length * 256 + packet[at + index]!;
    at += lengthBytes;
    if (length > 0) units.push(packet.subarray(at, Math.min(at + length, packet.length)));
    at += length;
  }
  return units;
}

/** Units between start codes (Annex B), without the zeros behind them. */
export function byStartCodes(packet: Uint8Array): Uint8Array[] {
  const starts: number[] = [];
  for (let at = 2; at < packet.length; at += 1)
    if (packet[at] === 1 && packet[at - 1] === 0 && packet[at - 2] === 0) starts.push(at + 1);
  return starts
    .map((start, index) => {
      let end = index + 1 < starts.length ? starts[index + 1]! - 3 : packet.length;
      while (end > start && packet[end - 1] === 0) end -= 1;
      return packet.subarray(start, end);
    })
    .filter((unit) => unit.length > 0);
}

/** Whether a packet of Annex B has an IDR or other intra random access picture, or a sequence parameter set. */
export function startsSequence(codec: string, packet: Uint8Array): boolean {
  return byStartCodes(packet).some((unit) => {
    const type = unitType(codec, unit);
    return codec === "h264" ? type === 5 || type === 7 : type >= 16 && type <= 21;
  });
}

const startCode = Uint8Array.of(0, 0, 0, 1);

/** Units with a start code before each (Annex B). */
export function withStartCodes(units: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(units.flatMap((unit) => [startCode, unit]));
}
