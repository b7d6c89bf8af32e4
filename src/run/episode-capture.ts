import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { ClockMap } from "../clock/index.ts";
import type { DatasetWarning } from "../datasets/index.ts";
import type { AlignedCapture, Json } from "../episodes/index.ts";
import { AlignError } from "../errors.ts";
import type { EpisodesSpec, Manifest } from "../manifest/index.ts";
import { type Procedure, parseProcedure } from "../procedure/index.ts";
import type { AlignedResult } from "./aligned-result.ts";
import { type Input, Session, type SessionOptions } from "./session.ts";

/** An aligned capture as episodes are cut from it, and the files that they depend on. */
export interface EpisodeCapture {
  capture: AlignedCapture;
  /** Videos and the procedure. */
  inputs: Input[];
  tableSha256: string;
  manifestSha256: string;
  warnings: DatasetWarning[];
}

/**
 * Finds a capture's videos and procedure, proves that the videos are those that were aligned, and that the table has
 * the manifest's tags.
 *
 * @throws AlignError MANIFEST_*, SOURCE_*
 */
export async function openEpisodeCapture(
  result: AlignedResult,
  options: SessionOptions,
): Promise<EpisodeCapture> {
  const { manifest, table, report } = result;
  const spec = manifest.episodes ?? wholeCapture(manifest);
  requireTags(result);
  return Session.during(manifest.base, options, async (session) => {
    const cameras: { name: string; path: string; frameIndexColumn?: string }[] = [];
    for (const { source, frameIndexTag } of spec.cameras) {
      const path = await videoFile(session, manifest, source);
      cameras.push({
        name: source,
        path,
        ...(frameIndexTag === undefined ? {} : { frameIndexColumn: frameIndexTag }),
      });
    }
    const procedure = await readProcedure(session, spec);
    const inputs = await session.inputs();
    const maps: Record<string, unknown> = JSON.parse(table.metadata.get("clock_maps") ?? "{}");
    const warnings = checkInputs(result, inputs, cameras.length);
    return {
      capture: {
        capture: manifest.capture,
        ...(manifest.description === undefined ? {} : { description: manifest.description }),
        spec,
        tags: manifest.tags.map((tag) => {
          const source = manifest.sources.get(tag.source);
          return { ...tag, sourceRole: source?.role, sourceKind: source?.kind };
        }),
        table,
        ...(procedure === undefined ? {} : { procedure }),
        cameras,
        clockStepsNs: clockSteps(manifest, maps),
        provenance: {
          capture: manifest.capture,
          reference_clock: manifest.referenceClock,
          table_sha256: result.sha256,
          manifest_sha256: manifest.sha256,
          tagalign_version: table.metadata.get("tagalign_version") ?? null,
          kernels_sha256: table.metadata.get("kernels_sha256") ?? null,
          clock_maps: maps as Json,
          inputs: (report?.inputs ?? inputs).map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
        },
      },
      inputs,
      tableSha256: result.sha256,
      manifestSha256: manifest.sha256,
      warnings,
    };
  });
}

/** Instants on the reference clock where the frames' own clock was set or began anew. */
function clockSteps({ sources, frames }: Manifest, maps: Record<string, unknown>): bigint[] {
  const json = maps[sources.get(frames)?.clock ?? ""];
  if (json === undefined) return [];
  const map = ClockMap.fromJSON(json);
  const steps = map.events.filter(({ kind }) => kind !== "stale" && kind !== "gap");
  return [...map.apply(BigInt64Array.from(steps, ({ time }) => time))];
}

/** Where the manifest says nothing of episodes: the capture is one, with the tags by their roles. */
function wholeCapture(manifest: Manifest): EpisodesSpec {
  const isVideo = manifest.sources.get(manifest.frames)?.kind === "video";
  return { actionLeadNs: 0n, cameras: isVideo ? [{ source: manifest.frames }] : [] };
}

function requireTags({ manifest, table, shown }: AlignedResult): void {
  for (const { name, source, tag } of manifest.tags) {
    const field = table.fieldMetadata.get(name);
    if (field?.get("source") === source && field.get("tag") === tag) continue;
    const what =
      field === undefined ? "no column" : `another column (${field.get("source")}: ${field.get("tag")})`;
    throw new AlignError("USAGE_MANIFEST", `the table has ${what} for tag ${name} of the manifest`, {
      where: { file: shown, tag: name },
      hint: "align again, or name the manifest that the table was made by with --manifest",
    });
  }
}

async function videoFile(session: Session, manifest: Manifest, source: string): Promise<string> {
  const spec = manifest.sources.get(source);
  if (spec?.kind !== "video") {
    throw new AlignError("MANIFEST_CAMERA", `camera ${source} is not a source of kind video`, {
      where: { source },
      hint: "leave it out of episodes.cameras",
    });
  }
  const files = await session.files(source, spec.path);
  if (files.length === 1) return files[0] as string;
  throw new AlignError(
    "SOURCE_VIDEO",
    `source ${source} has ${files.length} files; episodes are cut from one`,
    {
      where: { source },
      hint: "join the parts into one file",
    },
  );
}

async function readProcedure(session: Session, spec: EpisodesSpec): Promise<Procedure | undefined> {
  if (spec.procedure === undefined) return undefined;
  const [path] = await session.files("procedure", [spec.procedure.path]);
  return parseProcedure(await readFile(path as string, "utf8"), { path: path as string });
}

/** Videos must be those that were aligned; what cannot be proven is told. */
function checkInputs(
  { manifest, report, shown }: AlignedResult,
  inputs: Input[],
  cameras: number,
): DatasetWarning[] {
  const warnings: DatasetWarning[] = [];
  if (report === undefined) {
    if (cameras > 0) {
      const message = `${shown}: no report says which videos were aligned; their frames are taken on trust`;
      warnings.push({ code: "VIDEO_NOT_PROVEN", message });
    }
    return warnings;
  }
  for (const { path, sha256 } of inputs) {
    const known = report.inputs.find((input) => input.path === path);
    if (known === undefined || known.sha256 === sha256) continue;
    throw new AlignError("SOURCE_CHANGED", `${path} is not the file that was aligned`, {
      where: { file: resolve(manifest.base, path) },
      hint: "align again",
    });
  }
  if (report.manifest_sha256 !== manifest.sha256) {
    const message = `${manifest.capture}: the manifest has changed since; its episodes hold, its tags are as they were aligned`;
    warnings.push({ code: "MANIFEST_CHANGED", message });
  }
  return warnings;
}
