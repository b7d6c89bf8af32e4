import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { DatasetFiles } from "../../src/datasets/index.ts";
import { AlignError } from "../../src/index.ts";
import { openDataset } from "../../src/run/dataset-files.ts";

const root = mkdtempSync(join(tmpdir(), "dataset-files-"));
afterAll(() => rmSync(root, { recursive: true }));
let out: string;
let number = 0;
beforeEach(() => {
  number += 1;
  mkdirSync(join(root, String(number)));
  out = join(root, String(number), "set");
});

const count = 5;

/** Five files, each telling the sum of what the ones before returned; stops before file `stopAt`. */
async function fill(files: DatasetFiles, stopAt: number, made: number[], cause?: Error): Promise<void> {
  let sum = 0;
  for (let at = 0; at < count; at += 1) {
    if (at === stopAt) throw cause ?? new AlignError("OUTPUT_WRITE", "the disk is full");
    if (at % 2 === 0) files.warn({ code: "EVEN", message: `file ${at}` });
    const { value } = await files.write(`data/part-${at}.txt`, async (path) => {
      made.push(at);
      writeFileSync(path, `${at}: ${sum}\n`.repeat(1000));
      return { value: at + 1 };
    });
    sum += value;
    files.progress(at + 1, count);
  }
}

interface Run {
  job?: string;
  overwrite?: boolean;
  resume?: boolean;
  stopAt?: number;
  cause?: Error;
  signal?: AbortSignal;
}

/** An export; the numbers of the files that it made itself, or "kept". */
async function run({ job = "a", stopAt = -1, cause, ...options }: Run = {}): Promise<number[] | "kept"> {
  const place = { out, job, overwrite: false, resume: false, onProgress: () => undefined, ...options };
  const dataset = await openDataset(place);
  if (dataset === undefined) return "kept";
  const made: number[] = [];
  try {
    await fill(dataset.files, stopAt, made, cause);
    await dataset.publish((files, warnings) => `${JSON.stringify({ job, files, warnings })}\n`);
  } catch (error) {
    await dataset.abandon(error);
    throw error;
  }
  return made;
}

function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length), readFileSync(path, "utf8")]));
}

const beside = () => readdirSync(join(out, "..")).filter((name) => name !== "set");
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: AlignError) => error.code,
  );

describe("a data set", () => {
  it("is there complete, with nothing beside it, and names its files with their digests", async () => {
    expect(await run()).toEqual([0, 1, 2, 3, 4]);
    expect(beside()).toEqual([]);
    const files = contents(out);
    const report = JSON.parse(files["/export.json"] as string);
    expect(report.files.map(({ path }: { path: string }) => path)).toEqual(
      [0, 1, 2, 3, 4].map((at) => `data/part-${at}.txt`),
    );
    expect(report.files[1].bytes).toBe((files["/data/part-1.txt"] as string).length);
    expect(report.warnings).toHaveLength(3);
  });

  it.each([1, 2, 3, 4])("goes on after it failed before file %i, to the same bytes", async (stopAt) => {
    await run();
    const whole = contents(out);
    rmSync(out, { recursive: true });
    expect(await codeOf(run({ stopAt }))).toBe("OUTPUT_WRITE");
    expect(() => readdirSync(out)).toThrow();
    expect(beside()).toEqual([".set.tagalign"]);
    expect(await codeOf(run())).toBe("OUTPUT_UNFINISHED");
    expect(await codeOf(run({ job: "b", resume: true }))).toBe("OUTPUT_OTHER_RESULT");
    expect(await run({ resume: true })).toEqual([0, 1, 2, 3, 4].slice(stopAt));
    expect(contents(out)).toEqual(whole);
    expect(beside()).toEqual([]);
  });

  it("is made anew by overwrite, whatever was left", async () => {
    expect(await codeOf(run({ stopAt: 2 }))).toBe("OUTPUT_WRITE");
    expect(await run({ overwrite: true })).toEqual([0, 1, 2, 3, 4]);
    expect(await run({ overwrite: true })).toEqual([0, 1, 2, 3, 4]);
    expect(beside()).toEqual([]);
  });

  it("leaves nothing where the cause lies in the input, or where no file is complete", async () => {
    const cause = new AlignError("SOURCE_CORRUPT", "the video is damaged");
    expect(await codeOf(run({ stopAt: 2, cause }))).toBe("SOURCE_CORRUPT");
    expect(beside()).toEqual([]);
    expect(await codeOf(run({ stopAt: 0 }))).toBe("OUTPUT_WRITE");
    expect(beside()).toEqual([]);
  });

  it("makes a file again that was damaged meanwhile, and one whose line in the journal was cut off", async () => {
    await codeOf(run({ stopAt: 4 }));
    const staging = join(out, "..", ".set.tagalign");
    writeFileSync(join(staging, "data/data/part-1.txt"), "damaged");
    const journal = readFileSync(join(staging, "journal.jsonl"), "utf8");
    writeFileSync(join(staging, "journal.jsonl"), journal.slice(0, -20));
    expect(await run({ resume: true })).toEqual([1, 3, 4]);
    const resumed = contents(out);
    rmSync(out, { recursive: true });
    await run();
    expect(resumed).toEqual(contents(out));
  });

  it("is kept by resume where it is complete, refused without, and never taken for another job's", async () => {
    await run();
    expect(await run({ resume: true })).toBe("kept");
    expect(await codeOf(run())).toBe("OUTPUT_EXISTS");
    expect(await codeOf(run({ job: "b", resume: true }))).toBe("OUTPUT_OTHER_RESULT");
    writeFileSync(join(out, "data/part-3.txt"), "changed");
    expect(await codeOf(run({ resume: true }))).toBe("OUTPUT_OTHER_RESULT");
    expect(beside()).toEqual([]);
  });

  it("never takes the place of files that are not a data set", async () => {
    mkdirSync(out);
    writeFileSync(join(out, "thesis.txt"), "years of work");
    expect(await codeOf(run({ overwrite: true }))).toBe("OUTPUT_EXISTS");
    expect(contents(out)).toEqual({ "/thesis.txt": "years of work" });
  });

  it("ends an exchange that was cut short: the new set where it is complete, else the old one", async () => {
    await run();
    const whole = contents(out);
    const staging = join(out, "..", ".set.tagalign");
    mkdirSync(staging);
    renameSync(out, join(staging, "before"));
    mkdirSync(join(staging, "data"));
    expect(await run({ resume: true })).toBe("kept");
    expect(contents(out)).toEqual(whole);

    mkdirSync(join(staging, "before"), { recursive: true });
    writeFileSync(join(staging, "before", "old.txt"), "old");
    renameSync(out, join(staging, "data"));
    expect(await run({ resume: true })).toBe("kept");
    expect(contents(out)).toEqual(whole);
    expect(beside()).toEqual([]);
  });

  it("keeps what is complete when it is interrupted", async () => {
    const abort = new AbortController();
    const cause = new AlignError("INTERRUPTED", "interrupted");
    abort.abort(cause);
    expect(await codeOf(run({ signal: abort.signal }))).toBe("INTERRUPTED");
    expect(beside()).toEqual([]);
    expect(await codeOf(run({ stopAt: 3, cause }))).toBe("INTERRUPTED");
    expect(await run({ resume: true })).toEqual([3, 4]);
  });
});
