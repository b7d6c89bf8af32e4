import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { long, Room, refusal, statuses, wide } from "./room.ts";

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

const [good, uncertain, bad] = [0, 0x4000_0000, 0x8000_0000];

/** StatusCodes of the rows whose quality cells are these. */
async function read(
  cells: readonly string[],
  quality?: Parameters<typeof long>[3] extends infer R
    ? R extends { quality?: infer Q }
      ? Q
      : never
    : never,
) {
  const lines = cells.map((cell, row) => `${row},a,1,${cell}`);
  const relation = await room.csv(`ts,tag,value,quality\n${lines.join("\n")}\n`);
  const reading = { time: { unit: "ms" as const }, ...(quality === undefined ? {} : { quality }) };
  const { samples } = await long(room, relation, ["a"], reading);
  const asWide = await wide(room, relation, ["value"], reading);
  expect(statuses(asWide.samples[0])).toEqual(statuses(samples[0]));
  return statuses(samples[0]);
}

describe("quality codes", () => {
  it("opcua: whole StatusCodes, unsigned, signed, hex or symbolic", async () => {
    const cells = [
      "0",
      "2147483648",
      "-2147483648",
      "0x80050000",
      "0X40000000",
      "1083179008",
      "192",
      "Good",
      "BadNoCommunication",
      "UncertainLastUsableValue",
      "",
      "GoodClamped",
    ];
    expect(await read(cells, "opcua")).toEqual([
      good,
      bad,
      bad,
      0x8005_0000,
      uncertain,
      1083179008,
      192,
      good,
      bad,
      uncertain,
      good,
      good,
    ]);
  });

  it("opcda: the upper two bits of a byte", async () => {
    const all = Array.from({ length: 256 }, (_, code) => code);
    const expected = all.map((code) => (code >= 192 ? good : code >= 64 && code < 128 ? uncertain : bad));
    expect(await read(all.map(String), "opcda")).toEqual(expected);
    expect(await read(["192.0", " 64 ", ""], "opcda")).toEqual([good, uncertain, good]);
  });

  it("words, whatever their case and the blanks around them", async () => {
    const cells = [
      "Good",
      "GOOD",
      " good ",
      "ok",
      "Uncertain",
      "questionable",
      "Bad",
      "bad",
      "Invalid",
      "true",
      "False",
      "",
    ];
    expect(await read(cells, "words")).toEqual([
      good,
      good,
      good,
      good,
      uncertain,
      uncertain,
      bad,
      bad,
      bad,
      good,
      bad,
      good,
    ]);
  });

  it("lists, with numbers written in any way", async () => {
    const lists = { good: [192, "Gut"], uncertain: ["64"], bad: [0, "Schlecht"] };
    expect(await read(["192", "192.0", "gut", "64", "0", "SCHLECHT", ""], lists)).toEqual([
      good,
      good,
      good,
      uncertain,
      bad,
      bad,
      good,
    ]);
  });

  it.each([
    ["all zeros are good StatusCodes", ["0", "0", ""], [good, good, good]],
    ["bytes are OPC DA", ["192", "0", "64"], [good, bad, uncertain]],
    ["larger codes are StatusCodes", ["0", "2147483648", "192"], [good, bad, 192]],
    ["negative codes are StatusCodes", ["0", "-2147483648"], [good, bad]],
    ["anything else is words", ["Good", "Bad", ""], [good, bad, good]],
    ["nothing is good", ["", "", ""], [good, good, good]],
  ])("by what the column holds: %s", async (_, cells, expected) => {
    expect(await read(cells)).toEqual(expected);
  });

  it("small codes are not guessed: they would all be bad in OPC DA", async () => {
    for (const cells of [
      ["0", "1", "0"],
      ["24", "24"],
    ]) {
      const error = await refusal(read(cells));
      expect([error.code, error.exitCode]).toEqual(["SOURCE_QUALITY", 4]);
    }
    expect(await read(["0", "1", "24"], "opcda")).toEqual([bad, bad, bad]);
  });

  it.each([
    [undefined, "Prima"],
    [undefined, "1e3"],
    ["opcua", "4294967296"],
    ["opcua", "-2147483649"],
    ["opcda", "256"],
    ["opcda", "-1"],
    ["opcda", "Good"],
    ["words", "192"],
    [{ good: [192], uncertain: [], bad: [] }, "0"],
  ] as const)("an unknown code is refused with its row: %j %s", async (reading, cell) => {
    const fine =
      reading === "opcua" || reading === "opcda" ? "0" : typeof reading === "object" ? "192" : "Good";
    const error = await refusal(read([fine, "", cell, cell], reading));
    expect([error.code, error.where?.row]).toEqual(["SOURCE_QUALITY", 2]);
    expect(error.message).toContain(`"${cell}"`);
  });

  it.each([
    ["UINTEGER", "0, 2147483648, NULL", [good, bad, good]],
    ["INTEGER", "0, -2147483648, NULL", [good, bad, good]],
    ["BIGINT", "192, 64, 0", [good, uncertain, bad]],
    ["DOUBLE", "192, 64, NULL", [good, uncertain, good]],
    ["BOOLEAN", "true, false, NULL", [good, bad, good]],
    ["UTINYINT", "192, 28", [good, bad]],
  ])("of a column of type %s", async (type, items, expected) => {
    const relation = await room.sql(
      `SELECT (row_number() OVER ())::BIGINT AS ts, 'a' AS tag, 1.5 AS value, quality FROM (SELECT unnest([${items}]::${type}[]) AS quality)`,
    );
    const { samples } = await long(room, relation, ["a"], { time: { unit: "s" } });
    expect(statuses(samples[0])).toEqual(expected);
  });

  it("a column that holds anything but codes is refused", async () => {
    const error = await refusal(
      read(
        Array.from({ length: 5000 }, (_, row) => `${row}`),
        "opcua",
      ),
    );
    expect(error.code).toBe("SOURCE_QUALITY");
  });

  it("a bad status stays with an empty value, a good one becomes Bad_NoData", async () => {
    const relation = await room.csv(
      "ts,tag,value,quality\n1,a,,0x80050000\n2,a,,0\n3,a,5,0x80050000\n4,a,No Data,0x40000000\n",
    );
    const { samples } = await long(room, relation, ["a"], { time: { unit: "s" } });
    expect(statuses(samples[0])).toEqual([0x8005_0000, 0x809b_0000, 0x8005_0000, 0x809b_0000]);
  });
});
