import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameIntervals, gridDeviation, gridFrames, rowsAhead, wholeRate } from "../../src/episodes/grid.ts";
import { filled } from "../../src/episodes/index.ts";
import { times } from "./memory-table.ts";

const second = 1_000_000_000n;

/** Instants that never go back, some of them equal. */
const instants = fc.array(fc.integer({ min: 0, max: 300_000_000 }), { maxLength: 30 }).map((steps) => {
  const timeNs = [1_700_000_000_123_456_789n];
  for (const step of steps) timeNs.push(timeNs.at(-1)! + BigInt(step));
  return BigInt64Array.from(timeNs);
});

describe("gridDeviation", () => {
  it("is nothing on an even grid, at whatever rate", () => {
    for (const step of [100_000_000n, 33_333_333n, 40_000_000n]) {
      const made = gridDeviation(BigInt64Array.from(times(500, step)), 10);
      expect(made).toMatchObject({ p50Ns: 0n, p99Ns: 0n, maxNs: 0n, maxIntervalNs: 0n });
      expect(made.rateHz).toBeCloseTo(1e9 / Number(step), 9);
      expect(made.rateDeviation).toBeCloseTo(1e8 / Number(step) - 1, 9);
    }
  });

  it("tells a 29.97 clock from a dropped frame", () => {
    const ntsc = BigInt64Array.from({ length: 9000 }, (_, i) => (BigInt(i) * 1001n * second) / 30_000n);
    const { rateHz, rateDeviation, maxNs, maxIntervalNs } = gridDeviation(ntsc, 30);
    expect(rateHz).toBeCloseTo(29.97002997, 7);
    expect(rateDeviation).toBeCloseTo(-0.000999, 6);
    expect([maxNs <= 1n, maxIntervalNs <= 1n]).toEqual([true, true]);
    const dropped = ntsc.filter((_, i) => i !== 4500);
    const interval = Number(gridDeviation(dropped, 30).maxIntervalNs);
    expect(interval).toBeGreaterThan(33_000_000);
    expect(interval).toBeLessThan(33_400_000);
  });

  it("finds the departures of stamps in whole milliseconds", () => {
    const stamps = BigInt64Array.from(
      { length: 3000 },
      (_, i) => BigInt(Math.round((i * 1000) / 30)) * 1_000_000n,
    );
    const { p50Ns, maxNs, maxIntervalNs } = gridDeviation(stamps, 30);
    expect(Number(p50Ns)).toBeCloseTo(333_333, -3);
    expect(Number(maxNs)).toBeLessThan(340_000);
    expect(Number(maxIntervalNs)).toBeCloseTo(666_667, -3);
  });

  it("has quantiles by nearest rank, and is still for one frame", () => {
    expect(gridDeviation(BigInt64Array.of(5n), 30)).toEqual({
      rateHz: 30,
      rateDeviation: 0,
      p50Ns: 0n,
      p99Ns: 0n,
      maxNs: 0n,
      maxIntervalNs: 0n,
    });
    fc.assert(
      fc.property(instants, (timeNs) => {
        const { p50Ns, p99Ns, maxNs } = gridDeviation(timeNs, 30);
        expect(p50Ns <= p99Ns && p99Ns <= maxNs).toBe(true);
      }),
    );
  });
});

describe("wholeRate", () => {
  const rate = (timeNs: readonly bigint[]) => wholeRate("c", frameIntervals(BigInt64Array.from(timeNs)));

  it("takes the nearest whole rate within 1 %", () => {
    expect(rate(times(100, 33_366_667n))).toBe(30);
    expect(rate(times(100, 40_000_000n))).toBe(25);
    expect(rate(times(100, 1_009_000_000n))).toBe(1);
  });

  it("is not misled by gaps, nor by stamps in whole milliseconds", () => {
    expect(rate([...times(50), ...times(50, 100_000_000n, 1_700_000_100_000_000_000n)])).toBe(10);
    expect(
      rate(Array.from({ length: 300 }, (_, i) => BigInt(Math.round((i * 1000) / 30)) * 1_000_000n)),
    ).toBe(30);
  });

  it("asks for the rate where there is no whole one", () => {
    expect(() => rate(times(100, 80_000_000n))).toThrow(/12\.5000 Hz/);
    expect(() => rate(times(100, 3_000_000_000n))).toThrow(/0\.333333 Hz/);
    expect(() => rate(times(1))).toThrow(/no rate/);
  });
});

describe("gridFrames", () => {
  it("shows at every instant the nearest frame, of two the earlier", () => {
    fc.assert(
      fc.property(instants, fc.constantFrom(1, 3, 7, 30), (timeNs, fps) => {
        const made = gridFrames(timeNs, fps);
        const start = timeNs[0]!;
        const span = timeNs.at(-1)! - start;
        expect(made.length).toBe(Number((span * BigInt(fps)) / second) + 1);
        for (const [i, frame] of made.entries()) {
          const away = [...timeNs].map((time) => {
            const ahead = (time - start) * BigInt(fps) - BigInt(i) * second;
            return ahead < 0n ? -ahead : ahead;
          });
          const least = [...away].sort((a, b) => (a < b ? -1 : 1))[0]!;
          expect(away[frame]).toBe(least);
          expect(timeNs[frame]).toBe(timeNs[away.indexOf(least)]);
        }
      }),
    );
  });

  it("keeps an even grid as it is", () => {
    expect([...gridFrames(BigInt64Array.from(times(5)), 10)]).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("rowsAhead", () => {
  it("finds the row nearest to the instant ahead, within half a frame", () => {
    fc.assert(
      fc.property(
        instants,
        fc.integer({ min: 1, max: 400_000_000 }),
        fc.constantFrom(2, 10, 30),
        (timeNs, lead, fps) => {
          const made = rowsAhead(timeNs, 0, timeNs.length, BigInt(lead), fps);
          for (const [row, found] of made.entries()) {
            const target = timeNs[row]! + BigInt(lead);
            const away = [...timeNs].map((time) => (time < target ? target - time : time - target));
            const least = [...away].sort((a, b) => (a < b ? -1 : 1))[0]!;
            if (least * 2n * BigInt(fps) > second) expect(found).toBe(-1);
            else expect(timeNs[found]).toBe(timeNs[away.indexOf(least)]);
          }
        },
      ),
    );
  });

  it("is the row itself without a lead, and looks no further than where time goes back", () => {
    const timeNs = BigInt64Array.from([0n, 100n, 50n, 150n].map((ms) => ms * 1_000_000n));
    const [half, more] = [50_000_000n, 50_000_001n];
    expect([...rowsAhead(timeNs, 0, 2, half, 10)]).toEqual([0, 1]);
    expect([...rowsAhead(timeNs, 0, 2, more, 10)]).toEqual([1, -1]);
    expect([...rowsAhead(timeNs, 1, 3, 0n, 10)]).toEqual([1, 2]);
    expect([...rowsAhead(timeNs, 0, 4, 100_000_000n, 10)]).toEqual([1, -1, 3, -1]);
  });
});

describe("filled", () => {
  const nan = Number.NaN;

  it("puts the last value before, else the first after, else 0", () => {
    const values = Float32Array.of(nan, 1, nan, nan, 2, 3, nan, nan, nan);
    expect([...filled(values, 3)]).toEqual([0, 1, 3, 0, 2, 3, 0, 2, 3]);
    expect([...filled(Float32Array.of(nan, nan, 5, nan, 6, nan), 2)]).toEqual([5, 0, 5, 0, 6, 0]);
  });

  it("leaves no NaN, keeps what is there, and leaves the input alone", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.option(fc.float({ noNaN: true }), { nil: nan }), { maxLength: 40 }),
        (size, cells) => {
          const values = Float32Array.from(cells.slice(0, cells.length - (cells.length % size)));
          const before = values.slice();
          const made = filled(values, size);
          expect(values).toEqual(before);
          expect(made.some(Number.isNaN)).toBe(false);
          for (const [at, value] of values.entries()) {
            if (!Number.isNaN(value)) expect(made[at]).toBe(value);
            else if (at >= size) expect([made[at - size], 0]).toContain(made[at]);
          }
        },
      ),
    );
  });

  it("has nothing to do for whole numbers", () => {
    const values = BigInt64Array.of(1n, 2n);
    expect(filled(values, 1)).toBe(values);
  });
});
