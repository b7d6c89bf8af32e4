import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ClockMap, inspectClocks } from "../../src/index.ts";
import { tagalign } from "./process.ts";

const root = mkdtempSync(join(tmpdir(), "clock-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const T0 = 1_777_878_751_000_000_000n;
const STEP_S = 1800;

/** Round trips every 5 s for an hour: 30 ppm, a step of 300 ms half way, 30 frozen offsets, an outlier a minute. */
function probes(): string {
  let state = 12345;
  const draw = () => (state = (1103515245 * state + 12345) % 2 ** 31) / 2 ** 31;
  const frozen = { offset: 0, trip: 0 };
  const rows = Array.from({ length: 720 }, (_, row) => {
    const x = 5 * row;
    const [there, back] = [200_000 - 60_000 * Math.log(1 - draw()), 200_000 - 60_000 * Math.log(1 - draw())];
    let offset = 812_345_678 + 30_000 * x + (there - back) / 2 + (x >= STEP_S ? 300_000_000 : 0);
    if (row % 12 === 11) offset += (draw() - 0.5) * 4e9;
    if (row === 500) Object.assign(frozen, { offset, trip: there + back });
    const isFrozen = row > 500 && row < 530;
    const [shown, trip] = isFrozen ? [frozen.offset, frozen.trip] : [offset, there + back];
    return `${T0 + BigInt(x) * 1_000_000_000n},${Math.round(shown)},${Math.round(trip)}`;
  });
  return `t,offset,rtt\n${rows.join("\n")}\n`;
}

const twoWay =
  "maps:\n  - { from: server, to: plant, evidence: [{ kind: two-way, path: probes.csv, columns: { from: t, offset: offset, round_trip: rtt } }] }\n" +
  "  - { from: server, to: headcam, evidence: [{ kind: constant, offset: -144936s, uncertainty: 5ms }] }\n";

interface Given {
  maps?: string;
  clocks?: string;
  /** The clock of the frames. */
  clock?: string;
}

/** A capture whose frames need not exist: only evidence is read. */
function captureOf({
  maps = twoWay,
  clocks = "server: {}, headcam: {}",
  clock = "plant",
}: Given = {}): string {
  const dir = mkdtempSync(join(root, "capture-"));
  writeFileSync(join(dir, "probes.csv"), probes());
  writeFileSync(
    join(dir, "manifest.yaml"),
    `version: 1
capture: line-3
reference_clock: plant
clocks: { plant: {}${clocks === "" ? "" : `, ${clocks}`} }
${maps}sources:
  head: { kind: frames, path: not-there.csv, clock: ${clock}, columns: { time: t }, time: { unit: ns } }
frames: head
tags: {}
`,
  );
  return dir;
}

const capture = captureOf();

describe("clock, for people", () => {
  it("shows each map, its segments and events, and the way of every clock, in 80 columns", async () => {
    const { status, stdout, stderr } = await tagalign(["clock", capture]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(
      /^line-3, on clock plant\n\nserver -> plant: \w+\n {2}two-way {2}probes\.csv: 720 rows, /,
    );
    expect(stdout).toMatch(/, \d+ rejected, 29 stale\n/);
    expect(stdout).toMatch(
      /\n {2}1 {2}2026-05-04T07:12:31\.000Z {2}29 min 5[05] s +\+812\.\d+ ms +\+30\.\d{3} ppm\n/,
    );
    expect(stdout).toMatch(
      /\n {2}2 {2}2026-05-04T07:42:31\.000Z .* +\+1\.166\d+ s +\+(30\.0|29\.9)\d\d ppm\n/,
    );
    expect(stdout).toMatch(/\n {2}step +2026-05-04T07:42:31\.000Z +\+(300\.0|299\.9)\d* ms\n/);
    expect(stdout).toMatch(/\n {2}stale +2026-05-04T07:54:1[16]\.000Z\n/);
    expect(stdout).toMatch(/\nserver -> headcam: constant\n {2}constant {2}the manifest\n/);
    expect(stdout).toMatch(/\n {2}1 {2}always +-1 d 16 h 15 min {2}0\.000 ppm\n/);
    expect(stdout).toMatch(
      /\nclock +sigma +hard bound +way to plant\nserver +[\d.]+ us +[\d.]+ [mu]s +server -> plant\n/,
    );
    expect(stdout).toMatch(/\nheadcam +5 ms +none +server -> headcam inverted, server -> plant\n$/);
    expect(stdout).not.toMatch(/NaN|undefined|\[object|Infinity/);
  });

  it("is quiet when asked, and writes all the same", async () => {
    const out = join(mkdtempSync(join(root, "out-")), "clocks.json");
    const { status, stdout, stderr } = await tagalign(["clock", capture, "-q", "--out", out]);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(JSON.parse(readFileSync(out, "utf8"))).toHaveProperty("capture", "line-3");
  });

  it("is content with a manifest without maps", async () => {
    const { status, stdout } = await tagalign(["clock", captureOf({ maps: "", clocks: "" })]);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: "line-3, on clock plant\n\nthe manifest has no maps\n",
    });
  });

  it("tells of a clock that no map ties, where nothing in use is on it", async () => {
    const { status, stdout } = await tagalign([
      "clock",
      captureOf({ clocks: "server: {}, headcam: {}, mes: {}" }),
    ]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/\nmes +no maps lead there\n$/);
  });
});

describe("clock --json", () => {
  it("is one document that tells the truth of the clocks", async () => {
    const { status, stdout, stderr } = await tagalign(["clock", capture, "--json"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { maps, clocks, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({
      capture: "line-3",
      version: expect.any(String),
      reference_clock: "plant",
      warnings: [],
    });
    expect(maps).toHaveLength(2);
    expect(maps[0]).toMatchObject({
      from: "server",
      to: "plant",
      label: "server -> plant",
      evidence: ["two-way"],
    });
    const [entry] = maps[0].entries;
    expect(entry).toMatchObject({ kind: "two-way", origin: "probes.csv", rows: 720, stale: 29, invalid: 0 });
    expect(entry.used + entry.rejected + entry.stale + entry.invalid).toBe(720);
    expect(entry.rejected).toBeGreaterThanOrEqual(50);
    expect(entry.rejected).toBeLessThan(75);
    expect(maps[0].segments).toHaveLength(2);
    for (const one of maps[0].segments) {
      expect(Math.abs(one.drift_ppb - 30_000)).toBeLessThan(100);
      expect(one.sigma_ns).toBeGreaterThan(0);
      expect(one.sigma_ns).toBeLessThan(20_000);
      expect(one.bound_ns).toBeGreaterThan(200_000);
      expect(one.residual_p99_ns).toBeGreaterThanOrEqual(one.residual_p50_ns);
    }
    expect(clocks.map((one: { from: string; path: unknown }) => [one.from, one.path])).toEqual([
      ["server", [{ map: "server -> plant", inverted: false }]],
      [
        "headcam",
        [
          { map: "server -> headcam", inverted: true },
          { map: "server -> plant", inverted: false },
        ],
      ],
    ]);
    expect(clocks[1].sigma_ns).toBeGreaterThan(5e6);
    expect(clocks[1].bound_ns).toBeNull();
    expect(JSON.stringify([maps, clocks])).not.toContain("pieces");
  });
});

describe("clock --out and --plot", () => {
  it("write maps that can be read back and used, and one page", async () => {
    const dir = mkdtempSync(join(root, "out-"));
    const [out, plot] = [join(dir, "clocks.json"), join(dir, "clocks.html")];
    const { status, stdout } = await tagalign(["clock", capture, "--out", out, "--plot", plot]);
    expect(status).toBe(0);
    expect(stdout.endsWith(`\nwritten\n  ${out}\n  ${plot}\n`)).toBe(true);
    expect(readdirSync(dir).sort()).toEqual(["clocks.html", "clocks.json"]);
    const document = JSON.parse(readFileSync(out, "utf8"));
    const map = ClockMap.fromJSON(document.maps[0].map);
    for (const [seconds, offset] of [
      [900, 812_345_678 + 27_000_000],
      [2700, 1_112_345_678 + 81_000_000],
    ] as const) {
      const time = T0 + BigInt(seconds) * 1_000_000_000n;
      const found = Number(map.apply(BigInt64Array.of(time))[0]! - time);
      expect(Math.abs(found - offset)).toBeLessThan(30_000);
    }
    const tied = ClockMap.fromJSON(document.clocks[1].map);
    const there = T0 + 900_000_000_000n - 144_936_000_000_000n;
    const difference = tied.apply(BigInt64Array.of(there))[0]! - (T0 + 900_839_345_678n);
    expect(Math.abs(Number(difference))).toBeLessThan(30_000);
    const page = readFileSync(plot, "utf8");
    expect(page).toMatch(/^<!doctype html>[\s\S]*Clocks of line-3[\s\S]*data-panel="0"[\s\S]*<\/html>\n$/);
  });

  it("are the same bytes each time, and those of the library", async () => {
    const dir = mkdtempSync(join(root, "out-"));
    const paths = (name: string) => ({ out: join(dir, `${name}.json`), plot: join(dir, `${name}.html`) });
    const [one, two] = [paths("one"), paths("two")];
    await tagalign(["clock", capture, "--out", one.out, "--plot", one.plot]);
    const { report, maps, clocks } = await inspectClocks(join(capture, "manifest.yaml"), two);
    expect(readFileSync(two.out).equals(readFileSync(one.out))).toBe(true);
    expect([report.maps.length, maps.length, clocks.length]).toEqual([2, 2, 2]);
    const again = paths("again");
    await tagalign(["clock", capture, "--plot", again.plot]);
    expect(readFileSync(again.plot).equals(readFileSync(one.plot))).toBe(true);
  });

  it("leave a file that is there alone, with exit status 7, unless it may be replaced", async () => {
    const dir = mkdtempSync(join(root, "out-"));
    const [out, plot] = [join(dir, "clocks.json"), join(dir, "clocks.html")];
    writeFileSync(plot, "mine");
    const refused = await tagalign(["clock", capture, "--out", out, "--plot", plot]);
    expect(refused).toMatchObject({ status: 7, stdout: "" });
    expect(refused.stderr).toMatch(
      /^error\[OUTPUT_EXISTS\]: .*clocks\.html is there already\n.*\n {2}hint: .*--overwrite/,
    );
    expect(readdirSync(dir)).toEqual(["clocks.html"]);
    expect(readFileSync(plot, "utf8")).toBe("mine");
    const replaced = await tagalign(["clock", capture, "--out", out, "--plot", plot, "--overwrite"]);
    expect(replaced.status).toBe(0);
    expect(readFileSync(plot, "utf8")).toContain("<!doctype html>");
  });

  it("tell where nothing can be written, with exit status 7, and leave nothing", async () => {
    const dir = mkdtempSync(join(root, "out-"));
    mkdirSync(join(dir, "folder"));
    const cases: [string[], RegExp][] = [
      [["--out", join(dir, "folder")], /folder is a directory/],
      [["--out", join(dir, "none", "clocks.json")], /clocks\.json cannot be written \(ENOENT\)/],
      [
        ["--out", join(dir, "a.json"), "--plot", join(capture, "probes.csv", "b.html")],
        /cannot be written \(ENOTDIR\)/,
      ],
    ];
    for (const [flags, message] of cases) {
      const { status, stdout, stderr } = await tagalign(["clock", capture, ...flags]);
      expect({ status, stdout }).toEqual({ status: 7, stdout: "" });
      expect(stderr).toMatch(/^error\[OUTPUT_WRITE\]: /);
      expect(stderr).toMatch(message);
    }
    expect(readdirSync(dir)).toEqual(["folder"]);
  });

  it.skipIf(process.getuid?.() === 0)("tell of a directory that may not be written", async () => {
    const dir = mkdtempSync(join(root, "out-"));
    chmodSync(dir, 0o500);
    const { status } = await tagalign(["clock", capture, "--out", join(dir, "clocks.json")]);
    expect(status).toBe(7);
  });

  it("are not the same file", async () => {
    const both = join(root, "both");
    const { status, stderr } = await tagalign(["clock", capture, "--out", both, "--plot", both]);
    expect(status).toBe(2);
    expect(stderr).toContain("is named for two files");
  });
});

describe("clock fails as align would", () => {
  const map = (evidence: string) => `maps:\n  - { from: server, to: plant, evidence: [${evidence}] }\n`;
  const cases: [string, number, string, Given][] = [
    ["a wrong manifest", 3, "MANIFEST_", { maps: map("{ kind: hearsay }") }],
    [
      "evidence that is not there",
      4,
      "SOURCE_",
      { maps: map("{ kind: marks, path: m.csv, columns: { from: a, to: b } }") },
    ],
    [
      "a column that is not there",
      4,
      "SOURCE_MISSING_COLUMN",
      { maps: map("{ kind: two-way, path: probes.csv, columns: { from: t, offset: o } }") },
    ],
    [
      "a clock in use that no map ties",
      5,
      "CLOCK_NO_PATH",
      { clocks: "server: {}, headcam: {}, mes: {}", clock: "mes" },
    ],
    [
      "maps that contradict each other",
      5,
      "CLOCK_CONTRADICTION",
      {
        maps: `${twoWay}  - { from: headcam, to: plant, evidence: [{ kind: constant, offset: 1s, uncertainty: 1ms }] }\n`,
      },
    ],
  ];
  it.each(cases)("%s: exit status %d", async (_, expected, code, given) => {
    const dir = captureOf(given);
    const out = join(dir, "clocks.json");
    const { status, stdout, stderr } = await tagalign(["clock", dir, "--out", out]);
    expect({ status, stdout }).toEqual({ status: expected, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^error\\[${code}`));
    expect(readdirSync(dir).sort()).toEqual(["manifest.yaml", "probes.csv"]);
    const json = await tagalign(["clock", dir, "--json"]);
    expect(json.status).toBe(expected);
    expect(JSON.parse(json.stdout).error.code).toMatch(new RegExp(`^${code}`));
  });

  it("no such manifest: exit status 2", async () => {
    const { status, stderr } = await tagalign(["clock", "nowhere"]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error\[USAGE_NO_MANIFEST\]/);
  });
});
