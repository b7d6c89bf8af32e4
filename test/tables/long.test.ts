import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { long, plain, Room, refusal, statuses } from "./room.ts";

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

const at = (second: number) => `2026-05-04T00:00:${String(second).padStart(2, "0")}Z`;
const zero = 1777852800000000000n;
const instant = (second: number) => zero + BigInt(second) * 1_000_000_000n;

/** One tag `a`, a second apart. */
const rows = (values: readonly string[]) =>
  `ts,tag,value\n${values.map((value, second) => `${at(second)},a,${value}`).join("\n")}\n`;
const read = async (values: readonly string[], request = {}, reading = {}) =>
  (await long(room, await room.csv(rows(values)), [{ tag: "a", ...request }], reading)).samples[0];

describe("the type of a tag is found in its own values", () => {
  it.each([
    ["integer", ["1", "-2", "+3", "0", "9223372036854775807"], [1n, -2n, 3n, 0n, 9223372036854775807n]],
    ["number", ["1", "2.5", "-.5e3", "1e-3", "5."], [1, 2.5, -500, 0.001, 5]],
    ["number", ["1.5", "inf", "-Infinity"], [1.5, Infinity, -Infinity]],
    ["boolean", ["true", "False", "TRUE"], [true, false, true]],
    ["text", ["RUN", "STOP", "RUN"], ["RUN", "STOP", "RUN"]],
    ["text", ["007", "12"], ["007", "12"]],
    ["text", ["12345678901234567890", "1"], ["12345678901234567890", "1"]],
    ["text", ["9223372036854775808"], ["9223372036854775808"]],
    ["text", ["true", "1"], ["true", "1"]],
    ["text", ["1_000", "0x10"], ["1_000", "0x10"]],
    ["text", [" RUN ", '"with, comma"', '"two\nlines"'], ["RUN", "with, comma", "two\nlines"]],
  ])("%s: %j", async (type, values, expected) => {
    const samples = await read(values);
    expect(samples?.values.type).toBe(type);
    expect(plain(samples)).toEqual(expected);
    expect(samples?.status).toBeUndefined();
    expect(samples?.times).toEqual(BigInt64Array.from(values, (_, second) => instant(second)));
  });

  it("blanks around a number do not count", async () => {
    expect(plain(await read([" 1.5 ", "2.5"]))).toEqual([1.5, 2.5]);
    expect(plain(await read([" 1 ", "2"]))).toEqual([1n, 2n]);
  });

  it("per tag, not per column, also when one tag is asked twice as two types", async () => {
    const relation = await room.csv(
      `ts,tag,value\n${at(0)},a,1\n${at(0)},b,RUN\n${at(0)},c,true\n${at(0)},d,2.5\n${at(1)},a,2\n${at(1)},other,x\n`,
    );
    const asked = ["a", "b", "c", "d", { tag: "a", linear: true }, { tag: "a", type: "text" as const }];
    const { samples, counts } = await long(room, relation, asked);
    expect(samples.map((one) => one.values.type)).toEqual([
      "integer",
      "text",
      "boolean",
      "number",
      "number",
      "text",
    ]);
    expect(samples.map(plain)).toEqual([[1n, 2n], ["RUN"], [true], [2.5], [1, 2], ["1", "2"]]);
    expect(counts).toMatchObject({ rows: 5, duplicates: 0, unsorted: 0, first: zero, last: instant(1) });
  });

  it("a tag of nothing but empty cells is a number without a value", async () => {
    const samples = await read(["", "", ""]);
    expect(samples?.values.type).toBe("number");
    expect(plain(samples)).toEqual([null, null, null]);
  });
});

describe("an asked type", () => {
  it("reads what fits", async () => {
    expect(plain(await read(["007", "1.5", "I/O Timeout"], { type: "number" }))).toEqual([7, 1.5, null]);
    expect(plain(await read(["007", "-3", ""], { type: "integer" }))).toEqual([7n, -3n, null]);
    expect(plain(await read(["1", "0", "ON", "off", "Yes", "n", "true"], { type: "boolean" }))).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
      true,
    ]);
    expect(plain(await read(["1.50", "RUN"], { type: "text" }))).toEqual(["1.50", "RUN"]);
  });

  it.each([
    ["number", "RUN"],
    ["integer", "1.5"],
    ["integer", "9223372036854775808"],
    ["boolean", "2"],
  ] as const)("%s refuses %s, naming row and word", async (type, word) => {
    const error = await refusal(read(["1", "Bad Input", word], { type }));
    expect(error.code).toBe("SOURCE_VALUE");
    expect(error.where).toMatchObject({ row: 2, tag: "a" });
    expect(error.message).toContain(`"${word}"`);
  });

  it("linear wants numbers: found integers become numbers, and a word is named", async () => {
    expect(plain(await read(["1", "2"], { linear: true }))).toEqual([1, 2]);
    const error = await refusal(read(["1", "RUN"], { linear: true }));
    expect(error.code).toBe("SOURCE_TYPE");
    expect(error.message).toContain('"RUN"');
    expect((await refusal(read(["true"], { linear: true }))).message).toContain("boolean");
    expect((await refusal(read(["1"], { linear: true, type: "integer" }))).code).toBe("SOURCE_TYPE");
  });
});

describe("words that mean no value", () => {
  it("are Bad_NoData samples among numbers, whatever their case", async () => {
    const samples = await read([
      "1.5",
      "Bad Input",
      "i/o timeout",
      "NO DATA",
      "NaN",
      "",
      "Shutdown",
      "Failed",
      "-",
      "2.5",
    ]);
    expect(samples?.values.type).toBe("number");
    expect(plain(samples)).toEqual([1.5, null, null, null, null, null, null, null, null, 2.5]);
    expect(statuses(samples)).toEqual([0, ...Array(8).fill(0x809b_0000), 0]);
  });

  it("are states of their own among texts where a plant has such states", async () => {
    expect(plain(await read(["Running", "Shutdown", "Failed", "I/O Timeout", "No Data"]))).toEqual([
      "Running",
      "Shutdown",
      "Failed",
      null,
      null,
    ]);
    expect(plain(await read(["Shutdown", "Failed"]))).toEqual(["Shutdown", "Failed"]);
  });

  it("of the manifest count too, as words and as numbers written in any way", async () => {
    const badValues = ["-9999", "Offline", "1e30"];
    expect(plain(await read(["1", "-9999", "offline", "2"], {}, { badValues }))).toEqual([
      1n,
      null,
      null,
      2n,
    ]);
    expect(plain(await read(["1.5", "-9999.0", "-9999.00", "1E+30", "2"], {}, { badValues }))).toEqual([
      1.5,
      null,
      null,
      null,
      2,
    ]);
    expect(plain(await read(["RUN", "-9999", "OFFLINE"], {}, { badValues }))).toEqual(["RUN", null, null]);
    expect(plain(await read(["1", "-9999.0"], { type: "integer" }, { badValues }))).toEqual([1n, null]);
  });

  it("of the manifest count in typed columns", async () => {
    const typed = async (type: string, badValues: readonly string[]) => {
      const relation = await room.parquet(
        `SELECT '${at(0)}'::TIMESTAMP AS ts, 'a' AS tag, unnest([1, -9999, -9998]::${type}[]) AS value`,
      );
      const { samples } = await long(room, await spread(relation), ["a"], { badValues });
      return plain(samples[0]);
    };
    expect(await typed("DOUBLE", ["-9999"])).toEqual([1, null, -9998]);
    expect(await typed("FLOAT", ["-9999.0"])).toEqual([1, null, -9998]);
    expect(await typed("BIGINT", ["-9999", "-9998.4"])).toEqual([1n, null, -9998n]);
    expect(await typed("DECIMAL(9,2)", ["-9999"])).toEqual([1, null, -9998]);
    expect(await typed("DOUBLE", ["none"])).toEqual([1, -9999, -9998]);
  });
});

/** The same rows a second apart, since one instant has one sample. */
async function spread(relation: { from: string }) {
  return room.sql(`SELECT ts + to_seconds(row_number() OVER ()) AS ts, tag, value FROM ${relation.from}`);
}

describe("tags of a Parquet file", () => {
  const rows = "FROM range(60000) t(i)";
  const tag = "CASE i % 5 WHEN 0 THEN 'a' WHEN 1 THEN ' a ' WHEN 2 THEN 'b' WHEN 3 THEN NULL ELSE 'c''c' END";
  const query = (name: string) => `SELECT i AS ts, ${name} AS tag, i::DOUBLE AS value ${rows}`;

  it.each([
    ["in a dictionary", query(tag)],
    ["too many for one", query(`CASE WHEN i % 5 = 3 THEN 'x' || i ELSE ${tag} END`)],
  ])("%s: blanks around a tag do not count, nor do other tags", async (_, sql) => {
    const relation = await room.parquet(sql);
    const asked = ["c'c", "a", ...Array.from({ length: 300 }, (_, at) => `x${5 * at + 3}`)];
    const isMany = sql.includes("'x'");
    const names = isMany ? asked : asked.slice(0, 2);
    const { samples, counts } = await long(room, relation, names, { time: { unit: "s" } });
    const all = Array.from({ length: 60_000 }, (_, i) => i);
    expect(plain(samples[0])).toEqual(all.filter((i) => i % 5 === 4));
    expect(plain(samples[1])).toEqual(all.filter((i) => i % 5 < 2));
    if (isMany) expect(plain(samples[7])).toEqual([28]);
    expect(counts.rows).toBe(36_000 + (isMany ? 300 : 0));
    const [few] = (await long(room, relation, ["b"], { time: { unit: "s" } })).samples;
    expect(plain(few)).toEqual(all.filter((i) => i % 5 === 2));
  });
});

describe("typed value columns", () => {
  it.each([
    ["DOUBLE", "1.5, 'nan', NULL, -2", "number", [1.5, null, null, -2]],
    ["FLOAT", "0.5, NULL", "number", [0.5, null]],
    ["DECIMAL(10,3)", "1.125, NULL", "number", [1.125, null]],
    ["INTEGER", "1, NULL, -7", "integer", [1n, null, -7n]],
    ["UBIGINT", "1, 9223372036854775807", "integer", [1n, 9223372036854775807n]],
    ["BOOLEAN", "true, NULL, false", "boolean", [true, null, false]],
    ["DOUBLE[]", "[1.5, 2], NULL, [], [3, NULL]", "list", [[1.5, 2], null, [], [3, Number.NaN]]],
    ["INTEGER[]", "[1, 2], []", "list", [[1n, 2n], []]],
    ["VARCHAR[]", "['a', 'b'], ['a']", "list", [["a", "b"], ["a"]]],
    ["BOOLEAN[]", "[true, false]", "list", [[true, false]]],
  ])("%s", async (type, items, found, expected) => {
    const relation = await room.sql(
      `SELECT make_timestamp(1777852800000000 + row_number() OVER () * 1000000) AS ts, 'a' AS tag, value FROM (SELECT unnest([${items.replaceAll("'nan'", "'nan'::DOUBLE")}]::${type}[]) AS value)`,
    );
    const { samples } = await long(room, relation, ["a"]);
    expect(samples[0]?.values.type).toBe(found);
    expect(plain(samples[0])).toEqual(expected);
  });

  it("linear over integers, and an asked type that does not fit", async () => {
    const relation = await room.sql(`SELECT '${at(0)}'::TIMESTAMP AS ts, 'a' AS tag, 1.5::DOUBLE AS value`);
    expect((await refusal(long(room, relation, [{ tag: "a", type: "integer" }]))).code).toBe("SOURCE_VALUE");
    const whole = await room.sql(`SELECT '${at(0)}'::TIMESTAMP AS ts, 'a' AS tag, 3 AS value`);
    expect(plain((await long(room, whole, [{ tag: "a", linear: true }])).samples[0])).toEqual([3]);
    expect(plain((await long(room, whole, [{ tag: "a", type: "text" }])).samples[0])).toEqual(["3"]);
    const list = await room.sql(`SELECT '${at(0)}'::TIMESTAMP AS ts, 'a' AS tag, [3] AS value`);
    expect((await refusal(long(room, list, [{ tag: "a", linear: true }]))).code).toBe("SOURCE_TYPE");
    const blob = await room.sql(`SELECT '${at(0)}'::TIMESTAMP AS ts, 'a' AS tag, 'x'::BLOB AS value`);
    expect((await refusal(long(room, blob, ["a"]))).code).toBe("SOURCE_TYPE");
  });

  it("a list of integers with a hole is refused", async () => {
    const relation = await room.sql(`SELECT '${at(0)}'::TIMESTAMP AS ts, 'a' AS tag, [3, NULL] AS value`);
    expect((await refusal(long(room, relation, ["a"]))).code).toBe("SOURCE_VALUE");
  });

  it("tags that are numbers are named by their digits", async () => {
    const relation = await room.sql(`SELECT '${at(0)}'::TIMESTAMP AS ts, 17 AS tag, 3 AS value`);
    expect(plain((await long(room, relation, ["17"])).samples[0])).toEqual([3n]);
  });
});

describe("order", () => {
  it("of several rows of one tag at one instant the last in the file is the sample", async () => {
    const relation = await room.csv(
      `ts,tag,value\n${at(1)},a,1\n${at(0)},a,10\n${at(1)},a,2\n${at(1)},b,7\n${at(1)},a,\n${at(0)},a,11\n`,
    );
    const { samples, counts } = await long(room, relation, ["a", { tag: "a", type: "text" }]);
    expect([...(samples[0]?.times ?? [])]).toEqual([instant(0), instant(1)]);
    expect(plain(samples[0])).toEqual([11n, null]);
    expect(statuses(samples[0])).toEqual([0, 0x809b_0000]);
    expect(counts).toMatchObject({ rows: 5, duplicates: 3, unsorted: 2, firstUnsortedRow: 1 });
  });

  it("rows earlier than the latest time before them are counted, and named by their row in the file", async () => {
    const relation = await room.csv(
      `ts,tag,value\n${at(9)},other,0\n${at(5)},a,1\n${at(3)},b,2\n${at(4)},a,3\n${at(6)},b,4\n`,
    );
    const { samples, counts } = await long(room, relation, ["a", "b"]);
    expect(counts).toMatchObject({ unsorted: 2, firstUnsortedRow: 2 });
    expect([...(samples[0]?.times ?? [])]).toEqual([instant(4), instant(5)]);
    expect(plain(samples[0])).toEqual([3n, 1n]);
    const error = await refusal(long(room, relation, ["a", "b"], { strict: true }));
    expect(error.code).toBe("SOURCE_UNSORTED");
    expect(error.where).toMatchObject({ row: 2, time: "2026-05-04T00:00:03.000000000Z" });
  });

  it("a file stored tag by tag is in order, and within a tag it may not be", async () => {
    const lines = ["a", "b"].flatMap((tag) =>
      Array.from({ length: 30 }, (_, second) => `${at(second)},${tag},${second}`),
    );
    const inOrder = await room.csv(`ts,tag,value\n${lines.join("\n")}\n`);
    expect((await long(room, inOrder, ["a", "b"], { strict: true })).counts.unsorted).toBe(0);
    lines.push(`${at(7)},b,0`);
    const { counts } = await long(room, await room.csv(`ts,tag,value\n${lines.join("\n")}\n`), ["a", "b"]);
    expect(counts).toMatchObject({ unsorted: 1, firstUnsortedRow: 60, duplicates: 1 });
  });

  it("rows without a time are left out and counted", async () => {
    const relation = await room.csv(`ts,tag,value\n${at(0)},a,1\n,a,2\n" ",a,3\n${at(1)},a,4\n,other,5\n`);
    for (const time of [{}, { zone: "UTC" }]) {
      const { samples, counts } = await long(room, relation, ["a"], { time });
      expect(plain(samples[0])).toEqual([1n, 4n]);
      expect(counts).toMatchObject({ rows: 4, rowsWithoutTime: 2 });
    }
  });
});

describe("tags", () => {
  it("that are missing are told with the nearest there are", async () => {
    const relation = await room.csv(`ts,tag,value\n${at(0)},TI-3107.PV,1\n${at(0)},FI-0001,1\n`);
    const error = await refusal(long(room, relation, ["TI-3107.PV", "TI-3107.SP", "x"]));
    expect(error.code).toBe("SOURCE_MISSING_TAG");
    expect(error.where?.tag).toBe("TI-3107.SP");
    expect(error.message).toContain("1 more: x");
    expect(error.hint).toMatch(/: TI-3107.PV, FI-0001$/);
  });

  it("blanks around a name and quotes in it do not matter", async () => {
    const relation = await room.csv(`ts,tag,value\n${at(0)}, it's ,1\n${at(1)},it's,2\n${at(2)},IT'S,3\n`);
    expect(plain((await long(room, relation, ["it's"])).samples[0])).toEqual([1n, 2n]);
  });

  it("of a file with nothing but a header are missing", async () => {
    const error = await refusal(long(room, await room.csv("ts,tag,value\n"), ["a"]));
    expect(error.code).toBe("SOURCE_MISSING_TAG");
    expect(error.hint).toBe("the source has no rows");
  });

  it("and columns that are not there are told", async () => {
    for (const text of ["ts,name,value\n", "ts,tag,val\n", "time,tag,value\n"]) {
      expect((await refusal(long(room, await room.csv(text), ["a"]))).code).toBe("SOURCE_MISSING_COLUMN");
    }
  });
});

it("300,000 rows of 30 tags come back as they were written, through several chunks and types", async () => {
  const tags = Array.from({ length: 30 }, (_, tag) => `T${tag}`);
  const lines = ["value,quality,tag,ts"];
  const cell = (row: number) => {
    const tag = row % 30;
    if (row % 97 === 0) return "Bad Input";
    return tag < 10
      ? `${row}.5`
      : tag < 20
        ? `${row}`
        : tag < 29
          ? `state ${row % 7}`
          : row % 2 === 0
            ? "true"
            : "false";
  };
  for (let row = 0; row < 300_000; row++) {
    const ns = 1_000_000_000_000_000_000n + BigInt(row) * 1_000_003n;
    lines.push(`${cell(row)},${row % 11 === 0 ? "Uncertain" : "Good"},${tags[row % 30]},${ns}`);
  }
  const relation = await room.csv(`${lines.join("\n")}\n`);
  const { samples, counts } = await long(room, relation, tags, { time: { unit: "ns" } });
  expect(counts).toMatchObject({ rows: 300_000, unsorted: 0, duplicates: 0 });
  let wrong = 0;
  for (const [tag, one] of samples.entries()) {
    expect(one.times.length).toBe(10_000);
    const values = plain(one);
    for (let k = 0; k < 10_000; k++) {
      const row = k * 30 + tag;
      const text = cell(row);
      const expected =
        text === "Bad Input"
          ? null
          : tag < 10
            ? Number(text)
            : tag < 20
              ? BigInt(text)
              : tag < 29
                ? text
                : text === "true";
      const status = text === "Bad Input" ? 0x809b_0000 : row % 11 === 0 ? 0x4000_0000 : 0;
      const isSame =
        values[k] === expected &&
        one.times[k] === 1_000_000_000_000_000_000n + BigInt(row) * 1_000_003n &&
        (one.status?.[k] ?? 0) === status;
      if (!isSame) wrong += 1;
    }
  }
  expect(wrong).toBe(0);
});
