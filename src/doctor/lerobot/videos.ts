import { join } from "node:path";
import { type ProbedVideo, probeVideo } from "../ffprobe.ts";
import { type Checkup, counted, type DoctorOptions, Tally } from "../report.ts";
import type { SetData } from "./data.ts";
import { toleranceS } from "./data.ts";
import type { EpisodeData } from "./episode-data.ts";
import type { Feature } from "./info.ts";
import { gridFrom, summedDurations } from "./placing.ts";
import type { EpisodeRow, LerobotSet } from "./set.ts";

/** An episode's part of one mp4. */
interface Part {
  row: EpisodeRow;
  data: EpisodeData;
  from: number;
  to: number | undefined;
}

/** Frames between key frames that a random reader decodes for one: seconds. */
const keyDistanceMaxS = 2;

/** A state that stays the same for so long while the pictures move is taken for a sensor that stopped: seconds. */
const frozenMinS = 5;

/** Holds every frame's query against what the loader's two decoders would give for it. */
export async function examineVideos(
  set: LerobotSet,
  data: SetData,
  checkup: Checkup,
  options: DoctorOptions,
): Promise<void> {
  const byIndex = new Map(data.episodes.map((one) => [one.index, one]));
  for (const camera of set.info.cameras) {
    const files = new Map<string, Part[]>();
    for (const row of set.episodes) {
      const place = row.videos.get(camera.name);
      const one = byIndex.get(row.index);
      if (place === undefined || one === undefined) continue;
      const parts = files.get(place.file) ?? [];
      parts.push({ row, data: one, from: place.from, to: place.to });
      files.set(place.file, parts);
    }
    await new CameraPass(set, camera, checkup, options).read(files);
  }
}

class CameraPass {
  readonly #set: LerobotSet;
  readonly #camera: Feature;
  readonly #checkup: Checkup;
  readonly #options: DoctorOptions;
  readonly #tallies = {
    unreadable: new Tally(),
    codec: new Tally(),
    size: new Tally(),
    rate: new Tally(),
    short: new Tally(),
    pyav: new Tally(),
    torchcodec: new Tally(),
    other: new Tally(),
    grid: new Tally(),
    overlap: new Tally(),
    from: new Tally(),
    to: new Tally(),
    keys: new Tally(),
    audio: new Tally(),
    frozen: new Tally(),
  };
  #frames = 0;
  #reordered = 0;
  /** Episodes whose first picture cannot be told. */
  #unclear = 0;
  #codecs = new Set<string>();

  constructor(set: LerobotSet, camera: Feature, checkup: Checkup, options: DoctorOptions) {
    this.#set = set;
    this.#camera = camera;
    this.#checkup = checkup;
    this.#options = options;
  }

  async read(files: ReadonlyMap<string, Part[]>): Promise<void> {
    const missing = new Set(
      this.#checkup.findings.filter(({ check }) => check === "files.video").map(({ where }) => where?.file),
    );
    let probed = 0;
    for (const [file, parts] of files) {
      const video = await probeVideo(join(this.#set.root, file), this.#options);
      if (typeof video === "string") {
        if (!missing.has(file)) this.#tallies.unreadable.add({ file }, video);
        continue;
      }
      probed += 1;
      this.#codecs.add(video.codec);
      this.#checkStream(file, video);
      this.#checkPlaces(file, video, parts);
      for (const part of parts) this.#checkFrames(file, video, part);
    }
    this.#judge(probed, files.size);
  }

  #checkStream(file: string, video: ProbedVideo): void {
    const { info, shape } = this.#camera;
    const { codec, size, audio, keys } = this.#tallies;
    const said = info["video.codec"];
    if (typeof said === "string" && codecName(said) !== codecName(video.codec))
      codec.add({ file }, `${video.codec}, but meta/info.json says ${said}`);
    const format = info["video.pix_fmt"];
    if (typeof format === "string" && video.pixelFormat !== "" && format !== video.pixelFormat)
      codec.add({ file }, `${video.pixelFormat}, but meta/info.json says ${format}`);
    // Some sets put the channels first.
    const [height, width] = shape[2] === 3 || shape[2] === 1 ? shape : shape.slice(1);
    if (height !== video.height || width !== video.width)
      size.add({ file }, `${video.width} x ${video.height}, but the shape is [${shape}]`);
    if (info.has_audio !== undefined && info.has_audio !== video.hasAudio)
      audio.add({ file }, video.hasAudio ? "sound is there" : "no sound is there");
    if (video.isReordered) this.#reordered += 1;
    const second = video.timeBase[0] / video.timeBase[1];
    let key = video.ticks[0] ?? 0;
    let farthest = 0;
    for (let at = 0; at < video.ticks.length; at += 1) {
      if (video.isKey[at] === 1) key = video.ticks[at] as number;
      farthest = Math.max(farthest, ((video.ticks[at] as number) - key) * second);
    }
    if (farthest > keyDistanceMaxS) keys.add({ file }, `${farthest.toFixed(2)} s`);
  }

  /** Whether episodes lie where their frames can be: one after the other, each on a frame. */
  #checkPlaces(file: string, video: ProbedVideo, parts: readonly Part[]): void {
    const { fps, layout } = this.#set.info;
    const { rate, short, overlap, from, to } = this.#tallies;
    if (video.rate[0] !== fps * video.rate[1])
      rate.add({ file }, `${(video.rate[0] / video.rate[1]).toFixed(4)} frames a second`);
    let end = 0;
    for (const { row, data, from: start, to: stop } of [...parts].sort((a, b) => a.from - b.from)) {
      const where = { file, episode: row.index };
      const frame = Math.round(start * fps);
      if (frame + data.length > video.ticks.length)
        short.add(where, `it needs frames up to ${frame + data.length}, and there are ${video.ticks.length}`);
      if (frame < end)
        overlap.add(where, `it begins at frame ${frame}, before the one before ends at ${end}`);
      end = frame + data.length;
      if (layout === 3 && (stop === undefined || !(Math.abs(stop - (start + data.length / fps)) < 0.5 / fps)))
        to.add(where, `to_timestamp ${stop}, not ${start + data.length / fps}`);
    }
    const lengths = parts.map((part) => ({
      from: part.from,
      length: part.data.length,
      episode: part.row.index,
    }));
    const truth = gridFrom(lengths, video.ticks.length, fps);
    const isDrift = summedDurations(lengths, fps);
    for (const [at, part] of lengths.entries()) {
      const right = truth[at];
      if (right !== undefined && Math.abs(part.from - right) < 1e-6) continue;
      if (right === undefined) this.#unclear += 1;
      const why = isDrift
        ? "; it grows from episode to episode, as where container durations are summed"
        : "";
      const where = { file, episode: part.episode };
      from.add(
        where,
        `from_timestamp ${part.from}${right === undefined ? " is on no frame" : `, not ${right}`}${why}`,
      );
    }
  }

  #checkFrames(file: string, video: ProbedVideo, { row, data, from }: Part): void {
    const { fps } = this.#set.info;
    const { ticks, timeBase, rate, statedFrames } = video;
    if (ticks.length === 0) return;
    const { pyav, torchcodec, other, grid, frozen } = this.#tallies;
    const [over, under] = timeBase;
    const average = rate[0] / rate[1];
    const seconds = (at: number) => ((ticks[at] as number) * over) / under;
    const base = Math.round(from * fps);
    // Numbers count from the first picture, whatever its time.
    const start = ticks[0] as number;
    for (let frame = 0; frame < data.length; frame += 1) {
      const stamp = data.timestamps?.[frame] ?? Math.fround(frame / fps);
      const query = from + stamp;
      const where = { file, episode: row.index, frame };
      this.#frames += 1;
      const near = nearest(ticks, (query * under) / over);
      if (!isWithin(query, seconds(near)))
        pyav.add(where, `asked for ${query.toFixed(6)} s, the nearest is ${seconds(near).toFixed(6)} s`);
      const index = roundHalfEven(query * average);
      const beyond = index >= (statedFrames ?? ticks.length);
      const shown = lastAt(ticks, start + Math.round(((index / average) * under) / over));
      if (beyond) torchcodec.add(where, `frame ${index} of ${statedFrames ?? ticks.length}`);
      else if (!isWithin(query, seconds(shown)))
        torchcodec.add(
          where,
          `asked for ${query.toFixed(6)} s, frame ${index} is at ${seconds(shown).toFixed(6)} s`,
        );
      else if (near !== base + frame || shown !== base + frame)
        other.add(where, `frame ${near === base + frame ? shown : near} in place of ${base + frame}`);
      if (Math.abs(seconds(near) - (base + frame) / fps) > 1e-6)
        grid.add(where, `${seconds(near).toFixed(7)} s, not ${((base + frame) / fps).toFixed(7)} s`);
    }
    const { start: still, length } = data.frozen;
    if (length > frozenMinS * fps && isMoving(video, base + still, base + still + length))
      frozen.add(
        { file: data.file, episode: row.index, frame: still, feature: "observation.state" },
        `${(length / fps).toFixed(1)} s`,
      );
  }

  #judge(probed: number, files: number): void {
    const checkup = this.#checkup;
    const tallies = this.#tallies;
    const camera = this.#camera.name;
    const { fps, layout } = this.#set.info;
    const judge = (
      check: string,
      tally: Tally,
      of: string,
      bad: string,
      good?: string,
      more: { level?: "WARN"; fixable?: boolean } = {},
    ) => {
      if (tally.first !== undefined) tally.first = { ...tally.first, feature: tally.first.feature ?? camera };
      checkup.judge(check, {
        tally,
        bad: (count) => `${counted(count, of)} ${bad}`,
        ...(good === undefined ? {} : { good: `${camera}: ${good}` }),
        ...more,
      });
    };
    const warn = { level: "WARN" as const };
    judge("video.file", tallies.unreadable, "video", "that ffprobe cannot read");
    if (probed === 0) return;
    const order = this.#reordered > 0 ? ", stored out of order (B-frames)" : "";
    const codecs = [...this.#codecs].join(", ");
    judge("video.codec", tallies.codec, "video", "of another kind than stated", `${codecs}${order}`, warn);
    judge("video.size", tallies.size, "video", "of another size than the feature", `${this.#camera.shape}`);
    judge("video.audio", tallies.audio, "video", "not as has_audio says", undefined, warn);
    judge(
      "video.rate",
      tallies.rate,
      "video",
      `whose average rate is not ${fps}`,
      `${fps} frames a second`,
      warn,
    );
    judge("video.frames", tallies.short, "episode", "with more frames than pictures", "enough pictures");
    const times = `are off the asked time by ${toleranceS} s or more`;
    const good = `${counted(this.#frames, "frame")} within ${toleranceS} s of the asked time`;
    judge("video.times", tallies.pyav, "frame", `that ${times}`, good);
    judge(
      "video.index",
      tallies.torchcodec,
      "frame",
      `that, taken by number as torchcodec does, ${times}`,
      "numbers lead to the same frames",
    );
    judge(
      "video.place",
      tallies.other,
      "frame",
      "for which a neighbour's picture is read",
      "every frame has its own picture",
    );
    if (tallies.pyav.count === 0 && tallies.torchcodec.count === 0)
      judge(
        "video.grid",
        tallies.grid,
        "frame",
        `shown off the grid of 1/${fps} s, but within the tolerance`,
        undefined,
        warn,
      );
    judge(
      "video.key-frames",
      tallies.keys,
      "video",
      `with more than ${keyDistanceMaxS} s from a key frame on, slow to read at random`,
      `a key frame at least every ${keyDistanceMaxS} s`,
      warn,
    );
    judge(
      "plausible.frozen",
      tallies.frozen,
      "episode",
      `whose state stays the same over ${frozenMinS} s while the picture moves`,
      undefined,
      warn,
    );
    if (layout === 2) return;
    judge(
      "video.overlap",
      tallies.overlap,
      "episode",
      "that share pictures with another",
      "episodes share no picture",
    );
    judge(
      "episodes.from_timestamp",
      tallies.from,
      "episode",
      "that begin off their first picture",
      "from_timestamp is on the first picture",
      { fixable: this.#unclear === 0 },
    );
    judge(
      "episodes.to_timestamp",
      tallies.to,
      "episode",
      "whose to_timestamp is not its end",
      "to_timestamp is the end",
      { ...warn, fixable: true },
    );
    if (files === 1) checkup.pass("video.streaming", `${camera}: one video`);
    else {
      const message = `${camera}: ${files} videos; readers that stream take the frame number of the whole set for the time in one video`;
      checkup.warn("video.streaming", message, { feature: camera });
    }
  }
}

const sameCodecs: Readonly<Record<string, string>> = {
  avc1: "h264",
  libx264: "h264",
  hvc1: "hevc",
  h265: "hevc",
  libsvtav1: "av1",
};

function codecName(name: string): string {
  return sameCodecs[name] ?? name;
}

/** The loader's own test: both times as float32, and their distance in float32. */
function isWithin(query: number, loaded: number): boolean {
  return Math.abs(Math.fround(Math.fround(query) - Math.fround(loaded))) < Math.fround(toleranceS);
}

/** Python's round. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** The last frame that begins at or before a tick, else the first frame. */
function lastAt(ticks: Float64Array, tick: number): number {
  let low = 0;
  let high = ticks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ticks[middle] as number) <= tick) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

function nearest(ticks: Float64Array, tick: number): number {
  const before = lastAt(ticks, tick);
  const after = Math.min(before + 1, ticks.length - 1);
  return (ticks[after] as number) - tick < tick - (ticks[before] as number) ? after : before;
}

/** Whether the frames between key frames take about as many bytes as elsewhere, which still pictures do not. */
function isMoving({ bytes, isKey }: ProbedVideo, start: number, end: number): boolean {
  const inside: number[] = [];
  const outside: number[] = [];
  for (let at = 0; at < bytes.length; at += 1)
    if (isKey[at] === 0) (at >= start && at < end ? inside : outside).push(bytes[at] as number);
  const middle = (some: number[]) => some.sort((a, b) => a - b)[some.length >> 1] ?? 0;
  return outside.length > 0 && middle(inside) >= 0.5 * middle(outside);
}
