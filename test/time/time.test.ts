import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { formatDuration, formatInstant, parseDuration, parseInstant } from "../../src/time.ts";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const int64 = fc.bigInt({ min: INT64_MIN, max: INT64_MAX });

function refusal(act: () => unknown): { code: string; message: string; hint: string | undefined } {
  try {
    act();
  } catch (error) {
    if (error instanceof AlignError) return { code: error.code, message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("parseInstant", () => {
  it.each([
    ["1970-01-01T00:00:00Z", 0n],
    ["1969-12-31T23:59:59.999999999Z", -1n],
    ["2026-05-04T07:12:31.25Z", 1_777_878_751_250_000_000n],
    ["2026-05-04T09:12:31.25+02:00", 1_777_878_751_250_000_000n],
    ["2026-05-04T09:12:31.25+0200", 1_777_878_751_250_000_000n],
    ["2026-05-04 09:12:31,250+02", 1_777_878_751_250_000_000n],
    ["2026-05-04t07:12:31.250000000z", 1_777_878_751_250_000_000n],
    ["2026-05-04T02:27:31.25-04:45", 1_777_878_751_250_000_000n],
    ["2026-05-04T07:12Z", 1_777_878_720_000_000_000n],
    ["2000-02-29T00:00Z", 951_782_400_000_000_000n],
    ["1677-09-21T00:12:43.145224192Z", INT64_MIN],
    ["2262-04-11T23:47:16.854775807Z", INT64_MAX],
  ])("reads %s", (text, ns) => {
    expect(parseInstant(text)).toBe(ns);
  });

  it.each([
    [
      "2026-05-04T07:12:31",
      '"2026-05-04T07:12:31" has no zone',
      'end it with "Z" or an offset such as "+02:00"',
    ],
    [
      "2026-05-04T07:12:31.1234567890Z",
      '"2026-05-04T07:12:31.1234567890Z" is finer than a nanosecond',
      "write at most 9 fraction digits",
    ],
    ["2026-02-29T00:00Z", '"2026-02-29T00:00Z" names a day that does not exist', "correct the date"],
    ["1900-02-29T00:00Z", '"1900-02-29T00:00Z" names a day that does not exist', "correct the date"],
    ["2026-13-01T00:00Z", '"2026-13-01T00:00Z" names a day that does not exist', "correct the date"],
    ["2026-04-00T00:00Z", '"2026-04-00T00:00Z" names a day that does not exist', "correct the date"],
    [
      "2026-05-04T24:00Z",
      '"2026-05-04T24:00Z" names a time of day that does not exist',
      "hours go to 23, minutes and seconds to 59; there are no leap seconds",
    ],
    [
      "2016-12-31T23:59:60Z",
      '"2016-12-31T23:59:60Z" names a time of day that does not exist',
      "hours go to 23, minutes and seconds to 59; there are no leap seconds",
    ],
    [
      "2026-05-04T00:00+24:00",
      '"2026-05-04T00:00+24:00" has an offset that does not exist',
      'write an offset such as "+02:00"',
    ],
    [
      "2262-04-11T23:47:16.854775808Z",
      '"2262-04-11T23:47:16.854775808Z" is outside the range of instants',
      "instants go from 1677-09-21T00:12:43.145224192Z to 2262-04-11T23:47:16.854775807Z",
    ],
    [
      "4 May 2026",
      '"4 May 2026" is not an instant',
      'write ISO 8601 with a zone, e.g. "2026-05-04T07:12:31.25Z"',
    ],
    ["", '"" is not an instant', 'write ISO 8601 with a zone, e.g. "2026-05-04T07:12:31.25Z"'],
  ])("refuses %j", (text, message, hint) => {
    expect(refusal(() => parseInstant(text))).toEqual({ code: "USAGE_INSTANT", message, hint });
  });

  it("reads back what formatInstant wrote, over all of int64", () => {
    fc.assert(fc.property(int64, (ns) => parseInstant(formatInstant(ns)) === ns));
    for (const ns of [INT64_MIN, INT64_MAX, -1n, 0n]) expect(parseInstant(formatInstant(ns))).toBe(ns);
  });

  it("has the calendar of Date", () => {
    const milliseconds = fc.integer({ min: Date.parse("1677-09-22"), max: Date.parse("2262-04-11") });
    fc.assert(
      fc.property(milliseconds, (ms) => {
        const text = new Date(ms).toISOString();
        expect(parseInstant(text)).toBe(BigInt(ms) * 1_000_000n);
        expect(formatInstant(BigInt(ms) * 1_000_000n)).toBe(text.replace("Z", "000000Z"));
      }),
    );
  });
});

describe("durations", () => {
  it.each([
    ["250ms", 250_000_000n, "250ms"],
    ["5s", 5_000_000_000n, "5s"],
    ["2m", 120_000_000_000n, "2m"],
    ["1h", 3_600_000_000_000n, "1h"],
    ["1d", 86_400_000_000_000n, "24h"],
    ["-180ms", -180_000_000n, "-180ms"],
    ["+33333us", 33_333_000n, "33.333ms"],
    ["12ns", 12n, "12ns"],
    ["1.5s", 1_500_000_000n, "1.5s"],
    ["0.25 us", 250n, "250ns"],
    ["90s", 90_000_000_000n, "90s"],
    ["0ms", 0n, "0s"],
    ["9223372036854775807ns", INT64_MAX, "9223372036.854775807s"],
  ])("reads %s", (text, ns, shortest) => {
    expect(parseDuration(text)).toBe(ns);
    expect(formatDuration(ns)).toBe(shortest);
  });

  const units = 'a duration carries its unit, e.g. "5s"; units are ns, us, ms, s, m (minutes), h and d';
  it.each([
    ["5", '"5" has no unit', units],
    ["-0.5", '"-0.5" has no unit', units],
    ["5 sec", '"5 sec" is not a duration', units],
    ["1h30m", '"1h30m" is not a duration', units],
    ["1e3s", '"1e3s" is not a duration', units],
    ["", '"" is not a duration', units],
    ["1.5ns", '"1.5ns" is not a whole number of nanoseconds', "write it with fewer digits"],
    ["300000d", '"300000d" is too long', "durations go to 292 years"],
  ])("refuses %j", (text, message, hint) => {
    expect(refusal(() => parseDuration(text))).toEqual({ code: "USAGE_DURATION", message, hint });
  });

  it("are read back exactly, over all of int64", () => {
    fc.assert(fc.property(int64, (ns) => parseDuration(formatDuration(ns)) === ns));
    for (const ns of [INT64_MIN, INT64_MAX]) expect(parseDuration(formatDuration(ns))).toBe(ns);
  });
});
