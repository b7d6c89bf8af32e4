import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { examine, mend } from "../../src/doctor/index.ts";
import { writeOldSet, writeSet } from "./lerobot-set.ts";

let root: string;
const sets = {
  new: [
    "data/chunk-000/file-000.parquet",
    "meta/episodes/chunk-000/file-000.parquet",
    "meta/tasks.parquet",
    "meta/stats.json",
    "meta/info.json",
  ],
  old: [
    "data/chunk-000/episode_000001.parquet",
    "meta/episodes.jsonl",
    "meta/episodes_stats.jsonl",
    "meta/tasks.jsonl",
  ],
} as const;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "tagalign-damage-"));
  await writeSet(join(root, "new"));
  await writeOldSet(join(root, "old"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const files = Object.entries(sets).flatMap(([set, paths]) => paths.map((path) => ({ set, path })));

describe("damaged bytes", () => {
  it.each(files)(
    "of $path in the $set set end in a report, never in a crash or a loop",
    async ({ set, path }) => {
      const whole = readFileSync(join(root, set, path));
      const dir = join(root, `run-${set}`);
      const place = fc.integer({ min: 0, max: whole.length - 1 });
      const change = fc.record({
        length: fc.option(place, { freq: 3 }),
        bytes: fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
        isMended: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(change, async ({ length, bytes, isMended }) => {
          rmSync(dir, { recursive: true, force: true });
          cpSync(join(root, set), dir, { recursive: true });
          const damaged = Buffer.from(whole);
          for (const [at, value] of bytes) damaged[at] = value;
          writeFileSync(join(dir, path), damaged.subarray(0, length ?? damaged.length));
          const report = await (isMended ? mend(dir) : examine(dir));
          expect(report.format).toBe("lerobot");
        }),
        { numRuns: 15, seed: 20_260_501 },
      );
    },
  );
});
