import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { parseManifest } from "../../src/manifest/index.ts";
import { alignCapture } from "../../src/run/index.ts";
import { align, errorOf, freshPath, readTable, writeFrames } from "../captures/capture.ts";

const second = 1_000_000_000n;

/** 20 frames a second for `seconds`. */
const frameTimes = (seconds: number) =>
  Array.from({ length: 20 * seconds }, (_, i) => (BigInt(i) * second) / 20n);

/** A value each second, which rises by 2, and a switch that turns each third second. */
function writePlant(seconds: number): string {
  const path = `${freshPath()}-plant.csv`;
  const rows = Array.from(
    { length: seconds },
    (_, i) => `${BigInt(i) * second},${2 * i},${Math.floor(i / 3) % 2},S${Math.floor(i / 3)}`,
  );
  writeFileSync(path, `t,level,open,step\n${rows.join("\n")}\n`);
  return path;
}

function writeSteps(): string {
  const path = `${freshPath()}-steps.csv`;
  writeFileSync(
    path,
    `start,end,order\n${second},${4n * second},A\n${4n * second},${6n * second},A\n${6n * second},,B\n`,
  );
  return path;
}

const manifest = (tags: string, { seconds = 10, clock = "plant", more = "" } = {}) => `
version: 1
capture: clip
reference_clock: plant
clocks: { plant: {}, camera: {}, historian: {} }
maps:
  - { from: camera, to: plant, evidence: [{ kind: constant, offset: 0s, uncertainty: 30ms }] }
  - { from: historian, to: plant, evidence: [{ kind: constant, offset: 0s, uncertainty: 40ms }] }
sources:
  head: { kind: frames, path: ${writeFrames(frameTimes(seconds))}, clock: camera, columns: { time: frame_ns }, time: { unit: ns } }
  plant: { kind: csv, path: ${writePlant(seconds)}, clock: ${clock}, columns: { time: t }, time: { unit: ns } }
  mes: { kind: csv, path: ${writeSteps()}, clock: ${clock}, shape: intervals, columns: { start: start, end: end }, time: { unit: ns } }
frames: head
${more}
tags:
${tags}
`;

const names = (columns: object) => Object.keys(columns).slice(4);
/** The frames that a column flags, in twentieths of a second. */
const flagged = (cells: readonly unknown[] | undefined) =>
  cells!.flatMap((cell, i) => (cell === true ? [i] : []));

describe("<tag>.ambiguous", () => {
  it("flags frames within 2 sigma of both clocks of a change, after age and status", async () => {
    const { columns } = await align(
      manifest("  open: { source: plant, tag: open, type: boolean }", { clock: "historian" }),
    );
    expect(names(columns)).toEqual(["open", "open.age", "open.status", "open.ambiguous"]);
    // The root of 30^2 + 40^2 ms is 50 ms: two frames on each side.
    expect(flagged(columns["open.ambiguous"]).filter((i) => i > 3 && i < 170)).toEqual(
      [60, 120].flatMap((at) => [at - 2, at - 1, at, at + 1, at + 2]),
    );
    const exact = await align(manifest("  open: { source: plant, tag: open, type: boolean }"));
    expect(flagged(exact.columns["open.ambiguous"]).filter((i) => i > 3 && i < 100)).toEqual([59, 60, 61]);
  });

  it("comes with what is boolean, text or covering, and with step: true; step: false leaves it out", async () => {
    const { columns } = await align(
      manifest(`
  open: { source: plant, tag: open, type: boolean }
  shut: { source: plant, tag: open, type: boolean, step: false }
  text: { source: plant, tag: step, join: forward }
  level: { source: plant, tag: level }
  held: { source: plant, tag: level, step: true, join: nearest }
  line: { source: plant, tag: level, join: linear, step: false }
  count: { source: plant, tag: step, join: window, window: { span: frame, aggregate: last } }
  order: { source: mes, tag: order }
  orders: { source: mes, tag: order, overlap: all }
  plain: { source: mes, tag: order, step: false }`),
    );
    const flags = names(columns).filter((name) => name.endsWith(".ambiguous"));
    expect(flags).toEqual(["open", "text", "held", "order", "orders"].map((name) => `${name}.ambiguous`));
    // The order stays A from one interval to the next, which the list of intervals does not know.
    expect(flagged(columns["order.ambiguous"])).toEqual([19, 20, 21, 119, 120, 121]);
    expect(flagged(columns["orders.ambiguous"])).toEqual([19, 20, 21, 79, 80, 81, 119, 120, 121]);
    expect(flagged(columns["held.ambiguous"]).slice(0, 3)).toEqual([9, 10, 11]);
  });

  it("is not there where tag and frames share a clock, nor with provenance: none", async () => {
    const tags = "  open: { source: plant, tag: open, type: boolean }";
    const shared = await align(manifest(tags, { clock: "camera" }));
    expect(names(shared.columns)).toEqual(["open", "open.age", "open.status"]);
    const none = await align(manifest(tags, { more: "provenance: none" }));
    expect(names(none.columns)).toEqual(["open"]);
  });
});

describe("<tag>.error", () => {
  it("is the deviations and the way from the line; it comes last and keeps the unit", async () => {
    const { columns, out } = await align(
      manifest(
        `
  line: { source: plant, tag: level, join: linear, unit: "%", compression_deviation: 0.5, exception_deviation: 0.25 }
  held: { source: plant, tag: level, step: true, compression_deviation: 0.5, exception_deviation: 0.25 }
  back: { source: plant, tag: level, exception_deviation: 0.5 }`,
        { more: "outputs: [{ kind: arrow, path: a.arrow }, { kind: parquet, path: aligned.parquet }]" },
      ),
    );
    expect(names(columns).filter((name) => name.startsWith("held"))).toEqual([
      "held",
      "held.age",
      "held.status",
      "held.ambiguous",
      "held.error",
    ]);
    expect(columns["line.error"]?.slice(0, 21)).toEqual(new Array(21).fill(1));
    expect(columns["held.error"]?.slice(0, 21)).toEqual(new Array(21).fill(0.75));
    expect(columns["back.error"]?.slice(18, 21)).toEqual(
      [2.8, 2.9, 1].map((error) => expect.closeTo(error, 9)),
    );
    expect(columns["back.error"]?.slice(178, 184)).toEqual([
      expect.closeTo(2.8, 9),
      expect.closeTo(2.9, 9),
      1,
      null,
      null,
      null,
    ]);
    const { schema } = tableFromIPC(readFileSync(join(out, "a.arrow")));
    const field = (name: string) => schema.fields.find((one) => one.name === name)!;
    expect(field("line.error").metadata.get("unit")).toBe("%");
    expect([`${field("held.ambiguous").type}`, `${field("line.error").type}`]).toEqual(["Bool", "Float64"]);
  });
});

it("all formats hold both columns, and any number of threads the same bytes", async () => {
  const tags = `
  open: { source: plant, tag: open, type: boolean }
  held: { source: plant, tag: level, step: true, compression_deviation: 0.5 }
  order: { source: mes, tag: order }`;
  const more = `outputs: [${["parquet", "arrow", "csv"].map((kind) => `{ kind: ${kind}, path: a.${kind} }`).join(", ")}]`;
  const text = manifest(tags, { seconds: 120, more });
  const hashes: string[] = [];
  let last = "";
  for (const workers of [1, 2]) {
    const out = freshPath();
    const { outputs } = await alignCapture(parseManifest(text, { base: "/" }), { out, workers });
    hashes.push(outputs.map(({ sha256 }) => sha256).join());
    last = out;
  }
  expect(hashes[1]).toBe(hashes[0]);
  const arrow = tableFromIPC(readFileSync(join(last, "a.arrow")));
  const parquet = await readTable(join(last, "a.parquet"));
  const csv = await readTable(join(last, "a.csv"));
  for (const name of ["open.ambiguous", "held.ambiguous", "held.error", "order.ambiguous"]) {
    const cells = Array.from(arrow.getChild(name)!, (cell) => cell as number | boolean | null);
    expect(cells.length).toBe(2400);
    expect([name, parquet[name]]).toEqual([name, cells]);
    expect([name, csv[name]]).toEqual([name, cells]);
  }
  expect(
    createHash("sha256")
      .update(readFileSync(join(last, "a.csv")))
      .digest("hex"),
  ).toBe(hashes[0]!.split(",")[2]);
});

describe("keys that do not fit", () => {
  it.each([
    ["{ source: plant, tag: level, join: linear, step: true }", "MANIFEST_JOIN", /write join: backward/],
    [
      "{ source: plant, tag: step, join: window, window: { span: frame, aggregate: last }, step: true }",
      "MANIFEST_KEY_MISPLACED",
      /belongs to join backward/,
    ],
    [
      "{ source: mes, tag: order, compression_deviation: 1 }",
      "MANIFEST_KEY_MISPLACED",
      /belongs to join backward/,
    ],
    [
      "{ source: plant, tag: level, join: window, window: { span: frame, aggregate: mean }, exception_deviation: 1 }",
      "MANIFEST_KEY_MISPLACED",
      /belongs to join/,
    ],
    ["{ source: plant, tag: level, compression_deviation: -1 }", "MANIFEST_VALUE", /a number from 0 on/],
    ["{ source: plant, tag: level, compression_deviation: 5s }", "MANIFEST_VALUE", /a number/],
    ["{ source: plant, tag: level, step: yes }", "MANIFEST_VALUE", /expected/],
    ["{ source: plant, tag: open, type: boolean, exception_deviation: 1 }", "MANIFEST_TYPE", /every change/],
    [
      "{ source: head, tag: frame_index, exception_deviation: 1 }",
      "MANIFEST_KEY_MISPLACED",
      /not compressed/,
    ],
    ["{ source: plant, tag: step, exception_deviation: 1 }", "SOURCE_TYPE", /every change/],
  ])("%s", async (tag, code, hint) => {
    const error = await errorOf(align(manifest(`  x: ${tag}`)));
    expect([error.code, error.hint]).toEqual([code, expect.stringMatching(hint)]);
  });

  it.each([
    ["open: { source: plant, tag: open, type: boolean }", "open.ambiguous", true],
    ["open: { source: plant, tag: level }", "open.ambiguous", true],
    ["open: { source: plant, tag: level, type: number }", "open.ambiguous", false],
    ["open: { source: plant, tag: level, step: true }", "open.ambiguous", true],
    ["open: { source: plant, tag: level, step: false }", "open.ambiguous", false],
    ["open: { source: plant, tag: level, compression_deviation: 1 }", "open.error", true],
    ["open: { source: plant, tag: level }", "open.error", false],
  ])("a tag's name beside %s: %s", async (tag, name, isTaken) => {
    const work = align(manifest(`  ${tag}\n  "${name}": { source: plant, tag: level }`));
    if (isTaken) expect((await errorOf(work)).code).toBe("MANIFEST_TAG_NAME");
    else expect((await work).columns).toHaveProperty([name]);
  });
});
