import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AlignedTagInput, TagStatistics } from "../../src/align/index.ts";
import { planTags } from "../../src/align/plan.ts";
import { ageQuantiles, emptyTally, tagStatistics, tallied } from "../../src/align/statistics.ts";
import { agesFit, instants, tagList } from "./arbitraries.ts";
import { kernels } from "./cells.ts";
import { type Cell, oracle } from "./oracle.ts";

function quantiles(ages: readonly bigint[]): ReturnType<typeof ageQuantiles> {
  const mark = kernels.arena.mark();
  try {
    return ageQuantiles(kernels, kernels.arena.copy(BigInt64Array.from(ages)));
  } finally {
    kernels.arena.release(mark);
  }
}

/** Statistics of one tag whose frames come in pieces of `rows`. */
function statisticsOf(tag: AlignedTagInput, frames: readonly bigint[], rows: number): TagStatistics {
  const { arena } = kernels;
  const mark = arena.mark();
  try {
    const time = arena.copy(BigInt64Array.from(frames));
    const [plan] = planTags(kernels, [tag]);
    const ages = arena.i64(time.length);
    let tally = emptyTally;
    for (let start = 0; start < time.length; start += rows) {
      const part = time.subarray(start, start + rows);
      const uncertainty = new BigInt64Array(part.length);
      const block = { time: part, start, previousNs: time[start - 1], uncertainty };
      tally = tallied(kernels, plan!, block, tally, ages);
    }
    return tagStatistics(kernels, plan!.times.length, tally, ages);
  } finally {
    arena.release(mark);
  }
}

describe("ageQuantiles", () => {
  it("are the nearest ranks, over the whole int64 range", () => {
    const age = fc.oneof(
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      fc.bigInt(-70_000n, 70_000n),
      fc.bigInt(0n, 3n),
    );
    fc.assert(
      fc.property(fc.array(age, { minLength: 1, maxLength: 600 }), (ages) => {
        const sorted = ages.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        const rank = (share: number) => sorted[Math.ceil((sorted.length * share) / 100) - 1];
        expect(quantiles(ages)).toStrictEqual({
          ageP50Ns: rank(50),
          ageP99Ns: rank(99),
        });
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  it("are null when nothing matched", () => {
    expect(quantiles([])).toStrictEqual({ ageP50Ns: null, ageP99Ns: null });
  });
});

describe("statistics", () => {
  it("count what the table holds", () => {
    fc.assert(
      fc.property(instants(40), tagList, fc.integer({ min: 1, max: 50 }), (frames, tags, rows) => {
        fc.pre(agesFit(frames, tags));
        for (const tag of tags) {
          const { samples, matched, ...rest } = statisticsOf(tag, frames, rows);
          const cells = oracle(frames, tag);
          expect(rest).toStrictEqual(
            expected(cells, tag.join.kind === "window" ? undefined : tag.staleAfterNs),
          );
          const { join } = tag;
          if (join.kind !== "window") {
            expect(matched).toBe(cells.filter(({ age }) => age !== null).length);
          } else if (join.aggregate === "count") {
            expect(matched).toBe(cells.filter(({ value }) => value !== 0n).length);
          } else {
            expect(matched).toBe(cells.filter(({ value }) => value !== null).length);
          }
          const given = "intervals" in tag ? tag.intervals.starts.length : tag.samples.times.length;
          expect(samples).toBeLessThanOrEqual(given);
          if (tag.quality === "raw" && join.kind !== "window" && join.kind !== "linear")
            expect(samples).toBe(given);
        }
      }),
      { numRuns: 500, seed: 11 },
    );
  });
});

function expected(cells: readonly Cell[], staleAfterNs?: bigint): Omit<TagStatistics, "samples" | "matched"> {
  const nulls = cells.filter(({ value }) => value === null).length;
  const stale = cells.filter(
    ({ age, status }) =>
      staleAfterNs !== undefined && age !== null && age > staleAfterNs && status === 0x40900000,
  ).length;
  const ages = BigInt64Array.from(cells.flatMap(({ age }) => (age === null ? [] : [age]))).sort();
  const rank = (share: number) => ages[Math.ceil((ages.length * share) / 100) - 1] ?? null;
  const coverage = cells.length === 0 ? 0 : (cells.length - nulls) / cells.length;
  return { nulls, stale, coverage, ageP50Ns: rank(50), ageP99Ns: rank(99) };
}
