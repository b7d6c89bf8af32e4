import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type AlignRun, printRun, runAlign } from "./align.ts";
import { type CaptureSize, makeCapture, type Storage, usualJob, writeManifest } from "./capture.ts";
import { requireEqualToDuckDb } from "./oracle.ts";
import { finish, isSmoke } from "./results.ts";

/** The main job: one hour at 30 fps, 200 tags out of 7 million historian rows, values with age and status. */
const size: CaptureSize = isSmoke
  ? { rows: 100_000, tags: 10, frames: 3_000 }
  : { rows: 7_000_000, tags: 200, frames: 108_000 };
const storages: readonly Storage[] = ["by-time", "by-tag", "nano-utc"];

const runs: Record<string, AlignRun> = {};
const dir = await makeCapture(size, storages);
for (const storage of storages) {
  const out = join(dir, "out");
  runs[storage] = await runAlign(await writeManifest(dir, usualJob(storage, size.tags)), out);
  printRun(storage, runs[storage]);
  await requireEqualToDuckDb(dir, out, size.frames, [0, 1, 2, 3, size.tags - 1]);
  await rm(out, { recursive: true });
}
await finish("hour", { size, runs });
