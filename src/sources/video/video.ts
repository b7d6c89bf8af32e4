import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { AlignError } from "../../errors.ts";
import { parseInstant } from "../../time.ts";
import { missingTail } from "./container.ts";

export interface VideoOptions {
  /** The ffprobe to run. Default: the one that comes with the package. */
  ffprobe?: string;
  signal?: AbortSignal;
}

/** What a video file says about its displayed frames, in presentation order. */
export interface VideoFrames {
  /** Presentation time of each frame: ns, ascending, `ticks * timeBase` to the nearest (half away from zero). */
  ptsNs: BigInt64Array;
  /** Seconds a tick. */
  timeBase: { numerator: bigint; denominator: bigint };
  /** Presentation time of each frame in ticks of `timeBase`, as the container counts them, edit lists applied. */
  ticks: BigInt64Array;
  /** The container's `creation_time`: ns since 1970, whole seconds as a rule; absent where not stated with a zone. */
  creationTime?: bigint;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  codec: string;
  /** Frames a second as a fraction, for example "30000/1001"; a description, never a source of times. */
  averageRate: string;
}

/**
 * The displayed frames of a video file's first video stream that is not a cover picture.
 *
 * Times come from the packets' integer ticks: nothing but VP8 is decoded, so an hour takes about a second. Packets that an
 * edit list discards and packets before the first key frame are never shown and are left out.
 *
 * @throws AlignError `SOURCE_*` where the file is missing, is no video, is cut short, cannot be decoded or states
 *   no times, and where ffprobe cannot be run; `INTERRUPTED` after an abort.
 */
export async function readVideoFrames(path: string, options: VideoOptions = {}): Promise<VideoFrames> {
  const file = resolve(path);
  await requireReadableFile(path, file);
  const ffprobe = options.ffprobe ?? (await import("ffprobe-static")).path;
  const run = (asked: Pick<ProbeOptions, "entries" | "ignoreEditList">) =>
    runProbe(path, file, { ffprobe, signal: options.signal, ...asked });
  const probe = await run({ entries: packetEntries, ignoreEditList: false });
  await requireWhole(path, probe, async () => {
    return (await run({ entries: packetEntries, ignoreEditList: true })).packets;
  });
  const tail = await missingTail(file);
  if (tail !== undefined) throw truncated(path, tail);
  if (probe.stream?.get("codec_name") !== "vp8") return framesOf(path, probe);
  // Some packets of VP8 are only references for others and never shown, which no flag tells: decode.
  const { ticks, timeless } = await run({ entries: frameEntries, ignoreEditList: false });
  return framesOf(path, { ...probe, ticks, timeless });
}

interface Probe {
  stream?: Map<string, string>;
  format: Map<string, string>;
  /** All packets of the stream, shown or not. */
  packets: number;
  /** Of the packets shown. */
  ticks: bigint[];
  timeless: number;
  keySeen: boolean;
  exitCode: number | null;
  killedBy: string | null;
  complaints: Complaints;
}

interface Complaints {
  first: string[];
  cutShort?: string;
}

const silenceLimitMs = 60_000;

async function requireReadableFile(path: string, file: string): Promise<void> {
  const where = { file: path };
  let info: Awaited<ReturnType<typeof stat>>;
  try {
    info = await stat(file);
    await access(file, constants.R_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") {
      const hint = "paths are relative to the manifest";
      throw new AlignError("SOURCE_MISSING", `there is no video file ${path}`, { where, hint, cause });
    }
    const hint = "give the user who runs tagalign the right to read it";
    throw new AlignError("SOURCE_UNREADABLE", `${path} cannot be read (${code})`, { where, hint, cause });
  }
  if (!info.isFile()) {
    const hint = "name one video file";
    throw new AlignError("SOURCE_UNREADABLE", `${path} is not a regular file`, { where, hint });
  }
}

interface ProbeOptions {
  ffprobe: string;
  signal: AbortSignal | undefined;
  entries: string;
  ignoreEditList: boolean;
}

const packetEntries = [
  "packet=pts,flags",
  "stream=codec_name,width,height,pix_fmt,time_base,avg_frame_rate,nb_frames",
  "format=format_name",
  "format_tags=creation_time",
].join(":");
const frameEntries = "frame=pts,pkt_pts";

function runProbe(path: string, file: string, options: ProbeOptions): Promise<Probe> {
  const { ffprobe, signal, entries, ignoreEditList } = options;
  // The whitelist keeps a playlist from reaching out to other machines.
  const args = ["-hide_banner", "-v", "warning", "-protocol_whitelist", "file", "-select_streams", "V:0"];
  if (ignoreEditList) args.push("-ignore_editlist", "1");
  args.push("-show_entries", entries, "-of", "compact", `file:${file}`);
  const where = { file: path };
  return new Promise((settle, fail) => {
    if (signal?.aborted) return fail(interrupted(path));
    const child = spawn(ffprobe, args, { stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    const probe = emptyProbe();
    const stop = (error: AlignError) => {
      kill(child);
      finish(() => fail(error));
    };
    const onAbort = () => stop(interrupted(path));
    let silence = setTimeout(onSilence, silenceLimitMs);
    function onSilence() {
      const message = `ffprobe said nothing about ${path} for ${silenceLimitMs / 1000} s`;
      stop(
        new AlignError("SOURCE_TIMEOUT", message, {
          where,
          hint: "see whether the disk answers and the file plays",
        }),
      );
    }
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(onSilence, silenceLimitMs);
    };
    const finish = (then: () => void) => {
      clearTimeout(silence);
      signal?.removeEventListener("abort", onAbort);
      then();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    child.on("error", (cause) => {
      const hint = "name a working ffprobe with --ffprobe or FFPROBE_PATH";
      const message = `ffprobe cannot be run: ${ffprobe} (${(cause as NodeJS.ErrnoException).code ?? cause.message})`;
      finish(() => fail(new AlignError("SOURCE_FFPROBE", message, { where, hint, cause })));
    });
    eachLine(child.stdout, heard, (line) => readLine(probe, line));
    eachLine(child.stderr, heard, (line) => readComplaint(probe.complaints, line));
    child.on("close", (exitCode, killedBy) => finish(() => settle({ ...probe, exitCode, killedBy })));
  });
}

function emptyProbe(): Probe {
  return {
    format: new Map(),
    packets: 0,
    ticks: [],
    timeless: 0,
    keySeen: false,
    exitCode: null,
    killedBy: null,
    complaints: { first: [] },
  };
}

function kill(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.kill("SIGKILL");
}

function eachLine(stream: NodeJS.ReadableStream, heard: () => void, read: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    heard();
    const lines = (rest + chunk).split(/[\r\n]+/);
    rest = lines.pop()!;
    for (const line of lines) read(line);
  });
  stream.on("end", () => read(rest));
}

function readLine(probe: Probe, line: string): void {
  if (line.startsWith("packet|")) readPacket(probe, line);
  else if (line.startsWith("frame|")) readFrame(probe, line);
  else if (line.startsWith("stream|")) probe.stream ??= fieldsOf(line);
  else if (line.startsWith("format|")) probe.format = fieldsOf(line);
}

function readPacket(probe: Probe, line: string): void {
  let pts = "";
  let flags = "";
  for (const field of line.split("|")) {
    if (field.startsWith("pts=")) pts = field.slice(4);
    else if (field.startsWith("flags=")) flags = field.slice(6);
  }
  probe.packets += 1;
  // The flags are K and D in this order, with anything after them: FFmpeg 4.0 glues the name of a side list on.
  probe.keySeen ||= flags[0] === "K";
  // Decoding shows nothing before the first key packet; one that is itself discarded still starts the decoder.
  if (flags[1] === "D" || !probe.keySeen) return;
  addTick(probe, pts);
}

/** The field is `pts` since FFmpeg 5 and `pkt_pts` before. */
function readFrame(probe: Probe, line: string): void {
  addTick(probe, /\|(?:pkt_)?pts=(-?\d+)/.exec(line)?.[1] ?? "");
}

function addTick(probe: Probe, pts: string): void {
  if (/^-?\d+$/.test(pts)) probe.ticks.push(BigInt(pts));
  else probe.timeless += 1;
}

function fieldsOf(line: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const field of line.split("|")) {
    const equals = field.indexOf("=");
    if (equals > 0) fields.set(field.slice(0, equals).toLowerCase(), field.slice(equals + 1));
  }
  return fields;
}

const cutShortMessages = /partial file|ended prematurely|moov atom not found|truncat/i;

function readComplaint(complaints: Complaints, line: string): void {
  if (line === "") return;
  if (complaints.first.length < 20) complaints.first.push(line);
  if (complaints.cutShort === undefined && cutShortMessages.test(line)) complaints.cutShort = line;
}

async function requireWhole(
  path: string,
  probe: Probe,
  packetsWithoutEdits: () => Promise<number>,
): Promise<void> {
  const where = { file: path };
  const { complaints, exitCode, killedBy, stream, format } = probe;
  const stated = Number(stream?.get("nb_frames"));
  if (complaints.cutShort !== undefined) {
    const count = probe.packets < stated ? `, ${probe.packets} of ${stated} frames are there` : "";
    throw truncated(path, plain(complaints.cutShort) + count);
  }
  if (killedBy !== null) {
    const hint = "the file is most likely corrupt: copy it again from where it was recorded";
    throw new AlignError("SOURCE_CORRUPT", `ffprobe died on ${path} (${killedBy})`, { where, hint });
  }
  if (exitCode !== 0) {
    const reason = complaints.first.at(-1);
    const message = `${path} cannot be read as a video${reason === undefined ? "" : `: ${plain(reason)}`}`;
    const hint = "see whether it plays; if it was copied while being recorded, copy it again";
    throw new AlignError("SOURCE_NOT_VIDEO", message, { where, hint });
  }
  if (stream === undefined) {
    const hint = "name a file with a picture track; sound, text and cover pictures have no frames";
    throw new AlignError("SOURCE_NOT_VIDEO", `${path} has no video stream`, { where, hint });
  }
  requireDecodable(path, stream, complaints);
  if (!format.get("format_name")?.includes("mov") || !(probe.packets < stated)) return;
  // An edit list that ends early leaves frames out of a file that is whole.
  const stored = await packetsWithoutEdits();
  if (stored < stated) throw truncated(path, `it states ${stated} frames and holds ${stored}`);
}

function requireDecodable(path: string, stream: Map<string, string>, complaints: Complaints): void {
  const codec = stream.get("codec_name") ?? "unknown";
  const where = { file: path };
  const hint = "see whether it plays; if it does, name a newer ffprobe with --ffprobe or FFPROBE_PATH";
  if (!(Number(stream.get("width")) > 0 && Number(stream.get("height")) > 0)) {
    throw new AlignError("SOURCE_UNDECODABLE", `the picture size of ${path} (${codec}) is not known`, {
      where,
      hint,
    });
  }
  const complaint = complaints.first.find((line) => line.startsWith(`[${codec} @`));
  if (complaint !== undefined && (stream.get("pix_fmt") ?? "unknown") === "unknown") {
    const message = `${path} cannot be decoded (${codec}): ${plain(complaint)}`;
    throw new AlignError("SOURCE_UNDECODABLE", message, { where, hint });
  }
}

function framesOf(path: string, probe: Probe): VideoFrames {
  const where = { file: path };
  const stream = probe.stream!;
  if (probe.timeless > 0) {
    const message = `${path} states no presentation time for ${probe.timeless} of its ${probe.packets} packets`;
    const hint = "remux it from its recorder's container, or use a table of frame times (kind: frames)";
    throw new AlignError("SOURCE_NO_PTS", message, { where, hint });
  }
  if (probe.ticks.length === 0) {
    const why =
      probe.packets > 0 && !probe.keySeen ? `: none of its ${probe.packets} packets is a key frame` : "";
    const hint = "see whether it plays and how long it is";
    throw new AlignError("SOURCE_NO_FRAMES", `${path} has no frames to show${why}`, { where, hint });
  }
  const ratio = /^(\d+)\/(\d+)$/.exec(stream.get("time_base") ?? "");
  if (ratio === null || BigInt(ratio[2]!) === 0n) {
    const message = `${path} states no usable time base (${stream.get("time_base") ?? "none"})`;
    throw new AlignError("SOURCE_NO_PTS", message, { where, hint: "remux it" });
  }
  const timeBase = { numerator: BigInt(ratio[1]!), denominator: BigInt(ratio[2]!) };
  const ticks = BigInt64Array.from(probe.ticks).sort();
  const creationTime = instantOf(probe.format.get("tag:creation_time"));
  return {
    ptsNs: nanosecondsOf(path, ticks, timeBase),
    timeBase,
    ticks,
    ...(creationTime === undefined ? {} : { creationTime }),
    width: Number(stream.get("width")),
    height: Number(stream.get("height")),
    codec: stream.get("codec_name") ?? "unknown",
    averageRate: stream.get("avg_frame_rate") ?? "0/0",
  };
}

function nanosecondsOf(path: string, ticks: BigInt64Array, timeBase: VideoFrames["timeBase"]): BigInt64Array {
  const scale = timeBase.numerator * 2_000_000_000n;
  const { denominator } = timeBase;
  const divisor = 2n * denominator;
  const nearest = (tick: bigint) => {
    const doubled = tick * scale;
    return (doubled < 0n ? doubled - denominator : doubled + denominator) / divisor;
  };
  for (const end of [ticks[0]!, ticks[ticks.length - 1]!]) {
    if (BigInt.asIntN(64, nearest(end)) === nearest(end)) continue;
    const message = `a frame of ${path} lies at tick ${end}, beyond the 292 years that fit in int64 ns`;
    throw new AlignError("SOURCE_NO_PTS", message, {
      where: { file: path },
      hint: "remux it to start near 0",
    });
  }
  return ticks.map(nearest);
}

/** A tag that is no instant, or lacks a zone as Matroska's does, says nothing. */
function instantOf(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)) return undefined;
  try {
    return parseInstant(text);
  } catch {
    return undefined;
  }
}

function truncated(path: string, why: string): AlignError {
  const hint = "copy the file again from where it was recorded, or repair it first";
  return new AlignError("SOURCE_TRUNCATED", `${path} is cut short: ${why}`, { where: { file: path }, hint });
}

function interrupted(path: string): AlignError {
  return new AlignError("INTERRUPTED", `reading ${path} was interrupted`, { where: { file: path } });
}

/** Without the demuxer's name and address, which differ from run to run. */
function plain(complaint: string): string {
  return complaint.replace(/^\[[^\]]*\] /, "");
}
