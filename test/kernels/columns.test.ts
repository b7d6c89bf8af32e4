import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Column } from "../../src/kernels/index.ts";
import { bitmapTwin, compactTwin, gatherTwin, lastOfEqualTwin } from "../reference/columns.ts";
import { ascending, random } from "./arbitraries.ts";
import { bitsOf, builds, loadBuild, scoped } from "./builds.ts";

/** Columns of `length` entries of every width, none of them 0. */
const columns = (length: number): Column[] => [
  BigInt64Array.from({ length }, (_, i) => BigInt(-i - 1)),
  Float64Array.from({ length }, (_, i) => i + 0.5),
  Int32Array.from({ length }, (_, i) => -i - 1),
  Uint32Array.from({ length }, (_, i) => 0xffff_ffff - i),
  Uint8Array.from({ length }, (_, i) => (i % 255) + 1),
];

/** The entries of a column, of either kind of number. */
const cells = (column: Column): (number | bigint)[] => Array.from<number | bigint>(column as Int32Array);

const bits = (maxLength = 17): fc.Arbitrary<boolean[]> => fc.array(fc.boolean(), { maxLength });

describe.each(builds)("columns in %s", (build) => {
  const kernels = loadBuild(build);
  const { arena } = kernels;
  const packed = (valid: readonly boolean[]): Uint8Array =>
    arena.copy(bitmapTwin(valid).slice(0, Math.ceil(valid.length / 8)));

  const checkGather = (
    length: number,
    valid: readonly boolean[] | undefined,
    index: readonly number[],
  ): void => {
    for (const values of columns(length)) {
      scoped(kernels, (outputs) => {
        const out = { values: outputs.like(values, index.length), validity: outputs.bitmap(index.length) };
        const source = valid && packed(valid);
        const count = kernels.gather(arena.copy(values), source, arena.copy(Int32Array.from(index)), out);
        const all = cells(values);
        const expected = gatherTwin(all, valid ?? all.map(() => true), index);
        const zero = typeof all[0] === "bigint" || values instanceof BigInt64Array ? 0n : 0;
        expect(cells(out.values)).toEqual(expected.map((v) => v ?? zero));
        expect(out.validity).toEqual(bitmapTwin(expected.map((v) => v !== null)));
        expect(count).toBe(expected.filter((v) => v !== null).length);
        expect(outputs.breaches()).toEqual([]);
      });
    }
  };

  it("gathers values of every width by position", () => {
    fc.assert(
      fc.property(bits(), fc.boolean(), fc.array(fc.nat(17), { maxLength: 17 }), (valid, nullable, picks) => {
        const index = picks.map((pick) => (pick < valid.length ? pick : -1));
        checkGather(valid.length, nullable ? valid : undefined, index);
      }),
    );
  });

  it("gathers under every null pattern of a byte", () => {
    for (let pattern = 0; pattern < 256; pattern++) {
      const valid = Array.from({ length: 8 }, (_, i) => ((pattern >> i) & 1) === 1);
      checkGather(8, valid, [0, 1, 2, 3, 4, 5, 6, 7, -1]);
    }
  });

  it("gathers and compacts long columns", () => {
    const next = random(3);
    const length = 10_007;
    const valid = Array.from({ length }, (_, i) => i < 200 || next() < 0.7);
    checkGather(
      length,
      valid,
      valid.map(() => Math.floor(next() * (length + 1)) - 1),
    );
    checkCompact(valid);
  });

  it("gathers stretches of positions that follow one another, from every place of a byte", () => {
    const next = random(7);
    for (let from = 0; from < 9; from++) {
      const stretch = Array.from({ length: 192 - from }, (_, i) => from + i);
      const valid = Array.from({ length: 192 }, () => next() < 0.9);
      checkGather(192, valid, stretch);
      checkGather(192, undefined, stretch);
      checkGather(192, valid, stretch.slice(0, 64));
      checkGather(
        192,
        valid.map((bit) => !bit),
        stretch,
      );
    }
  });

  it("gathers what only looks like a stretch from its ends", () => {
    const stretch = Array.from({ length: 64 }, (_, i) => i);
    const valid = stretch.map((i) => i % 5 !== 0);
    for (let at = 1; at < 63; at++) {
      for (const other of [-1, at + 1, at - 1]) {
        checkGather(64, at % 2 === 0 ? valid : undefined, stretch.with(at, other));
      }
    }
  });

  const checkCompact = (keep: readonly boolean[]): void => {
    for (const values of columns(keep.length)) {
      const expected = compactTwin(cells(values), keep);
      scoped(kernels, (outputs) => {
        const out = outputs.like(values, keep.length);
        const source = arena.copy(values);
        const marks = packed(keep);
        const count = kernels.compact(source, marks, out);
        expect(cells(out).slice(0, count)).toEqual(expected);
        expect(outputs.breaches()).toEqual([]);
        expect(kernels.compact(source, marks, source)).toBe(count);
        expect(source.slice(0, count)).toEqual(out.slice(0, count));
      });
    }
  };

  it("compacts values of every width, in place too", () => {
    fc.assert(fc.property(bits(), checkCompact));
    for (let pattern = 0; pattern < 256; pattern++) {
      checkCompact(Array.from({ length: 8 }, (_, i) => ((pattern >> i) & 1) === 1));
    }
  });

  it("ignores what lies in a bitmap's last byte past the length", () => {
    scoped(kernels, () => {
      const values = arena.copy(Int32Array.of(1, 2, 3));
      expect(kernels.compact(values, arena.copy(Uint8Array.of(0xff)), values)).toBe(3);
    });
  });

  it("packs booleans, marks matches and the last of equal times", () => {
    const check = (valid: readonly boolean[], times: readonly bigint[]): void => {
      scoped(kernels, (outputs) => {
        const expected = bitmapTwin(valid);
        const fromBytes = outputs.bitmap(valid.length);
        kernels.packBits(arena.copy(Uint8Array.from(valid, Number)), fromBytes);
        expect(fromBytes).toEqual(expected);
        const fromIndex = outputs.bitmap(valid.length);
        const count = kernels.matched(arena.copy(Int32Array.from(valid, (bit) => (bit ? 7 : -1))), fromIndex);
        expect(fromIndex).toEqual(expected);
        expect(count).toBe(valid.filter(Boolean).length);
        const last = outputs.bitmap(times.length);
        const distinct = kernels.lastOfEqual(arena.copy(BigInt64Array.from(times)), last);
        expect(bitsOf(last, times.length)).toEqual(lastOfEqualTwin(times));
        expect(distinct).toBe(new Set(times).size);
        expect(outputs.breaches()).toEqual([]);
      });
    };
    fc.assert(fc.property(bits(150), ascending(150), check));
    for (let pattern = 0; pattern < 256; pattern++) {
      check(
        Array.from({ length: 8 }, (_, i) => ((pattern >> i) & 1) === 1),
        [],
      );
    }
  });
});
