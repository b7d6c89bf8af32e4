import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildClockGraph, type ClockEdge, estimateClockMap, quarterHourNear } from "../../src/clock/index.ts";
import { at, EPOCH, SECOND, sigmaAt, size } from "./maps.ts";

function constant(from: string, to: string, offset: bigint, uncertainty: bigint): ClockEdge {
  const map = estimateClockMap({ kind: "constant", offset, uncertainty });
  return { from, to, map, label: `${from}->${to}` };
}

/** A map through exact marks of a steady drift, over an hour. */
function drifting(from: string, to: string, offset: bigint, drift: bigint, uncertainty: bigint): ClockEdge {
  const times = BigInt64Array.from({ length: 7 }, (_, i) => EPOCH + BigInt(i) * 600n * SECOND);
  const map = estimateClockMap(
    {
      kind: "marks",
      from: times,
      to: times.map((time) => time + offset + ((time - EPOCH) * drift) / 1_000_000n),
      uncertainty: times.map(() => uncertainty),
    },
    { model: "linear" },
  );
  return { from, to, map, label: `${from}->${to}` };
}

describe("mapToReference", () => {
  it("ties five clocks together, through maps in either direction", () => {
    const graph = buildClockGraph("plant", [
      constant("plant", "dcs", 1000n, 3n),
      drifting("headcam", "dcs", 5n * SECOND, 40n, 1_000_000n),
      constant("historian", "headcam", -180_000_000n, 4n),
      constant("historian", "mes", 77n, 12n),
    ]);
    const { map, path } = graph.mapToReference("historian");
    expect(path).toEqual([
      { label: "historian->headcam", inverted: false },
      { label: "headcam->dcs", inverted: false },
      { label: "plant->dcs", inverted: true },
    ]);
    const time = EPOCH + 600n * SECOND;
    const headcam = time - 180_000_000n;
    expect(
      size(at(map, time) - (headcam + 5n * SECOND + ((headcam - EPOCH) * 40n) / 1_000_000n - 1000n)),
    ).toBeLessThan(2n);
    const mes = graph.mapToReference("mes");
    expect(size(at(mes.map, time + 77n) - at(map, time))).toBeLessThan(2n);
    expect(mes.path.length).toBe(4);
    expect(sigmaAt(mes.map, time)).toBeCloseTo(Math.hypot(sigmaAt(map, time), 12), 3);
    expect(sigmaAt(graph.mapToReference("dcs").map, time)).toBeCloseTo(3, 9);
    expect(graph.mapToReference("plant").path).toEqual([]);
    expect(at(graph.mapToReference("plant").map, EPOCH)).toBe(EPOCH);
    expect(sigmaAt(graph.mapToReference("plant").map, EPOCH)).toBe(0);
  });

  it("prefers the smallest variance, then the fewest maps, then the earlier map", () => {
    const labels = (edges: ClockEdge[]) =>
      buildClockGraph("ref", edges)
        .mapToReference("a")
        .path.map((hop) => hop.label);
    const detour = [constant("a", "b", 5n, 3n), constant("b", "ref", 5n, 4n)];
    expect(labels([constant("a", "ref", 10n, 6n), ...detour])).toEqual(["a->b", "b->ref"]);
    expect(labels([...detour, constant("a", "ref", 10n, 5n)])).toEqual(["a->ref"]);
    const twin = { ...constant("a", "ref", 10n, 2n), label: "twin" };
    expect(labels([constant("a", "ref", 11n, 2n), twin])).toEqual(["a->ref"]);
    expect(labels([twin, constant("a", "ref", 11n, 2n)])).toEqual(["twin"]);
  });

  it("names the clock without a path and those that have one", () => {
    const graph = buildClockGraph("plant", [constant("dcs", "plant", 0n, 1n), constant("a", "b", 0n, 1n)]);
    expect(() => graph.mapToReference("a")).toThrowError(
      expect.objectContaining({
        code: "CLOCK_NO_PATH",
        exitCode: 5,
        message: "no maps lead from clock a to plant; these do: dcs",
        hint: "add a map from a to plant, or to a clock that reaches it",
      }),
    );
    expect(() => graph.mapToReference("ghost")).toThrowError(/clock ghost to plant; .*no map names ghost/);
    expect(() => buildClockGraph("plant", []).mapToReference("a")).toThrowError(/no clock does/);
  });
});

describe("cycles", () => {
  const diamond = (last: bigint) => [
    constant("a", "b", 100_000n, 50_000n),
    constant("b", "ref", 200_000n, 50_000n),
    constant("a", "c", 400_000n, 50_000n),
    constant("c", "ref", last, 50_000n),
  ];

  it("are accepted where they agree within their uncertainties", () => {
    const graph = buildClockGraph("ref", diamond(-100_000n));
    expect(sigmaAt(graph.mapToReference("a").map, EPOCH)).toBeCloseTo(50_000 * Math.SQRT2, 6);
    // Four maps of 50 us each: 3 sigma are 300 us, and 1 us is allowed for rounding.
    expect(() => buildClockGraph("ref", diamond(-100_000n + 301_000n))).not.toThrow();
    expect(() => buildClockGraph("ref", diamond(-100_000n - 301_000n))).not.toThrow();
  });

  it("are refused where they do not, with the size and both ways", () => {
    for (const last of [-100_000n + 301_001n, -100_000n - 301_001n]) {
      expect(() => buildClockGraph("ref", diamond(last))).toThrowError(
        expect.objectContaining({ code: "CLOCK_CONTRADICTION", exitCode: 5 }),
      );
    }
    const edges = [
      constant("a", "ref", 0n, 1000n),
      { ...constant("a", "ref", 5_000_000n, 1000n), label: "second" },
    ];
    expect(() => buildClockGraph("ref", edges)).toThrowError(
      expect.not.objectContaining({ where: expect.anything() }),
    );
    expect(() => buildClockGraph("ref", edges)).toThrowError(
      /^two ways from clock a to clock ref differ by 5ms, more than the 5.243us .*: second; and a->ref$/,
    );
  });

  it("are followed through inverted maps and to the clock itself", () => {
    expect(() =>
      buildClockGraph("ref", [constant("a", "ref", 5000n, 10n), constant("ref", "a", -5000n, 10n)]),
    ).not.toThrow();
    expect(() =>
      buildClockGraph("ref", [constant("a", "ref", 5000n, 10n), constant("ref", "a", 5000n, 10n)]),
    ).toThrowError(/a->ref inverted/);
    expect(() => buildClockGraph("ref", [constant("ref", "ref", 50_000n, 10n)])).toThrowError(
      /the clock itself/,
    );
  });

  it("are compared over the whole evidence, so that a forgotten drift shows", () => {
    const steady = constant("a", "ref", 0n, 100_000n);
    expect(() => buildClockGraph("ref", [steady, drifting("a", "ref", 0n, 0n, 1000n)])).not.toThrow();
    expect(() => buildClockGraph("ref", [steady, drifting("a", "ref", 0n, 1n, 1000n)])).toThrowError(
      expect.objectContaining({ code: "CLOCK_CONTRADICTION" }),
    );
  });

  it("are checked away from the reference too", () => {
    const edges = [
      constant("ref", "dcs", 0n, 1n),
      constant("x", "y", 0n, 1n),
      constant("y", "z", 0n, 1n),
      constant("z", "x", 90_000n, 1n),
    ];
    expect(() => buildClockGraph("ref", edges)).toThrowError(/differ by/);
  });

  it("of true offsets never contradict, whatever the graph, and every path gives the same time", () => {
    const clocks = ["ref", "a", "b", "c", "d"];
    const offsets = fc.array(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), {
      minLength: 5,
      maxLength: 5,
    });
    const pairs = fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 0, max: 4 }),
        fc.bigInt({ min: 0n, max: 1000n }),
      ),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(offsets, pairs, (truth, chosen) => {
        const edges = chosen.map(([from, to, sigma]) =>
          constant(clocks[from]!, clocks[to]!, truth[to]! - truth[from]!, sigma),
        );
        const graph = buildClockGraph("ref", edges);
        const reached = new Set(["ref"]);
        for (const _ of clocks) {
          for (const { from, to } of edges) {
            if (reached.has(from) || reached.has(to)) reached.add(from).add(to);
          }
        }
        clocks.forEach((clock, i) => {
          if (!reached.has(clock)) expect(() => graph.mapToReference(clock)).toThrowError(/no maps lead/);
          else expect(at(graph.mapToReference(clock).map, EPOCH)).toBe(EPOCH + truth[0]! - truth[i]!);
        });
      }),
    );
  });
});

describe("quarterHourNear", () => {
  const minute = 60_000_000_000n;
  it("knows the differences that two zones can make", () => {
    for (const quarters of [1n, 2n, 4n, 22n, 23n, 51n, 104n]) {
      for (const sign of [1n, -1n]) {
        const zone = sign * quarters * 15n * minute;
        for (const off of [0n, 1n, -1_000_000n, 5_000_000_000n])
          expect(quarterHourNear(zone + off, 5_000_000_000n)).toBe(zone);
        expect(quarterHourNear(zone + 6_000_000_000n, 5_000_000_000n)).toBeUndefined();
      }
    }
  });

  it("takes nothing for a zone that is near 0, beyond all zones, or uncertain by minutes", () => {
    expect(quarterHourNear(0n, 5_000_000_000n)).toBeUndefined();
    expect(quarterHourNear(400n * minute * 60n, 5_000_000_000n)).toBeUndefined();
    expect(quarterHourNear(60n * minute, 4n * minute)).toBeUndefined();
  });

  it("is the hint of ways that contradict each other by a zone", () => {
    const edge = (from: string, to: string, seconds: number) =>
      constant(from, to, BigInt(seconds) * SECOND, SECOND / 100n);
    const hintOf = (seconds: number) => {
      try {
        buildClockGraph("c", [edge("a", "b", 1), edge("b", "c", 2), edge("a", "c", seconds)]);
      } catch (error) {
        return (error as { hint?: string }).hint;
      }
      return undefined;
    };
    expect(hintOf(3)).toBeUndefined();
    expect(hintOf(3 - 5400)).toMatch(/^-?90m is a whole number of quarter hours/);
    expect(hintOf(3 + 5399)).toContain("check the sign and unit");
  });
});
