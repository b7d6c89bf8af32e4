import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DatasetFormatName, datasetFormat } from "../../src/datasets/index.ts";
import { type DoctorReport, examine, type Level, mend } from "../../src/doctor/index.ts";
import { plantSet, writeInto } from "../datasets/plant-set.ts";
import { editJson, editParquet } from "./lerobot-set.ts";

let root: string;
let count = 0;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "tagalign-formats-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const made = new Map<string, string>();

/** A copy of a set that the format's own writer made. */
async function setOf(name: DatasetFormatName, layout?: string, version?: string): Promise<string> {
  const key = [name, layout, version].join("-");
  const dir = join(root, `set-${count++}`);
  if (!made.has(key)) {
    const first = join(root, key);
    mkdirSync(first);
    const format = await datasetFormat(name);
    const options = { video: format.videoModes[0], ffmpeg: "ffmpeg" };
    const chosen = layout ?? format.layouts?.[0];
    await format.write(plantSet({ lengths: [6, 4, 3] }), writeInto(first).files, {
      ...options,
      ...(chosen === undefined ? {} : { layout: chosen }),
      ...(version === undefined ? {} : { version }),
    });
    made.set(key, first);
  }
  cpSync(made.get(key)!, dir, { recursive: true });
  return dir;
}

const troubles = (report: DoctorReport) =>
  report.checks
    .filter(({ level }) => level !== "PASS")
    .map(({ check, level, message }) => `${level} ${check}: ${message}`);

function found(report: DoctorReport, check: string, level: Level = "FAIL"): string {
  const some = report.checks.filter((one) => one.check === check && one.level === level);
  return some.map(({ message }) => message).join("\n") || troubles(report).join("\n");
}

function fileOf(dir: string, pattern: RegExp): string {
  const files = readdirSync(dir, { recursive: true, encoding: "utf8" }).sort();
  return join(dir, files.find((path) => pattern.test(path))!);
}

/** Changes the bytes of a file. */
function spoil(path: string, change: (bytes: Buffer) => Buffer | undefined): void {
  const bytes = readFileSync(path);
  writeFileSync(path, change(bytes) ?? bytes);
}

/** Changes one bit of the last record of a kind in an MCAP file, at a byte of its content. */
function spoilRecord(path: string, opcode: number, at: number): void {
  spoil(path, (bytes) => {
    let last = -1;
    for (let place = 8; place < bytes.length - 8; place += 9 + Number(bytes.readBigUInt64LE(place + 1)))
      if (bytes[place] === opcode) last = place;
    expect(last, `a record of kind ${opcode}`).toBeGreaterThan(0);
    bytes[last + 9 + at]! ^= 1;
    return undefined;
  });
}

describe("sets of this program's own writers", () => {
  it.each([
    ["lerobot", "3.0", "lerobot", "v3.0"],
    ["lerobot", "2.1", "lerobot", "v2.1"],
    ["rlds", undefined, "rlds", "1.0.0"],
    ["mcap", undefined, "mcap", null],
    ["hdf5", "robomimic", "hdf5", "robomimic"],
    ["hdf5", "aloha", "hdf5", "aloha"],
    ["parquet", undefined, "table", "1"],
    ["arrow", undefined, "table", "1"],
  ] as const)("%s %s", async (name, way, format, version) => {
    const report = await examine(await setOf(name, ...(name === "hdf5" ? [way] : [undefined, way])));
    expect(troubles(report)).toEqual([]);
    expect(report).toMatchObject({ format, format_version: version, level: "PASS", episodes: 3, frames: 13 });
    expect(report.counts.pass).toBeGreaterThan(4);
  });
});

describe("RLDS", () => {
  const shard = /\.tfrecord-/;
  const cases: [string, (dir: string) => void, string, RegExp][] = [
    [
      "one bit of a record",
      (dir) => spoil(fileOf(dir, shard), (all) => void (all[500]! ^= 1)),
      "rlds.crc",
      /record has another CRC/,
    ],
    [
      "one bit of a length",
      (dir) => spoil(fileOf(dir, shard), (all) => void (all[2]! ^= 1)),
      "rlds.crc",
      /byte 0: the length has another CRC/,
    ],
    [
      "a shard cut short",
      (dir) => spoil(fileOf(dir, shard), (all) => all.subarray(0, -9)),
      "rlds.crc",
      /goes past the end/,
    ],
    ["a missing shard", (dir) => rmSync(fileOf(dir, shard)), "files.shards", /1 shard missing/],
    [
      "another number of examples",
      (dir) => editJson(fileOf(dir, /dataset_info/), (info) => void (info.splits[0].shardLengths = ["4"])),
      "rlds.counts",
      /3 examples, not 4/,
    ],
    [
      "a feature that examples lack",
      (dir) =>
        editJson(fileOf(dir, /features\.json/), (json) => {
          json.featuresDict.features.steps.sequence.feature.featuresDict.features.more = {
            pythonClassName: "tensorflow_datasets.core.features.scalar.Scalar",
            tensor: { shape: {}, dtype: "float32", encoding: "none" },
          };
        }),
      "rlds.keys",
      /steps\/more is missing/,
    ],
    [
      "another shape than the values have",
      (dir) =>
        editJson(fileOf(dir, /features\.json/), (json) => {
          const { features } = json.featuresDict.features.steps.sequence.feature.featuresDict;
          features.action.tensor.shape.dimensions = ["5"];
        }),
      "rlds.lengths",
      /steps\/action has 12 values, not 30/,
    ],
    [
      "no is_last",
      (dir) =>
        editJson(fileOf(dir, /features\.json/), (json) => {
          delete json.featuresDict.features.steps.sequence.feature.featuresDict.features.is_last;
        }),
      "rlds.features",
      /steps\/is_last missing/,
    ],
    ["no dataset_info.json", (dir) => rmSync(fileOf(dir, /dataset_info/)), "rlds.info", /--resume/],
  ];
  it.each(cases)("with %s is found", async (_, change, check, says) => {
    const dir = await setOf("rlds");
    change(dir);
    expect(found(await examine(dir), check)).toMatch(says);
  });
});

describe("MCAP", () => {
  const first = /episode_000000\.mcap$/;
  const cases: [string, (dir: string) => void, string, RegExp][] = [
    [
      "a bit within a chunk",
      (dir) => spoil(fileOf(dir, first), (all) => void (all[all.length >> 2]! ^= 4)),
      "mcap.crc",
      /another CRC/,
    ],
    [
      "the end cut off",
      (dir) => spoil(fileOf(dir, first), (all) => all.subarray(0, -30)),
      "mcap.structure",
      /cut short|past the end/,
    ],
    [
      "another start",
      (dir) => spoil(fileOf(dir, first), (all) => void (all[0] = 0)),
      "mcap.structure",
      /no magic at the start/,
    ],
    [
      "a recording missing",
      (dir) => rmSync(fileOf(dir, first)),
      "files.recordings",
      /1 recording of dataset\.json missing/,
    ],
    [
      "other counts",
      (dir) =>
        editJson(join(dir, "dataset.json"), (json) => void (json.episodes[0].messages["/plant/values"] = 99)),
      "mcap.counts",
      /6 messages on \/plant\/values, not 99/,
    ],
    [
      "another count in the statistics",
      (dir) => spoilRecord(fileOf(dir, first), 11, 0),
      "mcap.summary",
      /Statistics say \d+ messages, not/,
    ],
    ["another time of a chunk", (dir) => spoilRecord(fileOf(dir, first), 6, 0), "mcap.chunks", /says \d+ to/],
    [
      "another time in a message index",
      (dir) => spoilRecord(fileOf(dir, first), 7, 6),
      "mcap.indexes",
      /MessageIndex of Channel/,
    ],
    [
      "a chunk index that leads elsewhere",
      (dir) => spoilRecord(fileOf(dir, first), 8, 16),
      "mcap.indexes",
      /where no chunk is/,
    ],
    [
      "a channel that the data lack",
      (dir) => spoilRecord(fileOf(dir, first), 4, 0),
      "mcap.summary",
      /Channel \d+ (is in the summary|differs)/,
    ],
    [
      "a metadata index that leads elsewhere",
      (dir) => spoilRecord(fileOf(dir, first), 13, 0),
      "mcap.indexes",
      /no metadata/,
    ],
    [
      "another place of the summary",
      (dir) => spoilRecord(fileOf(dir, first), 2, 0),
      "mcap.summary",
      /does not start at/,
    ],
  ];
  it.each(cases)("with %s is found", async (_, change, check, says) => {
    const dir = await setOf("mcap");
    change(dir);
    expect(found(await examine(dir), check)).toMatch(says);
  });

  it("passes recordings of other writers", async ({ skip }) => {
    const bags = resolve(import.meta.dirname, "../../../shared/data/rosbag2/rosbag2_py/test/resources/mcap");
    if (!existsSync(bags)) skip("the recordings of rosbag2 are not here");
    const names = readdirSync(bags, { recursive: true, encoding: "utf8" }).filter((path) =>
      path.endsWith(".mcap"),
    );
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) {
      const all = troubles(await examine(join(bags, name)));
      // Its writer took a time of 0 for none.
      if (name.includes("rewriter_a"))
        expect(all.join()).toMatch(/^FAIL mcap\.summary.*1000000 as the first time, not 0$/);
      else expect(all, name).toEqual([]);
    }
  });
});

describe("HDF5", () => {
  interface Demo {
    length?: number;
    actions?: number;
    samples?: number;
    times?: bigint[];
  }
  /** Writes the least that robomimic asks for. */
  async function robomimic(name: string, demos: Record<string, Demo>, total: number): Promise<string> {
    const library = await import("h5wasm/node");
    await library.ready;
    const dir = join(root, name);
    mkdirSync(dir);
    const file = new library.File(join(dir, "demo.hdf5"), "w");
    const data = file.create_group("data");
    data.create_attribute("env_args", "{}");
    data.create_attribute("total", total);
    for (const [demo, { length = 4, actions = length, samples = length, times }] of Object.entries(demos)) {
      const group = data.create_group(demo);
      group.create_attribute("num_samples", samples);
      const values = new Float32Array(actions * 2);
      if (actions > 0) group.create_dataset({ name: "actions", data: values, shape: [actions, 2] });
      const state = { name: "state", data: new Float32Array(length), shape: [length, 1] };
      group.create_group("obs").create_dataset(state);
      if (times !== undefined)
        group.create_dataset({ name: "timestamp_ns", data: BigInt64Array.from(times) });
    }
    file.create_group("mask").create_dataset({ name: "train", data: ["demo_0"] });
    file.close();
    return dir;
  }

  it("passes where nothing is wrong", async () => {
    const report = await examine(
      await robomimic("whole", { demo_0: {}, demo_1: { times: [1n, 2n, 3n, 4n] } }, 8),
    );
    expect(troubles(report)).toEqual([]);
    expect(report).toMatchObject({ format_version: "robomimic", episodes: 2, frames: 8 });
  });

  const cases: [string, Record<string, Demo>, string, RegExp][] = [
    ["samples", { demo_0: { samples: 9 } }, "hdf5.counts", /num_samples is 9, not 4/],
    ["total", { demo_0: {}, demo_1: {} }, "hdf5.counts", /total is 4, not 8/],
    ["actions", { demo_0: { actions: 0 } }, "hdf5.structure", /actions is missing/],
    ["lengths", { demo_0: { actions: 3, samples: 3 } }, "hdf5.lengths", /obs\/state has 4 frames, not 3/],
    ["numbers", { demo_0: {}, demo_2: {} }, "hdf5.structure", /demo_2 in place of demo_1/],
    ["mask", { demo_1: {} }, "hdf5.structure", /2 parts .* first: demo_1 in place of demo_0/],
    ["times", { demo_0: { times: [1n, 2n, 2n, 4n] } }, "hdf5.timestamp", /2 after 2/],
  ];
  it.each(cases)("with wrong %s is found", async (name, demos, check, says) => {
    expect(found(await examine(await robomimic(`wrong-${name}`, demos, 4)), check)).toMatch(says);
  });

  it("with damaged bytes is found", async () => {
    const dir = await setOf("hdf5");
    spoil(fileOf(dir, /\.hdf5$/), (bytes) => void (bytes[bytes.indexOf("num_samples\0")]! ^= 1));
    expect(found(await examine(dir), "hdf5.file")).toMatch(/1 file that HDF5 cannot read/);
  });

  it("that is no HDF5 is found", async () => {
    const dir = await setOf("hdf5");
    writeFileSync(fileOf(dir, /\.hdf5$/), "no HDF5");
    expect(found(await examine(dir), "hdf5.file")).toMatch(/1 file that HDF5 cannot read/);
  });
});

describe("tables", () => {
  it.each([
    [
      "another count of rows",
      (dir: string) => editJson(join(dir, "dataset.json"), (json) => void (json.rows["frames.parquet"] = 14)),
      "table.rows",
      /13 rows, not 14/,
    ],
    [
      "a missing table",
      (dir: string) => rmSync(join(dir, "tasks.parquet")),
      "table.files",
      /tasks\.parquet is missing/,
    ],
    [
      "a table cut short",
      (dir: string) => spoil(join(dir, "frames.parquet"), (all) => all.subarray(0, 300)),
      "table.files",
      /cannot be read/,
    ],
    [
      "a length that frames do not have",
      (dir: string) =>
        editParquet(join(dir, "episodes.parquet"), {
          rows: (rows) => rows.map((row) => ({ ...row, length: 5n })),
        }),
      "episodes.length",
      /length 5, but 6 frames/,
    ],
    ["no format", (dir: string) => writeFileSync(join(dir, "dataset.json"), "{}"), "table.json", /no format/],
  ] as const)("with %s are found", async (_, change, check, says) => {
    const dir = await setOf("parquet");
    await change(dir);
    expect(found(await examine(dir), check)).toMatch(says);
  });

  it("that are cut short as Arrow are found", async () => {
    const dir = await setOf("arrow");
    spoil(join(dir, "frames.arrow"), (all) => all.subarray(0, all.length >> 1));
    expect(found(await examine(dir), "table.files")).toMatch(/frames\.arrow cannot be read/);
  });
});

describe("a place", () => {
  it("with nothing of a known format is refused", async () => {
    const empty = join(root, "empty");
    mkdirSync(empty);
    const hint = expect.stringMatching(/LeRobot, RLDS/) as string;
    await expect(examine(empty)).rejects.toMatchObject({ code: "USAGE_DATASET", hint });
    await expect(examine(join(root, "nothing"))).rejects.toMatchObject({ code: "USAGE_DATASET" });
  });

  it("of an export that was cut short fails with the way to go on", async () => {
    const staging = join(root, ".set.tagalign");
    mkdirSync(staging);
    writeFileSync(join(staging, "journal.jsonl"), '{"job":"00"}\n');
    for (const dir of [staging, join(root, "set")]) {
      const report = await examine(dir);
      expect(report).toMatchObject({ format: "unfinished", level: "FAIL" });
      expect(found(report, "files.finished")).toMatch(/--resume/);
      expect((await mend(dir)).mended).toEqual([]);
    }
  });

  it("is left where the signal says so", async () => {
    const signal = AbortSignal.abort();
    await expect(examine(await setOf("lerobot"), { signal })).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

describe("the episode of a real robot", () => {
  const given = resolve(import.meta.dirname, "../../../shared/data/lerobot_g1");
  const data = "data/chunk-000/episode_000029.parquet";
  const video = "videos/chunk-000/observation.images.cam_high/episode_000029.mp4";

  it("fails as the only one of a hundred, and says so", async ({ skip }) => {
    if (!existsSync(given)) skip("the robot's episode is not here");
    const report = await examine(given);
    expect(found(report, "files.data")).toMatch(/data files of 99 of 100 episodes missing/);
    expect(found(report, "files.video")).toMatch(/videos of 99 of 100 episodes missing/);
    expect(report.checks.some(({ fixable }) => fixable)).toBe(false);
    expect(found(report, "video.times", "PASS")).toMatch(/221 frames within/);
  });

  it("passes as a set of its own, once it is given statistics", async ({ skip }) => {
    if (!existsSync(given)) skip("the robot's episode is not here");
    const dir = join(root, "g1");
    for (const path of [data, video]) {
      const to = join(dir, path.replace("000029", "000000"));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, readFileSync(join(given, path)));
    }
    mkdirSync(join(dir, "meta"));
    for (const path of ["meta/tasks.jsonl", "meta/info.json"])
      writeFileSync(join(dir, path), readFileSync(join(given, path)));
    const [, tasks] = /"tasks": (\[.*?\])/.exec(readFileSync(join(given, "meta/episodes.jsonl"), "utf8"))!;
    writeFileSync(
      join(dir, "meta/episodes.jsonl"),
      `{"episode_index": 0, "tasks": ${tasks}, "length": 221}\n`,
    );
    const counters = { total_episodes: 1, total_videos: 1, total_frames: 221, splits: { train: "0:1" } };
    editJson(join(dir, "meta/info.json"), (info) => ({ ...info, ...counters }));
    await editParquet(join(dir, data.replace("000029", "000000")), {
      rows: (rows) => rows.map((row, at) => ({ ...row, index: BigInt(at), episode_index: 0n })),
    });
    const before = troubles(await examine(dir));
    expect(before).toHaveLength(1);
    expect(before[0]).toMatch(/^FAIL statistics\.episodes-complete/);
    expect(troubles(await mend(dir))).toEqual([]);
  });
});
