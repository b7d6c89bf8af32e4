import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { type Manifest, parseManifest, readManifest } from "../../src/manifest/index.ts";
import { refinery } from "./refinery.ts";

const smallest = `version: 1
capture: c
reference_clock: plant
clocks: { plant: }
sources: { head: { kind: video, path: head.mp4, clock: plant } }
frames: head
`;

function parse(text: string): Manifest {
  return parseManifest(text, { base: "/captures/1" });
}

/** A small manifest with one plant source and one tag of it. */
function withTag(source: string, tag: string, more = ""): string {
  return smallest
    .replace(" } }\n", ` }, plant: { clock: plant, ${source} } }\n`)
    .concat(`tags: { a: { source: plant, tag: x${tag} } }\n${more}`);
}

const wide = "kind: csv, path: a.csv, columns: { time: t }";
const intervals = "kind: jsonl, path: a.jsonl, shape: intervals, columns: { start: s, end: e }";

describe("parseManifest", () => {
  it("resolves a manifest that uses every part of the format", () => {
    const manifest = parse(refinery);
    expect(manifest).toMatchObject({
      version: 1,
      capture: "refinery-3/gas-round-2026-05-04",
      referenceClock: "plant",
      clocks: ["plant", "headcam", "historian"],
      frames: "head",
      provenance: "full",
      require: { coverage: 0.99, clockUncertaintyNs: 20_000_000n },
      outputs: [{ kind: "parquet", path: "aligned.parquet" }],
      base: "/captures/1",
      sha256: createHash("sha256").update(refinery).digest("hex"),
    });
    expect(manifest.maps).toEqual([
      {
        from: "headcam",
        to: "plant",
        model: "linear",
        evidence: [
          { kind: "constant", offsetNs: -180_000_000n, uncertaintyNs: 5_000_000n },
          {
            kind: "marks",
            path: ["marks.csv"],
            time: { ambiguous: "reject" },
            columns: { from: "headcam_time", to: "plant_time", uncertainty: "sigma" },
          },
        ],
      },
      {
        from: "historian",
        to: "plant",
        model: "auto",
        evidence: [{ kind: "constant", offsetNs: 180_000_000n, uncertaintyNs: 5_000_000n }],
      },
    ]);
    expect([...manifest.sources.keys()]).toEqual(["head", "wrist", "historian", "dcs", "mes", "alarms"]);
    expect(manifest.sources.get("head")).toEqual({
      name: "head",
      kind: "video",
      path: ["head.mp4"],
      clock: "headcam",
      start: { kind: "instant", ns: 1_777_878_751_250_000_000n },
      captureDelayNs: 0n,
      exposureNs: 0n,
      cadence: "off",
    });
    expect(manifest.sources.get("mes")).toEqual({
      name: "mes",
      kind: "csv",
      role: "mes",
      path: ["steps.csv"],
      clock: "plant",
      shape: "intervals",
      columns: { start: "started", end: "stopped" },
      time: { zone: "Europe/Berlin", ambiguous: "earlier" },
      badValues: [],
      order: "sort",
    });
    expect(manifest.tags.map(({ name }) => name)).toEqual([
      "reactor_temperature",
      "feed_valve_open",
      "production_order",
      "sop_step",
      "alarms_raised",
      "wrist_frame",
    ]);
    expect(manifest.tags[0]).toEqual({
      name: "reactor_temperature",
      source: "historian",
      tag: "TI-3107.PV",
      unit: "degC",
      join: { kind: "linear", maxGapNs: 30_000_000_000n, extrapolate: "none" },
      quality: "good",
    });
  });

  it("completes the smallest manifest with the defaults", () => {
    const { sha256, ...manifest } = parse(smallest);
    expect(manifest).toEqual({
      version: 1,
      capture: "c",
      referenceClock: "plant",
      clocks: ["plant"],
      maps: [],
      sources: new Map([
        [
          "head",
          {
            name: "head",
            kind: "video",
            path: ["head.mp4"],
            clock: "plant",
            start: { kind: "duration", ns: 0n },
            captureDelayNs: 0n,
            exposureNs: 0n,
            cadence: "off",
          },
        ],
      ]),
      frames: "head",
      tags: [],
      provenance: "full",
      require: {},
      outputs: [{ kind: "parquet", path: "aligned.parquet" }],
      base: "/captures/1",
    });
  });

  it.each([
    ["backward for samples", withTag(wide, ""), { kind: "backward" }],
    ["covering for intervals", withTag(intervals, ""), { kind: "covering", overlap: "latest" }],
    [
      "all of a covering",
      withTag(intervals, ", overlap: all, stale_after: 1h"),
      { kind: "covering", overlap: "all" },
    ],
    ["no tolerance", withTag(wide, ", tolerance: unlimited"), { kind: "backward" }],
    [
      "a tolerance of zero",
      withTag(wide, ", join: forward, tolerance: 0s"),
      { kind: "forward", toleranceNs: 0n },
    ],
    [
      "a limited hold",
      withTag(wide, ", join: linear, extrapolate: hold, tolerance: 1s"),
      { kind: "linear", extrapolate: "hold", toleranceNs: 1_000_000_000n },
    ],
    [
      "a window of a duration",
      withTag(wide, ", join: window, window: { span: 500ms, aggregate: mean }"),
      { kind: "window", span: 500_000_000n, aggregate: "mean" },
    ],
  ])("resolves the join: %s", (_, text, join) => {
    expect(parse(text).tags[0]!.join).toEqual(join);
  });

  it("resolves every kind of evidence", () => {
    const { maps, sources } = parse(`version: 1
capture: c
reference_clock: plant
clocks: { plant: , camera: }
maps:
  - from: camera
    to: plant
    evidence:
      - { kind: two-way, path: "probes/*.csv", time: { unit: s }, columns: { from: t, offset: o, round_trip: r } }
      - { kind: two-way, path: p.csv, columns: { from: t, offset: o } }
      - { kind: one-way, path: [a.jsonl, b.jsonl], time: { zone: Europe/Berlin }, columns: { from: s, to: r } }
      - { kind: one-way, source: head }
      - { kind: signals, from: { source: motion, tag: energy }, to: { source: dcs, tag: v }, max_lag: 2m }
sources:
  head: { kind: frames, path: f.csv, clock: camera, columns: { time: t, arrival: rx }, time: { unit: ns }, arrival: { zone: UTC } }
  motion: { kind: csv, path: m.csv, clock: camera, columns: { time: t, arrival: rx } }
  dcs: { kind: csv, path: d.csv, clock: plant, columns: { time: t } }
frames: head
`);
    const reading = { ambiguous: "reject" };
    expect(maps).toEqual([
      {
        from: "camera",
        to: "plant",
        model: "auto",
        evidence: [
          {
            kind: "two-way",
            path: ["probes/*.csv"],
            time: { ...reading, unit: "s" },
            columns: { from: "t", offset: "o", round_trip: "r" },
          },
          { kind: "two-way", path: ["p.csv"], time: reading, columns: { from: "t", offset: "o" } },
          {
            kind: "one-way",
            path: ["a.jsonl", "b.jsonl"],
            time: { ...reading, zone: "Europe/Berlin" },
            columns: { from: "s", to: "r" },
          },
          { kind: "one-way", source: "head" },
          {
            kind: "signals",
            from: { source: "motion", tag: "energy" },
            to: { source: "dcs", tag: "v" },
            maxLagNs: 120_000_000_000n,
          },
        ],
      },
    ]);
    expect(sources.get("head")).toMatchObject({
      columns: { time: "t", arrival: "rx" },
      arrival: { ambiguous: "reject", zone: "UTC" },
    });
    expect(sources.get("motion")).not.toHaveProperty("arrival");
  });

  it("accepts JSON, anchors, a byte order mark, CRLF, and sources given by list", () => {
    const json = JSON.stringify({
      version: 1,
      capture: "c",
      reference_clock: "plant",
      clocks: { plant: {} },
      sources: { head: { kind: "video", path: "head.mp4", clock: "plant" } },
      frames: "head",
    });
    const ignoreText = ({ sha256, ...rest }: Manifest) => rest;
    expect(ignoreText(parse(json))).toEqual(ignoreText(parse(smallest)));
    expect(ignoreText(parse(`\uFEFF${smallest.replaceAll("\n", "\r\n")}`))).toEqual(
      ignoreText(parse(smallest)),
    );
    const limits = "tolerance: &limit 5s }, b: { source: plant, tag: y, tolerance: *limit }";
    const anchored = parse(withTag(wide, ", tolerance: X").replace("tolerance: X }", () => limits));
    expect(anchored.tags.map(({ join }) => join)).toEqual([
      { kind: "backward", toleranceNs: 5_000_000_000n },
      { kind: "backward", toleranceNs: 5_000_000_000n },
    ]);
    const parts = parse(withTag(wide.replace("path: a.csv", "path: [b.csv, 'a-*.csv']"), "")).sources.get(
      "plant",
    );
    expect(parts).toMatchObject({ path: ["b.csv", "a-*.csv"] });
  });

  it.each([
    ["1.5s", { kind: "duration", ns: 1_500_000_000n }],
    ["-180ms", { kind: "duration", ns: -180_000_000n }],
    ["2026-05-04T09:12:31.25+02:00", { kind: "instant", ns: 1_777_878_751_250_000_000n }],
    ["creation_time", { kind: "creation_time" }],
  ])("reads a video's start: %s", (text, start) => {
    const manifest = parse(smallest.replace("clock: plant }", `clock: plant, start: ${text} }`));
    expect(manifest.sources.get("head")).toMatchObject({ start });
  });

  it("keeps tags in the order of the text, numbers and words of the language included", () => {
    const tags = ["zone", "2", "1", "constructor", "toString", "a b", "ä"];
    const text = tags.map((name) => `  ${JSON.stringify(name)}: { source: head, tag: pts }\n`).join("");
    expect(parse(`${smallest}tags:\n${text}`).tags.map(({ name }) => name)).toEqual(tags);
  });

  it("lets a tag be called like another's age where there are no such columns", () => {
    const tags = "tags: { a: { source: head, tag: pts }, a.age: { source: head, tag: frame_index } }\n";
    expect(parse(`${smallest}provenance: none\n${tags}`).tags.length).toBe(2);
    expect(() => parse(smallest + tags)).toThrow(expect.objectContaining({ code: "MANIFEST_TAG_NAME" }));
  });

  it("normalises how quality reads, and output paths", () => {
    const lists =
      "kind: parquet, path: a.parquet, columns: { time: t, quality: q }, quality: { good: [192, Good], bad: [0x18] }";
    const text = withTag(
      lists,
      "",
      "outputs: [{ kind: arrow, path: ./tables//a.arrow }, { kind: csv, path: a..b.csv }]",
    );
    expect(parse(text).sources.get("plant")).toMatchObject({
      quality: { good: [192, "Good"], uncertain: [], bad: [24] },
    });
    expect(parse(text).outputs.map(({ path }) => path)).toEqual(["tables/a.arrow", "a..b.csv"]);
  });

  it("throws nothing but AlignError of the family MANIFEST, whatever the text", () => {
    const edit = fc.record({
      at: fc.nat(refinery.length),
      cut: fc.nat(12),
      put: fc.oneof(
        fc.string({ maxLength: 4 }),
        fc.constantFrom("{", "}", "[", ": ", "\n", "&a ", "*a", "- ", "null", "'", "\t", "? "),
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        const text = edits.reduce(
          (all, { at, cut, put }) => all.slice(0, at) + put + all.slice(at + cut),
          refinery,
        );
        try {
          parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(AlignError);
          expect((error as AlignError).code).toMatch(/^MANIFEST_/);
          expect((error as AlignError).where).toMatchObject({
            line: expect.any(Number),
            column: expect.any(Number),
          });
          expect((error as AlignError).hint).toBeTruthy();
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("readManifest", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "tagalign-manifest-"));
    await writeFile(join(directory, "manifest.yaml"), refinery);
    await writeFile(
      join(directory, "latin1.yaml"),
      Buffer.from(smallest.replace("capture: c", "capture: \u00e4"), "latin1"),
    );
  });
  afterAll(() => rm(directory, { recursive: true }));

  it("reads a file, its URL, or the directory that holds manifest.yaml", async () => {
    const file = join(directory, "manifest.yaml");
    const expected = { base: directory, path: file, sha256: parse(refinery).sha256 };
    expect(await readManifest(file)).toMatchObject(expected);
    expect(await readManifest(pathToFileURL(file))).toMatchObject(expected);
    expect(await readManifest(directory)).toMatchObject(expected);
  });

  it("says so where there is none, or where it is not text", async () => {
    const missing = join(directory, "missing.yaml");
    await expect(readManifest(missing)).rejects.toMatchObject({
      code: "USAGE_NO_MANIFEST",
      exitCode: 2,
      message: `no manifest can be read at ${missing}`,
      where: { file: missing },
      hint: "name a manifest file, or a directory that holds manifest.yaml",
    });
    await expect(readManifest(join(directory, "latin1.yaml"))).rejects.toMatchObject({
      code: "MANIFEST_SYNTAX",
      hint: "save it as UTF-8",
    });
  });
});
