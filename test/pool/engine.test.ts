import { createHash, type Hash } from "node:crypto";
import { type Data, DataType, type Table, tableFromIPC, tableToIPC, Vector } from "apache-arrow";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { AlignFramesInput, FrameTag } from "../../src/index.ts";
import { AlignError, alignFrames, createEngine } from "../../src/index.ts";

const threaded = createEngine({ workers: 2 });
const single = createEngine({ workers: 1, memory: 256 * 2 ** 20 });
afterAll(() => threaded.close());

const second = 1_000_000_000n;
const base = 1_760_000_000n * second;

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Tags of every kind over frames at 30 Hz, half of them out of one table. */
function plant(frameCount: number, tagCount: number): AlignFramesInput {
  const next = random(tagCount);
  const frames = BigInt64Array.from({ length: frameCount }, (_, i) => base + BigInt(i) * 33_333_333n);
  const shared = BigInt64Array.from(
    { length: Math.ceil(frameCount / 30) },
    (_, i) => base + BigInt(i) * second,
  );
  const tags: Record<string, FrameTag> = {};
  for (let t = 0; t < tagCount; t++) {
    const times = t % 2 === 0 ? shared : shared.map((time) => time + BigInt(Math.floor(next() * 9e8)));
    const values = Float64Array.from(times, () => next() * 100);
    const status = Uint32Array.from(times, () =>
      next() < 0.05 ? 0x80000000 : next() < 0.1 ? 0x40000000 : 0,
    );
    const joins: FrameTag[] = [
      { times, values, status, join: "linear", maxGap: 3n * second, staleAfter: second / 2n },
      { times, values, status, join: "backward", tolerance: 2n * second, staleAfter: second },
      { times, values, join: "nearest" },
      { times, values, status, join: "window", window: { span: 10n * second, aggregate: "mean" } },
      { starts: times, ends: times.map((time) => time + second), values, join: "covering", overlap: "all" },
    ];
    tags[`t${t}`] = joins[t % joins.length] as FrameTag;
  }
  return { frames, tags };
}

/** Every value of every column and its null, whatever batches the rows lie in. */
function bytesOf(table: Table): Record<string, string> {
  const hashes = new Map<string, Hash>();
  const add = (path: string, bytes: NodeJS.ArrayBufferView | string) => {
    const hash = hashes.get(path) ?? createHash("sha256");
    hashes.set(path, hash.update(bytes));
  };
  const read = (
    path: string,
    { type, values, nullBitmap, valueOffsets, nullCount, length, children }: Data,
  ) => {
    const valid = (row: number) => nullCount === 0 || ((nullBitmap[row >> 3]! >> (row & 7)) & 1) === 1;
    add(`${path} nulls`, Array.from({ length }, (_, row) => (valid(row) ? "1" : "0")).join(""));
    if (DataType.isList(type)) {
      add(
        path,
        Int32Array.from({ length }, (_, row) => valueOffsets[row + 1]! - valueOffsets[row]!),
      );
    } else add(path, values.subarray(0, length));
    for (const child of children) if (length > 0) read(`${path}.`, child);
  };
  for (const { name } of table.schema.fields) {
    for (const data of table.getChild(name)!.data) read(name, data);
  }
  return Object.fromEntries([...hashes].map(([path, hash]) => [path, hash.digest("hex")]));
}

describe("an engine", () => {
  it("gives the bytes of alignFrames, in one thread and in two", async () => {
    const input = plant(40_000, 11);
    const expected = bytesOf(alignFrames(input));
    expect(bytesOf(await single.alignFrames(input))).toStrictEqual(expected);
    const large = plant(200_000, 21);
    const many = await threaded.alignFrames(large);
    expect(threaded.threads).toBe(2);
    expect(bytesOf(many)).toStrictEqual(bytesOf(alignFrames(large)));
  });

  it("takes as much memory for the hundredth job as for the first", async () => {
    const input = plant(1_000, 5);
    await single.alignFrames(input);
    const taken = single.arena.free;
    for (let round = 0; round < 100; round++) await single.alignFrames(input);
    expect(single.arena.free).toBe(taken);
  });

  it("reads columns in its own memory where they lie, and hands out views on it", async () => {
    const times = single.reserveInt64(3);
    const values = single.reserveFloat64(3);
    times.set([10n, 20n, 30n]);
    values.set([1, 2, 4]);
    const table = await single.alignFrames({
      frames: BigInt64Array.of(15n, 30n),
      tags: { a: { times, values, join: "linear" } },
      provenance: "none",
    });
    const column = table.getChild("a")!;
    expect([...column]).toStrictEqual([1.5, 4]);
    expect(column.data[0]!.values.buffer).toBe(single.arena.buffer);
    values[2] = 8;
    const again = await single.alignFrames({
      frames: BigInt64Array.of(30n),
      tags: { a: { times, values, join: "linear" } },
    });
    expect([...again.getChild("a")!]).toStrictEqual([8]);
  });

  it("takes Arrow columns: whole, sliced, in pieces", async () => {
    const { frames, tags } = plant(500, 3);
    const table = tableFromIPC(tableToIPC(alignFrames({ frames, tags })));
    const time = table.getChild("frame_time") as Vector;
    const value = table.getChild("t1") as Vector;
    const joined = async (times: Vector, values: Vector) => [
      ...(await single.alignFrames({ frames: time, tags: { v: { times, values } } })).getChild("v")!,
    ];
    const expected = [
      ...alignFrames({ frames: time, tags: { v: { times: time, values: value } } }).getChild("v")!,
    ];
    expect(await joined(time, value)).toStrictEqual(expected);
    const pieces = (one: Vector) => new Vector([...one.slice(0, 100).data, ...one.slice(100).data]);
    expect(await joined(pieces(time), pieces(value))).toStrictEqual(expected);
  });

  it("names the tag of a failure in a thread", async () => {
    const input = plant(200_000, 21);
    const times = BigInt64Array.from({ length: 40 }, (_, i) => base + BigInt(i));
    const tag: FrameTag = {
      times,
      values: times.map(() => 2n ** 62n),
      join: "window",
      window: { span: second, aggregate: "sum" },
    };
    const failure = threaded.alignFrames({ ...input, tags: { ...input.tags, high: tag } });
    await expect(failure).rejects.toThrow(AlignError);
    await expect(failure).rejects.toMatchObject({
      code: "SOURCE_INTEGER_OVERFLOW",
      where: { tag: "high", row: 1 },
    });
  });

  it("says what it cannot be made of, and what does not fit", async () => {
    for (const options of [{ workers: 0 }, { workers: 1.5 }, { memory: 10 }, { memory: 2 ** 33 }]) {
      expect(() => createEngine(options)).toThrow(expect.objectContaining({ code: "USAGE_OPTION" }));
    }
    const small = createEngine({ workers: 1, memory: 2 ** 16 });
    await expect(small.alignFrames(plant(20_000, 1))).rejects.toMatchObject({ code: "USAGE_TOO_LARGE" });
  });

  it("joins lists that outgrow the usual room of a task", async () => {
    const frames = BigInt64Array.from({ length: 4_000 }, (_, i) => BigInt(i));
    const starts = BigInt64Array.from({ length: 3_000 }, () => 0n);
    const tag: FrameTag = {
      starts,
      ends: starts.map(() => 10_000n),
      values: Float64Array.from(starts, (_, i) => i),
      overlap: "all",
    };
    const engine = createEngine({ workers: 1 });
    const table = await engine.alignFrames({ frames, tags: { a: tag } });
    expect([...table.getChild("a")!.get(3_999)].at(-1)).toBe(2_999);
  });
});

describe("any job", () => {
  it("has the same values whatever the engine", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 12 }),
        async (frames, tags) => {
          const input = plant(frames, tags);
          expect(bytesOf(await single.alignFrames(input))).toStrictEqual(bytesOf(alignFrames(input)));
        },
      ),
      { numRuns: 60, seed: 3 },
    );
  });
});
