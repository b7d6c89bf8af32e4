import { Table, tableFromIPC, tableToIPC } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  type AlignedTagInput,
  copyBatch,
  createAligner,
  type Join,
  type Samples,
} from "../../src/align/index.ts";
import { agesFit, coveringTag, instants, sampledTag, tagList } from "./arbitraries.ts";
import { alignCells, cellsOf, dirtyNulls, frameColumns, kernels } from "./cells.ts";
import { oracle } from "./oracle.ts";

const runs = { numRuns: 1500, seed: 20_261_122 };

describe("every join against the frame-by-frame oracle", () => {
  for (const [what, tag] of [
    ["samples", sampledTag("t")],
    ["intervals", coveringTag("t")],
  ] as const) {
    it(`gives each value, age and status of ${what}, in blocks of any size`, () => {
      const previous = fc.option(fc.bigInt(-40n, -6n), { nil: undefined });
      fc.assert(
        fc.property(
          instants(40),
          tag,
          previous,
          fc.integer({ min: 1, max: 45 }),
          (frames, tag, before, rows) => {
            const previousFrameNs =
              frames[0] !== undefined && before !== undefined && before < frames[0] ? before : undefined;
            fc.pre(agesFit(frames, [tag]));
            const expected = oracle(frames, tag, previousFrameNs);
            const found = alignCells({ frames, tags: [tag], previousFrameNs, rowsPerBlock: rows }).get("t");
            expect(found).toStrictEqual(expected);
          },
        ),
        runs,
      );
    });
  }

  it("gives the same values without provenance", () => {
    fc.assert(
      fc.property(instants(30), tagList, (frames, tags) => {
        fc.pre(agesFit(frames, tags));
        const full = alignCells({ frames, tags });
        const none = alignCells({ frames, tags, provenance: "none", rowsPerBlock: 7 });
        for (const { name } of tags) {
          expect(none.get(name)!.map(({ value }) => value)).toStrictEqual(
            full.get(name)!.map(({ value }) => value),
          );
          expect(none.get(name)!.every(({ age, status }) => age === null && status === -1)).toBe(true);
        }
      }),
      { ...runs, numRuns: 300 },
    );
  });

  it("writes zeros behind every null, and counts the nulls exactly", () => {
    fc.assert(
      fc.property(instants(30), tagList, (frames, tags) => {
        fc.pre(agesFit(frames, tags) && frames.length > 0);
        const mark = kernels.arena.mark();
        const aligner = createAligner(kernels, frameColumns(frames), tags, { provenance: "full" });
        const batch = aligner.align(0, frames.length);
        for (const data of batch.data.children) {
          expect(dirtyNulls(data)).toStrictEqual([]);
          const nulls = Array.from({ length: data.length }, (_, i) => data.getValid(i)).filter(
            (valid) => !valid,
          );
          expect(data.nullCount).toBe(nulls.length);
        }
        kernels.arena.release(mark);
      }),
      { ...runs, numRuns: 300 },
    );
  });
});

describe("tags together", () => {
  it("share index columns without a change in the results", () => {
    const joins = fc.array(sampledTag("t"), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(instants(30), joins, (frames, drawn) => {
        const times = drawn[0]!;
        if (!("samples" in times)) throw new Error("samples were drawn");
        const shared = drawn.map((tag, i): AlignedTagInput => {
          if (!("samples" in tag)) throw new Error("samples were drawn");
          const { join, quality, metadata, staleAfterNs } = tag;
          const data = Float64Array.from(times.samples.times, (_, row) => row * (i + 1));
          const samples = { times: times.samples.times, values: { type: "number", data } as const };
          return {
            name: `t${i}`,
            join,
            quality,
            metadata,
            ...(staleAfterNs !== undefined && { staleAfterNs }),
            samples,
          };
        });
        fc.pre(agesFit(frames, shared));
        const together = alignCells({ frames, tags: shared, rowsPerBlock: 11 });
        for (const tag of shared) {
          expect(together.get(tag.name)).toStrictEqual(alignCells({ frames, tags: [tag] }).get(tag.name));
        }
      }),
      { ...runs, numRuns: 300 },
    );
  });

  it("look samples up once for all tags that share their times", () => {
    const times = BigInt64Array.of(1n, 2n);
    const good = { times, values: { type: "number" as const, data: Float64Array.of(1, 2) } };
    const bad = { ...good, status: Uint32Array.of(0, 0x80000000) };
    const metadata = { source: "dcs", tag: "x", role: "state", join: "backward" };
    const tag = (name: string, join: Join, samples: Samples): AlignedTagInput => {
      return { name, join, quality: "good", metadata, samples };
    };
    const tags = [
      tag("a", { kind: "backward" }, good),
      tag("b", { kind: "backward" }, good),
      tag("c", { kind: "linear", extrapolate: "none" }, good),
      tag("d", { kind: "backward", toleranceNs: 1n }, good),
      tag("e", { kind: "backward" }, bad),
    ];
    const lookups = vi.spyOn(kernels, "match");
    const mark = kernels.arena.mark();
    createAligner(kernels, frameColumns([1n, 2n, 3n]), tags, { provenance: "full" }).align(0, 3);
    kernels.arena.release(mark);
    expect(lookups).toHaveBeenCalledTimes(3);
    lookups.mockRestore();
  });

  it("may be asked for in any order of blocks", () => {
    fc.assert(
      fc.property(instants(30), tagList, fc.array(fc.nat(29), { maxLength: 6 }), (frames, tags, starts) => {
        fc.pre(agesFit(frames, tags) && frames.length > 0);
        const whole = alignCells({ frames, tags });
        const mark = kernels.arena.mark();
        const aligner = createAligner(kernels, frameColumns(frames), tags, { provenance: "full" });
        for (const start of starts.map((at) => at % frames.length)) {
          const end = Math.min(start + 5, frames.length);
          const batch = aligner.align(start, end);
          for (const { name } of tags)
            expect(cellsOf(batch, name)).toStrictEqual(whole.get(name)!.slice(start, end));
        }
        kernels.arena.release(mark);
      }),
      { ...runs, numRuns: 300 },
    );
  });

  it("survive the IPC format, batch by batch", () => {
    fc.assert(
      fc.property(instants(30), tagList, (frames, tags) => {
        fc.pre(agesFit(frames, tags));
        const mark = kernels.arena.mark();
        const aligner = createAligner(kernels, frameColumns(frames), tags, { provenance: "full" });
        const batches = [...aligner.blocks(8)].length;
        const copies = [];
        for (const batch of aligner.blocks(8)) copies.push(copyBatch(batch));
        const table = tableFromIPC(tableToIPC(new Table(aligner.schema, copies), "file"));
        expect(table.numRows).toBe(frames.length);
        expect(copies.length).toBe(batches);
        const expected = alignCells({ frames, tags });
        for (const { name } of tags) {
          expect(table.batches.flatMap((batch) => cellsOf(batch, name))).toStrictEqual(expected.get(name));
        }
        kernels.arena.release(mark);
      }),
      { ...runs, numRuns: 200 },
    );
  });
});
