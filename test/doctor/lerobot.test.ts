import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DoctorReport, examine, type Level, mend } from "../../src/doctor/index.ts";
import { checkLanguage } from "../../src/doctor/lerobot/language.ts";
import { Tally } from "../../src/doctor/report.ts";
import { editJson, editParquet, scalar, writeOldSet, writeSet, writeText } from "./lerobot-set.ts";

let root: string;
let count = 0;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "tagalign-doctor-"));
  await writeSet(join(root, "good"));
  await writeOldSet(join(root, "old"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function copyOf(name: "good" | "old"): string {
  const dir = join(root, `set-${count++}`);
  cpSync(join(root, name), dir, { recursive: true });
  return dir;
}

const troubles = (report: DoctorReport) =>
  report.checks
    .filter(({ level }) => level !== "PASS")
    .map(({ check, level, message }) => `${level} ${check}: ${message}`);

const data = "data/chunk-000/file-000.parquet";
const episodes = "meta/episodes/chunk-000/file-000.parquet";
const info = (dir: string, change: Parameters<typeof editJson>[1]) =>
  editJson(join(dir, "meta/info.json"), change);
type Row = Record<string, unknown>;
/** Changes one row of a Parquet file. */
const row = (dir: string, path: string, at: number, change: (row: Row) => Row) =>
  editParquet(join(dir, path), {
    rows: (rows) => rows.map((one, place) => (place === at ? { ...one, ...change(one) } : one)),
  });

interface Case {
  what: string;
  break: (dir: string) => unknown;
  check: string;
  level: Level;
  says: RegExp;
  /** Whether `mend` leaves nothing to say. */
  mends?: boolean;
}

const cases: Case[] = [
  {
    what: "another major version",
    break: (dir) => info(dir, (one) => ({ ...one, codebase_version: "v4.0" })),
    check: "info.version",
    level: "FAIL",
    says: /"v4\.0" has another major version/,
  },
  {
    what: "no rate",
    break: (dir) => info(dir, (one) => ({ ...one, fps: 0 })),
    check: "info.fps",
    level: "FAIL",
    says: /fps is 0/,
  },
  {
    what: "a chunk size of 0",
    break: (dir) => info(dir, (one) => ({ ...one, chunks_size: 0 })),
    check: "info.fields",
    level: "FAIL",
    says: /chunks_size is 0/,
  },
  {
    what: "an unknown field",
    break: (dir) => info(dir, (one) => ({ ...one, plant: 1 })),
    check: "info.fields",
    level: "WARN",
    says: /plant/,
  },
  {
    what: "no info.json",
    break: (dir) => rmSync(join(dir, "meta/info.json")),
    check: "info.json",
    level: "FAIL",
    says: /--resume/,
  },
  {
    what: "broken info.json",
    break: (dir) => writeFileSync(join(dir, "meta/info.json"), "{"),
    check: "info.json",
    level: "FAIL",
    says: /no JSON/,
  },
  ...["total_frames", "total_episodes", "total_tasks"].map(
    (name): Case => ({
      what: `a wrong ${name}`,
      break: (dir) => info(dir, (one) => ({ ...one, [name]: 99 })),
      check: "info.counters",
      level: "FAIL",
      says: new RegExp(`${name} is 99; the data have \\d+`),
      mends: true,
    }),
  ),
  {
    what: "a split beyond the episodes",
    break: (dir) => info(dir, (one) => ({ ...one, splits: { train: "0:4" } })),
    check: "info.splits",
    level: "FAIL",
    says: /"0:4", but there are 3/,
    mends: true,
  },
  {
    what: "a slash in a feature's name",
    break: (dir) =>
      info(dir, (one) => ({
        ...one,
        features: { ...one.features, "a/b": { dtype: "float32", shape: [1], names: null } },
      })),
    check: "info.features",
    level: "FAIL",
    says: /holds "\/"/,
  },
  {
    what: "a number with image in its name",
    break: (dir) =>
      info(dir, (one) => ({
        ...one,
        features: { ...one.features, "plant.image_count": { dtype: "int64", shape: [1], names: null } },
      })),
    check: "info.features",
    level: "FAIL",
    says: /"image" in its name/,
  },
  {
    what: "a missing mandatory feature",
    break: (dir) =>
      info(dir, (one) => {
        delete one.features.task_index;
      }),
    check: "info.features",
    level: "FAIL",
    says: /task_index is missing/,
  },
  {
    what: "another number of names than numbers",
    break: (dir) =>
      info(dir, (one) => {
        one.features.action.names = ["x", "y"];
      }),
    check: "info.names",
    level: "WARN",
    says: /2 names for 1 numbers/,
  },
  {
    what: "an undeclared column",
    break: (dir) =>
      editParquet(join(dir, data), {
        schema: (elements) => [...elements, scalar("extra", "DOUBLE")],
        rows: (rows) => rows.map((one) => ({ ...one, extra: 1 })),
      }),
    check: "data.columns",
    level: "FAIL",
    says: /extra is a column that meta\/info\.json does not declare/,
  },
  {
    what: "an undeclared language column",
    break: (dir) =>
      editParquet(join(dir, data), {
        schema: (elements) => [...elements, scalar("language_events", "BYTE_ARRAY")],
        rows: (rows) => rows.map((one) => ({ ...one, language_events: "" })),
      }),
    check: "data.columns",
    level: "FAIL",
    says: /a language column that/,
  },
  {
    what: "a missing column",
    break: (dir) =>
      info(dir, (one) => {
        one.features.reward = { dtype: "float32", shape: [1], names: null };
      }),
    check: "data.columns",
    level: "FAIL",
    says: /the column reward is missing/,
  },
  {
    what: "text where numbers are declared",
    break: (dir) =>
      info(dir, (one) => {
        one.features["plant.note"].dtype = "float32";
      }),
    check: "data.columns",
    level: "FAIL",
    says: /plant\.note is stored as string/,
  },
  {
    what: "another type of number",
    break: (dir) =>
      info(dir, (one) => {
        one.features["plant.count"].dtype = "int32";
      }),
    check: "data.columns",
    level: "WARN",
    says: /plant\.count is stored as int64, not as int32/,
  },
  {
    what: "another shape",
    break: (dir) =>
      info(dir, (one) => {
        one.features["observation.state"].shape = [3];
      }),
    check: "data.shapes",
    level: "FAIL",
    says: /19 frames/,
  },
  {
    what: "a null in a number",
    break: (dir) => row(dir, data, 9, () => ({ "plant.count": null })),
    check: "data.nulls",
    level: "FAIL",
    says: /1 frame with a null/,
  },
  {
    what: "a null in a text",
    break: (dir) => row(dir, data, 9, () => ({ "plant.note": null })),
    check: "data.nulls",
    level: "FAIL",
    says: /1 frame with a null/,
  },
  {
    what: "NaN in an input",
    break: (dir) => row(dir, data, 9, () => ({ action: Number.NaN })),
    check: "data.nan",
    level: "WARN",
    says: /1 frame with NaN in an input/,
  },
  {
    what: "a timestamp off the grid",
    break: (dir) => row(dir, data, 9, () => ({ timestamp: 0.13 })),
    check: "data.timestamp",
    level: "FAIL",
    says: /1 frame off the grid/,
    mends: true,
  },
  {
    what: "timestamps that are near the grid",
    break: (dir) =>
      editParquet(join(dir, data), {
        rows: (rows) => rows.map((one) => ({ ...one, timestamp: (one.timestamp as number) + 1e-5 })),
      }),
    check: "data.timestamp",
    level: "WARN",
    says: /19 frames whose timestamp is near/,
    mends: true,
  },
  {
    what: "a frame_index that skips",
    break: (dir) => row(dir, data, 9, () => ({ frame_index: 7n })),
    check: "data.frame_index",
    level: "FAIL",
    says: /frame_index 7 at frame 1/,
  },
  {
    what: "an index that is not dense",
    break: (dir) => row(dir, data, 9, () => ({ index: 70n })),
    check: "data.index",
    level: "FAIL",
    says: /index 70 in row 9/,
  },
  {
    what: "an unknown task",
    break: (dir) => row(dir, data, 9, () => ({ task_index: 5n })),
    check: "data.task_index",
    level: "FAIL",
    says: /task_index 5/,
  },
  {
    what: "a task that the episode does not name",
    break: (dir) => row(dir, data, 9, () => ({ task_index: 0n })),
    check: "data.tasks",
    level: "WARN",
    says: /open the valve/,
  },
  {
    what: "an episode that is left out",
    break: (dir) =>
      editParquet(join(dir, data), { rows: (rows) => rows.filter((one) => one.episode_index !== 1n) }),
    check: "episodes.frames",
    level: "FAIL",
    says: /1 episode in the metadata, but without frames/,
  },
  {
    what: "a frame that is left out",
    break: (dir) =>
      editParquet(join(dir, data), { rows: (rows) => rows.slice(0, -1), groups: () => [8, 5, 5] }),
    check: "episodes.length",
    level: "FAIL",
    says: /length 6, but 5 frames/,
    mends: true,
  },
  {
    what: "one row group for all",
    break: (dir) => editParquet(join(dir, data), { groups: (groups) => [groups.reduce((a, b) => a + b)] }),
    check: "data.row-groups",
    level: "WARN",
    says: /begins 3 episodes/,
  },
  {
    what: "an episode split over files",
    break: async (dir) => {
      const next = join(dir, "data/chunk-000/file-001.parquet");
      await editParquet(join(dir, data), { rows: (rows) => rows.slice(10), groups: () => [9], to: next });
      await editParquet(join(dir, data), { rows: (rows) => rows.slice(0, 10) });
    },
    check: "data.split",
    level: "FAIL",
    says: /episode 1 goes on in another file/,
  },
  {
    what: "a data file cut short",
    break: (dir) => writeFileSync(join(dir, data), readFileSync(join(dir, data)).subarray(0, 900)),
    check: "data.files",
    level: "FAIL",
    says: /cannot be read/,
  },
  {
    what: "a missing data file",
    break: (dir) => rmSync(join(dir, data)),
    check: "files.data",
    level: "FAIL",
    says: /data files of 3 episodes missing/,
  },
  {
    what: "a file that no episode names",
    break: (dir) => cpSync(join(dir, data), join(dir, "data/chunk-001/file-000.parquet")),
    check: "files.unnamed",
    level: "WARN",
    says: /1 file/,
  },
  {
    what: "no pandas index",
    break: (dir) => editParquet(join(dir, "meta/tasks.parquet"), { keyValues: () => ({}) }),
    check: "tasks.index",
    level: "FAIL",
    says: /number in place/,
    mends: true,
  },
  {
    what: "tasks out of order",
    break: (dir) => editParquet(join(dir, "meta/tasks.parquet"), { rows: (rows) => rows.reverse() }),
    check: "tasks.order",
    level: "FAIL",
    says: /row 0 is task 1/,
    mends: true,
  },
  {
    what: "a task that is there twice",
    break: (dir) => row(dir, "meta/tasks.parquet", 1, () => ({ task: "open the valve" })),
    check: "tasks.unique",
    level: "FAIL",
    says: /twice/,
  },
  {
    what: "no tasks",
    break: (dir) => rmSync(join(dir, "meta/tasks.parquet")),
    check: "tasks.file",
    level: "FAIL",
    says: /missing/,
  },
  {
    what: "episodes out of order",
    break: (dir) => editParquet(join(dir, episodes), { rows: (rows) => rows.reverse() }),
    check: "episodes.order",
    level: "FAIL",
    says: /row 0 is episode 2/,
  },
  {
    what: "rows that are stated wrongly",
    break: (dir) => row(dir, episodes, 1, () => ({ dataset_from_index: 9n })),
    check: "episodes.rows",
    level: "FAIL",
    says: /rows 9 to 13, but they are 8 to 13/,
    mends: true,
  },
  {
    what: "a length that is stated wrongly",
    break: (dir) => row(dir, episodes, 1, () => ({ length: 9n })),
    check: "episodes.length",
    level: "FAIL",
    says: /length 9, but 5 frames/,
    mends: true,
  },
  {
    what: "a data file that is stated wrongly",
    break: (dir) => row(dir, episodes, 1, () => ({ "data/file_index": 1n })),
    check: "episodes.data",
    level: "FAIL",
    says: /file-001\.parquet, but it is in/,
    mends: true,
  },
  {
    what: "an episode of an unknown task",
    break: (dir) => row(dir, episodes, 1, () => ({ tasks: ["read the detector", "dance"] })),
    check: "episodes.tasks",
    level: "FAIL",
    says: /1 episode with a task that is not in the tasks; first: "dance"/,
  },
  {
    what: "a column of the episodes that is missing",
    break: (dir) =>
      editParquet(join(dir, episodes), {
        schema: (all) => all.filter(({ name }) => name !== "dataset_to_index"),
      }),
    check: "episodes.columns",
    level: "FAIL",
    says: /dataset_to_index/,
  },
  {
    what: "no statistics",
    break: (dir) => rmSync(join(dir, "meta/stats.json")),
    check: "statistics.file",
    level: "FAIL",
    says: /missing/,
    mends: true,
  },
  {
    what: "statistics of a feature that are missing",
    break: (dir) =>
      editJson(join(dir, "meta/stats.json"), (one) => {
        delete one.action;
      }),
    check: "statistics.complete",
    level: "FAIL",
    says: /action/,
    mends: true,
  },
  {
    what: "a missing quantile",
    break: (dir) =>
      editJson(join(dir, "meta/stats.json"), (one) => {
        delete one.action.q99;
      }),
    check: "statistics.complete",
    level: "FAIL",
    says: /q99 of action/,
    mends: true,
  },
  ...(["min", "max", "mean", "std", "count", "q50"] as const).map(
    (name): Case => ({
      what: `a wrong ${name} of the whole`,
      break: (dir) =>
        editJson(join(dir, "meta/stats.json"), (one) => {
          one["observation.state"][name][0] += 5;
        }),
      check: "statistics.values",
      level: "FAIL",
      says: /observation\.state: /,
      mends: true,
    }),
  ),
  ...(["min", "mean", "std", "count", "q10"] as const).map(
    (name): Case => ({
      what: `a wrong ${name} of an episode`,
      break: (dir) => row(dir, episodes, 2, () => ({ [`stats/action/${name}`]: [77] })),
      check: "statistics.episodes",
      level: "FAIL",
      says: /action: /,
      mends: true,
    }),
  ),
  {
    what: "no statistics of episodes",
    break: (dir) =>
      editParquet(join(dir, episodes), {
        schema: (all) =>
          all.slice(
            0,
            all.findIndex(({ name }) => name.startsWith("stats/")),
          ),
      }),
    check: "statistics.episodes-complete",
    level: "WARN",
    says: /3 episodes/,
    mends: true,
  },
  {
    what: "a file of a writer that was cut short",
    break: (dir) => writeText(join(dir, "data/chunk-000/file-001.parquet.tmp"), "x"),
    check: "files.leftover",
    level: "WARN",
    says: /1 unfinished file/,
    mends: true,
  },
  {
    what: "digests of an export that are not kept",
    break: (dir) =>
      writeText(
        join(dir, "export.json"),
        JSON.stringify({ files: [{ path: data, bytes: 1, sha256: "00" }] }),
      ),
    check: "files.digest",
    level: "WARN",
    says: /has changed/,
  },
];

describe("a set of LeRobot v3.0", () => {
  it("passes where nothing is wrong", async () => {
    const report = await examine(join(root, "good"));
    expect(troubles(report)).toEqual([]);
    expect(report).toMatchObject({
      format: "lerobot",
      format_version: "v3.0",
      level: "PASS",
      episodes: 3,
      frames: 19,
    });
  });

  it.each(cases)("with $what is found", async ({ break: spoil, check, level, says, mends }) => {
    const dir = copyOf("good");
    await spoil(dir);
    const report = await examine(dir);
    const found = report.checks.filter((one) => one.check === check && one.level === level);
    expect(found.map(({ message }) => message).join("\n"), troubles(report).join("\n")).toMatch(says);
    expect(found.some(({ fixable }) => fixable)).toBe(mends === true);
    const mended = await mend(dir);
    if (mends !== true) return;
    expect(troubles(mended)).toEqual([]);
    expect(mended.mended.length).toBeGreaterThan(0);
  });

  it("is left alone where there is nothing to mend", async () => {
    const dir = copyOf("good");
    expect((await mend(dir)).mended).toEqual([]);
    expect(readFileSync(join(dir, data))).toEqual(readFileSync(join(root, "good", data)));
  });

  it("keeps every other value when it is mended", async () => {
    const dir = copyOf("good");
    await row(dir, data, 9, () => ({ timestamp: 0.9 }));
    await row(dir, episodes, 1, () => ({ length: 1n }));
    await mend(dir);
    const rows = async (path: string) => {
      const all: Row[] = [];
      await editParquet(path, {
        rows: (some) => {
          all.push(...some);
          return some;
        },
      });
      return all;
    };
    for (const path of [data, episodes])
      expect(await rows(join(dir, path))).toEqual(await rows(join(root, "good", path)));
  });

  it("has the digests of its export renewed", async () => {
    const dir = copyOf("good");
    info(dir, (one) => ({ ...one, total_frames: 1 }));
    writeText(
      join(dir, "export.json"),
      JSON.stringify({ files: [{ path: "meta/info.json", bytes: 1, sha256: "00" }] }),
    );
    const report = await mend(dir);
    expect(troubles(report)).toEqual([]);
    expect(report.mended.at(-1)).toMatch(/export\.json/);
  });

  it("is looked at in part where asked", async () => {
    const report = await examine(join(root, "good"), { maxEpisodes: 1 });
    expect(troubles(report)).toEqual([]);
    expect(report.frames).toBe(19);
    await expect(mend(join(root, "good"), { maxEpisodes: 1 })).rejects.toMatchObject({
      code: "USAGE_OPTION",
    });
  });
});

describe("what loads, but is most likely not meant", () => {
  const made = async (name: string, options: Parameters<typeof writeSet>[1]) => {
    const dir = join(root, name);
    await writeSet(dir, options);
    return troubles(await examine(dir));
  };

  it("an episode of one frame", async () => {
    expect(await made("single", { lengths: [8, 1] })).toEqual([
      "WARN plausible.length: 1 episode of a single frame",
    ]);
  });

  it("an episode that is there twice", async () => {
    const same = (row: Row, _: number, frame: number) => ({
      ...row,
      "observation.state": [frame, 1],
      action: frame,
    });
    expect(await made("twice", { lengths: [4, 4], row: same })).toEqual([
      "WARN plausible.duplicates: 1 episode with the numbers of another one; first: it equals episode 0",
    ]);
  });

  it("inputs that never change", async () => {
    const still = (row: Row) => ({ ...row, "observation.state": [1, 2], action: 3 });
    const found = await made("still", { row: still });
    expect(found[0]).toMatch(/3 episodes in which no input ever changes/);
    expect(found[1]).toMatch(/no number of observation\.state, action ever changes/);
  });

  it("another rate of the captured frames than the declared one", async () => {
    const slow = (row: Row, _: number, frame: number) => ({
      ...row,
      "align.frame_time_ns": BigInt(frame) * 50_000_000n,
    });
    expect((await made("slow", { row: slow })).join()).toMatch(
      /3 episodes captured at another rate than 10; first: 20\.000/,
    );
  });

  it("frames that were captured backward", async () => {
    const back = (row: Row, _: number, frame: number) =>
      frame === 3 ? { ...row, "align.frame_time_ns": 5n } : row;
    expect((await made("back", { lengths: [8], row: back })).join()).toMatch(/1 frame captured no later/);
  });
});

describe("language rows", () => {
  const role = "assistant";
  const at = (text: string, more: object = {}) => ({
    role,
    content: text,
    style: "subtask",
    timestamp: 0,
    ...more,
  });
  /** What is said of cells, one a frame. */
  const problems = (column: string, cells: unknown[]) => {
    const tally = new Tally();
    const piece = { columns: new Map([[column, cells]]), start: 0, end: cells.length };
    checkLanguage(column, [piece], new Set(["observation.images.head"]), { file: "f", episode: 0 }, tally);
    return tally.count === 0 ? "" : `${tally.count}: ${tally.detail}`;
  };
  const view = { role, content: "[1, 2]", style: "vqa", camera: "observation.images.head" };

  it.each([
    [
      "language_persistent",
      [
        [at("a"), at("b")],
        [at("a"), at("b")],
      ],
      "",
    ],
    [
      "language_persistent",
      [[at("a")], [at("b")]],
      "1: persistent rows differ from those of the first frame",
    ],
    ["language_persistent", [[at("a", { style: "vqa" })]], "1: style vqa is not of language_persistent"],
    ["language_persistent", [[at("a", { timestamp: null })]], "1: a persistent row has no timestamp"],
    ["language_persistent", [[at("a", { camera: "x" })]], "1: style subtask must have no camera, not x"],
    ["language_persistent", [[at("a", { role: null })]], "1: a row has no role"],
    ["language_events", [[], [view], [{ role, content: "stop", style: "interjection" }]], ""],
    ["language_events", [[{ ...view, camera: null }]], "1: style vqa names the camera null"],
    ["language_events", [[at("a")]], "1: style subtask is not of language_events"],
  ])("of %s: %j", (column, cells, says) => {
    expect(problems(column, cells)).toBe(says);
  });
});

describe("a set of LeRobot v2.1", () => {
  it("passes where nothing is wrong", async () => {
    const report = await examine(join(root, "old"));
    expect(troubles(report)).toEqual([]);
    expect(report).toMatchObject({ format_version: "v2.1", episodes: 3, frames: 19 });
  });

  const one = "data/chunk-000/episode_000001.parquet";
  const old: Case[] = [
    ...(
      [
        [{ state: { arm: { start: 0, end: 3 } } }, /state\.arm is 0 to 3 of 2 numbers/],
        [{ video: { head: { original_key: "observation.images.head" } } }, /video\.head names .* no video/],
        [{ annotation: { "human.step": {} } }, /has no column annotation\.human\.step/],
      ] as const
    ).map(
      ([json, says]): Case => ({
        what: `a modality.json with ${JSON.stringify(json)}`,
        break: (dir) => writeText(join(dir, "meta/modality.json"), JSON.stringify(json)),
        check: "modality",
        level: "FAIL",
        says,
      }),
    ),
    {
      what: "a wrong total_chunks",
      break: (dir) => info(dir, (all) => ({ ...all, total_chunks: 9 })),
      check: "info.counters",
      level: "FAIL",
      says: /total_chunks is 9/,
      mends: true,
    },
    {
      what: "a missing episode",
      break: (dir) => rmSync(join(dir, one)),
      check: "files.data",
      level: "FAIL",
      says: /data files of 1 of 3 episodes missing/,
    },
    {
      what: "an episode under another number",
      break: (dir) => renameSync(join(dir, one), join(dir, "data/chunk-000/episode_000007.parquet")),
      check: "files.unnamed",
      level: "WARN",
      says: /1 file/,
    },
    {
      what: "a wrong length",
      break: (dir) =>
        writeText(
          join(dir, "meta/episodes.jsonl"),
          readFileSync(join(dir, "meta/episodes.jsonl"), "utf8").replace('"length":5', '"length":7'),
        ),
      check: "episodes.length",
      level: "FAIL",
      says: /length 7, but 5/,
      mends: true,
    },
    {
      what: "no statistics",
      break: (dir) => rmSync(join(dir, "meta/episodes_stats.jsonl")),
      check: "statistics.episodes-complete",
      level: "FAIL",
      says: /3 episodes missing; the loader needs them/,
      mends: true,
    },
    {
      what: "wrong statistics",
      break: (dir) =>
        writeText(
          join(dir, "meta/episodes_stats.jsonl"),
          readFileSync(join(dir, "meta/episodes_stats.jsonl"), "utf8").replace(
            /"mean":\[[^,\]]*/,
            '"mean":[55',
          ),
        ),
      check: "statistics.episodes",
      level: "FAIL",
      says: /mean\[0\] is 55/,
      mends: true,
    },
    {
      what: "a task under another number",
      break: (dir) =>
        writeText(
          join(dir, "meta/tasks.jsonl"),
          readFileSync(join(dir, "meta/tasks.jsonl"), "utf8").replace('"task_index":1', '"task_index":3'),
        ),
      check: "tasks.order",
      level: "FAIL",
      says: /line 2/,
    },
    {
      what: "a timestamp off the grid",
      break: (dir) => row(dir, one, 2, () => ({ timestamp: 0.9 })),
      check: "data.timestamp",
      level: "FAIL",
      says: /timestamp 0\.89/,
      mends: true,
    },
    {
      what: "a broken line",
      break: (dir) => writeText(join(dir, "meta/episodes.jsonl"), "{\n"),
      check: "episodes.files",
      level: "FAIL",
      says: /no JSON object/,
    },
  ];
  it.each(old)("with $what is found", async ({ break: spoil, check, level, says, mends }) => {
    const dir = copyOf("old");
    await spoil(dir);
    const report = await examine(dir);
    const found = report.checks.filter((all) => all.check === check && all.level === level);
    expect(found.map(({ message }) => message).join("\n"), troubles(report).join("\n")).toMatch(says);
    if (mends === true) expect(troubles(await mend(dir))).toEqual([]);
  });
});
