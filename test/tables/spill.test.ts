import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Relation } from "../../src/tables/index.ts";
import { readEvents, readWide } from "../../src/tables/index.ts";
import { long, plain, Room, refusal, wide } from "./room.ts";

let roomy: Room;
let tight: Room;
beforeAll(async () => {
  roomy = await Room.open();
  tight = await Room.open({ blockLength: 16, slabBytes: 256, memoryBytes: 1024 });
});
afterAll(() => {
  roomy.close();
  tight.close();
});

const rowCount = 5000;
const seconds = { time: { unit: "s" as const } };

/** A stream of numbers that looks random, below `limit` each. */
function numbers(seed: number) {
  let state = seed;
  return (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

interface Cells {
  ts: string;
  n: string;
  i: string;
  b: string;
  t: string;
  w: string;
  quality: string;
}

/** Rows that are late now and then, share instants, lack times and cells, and say in words that there is no value. */
function table(seed: number): Cells[] {
  const next = numbers(seed);
  return Array.from({ length: rowCount }, (_, row) => ({
    ts: next(200) === 0 ? "" : String(1000 + Math.floor(row / 2) - (next(20) === 0 ? next(60) : 0)),
    n: String(row / 8),
    i: row > 3000 && next(3) === 0 ? "" : String(row),
    b: row < 100 && next(2) === 0 ? "" : String(row % 3 === 0),
    t: `s${next(40)}`,
    w: next(10) === 0 ? "Bad Input" : String(row / 4),
    quality: next(30) === 0 ? "64" : "192",
  }));
}

async function both<T>(read: (room: Room) => Promise<T>): Promise<T> {
  const expected = await read(roomy);
  expect(await read(tight)).toEqual(expected);
  return expected;
}

describe("blocks in a file read as blocks in memory do", () => {
  const rows = table(1);

  it("of a wide table, whose duplicates are rows that lost a cell", async () => {
    const text = `ts,n,i,b,t,w,quality\n${rows.map((one) => Object.values(one).join(",")).join("\n")}\n`;
    const tags = ["n", "i", "b", "t", "w", { tag: "i", linear: true }];
    const { samples, counts } = await both(async (room) =>
      wide(room, await room.csv(text), tags, { ...seconds, quality: "opcda" }),
    );
    expect(samples[3]?.times).toBe(samples[0]?.times);
    const lost = new Set<number>();
    for (const tag of ["n", "i", "b", "t", "w"] as const) {
      const last = new Map<string, number>();
      for (const [row, cells] of rows.entries()) {
        if (cells.ts === "" || cells[tag] === "") continue;
        const before = last.get(cells.ts);
        if (before !== undefined) lost.add(before);
        last.set(cells.ts, row);
      }
      const times = [...last.keys()].map(Number).sort((a, b) => a - b);
      const found = samples[["n", "i", "b", "t", "w"].indexOf(tag)];
      expect(Array.from(found?.times ?? [], (one) => Number(one / 1_000_000_000n))).toEqual(times);
    }
    expect(counts.duplicates).toBe(lost.size);
    expect(counts.rowsWithoutTime).toBe(rows.filter(({ ts }) => ts === "").length);
    expect(counts.unsorted).toBeGreaterThan(100);
  });

  it("of events, of which all are kept in the order of the file", async () => {
    const text = `ts,n,t\n${rows.map(({ ts, n, t }) => `${ts},${n},${t}`).join("\n")}\n`;
    const { samples } = await both(async (room) =>
      wide(room, await room.csv(text), ["n", "t"], seconds, readEvents),
    );
    const timed = rows.map((one, row) => ({ ...one, row })).filter(({ ts }) => ts !== "");
    const expected = timed.sort((a, b) => Number(a.ts) - Number(b.ts) || a.row - b.row);
    expect(plain(samples[0])).toEqual(expected.map(({ n }) => Number(n)));
    expect(plain(samples[1])).toEqual(expected.map(({ t }) => t));
  });

  it.each(["by time", "tag by tag"])(
    "of a long table stored %s, as numbers and as mixed types",
    async (order) => {
      const names = ["n", "i", "b", "t", "w"] as const;
      const cells = rows.flatMap((one) =>
        names.map((tag) => ({ ts: one.ts, tag, value: one[tag], quality: one.quality })),
      );
      if (order === "tag by tag") cells.sort((a, b) => names.indexOf(a.tag) - names.indexOf(b.tag));
      const text = `ts,tag,value,quality\n${cells.map((one) => Object.values(one).join(",")).join("\n")}\n`;
      const reading = { ...seconds, quality: "opcda" as const };
      for (const tags of [
        ["n", "w"],
        [...names, { tag: "i", type: "text" as const }],
      ]) {
        const { samples, counts } = await both(async (room) =>
          long(room, await room.csv(text), tags, reading),
        );
        const last = new Map(
          cells.filter(({ tag, ts }) => tag === "n" && ts !== "").map((one) => [one.ts, one.value]),
        );
        const expected = [...last].sort(([a], [b]) => Number(a) - Number(b));
        expect(plain(samples[0])).toEqual(expected.map(([, value]) => Number(value)));
        expect(counts.rows).toBe(rowCount * (tags.length === 2 ? 2 : 5));
      }
    },
  );

  it("of a typed long table with gaps, where a tag without a row is missing", async () => {
    const query =
      "SELECT i // 3 + CASE WHEN i % 50 = 0 THEN -9 ELSE 0 END AS ts, 'T' || i % 3 AS tag, " +
      "CASE WHEN i % 11 = 0 THEN NULL WHEN i % 13 = 0 THEN 'nan'::DOUBLE ELSE i / 7 END AS value FROM range(9000) t(i)";
    const read = async (room: Room) => long(room, await room.parquet(query), ["T2", "T0"], seconds);
    const { samples } = await both(read);
    const last = new Map<number, number | null>();
    for (let i = 2; i < 9000; i += 3) {
      const time = Math.floor(i / 3) - (i % 50 === 0 ? 9 : 0);
      last.set(time, i % 11 === 0 || i % 13 === 0 ? null : i / 7);
    }
    const expected = [...last].sort(([a], [b]) => a - b);
    expect(plain(samples[0])).toEqual(expected.map(([, value]) => value));
    const error = await refusal(long(roomy, await roomy.parquet(query), ["T0", "T7", "T8"], seconds));
    expect([error.code, error.where?.tag, error.cause]).toEqual(["SOURCE_MISSING_TAG", "T7", ["T7", "T8"]]);
  });

  it("of a table with more columns than are read at once, which share their times where they can", async () => {
    const columns = Array.from({ length: 300 }, (_, at) =>
      at % 100 === 99
        ? `CASE WHEN i % 4 = 1 THEN NULL ELSE i + ${at} END::DOUBLE AS c${at}`
        : `(i * ${at})::DOUBLE AS c${at}`,
    );
    const query = `SELECT CASE WHEN i = 5 THEN 4 ELSE i END AS ts, ${columns.join(", ")} FROM range(700) t(i)`;
    const tags = columns.map((_, at) => `c${at}`);
    const read = async (room: Room) => {
      const relation: Relation = await room.parquet(query);
      return wide(room, relation, tags, seconds, readWide);
    };
    const { samples, counts } = await both(read);
    expect(counts).toMatchObject({ rows: 700, duplicates: 1, unsorted: 0 });
    const rows = Array.from({ length: 700 }, (_, row) => row).filter((row) => row !== 4);
    for (const [at, one] of samples.entries()) {
      const own =
        at % 100 === 99 ? Array.from({ length: 700 }, (_, row) => row).filter((row) => row % 4 !== 1) : rows;
      expect(plain(one)).toEqual(own.map((row) => (at % 100 === 99 ? row + at : row * at)));
      if (at % 100 !== 99) expect(one.times).toBe(samples[0]?.times);
    }
  });
});
