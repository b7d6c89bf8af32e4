import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type AlignedFile, openAlignedFile } from "../aligned/index.ts";
import { AlignError } from "../errors.ts";
import { type Manifest, readManifest } from "../manifest/index.ts";
import { reportFile } from "./publish.ts";
import type { AlignReport } from "./report.ts";
import { hashFile } from "./session.ts";

/** The result of an `align` run: its table, the manifest that it was made by, and what its report says of files. */
export interface AlignedResult {
  /** As the caller named it. */
  shown: string;
  table: AlignedFile;
  /** Of the table's bytes, in hexadecimal. */
  sha256: string;
  manifest: Manifest;
  /** Missing where a bare table was named. */
  report: Pick<AlignReport, "inputs" | "manifest_sha256"> | undefined;
}

/**
 * Opens the result of an `align` run.
 *
 * @param path its directory, or the table alone
 * @param manifest the manifest; missing: the one that the report names
 * @throws AlignError USAGE_*, MANIFEST_*, SOURCE_* where there is no result, the table is not as it was written, or
 *   the manifest is of another capture
 */
export async function openAlignedResult(path: string, manifest: string | undefined): Promise<AlignedResult> {
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => {
      throw new AlignError("USAGE_ALIGNED", `there is no ${path}`, {
        where: { file: path },
        hint: "name the --out directory of an align run, or its table",
      });
    },
  );
  const report = isFolder ? await readAlignReport(path) : undefined;
  const output = report?.outputs.find(({ kind }) => kind === "parquet" || kind === "arrow");
  if (isFolder && output === undefined) {
    throw new AlignError("SOURCE_NOT_ALIGNED", `${path} has no table in Parquet or Arrow`, {
      where: { file: path },
      hint: "add an output of kind parquet to the manifest and align again",
    });
  }
  const file = output === undefined ? path : join(path, output.path);
  const table = await openAlignedFile(file);
  const sha256 = await hashFile(file);
  if (output !== undefined && output.sha256 !== sha256) {
    throw new AlignError("SOURCE_CHANGED", `${file} is not as align wrote it`, {
      where: { file },
      hint: "align again, or name the table itself if the change is meant",
    });
  }
  const read = await readManifest(manifest ?? manifestOf(path, report));
  const capture = table.metadata.get("capture");
  if (capture !== read.capture) {
    throw new AlignError(
      "USAGE_MANIFEST",
      `${file} is of capture ${capture}, the manifest of ${read.capture}`,
      {
        where: { file: read.path ?? "" },
        hint: "name the manifest that the table was made by with --manifest",
      },
    );
  }
  return { shown: path, table, sha256, manifest: read, report };
}

async function readAlignReport(dir: string): Promise<AlignReport> {
  const path = join(dir, reportFile);
  try {
    const report = JSON.parse(await readFile(path, "utf8")) as AlignReport;
    if (Array.isArray(report.outputs) && Array.isArray(report.inputs)) return report;
  } catch {
    // Told below, with the place.
  }
  throw new AlignError(
    "SOURCE_NOT_ALIGNED",
    `${dir} holds no result of align: no ${reportFile} can be read`,
    {
      where: { file: path },
      hint: "name the --out directory of an align run, or its table",
    },
  );
}

function manifestOf(path: string, report: AlignReport | undefined): string {
  if (report?.manifest != null) return resolve(path, report.manifest);
  throw new AlignError("USAGE_MANIFEST", `nothing says which manifest ${path} was made by`, {
    where: { file: path },
    hint: "name it with --manifest",
  });
}
