import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Draws } from "../../bench/clocks/draws.ts";
import { type Evidence, estimateClockMap, fitClock } from "../../src/clock/index.ts";
import { at, EPOCH, INT64_MAX, INT64_MIN, SECOND, sigmaAt } from "./maps.ts";

const MS = 1_000_000n;

/** A clock that gains 40 ppm: 3 s ahead at EPOCH. */
function truth(time: bigint): bigint {
  return time + 3n * SECOND + ((time - EPOCH) * 40n) / 1_000_000n;
}

const instants = (count: number, every: bigint) =>
  Array.from({ length: count }, (_, i) => EPOCH + BigInt(i) * every);

function oneWay(floor: bigint, count = 6000): Evidence & { kind: "one-way" } {
  const draws = new Draws(11);
  const from = instants(count, 100n * MS);
  const to = from.map((time) => truth(time) + floor + BigInt(Math.round(draws.exponential(2e6))));
  return { kind: "one-way", from: BigInt64Array.from(from), to: BigInt64Array.from(to) };
}

const errorAt = (map: ReturnType<typeof estimateClockMap>, time: bigint) =>
  Number(at(map, time) - truth(time));

describe("one-way evidence", () => {
  const middle = EPOCH + 300n * SECOND;

  it("alone holds the constant floor", () => {
    const map = estimateClockMap(oneWay(20n * MS));
    expect(Math.abs(errorAt(map, middle) - 20e6)).toBeLessThan(50e3);
    expect(sigmaAt(map, middle)).toBeLessThan(100e3);
    expect(map.bound(BigInt64Array.of(middle))[0]).toBe(Number.POSITIVE_INFINITY);
    expect(map.segments).toMatchObject([{ pairs: 6000, start: EPOCH }]);
  });

  it("takes its floor from one mark, and its sigma from that of the mark", () => {
    const mark: Evidence = {
      kind: "marks",
      from: BigInt64Array.of(middle),
      to: BigInt64Array.of(truth(middle) + MS),
      uncertainty: BigInt64Array.of(2n * MS),
    };
    const map = estimateClockMap([oneWay(20n * MS), mark]);
    expect(errorAt(map, EPOCH)).toBeGreaterThan(0.9e6);
    expect(errorAt(map, EPOCH)).toBeLessThan(1.1e6);
    expect(sigmaAt(map, EPOCH) / 2e6).toBeCloseTo(1, 1);
    expect(map.segments[0]!.driftPpb).toBeCloseTo(40_000, -2);
  });

  it("takes its floor from an asserted offset", () => {
    const offset = truth(middle) - middle;
    const map = estimateClockMap([oneWay(20n * MS), { kind: "constant", offset, uncertainty: 3n * MS }]);
    expect(Math.abs(errorAt(map, middle))).toBeLessThan(100e3);
    expect(sigmaAt(map, middle) / 3e6).toBeCloseTo(1, 1);
  });
});

describe("round trips and marks", () => {
  it("together are better than either, and each row has an outcome", () => {
    const draws = new Draws(5);
    const from = BigInt64Array.from(instants(200, 5n * SECOND));
    const trips: Evidence = {
      kind: "two-way",
      from,
      offset: from.map((time) => truth(time) - time + BigInt(Math.round(draws.normal(60e3)))),
      roundTrip: from.map(() => 800_000n + BigInt(Math.round(draws.exponential(2e5)))),
    };
    const seen = BigInt64Array.from(instants(20, 50n * SECOND));
    const marks: Evidence = {
      kind: "marks",
      from: seen,
      to: seen.map((time) => truth(time) + BigInt(Math.round(draws.normal(20e3)))),
      uncertainty: new BigInt64Array(20).fill(20_000n),
    };
    const time = EPOCH + 500n * SECOND;
    const joint = fitClock([trips, marks]);
    const sigmas = [trips, marks].map((one) => sigmaAt(estimateClockMap(one), time));
    expect(sigmaAt(joint.map, time)).toBeLessThan(Math.min(...sigmas));
    expect(Math.abs(errorAt(joint.map, time))).toBeLessThan(3 * sigmaAt(joint.map, time));
    expect(joint.model).toBe("linear");
    expect(joint.outcomes.map(({ kind, states }) => [kind, states.length])).toEqual([
      ["two-way", 200],
      ["marks", 20],
    ]);
    expect(joint.map.bound(BigInt64Array.of(time))[0]!).toBeLessThan(1e6);
    expect(joint.outcomes[1]!.sigmasNs[3]).toBeCloseTo(20_000, 3);
  });

  it("leaves wild marks out", () => {
    const from = instants(30, 10n * SECOND);
    const to = from.map((time, i) => truth(time) + (i % 9 === 4 ? 500n * SECOND : 0n));
    const uncertainty = new BigInt64Array(30).fill(MS);
    const marks: Evidence = {
      kind: "marks",
      from: BigInt64Array.from(from),
      to: BigInt64Array.from(to),
      uncertainty,
    };
    for (const model of ["auto", "linear"] as const) {
      const map = estimateClockMap(marks, { model });
      expect(map.segments).toMatchObject([{ pairs: 30, rejected: 3 }]);
      expect(Math.abs(errorAt(map, EPOCH))).toBeLessThan(2);
    }
  });
});

describe("evidence of any int64", () => {
  const int64 = fc.oneof(
    fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
    fc.bigInt({ min: EPOCH, max: EPOCH + 10n ** 12n }),
    fc.constantFrom(INT64_MIN, INT64_MAX, 0n, -1n),
  );
  const row = fc.tuple(int64, int64, int64);
  const kinds = fc.constantFrom("two-way", "marks", "one-way");
  const model = fc.constantFrom("auto", "constant", "linear", "piecewise");

  it("gives a map of finite numbers or an AlignError", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), kinds, model, (rows, kind, chosen) => {
        const [from, other, third] = [0, 1, 2].map((k) => BigInt64Array.from(rows, (entry) => entry[k]!));
        const evidence = {
          "two-way": { kind: "two-way", from: from!, offset: other!, roundTrip: third! },
          marks: { kind: "marks", from: from!, to: other! },
          "one-way": { kind: "one-way", from: from!, to: other! },
        }[kind] as Evidence;
        try {
          const { map, outcomes } = fitClock(evidence, { model: chosen });
          const sigma = map.uncertainty(BigInt64Array.of(EPOCH, 0n, INT64_MIN, INT64_MAX));
          for (const value of sigma) expect(value).not.toBeNaN();
          for (const { driftPpb, residualP99Ns } of map.segments) {
            expect(driftPpb).not.toBeNaN();
            expect(residualP99Ns).not.toBeNaN();
          }
          expect(JSON.stringify(map)).not.toContain("NaN");
          expect(outcomes[0]!.states).toHaveLength(rows.length);
        } catch (error) {
          expect(error).toEqual(expect.objectContaining({ name: "AlignError" }));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a fit", () => {
  const draws = new Draws(21);
  const from = BigInt64Array.from(instants(150, 5n * SECOND));
  const offset = from.map((time) => truth(time) - time + BigInt(Math.round(draws.normal(80e3))));

  it("moves with both clocks, to the ns", () => {
    const map = estimateClockMap({ kind: "two-way", from, offset });
    const shift = 123_456_789_987_654_321n;
    const moved = estimateClockMap({
      kind: "two-way",
      from: from.map((time) => time - shift),
      offset: offset.map((value) => value + 77n),
    });
    const times = BigInt64Array.from(instants(40, 19n * SECOND));
    expect(moved.apply(times.map((time) => time - shift))).toEqual(
      map.apply(times).map((time) => time - shift + 77n),
    );
  });

  it("does not depend on how rows are spread over entries", () => {
    const part = (keep: (i: number) => boolean): Evidence => ({
      kind: "two-way",
      from: from.filter((_, i) => keep(i)),
      offset: offset.filter((_, i) => keep(i)),
    });
    const map = estimateClockMap({ kind: "two-way", from, offset });
    const parted = estimateClockMap([part((i) => i % 2 === 0), part((i) => i % 2 === 1)]);
    const time = EPOCH + 300n * SECOND;
    expect(Math.abs(Number(at(map, time) - at(parted, time)))).toBeLessThan(3 * sigmaAt(map, time));
  });
});
