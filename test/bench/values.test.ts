import { describe, expect, it } from "vitest";
import { isValid } from "../../src/bench/series.ts";
import { nanWhereNull, requireSame } from "../../src/bench/values.ts";
import { makeWorkload, variantOf, workloadNames } from "../../src/bench/workloads.ts";

const ours = [{ values: Float64Array.of(1, 0, 3), validity: Uint8Array.of(0b101) }];

describe("comparing a rival's values", () => {
  it("takes equal ones, NaN for null", () => {
    requireSame("rival", ours, [Float64Array.of(1, Number.NaN, 3)], 0);
    expect(nanWhereNull(ours[0]!)).toEqual(Float64Array.of(1, Number.NaN, 3));
  });

  it.each([
    ["another value", [1, Number.NaN, 3.0000001], 0],
    ["a value where we have none", [1, 0, 3], 0],
    ["none where we have a value", [Number.NaN, Number.NaN, 3], 0],
    ["a value beyond the allowance", [1, Number.NaN, 3 + 1e-11], 1e-12],
    ["too few values", [1, Number.NaN], 0],
    ["nothing at all", [], 0],
  ] as const)("refuses %s", (_, theirs, relative) => {
    const found = theirs.length === 0 ? [] : [Float64Array.from(theirs)];
    expect(() => requireSame("rival", ours, found, relative)).toThrow(/rival/);
  });

  it("allows rounding where it is asked to", () => {
    requireSame("rival", ours, [Float64Array.of(1, Number.NaN, 3 + 1e-13)], 1e-12);
  });
});

describe("workloads", () => {
  it.each(workloadNames)("%s ascends, is the same every time and bites where it should", (name) => {
    const load = makeWorkload(name, "small");
    expect(makeWorkload(name, "small")).toEqual(load);
    for (const { times, relative, values } of load.tags) {
      expect(times.every((time, i) => i === 0 || time > times[i - 1]!)).toBe(true);
      expect(times[0]! - BigInt(relative[0]!)).toBe(1_760_000_000_000_000_000n);
      expect(values.length).toBe(times.length);
    }
    const [{ relative }] = load.tags as [(typeof load.tags)[number]];
    let at = -1;
    const ages = [];
    for (const time of load.relativeFrames) {
      while (at + 1 < relative.length && relative[at + 1]! <= time) at++;
      if (at >= 0) ages.push(time - relative[at]!);
    }
    const beyond = ages.filter((age) => age > load.toleranceNs).length / ages.length;
    expect(beyond).toBeGreaterThan(0.4);
    expect(beyond).toBeLessThan(0.6);
    const gaps = relative.slice(1).map((time, i) => time - relative[i]!);
    const wide = gaps.filter((gap) => gap > load.maxGapNs).length / gaps.length;
    expect(wide).toBeGreaterThan(0.4);
    expect(wide).toBeLessThan(0.6);
  });

  it("starts the generator as others can", () => {
    const { frames } = makeWorkload("W3c", "small");
    const seed = (Math.imul(12_345, 1_664_525) + 1_013_904_223) >>> 0;
    const moved = Math.round(((seed / 2 ** 32) * 2 - 1) * 1_000_000);
    expect(frames[0]).toBe(1_760_000_000_500_000_000n + BigInt(moved));
  });

  it("makes 5 % of the samples null", () => {
    const [tag] = variantOf(makeWorkload("W3s", "small"), "nulls").tags;
    const nulls = Array.from(tag!.values).filter((_, i) => !isValid(tag!.validity, i)).length;
    expect(nulls / tag!.values.length).toBeCloseTo(0.05, 1);
  });
});
