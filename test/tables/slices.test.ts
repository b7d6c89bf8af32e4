import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Relation } from "../../src/tables/index.ts";
import { parquetSlices } from "../../src/tables/slices.ts";
import { long, plain, Room, refusal, statuses } from "./room.ts";

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

/** Rows of three tags: some late, some twice, some without a time, a value or a quality, some of a tag nobody asks for. */
const rowsOf = (from: number, to: number, value = "DOUBLE") =>
  `SELECT CASE WHEN i % 9973 = 5 THEN NULL ELSE make_timestamp_ns(1777852800000000000 + (i - CASE WHEN i % 40009 = 7 THEN 50 ELSE i % 2 END) * 1000003) END AS ts, ` +
  `['a', 'b ', 'c', 'other'][1 + (hash(i) % 4)::INT] AS tag, CASE WHEN i % 101 = 3 THEN NULL ELSE (i * 7 % 1000)::${value} END AS value, ` +
  `CASE WHEN i % 77 = 0 THEN NULL ELSE [192, 24, 64][1 + i % 3] END AS quality FROM range(${from}, ${to}) t(i) ORDER BY i`;

async function file(sql: string, groupRows: number): Promise<string> {
  const path = join(room.base, `${room.database.uniqueName("slices")}.parquet`);
  await room.database.run(`COPY (${sql}) TO '${path}' (ROW_GROUP_SIZE ${groupRows})`, {});
  return path;
}

const asked = ["a", "b", { tag: "c", type: "text" as const }, { tag: "a", linear: true }];
const reading = {
  columns: { time: "ts", tag: "tag", value: "value", quality: "quality" },
  quality: "opcda" as const,
};

async function found(relation: Relation) {
  const { samples, counts } = await long(room, relation, asked, reading);
  return {
    counts,
    times: samples.map((one) => one.times),
    values: samples.map(plain),
    statuses: samples.map(statuses),
  };
}

describe("a table read in slices", () => {
  it.each([
    ["one file of many row groups", [[0, 400_000]], 20_480, 3],
    [
      "a large file between small ones",
      [
        [0, 500],
        [500, 300_500],
        [300_500, 300_900],
        [300_900, 301_000],
      ],
      122_880,
      4,
    ],
    ["many small files", Array.from({ length: 8 }, (_, at) => [at * 40_000, (at + 1) * 40_000]), 10_240, 2],
  ])("is the same as at once: %s", async (_, parts, groupRows, count) => {
    const files: string[] = [];
    for (const [from, to] of parts) files.push(await file(rowsOf(from!, to!), groupRows));
    const relation = await room.table("parquet", files);
    expect(await relation.slices?.()).toHaveLength(count);
    const sliced = await found(relation);
    expect(sliced).toEqual(await found({ ...relation, slices: undefined }));
    expect(sliced.counts.unsorted).toBeGreaterThan(0);
    expect(sliced.counts.firstUnsortedRow).toBeGreaterThan(0);
    expect(sliced.counts.duplicates).toBeGreaterThan(0);
    expect(sliced.counts.rowsWithoutTime).toBeGreaterThan(0);
  });

  it("is not cut where that would change it or take much memory", async () => {
    const slices = async (files: readonly string[]) => (await room.table("parquet", files)).slices?.();
    const [small, large] = [await file(rowsOf(0, 1000), 2048), await file(rowsOf(0, 300_000), 20_480)];
    expect(await slices([small])).toBeUndefined();
    expect(await slices([large, await file(rowsOf(0, 1000, "INTEGER"), 2048)])).toBeUndefined();
    expect(
      await slices([await file(`SELECT *, 1 AS File_Row_Number FROM (${rowsOf(0, 300_000)})`, 20_480)]),
    ).toBeUndefined();
    expect(await slices([await file(rowsOf(0, 600_000), 300_000)])).toBeUndefined();
    expect(await parquetSlices(room.database, {}, [large])).toHaveLength(3);
  });

  it("stops where it is told to, and leaves nothing running", async () => {
    const relation = await room.table("parquet", [await file(rowsOf(0, 400_000), 20_480)]);
    const abort = new AbortController();
    const queries = (await relation.slices?.())!.map((from) => `SELECT value FROM ${from}`);
    let rows = 0;
    const read = async () => {
      for await (const chunk of room.database.streamAll(queries, {}, abort.signal)) {
        rows += chunk.rowCount;
        if (rows > 150_000) abort.abort();
      }
    };
    await expect(read()).rejects.toMatchObject({ name: "AbortError" });
    expect(rows).toBeLessThan(160_000);
    expect(await room.database.rows("SELECT 1", {})).toEqual([[1]]);
  });

  it("tells of a slice that cannot be read after others were, and of none when the reader has had enough", async () => {
    const queries = ["SELECT 1::DOUBLE", "SELECT error('no such luck')", "SELECT 2::DOUBLE"];
    let rows = 0;
    const read = async () => {
      for await (const chunk of room.database.streamAll(queries, {})) rows += chunk.rowCount;
    };
    expect((await refusal(read())).message).toContain("no such luck");
    expect(rows).toBe(1);
    for await (const chunk of room.database.streamAll(queries, {})) {
      expect(chunk.column(0).items[0]).toBe(1);
      break;
    }
    expect(await room.database.rows("SELECT 1", {})).toEqual([[1]]);
  });

  it("finds tags with blanks around them by their own text first", async () => {
    const sql =
      "SELECT make_timestamp_ns(i) AS ts, [' a', 'a', 'a\u00a0'][1 + i % 3] AS tag, i::DOUBLE AS value FROM range(30) t(i)";
    const relation = await room.table("parquet", [await file(sql, 2048)]);
    const { samples } = await long(room, relation, [" a", "a", "a\u00a0"]);
    expect(samples.map((one) => plain(one)?.slice(0, 2))).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    const trimmed = await long(room, relation, ["a"]);
    expect(plain(trimmed.samples[0])).toHaveLength(30);
  });
});
