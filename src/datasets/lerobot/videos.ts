import type { Camera, Episode, EpisodeSet } from "../../episodes/index.ts";
import { AlignError } from "../../errors.ts";
import {
  type Cut,
  type FrameChoice,
  imageStatistics,
  openVideo,
  resampleVideo,
  sameConfig,
  type Video,
  writeRetimed,
} from "../../video/index.ts";
import type { DatasetFiles, FormatOptions } from "../format.ts";
import { pictureStatistics, type Statistics } from "./statistics.ts";

/** The videos of one camera: which episodes share a file, and what the pictures are. */
export interface CameraVideos {
  /** Such as `observation.images.head`. */
  readonly key: string;
  /** Width and height, as decoders give them. */
  readonly size: readonly [number, number];
  /** Of info.json. */
  readonly info: { readonly [key: string]: string | number | boolean };
  /** In order; every episode is in one file, and episodes of a file follow one another. */
  readonly files: readonly VideoFile[];
}

export interface VideoFile {
  readonly episodes: readonly Episode[];
  readonly choices: readonly FrameChoice[];
}

/** Where an episode's first frame is in its file, counted in frames. */
export interface VideoPlace {
  readonly file: number;
  readonly firstFrame: number;
}

export const videoKey = ({ name }: Camera): string => `observation.images.${name}`;

/**
 * Opens the videos of a set and shares them out: one file a camera as far as its packets can follow one another,
 * because streaming readers take the place in a camera's video from the place in the data set.
 *
 * @param shared false: one file an episode
 */
export async function planVideos(
  set: EpisodeSet,
  { video: mode, imageSize }: FormatOptions,
  shared: boolean,
): Promise<CameraVideos[]> {
  const opened = new Map<string, Video>();
  const cameras: CameraVideos[] = [];
  for (const [at, camera] of set.cameras.entries()) {
    const files: { episodes: Episode[]; choices: FrameChoice[] }[] = [];
    for (const episode of set.episodes) {
      const { path, frames } = episode.videos[at]!;
      const video = opened.get(path) ?? (await openVideo(path));
      opened.set(path, video);
      if (mode === "retime") requireRetimable(video, episode, frames);
      const last = files.at(-1);
      const joins =
        shared && last !== undefined && (mode === "resample" || sameConfig(last.choices[0]!.video, video));
      if (joins) {
        last.episodes.push(episode);
        last.choices.push({ video, frames });
      } else files.push({ episodes: [episode], choices: [{ video, frames }] });
    }
    const first = files[0]!.choices[0]!.video;
    const size =
      mode === "resample" ? resampledSize(first, imageSize) : ([first.width, first.height] as const);
    const other = files.flatMap(({ choices }) => choices).find(({ video }) => !isOfSize(video, first));
    if (mode === "retime" && other !== undefined) throw otherSize(camera, first, other.video);
    cameras.push({
      key: videoKey(camera),
      size,
      info: infoOf(first, size, set.fps, mode === "resample"),
      files,
    });
  }
  return cameras;
}

function isOfSize({ width, height }: Video, first: Video): boolean {
  return width === first.width && height === first.height;
}

function resampledSize(
  { width, height, rotation }: Video,
  asked: FormatOptions["imageSize"],
): [number, number] {
  const [wide, high] = asked ?? (rotation % 180 === 0 ? [width, height] : [height, width]);
  return [wide & ~1, high & ~1];
}

function infoOf(video: Video, [width, height]: readonly [number, number], fps: number, isEncoded: boolean) {
  return {
    "video.height": height,
    "video.width": width,
    "video.codec": isEncoded ? "h264" : video.codec,
    "video.pix_fmt": isEncoded ? "yuv420p" : (video.pixelFormat ?? "yuv420p"),
    "video.fps": fps,
    "video.channels": 3,
    has_audio: false,
    is_depth_map: false,
  };
}

/** Decoders of training code show frames as they are stored, one after the other. */
function requireRetimable({ path, rotation }: Video, episode: Episode, frames: Int32Array): void {
  const refuse = (why: string) => {
    throw new AlignError(
      "SOURCE_RETIME",
      `${path} cannot be stamped anew for episode ${episode.id}: ${why}`,
      {
        where: { file: path },
        hint: "export with --video resample, which encodes the pictures anew",
      },
    );
  };
  if (rotation !== 0) refuse(`its pictures are to be turned by ${rotation} degrees, which readers do not do`);
  const jump = frames.findIndex((frame, at) => at > 0 && frame !== frames[at - 1]! + 1);
  if (jump !== -1) refuse(`its frame ${frames[jump - 1]} is followed by frame ${frames[jump]}`);
}

function otherSize({ name }: Camera, first: Video, other: Video): AlignError {
  const message = `camera ${name} has pictures of ${first.width}x${first.height}, and of ${other.width}x${other.height} in ${other.path}`;
  return new AlignError("SOURCE_PICTURE_SIZE", message, {
    where: { file: other.path },
    hint: "export with --video resample, and give all one size with --image-size",
  });
}

/** Writes one video file; returns where the first frame of each of its episodes is. */
export async function writeVideo(
  path: string,
  { choices }: VideoFile,
  camera: CameraVideos,
  fps: number,
  options: FormatOptions,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const written =
    options.video === "retime"
      ? await writeRetimed(path, fps, choices.map(cutOf), { signal })
      : await resampleVideo(path, fps, choices, { ffmpeg: options.ffmpeg, signal, size: camera.size });
  return written.places.map(({ firstFrame }) => firstFrame);
}

function cutOf({ video, frames }: FrameChoice): Cut {
  return { video, first: frames[0]!, end: frames[frames.length - 1]! + 1 };
}

/** Statistics of every episode's pictures, a camera; undefined, with a warning, where there is no ffmpeg to decode them. */
export async function videoStatistics(
  cameras: readonly CameraVideos[],
  files: DatasetFiles,
  { ffmpeg }: FormatOptions,
): Promise<Statistics[][] | undefined> {
  const all: Statistics[][] = [];
  for (const { files: own } of cameras) {
    const choices = own.flatMap((file) => file.choices);
    try {
      const found = await imageStatistics(choices, { ffmpeg, signal: files.signal });
      all.push(found.map(pictureStatistics));
    } catch (cause) {
      if (!(cause instanceof AlignError) || cause.code !== "USAGE_FFMPEG") throw cause;
      const message = `the pictures have no statistics, because there is no ffmpeg to decode them (${ffmpeg}); doctor --fix adds them`;
      files.warn({ code: "IMAGE_STATISTICS_MISSING", message });
      return undefined;
    }
  }
  return all;
}
