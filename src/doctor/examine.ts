import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { AlignError } from "../errors.ts";
import { checkDigests } from "./files.ts";
import { examineLerobot } from "./lerobot/lerobot.ts";
import { Checkup, type DoctorOptions, type DoctorReport } from "./report.ts";

/** What an examiner of one format tells beside its checks. */
export interface Outcome {
  version: string | null;
  episodes: number | null;
  frames: number | null;
}

type Examiner = (root: string, checkup: Checkup, options: DoctorOptions) => Promise<Outcome>;

const examiners: Readonly<Record<string, Examiner>> = {
  async lerobot(root, checkup, options) {
    const found = await examineLerobot(root, checkup, options);
    if (found === undefined) return { version: null, episodes: null, frames: null };
    const { set, data } = found;
    return {
      version: String(set.info.raw.codebase_version),
      episodes: set.episodes.length,
      frames: data.rows,
    };
  },
  rlds: async (...all) => (await import("./rlds/index.ts")).examineRlds(...all),
  mcap: async (...all) => (await import("./mcap/index.ts")).examineMcap(...all),
  hdf5: async (...all) => (await import("./hdf5.ts")).examineHdf5(...all),
  table: async (...all) => (await import("./table.ts")).examineTables(...all),
};

/**
 * Proves a data set: layout, counts, the grid of times, values, statistics and videos, each frame by the rules of the
 * format's own readers. Nothing is changed.
 *
 * @param dir the data set's directory, or its one file where the format has one
 * @throws AlignError USAGE_DATASET where there is nothing or nothing known; SOURCE_FFPROBE; INTERRUPTED
 */
export async function examine(dir: string, options: DoctorOptions = {}): Promise<DoctorReport> {
  const root = resolve(dir);
  const format = await formatOf(root, dir);
  const checkup = new Checkup();
  const blank: Outcome = { version: null, episodes: null, frames: null };
  const known = examiners[format];
  let outcome = blank;
  try {
    if (known === undefined) checkUnfinished(dir, checkup);
    else {
      outcome = await known(root, checkup, options);
      await checkDigests(root, checkup);
    }
  } catch (cause) {
    if (options.signal?.aborted === true) throw new AlignError("INTERRUPTED", "interrupted", { cause });
    throw cause;
  }
  return {
    dir,
    format,
    format_version: outcome.version,
    level: checkup.level,
    episodes: outcome.episodes,
    frames: outcome.frames,
    counts: checkup.counts(),
    checks: checkup.findings,
    mended: [],
  };
}

function checkUnfinished(dir: string, checkup: Checkup): void {
  const message = `${dir} is an export that was cut short: run it again with --resume`;
  checkup.fail("files.finished", message);
}

/** By what is there, the surest sign first. */
async function formatOf(root: string, dir: string): Promise<string> {
  const entries = await readdir(root).catch((cause: NodeJS.ErrnoException) => cause);
  if (entries instanceof Error) {
    if (entries.code === "ENOTDIR" && /\.(mcap|hdf5|h5)$/.test(root))
      return /mcap$/.test(root) ? "mcap" : "hdf5";
    if (entries.code === "ENOENT" && (await isStaging(stagingOf(root)))) return "unfinished";
    const why = entries.code === "ENOENT" ? "there is no" : "this is no";
    throw unknown(`${why} data set ${dir}`, dir, entries);
  }
  const names = new Set(entries);
  if (await isStaging(root)) return "unfinished";
  if (names.has("meta") && (names.has("data") || names.has("videos"))) return "lerobot";
  if (await isThere(join(root, "meta", "info.json"))) return "lerobot";
  if (names.has("features.json") || entries.some((name) => /\.tfrecord-\d+-of-\d+$/.test(name)))
    return "rlds";
  if (entries.some((name) => name.endsWith(".mcap"))) return "mcap";
  if (entries.some((name) => /\.(hdf5|h5)$/.test(name))) return "hdf5";
  if (names.has("dataset.json")) return "table";
  const below = await rldsBelow(root, entries);
  if (below !== undefined) return "rlds";
  const hint = "it must be the directory of a LeRobot, RLDS, MCAP, HDF5 or tagalign table set; name its root";
  throw unknown(`${dir} holds no data set of a known format`, dir, undefined, hint);
}

function unknown(
  message: string,
  dir: string,
  cause?: unknown,
  hint = "name the --out directory of an export",
): AlignError {
  return new AlignError("USAGE_DATASET", message, { where: { file: dir }, hint, cause });
}

/** An RLDS set lies in `name/version`. */
async function rldsBelow(root: string, entries: readonly string[]): Promise<string | undefined> {
  for (const name of entries) {
    const versions = await readdir(join(root, name)).catch(() => [] as string[]);
    if (versions.includes("features.json")) return join(root, name);
    for (const version of versions)
      if (await isThere(join(root, name, version, "features.json"))) return join(root, name, version);
  }
  return undefined;
}

function stagingOf(root: string): string {
  return join(dirname(root), `.${basename(root)}.tagalign`);
}

/** An export keeps its unfinished files with a journal, beside the place of the data set. */
async function isStaging(root: string): Promise<boolean> {
  const journal = await readFile(join(root, "journal.jsonl"), "utf8").catch(() => "");
  return journal.startsWith('{"job":');
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
