import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clockReport, type Evidence, estimateClockMap } from "../../src/clock/index.ts";
import { at, EPOCH, INT64_MAX, INT64_MIN, normal, SECOND, sigmaAt, uniform } from "./maps.ts";

const MS = 1_000_000n;

function marks(from: bigint[], to: bigint[], uncertainty?: bigint[]): Evidence & { kind: "marks" } {
  const columns = { from: BigInt64Array.from(from), to: BigInt64Array.from(to) };
  return uncertainty === undefined
    ? { kind: "marks", ...columns }
    : { kind: "marks", ...columns, uncertainty: BigInt64Array.from(uncertainty) };
}

/** The target time of a clock that is 4.2 s behind at EPOCH and gains 40 ppm, exactly. */
function truth(time: bigint): bigint {
  return time - 4_200_000_000n + ((time - EPOCH) * 40n) / 1_000_000n;
}

function errorOf(code: string, row?: number) {
  return expect.objectContaining({
    name: "AlignError",
    code,
    ...(row === undefined ? {} : { where: expect.objectContaining({ row }) }),
  });
}

describe("constant", () => {
  it("takes one offset as it is, with its uncertainty, for all time", () => {
    const map = estimateClockMap({ kind: "constant", offset: -180n * MS, uncertainty: 5n * MS });
    expect(at(map, EPOCH)).toBe(EPOCH - 180n * MS);
    expect(sigmaAt(map, EPOCH)).toBe(5e6);
    expect(sigmaAt(map, 0n)).toBe(5e6);
    expect(map.segments).toEqual([
      {
        start: INT64_MIN,
        end: INT64_MAX,
        offsetNs: -180n * MS,
        driftPpb: 0,
        pairs: 1,
        rejected: 0,
        residualP50Ns: 0,
        residualP99Ns: 0,
      },
    ]);
    expect(map.events).toEqual([]);
  });

  it("takes an offset without uncertainty as exact", () => {
    const map = estimateClockMap({ kind: "constant", offset: 7n });
    expect(sigmaAt(map, EPOCH)).toBe(0);
    const agreed = estimateClockMap([
      { kind: "constant", offset: 7n },
      { kind: "constant", offset: 7n },
    ]);
    expect(sigmaAt(agreed, EPOCH)).toBe(0);
    const torn = estimateClockMap([
      { kind: "constant", offset: 0n },
      { kind: "constant", offset: 10n * MS },
    ]);
    expect(at(torn, EPOCH)).toBe(EPOCH + 5n * MS);
    expect(sigmaAt(torn, EPOCH)).toBeGreaterThan(5e6);
  });

  it("weighs offsets by their inverse variances, and loses no ns of large ones", () => {
    const huge = 2n ** 60n;
    const map = estimateClockMap([
      { kind: "constant", offset: huge + 1000n, uncertainty: 100n },
      { kind: "constant", offset: huge + 2000n, uncertainty: 200n },
    ]);
    expect(at(map, 5n)).toBe(5n + huge + 1200n);
    expect(sigmaAt(map, 5n)).toBeCloseTo(1 / Math.sqrt(1 / 100 ** 2 + 1 / 200 ** 2), 9);
    expect(map.segments[0]!.residualP50Ns).toBeCloseTo(500, 9);
  });

  it("lets sigma grow by 20 ppm from the nearest of one or two marks", () => {
    const one = estimateClockMap(marks([EPOCH], [EPOCH + SECOND], [3n * MS]));
    expect(at(one, EPOCH + 100n * SECOND)).toBe(EPOCH + 101n * SECOND);
    expect(sigmaAt(one, EPOCH)).toBe(3e6);
    expect(sigmaAt(one, EPOCH + 1000n * SECOND)).toBeCloseTo(Math.hypot(3e6, 20e6), 3);
    const twice = marks([EPOCH, EPOCH + 600n * SECOND], [EPOCH, EPOCH + 600n * SECOND], [3n * MS, 3n * MS]);
    const two = estimateClockMap(twice, { model: "constant" });
    for (const [seconds, distance] of [
      [-100, 100],
      [0, 0],
      [299, 299],
      [301, 299],
      [600, 0],
      [1600, 1000],
    ] as const) {
      const sigma = Math.hypot(3e6 / Math.SQRT2, 20e3 * distance);
      expect(sigmaAt(two, EPOCH + BigInt(seconds) * SECOND)).toBeCloseTo(sigma, 1);
    }
  });
});

describe("linear", () => {
  const times = Array.from({ length: 10 }, (_, i) => EPOCH + BigInt(i) * 5n * SECOND);

  it("finds an offset of seconds and a drift of 40 ppm within its own bounds", () => {
    const next = uniform(1);
    const noisy = times.map((time) => truth(time) + BigInt(Math.round(3e6 * normal(next))));
    const sigmas = times.map(() => 3n * MS);
    const map = estimateClockMap(marks(times, noisy, sigmas), { model: "linear" });
    for (const seconds of [-20n, 0n, 22n, 45n, 100n]) {
      const time = EPOCH + seconds * SECOND;
      expect(Math.abs(Number(at(map, time) - truth(time)))).toBeLessThan(3 * sigmaAt(map, time));
    }
    const exact = estimateClockMap(marks(times, times.map(truth), sigmas), { model: "linear" });
    expect(exact.segments[0]!.driftPpb).toBeCloseTo(40_000, 6);
    expect(exact.segments[0]).toMatchObject({ start: times[0], end: times[9], pairs: 10, rejected: 0 });
    for (const seconds of [-1000n, 0n, 45n, 100_000n]) {
      const time = EPOCH + seconds * SECOND;
      expect(Math.abs(Number(at(exact, time) - truth(time)))).toBeLessThanOrEqual(1);
    }
  });

  it("gives the textbook sigma of given uncertainties, never rescaled", () => {
    const sigmas = times.map(() => 2n * MS);
    const map = estimateClockMap(marks(times, times.map(truth), sigmas), { model: "linear" });
    const spread = times.reduce((sum, _, i) => sum + (5e9 * (i - 4.5)) ** 2, 0);
    for (const seconds of [0, 22.5, 60]) {
      const sigma = 2e6 * Math.sqrt(1 / 10 + (1e9 * (seconds - 22.5)) ** 2 / spread);
      expect(sigmaAt(map, EPOCH + BigInt(seconds * 1e9)) / sigma).toBeCloseTo(1, 9);
    }
  });

  it.each([
    ["linear", "given uncertainties", true],
    ["linear", "uncertainties from the scatter of few marks", false],
    ["piecewise", "given uncertainties", true],
    ["piecewise", "uncertainties from the scatter of few marks", false],
  ] as const)("holds 95 %% of the true errors of a %s map within 2 sigma, by %s", (model, _, given) => {
    const next = uniform(given ? 7 : 8);
    let inside = 0;
    for (let run = 0; run < 2000; run++) {
      const count = 4 + Math.floor(next() * 12);
      const from = Array.from(
        { length: count },
        (_, i) => EPOCH + BigInt(i * 300 + Math.floor(next() * 290)) * SECOND,
      );
      const sigmas = from.map(() => (given ? Math.round(1e6 + next() * 9e6) : 4e6));
      const to = from.map((time, i) => truth(time) + BigInt(Math.round(sigmas[i]! * normal(next))));
      const evidence = given ? marks(from, to, sigmas.map(BigInt)) : marks(from, to);
      const map = estimateClockMap(evidence, { model });
      const time = EPOCH + BigInt(Math.floor((next() * 1.5 - 0.25) * count * 300e9));
      if (Math.abs(Number(at(map, time) - truth(time))) <= 2 * sigmaAt(map, time)) inside++;
    }
    expect(inside / 2000).toBeGreaterThan(0.92);
    expect(inside / 2000).toBeLessThan(0.98);
  });

  it("takes a constant as an observation at the marks' centre", () => {
    const evidence = marks(
      times,
      times.map(truth),
      times.map(() => 2n * MS),
    );
    const center = EPOCH + 22_500n * MS;
    const offset = truth(center) - center + 11n * MS;
    const map = estimateClockMap([evidence, { kind: "constant", offset, uncertainty: 2n * MS }], {
      model: "linear",
    });
    expect(at(map, center)).toBe(truth(center) + 1n * MS);
    expect(sigmaAt(map, center)).toBeCloseTo(2e6 / Math.sqrt(11), 6);
    expect(map.segments[0]!.driftPpb).toBeCloseTo(40_000, 6);
    expect(map.segments[0]!.pairs).toBe(11);
  });

  it("grows from two marks by the prior on top of the marks' own", () => {
    const two = marks([EPOCH, EPOCH + 100n * SECOND], [EPOCH, EPOCH + 100n * SECOND], [MS, MS]);
    const map = estimateClockMap(two, { model: "linear" });
    expect(sigmaAt(map, EPOCH)).toBeCloseTo(1e6, 3);
    expect(sigmaAt(map, EPOCH + 50n * SECOND)).toBeCloseTo(Math.hypot(1e6 / Math.SQRT2, 1e6), 3);
    expect(sigmaAt(map, EPOCH + 1100n * SECOND)).toBeGreaterThan(20e6);
  });

  it("takes one instant as an offset whose sigma grows by 20 ppm", () => {
    const one = { ...marks([EPOCH], [EPOCH + 5n * MS]), uncertainty: BigInt64Array.of(MS) };
    const map = estimateClockMap(one, { model: "linear" });
    expect(at(map, EPOCH + 1000n * SECOND)).toBe(EPOCH + 1000n * SECOND + 5n * MS);
    const [near, far] = map.uncertainty(BigInt64Array.of(EPOCH, EPOCH + 1000n * SECOND));
    expect(near).toBeCloseTo(1e6, 0);
    expect(far).toBeCloseTo(Math.hypot(1e6, 20e6), 0);
  });

  it("needs marks, and a target clock that runs forward", () => {
    expect(() => estimateClockMap({ kind: "constant", offset: 1n }, { model: "linear" })).toThrowError(
      errorOf("CLOCK_TOO_LITTLE_EVIDENCE"),
    );
    const back = marks([EPOCH, EPOCH + SECOND], [EPOCH, EPOCH - SECOND]);
    expect(() => estimateClockMap(back, { model: "linear" })).toThrowError(errorOf("CLOCK_CONTRADICTION"));
  });
});

describe("constant offsets that contradict each other", () => {
  const constant = (offset: bigint, uncertainty: bigint) => ({
    kind: "constant" as const,
    offset,
    uncertainty,
  });

  it("are refused beyond 3 sigma of both", () => {
    expect(() => estimateClockMap([constant(0n, 1n), constant(SECOND, 1n)])).toThrowError(
      errorOf("CLOCK_CONTRADICTION"),
    );
    expect(estimateClockMap([constant(0n, MS), constant(3n * MS, MS)]).segments).toHaveLength(1);
  });
});

describe("piecewise", () => {
  const from = [0n, 10n, 30n, 35n, 90n].map((seconds) => EPOCH + seconds * SECOND);
  const to = from.map((time, i) => truth(time) + BigInt([0, 5, -3, 8, 1][i]!) * MS);

  it("goes through every mark, straight between, and on with the end slopes", () => {
    const map = estimateClockMap(marks(from, to), { model: "piecewise" });
    expect([...map.apply(BigInt64Array.from(from))]).toEqual(to);
    expect(at(map, (from[1]! + from[2]!) / 2n)).toBe((to[1]! + to[2]!) / 2n);
    expect(at(map, from[0]! - 10n * SECOND)).toBe(2n * to[0]! - to[1]!);
    expect(at(map, from[4]! + 55n * SECOND)).toBe(2n * to[4]! - to[3]!);
    expect(map.segments[0]).toMatchObject({ start: from[0], end: from[4], pairs: 5, residualP99Ns: 0 });
    expect(map.segments[0]!.driftPpb).toBeCloseTo(40_000 + 1e6 / 90, 3);
  });

  it("gives the sigma of a line through its two marks", () => {
    const sigmas = [3n, 4n, 5n, 6n, 7n].map((ms) => ms * MS);
    const map = estimateClockMap(marks(from, to, sigmas), { model: "piecewise" });
    expect(sigmaAt(map, from[0]!)).toBe(3e6);
    expect(sigmaAt(map, from[4]!)).toBe(7e6);
    expect(sigmaAt(map, (from[0]! + from[1]!) / 2n)).toBeCloseTo(2.5e6, 3);
    expect(sigmaAt(map, from[0]! - 10n * SECOND)).toBeCloseTo(Math.hypot(6e6, 4e6), 3);
    expect(sigmaAt(map, from[4]! + 55n * SECOND)).toBeCloseTo(Math.hypot(14e6, 6e6), 3);
  });

  it("estimates sigma from the marks against their neighbours", () => {
    const next = uniform(3);
    const many = Array.from({ length: 400 }, (_, i) => EPOCH + BigInt(i) * 10n * SECOND);
    const noisy = many.map((time) => truth(time) + BigInt(Math.round(2e6 * normal(next))));
    const map = estimateClockMap(marks(many, noisy), { model: "piecewise" });
    expect(sigmaAt(map, many[100]!)).toBeGreaterThan(1.7e6);
    expect(sigmaAt(map, many[100]!)).toBeLessThan(2.3e6);
  });

  it("leaves one or two marks to the prior", () => {
    const one = estimateClockMap(marks([EPOCH], [EPOCH + 5n]), { model: "piecewise" });
    expect(at(one, EPOCH + SECOND)).toBe(EPOCH + SECOND + 5n);
    expect(sigmaAt(one, EPOCH + 1000n * SECOND)).toBeCloseTo(20e6, 3);
    const two = estimateClockMap(marks(from.slice(0, 2), to.slice(0, 2)), { model: "piecewise" });
    expect([...two.apply(BigInt64Array.from(from.slice(0, 2)))]).toEqual(to.slice(0, 2));
    expect(sigmaAt(two, from[0]!)).toBe(0);
    expect(sigmaAt(two, EPOCH + 4n * SECOND)).toBeCloseTo(80e3, 6);
    expect(sigmaAt(two, EPOCH + 6n * SECOND)).toBeCloseTo(80e3, 6);
    expect(sigmaAt(two, EPOCH + 1010n * SECOND)).toBeCloseTo(20e6, 3);
  });

  it("merges marks of one instant by their weights", () => {
    const twice = marks(
      [EPOCH, EPOCH, EPOCH + SECOND],
      [EPOCH, EPOCH + 500n, EPOCH + SECOND],
      [100n, 200n, 1n],
    );
    const map = estimateClockMap(twice, { model: "piecewise" });
    expect(at(map, EPOCH)).toBe(EPOCH + 100n);
    expect(sigmaAt(map, EPOCH)).toBeCloseTo(1 / Math.sqrt(1 / 100 ** 2 + 1 / 200 ** 2), 6);
    expect(map.segments[0]).toMatchObject({ pairs: 3, residualP50Ns: 100 });
  });

  it("refuses a mark that would stop or turn back the target clock", () => {
    for (const last of [0n, -5n]) {
      const evidence = marks(
        [EPOCH, EPOCH + SECOND, EPOCH + 2n * SECOND],
        [EPOCH, EPOCH + 500n, EPOCH + 500n + last],
      );
      expect(() => estimateClockMap([evidence], { model: "piecewise" })).toThrowError(
        errorOf("CLOCK_CONTRADICTION", 2),
      );
    }
  });

  it("needs marks, not only a constant", () => {
    const constant: Evidence = { kind: "constant", offset: 0n };
    expect(() => estimateClockMap(constant, { model: "piecewise" })).toThrowError(
      errorOf("CLOCK_TOO_LITTLE_EVIDENCE"),
    );
  });
});

describe("evidence", () => {
  const rows = new BigInt64Array(2);

  it("is refused where the model is unknown", () => {
    const two = marks([0n, 1n], [0n, 1n]);
    expect(() => estimateClockMap(two, { model: "cubic" as "linear" })).toThrowError(errorOf("USAGE_MODEL"));
  });

  it("must be there and well formed", () => {
    const wrong: [string, unknown][] = [
      ["CLOCK_TOO_LITTLE_EVIDENCE", []],
      ["CLOCK_TOO_LITTLE_EVIDENCE", marks([], [])],
      ["CLOCK_TOO_LITTLE_EVIDENCE", marks([INT64_MIN], [0n])],
      ["USAGE_EVIDENCE", undefined],
      ["USAGE_EVIDENCE", [null]],
      ["USAGE_EVIDENCE", { kind: "guess" }],
      ["USAGE_EVIDENCE", { kind: "constant" }],
      ["USAGE_EVIDENCE", { kind: "constant", offset: 5 }],
      ["USAGE_EVIDENCE", { kind: "constant", offset: 2n ** 63n }],
      ["USAGE_EVIDENCE", { kind: "constant", offset: 0n, uncertainty: 1 }],
      ["CLOCK_UNCERTAINTY", { kind: "constant", offset: 0n, uncertainty: -1n }],
      ["USAGE_EVIDENCE", { kind: "marks", from: rows }],
      ["USAGE_EVIDENCE", { kind: "marks", from: undefined, to: rows }],
      ["USAGE_EVIDENCE", { kind: "marks", from: [0n, 0n], to: rows }],
      ["USAGE_EVIDENCE", { kind: "marks", from: rows, to: new BigInt64Array(3) }],
      ["USAGE_EVIDENCE", { kind: "marks", from: rows, to: rows, uncertainty: new BigInt64Array(1) }],
      ["USAGE_EVIDENCE", { kind: "marks", from: rows, to: rows, uncertainty: new Float64Array(2) }],
      ["CLOCK_UNCERTAINTY", marks([0n, 1n], [0n, 1n], [0n, -1n])],
    ];
    for (const [code, evidence] of wrong) {
      expect(() => estimateClockMap(evidence as Evidence, { model: "constant" })).toThrowError(errorOf(code));
    }
  });

  it("rejects and counts rows with an int64 extreme", () => {
    const from = [INT64_MIN, EPOCH, EPOCH + SECOND, INT64_MAX, EPOCH + 2n * SECOND, EPOCH + 3n * SECOND];
    const to = [0n, EPOCH + 9n, INT64_MIN, 0n, EPOCH + 2n * SECOND + 9n, EPOCH + 3n * SECOND + 9n];
    const map = estimateClockMap(marks(from, to, [1n, 1n, 1n, 1n, 1n, INT64_MAX]), { model: "linear" });
    expect(map.segments[0]).toMatchObject({ pairs: 6, rejected: 4, start: EPOCH, end: EPOCH + 2n * SECOND });
    expect(at(map, EPOCH)).toBe(EPOCH + 9n);
  });

  it("that steps back once on the source clock holds an outlier, and a map that passes it by", () => {
    const from = [0n, 5n, 10n, 3n, 15n, 20n].map((seconds) => EPOCH + seconds * SECOND);
    const to = [0n, 5n, 10n, 99n, 15n, 20n].map((seconds) => EPOCH + seconds * SECOND + 7n);
    const map = estimateClockMap([marks(from, to)], { model: "linear" });
    expect(map.segments).toHaveLength(1);
    expect(map.segments[0]).toMatchObject({ pairs: 6, rejected: 1 });
    expect(at(map, EPOCH + 60n * SECOND)).toBe(EPOCH + 60n * SECOND + 7n);
    expect(map.events).toEqual([]);
  });

  it("of several lists is used jointly", () => {
    const odd = marks([EPOCH + SECOND, EPOCH + 3n * SECOND], [EPOCH + SECOND + 1n, EPOCH + 3n * SECOND + 3n]);
    const even = marks([EPOCH, EPOCH + 2n * SECOND], [EPOCH, EPOCH + 2n * SECOND + 2n]);
    const map = estimateClockMap([odd, even], { model: "piecewise" });
    expect(at(map, EPOCH + 10n * SECOND)).toBe(EPOCH + 10n * SECOND + 10n);
    expect(map.segments[0]!.pairs).toBe(4);
  });

  it("of any shape gives a map or an AlignError, and the same map every time", () => {
    const int64 = fc.oneof(
      fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
      fc.bigInt({ min: EPOCH, max: EPOCH + 1000n }),
      fc.constantFrom(INT64_MIN, INT64_MAX, 0n),
    );
    const row = fc.tuple(int64, int64, fc.bigInt({ min: 0n, max: 10n ** 9n }));
    const model = fc.constantFrom("auto", "constant", "linear", "piecewise");
    fc.assert(
      fc.property(fc.array(row, { maxLength: 6 }), fc.boolean(), model, (all, ordered, chosen) => {
        const rowsGiven = ordered ? [...all].sort((a, b) => (a[0] < b[0] ? -1 : 1)) : all;
        const [from, to, sigma] = [0, 1, 2].map((i) => rowsGiven.map((entry) => entry[i]!));
        const evidence = marks(from!, to!, sigma!);
        try {
          const map = estimateClockMap(evidence, { model: chosen });
          expect(estimateClockMap(evidence, { model: chosen }).toJSON()).toEqual(map.toJSON());
          expect(sigmaAt(map, EPOCH)).toBeGreaterThanOrEqual(0);
          const { start, offsetNs } = map.segments[0]!;
          if (start + offsetNs >= INT64_MIN && start + offsetNs <= INT64_MAX) {
            expect(at(map, start)).toBe(start + offsetNs);
          }
        } catch (error) {
          expect(error).toEqual(expect.objectContaining({ name: "AlignError" }));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("clockReport", () => {
  it("shows a map as the report does", () => {
    const evidence = marks([EPOCH, EPOCH + 100n * SECOND], [EPOCH + 5n, EPOCH + 100n * SECOND + 105n]);
    const map = estimateClockMap(evidence, { model: "linear" });
    const about = { from: "headcam", to: "plant", model: "linear", evidence: ["marks"] };
    expect(clockReport(map, about)).toEqual({
      ...about,
      segments: [
        {
          start: "2026-05-04T07:00:00.000000000Z",
          end: "2026-05-04T07:01:40.000000000Z",
          offset_ns: 5n,
          drift_ppb: 1,
          residual_p50_ns: 0,
          residual_p99_ns: 0,
          pairs: 2,
          rejected: 0,
        },
      ],
      events: [],
    });
    const constant = estimateClockMap({ kind: "constant", offset: 1n });
    expect(
      clockReport(constant, { ...about, model: "constant", evidence: ["constant"] }).segments[0],
    ).toMatchObject({
      start: null,
      end: null,
      offset_ns: 1n,
    });
  });
});
