import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { type FixedSizeList, type Table, tableFromIPC } from "apache-arrow";
import { Table as RustTable, readParquet } from "parquet-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { arrow, parquet } from "../../../src/datasets/table/index.ts";
import type { EpisodeSet, FeatureValues } from "../../../src/episodes/index.ts";
import { batchNumber, digests, frameTimeNs, plantSet, writeInto } from "../plant-set.ts";

/** Undefined where its binary for this platform is not installed. */
const polars = await import("nodejs-polars").then(
  (module) => module.default,
  () => undefined,
);
if (polars === undefined) console.warn("skipped: nodejs-polars has no binary here");

const room = mkdtempSync(join(tmpdir(), "table-test-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));
const connection = await (await DuckDBInstance.create()).connect();

const options = { video: "copy", ffmpeg: "ffmpeg" } as const;
const formats = { parquet, arrow };
const tables = ["frames", "episodes", "segments", "events", "tasks"];

async function write(name: string, kind: "parquet" | "arrow", set: EpisodeSet) {
  const dir = join(room, name);
  mkdirSync(dir);
  const target = writeInto(dir);
  await formats[kind].write(set, target.files, options);
  return { dir, ...target };
}

const throughRust = {
  parquet: (path: string) => tableFromIPC(readParquet(readFileSync(path)).intoIPCStream()),
  arrow: (path: string) =>
    tableFromIPC(RustTable.fromIPCStream(readFileSync(path).subarray(8)).intoIPCStream()),
};

/** Numbers of a column, flat, as they lie in memory. */
function cellsOf(table: Table, name: string): (number | bigint)[] {
  return table.getChild(name)!.data.flatMap((data) => {
    const [inner = data] = data.children;
    const size = inner === data ? 1 : (data.type as FixedSizeList).listSize;
    const values = inner.values as Float32Array | BigInt64Array;
    const start = inner === data ? 0 : data.offset * size;
    return [...values.subarray(start, start + data.length * size)];
  });
}

async function expectedOf(set: EpisodeSet, name: string): Promise<(number | bigint)[]> {
  const at = set.features.findIndex((feature) => feature.name === name);
  const parts: FeatureValues[] = [];
  for (const { index } of set.episodes) parts.push((await set.read(index)).values[at]!);
  return parts.flatMap((part) => [...(part as Iterable<number | bigint>)]);
}

async function rowsOf(query: string): Promise<Record<string, unknown>[]> {
  return (await connection.runAndReadAll(query)).getRowObjectsJson();
}

describe.each(["parquet", "arrow"] as const)("%s", (kind) => {
  it("holds every value of every feature, as given", async () => {
    const set = plantSet();
    const { dir } = await write(`values-${kind}`, kind, set);
    const table = throughRust[kind](join(dir, `frames.${kind}`));
    expect(table.numRows).toBe(11);
    for (const { name, type, vocabulary, shape } of set.features) {
      const expected = await expectedOf(set, name);
      const column = table.getChild(name)!;
      if (type === "text") {
        expect([...column], name).toEqual(expected.map((code) => vocabulary![Number(code)] ?? null));
      } else if (type === "bool") {
        const cells = Array.from({ length: 11 }, (_, row) => column.get(row) as unknown);
        const flat = cells.flatMap((cell) =>
          shape.length === 0 ? [cell] : [...(cell as Iterable<unknown>)],
        );
        expect(flat, name).toEqual(expected.map((value) => value === 1));
      } else {
        expect(cellsOf(table, name), name).toEqual(expected);
      }
    }
  });

  it("counts frames over the set, with times on the grid", async () => {
    const { dir } = await write(`counters-${kind}`, kind, plantSet());
    const table = throughRust[kind](join(dir, `frames.${kind}`));
    const column = (name: string) => cellsOf(table, name);
    const lengths = [6, 4, 1];
    const frames = lengths.flatMap((length) => Array.from({ length }, (_, frame) => frame));
    expect(column("episode_index")).toEqual(
      lengths.flatMap((length, episode) => new Array<bigint>(length).fill(BigInt(episode))),
    );
    expect(column("frame_index")).toEqual(frames.map(BigInt));
    expect(column("index")).toEqual(frames.map((_, at) => BigInt(at)));
    expect(column("timestamp")).toEqual(frames.map((frame) => Math.fround(frame / 30)));
    expect(column("task_index")).toEqual(frames.map((frame) => (frame < 2 ? 0n : 1n)));
  });

  it("keeps types, names and units of features in the schema", async () => {
    const { dir } = await write(`schema-${kind}`, kind, plantSet());
    const { schema } = throughRust[kind](join(dir, `frames.${kind}`));
    const types = Object.fromEntries(schema.fields.map(({ name, type }) => [name, String(type)]));
    expect(types).toMatchObject({
      episode_index: "Int64",
      timestamp: "Float32",
      "observation.environment_state": "FixedSizeList[4]<Float32>",
      "plant.value_valid": "FixedSizeList[6]<Bool>",
      "plant.value_age_ns": "FixedSizeList[6]<Int64>",
      "plant.job_order_id": "Dictionary<Int32, Utf8>",
      "plant.density": "Float64",
      "plant.batch_number_valid": "Bool",
      "align.frame_time_ns": "Timestamp<NANOSECOND>",
      "align.frame_pts_ns": "Int64",
    });
    const field = (name: string) => schema.fields.find((one) => one.name === name)!;
    expect(field("align.frame_time_ns").metadata.get("timezone")).toBe("UTC");
    expect(JSON.parse(field("observation.environment_state").metadata.get("names")!)).toEqual([
      "pressure",
      "levels[0]",
      "levels[1]",
      "shared",
    ]);
    expect(JSON.parse(field("observation.environment_state").metadata.get("units")!)).toEqual([
      "bar",
      "%",
      "%",
      null,
    ]);
    expect(JSON.parse(schema.metadata.get("tagalign")!)).toMatchObject({ name: "gas-round", fps: 30 });
  });

  it("tells episodes, segments, events and tasks, one row each", async () => {
    const { dir } = await write(`records-${kind}`, kind, plantSet());
    const rows = (name: string) => {
      const table = throughRust[kind](join(dir, `${name}.${kind}`));
      return Array.from({ length: table.numRows }, (_, row) =>
        Object.fromEntries(
          table.schema.fields.map(({ name: key, type }) => {
            const column = table.getChild(key)!;
            if (String(type) === "Timestamp<NANOSECOND>")
              return [key, (column.data[0]!.values as BigInt64Array)[row]];
            const cell: unknown = column.get(row);
            return [key, typeof cell === "object" && cell !== null ? [...(cell as Iterable<unknown>)] : cell];
          }),
        ),
      );
    };
    expect(rows("episodes")[0]).toEqual({
      episode_index: 0n,
      episode_id: "refinery-3/gas-round#0",
      capture: "refinery-3/gas-round",
      length: 6n,
      dataset_from_index: 0n,
      dataset_to_index: 6n,
      start_time_ns: frameTimeNs(0, 0),
      end_time_ns: frameTimeNs(0, 5),
      scene: "Unit 0",
      tasks: ["Check the line", "Write it down"],
      "plant.job_order_id": "PO-7",
      "plant.batch_number": batchNumber,
      "plant.density": 0.1,
      procedure: "gas-round",
      conformance: "deviated",
      deviations: '[{"kind":"skipped","step":"purge","frame":3,"message":"no purge"}]',
      missing_steps: ["purge"],
    });
    expect(rows("episodes")[1]).toMatchObject({
      "plant.batch_number": null,
      "plant.density": null,
      procedure: null,
      conformance: null,
      deviations: null,
      missing_steps: null,
    });
    expect(
      rows("segments").map(({ episode_index, segment_index, start_frame, end_frame, id }) => [
        episode_index,
        segment_index,
        start_frame,
        end_frame,
        id,
      ]),
    ).toEqual([
      [0n, 0n, 0n, 3n, "open"],
      [0n, 1n, 3n, 5n, "read"],
      [1n, 0n, 0n, 2n, "open"],
      [1n, 1n, 2n, 3n, "read"],
    ]);
    expect(rows("segments")[1]).toMatchObject({
      kind: "step",
      start_time_ns: frameTimeNs(0, 3),
      end_time_ns: frameTimeNs(0, 5),
      text: "Read the detector",
    });
    expect(rows("tasks")).toEqual([
      { task_index: 0n, task: "Check the line" },
      { task_index: 1n, task: "Write it down" },
    ]);
    const events = rows("events").filter(({ episode_index }) => episode_index === 0n);
    expect(events.map(({ frame_index, kind: what, id }) => [frame_index, what, id])).toEqual([
      [0n, "order", "PO-7"],
      [0n, "step", "open"],
      [0n, "task", null],
      [0n, "alarm", "H2S high"],
      [1n, "alarm", "pump trip"],
      [2n, "task", null],
      [3n, "order", null],
      [3n, "step", "read"],
      [3n, "alarm", "pump trip"],
      [4n, "order", "PO-7"],
      [5n, "step", null],
    ]);
    expect(events[1]).toMatchObject({
      event_time_ns: frameTimeNs(0, 0),
      source_time_ns: frameTimeNs(0, 0) - 1_000_000_000n,
      payload: '{"text":"Open the valve","index":0}',
    });
    expect(JSON.parse(events[0]!.payload as string)).toEqual({
      job_order_id: "PO-7",
      batch_number: String(batchNumber),
      density: 0.1,
    });
    expect(JSON.parse(events[4]!.payload as string)).toEqual({
      state: "raised",
      active_count: 2,
      max_severity: 900,
    });
  });

  it("is the same bytes every time", async () => {
    const one = await write(`once-${kind}`, kind, plantSet({ lengths: [40, 3, 900] }));
    const two = await write(`again-${kind}`, kind, plantSet({ lengths: [40, 3, 900] }));
    expect(digests(two.dir)).toEqual(digests(one.dir));
    expect(Object.keys(digests(one.dir))).toHaveLength(6);
  });

  it("writes dataset.json last, with what the files hold", async () => {
    const { dir, written, progress } = await write(`last-${kind}`, kind, plantSet());
    expect(written).toEqual([...tables.map((name) => `${name}.${kind}`), "dataset.json"]);
    expect(progress).toEqual([
      [6, 11],
      [10, 11],
      [11, 11],
    ]);
    expect(JSON.parse(readFileSync(join(dir, "dataset.json"), "utf8"))).toMatchObject({
      format: kind,
      name: "gas-round",
      fps: 30,
      episodes: 3,
      frames: 11,
      tasks: 2,
      left_out: [{ capture: "refinery-3/gas-round", reason: "outside", frames: 12 }],
      rows: { [`frames.${kind}`]: 11, [`segments.${kind}`]: 4, [`tasks.${kind}`]: 2 },
    });
  });

  it("finds events again where frames were complete before", async () => {
    const set = plantSet();
    const whole = await write(`whole-${kind}`, kind, set);
    const dir = join(room, `resumed-${kind}`);
    mkdirSync(dir);
    const { files } = writeInto(dir);
    await formats[kind].write(
      set,
      {
        ...files,
        write: (path, make) =>
          path === `frames.${kind}` ? Promise.resolve(11 as never) : files.write(path, make),
      },
      options,
    );
    const { [`frames.${kind}`]: _, ...others } = digests(whole.dir);
    expect(digests(dir)).toEqual(others);
  });

  it("copies each video once, and says which of its frames a row shows", async () => {
    const path = join(room, `head-${kind}.MP4`);
    writeFileSync(path, "pictures");
    const set = plantSet({ cameras: [{ name: "head", path, first: [10, 100, 1000] }] });
    const { dir, written } = await write(`video-${kind}`, kind, set);
    const place = "videos/refinery-3_gas-round/head.MP4";
    expect(written[0]).toBe(place);
    expect(written.filter((one) => one.startsWith("videos"))).toHaveLength(1);
    expect(readFileSync(join(dir, place), "utf8")).toBe("pictures");
    const table = throughRust[kind](join(dir, `frames.${kind}`));
    expect(cellsOf(table, "observation.images.head.frame")).toEqual(
      [10, 11, 12, 13, 14, 15, 100, 101, 102, 103, 1000].map(BigInt),
    );
    const episodes = throughRust[kind](join(dir, `episodes.${kind}`));
    expect([...episodes.getChild("observation.images.head.path")!]).toEqual([place, place, place]);
  });

  it("takes features that share memory", async () => {
    const names = ["align.frame_time_ns", "align.frame_pts_ns", "align.frame_uncertainty_ns"];
    const set = plantSet({
      lengths: [500],
      features: plantSet().features.filter(({ name }) => names.includes(name)),
    });
    const shared = BigInt64Array.from({ length: 501 }, (_, at) => frameTimeNs(0, at));
    const read: EpisodeSet["read"] = async (index) => ({
      ...(await set.read(index)),
      timeNs: shared.subarray(0, 500),
      // The same array twice, then one that begins within it.
      values: [shared.subarray(0, 500), shared.subarray(0, 500), shared.subarray(1, 501)],
    });
    const { dir } = await write(`shared-${kind}`, kind, { ...set, read });
    const table = throughRust[kind](join(dir, `frames.${kind}`));
    for (const [name, from] of [...names.entries()].map(([at, name]) => [name, at >> 1] as const))
      expect(cellsOf(table, name), name).toEqual([...shared.subarray(from, from + 500)]);
  });

  it("tells what stopped it in its own words", async () => {
    const set = plantSet();
    const read = async () => {
      throw new TypeError("the table is gone");
    };
    await expect(write(`stopped-${kind}`, kind, { ...set, read })).rejects.toThrow(/^the table is gone$/);
  });

  it("holds a set without segments, context or tasks that change", async () => {
    const set = plantSet({ lengths: [1], features: plantSet().features.slice(0, 3) });
    const bare = { ...set, episodes: set.episodes.map((one) => ({ ...one, context: {}, segments: [] })) };
    const { dir } = await write(`bare-${kind}`, kind, bare);
    expect(throughRust[kind](join(dir, `segments.${kind}`)).numRows).toBe(0);
    expect(throughRust[kind](join(dir, `events.${kind}`)).numRows).toBe(1);
  });
});

describe("readers of others", () => {
  it("DuckDB reads the Parquet files, instants to the nanosecond", async () => {
    const { dir } = await write("duckdb", "parquet", plantSet());
    const frames = `'${join(dir, "frames.parquet")}'`;
    const types = await rowsOf(`select column_name, column_type from (describe select * from ${frames})`);
    expect(Object.fromEntries(types.map((row) => [row.column_name, row.column_type]))).toMatchObject({
      "align.frame_time_ns": "TIMESTAMP_NS",
      "observation.environment_state": "FLOAT[]",
      "plant.value_valid": "BOOLEAN[]",
      "plant.value_age_ns": "BIGINT[]",
      "plant.job_order_id": "VARCHAR",
    });
    const [sums] = await rowsOf(
      `select count(*) n, sum(epoch_ns("align.frame_time_ns")::hugeint) t, sum("observation.state"[1]) s,
        count("plant.job_order_id") o, sum("plant.value_age_ns"[6]::hugeint) a from ${frames}`,
    );
    const times = [6, 4, 1].flatMap((length, episode) =>
      Array.from({ length }, (_, frame) => frameTimeNs(episode, frame)),
    );
    expect(sums).toEqual({
      n: "11",
      t: String(times.reduce((a, b) => a + b)),
      s: 15 / 8 + 4 + 6 / 8 + 2,
      o: "9",
      a: String(batchNumber * 11n),
    });
    const [nan] = await rowsOf(
      `select count(*) n from ${frames} where isnan("observation.environment_state"[1])`,
    );
    expect(nan).toEqual({ n: "2" });
    const keys = await rowsOf(`select decode(key) k, decode(value) v from parquet_kv_metadata(${frames})`);
    expect(keys.map(({ k }) => k)).toContain("tagalign");
    expect(JSON.parse(keys.find(({ k }) => k === "tagalign")!.v as string)).toMatchObject({ fps: 30 });
    for (const [name, count] of Object.entries({ episodes: 3, segments: 4, tasks: 2 }))
      expect(await rowsOf(`select count(*) n from '${join(dir, `${name}.parquet`)}'`)).toEqual([
        { n: String(count) },
      ]);
    const tasks = await rowsOf(`select tasks from '${join(dir, "episodes.parquet")}'`);
    expect(tasks[0]).toEqual({ tasks: ["Check the line", "Write it down"] });
  });

  it.skipIf(polars === undefined)("Polars reads all files of both", async () => {
    if (polars === undefined) return;
    for (const kind of ["parquet", "arrow"] as const) {
      const { dir } = await write(`polars-${kind}`, kind, plantSet());
      const read = (name: string) => {
        const path = join(dir, `${name}.${kind}`);
        return kind === "parquet" ? polars.readParquet(path) : polars.readIPC(readFileSync(path));
      };
      const frames = read("frames");
      expect(frames.height).toBe(11);
      expect(String(frames.getColumn("align.frame_time_ns").dtype)).toContain("Datetime");
      const exact = frames.getColumn("align.frame_time_ns").cast(polars.Int64).cast(polars.Utf8).toArray();
      expect(exact[10]).toBe(String(frameTimeNs(2, 0)));
      expect(frames.getColumn("plant.job_order_id").nullCount()).toBe(2);
      expect(frames.getColumn("observation.environment_state").toArray()[1]).toHaveLength(4);
      expect(["episodes", "segments", "tasks"].map((name) => read(name).height)).toEqual([3, 4, 2]);
    }
  });

  const python = [process.env.PYTHON ?? "python3"].find(
    (one) => spawnSync(one, ["-c", "import pyarrow"]).status === 0,
  );
  it.skipIf(python === undefined)(
    "pyarrow reads both alike (skipped where it is not installed)",
    async () => {
      const dirs = await Promise.all(
        (["parquet", "arrow"] as const).map(
          async (kind) => (await write(`pyarrow-${kind}`, kind, plantSet())).dir,
        ),
      );
      const script = `
import sys, json, pyarrow as pa, pyarrow.parquet as pq, pyarrow.feather as ft
def rows_of(table):
    return repr([(c.cast("int64") if pa.types.is_timestamp(c.type) else c).to_pylist() for c in table.columns])
out = {}
for name in ${JSON.stringify(tables)}:
    a = pq.read_table(sys.argv[1] + "/" + name + ".parquet"); b = ft.read_table(sys.argv[2] + "/" + name + ".arrow")
    a.validate(full=True); b.validate(full=True)
    same = a.schema.equals(b.schema, check_metadata=False)
    meta = all(x.metadata == y.metadata for x, y in zip(a.schema, b.schema)) and a.schema.metadata == b.schema.metadata
    rows = rows_of(a) == rows_of(b)
    out[name] = [same, meta, rows, a.num_rows]
f = pq.read_table(sys.argv[1] + "/frames.parquet")
out["type"] = str(f.schema.field("observation.environment_state").type)
out["time"] = str(f["align.frame_time_ns"].cast("int64").to_pylist()[0])
print(json.dumps(out))`;
      const found = JSON.parse(
        execFileSync(python!, ["-c", script, ...dirs], { encoding: "utf8" }),
      ) as Record<string, unknown>;
      expect(found).toEqual({
        frames: [true, true, true, 11],
        episodes: [true, true, true, 3],
        segments: [true, true, true, 4],
        events: [true, true, true, expect.any(Number)],
        tasks: [true, true, true, 2],
        type: expect.stringMatching(/^fixed_size_list<element: float not null>\[4\]/),
        time: String(frameTimeNs(0, 0)),
      });
    },
  );
});
