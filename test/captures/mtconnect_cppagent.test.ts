import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { align, describeCapture, expectTag, writeFrames } from "./capture.ts";
import { backward, instant, lastOfEach } from "./truth.ts";

const tags = [
  "X1actm",
  "X1load",
  "Z1actm",
  "S1speed",
  "pexecution",
  "p1BlockNumber",
  "p1block",
  "S1ovr",
  "YS1load",
];

describeCapture("mtconnect_cppagent/okuma.first4000.txt", (path) => {
  const stamped = readFileSync(path, "utf8")
    .split(/\r?\n/)
    .filter((line) => /^\d{4}-\d\d-\d\dT[\d:.]+Z\|/.test(line))
    .map((line) => line.split("|"));
  const rows = stamped.flatMap(([time = "", ...pairs]) =>
    pairs.flatMap((tag, at) =>
      at % 2 === 0 ? [{ time: instant(time), tag, value: pairs[at + 1] ?? "" }] : [],
    ),
  );

  it("a lathe whose items carry the time of their last change is put in order and counted", async () => {
    const backSteps = stamped.filter(([time = ""], at) => {
      const before = stamped[at - 1]?.[0];
      return before !== undefined && instant(time) < instant(before);
    });
    expect([stamped.length, backSteps.length]).toEqual([3_899, 471]);

    const frames = Array.from(
      { length: 5_700 },
      (_, k) => instant("2022-08-08T13:51:34Z") + BigInt(k) * 33_333_333n,
    );
    const { columns, report } = await align(`
version: 1
capture: lathe
reference_clock: plant
clocks: { plant: {} }
sources:
  camera: { kind: frames, path: ${writeFrames(frames)}, clock: plant, columns: { time: frame_ns }, time: { unit: ns } }
  lathe:
    kind: sql
    role: scada
    clock: plant
    shape: long
    columns: { time: stamp, tag: tag, value: value }
    query: |
      WITH lines AS (
        SELECT unnest(string_split(replace(content, chr(13), ''), chr(10))) AS line FROM read_text('${path}')
      ), stamped AS (
        SELECT string_split(line, '|') AS parts FROM lines
        WHERE regexp_matches(line, '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z[|]')
      ), pairs AS (SELECT parts, unnest(range(2, len(parts) + 1, 2)) AS place FROM stamped)
      SELECT parts[1] AS stamp, parts[place] AS tag, parts[place + 1] AS value FROM pairs
frames: camera
tags:
${tags.map((tag) => `  ${tag}: { source: lathe, tag: ${tag} }`).join("\n")}
`);
    const asked = rows.filter(({ tag }) => tags.includes(tag));
    for (const tag of tags) {
      const own = asked.filter((row) => row.tag === tag);
      const isMissing = (value: string) => value === "" || value === "UNAVAILABLE";
      const texts = own.map(({ value }) => value).filter((value) => !isMissing(value));
      const isWhole = texts.every((text) => /^-?(0|[1-9]\d*)$/.test(text));
      const isNumber = texts.every((text) => /^-?\d+(\.\d+)?$/.test(text));
      const read = (text: string) => (isWhole ? BigInt(text) : isNumber ? Number(text) : text);
      const samples = own.map(({ time, value }) => ({ time, value: isMissing(value) ? null : read(value) }));
      expectTag(columns, tag, backward(frames, lastOfEach(samples)));
    }
    let latest = 0n;
    const early = asked.filter(({ time }) => {
      if (time < latest) return true;
      latest = time;
      return false;
    });
    const warning = report.warnings.find(({ code }) => code === "UNSORTED_ROWS");
    expect(warning?.count).toBe(early.length);
    expect(warning?.first).toBe(`row ${rows.indexOf(early[0] as (typeof rows)[number])}`);
    const twice = tags.map((tag) => {
      const own = asked.filter((row) => row.tag === tag);
      return own.length - new Set(own.map(({ time }) => time)).size;
    });
    const duplicates = report.warnings.find(({ code }) => code === "DUPLICATE_SAMPLES")?.count ?? 0;
    expect(duplicates).toBe(twice.reduce((sum, count) => sum + count, 0));
  });
});
