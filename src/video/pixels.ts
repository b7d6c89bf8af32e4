/**
 * How the pictures of a stream are stored, in FFmpeg's words such as `yuv420p` or `yuv420p10le`; undefined where its
 * configuration does not say.
 *
 * @param codec `h264`, `hevc`, `vp9` or `av1`
 * @param codecString RFC 6381, with all parts where the codec is vp9 or av1
 * @param description avcC or hvcC
 */
export function pixelFormatOf(
  codec: string,
  codecString: string | undefined,
  description: Uint8Array | undefined,
  colors: { readonly isFullRange: boolean; readonly isRgb: boolean },
): string | undefined {
  const format = storedAs(codec, codecString?.split(".") ?? [], description);
  if (format === undefined) return undefined;
  const { chroma, bits } = format;
  const isOldFullRange = colors.isFullRange && bits === 8 && /^h/.test(codec);
  const name = chroma === 0 ? "gray" : `yuv${isOldFullRange ? "j" : ""}${chroma}p`;
  return (colors.isRgb ? "gbrp" : name) + (bits === 8 ? "" : `${bits}le`);
}

/** 0 is without colour. */
interface Stored {
  chroma: 0 | 420 | 422 | 440 | 444;
  bits: number;
}

function storedAs(codec: string, parts: string[], description: Uint8Array | undefined): Stored | undefined {
  if (codec === "h264") return description === undefined ? undefined : ofSequence(description);
  if (codec === "hevc") {
    if (description === undefined || description.length < 18) return undefined;
    return { chroma: chromaOf[description[16]! & 3]!, bits: 8 + (description[17]! & 7) };
  }
  if (codec === "vp9")
    return { chroma: vp9Chroma[Number(parts[4] ?? 1)] ?? 420, bits: Number(parts[3] ?? 8) };
  if (codec === "av1") {
    const bits = Number(parts[3] ?? 8);
    if (parts[4] === "1") return { chroma: 0, bits };
    const sampling = parts[5]?.slice(0, 2) ?? (parts[1] === "1" ? "00" : "11");
    return { chroma: sampling === "11" ? 420 : sampling === "10" ? 422 : 444, bits };
  }
  return undefined;
}

const chromaOf = [0, 420, 422, 444] as const;
/** VP Codec ISO Media File Format Binding, chroma subsampling. */
const vp9Chroma = [420, 420, 422, 444, 440] as const;

/** Profiles whose sequence parameter set states the chroma format (ITU-T H.264, 7.3.2.1.1). */
const profilesWithChroma = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

function ofSequence(avcC: Uint8Array): Stored | undefined {
  const length = avcC.length > 8 && (avcC[5]! & 31) > 0 ? (avcC[6]! << 8) | avcC[7]! : 0;
  const sequence = avcC.subarray(8, 8 + length);
  if (sequence.length < 5) return undefined;
  if (!profilesWithChroma.has(sequence[1]!)) return { chroma: 420, bits: 8 };
  const next = exponentialGolomb(sequence.subarray(4));
  next();
  const chroma = next();
  if (chroma > 3) return undefined;
  if (chroma === 3) next(1);
  return { chroma: chromaOf[chroma]!, bits: 8 + next() };
}

/** Reads unsigned Exp-Golomb numbers one after another, or as many plain bits as asked for. */
function exponentialGolomb(escaped: Uint8Array): (bits?: number) => number {
  const bytes = escaped.filter(
    (byte, index) => !(byte === 3 && escaped[index - 1] === 0 && escaped[index - 2] === 0),
  );
  let at = 0;
  const bit = () => {
    const value = ((bytes[at >> 3] ?? 0xff) >> (7 - (at & 7))) & 1;
    at += 1;
    return value;
  };
  const plain = (count: number) => {
    let value = 0;
    for (let index = 0; index < count; index += 1) value = 2 * value + bit();
    return value;
  };
  return (bits) => {
    if (bits !== undefined) return plain(bits);
    let zeros = 0;
    while (bit() === 0) zeros += 1;
    return 2 ** zeros - 1 + plain(zeros);
  };
}
