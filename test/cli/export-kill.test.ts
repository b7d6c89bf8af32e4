import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alignCapture } from "../../src/index.ts";

const cli = resolve(import.meta.dirname, "../../dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "export-kill-"));
afterAll(() => rmSync(folder, { recursive: true }));

const episodes = 50;
const framesAnEpisode = 12;
const fps = 30;

let hasFfmpeg = true;
try {
  execFileSync("ffmpeg", ["-version"], { stdio: "ignore" });
} catch {
  hasFfmpeg = false;
  console.warn("skipped: there is no ffmpeg to make a video with");
}

beforeAll(async () => {
  if (!hasFfmpeg) return;
  const frames = episodes * framesAnEpisode;
  const picture = `testsrc2=size=64x48:rate=${fps}:duration=${frames / fps}`;
  const encoding = ["-c:v", "libx264", "-g", String(framesAnEpisode), "-bf", "0", "-pix_fmt", "yuv420p"];
  execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", picture, ...encoding, "head.mp4"], {
    cwd: folder,
  });
  const ns = (frame: number) => (BigInt(frame) * 1_000_000_000n) / BigInt(fps);
  const rows = Array.from({ length: frames }, (_, frame) => `${ns(frame)},${Math.sin(frame)},${frame % 7}`);
  writeFileSync(join(folder, "plant.csv"), ["time,level,valve", ...rows].join("\n"));
  const rounds = Array.from({ length: episodes }, (_, at) => {
    return `${ns(at * framesAnEpisode)},${ns((at + 1) * framesAnEpisode)},round ${at}`;
  });
  writeFileSync(join(folder, "rounds.csv"), ["start,end,round", ...rounds].join("\n"));
  writeFileSync(
    join(folder, "manifest.yaml"),
    `version: 1
capture: kill
reference_clock: plant
clocks: { plant: {} }
sources:
  head: { kind: video, path: head.mp4, clock: plant }
  plant: { kind: csv, path: plant.csv, clock: plant, columns: { time: time }, time: { unit: ns } }
  mes: { kind: csv, path: rounds.csv, clock: plant, shape: intervals, columns: { start: start, end: end }, time: { unit: ns } }
frames: head
tags:
  level: { source: plant, tag: level }
  valve: { source: plant, tag: valve, role: action }
  round: { source: mes, tag: round, join: covering }
episodes: { by: round, task: "{round}" }
`,
  );
  await alignCapture(folder, { out: join(folder, "aligned") });
});

/** Digests of all files below a folder, by their paths in it. */
function digests(root: string): Record<string, string> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  const digest = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  return Object.fromEntries(paths.map((path) => [path.slice(root.length), digest(path)]));
}

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [cli, "export", join(folder, "aligned"), ...args, "--quiet"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  child.stderr.on("data", (chunk) => {
    told += chunk;
  });
  const ended = new Promise<{ status: number | null; told: string }>((done) =>
    child.on("close", (status) => done({ status, told })),
  );
  return { child, ended };
}

/** Kills the export once its hidden folder has come to `files` complete files, and then so many ms more. */
async function killAfter(
  args: readonly string[],
  out: string,
  files: number,
  moreMs: number,
): Promise<boolean> {
  const { child, ended } = start([...args, "--out", out]);
  const journal = join(folder, `.${out.slice(folder.length + 1)}.tagalign`, "journal.jsonl");
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const lines = existsSync(journal) ? readFileSync(journal, "utf8").split("\n").length - 2 : -1;
    if (lines >= files) break;
    await new Promise((wake) => setTimeout(wake, 1));
  }
  await new Promise((wake) => setTimeout(wake, moreMs));
  child.kill("SIGKILL");
  return (await ended).status === null;
}

const formats = [
  { name: "lerobot 3.0", args: ["--format", "lerobot"], moments: [0, 1, 2, 3, 5] },
  { name: "lerobot 2.1", args: ["--format", "lerobot", "--version", "2.1"], moments: [0, 13, 60, 99] },
  { name: "mcap", args: ["--format", "mcap"], moments: [0, 9, 31, 49] },
  {
    name: "hdf5 aloha",
    args: ["--format", "hdf5", "--layout", "aloha", "--video", "copy"],
    moments: [0, 17, 50],
  },
  { name: "parquet", args: ["--format", "parquet"], moments: [0, 2] },
];

describe.skipIf(!hasFfmpeg)("an export of fifty episodes that is killed", () => {
  it.each(formats)(
    "publishes nothing broken, and is completed to the same bytes: $name",
    async ({ name, args, moments }) => {
      const whole = join(folder, `whole ${name}`);
      expect(await start([...args, "--out", whole]).ended).toEqual({ status: 0, told: "" });
      const expected = digests(whole);
      expect(Object.keys(expected).length).toBeGreaterThan(3);
      let killed = 0;
      for (const [at, files] of moments.entries()) {
        const out = join(folder, `${name} ${at}`);
        if (await killAfter(args, out, files, (at * 7) % 11)) killed += 1;
        if (existsSync(out)) expect(digests(out)).toEqual(expected);
        else {
          const refused = await start([...args, "--out", out]).ended;
          expect(refused.status).toBe(7);
          expect(refused.told).toContain("OUTPUT_UNFINISHED");
        }
        expect(await start([...args, "--out", out, "--resume"]).ended).toEqual({ status: 0, told: "" });
        expect(digests(out)).toEqual(expected);
      }
      expect(killed).toBeGreaterThan(0);
      expect(readdirSync(folder).filter((entry) => entry.endsWith(".tagalign"))).toEqual([]);
    },
    240_000,
  );
});
