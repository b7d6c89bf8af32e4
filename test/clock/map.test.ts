import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClockMap, estimateClockMap, identityMap } from "../../src/clock/index.ts";
import {
  anyLine,
  anyPiecewise,
  at,
  EPOCH,
  exactTarget,
  hourlyPiecewise,
  INT64_MAX,
  INT64_MIN,
  mapOf,
  SECOND,
  sigmaAt,
  size,
} from "./maps.ts";

const nearby = fc.array(fc.bigInt({ min: -(2n ** 43n), max: 2n ** 43n }), { minLength: 1, maxLength: 300 });

const distances = fc.array(
  fc.oneof(
    fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
    fc.bigInt({ min: -(2n ** 50n) + 1n, max: 2n ** 50n - 1n }),
  ),
  { minLength: 1, maxLength: 300 },
);

describe("apply", () => {
  it("is within 1 ns of exact rational arithmetic", () => {
    const far = fc.array(fc.bigInt({ min: -(2n ** 58n), max: 2n ** 58n }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(anyLine, fc.oneof(distances, far), (line, offsets) => {
        const times = BigInt64Array.from(offsets, (distance) => line.from + distance);
        const mapped = mapOf([line]).apply(times);
        mapped.forEach((time, i) => {
          const { numerator, shift } = exactTarget(line, times[i]!);
          expect(size((time << shift) - numerator)).toBeLessThanOrEqual(1n << shift);
        });
      }),
      { numRuns: 300 },
    );
  });

  it("gives every time the same whatever array it is in, and in whatever order", () => {
    fc.assert(
      fc.property(anyLine, distances, (line, offsets) => {
        const times = BigInt64Array.from(offsets, (distance) => line.from + distance);
        const map = mapOf([line]);
        const padded = new BigInt64Array(500).fill(line.from);
        padded.set(times, 100);
        expect(map.apply(padded).subarray(100, 100 + times.length)).toEqual(map.apply(times));
        expect(map.apply(times)).toEqual(BigInt64Array.from(times, (time) => at(map, time)));
        expect(map.apply(times.slice().sort())).toEqual(
          BigInt64Array.from(times.slice().sort(), (time) => at(map, time)),
        );
      }),
    );
  });

  it("passes any number of times through kernel memory", () => {
    const line = { from: EPOCH, to: EPOCH + 5n * SECOND, drift: 40e-6 };
    const times = BigInt64Array.from({ length: 100_003 }, (_, i) => EPOCH + BigInt(i) * 33_333_333n);
    const mapped = mapOf([line]).apply(times);
    for (const i of [0, 1, 32_767, 32_768, 65_536, 99_999, 100_002]) {
      expect(mapped[i]).toBe(at(mapOf([line]), times[i]!));
    }
    expect(mapped.length).toBe(times.length);
  });

  it("leaves its input alone and returns an array of its own", () => {
    const times = BigInt64Array.of(3n, 1n, 2n);
    const mapped = identityMap().apply(times);
    expect(mapped).toEqual(times);
    expect(mapped.buffer).not.toBe(times.buffer);
    expect(identityMap().apply(new BigInt64Array(0)).length).toBe(0);
  });

  it("maps the identity bit for bit, at the int64 extremes too", () => {
    const times = BigInt64Array.of(INT64_MIN, -1n, 0n, 1n, 1_800_000_000_000_000_001n, INT64_MAX);
    expect(identityMap().apply(times)).toEqual(times);
    expect(identityMap().inverse().apply(times)).toEqual(times);
    expect(identityMap().compose(identityMap()).apply(times)).toEqual(times);
    expect([...identityMap().uncertainty(times)]).toEqual([0, 0, 0, 0, 0, 0]);
    expect([...identityMap().bound(times)]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("refuses a target time beyond int64, wherever it stands in the input", () => {
    const late = estimateClockMap({ kind: "constant", offset: 10n });
    expect(at(late, INT64_MAX - 10n)).toBe(INT64_MAX);
    expect(at(late, INT64_MIN)).toBe(INT64_MIN + 10n);
    expect(() => late.apply(BigInt64Array.of(5n, INT64_MAX - 9n, 6n))).toThrowError(
      expect.objectContaining({ code: "CLOCK_OVERFLOW", exitCode: 5 }),
    );
    const early = mapOf([{ from: 0n, to: INT64_MIN + 1000n, drift: 0.25 }]);
    expect(at(early, -800n)).toBe(INT64_MIN);
    const times = new BigInt64Array(100).fill(1n);
    times[50] = -804n;
    expect(() => early.apply(times)).toThrowError(expect.objectContaining({ code: "CLOCK_OVERFLOW" }));
  });

  it("refuses anything but a BigInt64Array", () => {
    const junks: unknown[] = [undefined, null, [1n], new Float64Array(1), new BigUint64Array(1), 5n];
    for (const junk of junks) {
      expect(() => identityMap().apply(junk as BigInt64Array)).toThrowError(
        expect.objectContaining({ code: "USAGE_TIMES" }),
      );
    }
  });

  it("never runs backwards within a segment, on either side of a knot and at the edge of the kernel's range", () => {
    fc.assert(
      fc.property(anyPiecewise, ({ map, from }) => {
        for (const knot of [...from, from[0]! - 2n ** 50n, from.at(-1)! + 2n ** 50n]) {
          const around = map.apply(BigInt64Array.from({ length: 41 }, (_, i) => knot + BigInt(i - 20)));
          around.forEach((time, i) => {
            if (i > 0) expect(time).toBeGreaterThanOrEqual(around[i - 1]!);
          });
        }
      }),
    );
  });

  it("maps later times strictly later where the slope allows it", () => {
    fc.assert(
      fc.property(
        anyPiecewise,
        fc.bigInt({ min: -(2n ** 45n), max: 2n ** 45n }),
        ({ map, from }, distance) => {
          const time = from[0]! + distance;
          const mapped = map.apply(BigInt64Array.of(time, time + 4n));
          expect(mapped[1]).toBeGreaterThan(mapped[0]!);
        },
      ),
    );
  });
});

describe("inverse", () => {
  it("leads back within 1 ns", () => {
    fc.assert(
      fc.property(anyPiecewise, distances, ({ map, from }, offsets) => {
        const times = BigInt64Array.from(offsets, (distance) => from[0]! + distance);
        const back = map.inverse().apply(map.apply(times));
        back.forEach((time, i) => {
          expect(size(time - times[i]!)).toBeLessThanOrEqual(1n);
        });
      }),
    );
  });

  it("goes through the same marks and has the same uncertainty there, over the slope", () => {
    fc.assert(
      fc.property(anyPiecewise, ({ map, from, to }) => {
        const inverse = map.inverse();
        expect([...inverse.apply(BigInt64Array.from(to))]).toEqual(from);
        expect(inverse.segments[0]).toMatchObject({ start: to[0], end: to.at(-1), pairs: from.length });
        expect(inverse.segments[0]!.offsetNs).toBe(-map.segments[0]!.offsetNs);
      }),
    );
    const map = mapOf([{ from: 0n, to: 100n, drift: 1, variance: [400, 0, 4] }]);
    expect(sigmaAt(map, 10n)).toBeCloseTo(Math.sqrt(800), 9);
    expect(sigmaAt(map.inverse(), 120n)).toBeCloseTo(Math.sqrt(800) / 2, 9);
  });

  it("lets the later segment win where a backward step makes two instants one", () => {
    const step = [
      [{ from: 0n, to: 0n, drift: 0 }],
      [{ since: 1000n, from: 1000n, to: 700n, drift: 0 }],
      [{ since: 5000n, from: 5000n, to: 4700n, drift: 0 }],
    ];
    const map = mapOf(...step);
    expect([...map.apply(BigInt64Array.of(-5n, 999n, 1000n, 6000n))]).toEqual([-5n, 999n, 700n, 5700n]);
    const inverse = map.inverse();
    expect([...inverse.apply(BigInt64Array.of(699n, 700n, 999n, 5000n))]).toEqual([
      699n,
      1000n,
      1299n,
      5300n,
    ]);
    expect(inverse.segments.length).toBe(3);
    const shadow = mapOf(
      [{ from: 0n, to: 0n, drift: 0 }],
      [{ since: 1000n, from: 1000n, to: 1000n, drift: 0 }],
      [{ since: 2000n, from: 2000n, to: 500n, drift: 0 }],
    );
    expect([...shadow.inverse().apply(BigInt64Array.of(499n, 500n, 1500n))]).toEqual([499n, 2000n, 3000n]);
    expect(shadow.inverse().segments.length).toBe(2);
  });

  it("parts the gap of a forward step in its middle", () => {
    const map = mapOf([{ from: 0n, to: 0n, drift: 0 }], [{ since: 1000n, from: 1000n, to: 3000n, drift: 0 }]);
    expect([...map.inverse().apply(BigInt64Array.of(999n, 1999n, 2000n, 3000n))]).toEqual([
      999n,
      1999n,
      0n,
      1000n,
    ]);
  });
});

describe("compose", () => {
  it("is the second map after the first, and the variances add", () => {
    fc.assert(
      fc.property(hourlyPiecewise, hourlyPiecewise, nearby, (first, second, offsets) => {
        const shift = estimateClockMap({ kind: "constant", offset: second.from[0]! - first.to[0]! });
        const before = first.map.compose(shift);
        const map = before.compose(second.map);
        const times = BigInt64Array.from(offsets, (distance) => first.from[0]! + distance);
        const between = before.apply(times);
        expect(between).toEqual(shift.apply(first.map.apply(times)));
        const mapped = map.apply(times);
        const [one, two, sum] = [
          before.uncertainty(times),
          second.map.uncertainty(between),
          map.uncertainty(times),
        ];
        second.map.apply(between).forEach((time, i) => {
          // A slope of 2 doubles the half ns that the first rounding leaves.
          expect(size(time - mapped[i]!)).toBeLessThanOrEqual(2n);
          expect(sum[i]! / Math.hypot(one[i]!, two[i]!)).toBeCloseTo(1, 3);
        });
      }),
    );
  });

  it("is within 1 ns for clocks, which differ by parts in a million", () => {
    const drift = fc.double({ min: -3e-4, max: 3e-4, noNaN: true });
    fc.assert(
      fc.property(drift, drift, distances, (one, two, offsets) => {
        const first = mapOf([{ from: EPOCH, to: EPOCH - 3n * SECOND, drift: one }]);
        const second = mapOf([{ from: EPOCH + SECOND, to: EPOCH + 999n, drift: two }]);
        const times = BigInt64Array.from(offsets, (distance) => EPOCH + distance);
        const mapped = first.compose(second).apply(times);
        second.apply(first.apply(times)).forEach((time, i) => {
          expect(size(time - mapped[i]!)).toBeLessThanOrEqual(1n);
        });
      }),
    );
  });

  it("never runs backwards where pieces meet", () => {
    fc.assert(
      fc.property(anyPiecewise, anyPiecewise, (first, second) => {
        const shift = estimateClockMap({ kind: "constant", offset: second.from[0]! - first.to[0]! });
        const map = first.map.compose(shift).compose(second.map);
        const back = first.map.compose(shift).inverse();
        for (const knot of [...first.from, ...second.from.map((time) => at(back, time))]) {
          const around = map.apply(BigInt64Array.from({ length: 41 }, (_, i) => knot + BigInt(i - 20)));
          around.forEach((time, i) => {
            if (i > 0) expect(time).toBeGreaterThanOrEqual(around[i - 1]!);
          });
        }
      }),
    );
  });

  it("adds hard bounds and evidence", () => {
    const constant = estimateClockMap({ kind: "constant", offset: -180_000_000n, uncertainty: 5_000_000n });
    expect([...constant.bound(BigInt64Array.of(0n))]).toEqual([Number.POSITIVE_INFINITY]);
    const both = constant.compose(constant);
    expect([...both.bound(BigInt64Array.of(0n))]).toEqual([Number.POSITIVE_INFINITY]);
    expect(sigmaAt(both, EPOCH)).toBeCloseTo(5_000_000 * Math.SQRT2, 3);
    expect(both.segments[0]).toMatchObject({
      start: INT64_MIN,
      end: INT64_MAX,
      pairs: 2,
      offsetNs: -360_000_000n,
    });
    expect([...identityMap().compose(identityMap()).bound(BigInt64Array.of(0n))]).toEqual([0]);
  });

  it("keeps the segments of both maps apart", () => {
    const first = mapOf(
      [{ from: 0n, to: 0n, drift: 0 }],
      [{ since: 1000n, from: 1000n, to: 1500n, drift: 0 }],
    );
    const second = mapOf(
      [{ from: 0n, to: 7n, drift: 0 }],
      [{ since: 2000n, from: 2000n, to: 9000n, drift: 0 }],
    );
    const map = first.compose(second);
    expect(map.segments.length).toBe(3);
    const times = BigInt64Array.of(-5n, 999n, 1000n, 1499n, 1500n, 4000n);
    expect(map.apply(times)).toEqual(second.apply(first.apply(times)));
  });
});

describe("toJSON and fromJSON", () => {
  it("give the same map bit for bit, through text too", () => {
    fc.assert(
      fc.property(anyPiecewise, anyPiecewise, distances, (first, second, offsets) => {
        for (const map of [first.map, first.map.inverse(), second.map.compose(first.map)]) {
          const copy = ClockMap.fromJSON(JSON.parse(JSON.stringify(map)));
          expect(copy.toJSON()).toStrictEqual(map.toJSON());
          const times = BigInt64Array.from(offsets, (distance) => first.from[0]! + distance);
          expect(copy.apply(times)).toEqual(map.apply(times));
          expect(copy.uncertainty(times)).toEqual(map.uncertainty(times));
          expect(copy.bound(times)).toEqual(map.bound(times));
          expect(copy.segments).toStrictEqual(map.segments);
        }
      }),
      { numRuns: 50 },
    );
    for (const map of [identityMap(), identityMap().inverse()]) {
      expect(ClockMap.fromJSON(JSON.parse(JSON.stringify(map))).toJSON()).toStrictEqual(map.toJSON());
    }
  });

  it("carry events, through inverse and compose on the right clock", () => {
    const json = { ...mapOf([{ from: 0n, to: 500n, drift: 0 }]).toJSON() };
    const map = ClockMap.fromJSON({ ...json, events: [{ kind: "step", time: "40", sizeNs: "-7" }] });
    expect(map.events).toEqual([{ kind: "step", time: 40n, sizeNs: -7n }]);
    expect(map.inverse().events).toEqual([{ kind: "step", time: 540n, sizeNs: 7n }]);
    const shift = estimateClockMap({ kind: "constant", offset: -1000n });
    expect(shift.compose(map).events).toEqual([{ kind: "step", time: 1040n, sizeNs: -7n }]);
    expect(map.compose(shift).events).toEqual(map.events);
  });

  it("refuse junk with CLOCK_JSON", () => {
    const good = JSON.parse(JSON.stringify(mapOf([{ from: 0n, to: 5n, drift: 1e-6 }])));
    const segment = good.segments[0];
    const piece = segment.pieces[0];
    const withPiece = (change: object) => ({
      ...good,
      segments: [{ ...segment, pieces: [{ ...piece, ...change }] }],
    });
    const junk: unknown[] = [
      null,
      5,
      "text",
      [],
      {},
      { ...good, version: 2 },
      { ...good, segments: [] },
      { ...good, segments: "x" },
      { ...good, events: null },
      { ...good, events: [{ kind: "jump", time: "0", sizeNs: "0" }] },
      { ...good, segments: [{ ...segment, pieces: [] }] },
      { ...good, segments: [{ ...segment, pairs: -1 }] },
      { ...good, segments: [{ ...segment, pairs: 1.5 }] },
      { ...good, segments: [{ ...segment, start: "7", end: "6" }] },
      { ...good, segments: [segment, segment] },
      withPiece({ since: "0" }),
      withPiece({ from: 0 }),
      withPiece({ from: "9223372036854775808" }),
      withPiece({ to: "1e3" }),
      withPiece({ drift: -1 }),
      withPiece({ drift: Number.NaN }),
      withPiece({ drift: "0" }),
      withPiece({ variance: [0, 0] }),
      withPiece({ variance: [0, 0, null] }),
      withPiece({ boundNs: -1 }),
      withPiece({ boundNs: undefined }),
    ];
    for (const json of junk) {
      expect(() => ClockMap.fromJSON(json), JSON.stringify(json)).toThrowError(
        expect.objectContaining({ code: "CLOCK_JSON" }),
      );
    }
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(() => ClockMap.fromJSON(json)).toThrowError(expect.objectContaining({ code: "CLOCK_JSON" }));
      }),
    );
  });
});
