import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import {
  type Aligned,
  align,
  type Cell,
  type Columns,
  column,
  describeCapture,
  int64s,
  query,
} from "./capture.ts";

/** Time of frame k of a 30 frames/s video, in ns, half away from zero. */
function frameTime(k: number): bigint {
  return (BigInt(k) * 2_000_000_000n + 30n) / 60n;
}

describeCapture("lerobot_g1", (folder) => {
  const episode = join(folder, "data/chunk-000/episode_000029.parquet");
  const manifest = (clocks: string, camera: string, robot: string) => `
version: 1
capture: lerobot_g1
reference_clock: robot
${clocks}
sources:
  head: { kind: video, path: ${join(folder, "videos/chunk-000/observation.images.cam_high/episode_000029.mp4")}, ${camera} }
  rows: { kind: parquet, role: robot, path: ${episode}, clock: ${robot}, columns: { time: timestamp }, time: { unit: s } }
frames: head
tags:
  row: { source: rows, tag: frame_index, join: nearest, tolerance: 1ms }
  row_before: { source: rows, tag: frame_index, join: backward }
  row_after: { source: rows, tag: frame_index, join: forward }
  state: { source: rows, tag: observation.state, join: nearest, tolerance: 1ms }
  left_elbow: { source: rows, tag: "observation.state[3]", join: nearest, tolerance: 1ms }
  left_elbow_between: { source: rows, tag: "observation.state[3]", join: linear, extrapolate: hold }
  action: { source: rows, tag: action, join: nearest, tolerance: 1ms, role: action }
  frame: { source: head, tag: frame_index, join: nearest, tolerance: 0ns }
  pts: { source: head, tag: pts, join: backward }
`;
  let aligned: Aligned;
  let raw: Columns;
  let stamps: bigint[];
  beforeAll(async () => {
    aligned = await align(manifest("clocks: { robot: {} }", "clock: robot", "robot"));
    raw = await query(`SELECT * FROM read_parquet('${episode}')`);
    stamps = column(raw, "timestamp").map((seconds) => BigInt(Math.round(Number(seconds) * 1e9)));
  });

  it("has the 221 frames of a 30 frames/s video", () => {
    const times = Array.from({ length: 221 }, (_, k) => frameTime(k));
    expect(int64s(aligned.columns, "frame_pts")).toEqual(times);
    expect(int64s(aligned.columns, "frame_time")).toEqual(times);
  });

  it("puts row i on frame i", () => {
    const rows = Array.from({ length: 221 }, (_, k) => BigInt(k));
    expect(column(aligned.columns, "row")).toEqual(rows);
    expect(column(aligned.columns, "frame")).toEqual(rows);
    expect(column(aligned.columns, "pts")).toEqual(rows.map((_, k) => frameTime(k)));
    expect(column(aligned.columns, "row.age")).toEqual(stamps.map((stamp, k) => frameTime(k) - stamp));
    expect(new Set(column(aligned.columns, "row.status"))).toEqual(new Set([0]));
    expect(aligned.report.tags.row).toMatchObject({ coverage: 1, nulls: 0 });
  });

  it("a join that looks one way only misses by a row where float32 fell on the other side", () => {
    const last = (k: number) => stamps.findLastIndex((stamp) => stamp <= frameTime(k));
    const next = (k: number) => stamps.findIndex((stamp) => stamp >= frameTime(k));
    const frames = Array.from({ length: 221 }, (_, k) => k);
    const expected = (row: number) => (row < 0 ? null : BigInt(row));
    expect(column(aligned.columns, "row_before")).toEqual(frames.map((k) => expected(last(k))));
    expect(column(aligned.columns, "row_after")).toEqual(frames.map((k) => expected(next(k))));
    expect(frames.filter((k) => last(k) !== k).length).toBeGreaterThan(10);
    expect(frames.filter((k) => next(k) !== k).length).toBeGreaterThan(10);
  });

  it("keeps the 26 joints as lists, every float32 exactly", () => {
    const lists = (name: string) => column(raw, name) as (readonly Cell[])[];
    expect(lists("observation.state").every((list) => list.length === 26)).toBe(true);
    expect(column(aligned.columns, "state")).toEqual(lists("observation.state"));
    expect(column(aligned.columns, "action")).toEqual(lists("action"));
    expect(column(aligned.columns, "left_elbow")).toEqual(lists("observation.state").map((list) => list[3]));
  });

  it("interpolates one joint by the stamps of the rows", () => {
    const elbow = (column(raw, "observation.state") as (readonly number[])[]).map(
      (list) => list[3] as number,
    );
    const expected = elbow.map((_, k) => {
      const frame = frameTime(k);
      const low = stamps.findLastIndex((stamp) => stamp <= frame);
      const [t0, t1] = [stamps[low], stamps[low + 1]];
      const v0 = elbow[low] as number;
      if (t0 === undefined || t0 === frame || t1 === undefined) return low < 0 ? elbow[0] : v0;
      return v0 + (Number(frame - t0) / Number(t1 - t0)) * ((elbow[low + 1] as number) - v0);
    });
    expect(column(aligned.columns, "left_elbow_between")).toEqual(expected);
  });

  it("moves frames and rows alike when the camera's clock is 2.5 s behind the robot's", async () => {
    const moved = await align(
      manifest(
        `clocks: { robot: {}, camera: {} }
maps:
  - { from: camera, to: robot, evidence: [{ kind: constant, offset: 2500ms, uncertainty: 3ms }] }`,
        "clock: camera, start: -2500ms",
        "robot",
      ),
    );
    for (const name of Object.keys(aligned.columns)) {
      if (name !== "frame_uncertainty")
        expect(column(moved.columns, name), name).toEqual(column(aligned.columns, name));
    }
    expect(new Set(int64s(moved.columns, "frame_uncertainty"))).toEqual(new Set([3_000_000n]));
  });
});
