import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parseManifest } from "../../src/manifest/index.ts";
import { checkCapture, inspectFile, type Warning } from "../../src/run/index.ts";
import { align, describeCapture, errorOf, int64s, writeFrames } from "../captures/capture.ts";

const frames = (path: string, keys = "") => `
version: 1
capture: clip
reference_clock: camera
clocks: { camera: {} }
sources:
  camera: { kind: frames, path: ${path}, clock: camera, columns: { time: frame_ns }, time: { unit: ns }${keys} }
frames: camera
`;

const video = (path: string, keys = "") => `
version: 1
capture: clip
reference_clock: camera
clocks: { camera: {} }
sources:
  camera: { kind: video, path: ${path}, clock: camera, start: 1h${keys} }
frames: camera
`;

const hour = 3_600_000_000_000n;
const codes = (warnings: readonly Warning[]) => warnings.map(({ code }) => code);

/** 30 frames/s in ns, without the frames of `missing`. */
function stampsOf(count: number, missing: readonly number[] = []): bigint[] {
  return Array.from({ length: count }, (_, i) => i)
    .filter((i) => !missing.includes(i))
    .map((i) => hour + (BigInt(i) * 1_000_000_000n) / 30n);
}

describe("missing frames", () => {
  const missing = [50, 90, 91, 92, 200];

  it("are counted for each gap, in the report and as one warning; the times stay", async () => {
    const stamps = stampsOf(300, missing);
    const { columns, report } = await align(frames(writeFrames(stamps)));
    expect(report.frame_gaps).toEqual([
      { frame: 50, missing: 1 },
      { frame: 89, missing: 3 },
      { frame: 196, missing: 1 },
    ]);
    expect(report.warnings).toEqual([
      {
        code: "FRAMES_DROPPED",
        count: 5,
        first: "frame 50",
        message:
          "source camera: 5 frames are missing in 3 gaps: 1 before frame 50, 3 before frame 89, 1 before frame 196",
      },
    ]);
    expect(int64s(columns, "frame_time")).toEqual(stamps);
  });

  it("are told by check and inspect", async () => {
    const path = writeFrames(stampsOf(300, missing));
    const manifest = parseManifest(frames(path), { base: "/" });
    const { sources, warnings } = await checkCapture(manifest);
    expect(sources[0]).toMatchObject({ rows: 295, frame_gaps: [{ frame: 50, missing: 1 }, {}, {}] });
    expect(warnings).toMatchObject([{ code: "FRAMES_DROPPED", count: 5 }]);
    const inspected = await inspectFile(path);
    expect(codes(inspected.warnings)).not.toContain("FRAMES_DROPPED");
  });

  it("are warned of once where the camera is a tag too", async () => {
    const tags = "tags: { index: { source: camera, tag: frame_index } }";
    const { report } = await align(`${frames(writeFrames(stampsOf(300, missing)))}${tags}\n`);
    expect(codes(report.warnings)).toEqual(["FRAMES_DROPPED"]);
  });

  it("are not what repeated frames, pauses and an odd first stamp are", async () => {
    const stamps = stampsOf(300);
    stamps.splice(100, 0, stamps[100]!);
    const odd = stamps.map((stamp, i) =>
      i === 0 ? stamp + 20_000_000n : i > 200 ? stamp + 1_013_000_000n : stamp,
    );
    const { report } = await align(frames(writeFrames(odd)));
    expect(report.frame_gaps).toEqual([]);
    expect(report.warnings).toMatchObject([
      { code: "FRAMES_REPEATED", count: 1, first: "frame 101" },
      { code: "FRAME_PAUSES", count: 1, first: "frame 201" },
      { code: "FIRST_FRAME_TIME", count: 1, first: "frame 0" },
    ]);
  });
});

describe("capture_delay and exposure", () => {
  it("put a frame at the middle of its exposure, before its stamp's delay", async () => {
    const stamps = stampsOf(40);
    const { columns } = await align(frames(writeFrames(stamps), ", capture_delay: 12ms, exposure: 9ms"));
    expect(int64s(columns, "frame_time")).toEqual(stamps.map((ns) => ns - 12_000_000n + 4_500_000n));
    expect(int64s(columns, "frame_pts")).toEqual(stamps.map((ns) => ns - stamps[0]!));
  });

  it("move another camera's frames too", async () => {
    const path = writeFrames(stampsOf(40));
    const source = `  wrist: { kind: frames, path: ${path}, clock: camera, columns: { time: frame_ns }, time: { unit: ns }, capture_delay: -40ms }`;
    const manifest = frames(path).replace("frames: camera", `${source}\nframes: camera`);
    const { columns } = await align(`${manifest}tags: { wrist: { source: wrist, tag: frame_index } }\n`);
    expect(columns.wrist?.slice(0, 5)).toEqual([null, null, 0n, 1n, 2n]);
  });

  it.each([
    ["capture_delay: 12", "MANIFEST_DURATION"],
    ["exposure: -3ms", "MANIFEST_DURATION"],
    ["cadence: clean", "MANIFEST_VALUE"],
    ["capture_dely: 3ms", "MANIFEST_UNKNOWN_KEY"],
  ])("%s is refused", async (key, code) => {
    expect(await errorOf(align(frames("frames.csv", `, ${key}`)))).toMatchObject({ code });
  });

  it("belong to cameras alone", async () => {
    const manifest = frames("frames.csv").replace(
      "frames: camera",
      "  plant: { kind: csv, path: a.csv, clock: camera, columns: { time: t }, exposure: 3ms }\nframes: camera",
    );
    expect(await errorOf(align(manifest))).toMatchObject({
      code: "MANIFEST_UNKNOWN_KEY",
      hint: '"exposure" belongs to kind video, frames',
    });
  });
});

describe("cadence", () => {
  const ntsc = Array.from({ length: 3000 }, (_, i) => (BigInt(i) * 1_001_000_000_000n + 15_000n) / 30_000n);
  const toMs = (ns: bigint) => ((ns + 500_000n) / 1_000_000n) * 1_000_000n;

  it("tells of rounding by default and keeps it; auto takes it away, and pts stay as they are", async () => {
    const path = writeFrames(ntsc.map((ns) => hour + toMs(ns)));
    const kept = await align(frames(path));
    expect(int64s(kept.columns, "frame_time")).toEqual(ntsc.map((ns) => hour + toMs(ns)));
    expect(kept.report.warnings).toMatchObject([
      { code: "FRAME_TIMES_ROUNDED", count: 2900, first: "frame 1" },
    ]);
    const { columns, report } = await align(frames(path, ", cadence: auto"));
    expect(int64s(columns, "frame_time")).toEqual(ntsc.map((ns) => hour + ns));
    expect(int64s(columns, "frame_pts")).toEqual(ntsc.map(toMs));
    expect(report.warnings).toMatchObject([{ code: "FRAME_TIMES_CLEANED", count: 2900 }]);
    expect(report.warnings[0]?.message).toContain("30000/1001 frames/s, rounded to 1ms");
  });

  it("auto says where it proves nothing", async () => {
    let time = hour;
    const stamps = Array.from(
      { length: 200 },
      (_, i) => (time += BigInt(20 + ((i * 7919) % 61)) * 1_000_000n),
    );
    const { columns, report } = await align(frames(writeFrames(stamps), ", cadence: auto"));
    expect(int64s(columns, "frame_time")).toEqual(stamps);
    expect(report.warnings).toMatchObject([{ code: "FRAME_TIMES_KEPT", count: 200 }]);
  });
});

describeCapture("video", (folder) => {
  it.each(["mb_frames.webm", "exo_sample.mkv"])(
    "%s: milliseconds are rounding of 30 frames/s",
    async (name) => {
      const path = join(folder, name);
      const kept = await align(video(path));
      expect(kept.report.warnings).toMatchObject([{ code: "FRAME_TIMES_ROUNDED" }]);
      expect(kept.report.warnings[0]?.message).toContain("keep 30 frames/s");
      const { columns, report } = await align(video(path, ", cadence: auto"));
      expect(report.warnings).toMatchObject([{ code: "FRAME_TIMES_CLEANED" }]);
      const pts = int64s(columns, "frame_pts");
      const times = int64s(columns, "frame_time");
      expect(pts.every((ns) => ns % 1_000_000n === 0n)).toBe(true);
      const steps = times.slice(1).map((ns, i) => Number(ns - times[i]!));
      expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(1);
      expect(Math.max(...times.map((ns, i) => Math.abs(Number(ns - hour - pts[i]!))))).toBeLessThanOrEqual(
        500_000,
      );
    },
  );

  it("a rate that varies loses no frames", async () => {
    const { report } = await align(video(join(folder, "mb_cursed-vfr.mp4")));
    expect([report.warnings, report.frame_gaps]).toEqual([[], []]);
    const { summary } = await inspectFile(join(folder, "mb_cursed-vfr.mp4"));
    expect(summary?.description).toMatch(/frames\/s on average$/);
  });

  it.each(["tc_nasa_13013.mp4", "mb_edts.mp4", "mb_entry24-segment3.ts", "mb_rotate-buck-bunny.mp4"])(
    "%s has nothing to be told of",
    async (name) => {
      const { report } = await align(video(join(folder, name)));
      expect([report.warnings, report.frame_gaps]).toEqual([[], []]);
    },
  );
});

describeCapture("gopro", (folder) => {
  it("the clip keeps 30000/1001 frames/s in exact ticks", async () => {
    const { report, columns } = await align(video(join(folder, "karma.mp4"), ", cadence: auto"));
    expect(report.warnings).toEqual([]);
    expect(int64s(columns, "frame_time")).toEqual(int64s(columns, "frame_pts").map((ns) => ns + hour));
  });
});

describeCapture("pupil_neon/demo_recording", (folder) => {
  const path = resolve(folder, "Neon Scene Camera v1 ps1.time");

  it("the first frame's stamp is 13 ms before the second, the others 33 ms apart", async () => {
    expect(existsSync(path)).toBe(true);
    const stamps = new BigInt64Array(new Uint8Array(readFileSync(path)).buffer);
    const { report, columns } = await align(frames(writeFrames([...stamps])));
    expect(report.warnings).toMatchObject([{ code: "FIRST_FRAME_TIME", count: 1, first: "frame 0" }]);
    expect(report.warnings[0]?.message).toContain("13.452ms before the second, where others are 33.3");
    expect(int64s(columns, "frame_time")).toEqual([...stamps]);
  });
});

describeCapture("comma2k19", (folder) => {
  it("the road camera lost no frame in a minute", async () => {
    const manifest = frames(join(folder, "frames.csv")).replace("frame_ns", "boot_ns");
    const { report } = await align(manifest);
    expect([report.frames.count, report.frame_gaps, report.warnings]).toEqual([1200, [], []]);
  });
});

describeCapture("orbis_fischertechnik/red_20251110", (folder) => {
  it("a camera that stamps whenever it can has gaps that nobody can count", async () => {
    const manifest = `
version: 1
capture: clip
reference_clock: camera
clocks: { camera: {} }
sources: { camera: { kind: frames, path: ${join(folder, "frames.csv")}, clock: camera, columns: { time: device_ts_utc } } }
frames: camera
`;
    const { report } = await align(manifest);
    expect(report.frames.count).toBe(411);
    expect([report.warnings, report.frame_gaps]).toEqual([[], []]);
  });
});
