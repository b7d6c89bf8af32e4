import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { parseManifest } from "../../src/manifest/index.ts";
import { readClockFits } from "../../src/run/clocks/index.ts";
import { type AlignResult, alignCapture, checkCapture } from "../../src/run/index.ts";
import { Session } from "../../src/run/session.ts";

const base = mkdtempSync(join(tmpdir(), "clocks-test-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const start = 1_777_878_000_000_000_000n;
const second = 1_000_000_000n;
/** The camera is 17.3 s behind the plant and gains 40 ppm on it; ns of the plant's time from the camera's. */
const plantOf = (time: bigint) => time + 17_300_000_000n + ((time - start) * 40n) / 1_000_000n;

function write(name: string, header: string, rows: readonly (readonly unknown[])[]): void {
  writeFileSync(join(base, name), `${[header, ...rows.map((row) => row.join(","))].join("\n")}\n`);
}

/** Frames of ten minutes, and a plant tag. */
const frameTimes = Array.from({ length: 600 }, (_, i) => start + BigInt(i) * second);
write(
  "frames.csv",
  "t",
  frameTimes.map((time) => [time]),
);
write(
  "dcs.csv",
  "t,v",
  frameTimes.map((time, i) => [plantOf(time), i]),
);

const manifest = (maps: string, more = "") => `
version: 1
capture: clocks
reference_clock: plant
clocks: { plant: , camera: , server: }
maps:
${maps}
sources:
  head: { kind: frames, path: frames.csv, clock: camera, columns: { time: t }, time: { unit: ns } }
  dcs: { kind: csv, path: dcs.csv, clock: plant, columns: { time: t }, time: { unit: ns } }
${more.includes("sources:") ? more.replace("sources:\n", "") : `${more}`}
frames: head
`;
const mapOf = (evidence: string, more = "") =>
  `  - { from: camera, to: plant${more}, evidence: [ ${evidence} ] }`;

const read = (text: string) => parseManifest(text, { base, path: join(base, "manifest.yaml") });
const align = (text: string): Promise<AlignResult> => alignCapture(read(text), { out: "", dryRun: true });

async function errorOf(job: Promise<unknown>): Promise<AlignError> {
  const reason: unknown = await job.then(
    () => new Error("nothing was thrown"),
    (error: unknown) => error,
  );
  if (reason instanceof AlignError) return reason;
  throw reason;
}

/** Uniform numbers of a seed (mulberry32). */
function uniformOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const uniform = uniformOf(4);
const nsBelow = (ns: number) => BigInt(Math.floor(uniform() * ns));

/** Probes every 5 s with round trips of half a millisecond and more. */
const probes = Array.from({ length: 120 }, (_, i) => {
  const from = start + BigInt(i) * 5n * second + nsBelow(50_000_000);
  const [forward, back] = [200_000n + nsBelow(300_000), 200_000n + nsBelow(300_000)];
  return { from, offset: plantOf(from) - from + (forward - back) / 2n, roundTrip: forward + back };
});
const decimal = (ns: bigint) => `${ns / second}.${String(ns % second).padStart(9, "0")}`;

describe("evidence of a manifest", () => {
  it("gives one map, whatever spells its probes", async () => {
    write(
      "ns.csv",
      "t,o,r",
      probes.map(({ from, offset, roundTrip }) => [from, offset, roundTrip]),
    );
    write(
      "spans.csv",
      "t,o,r",
      probes.map(({ from, offset, roundTrip }) => [from, `${offset}ns`, `${decimal(roundTrip)}s`]),
    );
    write(
      "s.csv",
      "t,o,r",
      probes.map((probe) => [probe.from, probe.offset, probe.roundTrip].map(decimal)),
    );
    write(
      "part-1.csv",
      "t,o,r",
      probes.slice(0, 50).map((probe) => [probe.from, probe.offset, probe.roundTrip]),
    );
    write(
      "part-2.csv",
      "t,o,r",
      probes.slice(50).map((probe) => [probe.from, probe.offset, probe.roundTrip]),
    );
    writeFileSync(
      join(base, "s.jsonl"),
      probes
        .map((p) => `{"t":${decimal(p.from)},"o":${decimal(p.offset)},"r":${decimal(p.roundTrip)}}\n`)
        .join(""),
    );
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    await connection.run(
      `COPY (SELECT t::BIGINT AS t, o::BIGINT AS o, r::BIGINT AS r FROM read_csv('${base}/ns.csv')) TO '${base}/ns.parquet'`,
    );
    connection.closeSync();
    const columns = "columns: { from: t, offset: o, round_trip: r }";
    const reports = [];
    for (const place of [
      "path: ns.csv",
      "path: spans.csv",
      "path: s.csv, time: { unit: s }",
      "path: s.jsonl, time: { unit: s }",
      "path: ns.parquet",
      'path: "part-*.csv"',
      "path: [part-2.csv, part-1.csv]",
    ])
      reports.push((await align(manifest(mapOf(`{ kind: two-way, ${place}, ${columns} }`)))).clocks);
    for (const report of reports) expect(report).toEqual(reports[0]);
    expect(reports[0]).toMatchObject([{ from: "camera", to: "plant", evidence: ["two-way"], events: [] }]);
    const [segment] = reports[0]![0]!.segments;
    expect(segment!.pairs).toBe(120);
    expect(Math.abs(segment!.drift_ppb - 40_000)).toBeLessThan(300);
    expect(Math.abs(Number(segment!.offset_ns - 17_300_000_000n))).toBeLessThan(100_000);
  });

  it("is used jointly, from tables, constants and several maps between the same clocks", async () => {
    write(
      "marks.csv",
      "a,b,s",
      probes.slice(0, 4).map(({ from }) => [from, plantOf(from), "50us"]),
    );
    const marks = "{ kind: marks, path: marks.csv, columns: { from: a, to: b, uncertainty: s } }";
    const two = "{ kind: two-way, path: ns.csv, columns: { from: t, offset: o, round_trip: r } }";
    const joint = (await align(manifest(mapOf(`${marks}, ${two}`)))).clocks[0]!;
    expect(joint.evidence).toEqual(["marks", "two-way"]);
    expect(joint.segments[0]!.pairs).toBe(124);
    const twins = await align(manifest(`${mapOf(marks)}\n${mapOf(two)}`));
    expect(twins.clocks).toEqual([joint]);
  });

  it("tells of every map what became of its evidence", async () => {
    const text = manifest(
      `${mapOf("{ kind: two-way, path: ns.csv, columns: { from: t, offset: o, round_trip: r } }, { kind: constant, offset: 17s, uncertainty: 1s }")}
  - { from: server, to: plant, evidence: [ { kind: constant, offset: 1s } ] }`,
    );
    const { fits, graph } = await Session.during(base, {}, (session) => readClockFits(session, read(text)));
    expect(fits.map(({ label }) => label)).toEqual(["camera -> plant", "server -> plant"]);
    expect(fits[0]!.evidence).toEqual([
      { kind: "two-way", origin: "ns.csv" },
      { kind: "constant", origin: "the manifest" },
    ]);
    expect(fits[0]!.model).toBe("linear");
    expect(fits[0]!.outcomes[0]!.from).toHaveLength(120);
    expect(graph.mapToReference("camera").path).toEqual([{ label: "camera -> plant", inverted: false }]);
    expect(fits[1]!.model).toBe("constant");
  });
});

/** Messages of a device: stamped on the camera's clock, received on the plant's after 3 ms and more. */
const messages = Array.from({ length: 2400 }, (_, i) => {
  const from = start + (BigInt(i) * second) / 4n;
  const delay = 3_000_000 - 4_000_000 * Math.log(1 - uniform()) * (uniform() < 0.1 ? 20 : 1);
  return { from, to: plantOf(from) + BigInt(Math.floor(delay)), value: i % 7 };
}).sort((a, b) => (a.to < b.to ? -1 : 1));
const iso = (ns: bigint) =>
  `${new Date(Number(ns / 1_000_000n)).toISOString().slice(0, -1)}${String(ns % 1_000_000n).padStart(6, "0")}Z`;

describe("one-way evidence", () => {
  const source = (name: string, more: string) =>
    `  ${name}: { kind: csv, path: ${name}.csv, clock: camera, columns: { time: s, arrival: r }, time: { unit: ns }${more} }\n`;

  it("is the same from a table, and from a source's rows in any order and with any reading", async () => {
    write(
      "stamps.csv",
      "s,r",
      messages.map(({ from, to }) => [from, to]),
    );
    write(
      "sorted.csv",
      "s,r,v",
      messages.map(({ from, to, value }) => [from, to, value]),
    );
    const mixed = [...messages].sort((a, b) => a.value - b.value);
    write(
      "mixed.csv",
      "s,r,v",
      mixed.map(({ from, to, value }) => [from, to, value]),
    );
    write(
      "text.csv",
      "s,r,v",
      messages.map(({ from, to, value }) => [from, iso(to), value]),
    );
    const sources = `${source("sorted", "")}${source("mixed", "")}${source("text", ", arrival: { zone: UTC }")}`;
    const tags = "tags: { v: { source: sorted, tag: v } }\n";
    const reports = [];
    for (const place of [
      "path: stamps.csv, columns: { from: s, to: r }",
      "source: sorted",
      "source: mixed",
      "source: text",
    ])
      reports.push((await align(`${manifest(mapOf(`{ kind: one-way, ${place} }`), sources)}${tags}`)).clocks);
    for (const report of reports) expect(report).toEqual(reports[0]);
    const [clock] = reports[0]!;
    expect(clock).toMatchObject({ evidence: ["one-way"], events: [] });
    expect(Math.abs(clock!.segments[0]!.drift_ppb - 40_000)).toBeLessThan(3000);
    expect(Math.abs(Number(clock!.segments[0]!.offset_ns - 17_303_000_000n))).toBeLessThan(1_000_000);
  });

  it("leaves rows without one of the stamps out, and counts them", async () => {
    write(
      "holes.csv",
      "s,r,v",
      messages.map(({ from, to, value }, i) => [i % 10 === 3 ? "" : from, i % 10 === 5 ? "" : to, value]),
    );
    const { clocks, warnings } = await align(
      manifest(mapOf("{ kind: one-way, source: holes }"), source("holes", "")),
    );
    expect(clocks[0]!.segments[0]!.pairs).toBe(1920);
    expect(warnings.filter(({ code }) => code === "INCOMPLETE_EVIDENCE")).toMatchObject([
      { count: 480, first: "row 3" },
    ]);
  });

  it("warns of an offset that looks like a time zone, and of arrivals before their stamps", async () => {
    const zoned = messages.map(({ from, to }) => [from, to - 17_300_000_000n + 7_200_000_000_000n]);
    write("zoned.csv", "s,r", zoned);
    write(
      "early.csv",
      "s,r",
      messages.map(({ from, to }) => [from, to - 40_000_000_000n]),
    );
    const warningsOf = async (name: string) =>
      (await align(manifest(mapOf(`{ kind: one-way, path: ${name}, columns: { from: s, to: r } }`))))
        .warnings;
    expect(await warningsOf("stamps.csv")).toEqual([]);
    expect(await warningsOf("zoned.csv")).toMatchObject([
      {
        code: "CLOCK_LOOKS_LIKE_ZONE",
        count: 1,
        message: expect.stringContaining("from 2h, a whole number"),
      },
    ]);
    expect(await warningsOf("early.csv")).toMatchObject([
      { code: "CLOCK_NEGATIVE_DELAY", count: 1, message: expect.stringContaining("camera is ahead") },
    ]);
  });
});

describe("signals", () => {
  const changes: bigint[] = [];
  for (let time = start - 60n * second; time < start + 3700n * second; time += 2n * second + nsBelow(40e9))
    changes.push(time);
  const stateAt = (time: bigint) => changes.filter((change) => change <= time).length % 2;
  const motion = Array.from({ length: 7200 }, (_, i) => start + (BigInt(i) * second) / 2n);
  write(
    "motion.csv",
    "t,energy",
    motion.map((time) => [time, (stateAt(plantOf(time)) + uniform() - 0.5).toFixed(4)]),
  );
  write("valve.csv", "t,name,value,q", [
    ...changes.map((time) => [time, "ZSO", stateAt(time) === 1 ? "OPEN" : "CLOSED", "good"]),
    [start, "OTHER", "x", "good"],
  ]);
  const sources = `  motion: { kind: csv, path: motion.csv, clock: camera, columns: { time: t }, time: { unit: ns } }
  valve: { kind: csv, path: valve.csv, clock: plant, shape: long, columns: { time: t, tag: name, value: value, quality: q }, time: { unit: ns } }
`;
  const signals = (tag: string, maxLag: string) =>
    mapOf(
      `{ kind: signals, from: { source: motion, tag: energy }, to: { source: valve, tag: ${tag} }, max_lag: ${maxLag} }`,
    );

  it("tie two clocks by the lag of their tags", async () => {
    const { clocks, inputs } = await align(manifest(signals("ZSO", "2m"), sources));
    const { evidence, segments } = clocks[0]!;
    expect(evidence).toEqual(["signals"]);
    const middle = start + 1800n * second;
    const offset = Number(segments[0]!.offset_ns) + segments[0]!.drift_ppb * 1e-9 * 1800e9;
    expect(segments).toHaveLength(1);
    expect(Math.abs(offset - Number(plantOf(middle) - middle))).toBeLessThan(0.2e9);
    expect(inputs.map(({ path }) => path)).toEqual(["frames.csv", "motion.csv", "valve.csv"]);
  });

  it("that show no lag stop the run, with the tags' names", async () => {
    expect(await errorOf(align(manifest(signals("ZSO", "16s"), sources)))).toMatchObject({
      exitCode: 5,
      where: { source: "motion", tag: "energy" },
      message: expect.stringContaining("map camera -> plant: "),
    });
    expect(await errorOf(align(manifest(signals("OTHER", "2m"), sources)))).toMatchObject({
      code: "CLOCK_TOO_LITTLE_EVIDENCE",
      exitCode: 5,
    });
    expect(await errorOf(align(manifest(signals("ZSOO", "2m"), sources)))).toMatchObject({
      code: "SOURCE_MISSING_TAG",
      exitCode: 4,
    });
  });
});

describe("evidence that does not do", () => {
  const two = (columns: string, more = "") =>
    manifest(mapOf(`{ kind: two-way, path: bad.csv${more}, columns: { ${columns} } }`));

  it.each([
    ["a number without a unit", "5.5", "", "SOURCE_EVIDENCE", 'columns.offset "5.5" is neither'],
    ["a word", "soon", "", "SOURCE_EVIDENCE", 'columns.offset "soon" is neither'],
    ["a word among numbers of a unit", "soon", ", time: { unit: s }", "SOURCE_EVIDENCE", '"soon"'],
  ])("names the row of %s", async (_, cell, more, code, message) => {
    const unit = more === "" ? 1n : second;
    write("bad.csv", "t,o", [
      [start / unit, "5ms"],
      [(start + second) / unit, cell],
    ]);
    const text = more === "" ? two("from: t, offset: o") : two("from: t, offset: o", more);
    expect(await errorOf(align(text))).toMatchObject({
      code,
      exitCode: 4,
      where: { row: 1 },
      message: expect.stringContaining(message),
    });
  });

  it("names a column that is not there", async () => {
    expect(await errorOf(align(two("from: t, offset: off")))).toMatchObject({
      code: "SOURCE_MISSING_COLUMN",
      exitCode: 4,
      message: expect.stringContaining('has no column "off" (columns.offset)'),
    });
  });

  it("reads local times by their zone, and refuses those that happen twice", async () => {
    write("local.csv", "a,b", [
      ["2026-10-25T02:30:00", start],
      ["2026-10-25T03:30:00", start + 7200n * second],
    ]);
    const local = (more: string) =>
      manifest(
        mapOf(
          `{ kind: marks, path: local.csv, time: { zone: Europe/Berlin${more} }, columns: { from: a, to: b } }`,
        ),
      );
    expect(await errorOf(align(local("")))).toMatchObject({ code: "SOURCE_AMBIGUOUS_TIME", exitCode: 4 });
    const { warnings } = await align(local(", ambiguous: earlier"));
    expect(warnings).toMatchObject([{ code: "AMBIGUOUS_LOCAL_TIMES", count: 1 }]);
  });

  it("that contradicts by whole quarter hours is told to look like a zone", async () => {
    const cycle = (
      offset: string,
    ) => `  - { from: camera, to: server, evidence: [ { kind: constant, offset: 17s, uncertainty: 20ms } ] }
  - { from: server, to: plant, evidence: [ { kind: constant, offset: 300ms, uncertainty: 20ms } ] }
  - { from: camera, to: plant, evidence: [ { kind: constant, offset: ${offset}, uncertainty: 20ms } ] }`;
    const error = await errorOf(align(manifest(cycle("3617.31s"))));
    expect(error).toMatchObject({ code: "CLOCK_CONTRADICTION", exitCode: 5 });
    expect(error.hint).toContain("1h is a whole number of quarter hours");
    expect((await errorOf(align(manifest(cycle("3618s"))))).hint).toContain("check the sign and unit");
    expect((await align(manifest(cycle("17.31s")))).clocks).toHaveLength(1);
  });

  it("leaves a clock without a way to the reference", async () => {
    const text = manifest("  - { from: camera, to: server, evidence: [ { kind: constant, offset: 1s } ] }");
    expect(await errorOf(align(text))).toMatchObject({ code: "CLOCK_NO_PATH", exitCode: 5 });
  });
});

describe("civil time", () => {
  const local = (rows: readonly string[], policy: string) => {
    write(
      "civil.csv",
      "t,v",
      rows.map((time, i) => [time, i]),
    );
    const civil = `  civil: { kind: csv, path: civil.csv, clock: plant, columns: { time: t }, time: { zone: Europe/Berlin${policy} } }\n`;
    return `${manifest(mapOf("{ kind: constant, offset: 17.3s }"), civil)}tags: { v: { source: civil, tag: v } }\n`;
  };
  const fold = ["01:59:00", "02:10:00", "02:50:00", "02:10:00", "02:50:00", "03:00:00"].map(
    (time) => `2026-10-25T${time}`,
  );
  const spanOf = async (text: string) => {
    const { sources, warnings } = await checkCapture(read(text));
    const { first, last, ambiguous_local_times, nonexistent_local_times } = sources.find(
      ({ source }) => source === "civil",
    )!;
    return {
      first,
      last,
      ambiguous_local_times,
      nonexistent_local_times,
      warnings: warnings.map(({ code }) => code),
    };
  };

  it("is a map with steps: the hour that happens twice goes by the order of rows, counted, or stops the run", async () => {
    expect(await spanOf(local(fold, ", ambiguous: order"))).toEqual({
      first: "2026-10-24T23:59:00.000000000Z",
      last: "2026-10-25T02:00:00.000000000Z",
      ambiguous_local_times: 4,
      nonexistent_local_times: 0,
      warnings: ["AMBIGUOUS_LOCAL_TIMES"],
    });
    // The earlier reading for all puts the second pass back, where it meets the first.
    expect((await spanOf(local(fold, ", ambiguous: earlier"))).warnings).toContain("UNSORTED_ROWS");
    expect(await errorOf(align(local(fold, "")))).toMatchObject({
      code: "SOURCE_AMBIGUOUS_TIME",
      exitCode: 4,
      where: { source: "civil", row: 1 },
    });
  });

  it("skips an hour in spring: such times stop the run, or are moved and counted", async () => {
    const gap = ["2026-03-29T01:59:00", "2026-03-29T02:30:00", "2026-03-29T03:40:00"];
    expect(await errorOf(align(local(gap, "")))).toMatchObject({
      code: "SOURCE_NONEXISTENT_TIME",
      where: { row: 1 },
    });
    expect(await spanOf(local(gap, ", ambiguous: earlier"))).toMatchObject({
      last: "2026-03-29T01:40:00.000000000Z",
      nonexistent_local_times: 1,
      warnings: ["NONEXISTENT_LOCAL_TIMES"],
    });
  });
});

describe("require.clock_uncertainty", () => {
  const constant = "{ kind: constant, offset: 17.3s, uncertainty: 5ms }";
  const limit = (ms: number) => `require: { clock_uncertainty: ${ms}ms }\n`;
  const old = start - 3600n * second;
  write("rare.csv", "t,v", [
    [old, 1],
    [start + 599n * second, 2],
  ]);
  write("one.csv", "a,b,s", [[start + 300n * second, start + 300n * second, "1ms"]]);
  const serverMap =
    "  - { from: server, to: plant, evidence: [ { kind: marks, path: one.csv, columns: { from: a, to: b, uncertainty: s } } ] }";
  const rare =
    "  rare: { kind: csv, path: rare.csv, clock: server, columns: { time: t }, time: { unit: ns } }\n";

  it("holds for every frame", async () => {
    await align(`${manifest(mapOf(constant))}${limit(5)}`);
    expect(await errorOf(align(`${manifest(mapOf(constant))}${limit(4)}`))).toMatchObject({
      code: "REQUIREMENT_CLOCK",
      exitCode: 6,
    });
  });

  it("holds for every sample in use, also one from long before the frames", async () => {
    const text = (tag: string, ms: number) =>
      `${manifest(`${mapOf(constant)}\n${serverMap}`, rare)}tags: { v: { source: rare, tag: v${tag} } }\n${limit(ms)}`;
    // An hour and five minutes from the only mark, at 20 ppm: 78 ms.
    const error = await errorOf(align(text("", 70)));
    expect(error).toMatchObject({ code: "REQUIREMENT_CLOCK", where: { source: "server" } });
    expect(error.message).toContain("known to 78.0");
    await align(text("", 79));
    await align(text(", tolerance: 10m", 10));
    await align(text(", join: forward", 10));
  });
});

describe("check", () => {
  it("ties the clocks in use, and warns as align does", async () => {
    const report = await checkCapture(
      read(manifest(mapOf("{ kind: one-way, path: zoned.csv, columns: { from: s, to: r } }"))),
    );
    expect(report.clocks).toMatchObject([{ from: "camera", to: "plant", evidence: ["one-way"] }]);
    expect(report.warnings.map(({ code }) => code)).toEqual(["CLOCK_LOOKS_LIKE_ZONE"]);
  });
});
