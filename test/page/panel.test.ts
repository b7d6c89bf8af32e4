import { describe, expect, it } from "vitest";
import { instantTexts } from "../../src/page/instants.ts";
import { panelsOf } from "../../src/page/panel.ts";
import { quantityText, signedText } from "../../src/page/quantity.ts";
import { thin } from "../../src/page/thin.ts";
import { formatInstant } from "../../src/time.ts";
import { mapOf, random, readingsOf, segment, steppedMap, T0 } from "./captures.ts";

describe("a panel", () => {
  const { map, readings } = steppedMap();
  const [panel, ...others] = panelsOf(map, readings);
  if (panel === undefined) throw new Error("there is no panel");

  it("holds all segments that lie close together", () => {
    expect(others).toEqual([]);
    expect(panel.segments).toHaveLength(2);
    expect(panel.base).toBe(T0);
    expect([...panel.x].sort((a, b) => a - b)).toEqual(panel.x);
  });

  it("gives back the map: the line of its segment and what it deviates from it", () => {
    for (const [at, x] of panel.x.entries()) {
      const time = T0 + BigInt(Math.round(x * 1e9));
      const deviation = panel.map[at];
      if (deviation === null || deviation === undefined) continue;
      const { start, offsetNs, driftPpb } = panel.segments[panel.segment[at] ?? -1]!;
      const line = Number(offsetNs) + Number(time - start) * driftPpb * 1e-9;
      const [target] = map.apply(BigInt64Array.of(time));
      expect(Math.abs(line + deviation - Number(target! - time)), String(x)).toBeLessThan(1);
      expect(Math.abs(deviation)).toBeLessThan(250_000);
    }
    expect(panel.map.filter((one) => one === null)).toHaveLength(1);
  });

  it("has each reading once, as what became of it", () => {
    const rows = (name: "used" | "rejected" | "stale") => panel[name].filter((one) => one !== null).length;
    const { states } = readings[0]!;
    const count = (state: number) => states.filter((one) => one === state).length;
    expect([rows("used"), rows("rejected"), rows("stale")]).toEqual([count(0), count(1), count(2)]);
    expect([panel.readings, panel.drawn]).toEqual([1440, 1440]);
  });

  it("shows microseconds though readings are off by seconds", () => {
    expect(Math.max(...panel.rejected.map((one) => Math.abs(one ?? 0)))).toBeGreaterThan(5e8);
    const [low, high] = panel.view.map;
    expect(high - low).toBeLessThan(600_000);
    expect(panel.view.residual[1] - panel.view.residual[0]).toBeLessThan(250_000);
  });

  it("places events by the clock, and names them", () => {
    expect(panel.events).toEqual([
      { x: 1500, label: "stale" },
      { x: 3600, label: "step +300 ms" },
    ]);
  });

  it("ends where a clock starts again far away, or rests for longer than it was seen", () => {
    const late = T0 + 1_000_000_000_000n;
    const segments = [
      segment({ start: T0, seconds: 100, offsetNs: 0n, isFirst: true }),
      segment({ start: late, seconds: 200, offsetNs: 7n }),
    ];
    const two = panelsOf(mapOf(segments), [readingsOf(T0, 100, 1, 1000), readingsOf(late, 200, 1, 1000)]);
    expect(two.map(({ base, readings: count }) => [base, count])).toEqual([
      [T0, 100],
      [late, 200],
    ]);
  });

  it("shows readings that were left out before and after the segments, but not those of another time", () => {
    const map = mapOf([segment({ start: T0, seconds: 100, offsetNs: 0n, isFirst: true })]);
    const from = BigInt64Array.of(-250n, -50n, 50n, 290n, 1_000_000n).map((s) => T0 + s * 1_000_000_000n);
    const residualsNs = new Float64Array(5);
    const states = Uint8Array.of(1, 1, 0, 2, 1);
    const [only] = panelsOf(map, [{ kind: "two-way", from, residualsNs, states }]);
    expect([only?.base, only?.x.at(-1), only?.readings]).toEqual([T0 - 50_000_000_000n, 340, 3]);
    expect(only?.stale.at(-1)).toBe(0);
  });

  it("is half a minute to either side of a lone instant", () => {
    const lone = { ...segment({ start: T0, seconds: 1, offsetNs: 5n, isFirst: true }), end: String(T0) };
    const [only] = panelsOf(mapOf([lone]), []);
    expect([only?.base, only?.x[0], only?.x.at(-1)]).toEqual([T0 - 30_000_000_000n, 0, 60]);
  });

  it("is as long as the readings where an asserted offset holds for all time", () => {
    const always = { start: String(-(2n ** 63n)), end: String(2n ** 63n - 1n) };
    const map = mapOf([{ ...segment({ start: T0, seconds: 1, offsetNs: 5n, isFirst: true }), ...always }]);
    const [only] = panelsOf(map, [readingsOf(T0, 50, 1, 1000)]);
    expect([only?.base, only?.x.at(-1)]).toEqual([T0, 49]);
  });
});

describe("thinning", () => {
  const draw = random(3);
  const x = Float64Array.from({ length: 50_000 }, () => draw() * 3600);
  const residual = Float64Array.from(x, () => draw());
  const state = Uint8Array.from(x, () => Math.floor(draw() * 3));

  it("keeps the least and the greatest of each state in each column, in the order of time", () => {
    const kept = thin({ x, residual, state }, 100, 50);
    expect(kept.length).toBe(2 * 3 * 50);
    expect(Array.from(kept, (at) => x[at]!)).toEqual(Array.from(kept, (at) => x[at]!).sort((a, b) => a - b));
    const [first, last] = [Math.min(...x), Math.max(...x)];
    for (let column = 0; column < 50; column++) {
      const [from, to] = [column, column + 1].map((one) => first + (one * (last - first)) / 50);
      for (const wanted of [0, 1, 2]) {
        const inside = (at: number) => state[at] === wanted && x[at]! > from! + 1e-6 && x[at]! < to! - 1e-6;
        const all = [...x.keys()].filter(inside).map((at) => residual[at]!);
        const own = Array.from(kept)
          .filter(inside)
          .map((at) => residual[at]!);
        expect([Math.min(...own), Math.max(...own)]).toEqual([Math.min(...all), Math.max(...all)]);
      }
    }
  });

  it("leaves few readings as they are, and copes with one instant", () => {
    expect(thin({ x, residual, state }, 50_000, 50)).toHaveLength(50_000);
    const same = { x: new Float64Array(9), residual: residual.slice(0, 9), state: new Uint8Array(9) };
    expect(thin(same, 5, 3)).toHaveLength(2);
  });
});

describe("texts of the page", () => {
  it.each([
    [0, "0 ns"],
    [-180e6, "-180 ms"],
    [2500, "2.5 us"],
    [59.5e9, "59.5 s"],
    [60e9, "1 min"],
    [-144_936e9, "-1 d 16 h 15 min"],
    [90_061.5e9, "1 d 1 h 1 min"],
    [Number.POSITIVE_INFINITY, "none"],
  ])("%d ns is %s", (ns, text) => {
    expect(quantityText(ns)).toBe(text);
  });

  it("signs what is above zero", () => {
    expect([signedText(5), signedText(0), signedText(-5)]).toEqual(["+5 ns", "0 ns", "-5 ns"]);
  });

  it("writes instants as the rest of tagalign does", () => {
    const { clockText, dateText, splitDay } = instantTexts();
    const draw = random(11);
    const some = Array.from({ length: 300 }, () => BigInt(Math.floor((draw() - 0.5) * 2 ** 53)) * 1003n);
    for (const ns of [0n, -1n, T0, 951_782_400_000_000_000n, ...some]) {
      const [day, ofDay] = splitDay(ns);
      expect(`${dateText(day)}T${clockText(ofDay, 9)}Z`).toBe(formatInstant(ns));
    }
    expect(clockText(1_999_999_999n, 3)).toBe("00:00:01.999");
  });
});
