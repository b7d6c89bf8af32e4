import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, expect, it } from "vitest";
import { estimateClockMap } from "../../src/clock/index.ts";
import { type Aligned, align, column, describeCapture, expectTag, writeFrames } from "./capture.ts";
import { backward, instant, instants, lastOfEach, linear, nearest, type Sample } from "./truth.ts";

interface Row {
  time: bigint;
  tag: string;
  value: string;
}

/** `time|tag|value` lines; conditions have more fields, which say nothing here. */
function readRows(path: string): Row[] {
  const bytes = readFileSync(path);
  return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes)
    .toString("utf8")
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .map((line) => line.split("|"))
    .map(([time = "", tag = "", value = ""]) => ({ time: instant(time), tag, value }));
}

/** What a tag's values are: whole numbers, numbers or text, by all of them. */
function samplesOf(rows: readonly Row[], tag: string): Sample<number | bigint | string>[] {
  const own = rows.filter((row) => row.tag === tag);
  const isMissing = ({ value }: Row) => value === "" || value.toUpperCase() === "UNAVAILABLE";
  const texts = own.filter((row) => !isMissing(row)).map(({ value }) => value);
  const isWhole = texts.every((text) => /^[+-]?(0|[1-9]\d*)$/.test(text));
  const isNumber = texts.every((text) => /^[+-]?\d*\.?\d+(e[+-]?\d+)?$/i.test(text));
  const read = (text: string) => (isWhole ? BigInt(text) : isNumber ? Number(text) : text);
  return lastOfEach(own.map((row) => ({ time: row.time, value: isMissing(row) ? null : read(row.value) })));
}

function numbers(samples: readonly Sample<number | bigint | string>[]): Sample<number>[] {
  return samples.map(({ time, value }) => ({ time, value: value === null ? null : Number(value) }));
}

function manifest(frames: string, paths: readonly string[], tags: readonly string[]): string {
  const list = `[${paths.map((path) => `'${path}'`).join(", ")}]`;
  return `
version: 1
capture: machine-tool
reference_clock: plant
clocks: { plant: {} }
sources:
  camera: { kind: frames, path: ${frames}, clock: plant, columns: { time: frame_ns }, time: { unit: ns } }
  machine:
    kind: sql
    role: scada
    clock: plant
    shape: long
    columns: { time: ts, tag: tag, value: value }
    query: >
      SELECT column0 AS ts, column1 AS tag, column2 AS value
      FROM read_csv(${list}, delim = '|', quote = '', header = false, null_padding = true, all_varchar = true)
frames: camera
tags:
${tags.map((line) => `  ${line}`).join("\n")}
`;
}

describeCapture("nist_smstestbed/raw-Mazak01-20161129-20161130.txt.gz", (path) => {
  const rows = readRows(path);
  const names = [...new Set(rows.map(({ tag }) => tag))];
  const frames = instants("2016-11-29T10:18:00Z", 36_000, 100_000_000n);
  const extra = [
    "x_line: { source: machine, tag: Xabs, join: linear, unit: mm }",
    "x_line_tight: { source: machine, tag: Xabs, join: linear, max_gap: 2s }",
    "x_load_near: { source: machine, tag: Xload, join: nearest, tolerance: 1s }",
    "power_fresh: { source: machine, tag: power, join: backward, stale_after: 10m }",
    "c2_raw: { source: machine, tag: C2load, join: backward, quality: raw, stale_after: 1h }",
    "power_raw: { source: machine, tag: power, join: backward, quality: raw }",
  ];
  let aligned: Aligned;
  beforeAll(async () => {
    const plain = names.map((name) => `${name}: { source: machine, tag: ${name} }`);
    aligned = await align(manifest(writeFrames(frames), [path], [...plain, ...extra]));
  }, 180_000);

  it("the recording is what it is known to be", () => {
    expect(rows).toHaveLength(102_601);
    expect(names).toHaveLength(86);
    expect(rows.filter(({ value }) => value.toUpperCase() === "UNAVAILABLE")).toHaveLength(982);
  });

  it("every tag is what an account of its own rows says, each value, age and status", () => {
    const statuses = new Set<number>();
    for (const name of names) {
      const truth = backward(frames, samplesOf(rows, name));
      expectTag(aligned.columns, name, truth);
      for (const status of truth.statuses) statuses.add(status);
    }
    expect(statuses).toEqual(new Set([0, 0x40900000, 0x809b0000]));
  });

  it("the machine's counter gains 171 ppm on its stamps from end to end: 118 ppm, and a step back of the stamps by 2 s", () => {
    // As they arrived: the stamps step back once, which sorting would hide.
    const own = rows.filter(({ tag, value }) => tag === "total_time" && value !== "UNAVAILABLE");
    expect(own).toHaveLength(35_070);
    const from = BigInt64Array.from(own, ({ value }) => BigInt(value) * 1_000_000_000n);
    const map = estimateClockMap({ kind: "one-way", from, to: BigInt64Array.from(own, ({ time }) => time) });
    const ends = map.apply(BigInt64Array.of(from[0]!, from.at(-1)!));
    const elapsed = Number(from.at(-1)! - from[0]!);
    expect((1e6 * (elapsed - Number(ends[1]! - ends[0]!))) / elapsed).toBeCloseTo(171, -1);
    expect(map.events).toHaveLength(1);
    expect(map.events[0]?.kind).toBe("step-or-delay");
    expect(Number(map.events[0]?.sizeNs) / 1e9).toBeCloseTo(-2.1, 1);
    expect(map.segments).toHaveLength(2);
    for (const { driftPpb } of map.segments) {
      expect(driftPpb / 1000).toBeGreaterThan(-125);
      expect(driftPpb / 1000).toBeLessThan(-110);
    }
  });

  it("a reconnect leaves the last value, marked, until the next one comes", () => {
    const burst = instant("2016-11-29T11:16:20.400876Z");
    const after = frames.findIndex((time) => time >= burst);
    const samples = samplesOf(rows, "Xabs");
    const next = samples.find(({ time, value }) => time > burst && value !== null);
    const statuses = column(aligned.columns, "Xabs.status");
    expect(statuses.slice(after - 2, after + 2)).toEqual([0, 0, 0x40900000, 0x40900000]);
    const back = frames.findIndex((time) => time >= (next?.time ?? 0n));
    expect(statuses[back]).toBe(0);
  });

  it("reports the step back of the machine's stamps, once", () => {
    expect(aligned.report.warnings).toMatchObject([{ code: "UNSORTED_ROWS", count: 4, first: "row 6111" }]);
  });

  it("interpolates across what is missing, and says so", () => {
    const position = numbers(samplesOf(rows, "Xabs"));
    const line = linear(frames, position);
    expectTag(aligned.columns, "x_line", line);
    expectTag(aligned.columns, "x_line_tight", linear(frames, position, 2_000_000_000n));
    expect(new Set(line.statuses)).toEqual(new Set([0x402, 0x40a40402]));
  });

  it("finds the nearest load within a second", () => {
    const load = samplesOf(rows, "Xload") as Sample<bigint>[];
    expectTag(aligned.columns, "x_load_near", nearest(frames, load, 1_000_000_000n));
  });

  it("tells a value that is old from one that is not", () => {
    const power = samplesOf(rows, "power") as Sample<string>[];
    const truth = backward(frames, power, { staleAfter: 600_000_000_000n });
    expectTag(aligned.columns, "power_fresh", truth);
    expect(truth.values).toContain("ON");
    expect(new Set(truth.statuses)).toEqual(new Set([0, 0x40900000]));
    const stale = frames.filter((time) => {
      const last = power.findLast((sample) => sample.time <= time && sample.value !== null);
      return last === undefined || time - last.time > 600_000_000_000n;
    });
    expect(aligned.report.tags.power_fresh?.stale).toBeGreaterThanOrEqual(stale.length);
  });

  it("under raw a missing value is there, two weeks old, as null with its own status", () => {
    const stamp = instant("2016-11-14T18:37:34.798605Z");
    expect(new Set(column(aligned.columns, "c2_raw"))).toEqual(new Set([null]));
    expect(column(aligned.columns, "c2_raw.age")).toEqual(frames.map((time) => time - stamp));
    expect(new Set(column(aligned.columns, "c2_raw.status"))).toEqual(new Set([0x809b0000]));
    const power = samplesOf(rows, "power");
    const last = frames.map((time) => power.findLast((sample) => sample.time <= time));
    expect(column(aligned.columns, "power_raw")).toEqual(last.map((sample) => sample?.value ?? null));
    expect(column(aligned.columns, "power_raw.age")).toEqual(
      last.map((sample, row) => (frames[row] as bigint) - (sample?.time ?? 0n)),
    );
  });
});

describeCapture("nist_smstestbed/PartData-Plate-Hurco04-01of20.txt", (path) => {
  const part = (name: string) => join(path, `../Split-Plate-${name}-Hurco04-01of20.txt`);
  const rows = readRows(path);
  const names = [...new Set(rows.map(({ tag }) => tag))];
  const tags = names.map((name) => `${name}: { source: machine, tag: ${name} }`);
  const frames = instants("2017-02-01T13:59:30.033333333Z", 2_400, 500_000_000n);

  it("a part is the same from one file and from its two operations", async () => {
    const whole = await align(manifest(writeFrames(frames), [path], tags));
    const split = await align(manifest(writeFrames(frames), [part("Op1"), part("Op2")], tags));
    expect(names).toHaveLength(12);
    for (const name of names) {
      const truth = backward(frames, samplesOf(rows, name));
      expectTag(whole.columns, name, truth);
      expectTag(split.columns, name, truth);
    }
    expect(whole.report.warnings).toEqual(split.report.warnings);
  });
});
