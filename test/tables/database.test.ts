import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isValid } from "../../src/tables/database.ts";
import { withPlainTimes } from "../../src/tables/footer.ts";
import { plain, Room, refusal, utcTwin, wide } from "./room.ts";

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

describe("the database's result vectors", () => {
  it("hold the arrays that the reader takes from them", async () => {
    const sql =
      "SELECT i::BIGINT AS a, i::DOUBLE AS b, i::UINTEGER AS c, (i % 2)::UTINYINT AS d, i::VARCHAR AS e, " +
      "CASE WHEN i % 3 = 0 THEN NULL ELSE i::DOUBLE END AS f, [i, i + 1]::DOUBLE[] AS g FROM range(5000) t(i)";
    let at = 0;
    for await (const chunk of room.database.stream(sql, {})) {
      const columns = Array.from({ length: 7 }, (_, index) => chunk.column(index));
      const kinds = [BigInt64Array, Float64Array, Uint32Array, Uint8Array, Array, Float64Array];
      for (const [index, kind] of kinds.entries()) expect(columns[index]?.items).toBeInstanceOf(kind);
      for (let row = 0; row < chunk.rowCount; row++, at++) {
        expect(columns[0]?.items[row]).toBe(BigInt(at));
        expect(columns[1]?.items[row]).toBe(at);
        expect(columns[2]?.items[row]).toBe(at);
        expect(columns[3]?.items[row]).toBe(at % 2);
        expect(columns[4]?.items[row]).toBe(String(at));
        expect(isValid(columns[5]?.valid ?? null, row)).toBe(at % 3 !== 0);
        const list = columns[6]?.list;
        expect(list?.length(row)).toBe(2);
        expect(list?.elements.items[(list?.offset(row) ?? 0) + 1]).toBe(at + 1);
      }
    }
    expect(at).toBe(5000);
  });

  it("come in row order although several threads compute them", async () => {
    let at = 0n;
    const sql = "SELECT i::BIGINT FROM range(600000) t(i) WHERE hash(i) % 7 <> 3";
    let last = -1n;
    for await (const chunk of room.database.stream(sql, {})) {
      const items = chunk.column(0).items as BigInt64Array;
      for (let row = 0; row < chunk.rowCount; row++, at++) {
        if ((items[row] ?? 0n) <= last) throw new Error(`row ${at} is out of order`);
        last = items[row] ?? 0n;
      }
    }
    expect(at).toBeGreaterThan(500_000n);
  });

  it("a failed query is told by its reason, and the next one works", async () => {
    const failing = async () => {
      for await (const _ of room.database.stream("SELECT error('no such luck')", {}))
        throw new Error("a row came");
    };
    expect((await refusal(failing())).message).toContain("no such luck");
    expect(await room.database.rows("SELECT 1", {})).toEqual([[1]]);
  });
});

describe("Parquet", () => {
  const path = () => join(room.base, `${room.database.uniqueName("file")}.parquet`);
  const ns = (row: number) => 1_777_852_800_000_000_000n + BigInt(row) * 1_000_000_007n;

  it("nanoseconds keep their digits, without a zone and in UTC, over row groups, nulls and parts", async () => {
    const rows = 30_000;
    const stamp = `make_timestamp_ns(1777852800000000000 + i * 1000000007)`;
    const local = path();
    await room.database.run(
      `COPY (SELECT CASE WHEN i % 1000 = 7 THEN NULL ELSE ${stamp} END AS ts, i AS x FROM range(${rows}) t(i)) TO '${local}' (ROW_GROUP_SIZE 4096)`,
      {},
    );
    const utc = room.write("utc.parquet", await utcTwin(local));
    const zoned = await room.table("parquet", [utc], []);
    expect(zoned.columns.get("ts")).toBe("TIMESTAMP WITH TIME ZONE");
    for (const files of [[local], [utc], [utc, utc]]) {
      const { times } = await room.times(await room.table("parquet", files));
      const expected = Array.from({ length: rows }, (_, row) => (row % 1000 === 7 ? null : ns(row)));
      expect(times.slice(0, rows)).toEqual(expected);
      if (files.length === 2) expect(times.slice(rows)).toEqual(expected);
    }
    const berlin = await room.times(await room.table("parquet", [utc]), { zone: "Europe/Berlin" });
    expect(berlin.times[0]).toBe(ns(0));
    const moved = await room.times(await room.table("parquet", [local]), { zone: "Europe/Berlin" });
    expect(moved.times[0]).toBe(ns(0) - 7_200_000_000_000n);
  });

  it("parts with other units are read as what they are", async () => {
    const [local, micros] = [path(), path()];
    const stamp = "make_timestamp_ns(1777852800000000000 + i * 1000000007)";
    await room.database.run(`COPY (SELECT ${stamp} AS ts, i AS x FROM range(3000) t(i)) TO '${local}'`, {});
    const later = `SELECT i + 3000 AS x, (${stamp})::TIMESTAMPTZ AS ts FROM range(3000) t(i)`;
    await room.database.run(`COPY (${later}) TO '${micros}'`, {});
    const utc = room.write("first.parquet", await utcTwin(local));
    const relation = await room.table("parquet", [utc, micros]);
    const { times } = await room.times(relation);
    const cut = (row: number) => (ns(row) / 1000n) * 1000n;
    const rows = Array.from({ length: 3000 }, (_, row) => row);
    expect(times).toEqual([...rows.map(ns), ...rows.map(cut)]);
    const { samples } = await wide(room, relation, ["x"]);
    expect(samples[0]?.times.length).toBe(5997);
  });

  it("of a footer only what calls a column a time is taken away", async () => {
    const local = path();
    const stamp = "make_timestamp_ns(1777852800000000000 + i * 1000000007)";
    const columns = `${stamp} AS ts, ${stamp} AS other, i AS x, 's' || i % 7 AS s, [i, i] AS l, {'ts': i} AS g`;
    await room.database.run(
      `COPY (SELECT ${columns} FROM range(9000) t(i)) TO '${local}' (ROW_GROUP_SIZE 2048)`,
      {},
    );
    const bytes = Buffer.from(await utcTwin(local));
    const length = bytes.readUInt32LE(bytes.length - 8);
    const footer = bytes.subarray(bytes.length - 8 - length, bytes.length - 8);
    expect(withPlainTimes(footer, new Set(["x", "other", "g"]))).toBeUndefined();
    const plainFooter = withPlainTimes(footer, new Set(["ts"])) as Uint8Array;
    const parse = (part: Uint8Array) => {
      const tail = Buffer.alloc(8, "PAR1");
      tail.writeUInt32LE(part.length, 0);
      const whole = Uint8Array.from(Buffer.concat([Buffer.from("PAR1"), part, tail]));
      return parquetMetadata(whole.buffer);
    };
    const { metadata_length: _, ...before } = parse(footer);
    const { metadata_length, ...after } = parse(plainFooter);
    expect(metadata_length).toBeLessThan(length);
    expect(after.schema[1]).toMatchObject({ name: "ts", type: "INT64" });
    const untyped = before.schema.map(({ logical_type, converted_type, ...rest }, at) =>
      at === 1 ? rest : { ...rest, logical_type, converted_type },
    );
    const given = untyped.map((one) =>
      Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)),
    );
    const found = after.schema.map((one) =>
      Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)),
    );
    expect(found).toEqual(given);
    const chunks = (groups: typeof after.row_groups) =>
      groups.map(({ columns: all, ...group }) => ({
        ...group,
        columns: all.slice(1),
        offset: all[0]?.meta_data?.data_page_offset,
      }));
    expect(chunks(after.row_groups)).toEqual(chunks(before.row_groups));
    expect(after.key_value_metadata).toEqual(before.key_value_metadata);
    for (let cut = 1; cut < footer.length; cut += 7) {
      const part = footer.subarray(0, cut);
      expect(() => withPlainTimes(part, new Set(["ts"]))).toThrow(RangeError);
    }
  });

  it("values are those that another reader finds", async () => {
    const relation = await room.parquet(
      "SELECT i AS ts, i / 3 AS n, i % 5 = 0 AS b, CASE WHEN i % 4 = 0 THEN NULL ELSE 's' || i % 6 END AS s, i * 7 AS i, [i, i / 2] AS l FROM range(5000) t(i)",
    );
    const names = ["n", "b", "s", "i", "l"];
    const { samples } = await wide(room, relation, names, { time: { unit: "ms" } });
    const bytes = readFileSync(relation.files[0] ?? "");
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    const rows = await parquetReadObjects({ file, compressors: await snappy() });
    for (const [at, name] of names.entries()) {
      const present = rows.filter((row) => row[name] !== null && row[name] !== undefined);
      expect(plain(samples[at])).toEqual(present.map((row) => row[name]));
      expect([...(samples[at]?.times ?? [])]).toEqual(
        present.map((row) => BigInt(row.ts as bigint) * 1_000_000n),
      );
    }
  });

  it("a part that lacks a column is named; other orders and types of the same columns are joined by name", async () => {
    const files = [path(), path(), path()];
    await room.database.run(`COPY (SELECT 1 AS ts, 5 AS a) TO '${files[0]}'`, {});
    await room.database.run(`COPY (SELECT 2.5::DOUBLE AS a, 2 AS ts) TO '${files[1]}'`, {});
    await room.database.run(`COPY (SELECT 3 AS ts) TO '${files[2]}'`, {});
    const { samples } = await wide(room, await room.table("parquet", files.slice(0, 2)), ["a"], {
      time: { unit: "s" },
    });
    expect(plain(samples[0])).toEqual([5, 2.5]);
    const error = await refusal(room.table("parquet", files));
    expect([error.code, error.where?.file]).toEqual(["SOURCE_PARTS_DIFFER", files[2]]);
  });

  it("a file that is cut off or no Parquet is refused", async () => {
    const whole = readFileSync(
      (await room.parquet("SELECT i AS ts, i AS a FROM range(1000) t(i)")).files[0] ?? "",
    );
    for (const bytes of [
      whole.subarray(0, whole.length - 5),
      whole.subarray(0, 100),
      Buffer.from("PAR1"),
      Buffer.alloc(0),
    ]) {
      const error = await refusal(room.table("parquet", [room.write("bad.parquet", bytes)]));
      expect(error.code).toBe("SOURCE_UNREADABLE");
    }
  });
});

async function snappy() {
  const { snappyUncompress } = await import("hyparquet");
  return {
    SNAPPY: (input: Uint8Array, length: number) => {
      const output = new Uint8Array(length);
      snappyUncompress(input, output);
      return output;
    },
  };
}
