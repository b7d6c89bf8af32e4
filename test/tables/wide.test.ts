import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OPEN_END } from "../../src/samples.ts";
import { readEvents, readIntervals } from "../../src/tables/index.ts";
import { plain, Room, refusal, statuses, wide } from "./room.ts";

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

const seconds = { time: { unit: "s" as const } };
const at = (...times: readonly number[]) => times.map((time) => BigInt(time) * 1_000_000_000n);

describe("wide", () => {
  it("an empty cell is no sample, a word for no value is a Bad_NoData sample", async () => {
    const relation = await room.csv("ts,a,b\n1,1.5,RUN\n2,,\n3,Bad Input,No Data\n4,NaN,STOP\n5,2.5,\n");
    const { samples, counts } = await wide(room, relation, ["a", "b"], seconds);
    expect([...(samples[0]?.times ?? [])]).toEqual(at(1, 3, 4, 5));
    expect(plain(samples[0])).toEqual([1.5, null, null, 2.5]);
    expect(statuses(samples[0])).toEqual([0, 0x809b_0000, 0x809b_0000, 0]);
    expect([...(samples[1]?.times ?? [])]).toEqual(at(1, 3, 4));
    expect(plain(samples[1])).toEqual(["RUN", null, "STOP"]);
    expect(counts).toMatchObject({ rows: 5, unsorted: 0, duplicates: 0, first: at(1)[0], last: at(5)[0] });
  });

  it("tags without empty cells share one array of times", async () => {
    const relation = await room.csv("ts,a,b,c,d\n2,1,1.5,x,5\n1,2,Bad Input,y,\n2,3,2.5,z,7\n");
    const { samples } = await wide(room, relation, ["a", "b", "c", "d"], seconds);
    expect([...(samples[0]?.times ?? [])]).toEqual(at(1, 2));
    expect(samples[1]?.times).not.toBe(samples[3]?.times);
    expect(samples[2]?.times).toBe(samples[0]?.times);
    expect(samples.map(plain)).toEqual([[2n, 3n], [null, 2.5], ["y", "z"], [7n]]);
  });

  it("of the rows of one instant each tag keeps its last cell; rows that lost one are counted", async () => {
    const relation = await room.csv("ts,a,b\n1,1,10\n1,2,\n1,,30\n2,4,40\n");
    const { samples, counts } = await wide(room, relation, ["a", "b"], seconds);
    expect(samples.map(plain)).toEqual([
      [2n, 4n],
      [30n, 40n],
    ]);
    expect(counts.duplicates).toBe(1);
    const other = await wide(room, await room.csv("ts,a,b\n1,1,10\n1,2,\n1,3,30\n"), ["a", "b"], seconds);
    expect(other.samples.map(plain)).toEqual([[3n], [30n]]);
    expect(other.counts.duplicates).toBe(2);
  });

  it("rows out of order are sorted and counted; strict names the row of the file", async () => {
    const relation = await room.csv("ts,a\n5,50\n,0\n3,30\n4,40\n6,60\n");
    const { samples, counts } = await wide(room, relation, ["a"], seconds);
    expect([...(samples[0]?.times ?? [])]).toEqual(at(3, 4, 5, 6));
    expect(plain(samples[0])).toEqual([30n, 40n, 50n, 60n]);
    expect(counts).toMatchObject({ rows: 5, rowsWithoutTime: 1, unsorted: 2, firstUnsortedRow: 2 });
    const error = await refusal(wide(room, relation, ["a"], { ...seconds, strict: true }));
    expect([error.code, error.where?.row]).toEqual(["SOURCE_UNSORTED", 2]);
  });

  it("types are found by content, a type may be asked, linear names the word that is no number", async () => {
    const relation = await room.csv("ts,i,n,z,w\n1,1,1,007,1\n2,2,2.5,12,RUN\n");
    const asked = ["i", "n", "z", { tag: "i", linear: true }, { tag: "z", type: "integer" as const }];
    const { samples } = await wide(room, relation, asked, seconds);
    expect(samples.map(plain)).toEqual([
      [1n, 2n],
      [1, 2.5],
      ["007", "12"],
      [1, 2],
      [7n, 12n],
    ]);
    const error = await refusal(wide(room, relation, [{ tag: "w", linear: true }], seconds));
    expect(error.message).toContain('row 1 holds "RUN"');
    const unfit = await refusal(wide(room, relation, [{ tag: "w", type: "number" }], seconds));
    expect([unfit.code, unfit.where?.row]).toEqual(["SOURCE_VALUE", 1]);
  });

  it("the manifest's own bad values count in text and typed columns", async () => {
    const reading = { ...seconds, badValues: ["-9999", "Offline"] };
    const text = await wide(room, await room.csv("ts,a\n1,5\n2,-9999.0\n3,offline\n4,\n"), ["a"], reading);
    expect([...(text.samples[0]?.times ?? [])]).toEqual(at(1, 2, 3));
    expect(plain(text.samples[0])).toEqual([5n, null, null]);
    const typed = await room.sql(
      "SELECT * FROM (VALUES (1, 5::DOUBLE, 5, [1.5, -9999]), (2, -9999, -9999, NULL), (3, NULL, NULL, NULL), (4, 'nan'::DOUBLE, 6, [])) AS v(ts, d, i, l)",
    );
    const { samples } = await wide(room, typed, ["d", "i", "l", "l[1]"], reading);
    expect(samples.map((one) => [...one.times])).toEqual([at(1, 2, 4), at(1, 2, 4), at(1, 4), at(1)]);
    expect(samples.map(plain)).toEqual([[5, null, null], [5n, null, 6n], [[1.5, Number.NaN], []], [null]]);
  });

  it("name[n] is the n-th element from 0 of a list column, and a column's own name comes first", async () => {
    const relation = await room.sql(
      `SELECT 1 AS ts, [10, 20, 30] AS l, ['a', 'b'] AS s, 7 AS "l[0]", 'text' AS t`,
    );
    const { samples } = await wide(
      room,
      relation,
      ["l[0]", "l[1]", "l[2]", "l[9]", "s[1]", { tag: "l[1]", linear: true }],
      seconds,
    );
    expect(samples.map(plain)).toEqual([[7n], [20n], [30n], [], ["b"], [20]]);
    expect((await refusal(wide(room, relation, ["t[0]"], seconds))).code).toBe("SOURCE_MISSING_TAG");
    expect((await refusal(wide(room, relation, ["x[0]"], seconds))).code).toBe("SOURCE_MISSING_TAG");
  });

  it("a tag that is no column is told with the nearest", async () => {
    const error = await refusal(wide(room, await room.csv("ts,TI-3107,FI-1\n1,2,3\n"), ["TI-3108"], seconds));
    expect(error.code).toBe("SOURCE_MISSING_TAG");
    expect(error.hint).toContain("TI-3107, ");
  });

  it("100,000 rows of eight columns come back as they were written", async () => {
    const rows = Array.from({ length: 100_000 }, (_, row) =>
      [row, row / 3, row % 5 === 0 ? "" : row, `s${row % 3}`, row % 2 === 0].join(","),
    );
    const relation = await room.csv(`ts,n,i,s,b\n${rows.join("\n")}\n`);
    const { samples } = await wide(room, relation, ["n", "i", "s", "b"], seconds);
    expect(samples.map((one) => one.times.length)).toEqual([100_000, 80_000, 100_000, 100_000]);
    expect(plain(samples[0]).every((value, row) => value === row / 3)).toBe(true);
    expect(
      samples[1]?.values.type === "integer" &&
        samples[1].values.data.every((value, k) => value * 1_000_000_000n === samples[1]?.times[k]),
    ).toBe(true);
    expect(plain(samples[2]).every((value, row) => value === `s${row % 3}`)).toBe(true);
    expect(plain(samples[3]).every((value, row) => value === (row % 2 === 0))).toBe(true);
  });
});

describe("events", () => {
  it("are all kept, also those of one instant, in the order of the file", async () => {
    const relation = await room.csv("ts,name,level\n2,b,1\n1,a,\n2,c,3\n2,,4\n");
    const { samples, counts } = await wide(room, relation, ["name", "level"], seconds, readEvents);
    expect([...(samples[0]?.times ?? [])]).toEqual(at(1, 2, 2));
    expect(samples.map(plain)).toEqual([
      ["a", "b", "c"],
      [1n, 3n, 4n],
    ]);
    expect(counts).toMatchObject({ rows: 4, duplicates: 0, unsorted: 1 });
  });
});

describe("intervals", () => {
  const read = async (text: string, tags: readonly string[], time: object = { unit: "s" }) =>
    readIntervals(
      room.database,
      await room.csv(text),
      {
        columns: { time: "start", end: "end" },
        time: { ambiguous: "reject", ...time },
        badValues: [],
        strict: false,
      },
      tags.map((tag) => ({ tag, linear: false })),
    );

  it("come by start, an empty end is open, an empty attribute has no value, inverted ones are dropped", async () => {
    const { intervals, counts } = await read(
      "start,end,job,step\n5,9,B,\n1,5,A,mix\n9,,C,fill\n7,6,D,x\n5,5,E,heat\n,3,F,y\n",
      ["job", "step"],
    );
    const [job, step] = intervals;
    expect([...(job?.starts ?? [])]).toEqual(at(1, 5, 5, 9));
    expect([...(job?.ends ?? [])]).toEqual([...at(5, 9, 5), OPEN_END]);
    expect(plain(job)).toEqual(["A", "B", "E", "C"]);
    expect(plain(step)).toEqual(["mix", null, "heat", "fill"]);
    expect(step?.starts).toBe(job?.starts);
    expect(step?.ends).toBe(job?.ends);
    expect(counts).toMatchObject({
      rows: 6,
      rowsWithoutTime: 1,
      inverted: 1,
      first: at(1)[0],
      last: at(9)[0],
    });
  });

  it("an empty attribute has no data, a word for no value is bad", async () => {
    const { intervals } = await read("start,end,level\n1,9,5\n2,8,\n3,7,Bad Input\n", ["level"]);
    expect([...(intervals[0]?.status ?? [])]).toEqual([0, 0x809b_0000, 0x8000_0000]);
  });

  it("local times of both columns are placed in the zone", async () => {
    const { intervals } = await read(
      "start,end,job\n2026-05-04T08:00,2026-05-04T09:00,A\n2026-05-04T09:00,,B\n",
      ["job"],
      {
        zone: "Europe/Berlin",
      },
    );
    expect([...(intervals[0]?.starts ?? [])]).toEqual(at(1777874400, 1777878000));
    expect([...(intervals[0]?.ends ?? [])]).toEqual([at(1777878000)[0], OPEN_END]);
  });

  it("a far year in place of an open end is refused with what to do", async () => {
    const error = await refusal(read("start,end,job\n2026-05-04T08:00Z,9999-12-31T00:00Z,A\n", ["job"], {}));
    expect(error.hint).toContain("an end that is open is an empty cell");
  });
});
