import type { EpisodeFrames, EpisodeSet } from "../../episodes/index.ts";
import {
  annexB,
  type Cut,
  compressedVideoProblem,
  openVideo,
  resampleVideo,
  type Video,
} from "../../video/index.ts";
import type { FormatOptions } from "../format.ts";
import { compressedVideo } from "./compressed-video.ts";
import { inOrder } from "./messages.ts";
import type { RecordedMessage } from "./recording.ts";
import { video as videoSchema } from "./schemas.ts";

/** Pictures of a camera that are messages of a recording. */
interface Pictures {
  readonly camera: string;
  readonly cut: Cut;
  /** Of every picture of the cut, never going back. */
  readonly timeNs: BigInt64Array;
  /** What pictures before the cut, which decoders need, are apart. */
  readonly intervalNs: bigint;
}

const formats: Record<string, string> = { h264: "h264", hevc: "h265", vp9: "vp9", av1: "av1" };

/** The videos of a set's captures, each opened once. */
export class Cameras {
  readonly #videos = new Map<string, Promise<Video>>();
  readonly #set: EpisodeSet;
  readonly #options: FormatOptions;
  readonly #signal: AbortSignal | undefined;

  constructor(set: EpisodeSet, options: FormatOptions, signal: AbortSignal | undefined) {
    this.#set = set;
    this.#options = options;
    this.#signal = signal;
  }

  /**
   * The pictures of a camera as messages, in order of time, or the reason why they cannot be.
   *
   * @param draft a file that may be made on the way
   */
  async pictures(
    { episode, timeNs }: EpisodeFrames,
    camera: number,
    draft: string,
  ): Promise<AsyncGenerator<RecordedMessage> | string> {
    const { name } = this.#set.cameras[camera]!;
    const { path, frames } = episode.videos[camera]!;
    const intervalNs = 1_000_000_000n / BigInt(this.#set.fps);
    const signal = this.#signal;
    if (this.#options.video === "resample") {
      const order = inOrder(timeNs);
      const chosen = Int32Array.from(order, (frame) => frames[frame]!);
      const { ffmpeg } = this.#options;
      const choices = [{ video: await this.#video(path), frames: chosen }];
      await resampleVideo(draft, this.#set.fps, choices, {
        ffmpeg,
        ...(signal === undefined ? {} : { signal }),
      });
      const cut = { video: await openVideo(draft), first: 0, end: order.length };
      const times = BigInt64Array.from(order, (frame) => timeNs[frame]!);
      return messagesOf({ camera: name, cut, timeNs: times, intervalNs }, signal);
    }
    const times = pictureTimes(frames, timeNs);
    if (times === undefined) return "its pictures or their times go back on the way";
    const cut = { video: await this.#video(path), first: frames[0]!, end: frames[0]! + times.length };
    return (
      compressedVideoProblem(cut) ?? messagesOf({ camera: name, cut, timeNs: times, intervalNs }, signal)
    );
  }

  #video(path: string): Promise<Video> {
    const known = this.#videos.get(path) ?? openVideo(path);
    this.#videos.set(path, known);
    return known;
  }
}

/**
 * When each picture was taken, from that of the first frame to that of the last: a picture that several frames show is of
 * the first of them, and one that none shows lies evenly between those beside it. Undefined where pictures or instants
 * go back.
 */
export function pictureTimes(frames: Int32Array, timeNs: BigInt64Array): BigInt64Array | undefined {
  const first = frames[0]!;
  const last = frames[frames.length - 1]!;
  if (last < first) return undefined;
  const times = new BigInt64Array(last - first + 1);
  times[0] = timeNs[0]!;
  for (let frame = 1; frame < frames.length; frame += 1) {
    const [from, to] = [frames[frame - 1]!, frames[frame]!];
    if (to < from || timeNs[frame]! < timeNs[frame - 1]!) return undefined;
    const start = times[from - first]!;
    const span = timeNs[frame]! - start;
    for (let picture = from + 1; picture <= to; picture += 1)
      times[picture - first] = start + (span * BigInt(picture - from)) / BigInt(to - from);
  }
  return times;
}

async function* messagesOf(
  { camera, cut, timeNs, intervalNs }: Pictures,
  signal: AbortSignal | undefined,
): AsyncGenerator<RecordedMessage> {
  const format = formats[cut.video.codec]!;
  const message = (data: Uint8Array, now: bigint): RecordedMessage => ({
    topic: `/camera/${camera}`,
    schema: videoSchema,
    logTimeNs: now,
    publishTimeNs: now,
    data: compressedVideo(now, camera, data, format),
  });
  const timeOf = (picture: number) => {
    const at = picture - cut.first;
    if (at >= 0) return timeNs[at]!;
    const before = timeNs[0]! + BigInt(at) * intervalNs;
    return before < 0n ? 0n : before;
  };
  // What is decoded and not shown goes with the next that is shown.
  let unshown: Uint8Array[] = [];
  for await (const { frame, data } of annexB(cut, signal)) {
    if (frame < 0) {
      unshown.push(data);
      continue;
    }
    const now = timeOf(frame);
    for (const hidden of unshown) yield message(hidden, now);
    unshown = [];
    yield message(data, now);
  }
}
