import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AlignedFile, openAlignedFile } from "../../src/aligned/index.ts";
import type { TableColumn } from "../../src/episodes/index.ts";
import { alignCapture, parseManifest } from "../../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "aligned-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** More than two row groups, so that reads cross their edges. */
const rows = 40_000;
const start = 1_770_000_000_000_000_123n;
const frameNs = 33_333_333n;
const words = ["idle", "fill", "drain"];

/** Row by row, what the table must hold. */
function truth(row: number) {
  return {
    frame_time: start + BigInt(row) * frameNs,
    level: row % 7 === 3 ? null : row / 8,
    count: BigInt(row) * 3n - 5n,
    open: row % 3 === 0,
    phase: row % 11 === 0 ? null : (words[Math.floor(row / 100) % 3] as string),
    alarms: activeAlarms(row),
  };
}

/** Alarm k is active in the rows from 50k to before 50k + 120. */
function activeAlarms(row: number): string[] | null {
  const names: string[] = [];
  for (let k = Math.max(0, Math.ceil((row - 119) / 50)); k * 50 <= row; k += 1) names.push(`alarm ${k % 5}`);
  return names.length === 0 ? null : names;
}

const tables: Record<string, AlignedFile> = {};

beforeAll(async () => {
  const lines = ["t,level,count,open,phase"];
  const frames = ["t"];
  for (let row = 0; row < rows; row += 1) {
    const { frame_time: time, level, count, open, phase } = truth(row);
    frames.push(String(time));
    lines.push(`${time},${level ?? ""},${count},${open},${phase ?? ""}`);
  }
  const alarms = ["from,to,name"];
  for (let k = 0; k * 50 < rows; k += 1) {
    alarms.push(
      `${start + BigInt(k * 50) * frameNs},${start + BigInt(k * 50 + 120) * frameNs},alarm ${k % 5}`,
    );
  }
  writeFileSync(join(folder, "frames.csv"), frames.join("\n"));
  writeFileSync(join(folder, "plant.csv"), lines.join("\n"));
  writeFileSync(join(folder, "alarms.csv"), alarms.join("\n"));
  const manifest = parseManifest(
    `
version: 1
capture: read-again
reference_clock: plant
clocks: { plant: {} }
sources:
  head: { kind: frames, path: frames.csv, clock: plant, columns: { time: t }, time: { unit: ns } }
  plant: { kind: csv, path: plant.csv, clock: plant, columns: { time: t }, time: { unit: ns } }
  alarms: { kind: csv, path: alarms.csv, clock: plant, shape: intervals, columns: { start: from, end: to }, time: { unit: ns } }
frames: head
tags:
  level: { source: plant, tag: level, quality: raw, tolerance: 0s, unit: m }
  count: { source: plant, tag: count }
  open: { source: plant, tag: open }
  phase: { source: plant, tag: phase, tolerance: 0s }
  alarms: { source: alarms, tag: name, join: covering, overlap: all }
outputs:
  - { kind: parquet, path: aligned.parquet }
  - { kind: arrow, path: aligned.arrow }
`,
    { base: folder },
  );
  await alignCapture(manifest, { out: join(folder, "out") });
  for (const kind of ["parquet", "arrow"])
    tables[kind] = await openAlignedFile(join(folder, "out", `aligned.${kind}`));
});

/** One cell as plain data; undefined where the row has none. */
function cell(column: TableColumn, row: number): unknown {
  if (column.type === "text") {
    const code = column.codes[row] as number;
    return code === -1 ? null : column.values[code];
  }
  if (column.valid !== undefined && column.valid[row] === 0) return null;
  if (column.type === "list") {
    const items: unknown[] = [];
    for (let at = column.offsets[row] as number; at < (column.offsets[row + 1] as number); at += 1)
      items.push(cell(column.items, at));
    return items;
  }
  const value = column.values[row];
  return column.type === "bool" ? value === 1 : value;
}

describe.each(["parquet", "arrow"])("an aligned table in %s", (kind) => {
  it("tells its columns, what they are, and whose they are", () => {
    const table = tables[kind] as AlignedFile;
    expect(table.rows).toBe(rows);
    expect(table.columns.get("frame_time")).toEqual({ type: "int64" });
    expect(table.columns.get("level")).toEqual({ type: "float64" });
    expect(table.columns.get("level.status")).toEqual({ type: "uint32" });
    expect(table.columns.get("open")).toEqual({ type: "bool" });
    expect(table.columns.get("phase")).toEqual({ type: "text" });
    expect(table.columns.get("alarms")).toEqual({ type: "list", items: "text" });
    expect(table.metadata.get("capture")).toBe("read-again");
    expect(table.fieldMetadata.get("level")?.get("unit")).toBe("m");
  });

  it("gives any rows, whatever was read before", async () => {
    const table = tables[kind] as AlignedFile;
    const names = ["frame_time", "level", "count", "open", "phase", "alarms"] as const;
    const ranges = fc.tuple(fc.nat(rows - 1), fc.integer({ min: 1, max: 300 }));
    const edges: [number, number][] = [
      [16_380, 16],
      [32_760, 20],
      [rows - 5, 5],
      [0, 1],
    ];
    const check = async ([first, count]: [number, number]) => {
      const end = Math.min(rows, first + count);
      const columns = await table.read(names, first, end);
      for (let row = first; row < end; row += 1) {
        const expected = truth(row);
        for (const name of names) {
          const value = cell(columns.get(name) as TableColumn, row - first);
          expect(value, `${name} at ${row}`).toEqual(expected[name]);
        }
      }
    };
    for (const edge of edges) await check(edge);
    await fc.assert(fc.asyncProperty(ranges, check), { numRuns: 40 });
  });
});

describe("a file that is no aligned table", () => {
  it("is refused with what it is", async () => {
    await expect(openAlignedFile(join(folder, "plant.csv"))).rejects.toMatchObject({
      code: "SOURCE_UNREADABLE",
    });
    await expect(openAlignedFile(join(folder, "none.parquet"))).rejects.toMatchObject({
      code: "SOURCE_UNREADABLE",
      message: expect.stringContaining("ENOENT"),
    });
    writeFileSync(join(folder, "short.parquet"), "PAR1 and then nothing of use");
    await expect(openAlignedFile(join(folder, "short.parquet"))).rejects.toMatchObject({
      code: "SOURCE_UNREADABLE",
    });
    writeFileSync(join(folder, "short.arrow"), "ARROW1\0\0 and then nothing of use");
    await expect(openAlignedFile(join(folder, "short.arrow"))).rejects.toMatchObject({
      code: "SOURCE_UNREADABLE",
    });
  });
});
