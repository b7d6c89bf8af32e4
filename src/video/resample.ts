import { AlignError } from "../errors.ts";
import { decoded, ofEqualLength } from "./decode.ts";
import { type FfmpegOptions, startFfmpeg } from "./ffmpeg.ts";
import { displayedSize, inOrder, scaled, upright } from "./pictures.ts";
import type { WrittenVideo } from "./retime.ts";
import type { Video } from "./video.ts";

/** Some displayed frames of a video: for every frame of the result its number, which may repeat or skip. */
export interface FrameChoice {
  readonly video: Video;
  readonly frames: Int32Array;
}

/** A video that was encoded: H.264, yuv420p, BT.601, every second frame a key frame, no B-frames. */
export interface ResampledVideo extends WrittenVideo {
  readonly width: number;
  readonly height: number;
}

/**
 * Writes one MP4 file, without sound, of exactly the chosen frames, encoded anew: frame i of the file is shown at
 * exactly i / fps. Pictures are turned upright, all in one size, which is even. The same inputs and ffmpeg give the
 * same bytes.
 *
 * @throws AlignError `SOURCE_UNDECODABLE`, `SOURCE_CHANGED`, `USAGE_FFMPEG`
 */
export async function resampleVideo(
  path: string,
  fps: number,
  choices: readonly FrameChoice[],
  options: FfmpegOptions & { readonly size?: readonly [number, number] },
): Promise<ResampledVideo> {
  const asked = options.size ?? displayedSize(choices[0]!.video);
  const [width, height] = [asked[0] & ~1, asked[1] & ~1];
  const filters = [
    scaled(asked, ":out_color_matrix=bt601:out_range=tv"),
    `crop=${width}:${height}:0:0`,
    "format=yuv420p",
  ];
  const encoder = startFfmpeg(encoderArgs(path, fps, width, height), options, (why) =>
    cannotEncode(path, why),
  );
  encoder.output.resume();
  const places: { firstFrame: number; frames: number }[] = [];
  let frames = 0;
  try {
    for (const { video, frames: chosen } of choices) {
      places.push({ firstFrame: frames, frames: chosen.length });
      const shown = inOrder(video, chosen, (ascending) =>
        decoded(video, ascending, {
          ...options,
          output: ["-vf", [...upright(video), ...filters].join(","), "-f", "rawvideo"],
          split: (output) => ofEqualLength(output, (width * height * 3) / 2),
        }),
      );
      for await (const picture of shown) {
        if (!(await encoder.feed(picture))) await encoder.ended;
        frames += 1;
      }
    }
    encoder.endInput();
    await encoder.ended;
  } finally {
    encoder.kill();
  }
  return { places, frames, width, height };
}

/** A fixed number of threads, because the encoder's decisions depend on it. */
const encoderThreads = "4";

function encoderArgs(path: string, fps: number, width: number, height: number): string[] {
  return [
    ...["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", `${width}x${height}`, "-r", `${fps}`, "-i", "pipe:0"],
    ...["-c:v", "libx264", "-preset", "fast", "-crf", "20", "-g", "2", "-keyint_min", "1", "-bf", "0"],
    ...["-sc_threshold", "0", "-threads", encoderThreads, "-pix_fmt", "yuv420p"],
    // The matrix that decoders take where they take no notice of what a stream says.
    ...["-colorspace", "smpte170m", "-color_range", "tv"],
    ...["-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"],
    ...[
      "-video_track_timescale",
      `${fps * 512}`,
      "-movflags",
      "+faststart",
      "-f",
      "mp4",
      "-y",
      `file:${path}`,
    ],
  ];
}

function cannotEncode(path: string, why: string): AlignError {
  if (/libx264/.test(why)) {
    const hint = "install an ffmpeg that has it, name one with --ffmpeg, or choose another --video mode";
    return new AlignError("USAGE_FFMPEG", "this ffmpeg has no H.264 encoder (libx264)", { hint });
  }
  const hint = "see whether the disk is full and the folder can be written to";
  return new AlignError("OUTPUT_WRITE", `${path} cannot be encoded: ${why}`, { where: { file: path }, hint });
}
