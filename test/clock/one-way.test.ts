import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Envelope, readEnvelope } from "../../src/clock/one-way/index.ts";
import { EPOCH, INT64_MAX, INT64_MIN, SECOND, uniform } from "./maps.ts";
import { type SeriesOptions, score, series } from "./one-way-series.ts";

const MS = 1_000_000n;
const USED = 0;
const REJECTED = 1;
const STALE = 2;
const FILLER = 3;

/** A stamp a second, arrivals 2 ms and an exponential delay of 3 ms later. */
function steady(count: number, seed = 1): { from: BigInt64Array; to: BigInt64Array } {
  const next = uniform(seed);
  const from = BigInt64Array.from({ length: count }, (_, i) => EPOCH + BigInt(i) * SECOND);
  const to = from.map((time) => time + 2n * MS - BigInt(Math.round(3e6 * Math.log(1 - next()))));
  return { from, to };
}

/** Offset and floor of a stretch where it begins, ms. */
function firstMs({ stretches }: Envelope, k = 0): number {
  const { base, track } = stretches[k]!;
  return Number(base.offset) / 1e6 + track.offsets[0]! * 1e3;
}

function count(states: Uint8Array, state: number): number {
  return states.filter((one) => one === state).length;
}

describe("the lower envelope follows a clock", () => {
  const congested: Partial<SeriesOptions> = { added: (t) => (t >= 2000 && t < 2600 ? 0.03 : 0) };
  it.each([
    ["a straight clock for an hour", { lengthS: 3600, drift: "linear" }, 20, 30],
    ["a warming clock, gamma tail", {}, 45, 60],
    ["a warming clock, exponential tail", { tail: "exponential" }, 6, 12],
    ["a warming clock, lognormal tail", { tail: "lognormal" }, 85, 110],
    ["congestion of 30 ms for 600 s", congested, 60, 150],
    ["5 % drops", { dropped: 0.05 }, 45, 60],
    ["a Pareto tail", { tail: "pareto" }, 6, 12],
    ["two routes, the shorter one for 30 %", { tail: "twoRoutes" }, 8, 15],
    ["a floor that 1 % of the rows reach", { tail: "rarelyLow" }, 200, 300],
    ["a clock that loses 930 ppm", { drift: "fast" }, 20, 30],
    ["a pause of 50 minutes", { exists: (t) => t < 2000 || t > 5000 }, 50, 80],
    ["a stamp a second", { rateHz: 1 }, 250, 400],
  ] satisfies [string, Partial<SeriesOptions>, number, number][])("%s", (_, options, p95, p99) => {
    for (const seed of [77]) {
      const stream = series({ seed, ...options });
      const envelope = readEnvelope(stream.from, stream.to);
      const result = score(stream, envelope);
      expect(envelope.events).toEqual([]);
      expect(envelope.stretches).toHaveLength(1);
      expect(result.p95).toBeLessThan(p95);
      expect(result.p99).toBeLessThan(p99);
    }
  });

  it("gives a sigma that holds nine in ten errors and more within 2 sigma", () => {
    for (const tail of ["gamma", "exponential", "lognormal", "pareto"] as const) {
      let sum = 0;
      for (let seed = 1; seed <= 6; seed++) {
        const stream = series({ seed, tail, lengthS: 3600, rateHz: 5 });
        sum += score(stream, readEnvelope(stream.from, stream.to)).coverage / 6;
      }
      expect(sum, tail).toBeGreaterThan(0.85);
    }
  });

  it("of forty rows in all, within its own sigma", () => {
    let inside = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const stream = series({ seed, lengthS: 200, rateHz: 0.2, drift: "fast", tail: "exponential" });
      const envelope = readEnvelope(stream.from, stream.to);
      const result = score(stream, envelope, () => true);
      inside += result.coverage / 40;
      expect(result.max).toBeLessThan(12_000);
    }
    expect(inside).toBeGreaterThan(0.9);
  });
});

describe("a lasting change", () => {
  it.each([0.5, -0.5, 0.005])("of %d s is found at its stamp and measured", (size) => {
    const options = { seed: 77, isStep: true, added: (t: number) => (t >= 3600 ? size : 0) };
    const stream = series(options);
    const envelope = readEnvelope(stream.from, stream.to);
    const row = stream.times.findIndex((t) => t >= 3600);
    expect(envelope.stretches).toHaveLength(2);
    expect(envelope.events).toHaveLength(1);
    const { kind, time, sizeNs } = envelope.events[0]!;
    expect(kind).toBe("step-or-delay");
    expect(Math.abs(Number(time - stream.from[row]!))).toBeLessThan(1e9);
    const { change } = envelope.stretches[1]!;
    expect(change).toMatchObject({ kind, time, sizeNs });
    const error = Math.abs(Number(sizeNs) - size * 1e9);
    expect(error).toBeLessThan(150e3);
    expect(error).toBeLessThan(3 * change!.sigmaNs);
    const result = score(stream, envelope, (t) => t > 120 && Math.abs(t - 3600) > 30);
    expect(result.p99).toBeLessThan(80);
  });

  it("of sparse stamps too", () => {
    const { from, to } = steady(40);
    to.forEach((time, i) => {
      if (i >= 20) to[i] = time + SECOND / 2n;
    });
    const { events } = readEnvelope(from, to);
    expect(events).toMatchObject([{ kind: "step-or-delay", time: from[20] }]);
    expect(Number(events[0]!.sizeNs) / 1e6).toBeCloseTo(500, -1);
  });

  it("is none where the delay returns, however often, and those rows are rejected", () => {
    const { from, to } = steady(3000);
    const raised = to.map((time, i) => (i % 600 >= 400 ? time + 30n * MS : time));
    const once = readEnvelope(from.subarray(0, 2900), raised.subarray(0, 2900));
    expect(once.events).toEqual([]);
    expect(firstMs(once)).toBeCloseTo(2, 0);
    expect(count(once.states, REJECTED)).toBeGreaterThan(750);
    const mostly = readEnvelope(
      from,
      to.map((time, i) => (i % 600 < 400 ? time + 30n * MS : time)),
    );
    expect(mostly.events).toEqual([]);
    expect(firstMs(mostly)).toBeCloseTo(2, 0);
  });
});

describe("stamps that go back", () => {
  it("for good are a reset, whatever the distance, exact to the nanosecond", () => {
    for (const back of [SECOND / 2n, 600n * SECOND, 1_700_000_000n * SECOND]) {
      const stream = steady(4000);
      const fine = stream.from.map((_, i) => EPOCH + BigInt(i) * (SECOND / 10n));
      const to = stream.to.map((time, i) => time - stream.from[i]! + fine[i]!);
      const from = fine.map((time, i) => (i >= 2000 ? time - back : time));
      const envelope = readEnvelope(from, to);
      expect(envelope.stretches).toHaveLength(2);
      expect(envelope.events).toMatchObject([{ kind: "reset", time: from[2000] }]);
      expect(Math.abs(Number(envelope.events[0]!.sizeNs - back))).toBeLessThan(1e6);
      expect(envelope.stretches[1]!.base.offset).toBe(to[2000]! - from[2000]!);
    }
  });

  it("in passing are late or strays: out of order, retained, or garbage", () => {
    const { from, to } = steady(1000);
    const clean = firstMs(readEnvelope(from, to));
    const swapped = { from: from.slice(), to };
    for (let i = 10; i < 990; i += 40) [swapped.from[i], swapped.from[i + 1]] = [from[i + 1]!, from[i]!];
    const garbage = { from: from.slice(), to };
    garbage.from[3] = 0n;
    garbage.from[500] = from[500]! + 86_400n * SECOND;
    garbage.from[900] = from[900]! - 7_200n * SECOND;
    const retained = {
      from: BigInt64Array.of(EPOCH - 645n * SECOND, EPOCH - 500n * SECOND, ...from),
      to: BigInt64Array.of(to[0]! - MS, to[0]! - MS, ...to),
    };
    for (const rows of [swapped, garbage, retained]) {
      const envelope = readEnvelope(rows.from, rows.to);
      expect(envelope.stretches).toHaveLength(1);
      expect(envelope.events).toEqual([]);
      expect(firstMs(envelope)).toBeCloseTo(clean, 0);
    }
    const { states } = readEnvelope(garbage.from, garbage.to);
    expect([states[3], states[500], states[900]]).toEqual([REJECTED, REJECTED, REJECTED]);
    expect(count(states, USED)).toBe(997);
  });
});

describe("rows that hold no measurement", () => {
  it("are stale where a stamp is repeated, and reported", () => {
    const { from, to } = steady(500);
    const beat = EPOCH - 3600n * SECOND;
    const pairs = [...from].flatMap((time, i) => [[time, to[i]!], ...(i % 5 === 0 ? [[beat, to[i]!]] : [])]);
    const envelope = readEnvelope(
      BigInt64Array.from(pairs, ([time]) => time!),
      BigInt64Array.from(pairs, ([, time]) => time!),
    );
    expect(envelope.events).toEqual([{ kind: "stale", time: beat, sizeNs: 0n }]);
    expect(count(envelope.states, STALE)).toBe(99);
    expect(envelope.stretches).toHaveLength(1);
    expect(envelope.stretches[0]).toMatchObject({ pairs: 600, rejected: 100, start: from[0] });
  });

  it("are not stale for coarse ticks, which are dithered away", () => {
    const stream = series({ seed: 5, lengthS: 1800, drift: "linear" });
    const tick = 15_625_000n;
    const coarse = stream.from.map((time) => time - (time % tick));
    const envelope = readEnvelope(coarse, stream.to);
    expect(count(envelope.states, STALE)).toBe(0);
    expect(score(stream, envelope).p95).toBeLessThan(600);
  });

  it("are fillers at the int64 extremes", () => {
    const { from, to } = steady(100);
    from[7] = INT64_MIN;
    to[8] = INT64_MAX;
    const { states } = readEnvelope(from, to);
    expect([...states.entries()].filter(([, state]) => state !== USED)).toEqual([
      [7, FILLER],
      [8, FILLER],
    ]);
  });

  it("are too few where all stamps are the same or none is left", () => {
    const same = new BigInt64Array(20).fill(EPOCH);
    const code = (from: BigInt64Array, to: BigInt64Array) => {
      try {
        return readEnvelope(from, to);
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(code(same, steady(20).to)).toBe("CLOCK_TOO_LITTLE_EVIDENCE");
    expect(code(new BigInt64Array(2).fill(INT64_MIN), new BigInt64Array(2))).toBe(
      "CLOCK_TOO_LITTLE_EVIDENCE",
    );
  });

  it("leave arrivals in whole seconds uncertain by as much", () => {
    const { from, to } = steady(600);
    const envelope = readEnvelope(
      from,
      to.map((time) => time - (time % SECOND)),
    );
    expect(envelope.stretches[0]!.floorSigma).toBeGreaterThan(0.5);
  });
});

describe("any rows", () => {
  it("give finite knots in ascending order or an AlignError, the same each time", () => {
    const time = fc.oneof(
      fc.bigInt({ min: 0n, max: 5n }),
      fc.bigInt({ min: EPOCH, max: EPOCH + 2n ** 42n }),
      fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
      fc.constantFrom(INT64_MIN, INT64_MAX, INT64_MIN + 1n, INT64_MAX - 1n),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(time, time), { maxLength: 80 }), (rows) => {
        const from = BigInt64Array.from(rows, ([one]) => one);
        const to = BigInt64Array.from(rows, ([, other]) => other);
        try {
          const envelope = readEnvelope(from, to);
          expect(readEnvelope(from, to)).toEqual(envelope);
          expect(envelope.stretches.length).toBeGreaterThan(0);
          for (const { track, floorSigma } of envelope.stretches) {
            expect(Number.isFinite(floorSigma)).toBe(true);
            track.times.forEach((instant, i) => {
              expect(Number.isFinite(track.offsets[i])).toBe(true);
              expect(track.variances[i]).toBeGreaterThan(0);
              if (i > 0) expect(instant).toBeGreaterThan(track.times[i - 1]!);
            });
          }
        } catch (error) {
          expect(error).toMatchObject({ name: "AlignError" });
        }
      }),
      { numRuns: 500 },
    );
  });
});
