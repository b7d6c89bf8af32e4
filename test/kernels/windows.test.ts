import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WindowOptions } from "../../src/kernels/index.ts";
import { bitmapTwin } from "../reference/columns.ts";
import { shortSumTwin, windowsTwin } from "../reference/windows.ts";
import { ascending, FIRST_INSTANT, float, instant, LAST_INSTANT, random } from "./arbitraries.ts";
import { builds, loadBuild, scoped } from "./builds.ts";

const options: fc.Arbitrary<WindowOptions> = fc.oneof(
  fc.record({ previous: fc.option(instant, { nil: undefined }) }),
  fc.record({ span: fc.oneof(fc.bigInt(0n, 25n), fc.bigInt(0n, 2n ** 65n)) }),
);

const pick = <T>(values: ArrayLike<T>, positions: readonly number[]): T[] => positions.map((k) => values[k]!);

/** Bounds of windows over `samples` values, as `windows` gives them: both ascending. */
const bounds = (samples: number): fc.Arbitrary<{ lo: number[]; hi: number[] }> =>
  fc.array(fc.tuple(fc.nat(samples), fc.nat(samples)), { maxLength: 17 }).map((ends) => {
    const up = (a: number, b: number): number => a - b;
    return {
      lo: ends.map(([a, b]) => Math.min(a, b)).toSorted(up),
      hi: ends.map(([a, b]) => Math.max(a, b)).toSorted(up),
    };
  });

const range = (lo: number, hi: number): number[] => Array.from({ length: hi - lo }, (_, i) => lo + i);

describe.each(builds)("windows in %s", (build) => {
  const kernels = loadBuild(build);
  const { arena } = kernels;
  const i32 = (values: readonly number[]): Int32Array => arena.copy(Int32Array.from(values));

  it("hold the samples of their definition, and count and edge them", () => {
    fc.assert(
      fc.property(ascending(), ascending(), options, (frames, samples, asked) => {
        scoped(kernels, (outputs) => {
          const n = frames.length;
          const [lo, hi, edge] = [outputs.i32(n), outputs.i32(n), outputs.i32(n)] as const;
          const count = outputs.i64(n);
          const left = arena.copy(BigInt64Array.from(frames));
          kernels.windows(left, arena.copy(BigInt64Array.from(samples)), asked, lo, hi);
          const expected = windowsTwin(frames, samples, asked);
          expect(frames.map((_, i) => range(lo[i]!, hi[i]!))).toEqual(expected);
          kernels.windowCount(lo, hi, count);
          expect([...count]).toEqual(expected.map((window) => BigInt(window.length)));
          kernels.windowEdge("first", lo, hi, edge);
          expect([...edge]).toEqual(expected.map((window) => window.at(0) ?? -1));
          kernels.windowEdge("last", lo, hi, edge);
          expect([...edge]).toEqual(expected.map((window) => window.at(-1) ?? -1));
          expect(outputs.breaches()).toEqual([]);
        });
      }),
      { numRuns: 400 },
    );
  });

  const foldFloat = (
    op: "sum" | "mean" | "min" | "max",
    values: readonly number[],
    lo: number[],
    hi: number[],
  ) =>
    scoped(kernels, (outputs) => {
      const out = { values: outputs.f64(lo.length), validity: outputs.bitmap(lo.length) };
      const count = kernels.windowFloat(op, arena.copy(Float64Array.from(values)), i32(lo), i32(hi), out);
      expect(out.validity).toEqual(bitmapTwin(lo.map((from, i) => from < hi[i]!)));
      expect(count).toBe(lo.filter((from, i) => from < hi[i]!).length);
      expect(outputs.breaches()).toEqual([]);
      return [...out.values];
    });

  const foldInteger = (op: "sum" | "min" | "max", values: readonly bigint[], lo: number[], hi: number[]) =>
    scoped(kernels, (outputs) => {
      const out = { values: outputs.i64(lo.length), validity: outputs.bitmap(lo.length) };
      const count = kernels.windowInteger(op, arena.copy(BigInt64Array.from(values)), i32(lo), i32(hi), out);
      expect(out.validity).toEqual(bitmapTwin(lo.map((from, i) => from < hi[i]!)));
      expect(count).toBe(lo.filter((from, i) => from < hi[i]!).length);
      expect(outputs.breaches()).toEqual([]);
      return [...out.values];
    });

  it("fold short windows bit for bit", () => {
    const values = fc.array(float, { minLength: 17, maxLength: 17 });
    fc.assert(
      fc.property(values, bounds(17), (all, { lo, hi }) => {
        const windows = lo.map((from, i) => pick(all, range(from, hi[i]!)));
        const fold = (of: (window: number[]) => number): number[] =>
          windows.map((window) => (window.length === 0 ? 0 : of(window)));
        expect(foldFloat("sum", all, lo, hi)).toEqual(fold(shortSumTwin));
        expect(foldFloat("mean", all, lo, hi)).toEqual(
          fold((window) => shortSumTwin(window) / window.length),
        );
        expect(foldFloat("min", all, lo, hi)).toEqual(fold((window) => Math.min(...window)));
        expect(foldFloat("max", all, lo, hi)).toEqual(fold((window) => Math.max(...window)));
      }),
    );
  });

  it("fold long windows: exactly where sums are exact, else within 1e-13 of the sum of magnitudes", () => {
    const next = random(5);
    const whole = Array.from({ length: 1500 }, () => Math.floor(next() * 2000) - 1000);
    const rough = whole.map((value) => value / 7);
    fc.assert(
      fc.property(bounds(1500), ({ lo, hi }) => {
        const windows = lo.map((from, i) => whole.slice(from, hi[i]!));
        const fold = (of: (window: number[]) => number): number[] =>
          windows.map((window) => (window.length === 0 ? 0 : of(window)));
        const total = (window: number[]): number => window.reduce((a, b) => a + b, 0);
        expect(foldFloat("sum", whole, lo, hi)).toEqual(fold(total));
        expect(foldFloat("mean", whole, lo, hi)).toEqual(fold((window) => total(window) / window.length));
        expect(foldFloat("min", whole, lo, hi)).toEqual(fold((window) => Math.min(...window)));
        expect(foldFloat("max", whole, lo, hi)).toEqual(fold((window) => Math.max(...window)));
        const magnitudes = fold((window) => total(window.map(Math.abs)) / 7);
        const exact = fold((window) => total(window) / 7);
        for (const [i, sum] of foldFloat("sum", rough, lo, hi).entries()) {
          expect(Math.abs(sum - exact[i]!)).toBeLessThanOrEqual(1e-13 * magnitudes[i]!);
        }
        const integers = whole.map(BigInt);
        expect(foldInteger("sum", integers, lo, hi)).toEqual(fold(total).map(BigInt));
        expect(foldInteger("min", integers, lo, hi)).toEqual(
          fold((window) => Math.min(...window)).map(BigInt),
        );
        expect(foldInteger("max", integers, lo, hi)).toEqual(
          fold((window) => Math.max(...window)).map(BigInt),
        );
      }),
    );
  });

  it("give a window the same bits alone and among others", () => {
    const next = random(9);
    const values = Array.from({ length: 1500 }, () => next() * 1e6 - 5e5);
    fc.assert(
      fc.property(bounds(1500), ({ lo, hi }) => {
        const together = foldFloat("sum", values, lo, hi);
        const alone = lo.flatMap((from, i) => foldFloat("sum", values, [from], [hi[i]!]));
        expect(alone).toEqual(together);
      }),
    );
  });

  it("sum integers exactly to the ends of int64, and refuse what is beyond", () => {
    const extreme = fc.oneof(
      fc.bigInt(FIRST_INSTANT, LAST_INSTANT),
      fc.constantFrom(FIRST_INSTANT, LAST_INSTANT),
    );
    fc.assert(
      fc.property(fc.array(extreme, { minLength: 17, maxLength: 17 }), bounds(17), (values, { lo, hi }) => {
        const sums = lo.map((from, i) => values.slice(from, hi[i]!).reduce((a, b) => a + b, 0n));
        const row = sums.findIndex((sum) => sum !== BigInt.asIntN(64, sum));
        if (row < 0) expect(foldInteger("sum", values, lo, hi)).toEqual(sums);
        else {
          expect(() => foldInteger("sum", values, lo, hi)).toThrow(
            expect.objectContaining({ code: "SOURCE_INTEGER_OVERFLOW", where: { row } }),
          );
        }
      }),
    );
  });

  it("do not cost their length a frame", () => {
    const samples = 1_000_000;
    const frames = 20_000;
    const lo = Array.from({ length: frames }, (_, i) => i * 20);
    const hi = lo.map((from) => from + 500_000);
    // Adding up every window would take 10^10 additions, which no test has the time for.
    const sums = foldFloat("sum", new Array<number>(samples).fill(1), lo, hi);
    expect(sums.every((sum) => sum === 500_000)).toBe(true);
  });
});
