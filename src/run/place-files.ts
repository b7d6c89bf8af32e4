import { randomBytes } from "node:crypto";
import { link, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { AlignError } from "../errors.ts";

/** Finds out early whether files can be put there: throws `OUTPUT_EXISTS` or `OUTPUT_WRITE`, and `USAGE_OUTPUT` for one path twice. */
export async function requirePlaces(paths: readonly string[], overwrite: boolean): Promise<void> {
  const twice = paths.find((path, at) => paths.findIndex((other) => resolve(other) === resolve(path)) < at);
  if (twice !== undefined) {
    throw new AlignError("USAGE_OUTPUT", `${twice} is named for two files`, {
      hint: "name another file for one of them",
    });
  }
  for (const path of paths) {
    const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw cannotBeWritten(path, error);
      return undefined;
    });
    if (there?.isDirectory() === true) {
      throw new AlignError("OUTPUT_WRITE", `${path} is a directory`, {
        where: { file: path },
        hint: "name a file in it",
      });
    }
    if (there !== undefined && !overwrite) throw fileExists(path);
  }
}

/**
 * Writes files beside their places, flushed to the disk, and then puts them there: each complete, or none.
 *
 * @throws AlignError `OUTPUT_EXISTS` where a file came to be meanwhile and may not give way, `OUTPUT_WRITE`
 */
export async function placeFiles(
  files: readonly { path: string; text: string }[],
  overwrite: boolean,
): Promise<void> {
  const staged: { path: string; draft: string }[] = [];
  const placed: string[] = [];
  try {
    for (const { path, text } of files) {
      const name = `.${basename(path)}.tagalign-${process.pid}-${randomBytes(6).toString("hex")}`;
      const draft = join(dirname(resolve(path)), name);
      staged.push({ path, draft });
      await writeDraft(path, draft, text);
    }
    for (const { path, draft } of staged) {
      await (overwrite ? rename(draft, path) : link(draft, path)).catch((error: NodeJS.ErrnoException) => {
        throw error.code === "EEXIST" ? fileExists(path) : cannotBeWritten(path, error);
      });
      if (!overwrite) placed.push(path);
    }
  } catch (error) {
    for (const path of placed) await rm(path, { force: true });
    throw error;
  } finally {
    for (const { draft } of staged) await rm(draft, { force: true });
  }
}

async function writeDraft(path: string, draft: string, text: string): Promise<void> {
  try {
    const file = await open(draft, "wx");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw cannotBeWritten(path, error as NodeJS.ErrnoException);
  }
}

function fileExists(path: string): AlignError {
  return new AlignError("OUTPUT_EXISTS", `${path} is there already`, {
    where: { file: path },
    hint: "replace it with --overwrite, or name another file",
  });
}

function cannotBeWritten(path: string, cause: NodeJS.ErrnoException): AlignError {
  const hints: Record<string, string> = {
    ENOENT: "make its directory first",
    ENOTDIR: "a part of the path is a file",
    ENOSPC: "make room on this disk",
  };
  return new AlignError("OUTPUT_WRITE", `${path} cannot be written (${cause.code ?? cause.message})`, {
    where: { file: path },
    hint: hints[cause.code ?? ""] ?? "choose a place that this user may write",
    cause,
  });
}
