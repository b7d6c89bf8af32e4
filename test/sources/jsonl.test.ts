import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { long, plain, Room, refusal, wide } from "../tables/room.ts";

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

const lines = (...objects: readonly unknown[]) => objects.map((object) => JSON.stringify(object));
const seconds = { time: { unit: "s" as const } };

describe("jsonl", () => {
  it("times are read as they are written: ISO text, and numbers to their last digit", async () => {
    const iso = await room.jsonl(
      lines({ ts: "2026-05-04T07:12:31.123456789Z" }, { ts: "2026-05-04T09:12:31+02:00" }, {}),
    );
    expect((await room.times(iso)).times).toEqual([1777878751123456789n, 1777878751000000000n, null]);
    const decimal = await room.jsonl([
      '{"ts":1747000000.123456789,"a":1}',
      '{"a":2, "ts" : 1747000001}',
      '{"ts":null,"a":3}',
    ]);
    expect((await room.times(decimal, { unit: "s" })).times).toEqual([
      1747000000123456789n,
      1747000001000000000n,
      null,
    ]);
    const whole = await room.jsonl(['{"ts":1747000000123456789}']);
    expect((await room.times(whole, { unit: "ns" })).times).toEqual([1747000000123456789n]);
  });

  it("the digits are the time's own, although other objects in the line have the same key", async () => {
    const relation = await room.jsonl([
      '{"meta":{"ts":5.5},"ts":1747000000.123456789}',
      '{"ts":1747000001.987654321,"meta":{"ts":6.5}}',
    ]);
    expect((await room.times(relation, { unit: "s" })).times).toEqual([
      1747000000123456789n,
      1747000001987654321n,
    ]);
  });

  it("text without a zone is refused, although DuckDB would read it as a timestamp", async () => {
    const relation = await room.jsonl(lines({ ts: "2026-05-04 07:12:31" }));
    expect((await refusal(room.times(relation))).code).toBe("SOURCE_TIME_ZONE");
  });

  it("values keep their types, and texts stay texts", async () => {
    const relation = await room.jsonl(
      lines(
        { ts: 1, i: 5, n: 1.5, b: true, s: "RUN", d: "2026-05-04", l: [1.5, null], z: "007" },
        { ts: 2, i: -5, n: 2, b: false, s: "STOP", d: "x", l: [], z: "12" },
        { ts: 3 },
      ),
    );
    const { samples } = await wide(room, relation, ["i", "n", "b", "s", "d", "l", "z", "l[0]"], seconds);
    expect(samples.map((one) => one.values.type)).toEqual([
      "integer",
      "number",
      "boolean",
      "text",
      "text",
      "list",
      "text",
      "number",
    ]);
    expect(samples.map(plain)).toEqual([
      [5n, -5n],
      [1.5, 2],
      [true, false],
      ["RUN", "STOP"],
      ["2026-05-04", "x"],
      [[1.5, Number.NaN], []],
      ["007", "12"],
      [1.5],
    ]);
  });

  it("a column of numbers and words is typed by its content, in long and wide shape", async () => {
    const mixed = lines(
      { ts: 1, tag: "a", value: 1.5 },
      { ts: 2, tag: "a", value: "I/O Timeout" },
      { ts: 3, tag: "b", value: "RUN" },
      { ts: 4, tag: "c", value: true },
      { ts: 5, tag: "a", value: null },
    );
    const inLong = await long(room, await room.jsonl(mixed), ["a", "b", "c"], seconds);
    expect(inLong.samples.map(plain)).toEqual([[1.5, null, null], ["RUN"], [true]]);
    const inWide = await wide(
      room,
      await room.jsonl(mixed.slice(0, 2)),
      [{ tag: "value", linear: true }],
      seconds,
    );
    expect(plain(inWide.samples[0])).toEqual([1.5, null]);
    expect(
      (await refusal(wide(room, await room.jsonl(mixed), [{ tag: "value", linear: true }], seconds))).message,
    ).toContain('"RUN"');
  });

  it("objects are texts", async () => {
    const { samples } = await wide(
      room,
      await room.jsonl(lines({ ts: 1, o: { x: 1 } }, { ts: 2, o: { x: 2 } })),
      ["o"],
      seconds,
    );
    expect(plain(samples[0])).toEqual(['{"x":1}', '{"x":2}']);
  });

  it("several files of many lines keep their order, times and values of a line together", async () => {
    const files = [0, 1, 2].map((part) => {
      const rows = Array.from({ length: 70_000 }, (_, row) => {
        const at = part * 70_000 + row;
        return `{"ts":${1_700_000_000 + at}.${String(at).padStart(9, "0")},"x":${at}}`;
      });
      return room.write(`big/${part}.jsonl`, `${rows.join("\n")}\n`);
    });
    const relation = await room.table("jsonl", files);
    const { samples } = await wide(room, relation, ["x"], { ...seconds, strict: true });
    const [data] = samples;
    expect(data?.times.length).toBe(210_000);
    const values = data?.values.type === "integer" ? data.values.data : new BigInt64Array();
    expect(values.every((value, row) => value === BigInt(row))).toBe(true);
    expect(
      data?.times.every(
        (time, row) => time === (1_700_000_000n + BigInt(row)) * 1_000_000_000n + BigInt(row),
      ),
    ).toBe(true);
  });

  it("blank lines do not part times from values", async () => {
    const file = room.write(
      "blank.jsonl",
      '{"ts":1.000000001,"x":1}\n\n{"ts":2.000000002,"x":2}\n\n\n{"ts":3.000000003,"x":3}',
    );
    const { samples } = await wide(room, await room.table("jsonl", [file]), ["x"], seconds);
    expect([...(samples[0]?.times ?? [])]).toEqual([1000000001n, 2000000002n, 3000000003n]);
    expect(plain(samples[0])).toEqual([1n, 2n, 3n]);
  });

  it.each([
    ["cut off", '{"ts":1,"a":1}\n{"ts":2,"a'],
    ["not JSON", "ts,a\n1,2\n"],
    ["empty", ""],
    ["no objects", "1\n2\n"],
  ])("is refused: %s", async (name, text) => {
    const read = async () =>
      wide(room, await room.table("jsonl", [room.write(`${name}.jsonl`, text)]), ["a"], seconds);
    expect((await refusal(read())).code).toMatch(/^SOURCE_/);
  });

  it("a tag's whole numbers stay exact beside another tag's decimals", async () => {
    const relation = await room.jsonl([
      '{"ts":1,"tag":"a","value":1904814477353486273}',
      '{"ts":2,"tag":"a","value":9007199254740993}',
      '{"ts":1,"tag":"b","value":-3.5}',
    ]);
    const { samples } = await long(room, relation, ["a", "b"], seconds);
    expect(plain(samples[0])).toEqual([1904814477353486273n, 9007199254740993n]);
    expect(plain(samples[1])).toEqual([-3.5]);
  });
});
