import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain, Room, refusal, wide } from "../tables/room.ts";

let room: Room;
beforeAll(async () => {
  room = await Room.open();
  room.write(
    "logs/alarms.jsonl",
    '{"at":"2026-05-04T00:00:01Z","name":"high"}\n{"at":"2026-05-04T00:00:00Z","name":"low"}\n',
  );
});
afterAll(() => room.close());

describe("sql", () => {
  it("takes a column named at, bare or quoted, and leaves AT TIME ZONE alone", async () => {
    const relation = await room.sql("select at, name from read_json('logs/alarms.jsonl')");
    expect([...relation.columns.keys()]).toEqual(["at", "name"]);
    const query = `SELECT x.at AT TIME ZONE 'Europe/Berlin' AS ts, 'look at "it"' AS s -- at
      FROM (SELECT '2026-05-04 09:00:00'::TIMESTAMP AS "at" /* at */) x`;
    const moved = await room.sql(query);
    expect((await room.times(moved)).times).toEqual([1777878000000000000n]);
    expect(plain((await wide(room, moved, ["s"])).samples[0])).toEqual(['look at "it"']);
  });

  it("reads files by paths relative to the manifest", async () => {
    const relation = await room.sql("select at as ts, name from read_json('logs/alarms.jsonl')");
    expect((await room.times(relation)).times).toEqual([1777852801000000000n, 1777852800000000000n]);
    const { samples } = await wide(room, relation, ["name"]);
    expect(plain(samples[0])).toEqual(["low", "high"]);
  });

  it.each([
    ["a last semicolon", "SELECT 1 AS ts;"],
    ["a last comment", "SELECT 1 AS ts -- the only row"],
    ["WITH", "WITH one AS (SELECT 1 AS ts) SELECT * FROM one"],
    ["FROM alone", "FROM (VALUES (1)) AS v(ts)"],
  ])("takes %s", async (_, query) => {
    expect((await room.times(await room.sql(query), { unit: "s" })).times).toEqual([1_000_000_000n]);
  });

  it("keeps the order that the query asks for", async () => {
    const relation = await room.sql("SELECT i AS ts FROM range(300000) AS t(i) ORDER BY (i * 7919) % 300007");
    const { times } = await room.times(relation, { unit: "ns" });
    const key = (value: bigint | null) => ((value ?? 0n) * 7919n) % 300007n;
    expect(times.length).toBe(300_000);
    expect(times.every((value, row) => row === 0 || key(value) > key(times[row - 1] ?? null))).toBe(true);
  });

  it.each([
    ["several statements", "SELECT 1 AS ts; SELECT 2 AS ts", /syntax error/i],
    ["a syntax error", "SELEC 1", /syntax error/i],
    ["a missing file", "SELECT * FROM read_csv('no-such.csv')", /no-such[.]csv/],
    ["an unknown column", "SELECT nothing", /nothing/],
    ["a failure while it runs", "SELECT error('stop here') AS ts", /stop here/],
    ["something else than a query", "DROP TABLE x", /syntax error/i],
    ["nothing", "", /syntax error/i],
  ])("refuses %s with DuckDB's first line", async (_, query, reason) => {
    const error = await refusal(room.sql(query));
    expect(error.code).toBe("SOURCE_SQL");
    expect(error.message).toMatch(reason);
    expect(error.message).not.toContain("\n");
  });
});
