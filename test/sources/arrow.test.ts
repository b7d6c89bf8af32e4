import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { RecordBatchStreamWriter, tableFromArrays, tableToIPC } from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import type { Relation } from "../../src/tables/index.ts";
import { plain, Room, wide } from "../tables/room.ts";

const data = resolve(
  import.meta.dirname,
  "../../../shared/data/arrow_testing/data/arrow-ipc-stream/integration",
);
const absent = !existsSync(data);
if (absent) console.warn(`skipped: the Arrow test files are not at ${data}`);

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

const files = absent
  ? []
  : readdirSync(data, { recursive: true, encoding: "utf8" })
      .filter((name) => /[.](arrow_file|stream)$/.test(name))
      .sort();

/** All rows of a relation, every cell as text or null. */
async function rowsOf(relation: Relation): Promise<(string | null)[][]> {
  const select = [...relation.columns.keys()].map((name) => `("${name.replaceAll('"', '""')}")::VARCHAR`);
  const rows = await room.database.rows(`SELECT ${select.join(", ")} FROM ${relation.from}`, {});
  return rows.map((row) => row.map((cell) => (cell === null ? null : String(cell))));
}

/** Opens bytes; an AlignError is an answer, anything else or half a minute is a failure. */
async function attempt(bytes: Uint8Array): Promise<AlignError | number> {
  const path = room.write("attempt.arrow", bytes);
  const start = performance.now();
  try {
    return (await rowsOf(await room.table("arrow", [path]))).length;
  } catch (error) {
    if (error instanceof AlignError && error.code.startsWith("SOURCE_")) return error;
    throw error;
  } finally {
    expect(performance.now() - start).toBeLessThan(30_000);
  }
}

const good = () =>
  tableToIPC(tableFromArrays({ ts: BigInt64Array.of(1n, 2n, 3n), x: Float64Array.of(1.5, 2.5, -3) }));

async function requireGood(): Promise<void> {
  expect(await attempt(good())).toBe(3);
}

interface TruthColumn {
  name: string;
  count: number;
  VALIDITY: number[];
  DATA?: unknown[];
}

/** Columns of the JSON twin of a file, batch after batch, empty cells null. */
function truth(name: string): Map<string, unknown[]> {
  const stem = join(data, name.replace(/[.](arrow_file|stream)$/, ".json.gz"));
  const json = JSON.parse(gunzipSync(readFileSync(stem)).toString()) as {
    batches: { columns: TruthColumn[] }[];
  };
  const columns = new Map<string, unknown[]>();
  for (const batch of json.batches) {
    for (const column of batch.columns) {
      const cells = columns.get(column.name) ?? [];
      columns.set(column.name, cells);
      for (let row = 0; row < column.count; row++)
        cells.push(column.VALIDITY[row] === 1 ? column.DATA?.[row] : null);
    }
  }
  return columns;
}

describe.skipIf(absent)("the Arrow project's own files", () => {
  it.each(files)("%s: an answer or a reason, and the next file still reads", async (name) => {
    const outcome = await attempt(readFileSync(join(data, name)));
    if (name.includes("bigendian") && outcome instanceof AlignError)
      expect(outcome.message).toContain("big-endian");
    if (/bigendian/.test(name)) expect(outcome).toBeInstanceOf(AlignError);
    if (/generated_(lz4|zstd)[.]/.test(name)) {
      expect(outcome).toBeInstanceOf(AlignError);
      expect((outcome as AlignError).hint).toContain("uncompressed");
    }
    if (outcome instanceof AlignError) expect(outcome.hint ?? "").not.toBe("");
    await requireGood();
  });

  const primitives = files.filter((name) =>
    /(0.14.1|littleendian|cpp-21.0.0).*generated_primitive[.]/.test(name),
  );
  it.each(primitives)("%s: booleans, integers, floats and texts are the JSON twin's", async (name) => {
    const relation = await room.table("arrow", [room.write(basename(name), readFileSync(join(data, name)))]);
    const rows = await rowsOf(relation);
    const expected = truth(name);
    let compared = 0;
    for (const [at, column] of [...relation.columns.keys()].entries()) {
      const type = relation.columns.get(column) ?? "";
      if (!/INT|DOUBLE|FLOAT|BOOLEAN|VARCHAR/.test(type)) continue;
      const cells = expected.get(column) ?? [];
      expect(rows.length).toBe(cells.length);
      for (const [row, cell] of cells.entries()) {
        const found = rows[row]?.[at] ?? null;
        if (cell === null || found === null) expect(found).toBe(cell);
        else if (/DOUBLE/.test(type)) expect(Number(found)).toBeCloseTo(Number(cell), 2);
        else if (/FLOAT/.test(type))
          expect(Math.fround(Number(found))).toBeCloseTo(Math.fround(Number(cell)), 2);
        else if (/BOOLEAN/.test(type)) expect(found).toBe(cell === 1 || cell === true ? "true" : "false");
        else expect(found).toBe(String(cell));
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(100);
  });

  it.each(files.filter((name) => /(0.14.1|littleendian|cpp-21.0.0).*generated_datetime[.]/.test(name)))(
    "%s: timestamps are the JSON twin's to the last digit",
    async (name) => {
      const path = room.write(basename(name), readFileSync(join(data, name)));
      const expected = truth(name);
      const units = { s: 1_000_000_000n, ms: 1_000_000n, us: 1_000n, ns: 1n } as const;
      let compared = 0;
      const columns = [...(await room.table("arrow", [path])).columns];
      for (const [column, type] of columns) {
        if (!type.startsWith("TIMESTAMP")) continue;
        const cells = expected.get(column) ?? [];
        const unit = unitOf(join(data, name.replace(/[.](arrow_file|stream)$/, ".json.gz")), column);
        const renamed = await room.table("arrow", [path], [column]);
        const relation = {
          ...renamed,
          from: `(SELECT "${column}" AS ts FROM ${renamed.from})`,
          columns: new Map([["ts", renamed.columns.get(column) ?? ""]]),
          ...(renamed.instantColumns?.has(column) === true ? { instantColumns: new Set(["ts"]) } : {}),
        };
        const wanted = cells.map((cell) => (cell === null ? null : BigInt(String(cell)) * units[unit]));
        const isFar = wanted.some((one) => one !== null && (one < 2n - 2n ** 63n || one > 2n ** 63n - 2n));
        if (isFar && relation.instantColumns === undefined) {
          const rows = `(SELECT * FROM ${relation.from} WHERE year(ts) BETWEEN 1700 AND 2200)`;
          const { times } = await room.times({ ...relation, from: rows });
          const [low, high] = [-8_520_336_000_000_000_000n, 7_289_654_400_000_000_000n];
          expect(times).toEqual(wanted.filter((one) => one !== null && one >= low && one < high));
          compared += times.length;
          continue;
        }
        expect((await room.times(relation)).times).toEqual(wanted);
        compared += cells.length;
      }
      expect(compared).toBeGreaterThan(4);
    },
  );

  it("dictionaries, also shared and nested, are texts", async () => {
    for (const name of files.filter((one) => /(0.14.1|littleendian).*generated_dictionary[.]/.test(one))) {
      const relation = await room.table("arrow", [
        room.write(basename(name), readFileSync(join(data, name))),
      ]);
      const texts = [...relation.columns].filter(([, type]) => type === "VARCHAR");
      expect(texts.length).toBeGreaterThan(0);
      const json = JSON.parse(
        gunzipSync(readFileSync(join(data, name.replace(/[.](arrow_file|stream)$/, ".json.gz")))).toString(),
      );
      const rows = await rowsOf(relation);
      for (const [at, column] of [...relation.columns.keys()].entries()) {
        const field = json.schema.fields.find((one: { name: string }) => one.name === column);
        const dictionary = json.dictionaries.find((one: { id: number }) => one.id === field.dictionary.id);
        const words = dictionary.data.columns[0];
        const expected = (truth(name).get(column) ?? []).map((index) =>
          index === null || words.VALIDITY[Number(index)] !== 1 ? null : String(words.DATA[Number(index)]),
        );
        expect(rows.map((row) => row[at])).toEqual(expected);
      }
    }
  });
});

function unitOf(path: string, column: string): "s" | "ms" | "us" | "ns" {
  const json = JSON.parse(gunzipSync(readFileSync(path)).toString());
  const unit: string = json.schema.fields.find((one: { name: string }) => one.name === column).type.unit;
  return ({ SECOND: "s", MILLISECOND: "ms", MICROSECOND: "us", NANOSECOND: "ns" } as const)[unit] ?? "ns";
}

describe("what apache-arrow writes", () => {
  const table = () =>
    tableFromArrays({
      ts: BigInt64Array.from({ length: 5000 }, (_, row) => BigInt(row) * 1_000_000_007n),
      x: Float64Array.from({ length: 5000 }, (_, row) => row / 7),
      s: Array.from({ length: 5000 }, (_, row) => (row % 9 === 0 ? null : `state ${row % 4}`)),
    });

  it.each(["file", "stream"] as const)("reads back as a %s", async (format) => {
    const path = room.write(`own.${format}`, tableToIPC(table(), format));
    const { samples } = await wide(room, await room.table("arrow", [path]), ["x", "s"], {
      time: { unit: "ns" },
    });
    expect(samples[0]?.times).toEqual(
      BigInt64Array.from({ length: 5000 }, (_, row) => BigInt(row) * 1_000_000_007n),
    );
    expect(plain(samples[0])).toEqual(Array.from({ length: 5000 }, (_, row) => row / 7));
    expect(plain(samples[1])).toEqual(
      Array.from({ length: 5000 }, (_, row) => row)
        .filter((row) => row % 9 !== 0)
        .map((row) => `state ${row % 4}`),
    );
  });

  it("a stream without its end mark is whole, several parts are one table", async () => {
    const bytes = RecordBatchStreamWriter.writeAll(table()).toUint8Array(true).subarray(0, -8);
    expect(await attempt(bytes)).toBe(5000);
    const parts = ["p1.arrow", "p2.arrow"].map((name) => room.write(name, tableToIPC(table())));
    expect((await rowsOf(await room.table("arrow", parts))).length).toBe(10_000);
  });

  it("nothing, noise and other files are refused", async () => {
    for (const bytes of ["", "ts,x\n1,2\n", "ARROW1", "PAR1PAR1", "\xff\xff\xff\xff"]) {
      expect(await attempt(Buffer.from(bytes, "latin1"))).toBeInstanceOf(AlignError);
    }
    await requireGood();
  });
});

describe("damaged files give an AlignError or an answer, quickly, and harm no later read", () => {
  const small = (format: "file" | "stream") =>
    tableToIPC(
      tableFromArrays({ ts: BigInt64Array.of(1n, 2n), x: Float64Array.of(1.5, 2.5), s: ["a", "b"] }),
      format,
    );

  it.each(["file", "stream"] as const)("a %s cut at every length", async (format) => {
    const bytes = small(format);
    const outcomes = { refused: 0, answered: 0 };
    for (let length = 0; length < bytes.length; length++) {
      outcomes[(await attempt(bytes.subarray(0, length))) instanceof AlignError ? "refused" : "answered"] +=
        1;
    }
    expect(outcomes.refused).toBeGreaterThan(bytes.length / 2);
    await requireGood();
  });

  it.each(["file", "stream"] as const)("a %s with one bit flipped, 150 times", async (format) => {
    const bytes = small(format);
    let state = 20_260_504;
    const random = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
    let refused = 0;
    for (let run = 0; run < 150; run++) {
      const copy = Uint8Array.from(bytes);
      const bit = Math.floor(random() * bytes.length * 8);
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if ((await attempt(copy)) instanceof AlignError) refused += 1;
      if (run % 30 === 0) await requireGood();
    }
    expect(refused).toBeGreaterThan(10);
    await requireGood();
  });
});
