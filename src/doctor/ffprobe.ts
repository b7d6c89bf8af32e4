import { spawn } from "node:child_process";
import { AlignError } from "../errors.ts";

/** What ffprobe says of a file's first video stream. Times are of displayed frames, in presentation order. */
export interface ProbedVideo {
  codec: string;
  width: number;
  height: number;
  /** Empty where ffprobe cannot tell. */
  pixelFormat: string;
  /** Frames a second: `rate[0] / rate[1]`. */
  rate: readonly [number, number];
  /** Seconds a tick: `timeBase[0] / timeBase[1]`. */
  timeBase: readonly [number, number];
  /** That the header states; undefined where it states none. */
  statedFrames: number | undefined;
  ticks: Float64Array;
  isKey: Uint8Array;
  bytes: Float64Array;
  /** Whether frames are stored in another order than they are shown in. */
  isReordered: boolean;
  hasAudio: boolean;
}

const entries = [
  "packet=stream_index,pts,size,flags",
  "stream=index,codec_type,codec_name,width,height,pix_fmt,time_base,avg_frame_rate,nb_frames",
].join(":");

/**
 * Reads the packet table of a video; nothing is decoded.
 *
 * @returns undefined with the reason where ffprobe refuses the file
 * @throws AlignError SOURCE_FFPROBE where ffprobe cannot be run; INTERRUPTED
 */
export async function probeVideo(
  path: string,
  options: { ffprobe?: string; signal?: AbortSignal | undefined },
): Promise<ProbedVideo | string> {
  const ffprobe = options.ffprobe ?? (await import("ffprobe-static")).path;
  const { out, complaint, exitCode } = await run(ffprobe, path, options.signal);
  const rows = out.split("\n");
  const streams = rows.filter((row) => row.startsWith("stream|")).map(fieldsOf);
  const stream = streams.find((one) => one.codec_type === "video");
  if (exitCode !== 0) return complaint === "" ? `ffprobe ended with ${exitCode}` : complaint;
  if (stream === undefined) return "it has no video stream";
  const packets: { pts: number; bytes: number; isKey: boolean }[] = [];
  for (const row of rows) {
    if (!row.startsWith("packet|")) continue;
    const { stream_index: index, pts = "", size, flags = "" } = fieldsOf(row);
    if (index !== stream.index || flags[1] === "D") continue;
    if (!/^-?\d+$/.test(pts)) return "a packet has no presentation time";
    packets.push({ pts: Number(pts), bytes: Number(size), isKey: flags[0] === "K" });
  }
  const isReordered = packets.some(({ pts }, at) => at > 0 && pts < (packets[at - 1]?.pts ?? 0));
  const shown = packets
    .slice(
      Math.max(
        0,
        packets.findIndex(({ isKey }) => isKey),
      ),
    )
    .sort((a, b) => a.pts - b.pts);
  const stated = Number(stream.nb_frames);
  return {
    codec: stream.codec_name ?? "unknown",
    width: Number(stream.width),
    height: Number(stream.height),
    pixelFormat: stream.pix_fmt === "unknown" ? "" : (stream.pix_fmt ?? ""),
    rate: ratio(stream.avg_frame_rate),
    timeBase: ratio(stream.time_base),
    statedFrames: Number.isInteger(stated) ? stated : undefined,
    ticks: Float64Array.from(shown, ({ pts }) => pts),
    isKey: Uint8Array.from(shown, ({ isKey }) => (isKey ? 1 : 0)),
    bytes: Float64Array.from(shown, ({ bytes }) => bytes),
    isReordered,
    hasAudio: streams.some((one) => one.codec_type === "audio"),
  };
}

function ratio(text: string | undefined): readonly [number, number] {
  const [, over = "0", under = "1"] = /^(\d+)\/(\d+)$/.exec(text ?? "") ?? [];
  return [Number(over), Number(under)];
}

function fieldsOf(row: string): Record<string, string> {
  return Object.fromEntries(
    row
      .split("|")
      .slice(1)
      .map((field) => [field.slice(0, field.indexOf("=")), field.slice(field.indexOf("=") + 1).trim()]),
  );
}

function run(
  ffprobe: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ out: string; complaint: string; exitCode: number | null }> {
  const args = ["-hide_banner", "-v", "error", "-protocol_whitelist", "file", "-show_entries", entries];
  return new Promise((settle, fail) => {
    const child = spawn(ffprobe, [...args, "-of", "compact", `file:${path}`], {
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
      ...(signal === undefined ? {} : { signal, killSignal: "SIGKILL" as const }),
    });
    const out: string[] = [];
    let complaint = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => out.push(part));
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      if (complaint.length < 1000) complaint += part;
    });
    child.on("error", (cause: NodeJS.ErrnoException) => {
      if (signal?.aborted === true) return fail(new AlignError("INTERRUPTED", "interrupted", { cause }));
      const message = `ffprobe cannot be run: ${ffprobe} (${cause.code ?? cause.message})`;
      const hint = "name a working ffprobe with --ffprobe or FFPROBE_PATH";
      fail(new AlignError("SOURCE_FFPROBE", message, { hint, cause }));
    });
    child.on("close", (exitCode) =>
      settle({ out: out.join(""), complaint: complaint.trim().split("\n").at(-1) ?? "", exitCode }),
    );
  });
}
