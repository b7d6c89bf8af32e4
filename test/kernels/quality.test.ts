import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keptBySeverity, skippedFlags, skippedTimes, unionOfStatus } from "../reference/quality.ts";
import { bitsOf, builds, loadBuild, scoped } from "./builds.ts";

const code = fc.constantFrom(
  0,
  0,
  0,
  0x402,
  0x40900000,
  0x40a40402,
  0x80000000,
  0x809b0000,
  0xc0000000,
  0xffffffff,
);
const codes = fc.array(code, { maxLength: 200 });

describe.each(builds)("%s", (build) => {
  const kernels = loadBuild(build);
  const { arena } = kernels;

  it("or all status codes", () => {
    fc.assert(
      fc.property(codes, (status) => {
        scoped(kernels, () => {
          expect(kernels.unionOfStatus(arena.copy(Uint32Array.from(status)))).toBe(unionOfStatus(status));
        });
      }),
    );
  });

  it("mark the samples up to a severity, and what is skipped after each of them", () => {
    fc.assert(
      fc.property(codes, fc.constantFrom(0, 1, 2, 3), (status, worst) => {
        scoped(kernels, (outputs) => {
          const expected = keptBySeverity(status, worst);
          const keep = outputs.bitmap(status.length);
          const count = kernels.keepSeverity(arena.copy(Uint32Array.from(status)), worst, keep);
          expect(count).toBe(expected.filter(Boolean).length);
          expect(bitsOf(keep, status.length)).toStrictEqual(expected);
          expect(bitsOf(keep, keep.length * 8).slice(status.length)).not.toContain(true);
          const times = status.map((_, i) => BigInt(i) * 7n - 300n);
          const after = outputs.i64(count);
          kernels.skippedTimes(arena.copy(BigInt64Array.from(times)), keep, after);
          expect([...after]).toStrictEqual(skippedTimes(times, expected));
          const flags = outputs.u8(count);
          kernels.skippedFlags(status.length, keep, flags);
          expect([...flags]).toStrictEqual(skippedFlags(expected));
          expect(outputs.breaches()).toStrictEqual([]);
        });
      }),
    );
  });

  it("rank values over the whole int64 range, and count those above a limit", () => {
    const value = fc.oneof(
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      fc.bigInt(0n, 5n),
      fc.bigInt(-70_000n, 70_000n),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 700 }), fc.nat(), value, (values, at, limit) => {
        scoped(kernels, () => {
          const column = arena.copy(BigInt64Array.from(values));
          const rank = (at % values.length) + 1;
          const sorted = BigInt64Array.from(values).sort();
          expect(kernels.ranked(column, [rank, values.length])).toStrictEqual([
            sorted[rank - 1],
            sorted.at(-1),
          ]);
          expect([...column]).toStrictEqual(values);
          const validity = arena.bitmap(values.length).fill(0);
          for (let i = 0; i < values.length; i += 3) validity[i >> 3]! |= 1 << (i & 7);
          const above = values.filter((one, i) => i % 3 === 0 && one > limit).length;
          expect(kernels.countAbove(column, validity, limit)).toBe(above);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("count frames up, and tell the time since an origin", () => {
    const instant = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
    fc.assert(
      fc.property(fc.array(instant, { maxLength: 20 }), instant, (times, origin) => {
        scoped(kernels, (outputs) => {
          const out = outputs.i64(times.length);
          kernels.elapsed(arena.copy(BigInt64Array.from(times)), origin, out);
          expect([...out]).toStrictEqual(times.map((time) => BigInt.asIntN(64, time - origin)));
          kernels.countUp(origin, out);
          expect([...out]).toStrictEqual(times.map((_, i) => BigInt.asIntN(64, origin + BigInt(i))));
          expect(outputs.breaches()).toStrictEqual([]);
        });
      }),
    );
  });
});
