import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { estimateClockMap } from "../../src/clock/index.ts";
import { align, describeCapture, freshPath, int64s, writeFrames } from "./capture.ts";
import { leastSquares } from "./truth.ts";

describeCapture("gnss_android/pseudoranges_log_2016_08_22_14_45_50.txt", (path) => {
  /** The phone's hardware clock and the GPS time that it had, one pair an epoch, in ns. */
  const epochs = new Map(
    readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line.startsWith("Raw,"))
      .map((line) => line.split(","))
      .map((cells) => [BigInt(cells[2] ?? ""), BigInt(cells[2] ?? "") - BigInt(cells[5] ?? "")]),
  );
  const [phone, gps] = [[...epochs.keys()], [...epochs.values()]];
  const line = leastSquares(phone, gps);

  function manifest(reference: string, clock: string, times: readonly bigint[]): string {
    const marks = `${freshPath()}-marks.csv`;
    writeFileSync(marks, `phone,gps\n${phone.map((time, row) => `${time},${gps[row]}`).join("\n")}\n`);
    return `
version: 1
capture: gnss
reference_clock: ${reference}
clocks: { phone: {}, gps: {} }
maps:
  - from: phone
    to: gps
    model: linear
    evidence: [{ kind: marks, path: ${marks}, columns: { from: phone, to: gps } }]
sources:
  camera: { kind: frames, path: ${writeFrames(times)}, clock: ${clock}, columns: { time: frame_ns }, time: { unit: ns } }
frames: camera
`;
  }
  const between = phone.map((time) => time + 333_333_333n);

  it("a bias beyond 2^53 ns is kept to the nanosecond, and the drift is 479 ppb", async () => {
    expect(phone).toHaveLength(207);
    const { columns, report } = await align(manifest("gps", "phone", between));
    int64s(columns, "frame_time").forEach((time, row) => {
      const from = between[row] as bigint;
      expect(Math.abs(Number(time - from - line.offset(from))), `frame ${row}`).toBeLessThanOrEqual(1);
    });
    // The residuals lean to one side, which sigma allows for beyond their scatter.
    int64s(columns, "frame_uncertainty").forEach((sigma, row) => {
      expect(Number(sigma)).toBeGreaterThan(line.sigma(between[row] as bigint) - 2);
      expect(Number(sigma)).toBeLessThan(346);
    });
    expect(report.clocks[0]?.segments).toHaveLength(1);
    expect(report.clocks[0]?.segments[0]?.drift_ppb).toBeCloseTo(line.driftPpb, 1);
    expect(line.driftPpb).toBeCloseTo(-479, 0);
    const residuals = phone.map((time, row) =>
      Math.abs(Number((gps[row] as bigint) - time - line.offset(time))),
    );
    const median = residuals.sort((a, b) => a - b)[103] as number;
    expect(Math.abs(Number(report.clocks[0]?.segments[0]?.residual_p50_ns) - median)).toBeLessThan(3);
  });

  it("without a word on its shape the clock is found to lose 479 ppb in one stretch, within 346 ns rms of its line", () => {
    const marks = { from: BigInt64Array.from(phone), to: BigInt64Array.from(gps) };
    const map = estimateClockMap({ kind: "marks", ...marks });
    expect(gps[0]! - phone[0]! > 2n ** 53n).toBe(true);
    expect(map.segments).toHaveLength(1);
    expect(map.events).toEqual([]);
    expect(map.segments[0]?.driftPpb).toBeCloseTo(-479, -1);
    const mapped = map.apply(marks.from);
    const squares = gps.map((time, row) => Number(time - mapped[row]!) ** 2);
    const rms = Math.sqrt(squares.reduce((sum, one) => sum + one, 0) / squares.length);
    expect(rms).toBeLessThan(346);
    const about = estimateClockMap({ kind: "marks", ...marks }, { model: "linear" }).apply(marks.from);
    const left = gps.map((time, row) => Number(time - about[row]!) ** 2);
    const lineRms = Math.sqrt(left.reduce((sum, one) => sum + one, 0) / left.length);
    expect(lineRms).toBeGreaterThan(320);
    expect(lineRms).toBeLessThan(350);
  });

  it("frames on GPS time come back to the phone's clock by the same line", async () => {
    const onGps = between.map((time) => time + line.offset(time));
    const { columns } = await align(manifest("phone", "gps", onGps));
    int64s(columns, "frame_time").forEach((time, row) => {
      expect(Math.abs(Number(time - (between[row] as bigint))), `frame ${row}`).toBeLessThanOrEqual(1);
    });
  });
});
