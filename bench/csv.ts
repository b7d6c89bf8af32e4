import { rm } from "node:fs/promises";
import { join } from "node:path";
import { printRun, runAlign } from "./align.ts";
import { type CaptureSize, makeCapture, usualJob, writeManifest } from "./capture.ts";
import { requireEqualToDuckDb } from "./oracle.ts";
import { finish, isSmoke } from "./results.ts";

/** The hour out of CSV: 5 million rows of text with quality words. */
const size: CaptureSize = isSmoke
  ? { rows: 100_000, tags: 10, frames: 3_000 }
  : { rows: 5_000_000, tags: 200, frames: 108_000 };

const dir = await makeCapture(size, ["csv"]);
const out = join(dir, "out");
const run = await runAlign(await writeManifest(dir, usualJob("csv", size.tags)), out);
printRun("csv", run);
await requireEqualToDuckDb(dir, out, size.frames, [0, 1, 2, 3, size.tags - 1]);
await rm(out, { recursive: true });
await finish("csv", { size, runs: { csv: run } });
