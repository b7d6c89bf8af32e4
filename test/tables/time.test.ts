import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromFloats } from "../../src/tables/time.ts";
import { parseInstant } from "../../src/time.ts";
import { long, Room, refusal } from "./room.ts";

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

const column = (...cells: readonly string[]) =>
  `n,ts\n${cells.map((cell, at) => `${at},${cell}`).join("\n")}\n`;
const texts = async (cells: readonly string[], time = {}) =>
  room.times(await room.csv(column(...cells)), time);

describe("text with a zone is an instant", () => {
  const forms = [
    "2026-05-04T07:12:31Z",
    "2026-05-04T07:12:31.123456789Z",
    "2026-05-04t07:12:31.1z",
    "2026-05-04 07:12:31.123456789+02:00",
    "2026-05-04 07:12:31.123456789-05:30",
    "2026-05-04T07:12:31+0200",
    "2026-05-04T07:12:31.000000001+02",
    "2026-05-04T07:12Z",
    "2026-05-04 07:12+02:00",
    "1969-12-31T23:59:59.999999999Z",
    "1700-01-01T00:00:00.000000001Z",
    "2024-02-29T23:59:59.5-23:59",
    "2262-01-01T00:00:00.999999999Z",
  ];

  it("in every form that ISO 8601 has, and as the manifest reads it", async () => {
    const { times } = await texts(forms);
    expect(times).toEqual(forms.map((form) => parseInstant(form)));
    expect(times[1]).toBe(1777878751123456789n);
  });

  it("with a blank before the offset, as some loggers write it", async () => {
    expect((await texts(["2026-05-04 07:12:31.123456789 -05:30", "2026-05-04T07:12 Z"])).times).toEqual([
      parseInstant("2026-05-04T07:12:31.123456789-05:30"),
      parseInstant("2026-05-04T07:12Z"),
    ]);
  });

  it("with blanks around it", async () => {
    expect((await texts(["  2026-05-04T07:12:31Z ", " 2026-05-04T07:12Z"])).times).toEqual([
      1777878751000000000n,
      1777878720000000000n,
    ]);
  });

  it("empty cells and blank ones are missing", async () => {
    const { times } = await texts(["2026-05-04T07:12:31Z", "", '"  "', "2026-05-04T07:12:32Z"]);
    expect(times).toEqual([1777878751000000000n, null, null, 1777878752000000000n]);
  });

  it.each([
    "2026-05-04T07:12:31.1234567891Z",
    "2026-05-04T07:12:31.Z",
    "2026-02-30T00:00:00Z",
    "2026-05-04T07:12:60Z",
    "2026-05-04T24:30:00Z",
    "2026-05-04T07:12:31+24:00",
    "2026-05-04T07:12:31+02:60",
    "9999-12-31T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "2026-5-4T07:12:31Z",
    "04.05.2026 07:12:31",
    "2026-05-04T07:12:31 Europe/Berlin",
    "yesterday",
    "infinity",
    "1777878751123",
  ])("anything else is refused with its row and text: %s", async (cell) => {
    const error = await refusal(texts(["2026-05-04T07:12:31Z", "", cell, "2026-05-04T07:12:31Z"]));
    expect(error.code).toBe("SOURCE_TIME_TEXT");
    expect(error.where?.row).toBe(2);
    expect(error.message).toContain(`"${cell}"`);
  });

  it("random instants with random offsets keep every digit", async () => {
    const instant = fc.bigInt({ min: -8_500_000_000_000_000_000n, max: 9_200_000_000_000_000_000n });
    const cases = fc.sample(fc.tuple(instant, fc.integer({ min: -1439, max: 1439 })), {
      numRuns: 3000,
      seed: 11,
    });
    const cells = cases.map(([ns, minutes]) => isoText(ns, minutes));
    expect((await texts(cells)).times).toEqual(cases.map(([ns]) => ns));
  });
});

/** ISO text of an instant at an offset, written by Date for whole seconds and by hand for the rest. */
function isoText(ns: bigint, minutes: number): string {
  const wall = ns + BigInt(minutes) * 60_000_000_000n;
  const fraction = ((wall % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const date = new Date(Number((wall - fraction) / 1_000_000n)).toISOString().slice(0, 19);
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const offset = `${minutes < 0 ? "-" : "+"}${String(hours).padStart(2, "0")}:${String(rest).padStart(2, "0")}`;
  return `${date}.${String(fraction).padStart(9, "0")}${offset}`;
}

describe("text without a zone", () => {
  it("is refused, with its row", async () => {
    const error = await refusal(texts(["2026-05-04T07:12:31Z", "2026-05-04T07:12:32"]));
    expect(error.code).toBe("SOURCE_TIME_ZONE");
    expect(error.where?.row).toBe(1);
    expect(error.message).toContain("2026-05-04T07:12:32");
  });

  it("reads in the zone that the source names, beside text that has its own", async () => {
    const { times } = await texts(
      ["2026-05-04T07:12:31", "2026-05-04T07:12:31Z", "2026-05-04", "", "2026-12-04 07:12"],
      {
        zone: "Europe/Berlin",
      },
    );
    expect(times).toEqual([
      parseInstant("2026-05-04T05:12:31Z"),
      parseInstant("2026-05-04T07:12:31Z"),
      parseInstant("2026-05-03T22:00:00Z"),
      null,
      parseInstant("2026-12-04T06:12:00Z"),
    ]);
  });

  it("a date in place of a time of day with a zone is refused as a text", async () => {
    expect((await refusal(texts(["2026-05-04Z"], { zone: "UTC" }))).code).toBe("SOURCE_TIME_TEXT");
  });
});

describe("the hour that happens twice", () => {
  const passes = [
    "2026-10-25T01:59:59",
    "2026-10-25T02:30:00",
    "2026-10-25T02:50:00",
    "2026-10-25T02:10:00",
    "2026-10-25T03:00:00",
  ];
  const utc = (...clocks: readonly string[]) => clocks.map((clock) => parseInstant(`2026-10-${clock}Z`));
  const berlin = (ambiguous: "reject" | "earlier" | "later" | "order") => ({
    zone: "Europe/Berlin",
    ambiguous,
  });

  it("is refused by default, with row and time", async () => {
    const error = await refusal(texts(passes, berlin("reject")));
    expect(error.code).toBe("SOURCE_AMBIGUOUS_TIME");
    expect(error.where).toMatchObject({ row: 1, time: "2026-10-25T02:30:00.000000000" });
  });

  it.each([
    ["earlier", utc("24T23:59:59", "25T00:30:00", "25T00:50:00", "25T00:10:00", "25T02:00:00")],
    ["later", utc("24T23:59:59", "25T01:30:00", "25T01:50:00", "25T01:10:00", "25T02:00:00")],
    ["order", utc("24T23:59:59", "25T00:30:00", "25T00:50:00", "25T01:10:00", "25T02:00:00")],
  ] as const)("is placed by %s, and counted", async (policy, expected) => {
    const { times, counts } = await texts(passes, berlin(policy));
    expect(times).toEqual(expected);
    expect(counts.ambiguous).toBe(3);
  });

  it("goes by row order within a tag where the file is stored tag by tag", async () => {
    const fold = Array.from(
      { length: 40 },
      (_, at) => `2026-10-25T02:${String((at % 20) * 3).padStart(2, "0")}:00`,
    );
    const rows = ["a", "b"].flatMap((tag) => fold.map((time, at) => `${time},${tag},${at}`));
    const relation = await room.csv(`ts,tag,value\n${rows.join("\n")}\n`);
    const { samples, counts } = await long(room, relation, ["a", "b"], { time: berlin("order") });
    const first = parseInstant("2026-10-25T00:00:00Z");
    const expected = fold.map((_, at) => first + BigInt(at) * 180_000_000_000n);
    expect([...(samples[0]?.times ?? [])]).toEqual(expected);
    expect([...(samples[1]?.times ?? [])]).toEqual(expected);
    expect(counts).toMatchObject({ ambiguous: 80, unsorted: 0, duplicates: 0 });
  });

  it("goes by row order over all tags where they are interleaved", async () => {
    const fold = Array.from(
      { length: 40 },
      (_, at) => `2026-10-25T02:${String((at % 20) * 3).padStart(2, "0")}:00`,
    );
    const rows = fold.flatMap((time, at) => ["a", "b"].map((tag) => `${time},${tag},${at}`));
    const relation = await room.csv(`ts,tag,value\n${rows.join("\n")}\n`);
    const { samples, counts } = await long(room, relation, ["b", "a"], { time: berlin("order") });
    const first = parseInstant("2026-10-25T00:00:00Z");
    const expected = fold.map((_, at) => first + BigInt(at) * 180_000_000_000n);
    expect([...(samples[0]?.times ?? [])]).toEqual(expected);
    expect([...(samples[1]?.times ?? [])]).toEqual(expected);
    expect(counts).toMatchObject({ ambiguous: 80, unsorted: 0 });
  });

  it("names the row of the file, not of the asked tags", async () => {
    const relation = await room.csv(
      "ts,tag,value\n2026-10-25T02:30:00,x,1\n2026-10-25T01:30:00,a,1\n2026-10-25T02:30:00,a,1\n",
    );
    const error = await refusal(long(room, relation, ["a"], { time: berlin("reject") }));
    expect(error.where?.row).toBe(2);
  });

  it("a time that does not exist is refused, else moved forward by the gap and counted", async () => {
    const cells = ["2026-03-29T01:59:59", "2026-03-29T02:30:00"];
    const error = await refusal(texts(cells, berlin("reject")));
    expect(error.code).toBe("SOURCE_NONEXISTENT_TIME");
    expect(error.where?.row).toBe(1);
    const { times, counts } = await texts(cells, berlin("earlier"));
    expect(times).toEqual([parseInstant("2026-03-29T00:59:59Z"), parseInstant("2026-03-29T01:30:00Z")]);
    expect(counts.nonexistent).toBe(1);
  });
});

describe("time.format", () => {
  it.each([
    ["%d.%m.%Y %H:%M:%S", "04.05.2026 07:12:31", "UTC", "2026-05-04T07:12:31Z"],
    ["%d.%m.%Y %H:%M:%S,%f", '"04.05.2026 07:12:31,123456"', "Europe/Berlin", "2026-05-04T05:12:31.123456Z"],
    ["%d.%m.%Y %H:%M:%S.%n", "04.05.2026 07:12:31.123456789", "UTC", "2026-05-04T07:12:31.123456789Z"],
    ["%m/%d/%y %H:%M", "11/22/26 06:00", "America/Chicago", "2026-11-22T12:00:00Z"],
    ["%m/%d/%Y %I:%M:%S %p", "11/22/2026 06:00:00 PM", "UTC", "2026-11-22T18:00:00Z"],
    ["%d.%m.%Y %H:%M:%S%z", "04.05.2026 07:12:31+0200", undefined, "2026-05-04T05:12:31Z"],
    [
      "%d.%m.%Y %H:%M:%S.%n%z",
      "04.05.2026 07:12:31.123456789+02:00",
      undefined,
      "2026-05-04T05:12:31.123456789Z",
    ],
    [
      "%d.%m.%Y %H:%M:%S.%n %z",
      "04.05.2026 07:12:31.123456789 -0530",
      undefined,
      "2026-05-04T12:42:31.123456789Z",
    ],
    ["%d.%m.%Y %H:%M:%S.%n%z", "04.05.2026 07:12:31.000000001Z", undefined, "2026-05-04T07:12:31.000000001Z"],
  ])("%s reads %s", async (format, cell, zone, expected) => {
    const { times } = await texts([cell, "", cell], { format, ...(zone === undefined ? {} : { zone }) });
    expect(times).toEqual([parseInstant(expected), null, parseInstant(expected)]);
  });

  it("refuses text that does not match, with its row", async () => {
    const error = await refusal(texts(["04.05.2026", "2026-05-04"], { format: "%d.%m.%Y", zone: "UTC" }));
    expect(error.code).toBe("SOURCE_TIME_TEXT");
    expect(error.where?.row).toBe(1);
  });

  it("refuses text without a zone, a far year, and a pattern that is none", async () => {
    expect((await refusal(texts(["04.05.2026"], { format: "%d.%m.%Y" }))).code).toBe("SOURCE_TIME_ZONE");
    expect((await refusal(texts(["04.05.9999"], { format: "%d.%m.%Y", zone: "UTC" }))).code).toBe(
      "SOURCE_TIME_TEXT",
    );
    expect((await refusal(texts(["1"], { format: "%q" }))).code).toBe("MANIFEST_TIME_FORMAT");
    expect((await refusal(texts(["1"], { format: "%z %n" }))).code).toBe("MANIFEST_TIME_FORMAT");
  });
});

const units = { ns: 1n, us: 1_000n, ms: 1_000_000n, s: 1_000_000_000n } as const;
const unit = fc.constantFrom("ns", "us", "ms", "s" as const);

describe("numbers with a unit", () => {
  it("decimal text is exact to nine digits", async () => {
    const { times } = await texts(
      ["1747000000.123456789", "-0.5", "1e3", ".000000001", " 7. ", "", "1747000000"],
      { unit: "s" },
    );
    expect(times).toEqual([
      1747000000123456789n,
      -500000000n,
      1000000000000n,
      1n,
      7000000000n,
      null,
      1747000000000000000n,
    ]);
    expect((await texts(["1747000000123.456789"], { unit: "ms" })).times).toEqual([1747000000123456789n]);
    expect((await texts(["1747000000123456789", "9223372036854775807"], { unit: "ns" })).times).toEqual([
      1747000000123456789n,
      9223372036854775807n,
    ]);
  });

  it("random decimal text is exact, with and without an exponent", async () => {
    const digits = fc.tuple(
      fc.constantFrom("", "-", "+"),
      fc.bigInt({ min: 0n, max: 9_200_000_000n }),
      fc.stringMatching(/^[0-9]{1,9}$/),
    );
    const cases = fc.sample(digits, { numRuns: 500, seed: 3 });
    for (const [name, scale] of Object.entries(units)) {
      const expected = cases.map(([sign, whole, fraction]) => {
        const billionths = whole * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
        const ns = (2n * billionths * scale + 1_000_000_000n) / 2_000_000_000n;
        return sign === "-" ? -ns : ns;
      });
      const plain = cases.map((parts) => `${parts[0]}${parts[1]}.${parts[2]}`);
      const reading = { unit: name as keyof typeof units };
      expect((await texts(plain, reading)).times).toEqual(expected);
      expect(
        (
          await texts(
            plain.map((text) => `${text}e0`),
            reading,
          )
        ).times,
      ).toEqual(expected);
    }
  });

  it("text that is no number or out of range is refused, with its row", async () => {
    const garbage = await refusal(texts(["1", "1_000"], { unit: "s" }));
    expect([garbage.code, garbage.where?.row]).toEqual(["SOURCE_TIME_TEXT", 1]);
    const far = await refusal(texts(["1", "9223372036854775808"], { unit: "ns" }));
    expect([far.code, far.where?.row]).toEqual(["SOURCE_TIME_RANGE", 1]);
    expect((await refusal(texts(["1", "2026-05-04T07:12:31Z"], { unit: "s" }))).code).toBe(
      "SOURCE_TIME_TEXT",
    );
  });

  it.each(["ns", "us", "ms", "s"] as const)("integer columns in %s are exact", async (one) => {
    const limit = 9_223_372_036_854_775_807n / units[one];
    const relation = await room.parquet(`SELECT unnest([${limit}, -${limit}, NULL]::BIGINT[]) AS ts`);
    const { times } = await room.times(relation, { unit: one });
    expect(times).toEqual([limit * units[one], -limit * units[one], null]);
    const beyond = await room.sql(`SELECT unnest([1, ${limit + 1n}]::HUGEINT[]) AS ts`);
    const error = await refusal(room.times(beyond, { unit: one }));
    expect([error.code, error.where?.row]).toEqual(["SOURCE_TIME_RANGE", 1]);
  });

  it("integer columns of every width, and one without a unit", async () => {
    for (const type of ["TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "UBIGINT"]) {
      const relation = await room.sql(`SELECT unnest([0, 1, NULL, 100]::${type}[]) AS ts`);
      expect((await room.times(relation, { unit: "ms" })).times).toEqual([
        0n,
        1_000_000n,
        null,
        100_000_000n,
      ]);
    }
    expect((await refusal(room.times(await room.sql("SELECT 5 AS ts")))).code).toBe("SOURCE_TIME_UNIT");
    expect((await refusal(room.times(await room.sql("SELECT 5.5::DOUBLE AS ts")))).code).toBe(
      "SOURCE_TIME_UNIT",
    );
    expect((await room.times(await room.sql("SELECT 5.123456789 AS ts"), { unit: "s" })).times).toEqual([
      5123456789n,
    ]);
  });

  it("a float is the nearest nanosecond of its exact value, half away from zero", () => {
    const near = fc.oneof(
      fc.double({ min: -9e9, max: 9e9, noNaN: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc
        .tuple(fc.integer({ min: -2_000_000_000, max: 2_000_000_000 }), fc.integer({ min: 0, max: 30 }))
        .map(([value, power]) => value / 2 ** power),
      fc.integer({ min: -5_000_000, max: 5_000_000 }).map((value) => (value + 0.5) / 1e9),
    );
    fc.assert(
      fc.property(near, unit, (value, name) => {
        expect(fromFloats(Float64Array.of(value), units[name])[0]).toBe(nearest(value, units[name]));
      }),
      { numRuns: 5000, seed: 7 },
    );
  });

  it("a float column reads so, and refuses what is no time", async () => {
    const relation = await room.parquet("SELECT unnest([1747000000.1234567, NULL, -0.25]::DOUBLE[]) AS ts");
    expect((await room.times(relation, { unit: "s" })).times).toEqual([
      nearest(1747000000.1234567, 1_000_000_000n),
      null,
      -250000000n,
    ]);
    for (const value of ["'nan'", "'inf'", "'1e300'"]) {
      const error = await refusal(
        room.times(await room.sql(`SELECT unnest(['1', ${value}]::DOUBLE[]) AS ts`), { unit: "s" }),
      );
      expect([error.code, error.where?.row]).toEqual(["SOURCE_TIME_TEXT", 1]);
    }
  });
});

/** The nearest ns of the exact rational that a float64 is: mantissa * 2^exponent. */
function nearest(value: number, unitNs: bigint): bigint {
  const bits = new DataView(new Float64Array([Math.abs(value)]).buffer).getBigUint64(0, true);
  const exponent = Number(bits >> 52n);
  const mantissa = (bits & ((1n << 52n) - 1n)) | (exponent === 0 ? 0n : 1n << 52n);
  const shift = BigInt(Math.max(exponent, 1) - 1075);
  const [numerator, denominator] =
    shift >= 0n ? [(mantissa << shift) * unitNs, 1n] : [mantissa * unitNs, 1n << -shift];
  const size = (2n * numerator + denominator) / (2n * denominator);
  return value < 0 ? -size : size;
}

describe("time columns of a type", () => {
  const stamp = "2026-05-04 07:12:31.123456789";

  it.each([
    ["TIMESTAMP_S", 1777878751000000000n],
    ["TIMESTAMP_MS", 1777878751123000000n],
    ["TIMESTAMP", 1777878751123456000n],
    ["TIMESTAMP_NS", 1777878751123456789n],
    ["DATE", 1777852800000000000n],
  ])("%s is read to its last digit, in UTC or in the zone that the source names", async (type, expected) => {
    // A cast to a coarser type may round the text: cut it by hand.
    const digits = { TIMESTAMP_S: 0, TIMESTAMP_MS: 4, TIMESTAMP: 7, TIMESTAMP_NS: 10, DATE: 0 }[type] ?? 0;
    const query = `SELECT unnest(['${stamp.slice(0, 19 + digits)}'::${type}, NULL]) AS ts`;
    expect((await room.times(await room.sql(query))).times).toEqual([expected, null]);
    const berlin = await room.times(await room.sql(query), { zone: "Europe/Berlin" });
    expect(berlin.times).toEqual([expected - 7_200_000_000_000n, null]);
  });

  it("TIMESTAMP WITH TIME ZONE is an instant whatever the zone", async () => {
    const query = "SELECT '2026-05-04 07:12:31.123456+02:00'::TIMESTAMPTZ AS ts";
    for (const time of [{}, { zone: "Europe/Berlin" }]) {
      expect((await room.times(await room.sql(query), time)).times).toEqual([1777871551123456000n]);
    }
  });

  it.each(["TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_S", "TIMESTAMP_MS", "DATE"])(
    "%s beyond int64 ns is refused, with its row",
    async (type) => {
      for (const far of ["9999-12-31", "infinity"]) {
        const relation = await room.sql(`SELECT unnest(['2026-05-04', '${far}']::${type}[]) AS ts`);
        const error = await refusal(room.times(relation));
        expect([error.code, error.where?.row]).toEqual(["SOURCE_TIME_RANGE", 1]);
      }
    },
  );

  it("a column that is not there is named with those that are", async () => {
    const error = await refusal(room.times(await room.csv("time,x\n1,2\n")));
    expect(error.code).toBe("SOURCE_MISSING_COLUMN");
    expect(error.hint).toContain("time, x");
  });
});
