import { describe, expect, it } from "vitest";
import { compareBenchmarks } from "../../src/bench/compare.ts";
import type { Spread } from "../../src/bench/measure.ts";
import { results } from "./results.ts";

const spread = (least: number, median: number, most: number): Spread => ({ least, median, most });

describe("comparing benchmarks", () => {
  it("finds nothing in equal results, however long they took", () => {
    const slow = results({ copy: spread(0.9, 1, 1.1) });
    for (const cell of slow.cells) cell.wallMs = spread(1e6, 2e6, 3e6);
    const found = compareBenchmarks(results({ copy: spread(0.9, 1, 1.1) }), slow);
    expect(found).toEqual({ slower: [], faster: [], missing: [], added: [] });
  });

  it("tells what got slower and what got faster, by name", () => {
    const before = results({
      copy: spread(0.9, 1, 1.1),
      DuckDB: spread(90, 100, 110),
      Polars: spread(10, 11, 12),
    });
    const now = results({
      copy: spread(0.4, 0.5, 0.6),
      DuckDB: spread(190, 200, 210),
      Polars: spread(8, 9, 10),
    });
    const { slower, faster } = compareBenchmarks(before, now);
    expect(slower.map(({ name }) => name)).toEqual(["W1 backward, plain, 1 thread: copy"]);
    expect(slower[0]).toMatchObject({ before: { median: 1 }, now: { median: 0.5 } });
    expect(faster.map(({ name }) => name)).toEqual(["W1 backward, plain, 1 thread: DuckDB"]);
  });

  it("leaves alone what is within the threshold, and what is within the rounds of both", () => {
    const before = results({ copy: spread(0.99, 1, 1.01), DuckDB: spread(50, 100, 110) });
    expect(
      compareBenchmarks(before, results({ copy: spread(0.66, 0.67, 0.68), DuckDB: spread(40, 50, 51) }))
        .slower,
    ).toEqual([]);
    const worse = compareBenchmarks(
      before,
      results({ copy: spread(0.65, 0.66, 0.67), DuckDB: spread(40, 48, 49) }),
    );
    expect(worse.slower.map(({ name }) => name.split(": ")[1])).toEqual(["copy", "DuckDB"]);
  });

  it("says which ratios are on one side only", () => {
    const { missing, added } = compareBenchmarks(
      results({ copy: spread(1, 1, 1), pandas: spread(1, 1, 1) }),
      results({ copy: spread(1, 1, 1), Polars: spread(1, 1, 1) }),
    );
    expect(missing).toEqual(["W1 backward, plain, 1 thread: pandas"]);
    expect(added).toEqual(["W1 backward, plain, 1 thread: Polars"]);
  });

  it("compares whole jobs too", () => {
    const job = (median: number) => ({
      name: "E1",
      wallMs: spread(1, 1, 1),
      cpuMs: spread(1, 1, 1),
      peakBytes: 1,
      timingMs: {},
      rivals: [
        {
          name: "polars",
          wallMs: spread(1, 1, 1),
          cpuMs: spread(1, 1, 1),
          peakBytes: 1,
          ratio: spread(median, median, median),
        },
      ],
    });
    const before = { ...results({}), jobs: [job(4)] };
    expect(
      compareBenchmarks(before, { ...results({}), jobs: [job(2)] }).slower.map(({ name }) => name),
    ).toEqual(["E1: polars"]);
    expect(compareBenchmarks(before, { ...results({}), jobs: [job(3)] }).slower).toEqual([]);
  });

  it.each([
    ["null", null],
    ["a list", []],
    ["an object without cells", { size: "full" }],
    ["cells without rivals", { size: "full", cells: [{}] }],
    ["rivals without a ratio", { size: "full", cells: [{ rivals: [{ name: "copy" }] }] }],
    ["results of another size", { ...results({}), size: "small" }],
  ])("refuses %s as a baseline", (_, baseline) => {
    expect(() => compareBenchmarks(baseline, results({}))).toThrow(
      expect.objectContaining({ code: "USAGE_BASELINE" }),
    );
  });
});
