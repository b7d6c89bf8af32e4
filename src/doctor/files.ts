import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Checkup, counted, Tally } from "./report.ts";

/** What an export of tagalign tells of its files, at the root of every set. */
const exportReport = "export.json";

/** Names that writers give to files that are not complete. */
export const leftoverName = /\.(tmp|temp|part|partial)$/;

/** Puts a file in its place at once: what was there stays until the new one is whole and on the disk. */
export async function replaceFile(path: string, make: (draft: string) => Promise<void>): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.tmp`);
  try {
    await make(draft);
    const file = await open(draft, "r+");
    await file.sync().finally(() => file.close());
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

interface ListedFile {
  path: string;
  bytes: number;
  sha256: string;
}

/** Holds the files of a set that tagalign wrote against the digests that it wrote down. */
export async function checkDigests(root: string, checkup: Checkup): Promise<void> {
  const report = await readReport(root);
  if (report === undefined) return;
  const tally = new Tally();
  for (const { path, sha256 } of report.files) {
    const now = await digestOf(join(root, path)).catch(() => undefined);
    if (now === undefined) tally.add({ file: path }, `${path} is missing`);
    else if (now.sha256 !== sha256) tally.add({ file: path }, `${path} has changed`);
  }
  checkup.judge("files.digest", {
    tally,
    level: "WARN",
    bad: (count) => `${counted(count, "file")} not as ${exportReport} has them`,
    good: `${counted(report.files.length, "file")} as they were written`,
  });
}

/** Writes the digests of files that were mended down anew, so that a resumed export knows its set again. */
export async function renewDigests(root: string, changed: ReadonlySet<string>): Promise<boolean> {
  const report = await readReport(root);
  if (report === undefined || !report.files.some(({ path }) => changed.has(path))) return false;
  const files: ListedFile[] = [];
  for (const file of report.files)
    files.push(changed.has(file.path) ? { ...file, ...(await digestOf(join(root, file.path))) } : file);
  const text = `${JSON.stringify({ ...report, files }, null, 2)}\n`;
  await replaceText(join(root, exportReport), text);
  return true;
}

export function replaceText(path: string, text: string): Promise<void> {
  return replaceFile(path, async (draft) => {
    const file = await open(draft, "w");
    await file.writeFile(text).finally(() => file.close());
  });
}

async function readReport(root: string): Promise<{ files: ListedFile[] } | undefined> {
  try {
    const report = JSON.parse(await readFile(join(root, exportReport), "utf8")) as { files?: unknown };
    return Array.isArray(report.files) ? (report as { files: ListedFile[] }) : undefined;
  } catch {
    return undefined;
  }
}

async function digestOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const part of createReadStream(path)) {
    hash.update(part as Buffer);
    bytes += (part as Buffer).length;
  }
  return { bytes, sha256: hash.digest("hex") };
}
