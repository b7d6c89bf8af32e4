import { describe, expect, it } from "vitest";
import { fitClock } from "../../src/clock/index.ts";
import { findStale, tickOf } from "../../src/clock/stale.ts";
import { EPOCH, SECOND } from "./maps.ts";

describe("findStale", () => {
  it("finds eight or more bit-equal offsets among others that differ", () => {
    const fresh = [11, 205, 93, 317, 48];
    const frozen = (length: number) => new Array<number>(length).fill(777);
    expect(findStale(Float64Array.of(...fresh, ...frozen(8), 1001))).toEqual([{ first: 5, end: 13 }]);
    expect(findStale(Float64Array.of(...fresh, ...frozen(7), 1001))).toEqual([]);
    expect(findStale(Float64Array.of(...frozen(20)))).toEqual([]);
  });

  it("takes coarse ticks for no repetition", () => {
    const drifting = Float64Array.from({ length: 400 }, (_, i) => Math.round(i / 30) * 1e6);
    expect(findStale(drifting)).toEqual([]);
    const dithered = drifting.map((value, i) => (i % 30 > 20 && i % 2 === 0 ? value + 1e6 : value));
    expect(findStale(dithered)).toEqual([]);
  });
});

describe("tickOf", () => {
  it("is what all differences are multiples of, and divides a second", () => {
    expect(tickOf([5e6, 8e6, 12e6])).toBe(1e6);
    expect(tickOf([0, 46_875_000, 15_625_000])).toBe(15_625_000);
    expect(tickOf([0, 17, 1_000_000])).toBe(1);
  });
});

describe("stale evidence", () => {
  it("is told once a run, counted as rejected and not fitted", () => {
    const n = 120;
    const from = BigInt64Array.from({ length: n }, (_, i) => EPOCH + BigInt(i) * 5n * SECOND);
    const offset = BigInt64Array.from({ length: n }, (_, i) => BigInt(i * 150_000 + ((i * 7919) % 331)));
    offset.fill(offset[60]!, 60, 90);
    const { map, outcomes } = fitClock({ kind: "two-way", from, offset });
    expect(map.events.filter(({ kind }) => kind === "stale")).toEqual([
      { kind: "stale", time: from[61], sizeNs: 0n },
    ]);
    expect(map.segments).toMatchObject([{ pairs: n, rejected: 29 }]);
    expect(map.segments[0]!.driftPpb).toBeCloseTo(30_000, 0);
    expect([...outcomes[0]!.states].filter((state) => state === 2)).toHaveLength(29);
    expect(outcomes[0]!.states[60]).toBe(0);
    expect(Math.abs(outcomes[0]!.residualsNs[89]!)).toBeCloseTo(29 * 150_000, -3);
  });
});
