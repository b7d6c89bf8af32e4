import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fraction, mapAffineTwin } from "../reference/clock.ts";
import { FIRST_INSTANT, LAST_INSTANT } from "./arbitraries.ts";
import { builds, loadBuild, scoped } from "./builds.ts";

const EPOCH = 1_760_000_000_000_000_000n;
const SPAN = 2n ** 50n - 1n;

describe.each(builds)("clock map in %s", (build) => {
  const kernels = loadBuild(build);

  const map = (times: readonly bigint[], piece: { from: bigint; to: bigint; drift: number }): bigint[] =>
    scoped(kernels, (outputs) => {
      const out = outputs.i64(times.length);
      kernels.mapAffine(kernels.arena.copy(BigInt64Array.from(times)), out, piece);
      expect(outputs.breaches()).toEqual([]);
      return [...out];
    });

  const piece = fc.record({
    from: fc.bigInt(EPOCH - SPAN, EPOCH + SPAN),
    to: fc.bigInt(EPOCH - SPAN, EPOCH + SPAN),
    drift: fc.double({ min: -3e-4, max: 3e-4, noNaN: true }),
  });
  const offset = fc.oneof(fc.bigInt(-SPAN, SPAN), fc.bigInt(-2000n, 2000n), fc.constantFrom(SPAN, -SPAN));

  it("is at most 1 ns from exact arithmetic, and the same in lanes and tail, for 0 to 17 instants", () => {
    fc.assert(
      fc.property(piece, fc.array(offset, { maxLength: 17 }), (p, offsets) => {
        const times = offsets.map((d) => p.from + d);
        const out = map(times, p);
        expect(out).toEqual(mapAffineTwin(times, p));
        const { numerator, denominator } = fraction(p.drift);
        for (const [i, d] of offsets.entries()) {
          const error = (out[i]! - p.to - d) * denominator - d * numerator;
          expect(error <= denominator && error >= -denominator).toBe(true);
        }
      }),
    );
  });

  it("rounds a half to even", () => {
    const piece = { from: 0n, to: 0n, drift: 0.25 };
    expect(map([2n, 6n, 10n, -2n, -6n, 2n, 6n, 10n, -2n], piece)).toEqual([
      2n,
      8n,
      12n,
      -2n,
      -8n,
      2n,
      8n,
      12n,
      -2n,
    ]);
  });

  it("is the identity, bit for bit, without drift or shift", () => {
    fc.assert(
      fc.property(piece, fc.array(offset, { maxLength: 17 }), ({ from }, offsets) => {
        const times = offsets.map((d) => from + d);
        expect(map(times, { from, to: from, drift: 0 })).toEqual(times);
      }),
    );
  });

  it("is right at the ends of int64", () => {
    expect(map([LAST_INSTANT, LAST_INSTANT - 9n], { from: LAST_INSTANT, to: 5n, drift: 0 })).toEqual([
      5n,
      -4n,
    ]);
    expect(map([FIRST_INSTANT + 9n], { from: FIRST_INSTANT, to: FIRST_INSTANT, drift: 0 })).toEqual([
      FIRST_INSTANT + 9n,
    ]);
  });

  it("keeps ascending times ascending", () => {
    const times = Array.from({ length: 10_007 }, (_, i) => EPOCH + BigInt(i) * 3n);
    const out = map(times, { from: EPOCH + 5000n, to: EPOCH, drift: -2.9e-4 });
    expect(out.findIndex((time, i) => i > 0 && time < out[i - 1]!)).toBe(-1);
    expect(out).toEqual(mapAffineTwin(times, { from: EPOCH + 5000n, to: EPOCH, drift: -2.9e-4 }));
  });

  it("maps in place", () => {
    scoped(kernels, () => {
      const times = kernels.arena.copy(BigInt64Array.of(1n, 2n, 3n));
      kernels.mapAffine(times, times, { from: 0n, to: 10n, drift: 0 });
      expect([...times]).toEqual([11n, 12n, 13n]);
    });
  });

  it("refuses a piece that is too long or a drift that is no drift", () => {
    const code = { code: "BUG_KERNEL_ARGUMENT" };
    expect(() => map([2n ** 50n], { from: 0n, to: 0n, drift: 0 })).toThrow(expect.objectContaining(code));
    expect(() => map([1n], { from: 0n, to: 0n, drift: Number.NaN })).toThrow(expect.objectContaining(code));
  });
});
