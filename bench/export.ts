import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Spread, spread } from "../src/bench/measure.ts";
import { Random, walk } from "../src/bench/series.ts";
import { cacheDir } from "./capture.ts";
import { hasPython, python } from "./peers/python.ts";
import { runNode, type Usage } from "./processes.ts";
import { finish, isSmoke } from "./results.ts";

/**
 * Fifty episodes of 20 s, one camera and 18 tags, exported in every format: beside a copy of the very bytes that come
 * out (each file flushed to the disk, as ours are), and beside LeRobot's own writer where Python has it.
 */
const size = isSmoke
  ? { episodes: 3, seconds: 2, width: 320, height: 180, rounds: 1 }
  : { episodes: 50, seconds: 20, width: 1280, height: 720, rounds: 5 };
const fps = 30;
const tags = 18;

interface Format {
  name: string;
  args: readonly string[];
  /** Whether pictures stay encoded, so that a copy of the bytes is the measure. */
  isCopy: boolean;
}

const formats: readonly Format[] = [
  { name: "lerobot 3.0", args: ["--format", "lerobot"], isCopy: true },
  { name: "lerobot 2.1", args: ["--format", "lerobot", "--version", "2.1"], isCopy: true },
  { name: "mcap", args: ["--format", "mcap"], isCopy: true },
  { name: "rlds, video beside", args: ["--format", "rlds", "--video", "copy"], isCopy: true },
  { name: "hdf5, video beside", args: ["--format", "hdf5", "--video", "copy"], isCopy: true },
  { name: "parquet", args: ["--format", "parquet"], isCopy: true },
  { name: "arrow", args: ["--format", "arrow"], isCopy: true },
  { name: "rlds, JPEG 256x256", args: ["--format", "rlds", "--image-size", "256x256"], isCopy: false },
  { name: "hdf5, pixels 84x84", args: ["--format", "hdf5", "--image-size", "84x84"], isCopy: false },
];

/** What one format took. */
interface FormatFigures {
  name: string;
  bytes: number;
  episodesPerMinute: number;
  megabytesPerSecond: number;
  wallMs: Spread;
  cpuMs: Spread;
  /** Wall time over that of the copy in the same round; null where pictures are decoded. */
  copies: Spread | null;
}

const cli = join(import.meta.dirname, "../dist/cli/main.js");
const dir = await makeCapture();
const aligned = join(dir, "aligned");
await rm(aligned, { recursive: true, force: true });
await runNode([cli, "align", dir, "--out", aligned, "--quiet"]);

const figures: FormatFigures[] = [];
for (const format of formats) figures.push(await measure(format));
const peer = await lerobotWriter();
await finish("export", {
  size: isSmoke ? "small" : "full",
  capture: { ...size, fps, tags },
  formats: figures,
  peer,
});

async function measure({ name, args, isCopy }: Format): Promise<FormatFigures> {
  const out = join(dir, "out");
  const copy = join(dir, "copy");
  const runs: Usage[] = [];
  const copies: Usage[] = [];
  let bytes = 0;
  for (let round = 0; round < size.rounds; round += 1) {
    await rm(out, { recursive: true, force: true });
    runs.push(await runNode([cli, "export", aligned, ...args, "--out", out, "--quiet"]));
    bytes = await bytesBelow(out);
    if (!isCopy) continue;
    await rm(copy, { recursive: true, force: true });
    copies.push(await runNode([join(import.meta.dirname, "peers/copy.js"), out, copy]));
  }
  await rm(out, { recursive: true, force: true });
  await rm(copy, { recursive: true, force: true });
  const wallMs = spread(runs.map((run) => run.wallMs));
  const figure: FormatFigures = {
    name,
    bytes,
    episodesPerMinute: size.episodes / (wallMs.median / 60_000),
    megabytesPerSecond: bytes / 1e3 / wallMs.median,
    wallMs,
    cpuMs: spread(runs.map((run) => run.cpuMs)),
    copies: isCopy ? spread(runs.map((run, round) => run.wallMs / (copies[round] as Usage).wallMs)) : null,
  };
  const ratio = figure.copies === null ? "" : `, ${figure.copies.median.toFixed(2)} times a copy`;
  console.log(
    `${name}: ${figure.episodesPerMinute.toFixed(0)} episodes/min, ${figure.megabytesPerSecond.toFixed(0)} MB/s of ` +
      `${(bytes / 1e6).toFixed(0)} MB, ${wallMs.median.toFixed(0)} ms wall, ${figure.cpuMs.median.toFixed(0)} ms CPU${ratio}`,
  );
  return figure;
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  let bytes = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = await open(join(entry.parentPath, entry.name));
    bytes += (await file.stat()).size;
    await file.close();
  }
  return bytes;
}

/** Frames of one picture size through LeRobot's writer, two episodes, pictures in memory before it starts. */
async function lerobotWriter(): Promise<
  { episodesPerMinute: number; megabytesPerSecond: number } | undefined
> {
  if (!(await hasPython(["lerobot.datasets.lerobot_dataset"]))) {
    console.log("LeRobot's writer is not here: pip install 'lerobot[dataset]'; PYTHON names the interpreter");
    return undefined;
  }
  const episodes = isSmoke ? 1 : 2;
  const script = join(import.meta.dirname, "peers/lerobot_writer.py");
  const { seconds: length, width, height } = size;
  const args = [script, join(dir, "peer"), length * fps, episodes, width, height].map(String);
  const text = execFileSync(python, args, { stdio: ["ignore", "pipe", "ignore"], maxBuffer: 2 ** 26 });
  const { seconds, bytes } = JSON.parse(String(text).trim().split("\n").at(-1) as string);
  const figure = { episodesPerMinute: episodes / (seconds / 60), megabytesPerSecond: bytes / 1e6 / seconds };
  console.log(
    `LeRobot's own writer, which encodes: ${figure.episodesPerMinute.toFixed(1)} episodes/min, ` +
      `${figure.megabytesPerSecond.toFixed(1)} MB/s`,
  );
  return figure;
}

/** A capture of all episodes in a row, kept from one run to the next. */
async function makeCapture(): Promise<string> {
  const folder = join(cacheDir, `export-${size.episodes}x${size.seconds}-${size.width}x${size.height}`);
  if (existsSync(join(folder, "manifest.yaml"))) return folder;
  await mkdir(folder, { recursive: true });
  makeVideo(folder);
  const seconds = size.episodes * size.seconds;
  const random = new Random(5);
  const times = BigInt64Array.from({ length: seconds * 20 }, (_, row) => BigInt(row) * 50_000_000n);
  const series = Array.from({ length: tags }, () => walk(times.length, random));
  const rows = Array.from(times, (time, row) => [time, ...series.map((values) => values[row])].join(","));
  const names = Array.from({ length: tags }, (_, tag) => `T${tag}`);
  await writeFile(join(folder, "plant.csv"), [["time", ...names].join(","), ...rows].join("\n"));
  const orders = Array.from({ length: size.episodes }, (_, at) => {
    const start = BigInt(at * size.seconds) * 1_000_000_000n;
    return [start, start + BigInt(size.seconds) * 1_000_000_000n, `order-${at}`, `step ${at % 5}`].join(",");
  });
  await writeFile(join(folder, "orders.csv"), ["start,end,order,step", ...orders].join("\n"));
  const tagLines = names.map(
    (name, tag) =>
      `  ${name.toLowerCase()}: { source: plant, tag: ${name}, join: linear, extrapolate: hold, role: ${tag < 14 ? "state" : "action"} }`,
  );
  await writeFile(
    join(folder, "manifest.yaml"),
    `version: 1
capture: bench/export
reference_clock: plant
clocks: { plant: {} }
sources:
  head: { kind: video, path: head.mp4, clock: plant }
  plant: { kind: csv, path: plant.csv, clock: plant, columns: { time: time }, time: { unit: ns } }
  mes: { kind: csv, path: orders.csv, clock: plant, shape: intervals, columns: { start: start, end: end }, time: { unit: ns } }
frames: head
tags:
${tagLines.join("\n")}
  order: { source: mes, tag: order, join: covering }
  step: { source: mes, tag: step, join: covering }
episodes:
  by: order
  task: "Order {job_order_id}: {step}"
  context: { job_order_id: order }
`,
  );
  return folder;
}

/** One episode is encoded, and its packets repeated. */
function makeVideo(folder: string): void {
  const run = (...args: string[]) => execFileSync("ffmpeg", ["-v", "error", "-y", ...args], { cwd: folder });
  const picture = `testsrc2=size=${size.width}x${size.height}:rate=${fps}:duration=${size.seconds},noise=alls=4:allf=t`;
  run(
    "-f",
    "lavfi",
    "-i",
    picture,
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-crf",
    "26",
    "-bf",
    "0",
    "-g",
    "30",
    "-pix_fmt",
    "yuv420p",
    "one.mp4",
  );
  const repeat = String(size.episodes - 1);
  run("-stream_loop", repeat, "-i", "one.mp4", "-c", "copy", "-video_track_timescale", "30000", "head.mp4");
}
