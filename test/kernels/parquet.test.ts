import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deltaRoom, hybridRoom, runRoom } from "../../src/kernels/index.ts";
import { bitmapTwin, compactTwin } from "../reference/columns.ts";
import { packDeltaTwin, packHybridTwin, rangeTwin, rankTwin, runsTwin } from "../reference/parquet.ts";
import { FIRST_INSTANT, float, instant, LAST_INSTANT, random } from "./arbitraries.ts";
import { builds, loadBuild, scoped } from "./builds.ts";

/** Values of which neighbours are often equal. */
const inRuns = <T>(value: fc.Arbitrary<T>, longest = 40): fc.Arbitrary<T[]> =>
  fc
    .array(fc.tuple(value, fc.integer({ min: 1, max: longest })), { maxLength: 12 })
    .map((runs) => runs.flatMap(([one, length]) => Array<T>(length).fill(one)));

describe.each(builds)("pages in %s", (build) => {
  const kernels = loadBuild(build);
  const { arena, pages } = kernels;

  const checkDelta = (values: readonly bigint[]): void =>
    scoped(kernels, (outputs) => {
      const out = outputs.u8(deltaRoom(values.length));
      const length = pages.packDelta(arena.copy(BigInt64Array.from(values)), out);
      expect([...out.subarray(0, length)]).toEqual(packDeltaTwin(values));
      expect(outputs.breaches()).toEqual([]);
    });

  it("packs the steps between values", () => {
    fc.assert(fc.property(fc.array(instant, { maxLength: 300 }), checkDelta), { numRuns: 40 });
    fc.assert(fc.property(inRuns(instant), checkDelta), { numRuns: 40 });
  });

  it("packs steps of every width, and at every border of blocks", () => {
    for (let width = 0n; width <= 63n; width++) {
      const step = (i: number) => (i % 3 === 1 ? 1n << width : BigInt(i % 2));
      let value = 0n;
      checkDelta(Array.from({ length: 100 }, (_, i) => BigInt.asIntN(64, (value += step(i)))));
    }
    for (const length of [0, 1, 2, 32, 33, 34, 64, 65, 128, 129, 130, 160, 161, 256, 257, 258]) {
      checkDelta(Array.from({ length }, (_, i) => BigInt(i * i * 977)));
    }
    checkDelta(Array.from({ length: 70 }, (_, i) => (i % 2 === 0 ? FIRST_INSTANT : LAST_INSTANT)));
  });

  const checkHybrid = (codes: readonly number[], width: number): void =>
    scoped(kernels, (outputs) => {
      const out = outputs.u8(hybridRoom(codes.length));
      const length = pages.packHybrid(arena.copy(Uint32Array.from(codes)), width, out);
      expect([...out.subarray(0, length)]).toEqual(packHybridTwin(codes, width));
      expect(outputs.breaches()).toEqual([]);
    });

  it("packs codes of 1 to 16 bits in runs and groups", () => {
    const width = fc.integer({ min: 1, max: 16 });
    const codes = width.chain((bits) =>
      fc.tuple(
        fc.oneof(inRuns(fc.nat(2 ** bits - 1)), fc.array(fc.nat(2 ** bits - 1), { maxLength: 70 })),
        fc.constant(bits),
      ),
    );
    fc.assert(fc.property(codes, ([all, bits]) => checkHybrid(all, bits)));
    for (let length = 0; length <= 70; length++) checkHybrid(Array(length).fill(1), 1);
  });

  it("refuses codes that are too wide", () => {
    for (const width of [0, 17]) {
      expect(() => pages.packHybrid(arena.u32(8), width, arena.u8(hybridRoom(8)))).toThrow(
        expect.objectContaining({ code: "BUG_KERNEL_ARGUMENT" }),
      );
    }
  });

  it("numbers distinct values in order of first use, and says where they are too many", () => {
    const capacity = 5;
    fc.assert(
      fc.property(inRuns(fc.constantFrom(0, 7, 0x402, 0x809b0000, 0xffffffff, 1, 2)), (values) => {
        scoped(kernels, (outputs) => {
          const [distinct, ranks] = [outputs.u32(capacity), outputs.u32(values.length)];
          const count = pages.rankFew(arena.copy(Uint32Array.from(values)), distinct, ranks);
          const expected = rankTwin(values);
          if (expected.distinct.length > capacity) expect(count).toBe(capacity + 1);
          else {
            expect([...distinct.subarray(0, count)]).toEqual(expected.distinct);
            expect([...ranks]).toEqual(expected.ranks);
          }
          expect(outputs.breaches()).toEqual([]);
        });
      }),
    );
  });

  it("numbers codes in order of first use, and leaves its table clean", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (codes) => {
        scoped(kernels, (outputs) => {
          const table = outputs.u32(21).fill(0);
          const [used, ranks] = [outputs.u32(Math.min(codes.length, 21)), outputs.u32(codes.length)];
          const count = pages.rankCodes(arena.copy(Int32Array.from(codes)), table, used, ranks);
          const expected = rankTwin(codes);
          expect([...used.subarray(0, count)]).toEqual(expected.distinct);
          expect([...ranks]).toEqual(expected.ranks);
          expect([...table].every((entry) => entry === 0)).toBe(true);
          expect(outputs.breaches()).toEqual([]);
        });
      }),
    );
  });

  it("numbers the runs of equal neighbours, and says where they are too many", () => {
    const check = (values: readonly number[], most: number): void =>
      scoped(kernels, (outputs) => {
        const [entries, codes] = [outputs.f64(runRoom(most)), outputs.u32(values.length)];
        const count = pages.rankRuns(arena.copy(Float64Array.from(values)), most, entries, codes);
        const expected = runsTwin(values);
        if (expected.entries.length > most) expect(count).toBeGreaterThan(most);
        else {
          expect([...entries.subarray(0, count)]).toEqual(expected.entries);
          expect([...codes]).toEqual(expected.codes);
        }
        expect(outputs.breaches()).toEqual([]);
      });
    fc.assert(fc.property(inRuns(fc.oneof(float, fc.constantFrom(0, -0, Number.NaN))), fc.nat(12), check));
    fc.assert(fc.property(fc.array(fc.nat(3), { maxLength: 300 }), fc.nat(200), check));
  });

  it("keeps bits side by side", () => {
    const pair = fc.tuple(fc.boolean(), fc.boolean());
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 200 }), (pairs) => {
        scoped(kernels, (outputs) => {
          const [bits, keep] = [pairs.map(([bit]) => bit), pairs.map(([, kept]) => kept)];
          const expected = compactTwin(bits, keep);
          const out = outputs.bitmap(bits.length);
          const packed = (values: boolean[]) =>
            arena.copy(bitmapTwin(values).slice(0, Math.ceil(values.length / 8)));
          const count = pages.compactBits(packed(bits), bits.length, packed(keep), out);
          expect(count).toBe(expected.length);
          const twin = bitmapTwin(expected);
          expect(out.subarray(0, twin.length)).toEqual(twin);
          expect(outputs.breaches()).toEqual([]);
        });
      }),
    );
  });

  it("finds the least and the greatest value", () => {
    fc.assert(
      fc.property(fc.array(instant, { minLength: 1, maxLength: 20 }), (values) => {
        expect(pages.range(arena.copy(BigInt64Array.from(values)))).toEqual(rangeTwin(values));
      }),
    );
    fc.assert(
      fc.property(fc.array(float, { minLength: 1, maxLength: 20 }), (values) => {
        const plain = (range: readonly number[]) => range.map((value) => value + 0);
        expect(plain(pages.range(arena.copy(Float64Array.from(values))))).toEqual(plain(rangeTwin(values)));
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 20 }), (values) => {
        expect(pages.range(arena.copy(Int32Array.from(values)))).toEqual(rangeTwin(values));
      }),
    );
    expect(() => pages.range(arena.f64(0))).toThrow(expect.objectContaining({ code: "BUG_KERNEL_ARGUMENT" }));
  });

  it("gives long columns the same bytes", () => {
    const next = random(11);
    let value = 1_777_878_751_250_000_001n;
    checkDelta(Array.from({ length: 5_000 }, () => (value += BigInt(Math.floor(next() * 2e9) - 1e9))));
    let code = 0;
    checkHybrid(
      Array.from({ length: 5_000 }, () => (next() < 0.1 ? (code += 1) : code)),
      13,
    );
  });
});
