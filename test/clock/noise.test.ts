import { describe, expect, it } from "vitest";
import { evidenceOf } from "../../bench/clocks/case.ts";
import { Draws } from "../../bench/clocks/draws.ts";
import { pool, scoreMap } from "../../bench/clocks/score.ts";
import { type TwoWay, twoWayCase } from "../../bench/clocks/two-way.ts";
import { estimateClockMap } from "../../src/clock/index.ts";

/** Errors in us, the share within 2 sigma, and how many errors are beyond the hard bound. */
function run(spec: TwoWay, seeds: number) {
  const errors: Float64Array[] = [];
  let [within, beyond, count, bounded] = [0, 0, 0, 0];
  for (let seed = 501; seed <= 500 + seeds; seed++) {
    const one = twoWayCase({ ...spec, queryEvery: 5 }, new Draws(seed));
    const score = scoreMap(estimateClockMap(evidenceOf(one)), one);
    errors.push(score.errors);
    within += score.within2Sigma;
    beyond += score.beyondBound;
    bounded += score.bounded;
    count += score.errors.length;
  }
  return { ...pool(errors), coverage: within / count, beyond, bounded: bounded / count };
}

const hours = 3600;

describe("sigma and bound", () => {
  it.each<[string, TwoWay, number, number]>([
    ["a steady clock", { drift: "linear", seconds: 2 * hours }, 40, 5],
    ["a wandering clock", { drift: "random walk", seconds: 4 * hours }, 10, 20],
    ["a clock that warms up", { drift: "warm-up", seconds: 2 * hours }, 10, 20],
    ["tails without variance", { drift: "warm-up", seconds: 2 * hours, tail: "pareto" }, 10, 20],
    ["probes a minute apart", { drift: "random walk", seconds: 8 * hours, interval: 60 }, 10, 120],
    ["stamps of 1 ms", { drift: "warm-up", seconds: 2 * hours, tick: { of: "stamp", size: 1e-3 } }, 10, 200],
    ["outliers", { drift: "random walk", seconds: 2 * hours, outliers: { share: 0.1, size: 600 } }, 10, 25],
  ])("of %s hold the error", (_, spec, seeds, p99) => {
    const found = run(spec, seeds);
    expect(found.p99).toBeLessThan(p99);
    expect(found.coverage).toBeGreaterThan(0.88);
    expect(found.coverage).toBeLessThan(0.997);
    expect(found.beyond).toBe(0);
    expect(found.bounded).toBe(1);
  });

  it.each<[string, TwoWay, number]>([
    ["a slower way back", { drift: "linear", seconds: 2 * hours, asymmetry: 4 }, 14.4],
    ["a much slower way back", { drift: "linear", seconds: 2 * hours, asymmetry: 20 }, 30],
    ["a second route", { drift: "warm-up", seconds: 2 * hours, hasSecondRoute: true }, 20],
    ["offsets of 1 ms", { drift: "warm-up", seconds: 2 * hours, tick: { of: "offset", size: 1e-3 } }, 40],
  ])("of %s are wide enough", (_, spec, p50) => {
    const found = run(spec, 10);
    expect(found.p50).toBeLessThan(p50);
    expect(found.coverage).toBeGreaterThan(0.9);
    expect(found.beyond).toBe(0);
  });

  it("of three probes in half a minute are wide enough", () => {
    const found = run({ drift: "linear", seconds: 30, interval: 15, margin: 0 }, 200);
    expect(found.coverage).toBeGreaterThan(0.9);
    expect(found.p95).toBeLessThan(150);
  });
});

describe("a fit of 5,760 offsets", () => {
  it("takes little time", () => {
    const evidence = evidenceOf(twoWayCase({ drift: "warm-up", seconds: 28_795 }, new Draws(1)));
    const map = estimateClockMap(evidence);
    for (let i = 0; i < 4; i++) estimateClockMap(evidence);
    const start = process.cpuUsage();
    for (let i = 0; i < 5; i++) estimateClockMap(evidence);
    const { user, system } = process.cpuUsage(start);
    expect(map.segments[0]!.pairs).toBe(5760);
    expect((user + system) / 5000).toBeLessThan(150);
  });
});

describe("a way back that varies more, where no round trip tells", () => {
  it.each([4, 20])("%d times makes sigma wide enough for what offsets lean by", (asymmetry) => {
    const spec = { drift: "linear", seconds: 7200, asymmetry, roundTrip: "hidden" } as const;
    const { coverage } = run(spec, 6);
    expect(coverage).toBeGreaterThanOrEqual(0.9);
  });
});

describe("a clock whose drift changes most at its start", () => {
  it("keeps the first of sparse measurements, which no line through many fits", () => {
    const spec = { drift: "warm-up", seconds: 8 * hours, interval: 60 } as const;
    expect(run(spec, 12).max).toBeLessThanOrEqual(120);
  });

  it("keeps the first of trusted marks, and sigma holds there", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const draws = new Draws(seed);
      const from = BigInt64Array.from({ length: 50 }, (_, i) => BigInt(i) * 150_000_000_000n);
      const offsets = Array.from(from, (time) => 6e6 * Math.exp(-Number(time) / 1.2e12));
      const to = from.map((time, i) => time + BigInt(Math.round(offsets[i]! + draws.normal(16_000))));
      const map = estimateClockMap({ kind: "marks", from, to, uncertainty: from.map(() => 16_000n) });
      expect(map.segments.map(({ rejected }) => rejected)).toEqual([0]);
      expect(Math.abs(Number(map.apply(from)[0]!) - offsets[0]!)).toBeLessThan(80_000);
    }
  });
});
