import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { type AmbiguousPolicy, CivilZone, formatInstant, parseInstant } from "../../src/time.ts";

function convert(zone: string, policy: AmbiguousPolicy, ...local: string[]) {
  const times = BigInt64Array.from(local, (text) => parseInstant(`${text}Z`));
  const result = new CivilZone(zone).toInstants(times, policy);
  return { ...result, instants: [...result.instants].map((ns) => formatInstant(ns).slice(0, 19)) };
}

describe("CivilZone", () => {
  it("takes the earlier or the later of a time that happens twice, and counts it under every policy", () => {
    for (const [policy, instant] of [
      ["reject", "2026-10-25T00:30:00"],
      ["earlier", "2026-10-25T00:30:00"],
      ["later", "2026-10-25T01:30:00"],
      ["order", "2026-10-25T00:30:00"],
    ] as const) {
      expect(convert("Europe/Berlin", policy, "2026-10-25T01:59", "2026-10-25T02:30")).toEqual({
        instants: ["2026-10-24T23:59:00", instant],
        ambiguous: 1,
        nonexistent: 0,
        firstAmbiguousRow: 1,
      });
    }
  });

  it("moves a time that the zone skips forward by the gap, and counts it", () => {
    expect(
      convert("Europe/Berlin", "earlier", "2026-03-29T01:59:59", "2026-03-29T02:30", "2026-03-29T03:00"),
    ).toEqual({
      instants: ["2026-03-29T00:59:59", "2026-03-29T01:30:00", "2026-03-29T01:00:00"],
      ambiguous: 0,
      nonexistent: 1,
      firstNonexistentRow: 1,
    });
  });

  it("tells the two passes apart by the order of rows, and starts anew outside", () => {
    const night = [
      "2026-10-25T01:50",
      "2026-10-25T02:10",
      "2026-10-25T02:50",
      "2026-10-25T02:10",
      "2026-10-25T02:50",
    ];
    const day = [
      "2026-10-25T03:00",
      "2026-10-25T02:20",
      "2026-10-25T02:20",
      "2026-10-25T01:00",
      "2026-10-25T02:20",
    ];
    expect(convert("Europe/Berlin", "order", ...night, ...day)).toEqual({
      instants: [
        "2026-10-24T23:50:00",
        "2026-10-25T00:10:00",
        "2026-10-25T00:50:00",
        "2026-10-25T01:10:00",
        "2026-10-25T01:50:00",
        "2026-10-25T02:00:00",
        "2026-10-25T00:20:00",
        "2026-10-25T00:20:00",
        "2026-10-24T23:00:00",
        "2026-10-25T00:20:00",
      ],
      ambiguous: 7,
      nonexistent: 0,
      firstAmbiguousRow: 1,
    });
  });

  it.each([
    ["America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00", "2026-11-01T06:30:00"],
    ["Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45:00", "2026-04-04T15:15:00"],
    ["Europe/London", "2026-10-25T01:00", "2026-10-25T00:00:00", "2026-10-25T01:00:00"],
    ["Pacific/Kwajalein", "1969-09-30T12:00", "1969-09-30T01:00:00", "1969-10-01T00:00:00"],
  ])("knows the hour that happens twice in %s", (zone, local, earlier, later) => {
    expect(convert(zone, "earlier", local)).toMatchObject({ instants: [earlier], ambiguous: 1 });
    expect(convert(zone, "later", local)).toMatchObject({ instants: [later], ambiguous: 1 });
  });

  it.each([
    ["America/New_York", "2026-03-08T02:30", "2026-03-08T07:30:00"],
    ["Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:45:00"],
    ["Pacific/Apia", "2011-12-30T12:00", "2011-12-30T22:00:00"],
  ])("knows the time that %s skips", (zone, local, instant) => {
    expect(convert(zone, "later", local)).toMatchObject({ instants: [instant], nonexistent: 1 });
  });

  it("knows zones that never change, and offsets that are not whole minutes", () => {
    expect(convert("Asia/Kolkata", "reject", "2026-10-25T02:30")).toMatchObject({
      instants: ["2026-10-24T21:00:00"],
      ambiguous: 0,
      nonexistent: 0,
    });
    expect(convert("UTC", "reject", "2026-10-25T02:30").instants).toEqual(["2026-10-25T02:30:00"]);
    expect(convert("Europe/Berlin", "reject", "1880-01-01T00:53:28").instants).toEqual([
      "1880-01-01T00:00:00",
    ]);
    expect(
      convert("Europe/Amsterdam", "reject", "1850-06-01T12:00:00", "1970-01-01T00:00:00").ambiguous,
    ).toBe(0);
  });

  it("bounds a repeated and a skipped hour to the nanosecond", () => {
    const [start, end] = [parseInstant("2026-10-25T02:00Z"), parseInstant("2026-10-25T03:00Z")];
    const fold = new CivilZone("Europe/Berlin").toInstants(
      BigInt64Array.of(start - 1n, start, end - 1n, end),
      "earlier",
    );
    expect(fold).toMatchObject({ ambiguous: 2, firstAmbiguousRow: 1 });
    const [gone, back] = [parseInstant("2026-03-29T02:00Z"), parseInstant("2026-03-29T03:00Z")];
    const gap = new CivilZone("Europe/Berlin").toInstants(
      BigInt64Array.of(gone - 1n, gone, back - 1n, back),
      "earlier",
    );
    expect(gap).toMatchObject({ nonexistent: 2, firstNonexistentRow: 1 });
  });

  it("inverts what Intl says of any instant", () => {
    const zones = [
      "Europe/Berlin",
      "America/New_York",
      "Australia/Lord_Howe",
      "Africa/Casablanca",
      "Asia/Gaza",
      "Asia/Kolkata",
      "UTC",
    ];
    const seconds = fc.integer({ min: Date.UTC(1885, 0, 1) / 1000, max: Date.UTC(2060, 0, 1) / 1000 });
    for (const zone of zones) {
      const civil = new CivilZone(zone);
      const format = new Intl.DateTimeFormat("sv-SE", {
        timeZone: zone,
        dateStyle: "short",
        timeStyle: "medium",
      });
      fc.assert(
        fc.property(seconds, (second) => {
          const local = BigInt64Array.of(parseInstant(`${format.format(second * 1000)}Z`));
          const both = [civil.toInstants(local, "earlier"), civil.toInstants(local, "later")];
          expect(both.map(({ instants }) => instants[0])).toContain(BigInt(second) * 1_000_000_000n);
          expect(both[0]!.nonexistent).toBe(0);
        }),
        { numRuns: 150 },
      );
    }
  });

  it("refuses an unknown zone and a time that no instant can hold", () => {
    expect(() => new CivilZone("Mars/Phobos")).toThrow(
      expect.objectContaining({ code: "MANIFEST_ZONE", message: '"Mars/Phobos" is not a known time zone' }),
    );
    const extreme = BigInt64Array.of(0n, 2n ** 63n - 1n);
    expect(() => new CivilZone("Europe/Berlin").toInstants(extreme, "earlier")).toThrow(AlignError);
    expect(() => new CivilZone("Europe/Berlin").toInstants(extreme, "earlier")).toThrow(
      expect.objectContaining({ code: "SOURCE_TIME_RANGE", where: { row: 1 } }),
    );
  });
});
