import {
  Bool,
  type DataType,
  Dictionary,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  makeData,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  tableFromIPC,
  tableToIPC,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { type AlignFramesInput, alignFrames, type FrameTag } from "../../src/align/index.ts";
import { sharedKernels } from "../../src/kernels/index.ts";
import { cellsOf } from "./cells.ts";

const frames = BigInt64Array.of(100n, 133n, 166n, 200n);

function cells(tag: FrameTag, options: Partial<AlignFramesInput> = {}) {
  const table = alignFrames({ frames, tags: { tag }, ...options });
  return table.batches.flatMap((batch) => cellsOf(batch, "tag"));
}

function values(tag: FrameTag): unknown[] {
  return cells(tag).map(({ value }) => value);
}

describe("alignFrames", () => {
  it("joins backward by default, with age and status", () => {
    expect(
      cells({ times: BigInt64Array.of(120n, 166n), values: Float64Array.of(1.5, 2.5), staleAfter: 12n }),
    ).toStrictEqual([
      { value: null, age: null, status: 0x809b0000 },
      { value: 1.5, age: 13n, status: 0x40900000 },
      { value: 2.5, age: 0n, status: 0 },
      { value: 2.5, age: 34n, status: 0x40900000 },
    ]);
  });

  it("gives the frame's own columns", () => {
    const table = alignFrames({ frames, tags: {} });
    const column = (name: string) => table.getChild(name)!.data[0]!.values;
    expect(column("frame_index")).toStrictEqual(BigInt64Array.of(0n, 1n, 2n, 3n));
    expect(column("frame_time")).toStrictEqual(frames);
    expect(column("frame_pts")).toStrictEqual(BigInt64Array.of(0n, 33n, 66n, 100n));
    expect(column("frame_uncertainty")).toStrictEqual(new BigInt64Array(4));
    expect(table.schema.metadata).toStrictEqual(new Map([["timezone", "UTC"]]));
  });

  it("joins intervals by covering, and windows of events", () => {
    const table = alignFrames({
      frames,
      provenance: "none",
      tags: {
        order: {
          starts: BigInt64Array.of(90n, 150n),
          ends: BigInt64Array.of(140n, 200n),
          values: vectorFromArray(["A", "B"], new Utf8()),
        },
        alarms: {
          times: BigInt64Array.of(100n, 101n, 133n, 134n),
          values: Int32Array.of(1, 2, 3, 4),
          join: "window",
          window: { span: "frame", aggregate: "count" },
        },
        line: {
          times: BigInt64Array.of(100n, 200n),
          values: BigInt64Array.of(0n, 100n),
          join: "linear",
          unit: "bar",
        },
      },
    });
    expect([...table.getChild("order")!]).toStrictEqual(["A", "A", "B", null]);
    expect([...table.getChild("alarms")!]).toStrictEqual([0n, 2n, 1n, 0n]);
    expect([...table.getChild("line")!]).toStrictEqual([0, 33, 66, 100]);
    expect(table.schema.fields.at(-1)!.metadata.get("unit")).toBe("bar");
    expect(table.schema.fields[4]!.metadata.get("role")).toBe("context");
  });

  it("gives a table of its own memory, that later calls leave alone", () => {
    const tag = { times: BigInt64Array.of(0n), values: Float64Array.of(1) };
    const before = sharedKernels().arena.free;
    const table = alignFrames({ frames, tags: { tag } });
    expect(sharedKernels().arena.free).toBe(before);
    alignFrames({ frames, tags: { tag: { ...tag, values: Float64Array.of(9) } } });
    expect([...table.getChild("tag")!]).toStrictEqual([1, 1, 1, 1]);
    for (const column of table.batches[0]!.data.children)
      expect(column.values.buffer).toBeInstanceOf(ArrayBuffer);
  });

  it("keeps its results over the border between blocks, and IPC keeps the table", () => {
    const many = BigInt64Array.from({ length: 70_000 }, (_, i) => BigInt(i));
    const times = BigInt64Array.of(0n, 65_000n);
    const tag: FrameTag = { times, values: vectorFromArray(["RUN", "STOP"], new Utf8()) };
    const rows: FrameTag = {
      times: many,
      values: many,
      join: "window",
      window: { span: "frame", aggregate: "sum" },
    };
    const table = tableFromIPC(tableToIPC(alignFrames({ frames: many, tags: { tag, rows } })));
    expect(table.batches.map(({ numRows }) => numRows)).toStrictEqual([65_536, 4464]);
    const found = table.batches.flatMap((batch) => cellsOf(batch, "tag"));
    expect(
      found.every(({ value, age, status }, i) => {
        const start = i < 65_000 ? 0 : 65_000;
        return value === (start === 0 ? "RUN" : "STOP") && age === BigInt(i - start) && status === 0;
      }),
    ).toBe(true);
    const sums = table.batches.flatMap((batch) => cellsOf(batch, "rows").map(({ value }) => value));
    expect(sums).toStrictEqual([null, ...many.slice(1)]);
  });
});

describe("times", () => {
  const units = [
    [new TimestampSecond(), 1_000_000_000n],
    [new TimestampMillisecond(), 1_000_000n],
    [new TimestampMicrosecond(), 1_000n],
    [new TimestampNanosecond(), 1n],
    [new Int64(), 1n],
  ] as const;

  it.each(units)("may be an Arrow vector of %s, in several chunks", (type, factor) => {
    const chunk = (...at: bigint[]) => makeData({ type, data: BigInt64Array.from(at) } as never);
    const epoch = (1_700_000_000_000_000_001n / factor) as bigint;
    const times = new Vector([chunk(epoch), chunk(epoch + 1n, epoch + 3n)]) as Vector;
    const table = alignFrames({
      frames: times,
      tags: { tag: { times: times.slice(1), values: Int32Array.of(5, 6) } },
    });
    expect(table.getChild("frame_time")!.data[0]!.values).toStrictEqual(
      BigInt64Array.of(epoch * factor, (epoch + 1n) * factor, (epoch + 3n) * factor),
    );
    expect([...table.getChild("tag")!]).toStrictEqual([null, 5n, 6n]);
  });

  it.each([
    [
      "frames that descend",
      { frames: BigInt64Array.of(3n, 1n, 2n), tags: {} },
      "USAGE_UNSORTED",
      { input: "frames", row: 1 },
    ],
    [
      "samples that descend",
      { frames, tags: { pv: { times: BigInt64Array.of(1n, 3n, 2n), values: new Float64Array(3) } } },
      "USAGE_UNSORTED",
      { input: "pv", row: 2 },
    ],
    [
      "a time that is null",
      { frames: vectorFromArray([1n, null, 3n], new Int64()), tags: {} },
      "USAGE_NULL_TIME",
      { input: "frames", row: 1 },
    ],
    [
      "a time beyond int64 nanoseconds",
      {
        frames: new Vector([
          makeData({ type: new TimestampSecond(), data: BigInt64Array.of(0n, 9_223_372_037n) }),
        ]),
        tags: {},
      },
      "USAGE_TIME_RANGE",
      { input: "frames", row: 1 },
    ],
    [
      "times in floats",
      { frames: vectorFromArray([1.5], new Float64()), tags: {} },
      "USAGE_TYPE",
      { input: "frames" },
    ],
    ["times in a plain array", { frames: [1n] as never, tags: {} }, "USAGE_TYPE", { input: "frames" }],
  ] as [string, AlignFramesInput, string, object][])("are refused: %s", (_, input, code, where) => {
    expect(() => alignFrames(input)).toThrow(expect.objectContaining({ code, where }));
  });
});

describe("values", () => {
  const times = BigInt64Array.of(100n, 133n, 166n, 200n);
  const nullable = (items: unknown[], type: DataType) =>
    vectorFromArray(items as never[], type as never) as Vector;

  it.each([
    ["Float64", nullable([1.5, null, -2, 0], new Float64()), [1.5, -2, 0]],
    ["Float32", nullable([1.5, null, -2, 0], new Float32()), [1.5, -2, 0]],
    ["Int64", nullable([1n, null, -(2n ** 63n), 0n], new Int64()), [1n, -(2n ** 63n), 0n]],
    ["Int32", nullable([1, null, -2, 0], new Int32()), [1n, -2n, 0n]],
    ["Int16", nullable([1, null, -2, 0], new Int16()), [1n, -2n, 0n]],
    ["Bool", nullable([true, null, false, true], new Bool()), [true, false, true]],
    ["Utf8", nullable(["b", null, "a", "b"], new Utf8()), ["b", "a", "b"]],
    ["Dictionary", nullable(["b", null, "a", "b"], new Dictionary(new Utf8(), new Int32())), ["b", "a", "b"]],
  ])(
    "may be an Arrow vector of %s, whose nulls count as bad samples",
    (_, vector, [first, third, fourth]) => {
      expect(values({ times, values: vector })).toStrictEqual([first, first, third, fourth]);
      expect(cells({ times, values: vector, quality: "raw" })).toStrictEqual([
        { value: first, age: 0n, status: 0 },
        { value: null, age: 0n, status: 0x809b0000 },
        { value: third, age: 0n, status: 0 },
        { value: fourth, age: 0n, status: 0 },
      ]);
      const sliced = { times: times.slice(1), values: vector.slice(1, 4), quality: "raw" } as const;
      expect(values(sliced)).toStrictEqual([null, null, third, fourth]);
    },
  );

  it("keep a bad status that comes with a null", () => {
    const status = Uint32Array.of(0, 0x80310000, 0, 0x40900000);
    const found = cells({
      times,
      values: nullable([1, null, null, 4], new Float64()),
      status,
      quality: "raw",
    });
    expect(found.map((cell) => cell.status)).toStrictEqual([0, 0x80310000, 0x809b0000, 0x40900000]);
  });
});

describe("what is refused", () => {
  const times = BigInt64Array.of(1n);
  const one = { times, values: Float64Array.of(1) };
  const text = vectorFromArray(["a"], new Utf8());

  it.each([
    ["a negative tolerance", { ...one, tolerance: -1n }, "USAGE_TOLERANCE", "tolerance must be >= 0, not -1"],
    [
      "a tolerance in a float",
      { ...one, tolerance: 5 as never },
      "USAGE_TYPE",
      "tolerance must be a bigint of ns, not a number",
    ],
    ["an unknown join", { ...one, join: "asof" as never }, "USAGE_OPTION", "no such join: asof"],
    ["an unknown quality", { ...one, quality: "best" as never }, "USAGE_OPTION", "no such quality: best"],
    [
      "a key of another join",
      { ...one, maxGap: 1n },
      "USAGE_OPTION",
      "maxGap does not belong to join backward of tag pv",
    ],
    [
      "a misspelt key",
      { ...one, tolerence: 1n } as FrameTag,
      "USAGE_OPTION",
      "tolerence does not belong to join backward of tag pv",
    ],
    [
      "a tolerance of linear without hold",
      { ...one, join: "linear", tolerance: 1n },
      "USAGE_OPTION",
      "tolerance of tag pv has nothing to limit",
    ],
    [
      "a window without its parts",
      { ...one, join: "window" },
      "USAGE_OPTION",
      "join window of tag pv needs window",
    ],
    [
      "a window of no length",
      { ...one, join: "window", window: { span: 0n, aggregate: "sum" } },
      "USAGE_OPTION",
      'window.span must be "frame" or a bigint of ns > 0, not 0',
    ],
    [
      "covering without ends",
      { starts: times, values: text },
      "USAGE_OPTION",
      "join covering of tag pv needs ends",
    ],
    [
      "unequal lengths",
      { times, values: new Float64Array(2) },
      "USAGE_LENGTH",
      "times has 1 entries, but values has 2",
    ],
    [
      "a status column of another length",
      { ...one, status: new Uint32Array(2) },
      "USAGE_LENGTH",
      "status has 2 entries, but values has 1",
    ],
    [
      "values of no known type",
      { times, values: [1] as never },
      "USAGE_TYPE",
      "values cannot be read from object",
    ],
    [
      "linear over text",
      { times, values: text, join: "linear" },
      "SOURCE_TYPE",
      "join linear needs numbers, but tag pv holds text values",
    ],
  ] as [string, FrameTag, string, string][])("%s", (_, pv, code, message) => {
    expect(() => alignFrames({ frames, tags: { pv } })).toThrow(expect.objectContaining({ code, message }));
  });

  it("names that collide", () => {
    const code = "USAGE_NAME";
    expect(() => alignFrames({ frames, tags: { frame_time: one } })).toThrow(
      expect.objectContaining({ code }),
    );
    const tags = { "a.age": one, a: one };
    expect(() => alignFrames({ frames, tags })).toThrow(expect.objectContaining({ code }));
    expect(alignFrames({ frames, tags, provenance: "none" }).numCols).toBe(6);
  });
});
