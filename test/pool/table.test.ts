import type { RecordBatch } from "apache-arrow";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { AlignedTagInput, TagSpec } from "../../src/align/index.ts";
import { AlignedTable, createEngine, type Engine, type TableTag } from "../../src/pool/index.ts";
import type { Values } from "../../src/samples.ts";
import { agesFit, instants, tagList } from "../align/arbitraries.ts";
import { cellsOf, frameColumns } from "../align/cells.ts";
import { type Cell, oracle } from "../align/oracle.ts";
import { stored } from "./store.ts";

const single = createEngine({ workers: 1 });
const threaded = createEngine({ workers: 2 });
threaded.start();
afterAll(() => threaded.close());

async function batchesOf(table: AlignedTable): Promise<RecordBatch[]> {
  return (await table.whole()).batches;
}

async function cells(engine: Engine, frames: readonly bigint[], tags: readonly TableTag[]) {
  const mark = engine.arena.mark();
  const table = new AlignedTable(engine, frameColumns(frames), tags, {
    provenance: "full",
    metadata: new Map(),
    residentBytes: 0,
  });
  const batches = await batchesOf(table);
  const found = new Map(
    tags.map(({ name }): [string, Cell[]] => [name, batches.flatMap((batch) => cellsOf(batch, name))]),
  );
  const statistics = await table.statistics();
  const middle = frames.length >>> 1;
  const row = frames.length === 0 ? undefined : table.row(middle);
  for (const { name } of tags) {
    if (row !== undefined) expect(cellsOf(row, name)).toStrictEqual([found.get(name)![middle]]);
  }
  engine.arena.release(mark);
  return { found, statistics };
}

describe("a table whose samples are read window by window", () => {
  it.each([
    ["one thread", single, 400],
    ["two threads", threaded, 60],
  ] as const)("has the oracle's values, ages and statuses in %s", async (_, engine, numRuns) => {
    await fc.assert(
      fc.asyncProperty(instants(40), tagList, async (frames, tags) => {
        fc.pre(agesFit(frames, tags));
        const { found, statistics } = await cells(engine, frames, tags.map(stored));
        for (const [at, tag] of tags.entries()) {
          const expected = oracle(frames, tag);
          expect(found.get(tag.name)).toStrictEqual(expected);
          expect(statistics[at]!.nulls).toBe(expected.filter(({ value }) => value === null).length);
        }
      }),
      { numRuns, seed: 20_261_122 },
    );
  });

  it("has the bytes of one window, over many row groups and windows", async () => {
    const count = 100_000;
    let seed = 1;
    const next = () => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
      return (seed >>> 0) / 2 ** 32;
    };
    const frames = Array.from({ length: count }, (_, i) => BigInt(i) * 33_333_333n);
    const joins: TagSpec["join"][] = [
      { kind: "linear", extrapolate: "none" },
      { kind: "backward", toleranceNs: 400_000_000n },
      { kind: "window", span: 3_000_000_000n, aggregate: "sum" },
      { kind: "window", span: "frame", aggregate: "mean" },
      { kind: "nearest" },
    ];
    const tags = joins.map((join, at): AlignedTagInput => {
      const times = BigInt64Array.from({ length: count / (at + 1) }, (_, i) =>
        BigInt(Math.round((i * (at + 1) + next()) * 33_333_333)),
      );
      const name = `t${at}`;
      const metadata = { source: "s", tag: name, role: "state", join: join.kind };
      const values: Values = { type: "number", data: Float64Array.from(times, () => next()) };
      const status = Uint32Array.from(times, () => (next() < 0.05 ? 0x80000000 : 0));
      return { name, join, quality: "good", metadata, samples: { times, values, status } };
    });
    const whole = await cells(single, frames, tags);
    for (const engine of [single, threaded]) {
      const windowed = await cells(engine, frames, tags.map(stored));
      for (const { name } of tags) expect(windowed.found.get(name)).toStrictEqual(whole.found.get(name));
      expect(windowed.statistics).toStrictEqual(whole.statistics);
    }
  });
});
