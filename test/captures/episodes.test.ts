import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { alignCapture, exportEpisodes } from "../../src/index.ts";
import { formatInstant } from "../../src/time.ts";
import { column, describeCapture, errorOf, freshPath, query, writeFrames } from "./capture.ts";
import { instant } from "./truth.ts";

/** Aligns a manifest's text and exports it as Parquet tables; the folder of these. */
async function exported(text: string): Promise<{ aligned: string; set: string }> {
  const [manifest, aligned, set] = [`${freshPath()}.yaml`, freshPath(), freshPath()];
  writeFileSync(manifest, text);
  await alignCapture(manifest, { out: aligned });
  await exportEpisodes([aligned], { format: "parquet", out: set });
  return { aligned, set };
}

describeCapture("nist_smstestbed/PartData-Plate-Hurco04-01of20.txt", (path) => {
  const timesOf = (file: string) =>
    readFileSync(file, "utf8")
      .split(/\r?\n/)
      .filter((line) => line !== "")
      .map((line) => instant(line.split("|")[0] ?? ""));
  const distinct = (times: readonly bigint[]) => [...new Set(times)];
  const operations = ["Op1", "Op2"].map((name) =>
    distinct(timesOf(join(path, `../Split-Plate-${name}-Hurco04-01of20.txt`))),
  );

  it("falls into the operations that NIST split it into", async () => {
    const frames = distinct(timesOf(path));
    const { set } = await exported(`
version: 1
capture: hurco04/plate
reference_clock: plant
clocks: { plant: {} }
sources:
  camera: { kind: frames, path: ${writeFrames(frames)}, clock: plant, columns: { time: frame_ns }, time: { unit: ns } }
  machine:
    kind: sql
    clock: plant
    shape: long
    columns: { time: ts, tag: tag, value: value }
    query: >
      SELECT column0 AS ts, column1 AS tag, column2 AS value
      FROM read_csv('${path}', delim = '|', quote = '', header = false, null_padding = true, all_varchar = true)
frames: camera
tags:
  feed_rate: { source: machine, tag: Feed_Rate, role: state }
  block: { source: machine, tag: Block_Number, role: state }
  program: { source: machine, tag: Program_Name_Running, role: context }
episodes:
  fps: 10
  split_at_gaps: 1h
  task: "{program|no program yet}"
`);
    const episodes = await query(
      `SELECT * FROM read_parquet('${set}/episodes.parquet') ORDER BY episode_index`,
    );
    expect(column(episodes, "length")).toEqual(operations.map((times) => BigInt(times.length)));
    const frame = await query(
      `SELECT episode_index, min(epoch_ns("align.frame_time_ns")) AS first, max(epoch_ns("align.frame_time_ns")) AS last
       FROM read_parquet('${set}/frames.parquet') GROUP BY ALL ORDER BY 1`,
    );
    expect(column(frame, "first")).toEqual(operations.map((times) => times[0]));
    expect(column(frame, "last")).toEqual(operations.map((times) => times.at(-1)));
  });
});

describeCapture("orbis_fischertechnik/red_20251110", (folder) => {
  const messages = join(folder, "messages.jsonl");
  const manifest = `
version: 1
capture: fischertechnik/red
reference_clock: plant
clocks: { plant: {} }
sources:
  head: { kind: video, path: ${join(folder, "video_mjpeg_copy.mkv")}, clock: plant, start: START }
  mes:
    kind: sql
    role: mes
    clock: plant
    shape: intervals
    columns: { start: started, end: stopped }
    query: |
      WITH completed AS (
        SELECT payload FROM read_json('${messages}') WHERE topic = 'ccu/order/completed' ORDER BY "timestamp" DESC LIMIT 1
      ), orders AS (SELECT unnest(from_json(payload, '["JSON"]')) AS o FROM completed
      ), steps AS (SELECT unnest(from_json(o->'productionSteps', '["JSON"]')) AS s FROM orders WHERE o->>'type' = 'RED')
      SELECT s->>'startedAt' AS started, s->>'stoppedAt' AS stopped, s->>'type' AS type, s->>'moduleType' AS module,
        1 AS busy FROM steps
frames: head
tags:
  step: { source: mes, tag: type, join: covering }
  module: { source: mes, tag: module, join: covering }
  busy: { source: mes, tag: busy, join: covering, role: state }
episodes:
  by: { source: mes }
  fps: 1
  task: "{step} at {module}"
`;
  const frames = readFileSync(join(folder, "frames.csv"), "utf8").trim().split("\n").slice(1);
  const times = frames.map((line) => instant(line.split(",")[2] ?? ""));
  const orders = readFileSync(messages, "utf8")
    .split("\n")
    .filter((line) => line.includes('"ccu/order/completed"'))
    .map((line) => JSON.parse(line) as { topic: string; payload: string });
  const completed = JSON.parse(orders.at(-1)?.payload ?? "[]") as {
    type: string;
    productionSteps: { type: string; moduleType?: string; startedAt: string; stoppedAt: string }[];
  }[];
  const steps = (completed.find(({ type }) => type === "RED")?.productionSteps ?? [])
    .map((step) => ({ ...step, start: instant(step.startedAt), end: instant(step.stoppedAt) }))
    .sort((a, b) => (a.start < b.start ? -1 : 1));
  const text = () => manifest.replace("START", formatInstant(times[0] as bigint));

  it("becomes an episode a production step, and every frame is in its step's or left out", async () => {
    const { set } = await exported(text());
    const expected = steps
      .map((step) => ({
        ...step,
        frames: times.filter((time) => step.start <= time && time < step.end).length,
      }))
      .filter((step) => step.frames > 0);
    expect(expected.length).toBeGreaterThan(5);
    const episodes = await query(
      `SELECT * FROM read_parquet('${set}/episodes.parquet') ORDER BY episode_index`,
    );
    expect(column(episodes, "length")).toEqual(expected.map((step) => BigInt(step.frames)));
    const tasks = await query(
      `SELECT episode_index, any_value(task) AS task FROM read_parquet('${set}/frames.parquet')
       JOIN read_parquet('${set}/tasks.parquet') USING (task_index) GROUP BY ALL ORDER BY 1`,
    );
    expect(column(tasks, "task")).toEqual(
      expected.map((step) => `${step.type} at ${step.moduleType ?? "unknown"}`),
    );
    const report = JSON.parse(readFileSync(join(set, "export.json"), "utf8"));
    const left = report.left_out.reduce((sum: number, one: { frames: number }) => sum + one.frames, 0);
    expect(report.frames + left).toBe(411);
  });

  it("is refused as LeRobot where its JPEG packets cannot be stamped anew, with the way out", async () => {
    const { aligned } = await exported(text());
    const out = freshPath();
    const error = await errorOf(exportEpisodes([aligned], { format: "lerobot", out }));
    expect(error).toMatchObject({ hint: expect.stringContaining("resample") });
    expect(["SOURCE_RETIME", "SOURCE_JITTER"]).toContain(error.code);
  });
});
