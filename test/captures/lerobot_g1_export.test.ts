import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ffprobe from "ffprobe-static";
import { beforeAll, expect, it } from "vitest";
import { alignCapture, exportEpisodes } from "../../src/index.ts";
import { type Columns, column, describeCapture, freshPath, query } from "./capture.ts";

describeCapture("lerobot_g1", (folder) => {
  const episode = join(folder, "data/chunk-000/episode_000029.parquet");
  const video = join(folder, "videos/chunk-000/observation.images.cam_high/episode_000029.mp4");
  const manifest = `
version: 1
capture: unitree/g1-pick-bottle
reference_clock: robot
clocks: { robot: {} }
sources:
  cam_high: { kind: video, role: camera, path: ${video}, clock: robot }
  robot: { kind: parquet, role: robot, path: ${episode}, clock: robot, columns: { time: timestamp }, time: { unit: s } }
frames: cam_high
tags:
  state: { source: robot, tag: observation.state, join: nearest, tolerance: 1ms, role: state }
  action: { source: robot, tag: action, join: nearest, tolerance: 1ms, role: action }
episodes:
  task: Pick up the yellow bottle on the table.
  robot: Unitree_G1_Inspire
  observation: [state]
  action: [action]
`;
  const out = freshPath();
  let original: Columns;
  beforeAll(async () => {
    const path = `${freshPath()}.yaml`;
    writeFileSync(path, manifest);
    const aligned = freshPath();
    await alignCapture(path, { out: aligned });
    await exportEpisodes([aligned], { format: "lerobot", out });
    original = await query(`SELECT * FROM read_parquet('${episode}')`);
  });

  it("comes out with the states and actions that went in, bit for bit", async () => {
    const made = await query(
      `SELECT * FROM read_parquet('${out}/data/chunk-000/file-000.parquet') ORDER BY index`,
    );
    expect(column(made, "frame_index")).toHaveLength(221);
    for (const name of ["observation.state", "action"]) {
      const bits = (columns: Columns) =>
        (column(columns, name) as unknown as number[][]).map((values) => [
          ...new Uint32Array(Float32Array.from(values).buffer),
        ]);
      expect(bits(made), name).toEqual(bits(original));
    }
    const stamps = column(made, "timestamp") as number[];
    expect(stamps).toEqual(stamps.map((_, frame) => Math.fround(frame / 30)));
    expect(
      Math.max(...stamps.map((stamp, row) => Math.abs(stamp - Number(column(original, "timestamp")[row])))),
    ).toBe(0);
  });

  it("says what it is, once all else is there", () => {
    const info = JSON.parse(readFileSync(join(out, "meta/info.json"), "utf8"));
    expect(info).toMatchObject({
      codebase_version: "v3.0",
      fps: 30,
      robot_type: "Unitree_G1_Inspire",
      total_episodes: 1,
      total_frames: 221,
      total_tasks: 1,
    });
    expect(info.features["observation.state"]).toMatchObject({ dtype: "float32", shape: [26] });
    expect(info.features["observation.images.cam_high"]).toMatchObject({ dtype: "video" });
  });

  it("keeps the pictures' packets as they are, on the frame grid", () => {
    const hashes = (file: string) => {
      const args = ["-v", "error", "-select_streams", "v", "-show_data_hash", "sha256"];
      const text = execFileSync(ffprobe.path, [
        ...args,
        "-show_entries",
        "packet=pts,data_hash:stream=time_base",
        "-of",
        "json",
        file,
      ]);
      return JSON.parse(String(text)) as {
        packets: { pts: number; data_hash: string }[];
        streams: { time_base: string }[];
      };
    };
    const [before, after] = [
      hashes(video),
      hashes(join(out, "videos/observation.images.cam_high/chunk-000/file-000.mp4")),
    ];
    expect(after.packets.map((packet) => packet.data_hash)).toEqual(
      before.packets.map((packet) => packet.data_hash),
    );
    const ticks = Number(after.streams[0]?.time_base.split("/")[1]) / 30;
    expect(after.packets.map(({ pts }) => pts)).toEqual(after.packets.map((_, frame) => frame * ticks));
  });
});
