import { decoded, ofEqualLength, ofStatedLength } from "./decode.ts";
import type { FfmpegOptions } from "./ffmpeg.ts";
import type { Video } from "./video.ts";

export interface PictureOptions extends FfmpegOptions {
  /** JPEG files, or rows of red, green and blue bytes. */
  readonly format: "jpeg" | "rgb24";
  /** Width and height; missing: as displayed. */
  readonly size?: readonly [number, number];
}

/**
 * The pictures of some displayed frames, in the order asked for and turned upright; the same inputs and ffmpeg give
 * the same bytes. A frame that follows itself is decoded once and given again, the same array.
 *
 * @throws AlignError `SOURCE_UNDECODABLE`, `SOURCE_CHANGED`, `USAGE_FFMPEG`
 */
export async function* pictures(
  video: Video,
  frames: Int32Array,
  options: PictureOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const size = options.size ?? displayedSize(video);
  const isJpeg = options.format === "jpeg";
  const coder = isJpeg
    ? [
        "-pix_fmt",
        "yuvj420p",
        "-c:v",
        "mjpeg",
        // The stream that is fed counts in 1/25 s; a rate that is guessed from few frames would give two one stamp.
        "-enc_time_base",
        "1/25",
        "-q:v",
        "2",
        "-flags:v",
        "+bitexact",
        "-threads:v",
        "1",
        "-f",
        "mpjpeg",
      ]
    : ["-f", "rawvideo"];
  const filters = [...upright(video), scaled(size), ...(isJpeg ? ["format=yuvj420p"] : ["format=rgb24"])];
  yield* inOrder(video, frames, (ascending) =>
    decoded(video, ascending, {
      ...options,
      output: ["-vf", filters.join(","), ...coder],
      split: (output) => (isJpeg ? ofStatedLength(output) : ofEqualLength(output, size[0] * size[1] * 3)),
    }),
  );
}

/** Width and height of a picture that is turned upright. */
export function displayedSize({ width, height, rotation }: Video): readonly [number, number] {
  return rotation % 180 === 0 ? [width, height] : [height, width];
}

/** Filters that turn pictures as the file says. */
export function upright({ rotation }: Video): string[] {
  return { 0: [], 90: ["transpose=clock"], 180: ["hflip", "vflip"], 270: ["transpose=cclock"] }[rotation];
}

/** A filter that scales and converts in the same way on every processor. */
export function scaled([width, height]: readonly [number, number], more = ""): string {
  return `scale=${width}:${height}:flags=bicubic+accurate_rnd+full_chroma_int+bitexact${more}`;
}

/**
 * Gives pictures in any order of frames, from decoders that run forward: one more where the order goes back, by
 * frame number or, as an edit list may have it, in the stream.
 */
export async function* inOrder(
  { display, packets: { rank } }: Video,
  frames: Int32Array,
  decode: (ascending: Int32Array) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const places = frames.map((frame) => rank[display[frame] ?? -1] ?? frame);
  for (let start = 0; start < frames.length; ) {
    let end = start + 1;
    while (end < frames.length && places[end]! >= places[end - 1]!) end += 1;
    const isFirst = (index: number) => index === start || places[index] !== places[index - 1];
    const once = frames.subarray(start, end).filter((_, index) => isFirst(start + index));
    let next = start;
    for await (const picture of decode(once)) {
      do {
        yield picture;
        next += 1;
      } while (next < end && !isFirst(next));
    }
    start = end;
  }
}
