import { writeFile } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { openAlignedFile } from "../aligned/index.ts";
import { AlignError } from "../errors.ts";
import type { Kernels } from "../kernels/index.ts";
import { type Manifest, type OutputSpec, readManifest, type TableOutputSpec } from "../manifest/index.ts";
import { AlignedTable, createEngine, type Engine, isWorthThreads, type TablePart } from "../pool/index.ts";
import { openSink, type Sink } from "../sinks/index.ts";
import { formatInstant, parseInstant } from "../time.ts";
import { version } from "../version.ts";
import { type Clocks, readClocks, requireClockUncertainty } from "./clocks/index.ts";
import { type Rows, readRows } from "./frames.ts";
import { exportFile, openPublication, type Publication, reportFile } from "./publish.ts";
import { type AlignReport, type ExampleValue, type Output, reportJson, tagReport } from "./report.ts";
import { finishedResult } from "./resume.ts";
import { hashFile, Session, type SessionOptions } from "./session.ts";
import { readTags } from "./tags.ts";

export interface AlignOptions extends SessionOptions {
  /** Directory of the result; it is created. May be left out of a dry run. */
  out?: string;
  /** Does everything but write. */
  dryRun?: boolean;
  /** A result that is in `out` already is replaced once the new one is complete. */
  overwrite?: boolean;
  /** A complete result of the same inputs, manifest and version in `out` is kept as it is. */
  resume?: boolean;
  /** First instant of the rows, on the reference clock: ns or ISO 8601 text. */
  from?: bigint | string;
  /** First instant after the rows. */
  to?: bigint | string;
  /** Most threads that join and encode. Default: as many as there are processors; a small capture takes one. */
  workers?: number;
}

/** What report.json holds, and whether `resume` found it complete. */
export type AlignResult = AlignReport & { kept: boolean };

/**
 * Aligns a capture: one row a frame with the plant's state at that instant, and a report.
 *
 * @param manifest a path, a file URL, or a manifest that was read before
 * @throws AlignError of any family; `out` is then as it was before
 */
export async function alignCapture(
  manifest: string | URL | Manifest,
  options: AlignOptions,
): Promise<AlignResult> {
  const read =
    typeof manifest === "string" || manifest instanceof URL ? await readManifest(manifest) : manifest;
  return Session.during(read.base, options, (session) => align(session, read, options));
}

async function align(session: Session, manifest: Manifest, options: AlignOptions): Promise<AlignResult> {
  const range = rangeOf(options);
  const dir = options.dryRun === true ? undefined : requireOut(options);
  const clock = stopwatch();
  const done =
    options.resume === true && dir !== undefined
      ? await finishedResult(session, manifest, dir, rangeReport(range))
      : undefined;
  if (done !== undefined) return { ...done, kept: true };
  const publication =
    dir === undefined
      ? undefined
      : await openPublication(dir, {
          files: manifest.outputs.filter(isTable).map((output) => output.path),
          folders: manifest.outputs.filter((output) => !isTable(output)).map((output) => output.path),
          overwrite: options.overwrite === true,
        });
  try {
    const engine = createEngine(options.workers === undefined ? {} : { workers: options.workers });
    try {
      return { ...(await produce(session, manifest, range, engine, publication, clock)), kept: false };
    } finally {
      await engine.close();
    }
  } catch (cause) {
    await publication?.discard();
    throw cause;
  }
}

async function produce(
  session: Session,
  manifest: Manifest,
  range: { from?: bigint; to?: bigint },
  engine: Engine,
  publication: Publication | undefined,
  clock: ReturnType<typeof stopwatch>,
): Promise<AlignReport> {
  const clocks = await readClocks(session, manifest);
  clock.lap("clocks");
  const rows = await readRows(session, manifest, clocks, range);
  clock.lap("frames");
  if (isWorthThreads(rows.columns.time.length, manifest.tags.length)) engine.start();
  const tags = await readTags(session, manifest, clocks, rows);
  requireClockUncertainty(manifest, clocks, rows.columns.time, tags);
  clock.lap("sources");
  const table = new AlignedTable(engine, rows.columns, tags.splice(0), {
    provenance: manifest.provenance,
    metadata: tableMetadata(manifest, clocks, engine.kernels),
    previousFrameNs: rows.previousFrameNs,
  });
  const tables = await writeTables(session, manifest, table, publication);
  clock.lap("align");
  const statistics = await table.statistics();
  const report: AlignReport = {
    capture: manifest.capture,
    version,
    manifest: manifestPlace(manifest, publication),
    manifest_sha256: manifest.sha256,
    range: rangeReport(range),
    frames: framesReport(rows),
    frame_gaps: rows.gaps,
    clocks: clocks.reports(),
    tags: Object.fromEntries(statistics.map((one, at) => [manifest.tags[at]?.name, tagReport(one)])),
    example: exampleRow(table, manifest),
    warnings: session.warnings,
    inputs: [],
    outputs: [],
    engine: { kernels_sha256: engine.kernels.sha256, workers: engine.threads },
    timing_ms: {},
  };
  requireCoverage(manifest, report);
  clock.lap("statistics");
  report.inputs = await session.inputs();
  clock.lap("inputs");
  if (publication !== undefined) {
    const datasets = await writeDatasets(session, manifest, report, tables, publication);
    if (datasets.length > 0) clock.lap("export");
    session.progress("publish", "", 0, 1);
    const plain = tables.map(({ path, kind, rows, sha256 }) => ({ path, kind, rows, sha256 }));
    const written = new Map([...plain, ...datasets].map((output) => [output.path, output]));
    report.outputs = manifest.outputs.flatMap(({ path }) => written.get(path) ?? []);
    clock.lap("publish");
    report.timing_ms = clock.laps();
    await writeFile(publication.path(reportFile), reportJson(report));
    await publication.publish();
  } else report.timing_ms = clock.laps();
  return report;
}

/** A table that is written: of the manifest's outputs, or, with a path outside of them, for data sets alone. */
type TableOutput = Output & { file: string };

/** Writes every table row group by row group; on failure no file is left half-written. */
async function writeTables(
  session: Session,
  manifest: Manifest,
  table: AlignedTable,
  publication: Publication | undefined,
): Promise<TableOutput[]> {
  if (publication === undefined) return [];
  const outputs = manifest.outputs
    .filter(isTable)
    .map((output) => ({ ...output, file: publication.path(output.path) }));
  if (outputs.length < manifest.outputs.length && outputs.every(({ kind }) => kind === "csv"))
    outputs.push({ kind: "parquet", path: "", file: session.database.scratchFile("parquet") });
  const sinks: Sink[] = [];
  for (const { kind, file } of outputs) sinks.push(await openSink(kind, file, table.schema));
  const chunkSinks = sinks.flatMap(({ chunks }) => chunks ?? []);
  const batchSinks = sinks.filter(({ chunks }) => chunks === undefined);
  try {
    let group: TablePart[] = [];
    const forms = { columns: batchSinks.length > 0, chunks: chunkSinks.length > 0 };
    for await (const part of table.parts(forms.columns ? "group" : "part", forms)) {
      for (const chunks of chunkSinks) await chunks.write(part.chunks);
      if (batchSinks.length > 0) group.push(part);
      else part.release();
      if (!part.isLastOfGroup) continue;
      session.progress("align", "", part.end, table.length);
      for (const chunks of chunkSinks) chunks.endGroup(part.end - part.start);
      if (batchSinks.length === 0) continue;
      const batch = table.batch(group);
      for (const sink of batchSinks) await sink.write(batch);
      for (const one of group) one.release();
      group = [];
    }
    const written: TableOutput[] = [];
    for (const [at, sink] of sinks.entries())
      written.push({ ...(outputs[at] as (typeof outputs)[number]), ...(await sink.close()) });
    return written;
  } catch (cause) {
    for (const sink of sinks) await sink.abort();
    throw cause;
  }
}

function isTable(output: OutputSpec): output is TableOutputSpec {
  return output.kind === "parquet" || output.kind === "arrow" || output.kind === "csv";
}

/** Cuts the table that was just written into episodes, for every data set of the manifest. */
async function writeDatasets(
  session: Session,
  manifest: Manifest,
  report: AlignReport,
  tables: readonly TableOutput[],
  publication: Publication,
): Promise<Output[]> {
  const table = tables.find(({ kind }) => kind !== "csv");
  const written: Output[] = [];
  if (manifest.outputs.every(isTable)) return written;
  // Most captures are written as tables alone, and start without it.
  const { exportResults } = await import("./export.ts");
  for (const output of manifest.outputs) {
    if (isTable(output) || table === undefined) continue;
    const { kind, path, ...options } = output;
    const result = {
      shown: manifest.capture,
      table: await openAlignedFile(table.file),
      sha256: table.sha256,
      manifest,
      report,
    };
    const out = publication.path(path);
    const done = await exportResults([result], { ...session.options, ...options, format: kind, out });
    for (const { code, message } of done.warnings) session.warn(code, 1, null, message);
    written.push({ path, kind, rows: done.frames, sha256: await hashFile(join(out, exportFile)) });
  }
  return written;
}

function tableMetadata(manifest: Manifest, clocks: Clocks, kernels: Kernels): Map<string, string> {
  const maps = Object.fromEntries([...clocks.used()].map(([clock, map]) => [clock, map.toJSON()]));
  return new Map([
    ["capture", manifest.capture],
    ...(manifest.description === undefined ? [] : [["description", manifest.description] as const]),
    ["reference_clock", manifest.referenceClock],
    ["timezone", "UTC"],
    ["tagalign_version", version],
    ["manifest_sha256", manifest.sha256],
    ["kernels_sha256", kernels.sha256],
    ["clock_maps", JSON.stringify(maps)],
  ]);
}

/** With `/`, so that a report means the same on every system. */
function manifestPlace({ path }: Manifest, publication: Publication | undefined): string | null {
  if (path === undefined || publication === undefined) return null;
  return relative(publication.dir, resolve(path)).split(sep).join("/");
}

function framesReport({ columns: { time } }: Rows): AlignReport["frames"] {
  const [first, last] = [time[0] ?? 0n, time[time.length - 1] ?? 0n];
  const span = Number(last - first);
  return {
    count: time.length,
    first: formatInstant(first),
    last: formatInstant(last),
    rate_hz: span > 0 ? ((time.length - 1) * 1e9) / span : null,
  };
}

/** The row in the middle, to hold against the picture. */
function exampleRow(table: AlignedTable, manifest: Manifest): AlignReport["example"] {
  const batch = table.row(table.length >>> 1);
  const column = (name: string) => batch.getChild(name);
  const first = (name: string) => column(name)?.data[0]?.values[0] as bigint;
  const tags = manifest.tags.map(({ name }) => {
    const value: unknown = column(name)?.get(0) ?? null;
    const plain = value !== null && typeof value === "object" ? [...(value as Iterable<unknown>)] : value;
    const age = column(`${name}.age`)?.get(0) ?? null;
    const status = column(`${name}.status`)?.get(0) ?? null;
    return [name, { value: plain as ExampleValue["value"], age_ns: age, status }] as const;
  });
  return {
    frame_index: first("frame_index"),
    frame_time: formatInstant(first("frame_time")),
    frame_pts: first("frame_pts"),
    tags: Object.fromEntries(tags),
  };
}

function rangeOf(options: AlignOptions): { from?: bigint; to?: bigint } {
  const instant = (value: bigint | string | undefined) =>
    typeof value === "string" ? parseInstant(value) : value;
  const [from, to] = [instant(options.from), instant(options.to)];
  if (from !== undefined && to !== undefined && from >= to) {
    throw new AlignError(
      "USAGE_RANGE",
      `the range is empty: --from ${formatInstant(from)} is not before --to ${formatInstant(to)}`,
      { hint: "--to is the first instant after the rows" },
    );
  }
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function rangeReport({ from, to }: { from?: bigint; to?: bigint }): AlignReport["range"] {
  return {
    from: from === undefined ? null : formatInstant(from),
    to: to === undefined ? null : formatInstant(to),
  };
}

function requireOut(options: AlignOptions): string {
  if (options.out !== undefined && options.out !== "") return options.out;
  throw new AlignError("USAGE_OUT", "no output directory was given", {
    hint: "give --out DIR, or --dry-run",
  });
}

function requireCoverage(manifest: Manifest, report: AlignReport): void {
  const least = manifest.require.coverage;
  if (least === undefined) return;
  const short = Object.entries(report.tags).filter(([, tag]) => tag.coverage < least);
  const [first] = short;
  if (first === undefined) return;
  const shown = short
    .map(([name, tag]) => `${name} ${tag.coverage.toFixed(4)}`)
    .slice(0, 5)
    .join(", ");
  throw new AlignError(
    "REQUIREMENT_COVERAGE",
    `${short.length === 1 ? "a tag has" : `${short.length} tags have`} fewer values than require.coverage ${least}: ${shown}`,
    {
      where: { tag: first[0] },
      hint: "widen its tolerance or max_gap, or lower require.coverage: the status column then says why a frame has no value",
    },
  );
}

function stopwatch() {
  const laps: Record<string, number> = {};
  const start = performance.now();
  let last = start;
  return {
    lap(name: string): void {
      const now = performance.now();
      laps[name] = Math.round(now - last);
      last = now;
    },
    laps: () => ({ ...laps, total: Math.round(performance.now() - start) }),
  };
}
