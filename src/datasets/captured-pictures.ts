import type { Episode, EpisodeSet } from "../episodes/index.ts";
import { AlignError } from "../errors.ts";
import { displayedSize, openVideo, pictures, type Video } from "../video/index.ts";
import type { FormatOptions } from "./format.ts";

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** The decoded pictures of a set, all of a camera in one size. */
export interface CapturedPictures {
  /** One a camera. */
  readonly sizes: readonly PictureSize[];
  /** The pictures of an episode, frame after frame: JPEG files, or rows of red, green and blue bytes. */
  of(episode: Episode, camera: number, format: "jpeg" | "rgb24"): AsyncIterable<Uint8Array>;
}

/** @throws AlignError `SOURCE_PICTURE_SIZE` where the videos of a camera differ in size and no size is asked for */
export async function openPictures(
  set: EpisodeSet,
  options: FormatOptions,
  signal: AbortSignal | undefined,
): Promise<CapturedPictures> {
  const { ffmpeg, imageSize } = options;
  const videos = new Map<string, Video>();
  const sizes: PictureSize[] = [];
  for (const episode of set.episodes) {
    for (const [camera, { path }] of episode.videos.entries()) {
      if (videos.has(path)) continue;
      const video = await openVideo(path);
      videos.set(path, video);
      const [width, height] = imageSize ?? displayedSize(video);
      const size = (sizes[camera] ??= { width, height });
      if (size.width !== width || size.height !== height) {
        throw new AlignError(
          "SOURCE_PICTURE_SIZE",
          `pictures of camera ${set.cameras[camera]!.name} are ${size.width}x${size.height}, and ${width}x${height} here`,
          { where: { file: path }, hint: "give all one size with --image-size" },
        );
      }
    }
  }
  return {
    sizes,
    async *of(episode, camera, format) {
      const { path, frames } = episode.videos[camera]!;
      const size = imageSize === undefined ? {} : { size: imageSize };
      const chosen = { ffmpeg, format, ...size, ...(signal === undefined ? {} : { signal }) };
      let count = 0;
      for await (const picture of pictures(videos.get(path)!, frames, chosen)) {
        count += 1;
        yield picture;
      }
      if (count !== frames.length) throw new Error(`${path} gave ${count} pictures of ${frames.length}`);
    },
  };
}
