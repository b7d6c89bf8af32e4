import { decoded, ofEqualLength } from "./decode.ts";
import type { FfmpegOptions } from "./ffmpeg.ts";
import { displayedSize, upright } from "./pictures.ts";
import type { FrameChoice } from "./resample.ts";
import type { Video } from "./video.ts";

/** Of pictures' red, green and blue, each from 0 to 1. */
export interface ImageStatistics {
  readonly min: readonly [number, number, number];
  readonly max: readonly [number, number, number];
  readonly mean: readonly [number, number, number];
  /** Population standard deviation. */
  readonly std: readonly [number, number, number];
  readonly q01: readonly [number, number, number];
  readonly q10: readonly [number, number, number];
  readonly q50: readonly [number, number, number];
  readonly q90: readonly [number, number, number];
  readonly q99: readonly [number, number, number];
  /** Pictures that were looked at. */
  readonly count: number;
}

/** Below this many key frames a choice is sampled evenly, whatever that costs to decode. */
const picturesMin = 4;
const picturesMax = 8;
/** Frames that one picture of the sample stands for, between these bounds. */
const framesAPicture = 150;
/** Pictures with a side of twice as many pixels are thinned out to this many on the longer side, or a few more. */
const sidePixels = 150;

/**
 * Statistics of the pictures of each choice, from a sample that is cheap to decode: one key frame for every 150 frames,
 * but at least 4 and at most 8, spread evenly, of which every n-th pixel of every n-th row is looked at, n so that 150
 * pixels or more are left of the longer side; pictures below 300 pixels are looked at whole. Where there are fewer than
 * 4 key frames, any 4 frames. One ffmpeg runs for each video file.
 *
 * @throws AlignError `SOURCE_UNDECODABLE`, `SOURCE_CHANGED`, `USAGE_FFMPEG`
 */
export async function imageStatistics(
  choices: readonly FrameChoice[],
  options: FfmpegOptions,
): Promise<ImageStatistics[]> {
  const samples = choices.map(sampleOf);
  const histograms = choices.map(() => ({ bins: new Float64Array(3 * 256), pictures: 0 }));
  for (const video of new Set(choices.map((choice) => choice.video))) {
    const own = choices.flatMap((choice, index) => (choice.video === video ? [index] : []));
    const placeOf = (frame: number) => video.packets.rank[video.display[frame]!]!;
    const takers = new Map<number, { frame: number; takers: number[] }>();
    for (const index of own) {
      for (const frame of samples[index]!) {
        const known = takers.get(placeOf(frame));
        if (known === undefined) takers.set(placeOf(frame), { frame, takers: [index] });
        else known.takers.push(index);
      }
    }
    const pictures = [...takers].sort(([a], [b]) => a - b).map(([, picture]) => picture);
    const frames = Int32Array.from(pictures, ({ frame }) => frame);
    let next = 0;
    for await (const picture of smallPictures(video, frames, options)) {
      const counts = new Uint32Array(3 * 256);
      for (let at = 0; at < picture.length; at += 3) {
        counts[picture[at]!]! += 1;
        counts[256 + picture[at + 1]!]! += 1;
        counts[512 + picture[at + 2]!]! += 1;
      }
      for (const index of pictures[next]!.takers) {
        const histogram = histograms[index]!;
        histogram.pictures += 1;
        for (let bin = 0; bin < counts.length; bin += 1) histogram.bins[bin]! += counts[bin]!;
      }
      next += 1;
    }
  }
  return histograms.map(({ bins, pictures }) => statisticsOf(bins, pictures));
}

function smallPictures(video: Video, frames: Int32Array, options: FfmpegOptions): AsyncIterable<Uint8Array> {
  const [width, height] = displayedSize(video);
  const longer = Math.max(width, height);
  const factor = longer < 2 * sidePixels ? 1 : Math.floor(longer / sidePixels);
  const small = [Math.ceil(width / factor), Math.ceil(height / factor)] as const;
  const filters = [
    ...upright(video),
    `scale=${small[0]}:${small[1]}:flags=neighbor+accurate_rnd+full_chroma_int+bitexact`,
    "format=rgb24",
  ];
  return decoded(video, frames, {
    ...options,
    output: ["-vf", filters.join(","), "-f", "rawvideo"],
    split: (output) => ofEqualLength(output, small[0] * small[1] * 3),
  });
}

/** Frames to look at, ascending. */
function sampleOf({ video, frames }: FrameChoice): Int32Array {
  const all = Int32Array.from(new Set(frames)).sort();
  const keys = all.filter((frame) => video.packets.isKey[video.display[frame]!] === 1);
  const most = Math.min(picturesMax, Math.max(picturesMin, Math.ceil(all.length / framesAPicture)));
  return keys.length >= picturesMin ? evenly(keys, most) : evenly(all, picturesMin);
}

function evenly(frames: Int32Array, most: number): Int32Array {
  if (frames.length <= most) return frames;
  return Int32Array.from(
    { length: most },
    (_, index) => frames[Math.round((index * (frames.length - 1)) / (most - 1))]!,
  );
}

type Three = [number, number, number];

function statisticsOf(bins: Float64Array, pictures: number): ImageStatistics {
  const channels = [0, 1, 2].map((channel) => bins.subarray(256 * channel, 256 * (channel + 1)));
  const total = channels[0]!.reduce((sum, count) => sum + count, 0);
  const each = (of: (counts: Float64Array) => number) => channels.map(of) as Three;
  const meanOf = (counts: Float64Array) =>
    counts.reduce((sum, count, value) => sum + count * value, 0) / total;
  const quantile = (share: number) =>
    each((counts) => {
      let below = 0;
      return counts.findIndex((count) => (below += count) >= share * total && below > 0) / 255;
    });
  return {
    min: each((counts) => counts.findIndex((count) => count > 0) / 255),
    max: each((counts) => counts.findLastIndex((count) => count > 0) / 255),
    mean: each((counts) => meanOf(counts) / 255),
    std: each((counts) => {
      const mean = meanOf(counts);
      return (
        Math.sqrt(counts.reduce((sum, count, value) => sum + count * (value - mean) ** 2, 0) / total) / 255
      );
    }),
    ...{
      q01: quantile(0.01),
      q10: quantile(0.1),
      q50: quantile(0.5),
      q90: quantile(0.9),
      q99: quantile(0.99),
    },
    count: pictures,
  };
}
