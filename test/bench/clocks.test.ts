import { describe, expect, it } from "vitest";
import { baselines } from "../../bench/clocks/baselines.ts";
import { type Case, evidenceOf, originNs } from "../../bench/clocks/case.ts";
import { firstSeed, scenario, scenarios } from "../../bench/clocks/catalogue.ts";
import { Draws } from "../../bench/clocks/draws.ts";
import { frameCase, scoreFrames } from "../../bench/clocks/frames.ts";
import type { Row } from "../../bench/clocks/measure.ts";
import { requireSane } from "../../bench/clocks/sanity.ts";
import { errorsOf, pool, scoreMap } from "../../bench/clocks/score.ts";
import { clocksTable } from "../../bench/clocks/text.ts";
import { ClockMap, estimateClockMap } from "../../src/clock/index.ts";

const SECOND = 1_000_000_000n;

/** Mean and variance of many draws. */
function moments(draw: () => number): [mean: number, variance: number] {
  const values = Float64Array.from({ length: 200_000 }, draw);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length];
}

describe("draws", () => {
  const draws = new Draws(7);
  it.each([
    ["uniform", () => draws.uniform(2, 4), 3, 4 / 12],
    ["normal", () => draws.normal(3), 0, 9],
    ["exponential", () => draws.exponential(2), 2, 4],
    ["gamma", () => draws.gamma(2, 1.5), 3, 4.5],
    ["logarithm of lognormal", () => Math.log(draws.lognormal(5, 0.9)), Math.log(5), 0.81],
    ["Pareto excess", () => draws.paretoExcess(2, 6), 0.4, 0.24],
    ["chance", () => Number(draws.chance(0.02)), 0.02, 0.0196],
  ] as const)("%s has its mean and variance", (_, draw, mean, variance) => {
    const [seen, spread] = moments(draw);
    expect(Math.abs(seen - mean)).toBeLessThan(5 * Math.sqrt(variance / 200_000));
    expect(spread / variance).toBeGreaterThan(0.95);
    expect(spread / variance).toBeLessThan(1.05);
  });

  it("are the same of the same seed and others of another", () => {
    const some = (seed: number) => {
      const from = new Draws(seed);
      return Array.from({ length: 5 }, () => from.normal(1));
    };
    expect(some(3)).toEqual(some(3));
    expect(some(3)).not.toEqual(some(4));
  });
});

describe("scenarios", () => {
  it("have names of their own and a target each", () => {
    const names = scenarios.map(({ group, name }) => `${group}: ${name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { target, seeds } of scenarios) expect([seeds > 0, typeof target]).toEqual([true, "object"]);
  });

  it("are the same of the same seed", () => {
    const { make } = scenario("round trips", "I");
    expect(make(5)).toEqual(make(5));
    expect(make(5).offsets).not.toEqual(make(6).offsets);
  });

  it("measure the truth with the noise of the best of 8 probes, steps at their times", () => {
    const one = scenario("round trips", "H").make(firstSeed);
    expect(one.times).toHaveLength(1441);
    const { time, size } = one.steps[0]!;
    expect([size, time >= 3600, time < 3605.1]).toEqual([0.3, true, true]);
    const at = one.times.indexOf(time);
    expect(one.offsets[at]! - one.offsets[at - 1]!).toBeCloseTo(0.3, 2);
    const straight = baselines.find(({ name }) => name === "interpolation")!;
    const { p50, p95 } = pool([errorsOf(straight.estimate(one), one)]);
    expect([p50, p95].map((us) => Math.round(us / 10))).toEqual([3, 9]);
    expect(one.queries.every((query) => Math.abs(query - 3600) > 10)).toBe(true);
  });

  it("hide the round trip, miss probes, freeze and tick where they say so", () => {
    const hidden = scenario("round trips hidden", "B, hidden").make(firstSeed);
    expect(new Set(hidden.roundTrips)).toEqual(new Set([1e-3]));
    const missing = scenario("other noise", "30 % missing").make(firstSeed);
    expect(Math.abs(missing.times.length / 1441 - 0.7)).toBeLessThan(0.05);
    const { offsets } = scenario("other noise", "frozen for 20 min").make(firstSeed);
    const repeats = offsets.filter((offset, i) => offset === offsets[i - 1]).length;
    expect(repeats).toBe(240);
    const { times } = scenario("other noise", "stamps of 15.6 ms").make(firstSeed);
    for (const time of times) expect(time * 64).toBeCloseTo(Math.round(time * 64), 6);
    expect(scenario("other noise", "3 probes in 30 s").make(firstSeed).times).toHaveLength(3);
  });

  it("of one way arrive in order, never before the floor", () => {
    const one = scenario("one-way", "congestion").make(firstSeed);
    const arrivals = one.times.map((time, i) => time + one.offsets[i]!);
    expect(arrivals.every((time, i) => i === 0 || time >= arrivals[i - 1]! - 1e-9)).toBe(true);
    const early = one.queries.filter((query, k) => {
      const measured = one.offsets[one.times.indexOf(query, 10 * k)]!;
      return !(measured >= one.truth[k]! - 1e-9);
    });
    expect(early).toHaveLength(0);
  });

  it("become evidence in int64 ns of today", () => {
    const evidence = evidenceOf(scenario("other noise", "reset").make(firstSeed));
    if (evidence.kind !== "two-way") throw new Error("not two-way");
    expect(evidence.from[0]! - originNs > 650_000n * SECOND).toBe(true);
    expect(evidence.from.at(-1)! - originNs < 3200n * SECOND).toBe(true);
    expect(evidence.roundTrip).toHaveLength(evidence.from.length);
  });
});

/** One source clock that is 2 s behind and steps by 1 s at 100 s. */
const stepped: Case = {
  kind: "two-way",
  originNs,
  times: Float64Array.of(0, 50, 100, 150),
  offsets: Float64Array.of(2, 2, 3, 3),
  queries: Float64Array.of(10, 60, 120, 140),
  truth: Float64Array.of(2, 2, 3, 3),
  steps: [{ time: 100, size: 1 }],
};

describe("scores", () => {
  const constant = estimateClockMap({ kind: "constant", offset: 2n * SECOND, uncertainty: SECOND / 10n });

  it("are errors against the truth, within 2 sigma or not, and steps that are missing", () => {
    const score = scoreMap(constant, stepped);
    expect(score.errors).toEqual(Float64Array.of(0, 0, -1, -1));
    expect(score).toMatchObject({
      within2Sigma: 2,
      bounded: 0,
      beyondBound: 0,
      found: 0,
      missed: 1,
      invented: 0,
    });
    expect(pool([score.errors, Float64Array.of(0)])).toEqual({ p50: 0, p95: 1e6, p99: 1e6, max: 1e6 });
  });

  it("find a step that is reported near its place and of its size, and count others as invented", () => {
    const json = constant.toJSON() as { events: object[] };
    const event = (seconds: bigint, size: bigint, kind = "step") => {
      return { kind, time: `${originNs + seconds * SECOND}`, sizeNs: `${size}` };
    };
    const events = [event(20n, SECOND), event(102n, SECOND), event(30n, 0n, "stale")];
    const score = scoreMap(ClockMap.fromJSON({ ...json, events }), stepped);
    expect(score).toMatchObject({ found: 1, missed: 0, invented: 1, stepOffBy: 2 });
    const wrong = scoreMap(ClockMap.fromJSON({ ...json, events: [event(100n, 2n * SECOND)] }), stepped);
    expect(wrong).toMatchObject({ found: 0, missed: 1, invented: 1 });
  });
});

describe("what others do", () => {
  const estimate = (name: string, one: Case) => {
    const found = baselines.find((baseline) => baseline.name === name)!.estimate(one);
    return pool([errorsOf(found, one)]);
  };

  it("meets a line without noise", () => {
    const times = Float64Array.from({ length: 100 }, (_, i) => 5 * i);
    const truth = times.map((time) => 1 + 1e-4 * time);
    const one: Case = { ...stepped, times, offsets: truth, queries: times, truth, steps: [] };
    for (const { name, kinds } of baselines) {
      // What is causal knows no slope at first.
      const queries = name.endsWith("causal") ? times.slice(9) : times;
      const line = { ...one, kind: kinds[0]!, queries, truth: truth.slice(times.length - queries.length) };
      expect(estimate(name, line).max, name).toBeLessThan(1e-3);
    }
  });

  it("loses a line among late measurements by least squares, and not by Huber's loss", () => {
    const one = scenario("late", "2 % at +600 s").make(firstSeed);
    expect(estimate("least squares", one).max).toBeGreaterThan(1e6);
    expect(estimate("Huber line", one).max).toBeLessThan(30);
  });

  it("keeps the hull's line below what arrives", () => {
    const one = scenario("one-way", "linear").make(firstSeed);
    expect(estimate("lower hull line", one).p95).toBeLessThan(50);
    expect(estimate("least squares", one).p50).toBeGreaterThan(5000);
  });
});

describe("frames", () => {
  it("are lost where a case says so, and all of them counted", () => {
    const { stamps, truth, missing } = frameCase("bursts of 30", new Draws(firstSeed));
    const lost = [...missing.values()].reduce((sum, count) => sum + count, 0);
    expect(stamps.length + lost).toBe(18_000);
    expect(lost).toBeGreaterThan(700);
    for (const [frame, count] of missing) {
      const beats = 30 * (truth[frame]! - truth[frame - 1]!);
      expect(beats).toBeCloseTo(count + 1, 6);
    }
    const row = scoreFrames("bursts of 30", firstSeed, 1);
    expect(row.gaps).toEqual({ right: missing.size, wrong: 0, invented: 0 });
    expect(row.errors.p99).toBeLessThan(1500);
    expect(row.line.p50).toBeGreaterThan(1e5);
    expect(() => requireSane([], [{ ...row, gaps: { ...row.gaps, wrong: 1 } }])).toThrow(/miscounted/);
  });
});

describe("figures", () => {
  const errors = { p50: 1, p95: 2, p99: 3, max: 4 };
  const row: Row = {
    name: "B",
    group: "round trips",
    seeds: 2,
    errors,
    coverage: 0.95,
    steps: { found: 0, missed: 0, invented: 0, offBySeconds: 0 },
    bound: { beyond: 0, of: 10 },
    cpuMs: 5,
    others: [{ name: "least squares", errors: { p50: 10, p95: 20, p99: 30, max: 40 }, cpuMs: 1, seeds: 2 }],
    gaps: [],
  };

  it("are one line of a table a scenario, others beside", () => {
    const lines = clocksTable([row]);
    expect(lines.at(-1)).toContain("| B | 1/2/3/4 | 0.950 |");
    expect(lines.at(-1)).toContain("10/20/30/40");
  });

  it.each([
    ["no number", { errors: { ...errors, max: Number.NaN } }],
    ["sigma far too small", { coverage: 0.2 }],
    ["a hard bound that does not hold", { bound: { beyond: 1, of: 10 } }],
    ["a curve no better than a line", { errors: { ...errors, p95: 21 } }],
  ])("%s is refused", (_, wrong) => {
    requireSane([row], []);
    expect(() => requireSane([{ ...row, ...wrong }], [])).toThrow(/round trips, B: |2 sigma hold/);
  });
});
