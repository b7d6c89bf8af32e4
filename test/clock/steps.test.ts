import { describe, expect, it } from "vitest";
import { evidenceOf } from "../../bench/clocks/case.ts";
import { Draws } from "../../bench/clocks/draws.ts";
import { type TwoWay, twoWayCase } from "../../bench/clocks/two-way.ts";
import { type ClockMap, type Evidence, estimateClockMap } from "../../src/clock/index.ts";
import { at, EPOCH, SECOND } from "./maps.ts";

function mapOf(spec: TwoWay, seed: number): ClockMap {
  return estimateClockMap(evidenceOf(twoWayCase(spec, new Draws(seed))));
}

function jumps(map: ClockMap) {
  return map.events.filter(({ kind }) => kind !== "gap" && kind !== "stale");
}

/** Round trips every 5 s with a few us of noise. */
function probes(
  offsetAt: (i: number) => bigint,
  count = 100,
  roundTrip = 1_000_000n,
): Evidence & { kind: "two-way" } {
  const noise = new Draws(3);
  const rows = Array.from({ length: count }, (_, i) => i);
  return {
    kind: "two-way",
    from: BigInt64Array.from(rows, (i) => EPOCH + BigInt(i) * 5n * SECOND),
    offset: BigInt64Array.from(rows, (i) => offsetAt(i) + BigInt(Math.round(noise.normal(5000)))),
    roundTrip: new BigInt64Array(count).fill(roundTrip),
  };
}

describe("steps", () => {
  it("are found from 5 ms on, at the first probe after them", () => {
    for (let seed = 1; seed <= 8; seed++) {
      const size = [0.005, -0.005, 0.02, -0.4][seed % 4]!;
      const spec: TwoWay = { drift: "warm-up", seconds: 3600, steps: [{ at: 1802, size }] };
      const found = jumps(mapOf(spec, seed));
      expect(found).toHaveLength(1);
      expect(Number(found[0]!.time - EPOCH) / 1e9).toBeGreaterThan(1802);
      expect(Number(found[0]!.time - EPOCH) / 1e9).toBeLessThan(1810.1);
      expect(Number(found[0]!.sizeNs) / 1e9).toBeCloseTo(size, 3);
    }
  });

  it("are not invented in 32 clean runs of 8 h", () => {
    let invented = 0;
    for (let seed = 1; seed <= 32; seed++) {
      const drift = seed % 2 === 0 ? "warm-up" : "random walk";
      invented += jumps(mapOf({ drift, seconds: 28_800, interval: 10 }, seed)).length;
    }
    expect(invented).toBe(0);
  }, 60_000);

  it("are not made of outliers that come in clusters", () => {
    const map = estimateClockMap(
      probes((i) => ([10, 11, 12, 40, 41, 43, 97, 98, 99].includes(i) ? SECOND : 0n)),
    );
    expect(jumps(map)).toEqual([]);
    expect(map.segments[0]).toMatchObject({ pairs: 100, rejected: 9 });
    expect(Math.abs(Number(at(map, EPOCH + 480n * SECOND) - EPOCH - 480n * SECOND))).toBeLessThan(20_000);
  });

  it("within half the round trip are steps or delays, with the map of either", () => {
    const small = estimateClockMap(probes((i) => (i < 50 ? 0n : 300_000n)));
    const [event] = jumps(small);
    expect(event).toMatchObject({ kind: "step-or-delay", time: EPOCH + 250n * SECOND });
    expect(event!.alternative!.segments).toHaveLength(1);
    expect(small.segments).toHaveLength(2);
    const large = estimateClockMap(probes((i) => (i < 50 ? 0n : 3_000_000n)));
    expect(jumps(large)).toMatchObject([{ kind: "step", time: EPOCH + 250n * SECOND }]);
    expect(jumps(large)[0]!.alternative).toBeUndefined();
  });

  it("part the map in the hole between two segments, each going on with its own slope", () => {
    const map = estimateClockMap(probes((i) => (i < 50 ? 0n : 3n * SECOND)));
    const half = EPOCH + 247n * SECOND + SECOND / 2n;
    const off = (time: bigint) => Number(at(map, time) - time) / 1e9;
    expect(off(half - 1n)).toBeCloseTo(0, 4);
    expect(off(half)).toBeCloseTo(3, 4);
  });
});

describe("steps among few rows", () => {
  /** Marks every 12 min, 60 ms of noise, that jump by -9 s. */
  function marks(count: number, after: number, seed: number, isGiven: boolean): Evidence {
    const noise = new Draws(seed);
    const from = BigInt64Array.from({ length: count }, (_, i) => EPOCH + BigInt(i) * 720n * SECOND);
    const to = from.map((time, i) => {
      const size = i >= after ? -9n * SECOND : 0n;
      return time + 17n * SECOND + size + BigInt(Math.round(noise.normal(6e7)));
    });
    const uncertainty = new BigInt64Array(count).fill(60_000_000n);
    return isGiven ? { kind: "marks", from, to, uncertainty } : { kind: "marks", from, to };
  }

  it.each([
    [10, 5, true],
    [6, 3, true],
    [8, 6, true],
    [10, 5, false],
    [7, 3, false],
  ])("of %i, from row %i on, given uncertainties %s, are found where they are", (count, after, isGiven) => {
    for (let seed = 1; seed <= 10; seed++) {
      const map = estimateClockMap(marks(count, after, seed, isGiven));
      const [found, ...rest] = jumps(map);
      expect(rest).toEqual([]);
      expect(found!.time).toBe(EPOCH + BigInt(after) * 720n * SECOND);
      expect(Math.abs(Number(found!.sizeNs) + 9e9)).toBeLessThan(7e8);
    }
  });

  it.each([24, 30, 40, 56])(
    "are found among %d marks of unknown noise, once and within a mark of their place",
    (count) => {
      for (let seed = 1; seed <= 20; seed++) {
        const noise = new Draws(seed);
        const from = BigInt64Array.from({ length: count }, (_, i) => EPOCH + BigInt(i) * 720n * SECOND);
        const to = from.map((time, i) => {
          const step = i < count / 2 ? 0 : 1;
          return time + BigInt(Math.round(1e9 * (17 + 0.0288 * i + step + noise.normal(0.06))));
        });
        const found = jumps(estimateClockMap({ kind: "marks", from, to }));
        expect(found).toHaveLength(1);
        expect(Math.abs(from.indexOf(found[0]!.time) - count / 2)).toBeLessThanOrEqual(1);
      }
    },
  );

  it("leave sides of five marks whose sigma holds, though only their scatter tells it", () => {
    let [within, all] = [0, 0];
    for (let seed = 1; seed <= 80; seed++) {
      const noise = new Draws(seed);
      const from = BigInt64Array.from({ length: 10 }, (_, i) => EPOCH + BigInt(i) * 720n * SECOND);
      const offsets = Array.from(from, (_, i) => 17 + 0.0288 * i - (i < 5 ? 0 : 9));
      const to = from.map((time, i) => time + BigInt(Math.round(1e9 * (offsets[i]! + noise.normal(0.06)))));
      const map = estimateClockMap({ kind: "marks", from, to });
      const [mapped, sigmas] = [map.apply(from), map.uncertainty(from)];
      offsets.forEach((offset, i) => {
        all++;
        if (Math.abs(Number(mapped[i]! - from[i]!) / 1e9 - offset) <= (2 * sigmas[i]!) / 1e9) within++;
      });
    }
    expect(within / all).toBeGreaterThanOrEqual(0.9);
  });

  it("are not made of one wild mark, nor of a drift that changes", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const wild = marks(9, 9, seed, true) as Evidence & { kind: "marks" };
      wild.to[8]! -= 9n * SECOND;
      const map = estimateClockMap(wild);
      expect(jumps(map)).toEqual([]);
      expect(map.segments[0]!.rejected).toBe(1);
      for (const interval of [30, 720, 3600]) {
        const few: TwoWay = { drift: "warm-up", seconds: (6 + seed) * interval, interval };
        expect(jumps(mapOf(few, seed))).toEqual([]);
      }
    }
  });
});

describe("a source that starts again", () => {
  it("gives a segment each time, and the later one where the same readings come twice", () => {
    const first = probes(() => 7n * SECOND, 40);
    const second = probes(() => 900n * SECOND, 30);
    const both: Evidence = {
      kind: "two-way",
      from: BigInt64Array.from([...first.from, ...second.from]),
      offset: BigInt64Array.from([...first.offset, ...second.offset]),
    };
    const map = estimateClockMap(both);
    expect(jumps(map)).toMatchObject([{ kind: "reset", time: EPOCH }]);
    expect(Number(jumps(map)[0]!.sizeNs) / 1e9).toBeCloseTo(893, 3);
    expect(map.segments.map(({ pairs }) => pairs)).toEqual([30, 40]);
    const off = (seconds: bigint) =>
      Number(at(map, EPOCH + seconds * SECOND) - EPOCH - seconds * SECOND) / 1e9;
    expect(off(100n)).toBeCloseTo(900, 3);
    expect(off(180n)).toBeCloseTo(7, 3);
  });
});

describe("a hole in the probes", () => {
  it("is told as a gap, and the curve goes on across it", () => {
    const all = probes(() => 0n, 100);
    const keep = (column: BigInt64Array) => column.filter((_, i) => i < 30 || i >= 70);
    const map = estimateClockMap({ kind: "two-way", from: keep(all.from), offset: keep(all.offset) });
    expect(map.events).toMatchObject([{ kind: "gap", time: EPOCH + 350n * SECOND }]);
    expect(map.segments).toHaveLength(1);
  });
});
