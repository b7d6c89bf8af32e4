import { expect, it } from "vitest";
import { align, column, describeCapture, expectTag, writeFrames } from "./capture.ts";
import { backward, firstDifference, instant, readCsv } from "./truth.ts";

const second = 1_000_000_000n;

describeCapture("tep_alarms/text_alarms_original_19.first3000.csv", (path) => {
  const rows = readCsv(path).map(([, time = "", tag = "", type = "", description = ""]) => ({
    time: instant(time),
    tag,
    type,
    description,
  }));
  const frames = Array.from(
    { length: 3_617 },
    (_, k) => instant("2024-05-01T00:00:00Z") + BigInt(k) * 30n * second,
  );

  /** Alarms from their raise to their recovery, by tag and type; those that stay raised are open. */
  const raised = rows.flatMap((row, at) => {
    if (row.type.endsWith(" NR")) return [];
    const back = rows.slice(at + 1).find((later) => later.tag === row.tag && later.type === `${row.type} NR`);
    return [{ ...row, end: back?.time }];
  });

  const source = (name: string, shape: string, columns: string, query: string) => `
  ${name}:
    kind: sql
    role: scada
    clock: plant
    shape: ${shape}
    columns: ${columns}
    time: { zone: UTC }
    query: >
      ${query}`;
  const file = `read_csv('${path}', all_varchar = true)`;

  it("counts, lists and dates the alarms of a day and a quarter", async () => {
    const { columns, report } = await align(`
version: 1
capture: alarms
reference_clock: plant
clocks: { plant: {} }
sources:
  camera: { kind: frames, path: ${writeFrames(frames)}, clock: plant, columns: { time: frame_ns }, time: { unit: ns } }
${source("log", "events", "{ time: timestamp }", `SELECT * FROM ${file}`)}
${source(
  "active",
  "intervals",
  "{ start: began, end: ended }",
  `WITH log AS (SELECT row_number() OVER () AS at, * FROM ${file})
      SELECT a."timestamp" AS began, min(b."timestamp") AS ended, any_value(a.tag) AS tag FROM log a
      LEFT JOIN log b ON b.tag = a.tag AND b.type = a.type || ' NR' AND b.at > a.at
      WHERE NOT ends_with(a.type, ' NR') GROUP BY a.at, a."timestamp" ORDER BY a.at`,
)}
frames: camera
tags:
  changes: { source: log, tag: type, join: window, window: { span: frame, aggregate: count } }
  changes_10m: { source: log, tag: type, join: window, window: { span: 10m, aggregate: count } }
  last_of_hour: { source: log, tag: description, join: window, window: { span: 1h, aggregate: last } }
  latest: { source: log, tag: description, join: backward, stale_after: 1h }
  next: { source: log, tag: tag, join: forward, tolerance: 5m }
  raised: { source: active, tag: tag, join: covering, overlap: all }
  newest: { source: active, tag: tag, join: covering }
`);
    const inside = (after: bigint, until: bigint) => rows.filter(({ time }) => time > after && time <= until);
    const changes = frames.map((time, row) =>
      row === 0 ? 0 : inside(frames[row - 1] as bigint, time).length,
    );
    expect(firstDifference(column(columns, "changes"), changes.map(BigInt))).toBeUndefined();
    const total = rows.filter(
      ({ time }) => time > (frames[0] as bigint) && time <= (frames.at(-1) as bigint),
    );
    expect(changes.reduce((sum, count) => sum + count, 0)).toBe(total.length);
    const tenMinutes = frames.map((time) => BigInt(inside(time - 600n * second, time).length));
    expect(firstDifference(column(columns, "changes_10m"), tenMinutes)).toBeUndefined();
    const lastOfHour = frames.map((time) => inside(time - 3_600n * second, time).at(-1)?.description ?? null);
    expect(firstDifference(column(columns, "last_of_hour"), lastOfHour)).toBeUndefined();
    const events = rows.map(({ time, description }) => ({ time, value: description }));
    expectTag(columns, "latest", backward(frames, events, { staleAfter: 3_600n * second }));
    const next = frames.map((frame) =>
      rows.find(({ time }) => time >= frame && time - frame <= 300n * second),
    );
    expect(
      firstDifference(
        column(columns, "next"),
        next.map((row) => row?.tag ?? null),
      ),
    ).toBeUndefined();
    const ages = next.map((row, k) => (row === undefined ? null : (frames[k] as bigint) - row.time));
    expect(firstDifference(column(columns, "next.age"), ages)).toBeUndefined();
    const active = frames.map((frame) =>
      raised
        .filter(({ time, end }) => time <= frame && (end === undefined || frame < end))
        .map(({ tag }) => tag),
    );
    expect(column(columns, "raised")).toEqual(active.map((tags) => (tags.length === 0 ? null : tags)));
    expect(column(columns, "newest")).toEqual(active.map((tags) => tags.at(-1) ?? null));
    expect(Math.max(...active.map(({ length }) => length))).toBeGreaterThan(1);
    expect(report.warnings).toEqual([]);
  });
});
