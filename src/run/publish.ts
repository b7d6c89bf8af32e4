import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, realpath, rename, rm, rmdir, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { AlignError } from "../errors.ts";
import { lockFolder } from "./lock.ts";

/** The file whose presence says that a result is complete: it is put in place last and taken away first. */
export const reportFile = "report.json";

/** The file of a data set that tells how it came to be and what belongs to it; it is made last. */
export const exportFile = "export.json";

export interface PublicationOptions {
  /** Output paths relative to the directory; `report.json` is always one of them. */
  files: readonly string[];
  /** Outputs that are directories, flushed to the disk by those who write them. */
  folders?: readonly string[];
  /** A result that is there already gives way, once the new one is complete. */
  overwrite: boolean;
}

/** A result on its way into a directory. It ends with `publish` or `discard`; after either nothing else is left. */
export interface Publication {
  /** The directory, absolute, links as they are. */
  readonly dir: string;
  /** Where to write an output until it is published; its folder exists. */
  path(file: string): string;
  /**
   * Puts all files in place, complete and flushed to the disk, or none.
   *
   * @throws AlignError `OUTPUT_EXISTS` where another run was first, `OUTPUT_BUSY` where one is at it right now,
   *   `OUTPUT_WRITE` where a file cannot be put in place. What was in the directory before is then as it was.
   */
  publish(): Promise<void>;
  /** Removes what was written so far. Does nothing after either ending. */
  discard(): Promise<void>;
}

/**
 * Makes ready to publish into a directory, and so finds out early whether that can work.
 *
 * Outputs are written into a hidden folder on the same file system. A directory that is new or empty then comes
 * to be with one rename; into one that holds other files, the outputs are moved one by one, and back on failure.
 *
 * @throws AlignError `OUTPUT_EXISTS` for a directory that holds a result, unless `overwrite`; `OUTPUT_DIRECTORY` for
 *   a path that is no directory; `OUTPUT_WRITE` where nothing can be written.
 */
export async function openPublication(dir: string, options: PublicationOptions): Promise<Publication> {
  const { folders = [], overwrite } = options;
  const files = [...options.files.filter((file) => file !== reportFile), reportFile];
  const target: Target = { dir: await realDirectory(dir), shown: dir, files, folders, overwrite };
  await requireRoom(target);
  const { staging, sibling, created } = await makeStaging(target);
  let ended = false;
  const clean = async (removeFrom: string | undefined) => {
    ended = true;
    await rm(staging, { recursive: true, force: true });
    if (removeFrom !== undefined) await removeEmpty(dirname(target.dir), removeFrom);
  };
  return {
    dir: resolve(dir),
    path: (file) => join(staging, file),
    async publish() {
      try {
        for (const file of files) await flush(join(staging, file));
        if (!(sibling && (await becomes(staging, target.dir)))) await moveInto(target, staging);
        await flushDirectory(sibling ? dirname(target.dir) : target.dir);
      } catch (error) {
        await clean(created);
        throw outputError(dir, error);
      }
      await clean(undefined);
    },
    async discard() {
      if (!ended) await clean(created);
    },
  };
}

interface Target {
  /** Absolute, links resolved. */
  dir: string;
  /** As the caller named it. */
  shown: string;
  files: readonly string[];
  folders: readonly string[];
  overwrite: boolean;
}

async function realDirectory(dir: string): Promise<string> {
  try {
    return await realpath(dir);
  } catch {
    return resolve(dir);
  }
}

/** Refuses a directory that is none, that holds a result, or where an output's place is taken by a folder. */
async function requireRoom(target: Target): Promise<void> {
  const { dir, shown, files, folders, overwrite } = target;
  const place = await kindOf(dir, shown);
  if (place === "file") {
    const hint = "name a directory with --out";
    throw new AlignError("OUTPUT_DIRECTORY", `${shown} is not a directory`, { where: { file: shown }, hint });
  }
  for (const file of files) {
    const path = join(shown, file);
    const kind = await kindOf(join(dir, file), path);
    if (kind === "directory") {
      const hint = "move it away or choose another output path";
      throw new AlignError("OUTPUT_WRITE", `${path} is a directory`, { where: { file: path }, hint });
    }
    if (kind === "file" && !overwrite) throw resultExists(shown, file);
  }
  for (const folder of folders) {
    const path = join(shown, folder);
    const kind = await kindOf(join(dir, folder), path);
    if (kind === "directory" && !overwrite) throw resultExists(shown, folder);
    if (kind === "none" || (await isDataset(join(dir, folder)))) continue;
    const hint = "move it away or choose another output path";
    throw new AlignError("OUTPUT_WRITE", `${path} is not a data set of tagalign`, {
      where: { file: path },
      hint,
    });
  }
}

/** Whether a directory is a data set: only such a one may give way. */
export async function isDataset(path: string): Promise<boolean> {
  return (
    (await kindOf(path, path)) === "directory" && (await kindOf(join(path, exportFile), path)) === "file"
  );
}

function resultExists(shown: string, file: string): AlignError {
  const hint = "publish with --overwrite, go on with --resume, or choose another --out";
  const message = `${shown} already holds a result (${file})`;
  return new AlignError("OUTPUT_EXISTS", message, { where: { file: join(shown, file) }, hint });
}

async function kindOf(path: string, shown: string): Promise<"none" | "file" | "directory"> {
  try {
    return (await stat(path)).isDirectory() ? "directory" : "file";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "none";
    throw outputError(shown, error);
  }
}

interface Staging {
  staging: string;
  /** Beside the directory, to become it; else inside. */
  sibling: boolean;
  /** The outermost folder that had to be made on the way to the directory. */
  created: string | undefined;
}

async function makeStaging({ dir, shown, files, folders }: Target): Promise<Staging> {
  const name = `tagalign-${process.pid}-${randomBytes(6).toString("hex")}`;
  try {
    const parent = dirname(dir);
    const created = await makeFolders(parent);
    const present = await readdir(dir).catch(() => undefined);
    const beside = join(parent, `.${basename(dir)}.${name}`);
    const sibling = present === undefined || (present.length === 0 && (await makeLike(dir, beside)));
    const staging = sibling ? beside : join(dir, `.${name}`);
    await makeFolders(staging);
    for (const file of [...files, ...folders]) await mkdir(dirname(join(staging, file)), { recursive: true });
    return { staging, sibling, created };
  } catch (error) {
    throw outputError(shown, error);
  }
}

/** The outermost folder that was missing. Node's own recursion never ends where a file system takes no folders. */
export async function makeFolders(path: string): Promise<string | undefined> {
  if ((await kindOf(path, path)) === "directory") return undefined;
  const outermost = await makeFolders(dirname(path));
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  return outermost ?? path;
}

/** A folder that may take the place of an empty directory: same file system, same rights; else false. */
async function makeLike(dir: string, beside: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(dir), stat(dirname(dir))]);
  if (own.dev !== parent.dev) return false;
  try {
    await mkdir(beside);
  } catch {
    // The directory itself may be writable where its parent is not.
    return false;
  }
  await chmod(beside, own.mode & 0o7777);
  return true;
}

async function removeEmpty(from: string, last: string): Promise<void> {
  for (let folder = from; folder.startsWith(last); folder = dirname(folder)) {
    if (
      !(await rmdir(folder).then(
        () => true,
        () => false,
      ))
    )
      return;
  }
}

export async function flush(path: string): Promise<void> {
  const file = await open(path, "r+");
  await file.sync().finally(() => file.close());
}

export async function flushDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  await folder.sync().finally(() => folder.close());
}

/** True where the folder took the place of the directory; false where something has come to be in it meanwhile. */
async function becomes(staging: string, dir: string): Promise<boolean> {
  try {
    await rename(staging, dir);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "EPERM" || code === "EBUSY") return false;
    throw error;
  }
}

async function moveInto(target: Target, staging: string): Promise<void> {
  const { dir, files, folders } = target;
  const backup = join(staging, ".before");
  const unlock = await lockFolder(dir, target.shown);
  const moved: { from: string; to: string }[] = [];
  const made: { folder: string; outermost: string }[] = [];
  const move = async (from: string, to: string) => {
    const outermost = await makeFolders(dirname(to));
    if (outermost !== undefined) made.push({ folder: dirname(to), outermost });
    await rename(from, to);
    moved.push({ from, to });
  };
  try {
    await requireRoom(target);
    const old = (await oldFiles(target)).map((file) => ({ from: join(dir, file), to: join(backup, file) }));
    for (const { from, to } of old) await move(from, to);
    // The report, which says that all is there, is the last of the files.
    for (const file of [...folders, ...files]) await move(join(staging, file), join(dir, file));
  } catch (error) {
    for (const { from, to } of moved.reverse()) await rename(to, from);
    for (const { folder, outermost } of made.reverse()) await removeEmpty(folder, outermost);
    throw error;
  } finally {
    await unlock();
  }
}

/** What an earlier result has in the directory, its report first: places to be taken, and files that its report names. */
async function oldFiles({ dir, files, folders }: Target): Promise<string[]> {
  const named = new Set([reportFile, ...files, ...folders, ...(await namedOutputs(join(dir, reportFile)))]);
  const present: string[] = [];
  for (const file of named) {
    const inside = relative(dir, resolve(dir, file));
    const strays = inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside);
    if (strays || present.includes(inside)) continue;
    const kind = await kindOf(join(dir, inside), inside);
    if (kind === "file" || (kind === "directory" && (await isDataset(join(dir, inside)))))
      present.push(inside);
  }
  return present;
}

async function namedOutputs(report: string): Promise<string[]> {
  try {
    const { outputs } = JSON.parse(await readFile(report, "utf8")) as { outputs?: { path?: unknown }[] };
    return (outputs ?? []).map(({ path }) => path).filter((path) => typeof path === "string");
  } catch {
    // No report, or one that is not ours: it names nothing to remove.
    return [];
  }
}

export function outputError(shown: string, cause: unknown): AlignError {
  if (cause instanceof AlignError) return cause;
  const { code, message, path } = cause as NodeJS.ErrnoException;
  // The hidden folder's name would tell nobody anything.
  const place = path?.replace(/^.*\.tagalign-\d+-[0-9a-f]+[/\\]?/, "") ?? "";
  const hints: Record<string, string> = {
    ENOTDIR: "a part of the path is a file: name a directory with --out",
    ENOSPC: "make room on this disk or choose another --out",
    EROFS: "choose an --out on a disk that can be written",
  };
  const hint = hints[code ?? ""] ?? "choose an --out that this user may write";
  const what = `${shown} cannot be written (${code ?? message}${place === "" ? "" : ` at ${place}`})`;
  return new AlignError("OUTPUT_WRITE", what, { where: { file: shown }, hint, cause });
}
