import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { DatasetFiles, DatasetWarning } from "../datasets/index.ts";
import type { Json } from "../episodes/index.ts";
import { AlignError } from "../errors.ts";
import { type DatasetFile, Journal } from "./journal.ts";
import { lockFolder } from "./lock.ts";
import { exportFile, flush, flushDirectory, makeFolders, outputError } from "./publish.ts";
import { hashFile } from "./session.ts";

export interface DatasetPlace {
  /** Directory of the data set; it comes to be when all is complete. */
  out: string;
  /** Digest of all that the data set depends on. */
  job: string;
  overwrite: boolean;
  resume: boolean;
  signal?: AbortSignal | undefined;
  onProgress: (done: number, total: number) => void;
}

/** A data set on its way. It ends with `publish` or `abandon`. */
export interface OpenDataset {
  readonly files: DatasetFiles;
  /** Puts the data set in place with one rename; `report` makes its export.json. */
  publish(report: (files: DatasetFile[], warnings: DatasetWarning[]) => string): Promise<void>;
  /** After a failure: keeps what is complete where `--resume` can go on, else removes all. Returns whether it kept anything. */
  abandon(cause: unknown): Promise<boolean>;
}

/**
 * Makes ready to write a data set beside its place, in a hidden folder of a fixed name that a later run finds again:
 * complete files are named in a journal there, with their digests.
 *
 * @returns undefined where `resume` found the complete data set of the same job
 * @throws AlignError OUTPUT_EXISTS, OUTPUT_UNFINISHED, OUTPUT_OTHER_RESULT, OUTPUT_BUSY, OUTPUT_WRITE
 */
export async function openDataset(place: DatasetPlace): Promise<OpenDataset | undefined> {
  const { out } = place;
  const target = resolve(out);
  const staging = join(dirname(target), `.${basename(target)}.tagalign`);
  const folders = { target, staging, data: join(staging, "data"), before: join(staging, "before") };
  try {
    await makeFolders(staging);
    const unlock = await lockFolder(staging, out);
    try {
      await recover(folders);
      if (await isComplete(place, target)) {
        await rm(staging, { recursive: true, force: true });
        return undefined;
      }
      const journal = await openJournal(place, staging);
      await rm(join(staging, "making"), { recursive: true, force: true });
      await mkdir(join(staging, "making"));
      await makeFolders(folders.data);
      return dataset(place, folders, journal, unlock);
    } catch (cause) {
      await unlock();
      if ((await readdir(staging)).length === 0) await rm(staging, { recursive: true });
      throw cause;
    }
  } catch (cause) {
    throw outputError(out, cause);
  }
}

interface Folders {
  target: string;
  staging: string;
  /** The data set as far as it is complete. */
  data: string;
  /** The data set that gives way. */
  before: string;
}

/** Ends an exchange of data sets that a kill cut short: the new one where it is complete, else the old one again. */
async function recover({ target, staging, data, before }: Folders): Promise<void> {
  if (!(await isThere(before))) return;
  if (!(await isThere(target))) {
    const isNewComplete = await isThere(join(data, exportFile));
    await rename(isNewComplete ? data : before, target);
  }
  await rm(before, { recursive: true, force: true });
  if (!(await isThere(data))) await rm(join(staging, "journal.jsonl"), { force: true });
}

/** Whether the target holds the data set of this job already; refuses one that holds anything else. */
async function isComplete({ out, job, overwrite, resume }: DatasetPlace, target: string): Promise<boolean> {
  const entries = await readdir(target).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return [];
    const hint = "name a directory with --out";
    if (cause.code === "ENOTDIR")
      throw new AlignError("OUTPUT_DIRECTORY", `${out} is not a directory`, { where: { file: out }, hint });
    throw cause;
  });
  if (entries.length === 0) return false;
  const report = await readReport(join(target, exportFile));
  if (report === undefined) {
    throw new AlignError("OUTPUT_EXISTS", `${out} holds files that are not a data set of tagalign`, {
      where: { file: join(out, entries.sort()[0] as string) },
      hint: "choose another --out; it is not overwritten",
    });
  }
  if (resume) {
    const why = report.job === job ? await damage(target, report.files) : "other inputs or options";
    if (why === undefined) return true;
    throw otherResult(out, why);
  }
  if (overwrite) return false;
  throw new AlignError("OUTPUT_EXISTS", `${out} already holds a data set (${exportFile})`, {
    where: { file: join(out, exportFile) },
    hint: "publish with --overwrite, or choose another --out",
  });
}

/** What of a data set is not as it was written, or undefined. */
export async function datasetDamage(dir: string): Promise<string | undefined> {
  const report = await readReport(join(dir, exportFile));
  return report === undefined ? `${exportFile} cannot be read` : damage(dir, report.files);
}

async function damage(target: string, files: readonly DatasetFile[]): Promise<string | undefined> {
  for (const { path, sha256 } of files) {
    const now = await hashFile(join(target, path)).catch(() => "");
    if (now !== sha256) return `${path} is not as it was written`;
  }
  return undefined;
}

async function readReport(path: string): Promise<{ job: string; files: DatasetFile[] } | undefined> {
  try {
    const report = JSON.parse(await readFile(path, "utf8")) as { job?: unknown; files?: unknown };
    if (typeof report.job === "string" && Array.isArray(report.files)) return report as never;
  } catch {
    // No report, or not one of ours: the same as none.
  }
  return undefined;
}

async function openJournal(place: DatasetPlace, staging: string): Promise<Journal> {
  const { out, job, overwrite, resume } = place;
  const path = join(staging, "journal.jsonl");
  const found = await Journal.read(path);
  if (found !== undefined && resume) {
    if (found.job !== job) throw otherResult(out, "an unfinished export of other inputs or options");
    return found;
  }
  if (found !== undefined && !overwrite) {
    const { length } = found.files;
    throw new AlignError(
      "OUTPUT_UNFINISHED",
      `an export to ${out} was cut short (${length} files complete)`,
      {
        where: { file: staging },
        hint: "go on with --resume, or begin anew with --overwrite",
      },
    );
  }
  await rm(join(staging, "data"), { recursive: true, force: true });
  return Journal.create(path, job);
}

function otherResult(out: string, why: string): AlignError {
  return new AlignError("OUTPUT_OTHER_RESULT", `${out} holds another result: ${why}`, {
    where: { file: out },
    hint: "--overwrite replaces it; or choose another --out",
  });
}

function dataset(
  place: DatasetPlace,
  folders: Folders,
  journal: Journal,
  unlock: () => Promise<void>,
): OpenDataset {
  const { out, signal, onProgress } = place;
  const { target, staging, data, before } = folders;
  let made = 0;
  const make = async <T extends Json>(path: string, write: (path: string) => Promise<T>): Promise<T> => {
    signal?.throwIfAborted();
    const known = journal.find(path);
    if (known !== undefined && (await hashFile(join(data, path)).catch(() => "")) === known.sha256)
      return known.value as T;
    // The name at the end stays, because writers look at it.
    const folder = join(staging, "making", String(made));
    made += 1;
    await mkdir(folder);
    const draft = join(folder, basename(path));
    const value = await write(draft);
    signal?.throwIfAborted();
    await flush(draft);
    const [{ size }, sha256] = await Promise.all([stat(draft), hashFile(draft)]);
    await makeFolders(dirname(join(data, path)));
    await rename(draft, join(data, path));
    await flushDirectory(dirname(join(data, path)));
    await rm(folder, { recursive: true });
    await journal.add({ path, bytes: size, sha256, value });
    return value;
  };
  return {
    files: {
      write: make,
      warn: (warning) => journal.warn(warning),
      progress: (done, total) => {
        signal?.throwIfAborted();
        onProgress(done, total);
      },
      signal,
    },
    async publish(report) {
      try {
        const draft = join(staging, "making", exportFile);
        await writeFile(draft, report(journal.files, journal.warnings));
        await flush(draft);
        await rename(draft, join(data, exportFile));
        await flushDirectory(data);
        if ((await readdir(target).catch(() => [])).length > 0) await rename(target, before);
        await rename(data, target);
        await flushDirectory(dirname(target));
        await journal.close();
        await rm(staging, { recursive: true, force: true });
      } catch (cause) {
        throw outputError(out, cause);
      }
    },
    async abandon(cause) {
      await journal.close();
      await rm(join(staging, "making"), { recursive: true, force: true });
      const isOutside = cause instanceof AlignError ? /^OUTPUT|^INTERRUPTED/.test(cause.code) : true;
      const isWorth = journal.files.length > 0 && (signal?.aborted === true || isOutside);
      if (isWorth) await unlock();
      else await rm(staging, { recursive: true, force: true });
      return isWorth;
    },
  };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
