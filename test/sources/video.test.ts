import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { readVideoFrames, type VideoFrames, type VideoOptions } from "../../src/sources/video/index.ts";

const data = resolve(import.meta.dirname, "../../../shared/data");
const absent = !existsSync(join(data, "video"));
if (absent) console.warn(`skipped: the example videos are not at ${data}`);
const systemProbe = ["/usr/bin/ffprobe", "/usr/local/bin/ffprobe"].find((path) => existsSync(path));
if (systemProbe === undefined)
  console.warn("skipped: there is no second ffprobe on this machine to compare with");
const room = mkdtempSync(join(tmpdir(), "video-test-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));

const video = (name: string) => join(data, "video", name);

async function errorOf(path: string, options: VideoOptions = {}): Promise<AlignError> {
  try {
    await readVideoFrames(path, options);
  } catch (error) {
    if (error instanceof AlignError) return error;
    throw error;
  }
  throw new Error(`${path} was read without an error`);
}

interface Expectation {
  path: string;
  frames: number;
  first: bigint;
  last: bigint;
  timeBase: bigint;
}

const good: Expectation[] = [
  {
    path: "video/exo_sample_android_slow_motion.mp4",
    frames: 7,
    first: 0n,
    last: 492011111n,
    timeBase: 90000n,
  },
  {
    path: "video/exo_sample_fragmented.mp4",
    frames: 30,
    first: 66733333n,
    last: 1034366667n,
    timeBase: 30000n,
  },
  { path: "video/exo_sample_mdat_too_long.mp4", frames: 30, first: 0n, last: 967633333n, timeBase: 30000n },
  {
    path: "video/exo_sample_sef_slow_motion.mp4",
    frames: 63,
    first: 0n,
    last: 2066666667n,
    timeBase: 90000n,
  },
  {
    path: "video/exo_sample_with_increasing_timestamps.mp4",
    frames: 30,
    first: 0n,
    last: 966666667n,
    timeBase: 15360n,
  },
  { path: "video/mb_cursed-vfr.mp4", frames: 63, first: 0n, last: 7155503472n, timeBase: 57600n },
  { path: "video/mb_edts.mp4", frames: 225, first: 0n, last: 8960000000n, timeBase: 12800n },
  {
    path: "video/mb_rotate-buck-bunny.mp4",
    frames: 45,
    first: 83333333n,
    last: 1916666667n,
    timeBase: 57600n,
  },
  { path: "video/exo_sample.mkv", frames: 30, first: 67000000n, last: 1034000000n, timeBase: 1000n },
  { path: "video/mb_frames.webm", frames: 100, first: 0n, last: 3300000000n, timeBase: 1000n },
  {
    path: "video/mb_entry24-segment3.ts",
    frames: 100,
    first: 16768088889n,
    last: 20728088889n,
    timeBase: 90000n,
  },
  {
    path: "video/mb_no-initial-keyframe.ts",
    frames: 15,
    first: 114847000000n,
    last: 115313000000n,
    timeBase: 90000n,
  },
  { path: "gopro/karma.mp4", frames: 362, first: 0n, last: 12045366667n, timeBase: 90000n },
  {
    path: "lerobot_g1/videos/chunk-000/observation.images.cam_high/episode_000029.mp4",
    frames: 221,
    first: 0n,
    last: 7333333333n,
    timeBase: 15360n,
  },
  {
    path: "orbis_fischertechnik/red_20251110/video_mjpeg_copy.mkv",
    frames: 411,
    first: 0n,
    last: 213789000000n,
    timeBase: 1000n,
  },
];

describe.skipIf(absent)("frames of good files", () => {
  it.each(good)("$path", async ({ path, frames, first, last, timeBase }) => {
    const found = await readVideoFrames(join(data, path));
    expect(found.ptsNs).toHaveLength(frames);
    expect([found.ptsNs[0], found.ptsNs.at(-1)]).toEqual([first, last]);
    expect(found.timeBase).toEqual({ numerator: 1n, denominator: timeBase });
    expect(found.ticks.every((tick, index) => index === 0 || tick > found.ticks[index - 1]!)).toBe(true);
    if (systemProbe !== undefined) {
      expect(await readVideoFrames(join(data, path), { ffprobe: systemProbe })).toEqual(found);
    }
  });

  it.each([
    ["tc_nasa_13013.mp4", 325],
    ["tc_nasa_13013_rotated.mp4", 17],
  ])("%s has the %d times that another decoder shows", async (name, count) => {
    const truth = `${name}.stream0.all_frames_info.json`;
    const frames = JSON.parse(readFileSync(video(truth), "utf8")) as { pts_time: string }[];
    const { ptsNs } = await readVideoFrames(video(name));
    expect(frames).toHaveLength(count);
    expect(Array.from(ptsNs, (ns) => (ns + 500n) / 1000n)).toEqual(
      frames.map(({ pts_time }) => microseconds(pts_time)),
    );
  });

  it("tells picture size, codec, rate and the time of creation", async () => {
    const { width, height, codec, averageRate, creationTime } = await readVideoFrames(
      join(data, "gopro/karma.mp4"),
    );
    expect({ width, height, codec, averageRate }).toEqual({
      width: 854,
      height: 480,
      codec: "h264",
      averageRate: "30000/1001",
    });
    expect(creationTime).toBe(1492457277_000_000_000n);
    expect((await readVideoFrames(video("mb_edts.mp4"))).creationTime).toBeUndefined();
  });

  it("reads names that look like options or protocols", async () => {
    const bytes = readFileSync(video("tc_nasa_13013_rotated.mp4"));
    for (const name of ["-v", "http:clip.mp4", "a|b=c.mp4", "é ü.mp4"]) {
      writeFileSync(join(room, name), bytes);
      expect((await readVideoFrames(join(room, name))).ptsNs).toHaveLength(17);
    }
  });
});

/** Decimal seconds with at most six digits after the point, as an integer. */
function microseconds(text: string): bigint {
  const [whole, fraction = ""] = text.split(".");
  return BigInt(whole!) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
}

describe.skipIf(absent)("files that cannot be used", () => {
  it.each([
    ["mb_annex-b.mp4", "SOURCE_TRUNCATED", "6 of 745"],
    ["exo_full_blocks.mkv", "SOURCE_NOT_VIDEO", "no video stream"],
    ["exo_invalid-bitstream.webm", "SOURCE_UNDECODABLE", "vp9"],
    ["LICENSE.google_ExoPlayer", "SOURCE_NOT_VIDEO", "cannot be read"],
    [".", "SOURCE_UNREADABLE", "not a regular file"],
    ["nowhere.mp4", "SOURCE_MISSING", "nowhere.mp4"],
  ])("%s is refused with %s", async (name, code, words) => {
    for (const ffprobe of [undefined, systemProbe]) {
      const error = await errorOf(video(name), ffprobe === undefined ? {} : { ffprobe });
      expect(error.code).toBe(code);
      expect(error.exitCode).toBe(4);
      expect(error.message).toContain(words);
      expect(error.where).toEqual({ file: video(name) });
      expect(error.hint).not.toBe("");
    }
  });

  it.each([
    "tc_nasa_13013.mp4",
    "mb_edts.mp4",
    "exo_sample.mkv",
    "exo_sample_fragmented.mp4",
    "mb_frames.webm",
  ])(
    "%s cut anywhere is refused, or gives all frames",
    async (name) => {
      const bytes = readFileSync(video(name));
      const whole = await readVideoFrames(video(name));
      const path = join(room, `cut-${name}`);
      let refused = 0;
      for (let cut = 0; cut < 24; cut += 1) {
        const length =
          cut < 20 ? Math.floor((bytes.length * cut) / 20) : bytes.length - [1, 7, 100, 1000][cut - 20]!;
        writeFileSync(path, bytes.subarray(0, length));
        for (const ffprobe of [undefined, systemProbe]) {
          const outcome = await outcomeOf(path, ffprobe === undefined ? {} : { ffprobe });
          if (outcome instanceof AlignError) {
            expect(outcome.exitCode).toBe(4);
            refused += 1;
          } else {
            expect(outcome.ticks, `${length} of ${bytes.length} bytes`).toEqual(whole.ticks);
          }
        }
      }
      expect(refused).toBeGreaterThan(30);
    },
    60_000,
  );

  it("a transport stream cut within a packet is refused", async () => {
    const bytes = readFileSync(video("mb_entry24-segment3.ts"));
    const path = join(room, "cut.ts");
    writeFileSync(path, bytes.subarray(0, bytes.length - 100));
    expect((await errorOf(path)).message).toContain("88 of 188 bytes");
  });

  it("zeroed and shuffled bytes never hang or crash", async () => {
    const bytes = readFileSync(video("tc_nasa_13013_rotated.mp4"));
    const path = join(room, "damaged.mp4");
    for (let seed = 1; seed <= 20; seed += 1) {
      const damaged = Buffer.from(bytes);
      for (let hit = 0; hit < 40; hit += 1)
        damaged[(seed * 7919 + hit * 104729) % damaged.length] = seed * hit;
      writeFileSync(path, damaged);
      const outcome = await outcomeOf(path);
      expect(outcome instanceof AlignError ? outcome.exitCode : outcome.ticks.length).toBeGreaterThan(0);
    }
  }, 60_000);
});

async function outcomeOf(path: string, options: VideoOptions = {}): Promise<VideoFrames | AlignError> {
  try {
    return await readVideoFrames(path, options);
  } catch (error) {
    if (error instanceof AlignError) return error;
    throw error;
  }
}

describe("ffprobe itself", () => {
  const clip = join(room, "clip.bin");
  writeFileSync(clip, "not read by the stand-ins below");

  /** An ffprobe that prints these lines. */
  function standIn(name: string, lines: string[], after = ""): string {
    const path = join(room, name);
    writeFileSync(path, `#!/bin/sh\ncat <<'END'\n${lines.join("\n")}\nEND\n${after}\n`);
    chmodSync(path, 0o755);
    return path;
  }
  const stream = (timeBase: string) =>
    `stream|codec_name=h264|width=4|height=4|pix_fmt=yuv420p|time_base=${timeBase}|avg_frame_rate=0/0|nb_frames=N/A`;

  it("missing or not executable names the way out", async () => {
    for (const ffprobe of [join(room, "none"), clip]) {
      const error = await errorOf(clip, { ffprobe });
      expect(error.code).toBe("SOURCE_FFPROBE");
      expect(error.hint).toContain("FFPROBE_PATH");
    }
  });

  it("ticks become the nearest nanosecond, half away from zero, in order of presentation", async () => {
    const packets = [3n, -3n, 1n, -1n, 0n].map(
      (pts, index) => `packet|pts=${pts}|flags=${index === 0 ? "K_" : "__"}`,
    );
    const ffprobe = standIn("halves", [...packets, stream("1/2000000000"), "format|format_name=x"]);
    const { ptsNs, ticks } = await readVideoFrames(clip, { ffprobe });
    expect([...ticks]).toEqual([-3n, -1n, 0n, 1n, 3n]);
    expect([...ptsNs]).toEqual([-2n, -1n, 0n, 1n, 2n]);
  });

  it("ticks beyond a float's exact range stay exact", async () => {
    const packets = [
      "packet|pts=9007199254740993|flags=K_side_data|",
      "packet|pts=9007199254740995|flags=__",
    ];
    const ffprobe = standIn("large", [...packets, stream("1/1000000000"), "format|format_name=x"]);
    expect([...(await readVideoFrames(clip, { ffprobe })).ptsNs]).toEqual([
      9007199254740993n,
      9007199254740995n,
    ]);
  });

  it("discarded packets and those before the first key packet are not shown; a discarded key starts the decoder", async () => {
    const packets = [
      "pts=1|flags=__",
      "pts=N/A|flags=KD",
      "pts=5|flags=__",
      "pts=4|flags=_D",
      "pts=3|flags=_",
    ];
    const ffprobe = standIn("edits", [...packets.map((line) => `packet|${line}`), stream("1/1"), "format|"]);
    expect([...(await readVideoFrames(clip, { ffprobe })).ticks]).toEqual([3n, 5n]);
  });

  it.each([
    ["no time", ["packet|pts=N/A|flags=K_"], "1/1000", "SOURCE_NO_PTS"],
    ["an instant past int64", ["packet|pts=9223372036854775807|flags=K_"], "1/1000", "SOURCE_NO_PTS"],
    ["no time base", ["packet|pts=0|flags=K_"], "0/0", "SOURCE_NO_PTS"],
    ["no key packet", ["packet|pts=0|flags=__"], "1/1000", "SOURCE_NO_FRAMES"],
    ["no packet", [], "1/1000", "SOURCE_NO_FRAMES"],
  ])("%s is refused", async (name, packets, timeBase, code) => {
    const ffprobe = standIn(`refused ${name}`, [...packets, stream(timeBase), "format|format_name=x"]);
    expect((await errorOf(clip, { ffprobe })).code).toBe(code);
  });

  it.each(["pts", "pkt_pts"])(
    "VP8 is decoded, as some of its packets are never shown (%s)",
    async (field) => {
      const path = join(room, `vp8-${field}`);
      const packets = ["packet|pts=0|flags=K_", "packet|pts=33|flags=__", "packet|pts=33|flags=__"];
      const all = [...packets, stream("1/1000").replace("h264", "vp8"), "format|format_name=webm"].join("\n");
      const shown = `frame|${field}=0\nframe|${field}=33|side_data|`;
      const script = `#!/bin/sh\ncase "$*" in *frame=*) cat <<'END'\n${shown}\nEND\n;; *) cat <<'END'\n${all}\nEND\n;; esac\n`;
      writeFileSync(path, script, { mode: 0o755 });
      expect([...(await readVideoFrames(clip, { ffprobe: path })).ticks]).toEqual([0n, 33n]);
    },
  );

  it("fewer packets than a MOV states is a cut file, unless an edit list leaves the others out", async () => {
    const cut = ["packet|pts=0|flags=K_", stream("1/1").replace("N/A", "2"), "format|format_name=mov,mp4"];
    expect((await errorOf(clip, { ffprobe: standIn("short", cut) })).message).toContain(
      "states 2 frames and holds 1",
    );
    const path = join(room, "edited");
    const all = ["packet|pts=1|flags=__", ...cut].join("\n");
    const script = `#!/bin/sh\ncase "$*" in *ignore_editlist*) cat <<'END'\n${all}\nEND\n;; *) cat <<'END'\n${cut.join("\n")}\nEND\n;; esac\n`;
    writeFileSync(path, script, { mode: 0o755 });
    expect([...(await readVideoFrames(clip, { ffprobe: path })).ticks]).toEqual([0n]);
  });

  it("is killed by an abort", async () => {
    const ffprobe = standIn("slow", [], `echo $$ > '${join(room, "pid")}'; exec sleep 60`);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 300);
    const error = await errorOf(clip, { ffprobe, signal: abort.signal });
    expect(error.code).toBe("INTERRUPTED");
    await new Promise((settle) => setTimeout(settle, 100));
    const pid = readFileSync(join(room, "pid"), "utf8").trim();
    expect(() => execFileSync("kill", ["-0", pid], { stdio: "ignore" })).toThrow();
    expect((await errorOf(clip, { signal: AbortSignal.abort() })).code).toBe("INTERRUPTED");
  });
});
