import { join } from "node:path";
import { expect, it } from "vitest";
import { align, describeCapture, errorOf, expectTag, writeFrames } from "./capture.ts";
import { backward, instant, instants, lastOfEach, linear, readCsv } from "./truth.ts";

const minute = 60_000_000_000n;

describeCapture("nab", (folder) => {
  const manifest = (frames: string, file: string, time: string, more = "") => `
version: 1
capture: temperatures
reference_clock: plant
clocks: { plant: {} }
sources:
  camera: { kind: frames, path: ${frames}, clock: plant, columns: { time: frame_ns }, time: { unit: ns } }
  historian: { kind: csv, role: historian, path: ${join(folder, file)}, clock: plant, columns: { time: timestamp }, time: ${time}${more} }
frames: camera
tags:
  temperature: { source: historian, tag: value, join: linear, max_gap: 1h, unit: "[degF]" }
  last: { source: historian, tag: value, join: backward, stale_after: 5m }
`;
  const machine = "machine_temperature_system_failure.csv";
  const ambient = "ambient_temperature_system_failure.csv";

  it("an hour that was written twice is put in order, and the later rows count", async () => {
    const frames = instants("2014-01-07T00:00:30.5Z", 300, minute);
    const { columns, report } = await align(manifest(writeFrames(frames), machine, "{ zone: UTC }"));
    const rows = readCsv(join(folder, machine)).map(([time = "", value]) => ({
      time: instant(time),
      value: Number(value),
    }));
    const samples = lastOfEach(rows);
    expectTag(columns, "temperature", linear(frames, samples, 60n * minute));
    expectTag(columns, "last", backward(frames, samples, { staleAfter: 5n * minute }));
    let latest = rows[0]?.time ?? 0n;
    const early = rows.flatMap(({ time }, row) => {
      if (time < latest) return [row];
      latest = time;
      return [];
    });
    expect([early.length, early[0], rows.length - samples.length]).toEqual([11, 10_149, 12]);
    expect(report.warnings).toMatchObject([
      { code: "UNSORTED_ROWS", count: 11, first: "row 10149" },
      { code: "DUPLICATE_SAMPLES", count: 12 },
    ]);
  });

  it("under strict the first row that goes back is named", async () => {
    const frames = instants("2014-01-07T00:00:00Z", 3, minute);
    const error = await errorOf(
      align(manifest(writeFrames(frames), machine, "{ zone: UTC }", ", order: strict")),
    );
    expect(error).toMatchObject({
      code: "SOURCE_UNSORTED",
      exitCode: 4,
      where: { source: "historian", row: 10_149 },
    });
  });

  /** UTC of local text in Berlin in the winter of 2013 to 2014: two hours behind until 27 October, then one, from 30 March two. */
  function berlin(text: string, ambiguousOffsetHours: bigint): bigint {
    const isAmbiguous = text.startsWith("2013-10-27 02:");
    const isMissing = text.startsWith("2014-03-30 02:");
    const isWinter = text >= "2013-10-27 03:00:00" && text < "2014-03-30 02:00:00";
    const hours = isAmbiguous ? ambiguousOffsetHours : isWinter || isMissing ? 1n : 2n;
    return instant(text) - hours * 60n * minute;
  }

  it.each([
    ["earlier", 2n],
    ["later", 1n],
  ])("local times with %s of an hour that happens twice", async (policy, hours) => {
    const frames = instants("2013-10-26T20:00:00Z", 24, 30n * minute);
    const spring = instants("2014-03-29T20:00:00Z", 24, 30n * minute);
    const rows = readCsv(join(folder, ambient)).map(([time = "", value]) => ({
      text: time,
      value: Number(value),
    }));
    const samples = lastOfEach(rows.map(({ text, value }) => ({ time: berlin(text, hours), value })));
    for (const times of [frames, spring]) {
      const { columns, report } = await align(
        manifest(writeFrames(times), ambient, `{ zone: Europe/Berlin, ambiguous: ${policy} }`),
      );
      expectTag(columns, "last", backward(times, samples, { staleAfter: 5n * minute }));
      expectTag(columns, "temperature", linear(times, samples, 60n * minute));
      const count = (code: string) => report.warnings.find((warning) => warning.code === code)?.count ?? 0;
      const written = (hour: string) => rows.filter(({ text }) => text.startsWith(hour)).length;
      expect(count("AMBIGUOUS_LOCAL_TIMES")).toBe(written("2013-10-27 02:"));
      expect(count("NONEXISTENT_LOCAL_TIMES")).toBe(written("2014-03-30 02:"));
      expect(count("DUPLICATE_SAMPLES")).toBe(rows.length - samples.length);
    }
  });

  it("an hour that happens twice is refused unless the manifest says how", async () => {
    const frames = instants("2013-10-26T20:00:00Z", 3, minute);
    const error = await errorOf(align(manifest(writeFrames(frames), ambient, "{ zone: Europe/Berlin }")));
    const row = readCsv(join(folder, ambient)).findIndex(([time]) => time?.startsWith("2013-10-27 02:"));
    expect(error).toMatchObject({ exitCode: 4, where: { source: "historian", row } });
    expect(error.hint).toContain("ambiguous");
  });
});
