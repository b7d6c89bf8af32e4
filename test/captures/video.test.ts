import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { align, describeCapture, errorOf, expectTag, freshPath, int64s } from "./capture.ts";
import { nearest } from "./truth.ts";

const manifest = (path: string, start = "0s", more = "", tags = "{}") => `
version: 1
capture: clip
reference_clock: camera
clocks: { camera: {} }
sources:
  camera: { kind: video, path: ${path}, clock: camera, start: ${start} }${more}
frames: camera
tags: ${tags}
`;

/** Decimal seconds with at most six fraction digits, in microseconds. */
function microseconds(text: string): bigint {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
}

describeCapture("video", (folder) => {
  /** Presentation times in microseconds as another decoder showed the frames. */
  const shown = (name: string) => {
    const text = readFileSync(join(folder, `${name}.stream0.all_frames_info.json`), "utf8");
    return (JSON.parse(text) as { pts_time: string }[]).map(({ pts_time }) => microseconds(pts_time));
  };

  it.each([
    ["tc_nasa_13013.mp4", 325],
    ["tc_nasa_13013_rotated.mp4", 17],
  ])("%s has the %d frames that another decoder shows, and no column beside", async (name, count) => {
    const { columns, report } = await align(manifest(join(folder, name), "1h"));
    const times = shown(name);
    expect(times).toHaveLength(count);
    const pts = int64s(columns, "frame_pts");
    expect(pts.map((ns) => (ns + 500n) / 1_000n)).toEqual(times);
    expect(int64s(columns, "frame_time")).toEqual(pts.map((ns) => ns + 3_600_000_000_000n));
    expect(Object.keys(columns)).toEqual(["frame_index", "frame_time", "frame_pts", "frame_uncertainty"]);
    expect(report.outputs).toMatchObject([{ path: "aligned.parquet", kind: "parquet", rows: count }]);
  });

  it("joins another camera by its frames, each with an index of its own clip", async () => {
    const other = `
  wrist: { kind: video, path: ${join(folder, "tc_nasa_13013_rotated.mp4")}, clock: camera, start: 10ms }`;
    const { columns } = await align(
      manifest(
        join(folder, "tc_nasa_13013.mp4"),
        "0s",
        other,
        `
  wrist: { source: wrist, tag: frame_index, join: nearest, tolerance: 15ms }
  wrist_pts: { source: wrist, tag: pts, join: nearest, tolerance: 15ms }`,
      ),
    );
    // 17 frames at 30000/1001 a second, 10 ms late.
    const pts = Array.from({ length: 17 }, (_, k) => (BigInt(k) * 1_001_000_000n + 15n) / 30n);
    expect(pts.map((ns) => (ns + 500n) / 1_000n)).toEqual(shown("tc_nasa_13013_rotated.mp4"));
    const frames = int64s(columns, "frame_time");
    const samples = pts.map((ns, k) => ({ time: ns + 10_000_000n, value: BigInt(k) }));
    const truth = nearest(frames, samples, 15_000_000n);
    expectTag(columns, "wrist", truth);
    const values = truth.values.map((k) => (k === null ? null : (pts[Number(k)] as bigint)));
    expectTag(columns, "wrist_pts", { ...truth, values });
    expect(truth.values.filter((value) => value !== null).length).toBeGreaterThan(10);
  });

  it.each([
    ["exo_sample_fragmented.mp4", 30, 66_733_333n],
    ["mb_rotate-buck-bunny.mp4", 45, 83_333_333n],
    ["mb_edts.mp4", 225, 0n],
    ["mb_cursed-vfr.mp4", 63, 0n],
    ["mb_entry24-segment3.ts", 100, 16_768_088_889n],
    ["exo_sample.mkv", 30, 67_000_000n],
  ])("%s: %d frames, the first at its own time", async (name, count, first) => {
    const { columns } = await align(manifest(join(folder, name)));
    const pts = int64s(columns, "frame_pts");
    expect(pts).toHaveLength(count);
    expect(pts[0]).toBe(first);
    expect(int64s(columns, "frame_index")).toEqual(pts.map((_, row) => BigInt(row)));
    expect(pts.every((ns, row) => row === 0 || ns > (pts[row - 1] as bigint))).toBe(true);
  });

  it.each([
    "mb_annex-b.mp4",
    "exo_full_blocks.mkv",
    "exo_invalid-bitstream.webm",
    "LICENSE.google_ExoPlayer",
  ])("%s is refused, and nothing is left", async (name) => {
    const out = join(freshPath(), "out");
    const error = await errorOf(align(manifest(join(folder, name)), { out }));
    expect(error.exitCode).toBe(4);
    expect(error.where?.file).toBe(join(folder, name));
    expect(existsSync(out)).toBe(false);
    expect(existsSync(dirname(out)) ? readdirSync(dirname(out)) : []).toEqual([]);
  });
});

describeCapture("gopro/karma.mp4", (path) => {
  /** 30000/1001 frames a second. */
  const frameTimes = Array.from({ length: 362 }, (_, k) => (BigInt(k) * 1_001_000_000n * 2n + 30n) / 60n);

  it("has 362 frames from the time of creation on, telemetry tracks notwithstanding", async () => {
    const { columns, report } = await align(manifest(path, "creation_time"));
    const start = 1_492_457_277_000_000_000n;
    expect(int64s(columns, "frame_pts")).toEqual(frameTimes);
    expect(int64s(columns, "frame_time")).toEqual(frameTimes.map((time) => start + time));
    expect(report.frames.rate_hz).toBeCloseTo(30_000 / 1_001, 6);
  });
});
