import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const ffprobe = "ffprobe";

/** ffmpeg and ffprobe of the machine; tests that need them are skipped, and say so, where they are absent. */
export const hasFfmpeg =
  spawnSync("ffmpeg", ["-version"]).status === 0 && spawnSync(ffprobe, ["-version"]).status === 0;
if (!hasFfmpeg) console.warn("skipped: video tests need ffmpeg and ffprobe on PATH");

export const shared = "../shared/data";
export const hasShared = existsSync(`${shared}/video`);
if (!hasShared) console.warn(`skipped: ${shared}/video is not there`);

const width = 160;
const height = 96;
const bits = 10;

/** Pictures whose number is drawn as a row of white and black bars over a grey that changes with it. */
export function numberedPictures(count: number): Buffer {
  const pictures = Buffer.alloc(count * width * height);
  for (let frame = 0; frame < count; frame += 1) {
    const picture = pictures.subarray(frame * width * height, (frame + 1) * width * height);
    for (let y = 0; y < height; y += 1)
      for (let x = 0; x < width; x += 1) {
        const bit = (frame >> Math.floor((x * bits) / width)) & 1;
        picture[y * width + x] = y < height / 2 ? (bit === 1 ? 235 : 16) : 60 + ((frame * 7 + x + y) % 120);
      }
  }
  return pictures;
}

/** The number that an upright rgb24 picture of any size shows. */
export function numberOf(picture: Uint8Array, across = width, down = height): number {
  let number = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const x = Math.floor(((bit + 0.5) * across) / bits);
    const y = Math.floor(down / 4);
    if (picture[(y * across + x) * 3]! > 128) number |= 1 << bit;
  }
  return number;
}

/** A folder that goes when the tests of a file are over. */
export function workplace(): string {
  const folder = mkdtempSync(join(tmpdir(), "tagalign-video-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Encodes numbered pictures with the machine's ffmpeg; `args` follow the input, the path comes last. */
export function encodeNumbered(path: string, frames: number, args: readonly string[], rate = "30"): string {
  const input = [
    "-f",
    "rawvideo",
    "-pix_fmt",
    "gray",
    "-s",
    `${width}x${height}`,
    "-r",
    rate,
    "-i",
    "pipe:0",
  ];
  execFileSync("ffmpeg", ["-v", "error", "-y", ...input, ...args, path], { input: numberedPictures(frames) });
  return path;
}

export function ffmpeg(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("ffmpeg", ["-v", "error", "-y", ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** The numbers that all pictures of a file show, in the order in which ffmpeg decodes them. */
export function numbersIn(path: string, size: readonly [number, number] = [width, height]): number[] {
  const args = [
    "-v",
    "error",
    "-i",
    path,
    "-vsync",
    "passthrough",
    "-pix_fmt",
    "rgb24",
    "-f",
    "rawvideo",
    "pipe:1",
  ];
  const pixels = execFileSync("ffmpeg", args, {
    maxBuffer: 1 << 30,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const bytes = size[0] * size[1] * 3;
  return Array.from({ length: pixels.length / bytes }, (_, index) =>
    numberOf(pixels.subarray(index * bytes, (index + 1) * bytes), ...size),
  );
}

export interface ProbedPacket {
  pts: number;
  dts: number;
  key: boolean;
  hash: string;
}

export interface Probed {
  stream: Record<string, string>;
  /** In decode order. */
  packets: ProbedPacket[];
}

export function probe(path: string): Probed {
  const args = [
    "-v",
    "error",
    "-select_streams",
    "v:0",
    "-show_packets",
    "-show_streams",
    "-show_data_hash",
    "md5",
  ];
  const said = execFileSync(ffprobe, [...args, "-of", "json", path], { maxBuffer: 1 << 28 });
  const { packets, streams } = JSON.parse(said.toString()) as {
    packets: Record<string, string>[];
    streams: Record<string, string>[];
  };
  return {
    stream: streams[0]!,
    packets: packets.map((packet) => ({
      pts: Number(packet.pts),
      dts: Number(packet.dts),
      key: packet.flags!.startsWith("K"),
      hash: packet.data_hash!,
    })),
  };
}

/** What ffmpeg complains of when it decodes a whole file. */
export function complaintsOn(path: string): string {
  return spawnSync("ffmpeg", ["-v", "warning", "-i", path, "-f", "null", "-"], { encoding: "utf8" }).stderr;
}

/** Gives an MP4 file whose index is behind its data an edit list: of each edit the first media tick and the ticks shown. */
export function withEdits(bytes: Buffer, edits: readonly (readonly [number, number])[]): Buffer {
  const moov = bytes.indexOf("moov") - 4;
  const trak = bytes.indexOf("trak", moov) - 4;
  const edts = bytes.indexOf("edts", trak) - 4;
  const old = bytes.readUInt32BE(edts);
  const movieScale = bytes.readUInt32BE(bytes.indexOf("mvhd", moov) + 16);
  const mediaScale = bytes.readUInt32BE(bytes.indexOf("mdhd", trak) + 16);
  const box = Buffer.alloc(24 + 12 * edits.length);
  box.writeUInt32BE(box.length, 0);
  box.write("edts", 4);
  box.writeUInt32BE(box.length - 8, 8);
  box.write("elst", 12);
  box.writeUInt32BE(edits.length, 20);
  edits.forEach(([start, ticks], index) => {
    box.writeUInt32BE(Math.round((ticks * movieScale) / mediaScale), 24 + 12 * index);
    box.writeUInt32BE(start, 28 + 12 * index);
    box.writeUInt32BE(65536, 32 + 12 * index);
  });
  const edited = Buffer.concat([bytes.subarray(0, edts), box, bytes.subarray(edts + old)]);
  for (const parent of [moov, trak])
    edited.writeUInt32BE(edited.readUInt32BE(parent) + box.length - old, parent);
  return edited;
}
