import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import {
  type Aligned,
  align,
  column,
  describeCapture,
  expectTag,
  freshPath,
  int64s,
  readTable,
} from "./capture.ts";
import { backward, instant, linear, nearest, readCsv, type Sample, type Truth } from "./truth.ts";

describeCapture("comma2k19", (folder) => {
  const source = (name: string) =>
    `  ${name}: { kind: csv, path: ${join(folder, name)}.csv, clock: boot, columns: { time: boot_ns }, time: { unit: ns } }`;
  const manifest = `
version: 1
capture: comma2k19
reference_clock: boot
clocks: { boot: {} }
sources:
  camera: { kind: frames, path: ${join(folder, "frames.csv")}, clock: boot, columns: { time: boot_ns }, time: { unit: ns } }
${["speed", "steering", "wheels", "accelerometer"].map(source).join("\n")}
frames: camera
tags:
  speed: { source: speed, tag: speed_mps, join: linear, unit: m/s }
  speed_before: { source: speed, tag: speed_mps, join: backward, stale_after: 15ms }
  steering: { source: steering, tag: steering_deg, join: linear, max_gap: 20ms }
  steering_near: { source: steering, tag: steering_deg, join: nearest, tolerance: 5ms }
  front_left: { source: wheels, tag: fl, join: linear }
  rear_right: { source: wheels, tag: rr, join: backward, tolerance: 12ms }
  acceleration: { source: accelerometer, tag: y, join: window, window: { span: frame, aggregate: count } }
outputs:
  - { kind: parquet, path: aligned.parquet }
  - { kind: arrow, path: aligned.arrow }
  - { kind: csv, path: aligned.csv }
`;
  const rows = new Map<string, string[][]>();
  const samples = (file: string, cell: number): Sample<number>[] => {
    const known = rows.get(file) ?? readCsv(join(folder, `${file}.csv`));
    rows.set(file, known);
    return known.map((row) => ({ time: BigInt(row[0] ?? ""), value: Number(row[cell]) }));
  };
  const frames = () => readCsv(join(folder, "frames.csv")).map((row) => BigInt(row[1] ?? ""));

  let aligned: Aligned;
  beforeAll(async () => {
    aligned = await align(manifest);
  });

  it("has a row for each of the 1,200 frames, at the times of the file", () => {
    const times = frames();
    expect(times).toHaveLength(1_200);
    expect(int64s(aligned.columns, "frame_time")).toEqual(times);
    expect(int64s(aligned.columns, "frame_index")).toEqual(times.map((_, row) => BigInt(row)));
    expect(int64s(aligned.columns, "frame_pts")).toEqual(times.map((time) => time - (times[0] ?? 0n)));
    expect(new Set(int64s(aligned.columns, "frame_uncertainty"))).toEqual(new Set([0n]));
    expect(aligned.report.frames.count).toBe(1_200);
    expect(aligned.report.warnings).toEqual([]);
  });

  it.each<[string, () => Truth<number>]>([
    ["speed", () => linear(frames(), samples("speed", 1))],
    ["speed_before", () => backward(frames(), samples("speed", 1), { staleAfter: 15_000_000n })],
    ["steering", () => linear(frames(), samples("steering", 1), 20_000_000n)],
    ["steering_near", () => nearest(frames(), samples("steering", 1), 5_000_000n)],
    ["front_left", () => linear(frames(), samples("wheels", 1))],
    ["rear_right", () => backward(frames(), samples("wheels", 4), { tolerance: 12_000_000n })],
  ])("%s is bit for bit what the raw files say", (tag, truthOf) => {
    const truth = truthOf();
    expectTag(aligned.columns, tag, truth);
    const matched = truth.values.filter((value) => value !== null).length;
    expect(matched).toBeGreaterThan(100);
    expect(aligned.report.tags[tag]).toMatchObject({ matched, nulls: 1_200 - matched });
  });

  it("the limits bite: some frames are stale, out of tolerance, in a gap", () => {
    const has = (tag: string, status: number) => column(aligned.columns, `${tag}.status`).includes(status);
    expect(has("speed_before", 0x40900000)).toBe(true);
    expect(has("steering", 0x809b0000)).toBe(true);
    expect(has("steering_near", 0x809b0000)).toBe(true);
    expect(has("rear_right", 0x809b0000)).toBe(true);
  });

  it("counts the acceleration samples of each frame once", () => {
    const [times, taken] = [frames(), samples("accelerometer", 2)];
    const counts = times.map((time, row) => {
      const before = times[row - 1];
      if (before === undefined) return 0n;
      return BigInt(taken.filter((sample) => sample.time > before && sample.time <= time).length);
    });
    expect(column(aligned.columns, "acceleration")).toEqual(counts);
  });

  it("gives the same bytes twice, in each of the three formats", async () => {
    const again = await align(manifest);
    for (const file of ["aligned.parquet", "aligned.arrow", "aligned.csv"]) {
      const [first, second] = [aligned, again].map(({ out }) => readFileSync(join(out, file)));
      expect(first?.equals(second as Buffer), file).toBe(true);
    }
  });

  it("writes the same cells as text", async () => {
    const text = await readTable(join(aligned.out, "aligned.csv"));
    expect(Object.keys(text)).toEqual(Object.keys(aligned.columns));
    for (const name of Object.keys(text)) {
      const numbers = (cells: readonly unknown[]) =>
        cells.map((cell) => (cell === null ? null : Number(cell)));
      expect(numbers(column(text, name)), name).toEqual(numbers(column(aligned.columns, name)));
    }
  });

  it("a range of the capture has the same rows as the whole", async () => {
    const times = frames();
    const [from, to] = [times[317] as bigint, times[903] as bigint];
    const part = await align(manifest, { out: freshPath(), from: from + 1n, to });
    expect(part.report.frames.count).toBe(903 - 318);
    for (const name of Object.keys(aligned.columns))
      expect(column(part.columns, name), name).toEqual(column(aligned.columns, name).slice(318, 903));
  });

  it("an instant as text bounds the rows like its nanoseconds", async () => {
    const from = "1970-01-01T12:53:58.547498000Z";
    const part = await align(manifest, { out: freshPath(), from });
    const rest = frames().filter((time) => time >= instant(from));
    expect(rest).toHaveLength(599);
    expect(int64s(part.columns, "frame_time")).toEqual(rest);
  });
});
