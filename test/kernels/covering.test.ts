import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coveringTwin } from "../reference/covering.ts";
import { ascending, instant, random } from "./arbitraries.ts";
import { builds, loadBuild, scoped } from "./builds.ts";

const intervals = fc
  .tuple(ascending(), fc.array(instant, { minLength: 17, maxLength: 17 }))
  .map(([starts, ends]) => ({ starts, ends: ends.slice(0, starts.length) }));

describe.each(builds)("covering intervals in %s", (build) => {
  const kernels = loadBuild(build);
  const { arena } = kernels;
  const i64 = (values: readonly bigint[]): BigInt64Array => arena.copy(BigInt64Array.from(values));

  const check = (
    frames: readonly bigint[],
    { starts, ends }: { starts: readonly bigint[]; ends: readonly bigint[] },
    cut: number,
    capacity: number,
  ): void =>
    scoped(kernels, (outputs) => {
      const expected = coveringTwin(frames, starts, ends);
      const [from, to] = [i64(starts), i64(ends)];
      const blocks = [frames.slice(0, cut), frames.slice(cut)];

      const sweep = kernels.coveringState(from);
      const latest = blocks.flatMap((block) => {
        const index = outputs.i32(block.length);
        const covered = kernels.coveringLatest(i64(block), from, to, sweep, index);
        expect(covered).toBe(index.filter((row) => row >= 0).length);
        return [...index];
      });
      expect(latest).toEqual(expected.map((rows) => rows.at(-1) ?? -1));

      const state = kernels.coveringState(from);
      const all = blocks.flatMap((block) => {
        const rows: number[][] = [];
        let room = capacity;
        while (rows.length < block.length) {
          const rest = i64(block.slice(rows.length));
          const [offsets, positions] = [outputs.i32(rest.length + 1), outputs.i32(room)];
          const done = kernels.coveringAll(rest, from, to, state, offsets, positions);
          for (let i = 0; i < done; i++) rows.push([...positions.slice(offsets[i], offsets[i + 1])]);
          if (done === 0) room *= 2;
        }
        return rows;
      });
      expect(all).toEqual(expected);
      expect(outputs.breaches()).toEqual([]);
    });

  it("equal their definition, in any blocks and with any room", () => {
    fc.assert(fc.property(ascending(), intervals, fc.nat(17), fc.integer({ min: 1, max: 9 }), check), {
      numRuns: 400,
    });
  });

  it("equal their definition for long lists", () => {
    const next = random(2);
    const times = (count: number): bigint[] =>
      Array.from({ length: count }, () => BigInt(Math.floor(next() * 5000))).sort((a, b) => Number(a - b));
    const starts = times(700);
    const ends = starts.map((start) => start + BigInt(Math.floor(next() * 60)));
    check(times(3000), { starts, ends }, 1111, 4000);
  });

  it("refuse a state of other intervals", () => {
    scoped(kernels, () => {
      const long = i64([1n, 2n, 3n]);
      const state = kernels.coveringState(long);
      kernels.coveringLatest(i64([9n]), long, long, state, arena.i32(1));
      const short = i64([1n]);
      expect(() => kernels.coveringLatest(i64([9n]), short, short, state, arena.i32(1))).toThrow(
        expect.objectContaining({ code: "BUG_KERNEL_ARGUMENT" }),
      );
    });
  });
});
