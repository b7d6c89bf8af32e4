import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AlignError } from "../errors.ts";
import type { Manifest } from "../manifest/index.ts";
import { version } from "../version.ts";
import { datasetDamage } from "./dataset-files.ts";
import { exportFile, isDataset, reportFile } from "./publish.ts";
import type { AlignReport } from "./report.ts";
import { hashFile, type Session } from "./session.ts";

/**
 * The report of a complete result of just this job in `dir`; undefined where there is no result.
 *
 * @throws AlignError `OUTPUT_OTHER_RESULT` where the result is of other inputs, another manifest, range or version,
 *   or is not as it was written
 */
export async function finishedResult(
  session: Session,
  manifest: Manifest,
  dir: string,
  range: AlignReport["range"],
): Promise<AlignReport | undefined> {
  const report = await readReport(dir);
  if (report === undefined) return undefined;
  if (report.manifest_sha256 !== manifest.sha256) throw otherResult(dir, "the manifest has changed since");
  if (report.version !== version) throw otherResult(dir, `it was made by version ${report.version}`);
  if (JSON.stringify(report.range) !== JSON.stringify(range))
    throw otherResult(dir, "it has another --from or --to");
  const evidence = manifest.maps.flatMap((map) => map.evidence);
  const inUse = new Set([
    manifest.frames,
    ...manifest.tags.map((tag) => tag.source),
    ...evidence.flatMap((one) =>
      one.kind === "signals" ? [one.from.source, one.to.source] : "source" in one ? [one.source] : [],
    ),
  ]);
  for (const source of manifest.sources.values())
    if (inUse.has(source.name)) await session.noteFiles(source.name, source);
  for (const one of evidence) if ("path" in one) await session.noteFiles(one.kind, one);
  const inputs = await session.inputs();
  const known = new Map(report.inputs.map((input) => [input.path, input.sha256]));
  const changed = inputs.find((input) => known.get(input.path) !== input.sha256);
  if (changed !== undefined) throw otherResult(dir, `${changed.path} has changed since`);
  if (inputs.length !== known.size) throw otherResult(dir, "an input is gone");
  for (const output of report.outputs) {
    const path = join(dir, output.path);
    const isSet = await isDataset(path);
    const why = isSet ? await datasetDamage(path) : undefined;
    if (why !== undefined) throw otherResult(dir, `${output.path}: ${why}`);
    const sha256 = await hashFile(isSet ? join(path, exportFile) : path).catch(() => "");
    if (sha256 !== output.sha256) throw otherResult(dir, `${output.path} is not as it was written`);
  }
  return report;
}

async function readReport(dir: string): Promise<AlignReport | undefined> {
  const path = join(dir, reportFile);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const report = JSON.parse(text) as AlignReport;
    if (Array.isArray(report.inputs) && Array.isArray(report.outputs)) return report;
  } catch {
    // Told below, with the place.
  }
  throw otherResult(dir, `${reportFile} is not a report`);
}

function otherResult(dir: string, why: string): AlignError {
  return new AlignError("OUTPUT_OTHER_RESULT", `${dir} holds a result of another job: ${why}`, {
    where: { file: dir },
    hint: "--overwrite replaces it; or choose another --out",
  });
}
