import {
  Binary,
  Field,
  Float64,
  Int64,
  List,
  makeData,
  Schema,
  TimestampMillisecond,
  Uint32,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { Kernels } from "../../src/kernels/index.ts";
import { chunkColumn, encodeChunk, fileColumns } from "../../src/parquet/index.ts";
import { bitmapTwin } from "../reference/columns.ts";

const kernels = Kernels.load();
const { arena } = kernels;
const number = (values: number[], nullable = true) =>
  chunkColumn(
    new Field("x", new Float64(), nullable),
    makeData({ type: new Float64(), data: arena.copy(Float64Array.from(values)) }),
  );
const rising = Array.from({ length: 1_000 }, (_, i) => i / 3);
/** Numbers of parquet.thrift `Encoding`. */
const [plain, rle, delta, dictionary] = [0, 3, 5, 8];

describe("encodeChunk", () => {
  it("lends numbers that change from row to row as they stand", () => {
    const column = number(rising);
    const { parts, meta } = encodeChunk(kernels, column);
    expect(meta.encodings).toEqual([rle, plain]);
    expect(column.kind === "number" && parts.at(-1)!.byteOffset).toBe(
      column.kind === "number" && column.values.byteOffset,
    );
    expect(meta.bytes).toBe(parts.reduce((sum, { length }) => sum + length, 0));
    expect(meta.bytes).toBeLessThan(8 * 1_000 + 40);
  });

  it("makes a dictionary of numbers that stay the same for two rows on average, and not of fewer", () => {
    const pairs = encodeChunk(kernels, number(rising.flatMap((value) => [value, value]))).meta;
    expect(pairs.encodings).toEqual([plain, rle, dictionary]);
    expect(pairs.dictionaryBytes).toBeGreaterThan(8_000);
    const fewer = encodeChunk(kernels, number(rising.flatMap((value) => [value, value]).slice(1, -2))).meta;
    expect([fewer.encodings, fewer.dictionaryBytes]).toEqual([[rle, plain], 0]);
  });

  it("packs the steps of integers, whatever they are", () => {
    const data = arena.copy(BigInt64Array.from(rising, (_, i) => 33_333_333n * BigInt(i)));
    const field = new Field("t", new Int64(), false);
    const { meta } = encodeChunk(kernels, chunkColumn(field, makeData({ type: new Int64(), data })));
    expect(meta.encodings).toEqual([rle, delta]);
    expect(meta.bytes).toBeLessThan(150);
    expect(new BigInt64Array(meta.bounds!.most.slice().buffer)).toEqual(BigInt64Array.of(33_333_333n * 999n));
  });

  it("writes StatusCodes plain where they are more than 256", () => {
    for (const [codes, encodings] of [
      [256, [plain, rle, dictionary]],
      [257, [rle, plain]],
    ] as const) {
      const data = arena.copy(Uint32Array.from({ length: 600 }, (_, i) => i % codes));
      const field = new Field("s", new Uint32(), false);
      const { meta } = encodeChunk(kernels, chunkColumn(field, makeData({ type: new Uint32(), data })));
      expect(meta.encodings).toEqual(encodings);
    }
  });

  it("gives zeros bounds of both signs, and NaN none", () => {
    const bounds = (values: number[]) => {
      const found = encodeChunk(kernels, number(values)).meta.bounds;
      return found && [found.least, found.most].map((bytes) => new Float64Array(bytes.slice().buffer)[0]);
    };
    expect(bounds([0, 0])).toEqual([-0, 0]);
    expect(bounds([-0, Number.NaN, -0])).toEqual([-0, 0]);
    expect(bounds([Number.NaN, Infinity, -3])).toEqual([-3, Infinity]);
    expect(bounds([Number.NaN, Number.NaN])).toBeUndefined();
  });

  it("refuses what would make a wrong file", () => {
    const failsWith = (code: string) => expect.objectContaining({ code });
    const nulls = chunkColumn(
      new Field("x", new Float64(), false),
      makeData({
        type: new Float64(),
        data: arena.f64(2),
        nullCount: 1,
        nullBitmap: arena.copy(bitmapTwin([true, false])),
      }),
    );
    expect(() => encodeChunk(kernels, nulls)).toThrow(failsWith("BUG_PARQUET_NULL"));
    const rows = { nullable: true, nullCount: 0, length: 65_537 };
    const long = { kind: "number", values: arena.f64(65_537), ...rows } as const;
    expect(() => encodeChunk(kernels, long)).toThrow(failsWith("BUG_PARQUET_ROWS"));
    const elsewhere = makeData({ type: new Float64(), data: Float64Array.of(1, 2) });
    const field = new Field("x", new Float64(), true);
    expect(() => encodeChunk(kernels, chunkColumn(field, elsewhere))).toThrow(
      failsWith("BUG_KERNEL_ARGUMENT"),
    );
    const part = makeData({ type: new Float64(), data: arena.f64(2), offset: 1, length: 2 });
    expect(() => chunkColumn(field, part)).toThrow(failsWith("BUG_PARQUET_SLICE"));
  });
});

describe("fileColumns", () => {
  it.each([new Binary(), new TimestampMillisecond(), new List(new Field("item", new Uint32(), true))])(
    "refuses %s",
    (type) => {
      const refusal = expect.objectContaining({
        code: "OUTPUT_TYPE",
        message: expect.stringContaining('"odd"'),
      });
      expect(() => fileColumns(new Schema([new Field("odd", type, true)]))).toThrow(refusal);
    },
  );
});
