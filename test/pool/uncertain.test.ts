import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { AlignedTagInput, Join } from "../../src/align/index.ts";
import { AlignedTable, createEngine, type Engine, type TableTag } from "../../src/pool/index.ts";
import type { Values } from "../../src/samples.ts";
import { agesFit, instants, tagList } from "../align/arbitraries.ts";
import { frameColumns, plain } from "../align/cells.ts";
import { stored } from "./store.ts";

const single = createEngine({ workers: 1 });
const threaded = createEngine({ workers: 2 });
threaded.start();
afterAll(() => threaded.close());

const second = 1_000_000_000n;

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Both columns of uncertainty of every tag, row by row, and the same of the row in the middle. */
async function columnsOf(
  engine: Engine,
  frames: readonly bigint[],
  sigmaNs: bigint,
  tags: readonly TableTag[],
  residentBytes?: number,
): Promise<Map<string, unknown[]>> {
  const mark = engine.arena.mark();
  const uncertainty = BigInt64Array.from(frames, (_, i) => sigmaNs + BigInt(i % 3));
  const table = new AlignedTable(engine, { ...frameColumns(frames), uncertainty }, tags, {
    provenance: "full",
    metadata: new Map(),
    ...(residentBytes !== undefined && { residentBytes }),
  });
  const { batches } = await table.whole();
  const names = table.schema.fields
    .map(({ name }) => name)
    .filter((name) => /\.(ambiguous|error)$/.test(name));
  const found = new Map<string, unknown[]>();
  for (const name of names) {
    const cells = batches.flatMap((batch) => {
      const column = batch.getChild(name)!;
      return Array.from({ length: batch.numRows }, (_, i) => plain(column, i));
    });
    found.set(name, cells);
  }
  const middle = frames.length >>> 1;
  if (frames.length > 0) {
    const row = table.row(middle);
    for (const [name, cells] of found)
      expect([name, row.getChild(name)?.get(0)]).toEqual([name, cells[middle]]);
  }
  engine.arena.release(mark);
  return found;
}

const sigmaAt = (time: bigint) => 2 + Number(((time % 7n) + 7n) % 7n) / 4;
const certainty = {
  sigmaNs: (times: BigInt64Array) => Float64Array.from(times, sigmaAt),
  reachNs: 20n,
};

/** The same tag with every column that its join and values allow. */
function uncertain(tag: AlignedTagInput): AlignedTagInput {
  const { kind } = tag.join;
  const isHeld = kind !== "linear" && kind !== "window";
  const type = "samples" in tag ? tag.samples.values.type : "text";
  const isCompressed = kind !== "covering" && kind !== "window" && (type === "number" || type === "integer");
  return {
    ...tag,
    ...(isHeld && { ambiguous: true, certainty }),
    ...(isCompressed && {
      compression: { step: kind === "forward", compression: 0.5, exception: 0.25 },
    }),
  };
}

describe("what is uncertain, in a table whose samples are read window by window", () => {
  it.each([
    ["one thread", single, 300],
    ["two threads", threaded, 60],
  ] as const)("is what it is with all samples at hand, in %s", async (_, engine, numRuns) => {
    let columns = 0;
    await fc.assert(
      fc.asyncProperty(instants(40), tagList, fc.bigInt(0n, 5n), async (frames, list, sigma) => {
        fc.pre(agesFit(frames, list));
        const tags = list.map(uncertain);
        const whole = await columnsOf(single, frames, sigma, tags);
        expect(await columnsOf(engine, frames, sigma, tags.map(stored), 0)).toEqual(whole);
        columns += whole.size;
      }),
      { numRuns, seed: 20_261_122 },
    );
    expect(columns).toBeGreaterThan(numRuns / 2);
  });

  it("is the same over many row groups and windows, and in any thread", async () => {
    const count = 60_000;
    const next = random(3);
    const frames = Array.from({ length: count }, (_, i) => BigInt(i) * 33_333_333n);
    const joins: Join[] = [
      { kind: "backward" },
      { kind: "forward" },
      { kind: "nearest" },
      { kind: "linear", extrapolate: "none" },
    ];
    const tags = joins.map((join, at): AlignedTagInput => {
      const times = BigInt64Array.from({ length: 2 * count }, (_, i) =>
        BigInt(Math.round((i / 2 + next() / 2) * 33_333_333)),
      );
      const name = `t${at}`;
      const metadata = { source: "s", tag: name, role: "state", join: join.kind };
      const values: Values = {
        type: "number",
        data: Float64Array.from(times, () => Math.floor(next() * 1.05)),
      };
      const status = Uint32Array.from(times, () => (next() < 0.01 ? 0x80000000 : 0));
      const isHeld = join.kind !== "linear";
      return {
        name,
        join,
        quality: "good",
        metadata,
        compression: { step: isHeld, compression: 0.1, exception: 0.1 },
        ...(isHeld && {
          ambiguous: true,
          certainty: {
            sigmaNs: (at: BigInt64Array) => new Float64Array(at.length).fill(20_000_000),
            reachNs: second / 10n,
          },
        }),
        samples: { times, values, status },
      };
    });
    const whole = await columnsOf(single, frames, 5_000_000n, tags);
    expect([...whole.keys()]).toEqual([
      "t0.ambiguous",
      "t0.error",
      "t1.ambiguous",
      "t1.error",
      "t2.ambiguous",
      "t2.error",
      "t3.error",
    ]);
    const flagged = whole.get("t0.ambiguous")!.filter(Boolean).length;
    expect(flagged).toBeGreaterThan(count / 20);
    expect(flagged).toBeLessThan(count / 2);
    for (const engine of [single, threaded]) {
      expect(await columnsOf(engine, frames, 5_000_000n, tags.map(stored), 0)).toEqual(whole);
    }
  });
});
