import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AsofOptions, type Column, isRuns } from "../../src/kernels/index.ts";
import { asofTwin } from "../reference/asof.ts";
import { bitmapTwin, gatherTwin } from "../reference/columns.ts";
import { ageTwin } from "../reference/provenance.ts";
import { ascending, distance, LAST_INSTANT, random } from "./arbitraries.ts";
import { builds, loadBuild, scoped } from "./builds.ts";

const options: fc.Arbitrary<AsofOptions> = fc.record({
  direction: fc.constantFrom("backward", "forward", "nearest"),
  tolerance: distance,
  allowExact: fc.boolean(),
  tie: fc.constantFrom("past", "future"),
});

/** Columns of `length` entries of every width, none of them 0. */
const columns = (length: number): Column[] => [
  BigInt64Array.from({ length }, (_, i) => BigInt(-i - 1)),
  Int32Array.from({ length }, (_, i) => -i - 1),
  Uint8Array.from({ length }, (_, i) => (i % 255) + 1),
];

const cells = (column: Column): (number | bigint)[] => Array.from<number | bigint>(column as Int32Array);

describe.each(builds)("matches in %s", (build) => {
  const kernels = loadBuild(build);
  const { arena } = kernels;

  /** Everything that is made of a match, in both of its forms, against the index of the definition. */
  const check = (
    frames: readonly bigint[],
    times: readonly bigint[],
    valid: readonly boolean[] | undefined,
    asked: AsofOptions,
  ): void => {
    const expected = asofTwin(frames, times, asked);
    const found = expected.map((k) => k >= 0);
    const ages = ageTwin(frames, times, expected, found);
    const good = times.map((_, k) => valid?.[k] ?? true);
    for (const scan of ["run", "merge"] as const) {
      scoped(kernels, (outputs) => {
        const left = arena.copy(BigInt64Array.from(frames));
        const right = arena.copy(BigInt64Array.from(times));
        const match = kernels.match(left, right, { ...asked, scan });
        expect(isRuns(match)).toBe(
          scan === "run" && (asked.direction !== "nearest" || asked.allowExact !== false),
        );
        expect([...kernels.index(match)], scan).toEqual(expected);
        const bits = outputs.bitmap(frames.length);
        expect(kernels.matched(match, bits)).toBe(found.filter(Boolean).length);
        expect(bits).toEqual(bitmapTwin(found));
        const age = outputs.i64(frames.length);
        kernels.age(left, right, match, bits, age);
        expect([...age]).toEqual(ages);
        for (const values of columns(times.length)) {
          const out = {
            values: outputs.like(values, frames.length),
            validity: outputs.bitmap(frames.length),
          };
          const source = valid && arena.copy(bitmapTwin(good).slice(0, Math.ceil(times.length / 8)));
          const count = kernels.gather(arena.copy(values), source, match, out);
          const gathered = gatherTwin(cells(values), good, expected);
          const zero = values instanceof BigInt64Array ? 0n : 0;
          expect(cells(out.values)).toEqual(gathered.map((value) => value ?? zero));
          expect(out.validity).toEqual(bitmapTwin(gathered.map((value) => value !== null)));
          expect(count).toBe(gathered.filter((value) => value !== null).length);
        }
        expect(outputs.breaches()).toEqual([]);
      });
    }
  };

  it("give the values, ages and bits of the definition, for 0 to 17 frames and samples", () => {
    const valid = fc.option(fc.array(fc.boolean(), { minLength: 17, maxLength: 17 }), { nil: undefined });
    fc.assert(fc.property(ascending(), ascending(), valid, options, check), { numRuns: 400 });
  });

  it("give them for 5,011 frames at today's epoch: regular ones, with a pause, at random and all at once", () => {
    const next = random(23);
    const epoch = 1_760_000_000_000_000_000n;
    const length = 5_011;
    const shapes = {
      regular: (i: number) => i * 1000,
      pausing: (i: number) => i * 1000 + (i < 2000 ? 0 : 700_000),
      random: () => Math.floor(next() * 5_000_000),
      at_once: () => 2_000_000,
    };
    for (const shape of Object.values(shapes)) {
      const frames = Array.from({ length }, (_, i) => shape(i) + Math.floor(next() * 300)).sort(
        (a, b) => a - b,
      );
      const times = Array.from({ length: 170 }, (_, i) => i * 30_000 + Math.floor(next() * 20_000));
      const valid = times.map(() => next() < 0.9);
      for (const direction of ["backward", "forward", "nearest"] as const) {
        for (const tolerance of [undefined, 9_000n]) {
          check(
            frames.map((ns) => epoch + BigInt(ns)),
            times.map((ns) => epoch + BigInt(ns)),
            valid,
            { direction, tolerance },
          );
        }
      }
    }
  });

  it("are runs where four frames and more go with a sample, and an index elsewhere", () => {
    const frames = arena.copy(BigInt64Array.from({ length: 100 }, (_, i) => BigInt(i)));
    const every = (step: bigint) =>
      arena.copy(BigInt64Array.from({ length: 100 }, (_, i) => BigInt(i) * step));
    expect(isRuns(kernels.match(frames, every(5n), { direction: "backward" }))).toBe(true);
    expect(isRuns(kernels.match(frames, every(3n), { direction: "backward" }))).toBe(false);
  });

  it("refuse runs of other frames or samples", () => {
    const frames = arena.copy(BigInt64Array.of(1n, 2n));
    const times = arena.copy(BigInt64Array.of(1n));
    const match = kernels.match(frames, times, { direction: "backward", scan: "run" });
    const age = (length: number, samples: BigInt64Array) =>
      kernels.age(arena.i64(length), samples, match, arena.bitmap(length), arena.i64(length));
    expect(() => age(3, times)).toThrow(expect.objectContaining({ code: "BUG_KERNEL_ARGUMENT" }));
    expect(() => age(2, arena.i64(2))).toThrow(expect.objectContaining({ code: "BUG_KERNEL_ARGUMENT" }));
  });

  it("reach from one end of int64 to the other", () => {
    const times = [-LAST_INSTANT - 1n, LAST_INSTANT];
    for (const direction of ["backward", "forward", "nearest"] as const) {
      for (const tolerance of [2n ** 64n - 1n, 2n ** 63n, 0n]) {
        check([times[0]!, 0n, LAST_INSTANT], times, undefined, { direction, tolerance });
        check([times[0]!, 0n, LAST_INSTANT], times, undefined, { direction, tolerance, allowExact: false });
      }
    }
  });

  it("stay within the memory where frames and samples are unsorted", () => {
    const unsorted = fc.array(fc.bigInt(-60n, 60n), { maxLength: 90 });
    fc.assert(
      fc.property(
        unsorted,
        unsorted,
        options,
        fc.constantFrom("run", "merge", "gallop", undefined),
        (frames, times, asked, scan) => {
          scoped(kernels, (outputs) => {
            const left = arena.copy(BigInt64Array.from(frames));
            const right = arena.copy(BigInt64Array.from(times));
            const match = kernels.match(left, right, { ...asked, scan });
            const index = kernels.index(match);
            expect(index.every((k) => k >= -1 && k < times.length)).toBe(true);
            const out = { values: outputs.f64(frames.length), validity: outputs.bitmap(frames.length) };
            const samples = { times: right, values: arena.f64(times.length) };
            kernels.gather(samples.values, undefined, match, out);
            const backward = kernels.match(left, right, { direction: "backward", scan });
            const line = kernels.line(backward, left, right, { maxGap: asked.tolerance });
            kernels.linear(line, left, samples, out);
            kernels.statusLinear(
              left,
              right,
              line,
              { staleAfter: asked.tolerance },
              outputs.u32(frames.length),
            );
            expect(outputs.breaches()).toEqual([]);
          });
        },
      ),
      { numRuns: 300 },
    );
  });
});
