import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAligner, type TagStatistics } from "../../src/align/index.ts";
import { ageQuantiles } from "../../src/align/statistics.ts";
import { agesFit, instants, tagList } from "./arbitraries.ts";
import { frameColumns, kernels } from "./cells.ts";
import { type Cell, oracle } from "./oracle.ts";

describe("ageQuantiles", () => {
  it("are the nearest ranks, over the whole int64 range", () => {
    const age = fc.oneof(
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      fc.bigInt(-70_000n, 70_000n),
      fc.bigInt(0n, 3n),
    );
    fc.assert(
      fc.property(fc.array(age, { minLength: 1, maxLength: 250 }), (ages) => {
        const sorted = ages.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        const rank = (share: number) => sorted[Math.ceil((sorted.length * share) / 100) - 1];
        expect(ageQuantiles(BigInt64Array.from(ages))).toStrictEqual({
          ageP50Ns: rank(50),
          ageP99Ns: rank(99),
        });
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  it("are null when nothing matched", () => {
    expect(ageQuantiles(new BigInt64Array(0))).toStrictEqual({ ageP50Ns: null, ageP99Ns: null });
  });
});

describe("statistics", () => {
  it("count what the table holds", () => {
    fc.assert(
      fc.property(instants(40), tagList, (frames, tags) => {
        fc.pre(agesFit(frames, tags));
        const mark = kernels.arena.mark();
        const aligner = createAligner(kernels, frameColumns(frames), tags, { provenance: "none" });
        const statistics = aligner.statistics();
        kernels.arena.release(mark);
        for (const tag of tags) {
          const { samples, matched, ...rest } = statistics.get(tag.name)!;
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

  it("leave the next blocks as they were", () => {
    const times = BigInt64Array.of(1n, 2n, 3n);
    const intervals = {
      starts: times,
      ends: times.map((t) => t + 1n),
      values: { type: "integer" as const, data: times },
    };
    const metadata = { source: "mes", tag: "a", role: "context", join: "covering" };
    const join = { kind: "covering", overlap: "latest" } as const;
    const mark = kernels.arena.mark();
    const tag = { name: "a", join, quality: "good" as const, metadata, intervals };
    const aligner = createAligner(kernels, frameColumns([1n, 2n, 3n, 4n]), [tag], { provenance: "none" });
    aligner.align(0, 2);
    expect(aligner.statistics().get("a")).toMatchObject({ samples: 3, matched: 3, nulls: 1, coverage: 0.75 });
    expect([...aligner.align(2, 4).getChild("a")!]).toStrictEqual([3n, null]);
    kernels.arena.release(mark);
  });
});

function expected(cells: readonly Cell[], staleAfterNs?: bigint): Omit<TagStatistics, "samples" | "matched"> {
  const nulls = cells.filter(({ value }) => value === null).length;
  const stale = cells.filter(
    ({ age, status }) =>
      staleAfterNs !== undefined && age !== null && age > staleAfterNs && status === 0x40900000,
  ).length;
  const ages = BigInt64Array.from(cells.flatMap(({ age }) => (age === null ? [] : [age])));
  const coverage = cells.length === 0 ? 0 : (cells.length - nulls) / cells.length;
  return { nulls, stale, coverage, ...ageQuantiles(ages) };
}
