import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findFiles } from "../../src/tables/index.ts";
import { long, plain, Room, refusal, wide } from "../tables/room.ts";

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

const seconds = { time: { unit: "s" as const } };

/** The texts of the columns of some files, in row order. */
async function cells(files: readonly string[], columns: readonly string[]) {
  const relation = await room.table("csv", files);
  const rows = await room.database.rows(
    `SELECT ${columns.map((one) => `"${one.replaceAll('"', '""')}"`).join(", ")} FROM ${relation.from}`,
    {},
  );
  return rows as (string | null)[][];
}

async function one(name: string, content: string | Uint8Array, columns: readonly string[]) {
  return cells([room.write(name, content)], columns);
}

const refused = async (name: string, content: string | Uint8Array) =>
  refusal(
    (async () => {
      const relation = await room.table("csv", [room.write(name, content)]);
      return wide(room, relation, ["a"], seconds);
    })(),
  );

describe("csv", () => {
  it.each([
    ["comma", "ts,a\n1,x\n"],
    ["semicolon", "ts;a\n1;x\n"],
    ["tab", "ts\ta\n1\tx\n"],
    ["bar", "ts|a\n1|x\n"],
    ["CRLF", "ts,a\r\n1,x\r\n"],
    ["byte order mark", "\ufeffts,a\n1,x\n"],
    ["no last line break", "ts,a\n1,x"],
    ["quoted header", '"ts","a"\n"1","x"\n'],
    ["blanks around the header's names", " ts , a\n1,x\n"],
    ["an empty last line", "ts,a\n1,x\n\n"],
  ])("%s", async (_, text) => {
    expect(await one("form.csv", text, ["ts", "a"])).toEqual([["1", "x"]]);
  });

  it("UTF-16 with its mark, and gzip", async () => {
    const text = "ts;Größe\n1;5 µm\n";
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le")]);
    expect(await one("wide.csv", utf16, ["Größe"])).toEqual([["5 µm"]]);
    expect(await one("small.csv.gz", gzipSync(text), ["Größe"])).toEqual([["5 µm"]]);
  });

  it("quoted separators, quotes, line breaks and separators of another kind stay in their cells", async () => {
    const text = 'ts,"a;b",c\r\n1,"x,y","say ""hi"""\r\n2,"two\r\nlines",";"\r\n3,,""\r\n';
    expect(await one("quotes.csv", text, ["a;b", "c"])).toEqual([
      ["x,y", 'say "hi"'],
      ["two\r\nlines", ";"],
      [null, null],
    ]);
  });

  it("a header with a line break, a quote and an apostrophe in its names", async () => {
    const text = 'ts,"temp\n""outer""",it\'s\n1,5,6\n';
    expect(await one("header.csv", text, ['temp\n"outer"', "it's"])).toEqual([["5", "6"]]);
  });

  it("columns without a name are named by their place", async () => {
    expect(await one("nameless.csv", ",ts,a,\n7,1,x,\n", ["column0", "ts", "a", "column3"])).toEqual([
      ["7", "1", "x", null],
    ]);
  });

  it("a header longer than 256 KiB", async () => {
    const names = Array.from({ length: 20_000 }, (_, at) => `TI-${String(at).padStart(10, "0")}.PV`);
    const text = `ts,${names.join(",")}\n1,${names.map((_, at) => at).join(",")}\n`;
    expect(await one("broad.csv", text, ["ts", "TI-0000019999.PV"])).toEqual([["1", "19999"]]);
  });

  it("names that DuckDB would take for globs", async () => {
    room.write("log[1]x.csv", "ts,a\n1,right\n");
    room.write("log1x.csv", "ts,a\n1,wrong\n");
    expect(await one("log[1]x.csv", "ts,a\n1,right\n", ["a"])).toEqual([["right"]]);
    expect(await one("it's*.csv", "ts,a\n1,x\n", ["a"])).toEqual([["x"]]);
  });

  it("only a header is a table without rows", async () => {
    expect(await one("bare.csv", "ts,a\n", ["ts", "a"])).toEqual([]);
    const relation = await room.table("csv", [room.write("bare.csv", "ts,a")]);
    const { samples, counts } = await wide(room, relation, ["a"], seconds);
    expect(samples[0]?.times.length).toBe(0);
    expect(counts.rows).toBe(0);
  });

  it.each([
    ["empty", "", "SOURCE_EMPTY"],
    ["blank", "\n\n", "SOURCE_EMPTY"],
    ["empty gzip", gzipSync(""), "SOURCE_"],
    ["a name twice", "ts,a,a\n1,2,3\n", "SOURCE_HEADER"],
    ["a name twice but for capitals", "ts,a,A\n1,2,3\n", "SOURCE_HEADER"],
    ["a row too short", "ts,a,b\n1,2,3\n4,5\n", "SOURCE_UNREADABLE"],
    ["a row too long", "ts,a\n1,2\n4,5,6\n", "SOURCE_UNREADABLE"],
    ["an open quote", 'ts,a\n1,2\n3,"4\n5,6\n', "SOURCE_UNREADABLE"],
    ["Latin-1", Buffer.from("ts,a\n1,50 \u00b0C\n", "latin1"), "SOURCE_ENCODING"],
    ["Latin-1 in the header", Buffer.from("ts,a,Gr\u00f6\u00dfe\n1,2,3\n", "latin1"), "SOURCE_ENCODING"],
    [
      "UTF-16 of the other order",
      Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from("ts,a\n1,2\n", "utf16le").swap16()]),
      "SOURCE_ENCODING",
    ],
    ["a lone header quote", 'ts,"a\n1,2\n', "SOURCE_"],
    ["no such column", "ts,b\n1,2\n", "SOURCE_MISSING_TAG"],
    ["no time", "time,a\n1,2\n", "SOURCE_MISSING_COLUMN"],
    ["cut gzip", gzipSync(`ts,a\n${"1,2\n".repeat(200_000)}`).subarray(0, 300), "SOURCE_UNREADABLE"],
    ["damaged gzip", Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 4, 5]), "SOURCE_UNREADABLE"],
  ])("is refused: %s", async (name, content, code) => {
    const error = await refused(`${name}.csv${name.includes("gzip") ? ".gz" : ""}`, content);
    expect(error.code.startsWith(code)).toBe(true);
    expect(error.where?.source).toBe("plant");
  });

  it("a row that does not fit names its line", async () => {
    const error = await refused("ragged.csv", `ts,a\n${"1,2\n".repeat(5000)}3\n${"1,2\n".repeat(50)}`);
    expect(error.where?.line).toBe(5002);
  });

  it("parts with other column orders, separators and compression are one stream in name order", async () => {
    const files = [
      room.write("parts/b.csv", "a;ts\n3;3\n4;4\n"),
      room.write("parts/a.csv", "ts,a\n1,1\n2,2\n"),
      room.write("parts/c.csv.gz", gzipSync("ts\ta\n5\t5\n")),
    ];
    const find = (paths: readonly string[]) =>
      findFiles(
        room.database,
        paths,
        (path) => resolve(room.base, path),
        (path) =>
          stat(path).then(
            (found) => (found.isDirectory() ? "directory" : "file"),
            () => "nothing" as const,
          ),
        "plant",
      );
    const found = await find(["parts/*.csv*"]);
    expect(found).toEqual([files[1], files[0], files[2]]);
    expect(await find(["parts/c.csv.gz", "parts/*.csv", "parts/a.csv"])).toEqual(found);
    const { samples } = await wide(room, await room.table("csv", found), ["a"], seconds);
    expect(plain(samples[0])).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect((await refusal(find(["parts"]))).message).toContain("is a directory");
    expect((await refusal(find(["parts/*.txt"]))).message).toContain("no file matches parts/*.txt");
    expect((await refusal(find(["parts/z.csv"]))).code).toBe("SOURCE_MISSING");
  });

  it("a part that lacks a column is named", async () => {
    const files = [room.write("p1.csv", "ts,a,b\n1,2,3\n"), room.write("p2.csv", "a,ts\n1,2\n")];
    const error = await refusal(room.table("csv", files));
    expect(error.code).toBe("SOURCE_PARTS_DIFFER");
    expect(error.where?.file).toBe(files[1]);
    expect(error.message).toContain('"b"');
  });

  it("400,000 rows in four parts keep their order, though DuckDB reads with several threads", async () => {
    const files = Array.from({ length: 4 }, (_, part) => {
      const rows = Array.from(
        { length: 100_000 },
        (_, row) => `${part * 100_000 + row},T,${part * 100_000 + row}`,
      );
      return room.write(`big/${part}.csv`, `ts,tag,value\n${rows.join("\n")}\n`);
    });
    const relation = await room.table("csv", files);
    const { samples, counts } = await long(room, relation, ["T"], { ...seconds, strict: true });
    expect(counts).toMatchObject({ rows: 400_000, unsorted: 0 });
    const data = samples[0]?.values.type === "integer" ? samples[0].values.data : new BigInt64Array();
    expect(data.every((value, row) => value === BigInt(row))).toBe(true);
  });
});
