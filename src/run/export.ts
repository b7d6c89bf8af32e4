import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type DatasetFormat,
  type DatasetFormatName,
  type DatasetWarning,
  datasetFormat,
  type FormatOptions,
  type VideoMode,
} from "../datasets/index.ts";
import { buildEpisodes, type EpisodeSet, type LeftOut } from "../episodes/index.ts";
import { AlignError } from "../errors.ts";
import { version } from "../version.ts";
import { type AlignedResult, openAlignedResult } from "./aligned-result.ts";
import { openDataset } from "./dataset-files.ts";
import { type EpisodeCapture, openEpisodeCapture } from "./episode-capture.ts";
import type { DatasetFile } from "./journal.ts";
import { exportFile, outputError } from "./publish.ts";
import { reportJson } from "./report.ts";
import type { Input, SessionOptions } from "./session.ts";

export interface ExportOptions extends SessionOptions {
  /** Directory of the data set; it is created. */
  out: string;
  format: DatasetFormatName;
  /** Default: the last part of the first capture's name. */
  name?: string;
  /** The manifest of all captures. Default: of each the one that its report names. */
  manifest?: string;
  /** What becomes of the pictures. The default is the format's. */
  video?: VideoMode;
  /** Version of the format, where it has several. */
  version?: string;
  /** Layout of the format, where it has several. */
  layout?: string;
  /** Width and height of decoded pictures. Default: as captured. */
  imageSize?: readonly [number, number];
  /** A data set that is in `out` already is replaced once the new one is complete. */
  overwrite?: boolean;
  /** Goes on where an export of the same inputs and options was cut short. */
  resume?: boolean;
}

/** What export.json holds: how a data set came to be, and what belongs to it. */
export interface ExportReport {
  name: string;
  format: string;
  /** Of tagalign. */
  version: string;
  /** Digest of all that the data set depends on. */
  job: string;
  options: {
    video: VideoMode;
    format_version: string | null;
    layout: string | null;
    image_size: readonly [number, number] | null;
  };
  fps: number;
  episodes: number;
  frames: number;
  tasks: number;
  left_out: readonly LeftOut[];
  /** Episodes by how they went against their procedure; null where no capture names one. */
  conformance: Record<"followed" | "deviated" | "incomplete", number> | null;
  captures: {
    capture: string;
    episodes: number;
    frames: number;
    /** More than one where results of one capture were given. */
    tables: { sha256: string; manifest_sha256: string }[];
  }[];
  inputs: Input[];
  warnings: DatasetWarning[];
  files: DatasetFile[];
}

/** What export.json holds, and whether `resume` found it complete. */
export type ExportResult = ExportReport & { kept: boolean };

/**
 * Cuts aligned captures into episodes and writes them as one data set.
 *
 * @param aligned results of `align`: their directories, or their tables
 * @throws AlignError of any family; `out` is then as it was before
 */
export async function exportEpisodes(
  aligned: readonly string[],
  options: ExportOptions,
): Promise<ExportResult> {
  try {
    options.signal?.throwIfAborted();
    return await exportAll(aligned, options);
  } catch (cause) {
    if (options.signal?.aborted !== true) throw cause;
    const kept = cause instanceof KeptForResume;
    throw new AlignError(
      "INTERRUPTED",
      `interrupted; ${kept ? "complete files are kept" : "nothing was written"}`,
      {
        ...(kept ? { hint: "go on with --resume" } : {}),
        cause,
      },
    );
  }
}

/** An export that failed with some of its files complete. */
class KeptForResume extends Error {}

async function exportAll(aligned: readonly string[], options: ExportOptions): Promise<ExportResult> {
  if (aligned.length === 0) {
    throw new AlignError("USAGE_ALIGNED", "no aligned capture was given", {
      hint: "name the --out directory of an align run",
    });
  }
  const results: AlignedResult[] = [];
  for (const path of aligned) results.push(await openAlignedResult(path, options.manifest));
  return exportResults(results, options);
}

/** The same with results that are open. */
export async function exportResults(
  results: readonly AlignedResult[],
  options: ExportOptions,
): Promise<ExportResult> {
  const { out, signal } = options;
  const format = await datasetFormat(options.format);
  const chosen = formatOptions(format, options);
  const captures: EpisodeCapture[] = [];
  for (const result of results) captures.push(await openEpisodeCapture(result, options));
  const name = options.name ?? nameOf(captures[0] as EpisodeCapture);
  const { set, warnings } = await buildEpisodes(
    captures.map(({ capture }) => capture),
    { name },
  );
  const chosenReport = {
    video: chosen.video,
    format_version: chosen.version ?? null,
    layout: chosen.layout ?? null,
    image_size: chosen.imageSize ?? null,
  };
  const about = { name, format: options.format, version, options: chosenReport };
  const job = jobOf(about, captures);
  const report = (files: DatasetFile[], noted: DatasetWarning[]): ExportReport => ({
    ...about,
    job,
    ...countsOf(set, captures),
    inputs: captures.flatMap(({ inputs }) => inputs),
    warnings: [...captures.flatMap((one) => one.warnings), ...warnings, ...noted],
    files,
  });
  const dataset = await openDataset({
    out,
    job,
    overwrite: options.overwrite === true,
    resume: options.resume === true,
    signal,
    onProgress: (done, total) =>
      options.onProgress?.({ stage: "export", subject: options.format, done, total }),
  });
  if (dataset === undefined) return { ...(await readExportReport(out)), kept: true };
  try {
    await format.write(set, dataset.files, chosen);
  } catch (cause) {
    const isKept = await dataset.abandon(cause);
    // Only what the system says of a file is of the output; all else is told as it is.
    if (!(cause instanceof AlignError) && (cause as NodeJS.ErrnoException).code === undefined) throw cause;
    if (!isKept) throw outputError(out, cause);
    throw signal?.aborted === true ? new KeptForResume("", { cause }) : keptError(out, cause);
  }
  let written: ExportReport | undefined;
  await dataset.publish((files, noted) => reportJson((written = report(files, noted))));
  return { ...(written as unknown as ExportReport), kept: false };
}

async function readExportReport(out: string): Promise<ExportReport> {
  return JSON.parse(await readFile(join(out, exportFile), "utf8")) as ExportReport;
}

/** The same failure, with the way to go on. */
function keptError(out: string, cause: unknown): AlignError {
  const { code, message, where, hint } = outputError(out, cause);
  return new AlignError(code as "OUTPUT_WRITE", message, {
    ...(where === undefined ? {} : { where }),
    hint: `${hint ?? "see to the cause"}; then go on with --resume`,
    cause,
  });
}

function formatOptions(
  { videoModes, versions, layouts }: DatasetFormat,
  { format, ...options }: ExportOptions,
): FormatOptions {
  const video = pick("--video", options.video, videoModes, format) as VideoMode;
  const chosenVersion = pick("--version", options.version, versions, format);
  const layout = pick("--layout", options.layout, layouts, format);
  if (options.imageSize !== undefined && video !== "images") {
    throw new AlignError("USAGE_OPTION", `--image-size is of decoded pictures, and --video is ${video}`, {
      hint: videoModes.includes("images") ? "add --video images" : "leave it out",
    });
  }
  return {
    video,
    ...(chosenVersion === undefined ? {} : { version: chosenVersion }),
    ...(layout === undefined ? {} : { layout }),
    ...(options.imageSize === undefined ? {} : { imageSize: options.imageSize }),
    ffmpeg: options.ffmpeg ?? "ffmpeg",
  };
}

/** One of what a format offers, the first by default. */
function pick(
  flag: string,
  asked: string | undefined,
  offered: readonly string[] | undefined,
  format: string,
): string | undefined {
  if (asked === undefined) return offered?.[0];
  if (offered?.includes(asked) === true) return asked;
  throw new AlignError("USAGE_OPTION", `${format} has no ${flag} ${asked}`, {
    hint: offered === undefined ? `leave ${flag} out` : `it has ${offered.join(", ")}`,
  });
}

/** The last part of a capture's name, in letters that every format takes. */
function nameOf({ capture }: EpisodeCapture): string {
  const last = capture.capture.split("/").at(-1) ?? "";
  const name = last
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .toLowerCase();
  return /^[a-z]/.test(name) ? name : `capture_${name}`;
}

function countsOf(set: EpisodeSet, captures: readonly EpisodeCapture[]) {
  const { fps, episodes, tasks, leftOut } = set;
  const framesOf = (some: readonly { length: number }[]) => some.reduce((sum, { length }) => sum + length, 0);
  const conformance = { followed: 0, deviated: 0, incomplete: 0 };
  for (const episode of episodes) if (episode.conformance) conformance[episode.conformance.result] += 1;
  const isConform = episodes.some((episode) => episode.conformance !== undefined);
  return {
    fps,
    episodes: episodes.length,
    frames: framesOf(episodes),
    tasks: tasks.length,
    left_out: leftOut,
    conformance: isConform ? conformance : null,
    captures: [...new Set(captures.map(({ capture: { capture } }) => capture))].map((name) => {
      const own = episodes.filter(({ capture }) => capture === name);
      const tables = captures
        .filter(({ capture: { capture } }) => capture === name)
        .map((one) => ({ sha256: one.tableSha256, manifest_sha256: one.manifestSha256 }));
      return { capture: name, episodes: own.length, frames: framesOf(own), tables };
    }),
  };
}

/** Digest of what a data set depends on. */
function jobOf(about: object, captures: readonly EpisodeCapture[]): string {
  const sources = captures.map(({ tableSha256, manifestSha256, inputs }) => [
    tableSha256,
    manifestSha256,
    inputs,
  ]);
  return createHash("sha256")
    .update(JSON.stringify([about, sources]))
    .digest("hex");
}
