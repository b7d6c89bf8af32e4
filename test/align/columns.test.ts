import { Table, tableFromIPC, tableToIPC } from "apache-arrow";
import { afterEach, describe, expect, it } from "vitest";
import {
  type AlignedTagInput,
  type AlignerOptions,
  createAligner,
  type Join,
  OPEN_END,
  type Values,
} from "../../src/align/index.ts";
import { cellsOf, frameColumns, kernels, plain } from "./cells.ts";

const start = kernels.arena.mark();
afterEach(() => kernels.arena.release(start));

const orderNo: Values = { type: "text", codes: Int32Array.of(1, 0, 2), dictionary: ["B-2", "A-1", "Ü"] };
const pose: Values = {
  type: "list",
  offsets: Int32Array.of(0, 2, 2, 5),
  items: { type: "number", data: Float64Array.of(1, 2, 3, 4, 5) },
};

function sampled(
  name: string,
  values: Values,
  join: Join = { kind: "backward" },
  status?: number[],
): AlignedTagInput {
  const metadata = { source: "dcs", tag: `X.${name}`, role: "action", unit: "bar", join: join.kind };
  const samples = { times: BigInt64Array.of(10n, 20n, 30n), values };
  const bad = status === undefined ? {} : { status: Uint32Array.from(status) };
  return { name, join, quality: "raw", metadata, samples: { ...samples, ...bad } };
}

function covering(
  name: string,
  values: Values,
  overlap: "latest" | "all",
  status?: number[],
): AlignedTagInput {
  const metadata = { source: "mes", tag: name, role: "context", join: "covering" };
  const bad = status === undefined ? {} : { status: Uint32Array.from(status) };
  const starts = BigInt64Array.of(10n, 20n, 20n);
  const intervals = { starts, ends: BigInt64Array.of(40n, OPEN_END, 25n), values, ...bad };
  return { name, join: { kind: "covering", overlap }, quality: "good", metadata, intervals };
}

function aligned(
  frames: bigint[],
  tags: AlignedTagInput[],
  options: AlignerOptions = { provenance: "full" },
) {
  const aligner = createAligner(kernels, frameColumns(frames, 100), tags, options);
  return { aligner, batch: aligner.align(0, frames.length) };
}

describe("the schema", () => {
  const tags = [
    sampled("feed", { type: "number", data: Float64Array.of(1, 2, 3) }),
    covering("order", orderNo, "latest"),
  ];

  it("has the frame's columns, then value, age and status of each tag", () => {
    const { schema } = aligned([5n], tags).aligner;
    expect(
      schema.fields.map(({ name, type, nullable }) => `${name}: ${type}${nullable ? "" : " not null"}`),
    ).toStrictEqual([
      "frame_index: Int64 not null",
      "frame_time: Timestamp<NANOSECOND> not null",
      "frame_pts: Int64 not null",
      "frame_uncertainty: Int64 not null",
      "feed: Float64",
      "feed.age: Int64",
      "feed.status: Uint32 not null",
      "order: Dictionary<Int32, Utf8>",
      "order.age: Int64",
      "order.status: Uint32 not null",
    ]);
  });

  it("leaves age and status out without provenance", () => {
    const { aligner, batch } = aligned([5n], tags, { provenance: "none" });
    expect(aligner.schema.fields.slice(4).map(({ name }) => name)).toStrictEqual(["feed", "order"]);
    expect(batch.numCols).toBe(6);
  });

  it("says on each field where the value is from, and carries the given metadata", () => {
    const metadata = new Map([["capture", "unit-3/round-1"]]);
    const { schema } = aligned([5n], tags, { provenance: "full", metadata }).aligner;
    expect(schema.metadata).toStrictEqual(metadata);
    const field = (name: string) =>
      Object.fromEntries(schema.fields.find((field) => field.name === name)!.metadata);
    expect(field("feed")).toStrictEqual({
      source: "dcs",
      tag: "X.feed",
      role: "action",
      unit: "bar",
      join: "backward",
    });
    expect(field("order")).toStrictEqual({ source: "mes", tag: "order", role: "context", join: "covering" });
    expect(field("feed.age")).toStrictEqual({ unit: "ns" });
  });
});

describe("columns", () => {
  it("keep nanoseconds and frame numbers as they were given", () => {
    const frames = [1_777_878_751_250_000_001n, 1_777_878_751_250_000_002n];
    const { batch } = aligned(frames, []);
    const column = (name: string) => [...(batch.getChild(name)!.data[0]!.values as BigInt64Array)];
    expect(column("frame_time")).toStrictEqual(frames);
    expect(column("frame_index")).toStrictEqual([100n, 101n]);
    expect(column("frame_pts")).toStrictEqual([0n, 1n]);
    expect(column("frame_uncertainty")).toStrictEqual([7n, 7n]);
  });

  it("survive IPC where a caller gives one array as two columns", () => {
    const time = BigInt64Array.from({ length: 200 }, (_, i) => BigInt(i));
    const frames = { index: time, time, pts: time, uncertainty: time };
    const aligner = createAligner(kernels, frames, [], { provenance: "none" });
    const table = tableFromIPC(tableToIPC(new Table(aligner.schema, [aligner.align(0, 200)])));
    for (const vector of ["frame_index", "frame_time", "frame_pts"].map((name) => table.getChild(name)!)) {
      expect(vector.data[0]!.values).toStrictEqual(time);
    }
  });

  it("hold text as dictionary codes, one dictionary a column, null where the sample is bad", () => {
    const other: Values = { type: "text", codes: Int32Array.of(0, 1, 1), dictionary: ["RUN", "STOP"] };
    const tags = [sampled("a", orderNo, { kind: "backward" }, [0, 0x80000000, 0]), sampled("b", other)];
    const { aligner, batch } = aligned([5n, 10n, 20n, 35n], tags);
    const read = tableFromIPC(tableToIPC(new Table(aligner.schema, [batch]))).batches[0]!;
    expect(cellsOf(read, "a")).toStrictEqual([
      { value: null, age: null, status: 0x809b0000 },
      { value: "A-1", age: 0n, status: 0 },
      { value: null, age: 0n, status: 0x80000000 },
      { value: "Ü", age: 5n, status: 0 },
    ]);
    expect(cellsOf(read, "b").map(({ value }) => value)).toStrictEqual([null, "RUN", "STOP", "STOP"]);
  });

  it("keep one dictionary from block to block, so that a file of many batches has no replacement", () => {
    const aligner = createAligner(kernels, frameColumns([5n, 10n, 20n]), [sampled("a", orderNo)], {
      provenance: "none",
    });
    const dictionaries = [];
    for (const batch of aligner.blocks(1)) dictionaries.push(batch.getChild("a")!.data[0]!.dictionary);
    expect(new Set(dictionaries).size).toBe(1);
  });

  it("hold lists of numbers, an empty one beside null", () => {
    const { aligner, batch } = aligned([5n, 10n, 20n, 30n], [sampled("pose", pose)]);
    expect(`${aligner.schema.fields[4]!.type}`).toBe("List<Float64>");
    const read = tableFromIPC(tableToIPC(new Table(aligner.schema, [batch]))).batches[0]!;
    expect(cellsOf(read, "pose").map(({ value }) => value)).toStrictEqual([null, [1, 2], [], [3, 4, 5]]);
  });

  it("hold all covering intervals by start, plain text inside, null where nothing covers", () => {
    const tag = covering("order", orderNo, "all", [0, 0, 0x809b0000]);
    const { aligner, batch } = aligned([9n, 10n, 20n, 25n, 40n], [tag]);
    expect(`${aligner.schema.fields[4]!.type}`).toBe("List<Utf8>");
    const read = tableFromIPC(tableToIPC(new Table(aligner.schema, [batch]))).batches[0]!;
    expect(cellsOf(read, "order")).toStrictEqual([
      { value: null, age: null, status: 0x809b0000 },
      { value: ["A-1"], age: 0n, status: 0 },
      { value: ["A-1", "B-2", null], age: 0n, status: 0x809b0000 },
      { value: ["A-1", "B-2"], age: 5n, status: 0 },
      { value: ["B-2"], age: 20n, status: 0 },
    ]);
  });

  it("list more intervals at once than there is room for at first", () => {
    const n = 500;
    const starts = BigInt64Array.from({ length: n }, (_, i) => BigInt(i));
    const ends = new BigInt64Array(n).fill(OPEN_END);
    const values: Values = { type: "integer", data: starts };
    const tag = { ...covering("n", values, "all"), intervals: { starts, ends, values } };
    const { batch } = aligned([-1n, 3n, 499n, 1000n], [tag]);
    const lists = Array.from({ length: 4 }, (_, i) => plain(batch.getChild("n")!, i));
    expect(lists[0]).toBe(null);
    expect(lists[1]).toStrictEqual([0n, 1n, 2n, 3n]);
    expect(lists[2]).toStrictEqual([...starts]);
    expect(lists[3]).toStrictEqual([...starts]);
  });

  it("have none to make where there are no frames", () => {
    const tags = [sampled("a", orderNo), covering("b", pose, "all")];
    const aligner = createAligner(kernels, frameColumns([]), tags, { provenance: "full" });
    expect([...aligner.blocks(8)]).toStrictEqual([]);
    expect(aligner.align(0, 0).numRows).toBe(0);
  });
});

describe("what cannot be joined", () => {
  it.each([
    ["linear over text", sampled("a", orderNo, { kind: "linear", extrapolate: "none" }), "SOURCE_TYPE"],
    [
      "a sum of texts",
      sampled("a", orderNo, { kind: "window", span: "frame", aggregate: "sum" }),
      "SOURCE_TYPE",
    ],
    ["samples under covering", sampled("a", pose, { kind: "covering", overlap: "latest" }), "SOURCE_SHAPE"],
    [
      "intervals under backward",
      { ...covering("a", pose, "latest"), join: { kind: "backward" as const } },
      "SOURCE_SHAPE",
    ],
  ])("%s", (_, tag, code) => {
    expect(() => aligned([5n], [tag])).toThrow(expect.objectContaining({ code, hint: expect.any(String) }));
  });

  it("an integer sum that is too large, which names the tag and the frame", () => {
    const data = new BigInt64Array(3).fill(2n ** 62n);
    const tag = sampled("total", { type: "integer", data }, { kind: "window", span: 100n, aggregate: "sum" });
    const aligner = createAligner(kernels, frameColumns([10n, 20n, 30n]), [tag], { provenance: "none" });
    expect(() => [...aligner.blocks(1)]).toThrow(
      expect.objectContaining({
        code: "SOURCE_INTEGER_OVERFLOW",
        where: { source: "dcs", tag: "X.total", row: 1 },
      }),
    );
  });
});

describe("sums of fractions", () => {
  it("have the same bits whatever the blocks", () => {
    let seed = 1;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const times = BigInt64Array.from({ length: 3000 }, (_, i) => BigInt(i));
    const values: Values = { type: "number", data: Float64Array.from(times, () => random() * 1e6 - 3e5) };
    const frames = Array.from({ length: 400 }, (_, i) => BigInt(i * 7));
    const tags = (["sum", "mean"] as const).flatMap((aggregate) =>
      ([9n, 900n, "frame"] as const).map((span): AlignedTagInput => {
        const tag = sampled(`${aggregate} ${span}`, values, { kind: "window", span, aggregate });
        return { ...tag, samples: { times, values } };
      }),
    );
    const bits = (rows: number) => {
      kernels.arena.release(start);
      const aligner = createAligner(kernels, frameColumns(frames), tags, { provenance: "none" });
      const columns = new Map(tags.map(({ name }) => [name, [] as bigint[]]));
      for (const batch of aligner.blocks(rows)) {
        for (const { name } of tags) {
          const data = (batch.getChild(name)!.data[0]!.values as Float64Array).slice();
          columns.get(name)!.push(...new BigInt64Array(data.buffer));
        }
      }
      return columns;
    };
    const whole = bits(400);
    for (const rows of [1, 3, 64, 101, 399]) expect(bits(rows)).toStrictEqual(whole);
  });
});
