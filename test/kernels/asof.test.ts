import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AsofOptions, Scan } from "../../src/kernels/index.ts";
import { asofTwin } from "../reference/asof.ts";
import { ascending, distance, FIRST_INSTANT, LAST_INSTANT, random } from "./arbitraries.ts";
import { builds, loadBuild, scoped } from "./builds.ts";

const scans: readonly (Scan | undefined)[] = ["run", "merge", "gallop", undefined];

const options: fc.Arbitrary<AsofOptions> = fc.record({
  direction: fc.constantFrom("backward", "forward", "nearest"),
  tolerance: distance,
  allowExact: fc.boolean(),
  tie: fc.constantFrom("past", "future"),
});

describe.each(builds)("as-of join in %s", (build) => {
  const kernels = loadBuild(build);

  const join = (frames: BigInt64Array, samples: BigInt64Array, asked: AsofOptions): number[] =>
    scoped(kernels, (outputs) => {
      const index = outputs.i32(frames.length);
      const matched = kernels.asof(kernels.arena.copy(frames), kernels.arena.copy(samples), index, asked);
      expect(outputs.breaches()).toEqual([]);
      expect(matched).toBe(index.filter((k) => k >= 0).length);
      return [...index];
    });

  it("equals its definition with every scan, for 0 to 17 frames and samples", () => {
    fc.assert(
      fc.property(ascending(), ascending(), options, (frames, samples, asked) => {
        const expected = asofTwin(frames, samples, asked);
        for (const scan of scans) {
          const found = join(BigInt64Array.from(frames), BigInt64Array.from(samples), { ...asked, scan });
          expect(found, scan).toEqual(expected);
        }
      }),
      { numRuns: 400 },
    );
  });

  it.each([
    [20_011, 50],
    [60, 20_000],
    [1500, 1500],
    [3000, 900],
  ])("equals its definition for %i frames and %i samples", (frameCount, sampleCount) => {
    const next = random(7);
    const times = (count: number): BigInt64Array =>
      BigInt64Array.from({ length: count }, () => BigInt(Math.floor(next() * 30_000))).sort();
    const frames = times(frameCount);
    const samples = times(sampleCount);
    for (const direction of ["backward", "forward", "nearest"] as const) {
      const asked = { direction, tolerance: 40n, tie: "future" } as const;
      const expected = asofTwin([...frames], [...samples], asked);
      for (const scan of scans) expect(join(frames, samples, { ...asked, scan })).toEqual(expected);
    }
  });

  it("does not depend on how the frames are cut into blocks", () => {
    fc.assert(
      fc.property(ascending(), ascending(), options, fc.nat(17), (frames, samples, asked, cut) => {
        const left = BigInt64Array.from(frames);
        const right = BigInt64Array.from(samples);
        const parts = [left.slice(0, cut), left.slice(cut)].flatMap((part) => join(part, right, asked));
        expect(parts).toEqual(join(left, right, asked));
      }),
    );
  });

  it("measures distances that do not fit int64", () => {
    const frames = BigInt64Array.of(LAST_INSTANT);
    const samples = BigInt64Array.of(FIRST_INSTANT);
    expect(join(frames, samples, { direction: "backward", tolerance: 2n ** 64n - 2n })).toEqual([-1]);
    expect(join(frames, samples, { direction: "backward", tolerance: 2n ** 64n - 1n })).toEqual([0]);
  });

  it("stays within the memory where the input is unsorted", () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt(FIRST_INSTANT, LAST_INSTANT), { maxLength: 17 }),
        fc.array(fc.bigInt(-9n, 9n), { maxLength: 17 }),
        options,
        fc.constantFrom(...scans),
        (frames, samples, asked, scan) => {
          const found = join(BigInt64Array.from(frames), BigInt64Array.from(samples), { ...asked, scan });
          expect(found.every((k) => k >= -1 && k < samples.length)).toBe(true);
        },
      ),
    );
  });

  it("finds the first row out of order", () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt(-3n, 3n), { maxLength: 17 }), fc.nat(17), (numbers, sorted) => {
        const byTime = (a: bigint, b: bigint) => Number(a - b);
        const times = [...numbers.slice(0, sorted).sort(byTime), ...numbers.slice(sorted)];
        const expected = times.findIndex((time, i) => i > 0 && time < times[i - 1]!);
        const found = scoped(kernels, () =>
          kernels.firstDescent(kernels.arena.copy(BigInt64Array.from(times))),
        );
        expect(found).toBe(expected);
      }),
    );
  });
});
