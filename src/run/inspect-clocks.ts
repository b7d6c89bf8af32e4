import { type ClockMap, type ClockReport, clockReport, type EvidenceOutcome } from "../clock/index.ts";
import { AlignError } from "../errors.ts";
import { type Manifest, readManifest } from "../manifest/index.ts";
import { version } from "../version.ts";
import { type ClockFit, type ClockFits, readClockFits, tieToReference } from "./clocks/index.ts";
import { clocksPage } from "./clocks-page.ts";
import { placeFiles, requirePlaces } from "./place-files.ts";
import { reportJson } from "./report.ts";
import { Session, type SessionOptions, type Warning } from "./session.ts";

export interface InspectClocksOptions extends SessionOptions {
  /** File for the report with every map as `ClockMap.toJSON()` writes it. */
  out?: string;
  /** File for one HTML page that shows every map and needs no network. */
  plot?: string;
  /** Files that are there already give way. */
  overwrite?: boolean;
}

/** How a capture's clocks are tied together, and how well. Sigma and hard bound in ns; `null` is no bound. */
export interface ClocksReport {
  capture: string;
  version: string;
  reference_clock: string;
  /** In the manifest's order; maps between the same two clocks are one. */
  maps: FittedMapReport[];
  /** Every other clock of the manifest. */
  clocks: ClockTieReport[];
  warnings: Warning[];
}

/** The map between two clocks; its segments say how sure it is at their middle. */
export interface FittedMapReport extends ClockReport {
  /** The map's name in messages and paths. */
  label: string;
  segments: (ClockReport["segments"][number] & Certainty)[];
  /** Entry for entry the manifest's `evidence`, of all maps between the two. */
  entries: EvidenceReport[];
}

export interface EvidenceReport {
  kind: string;
  origin: string;
  /** `used`, `rejected`, `stale` and `invalid` add up to it; 0 of a constant. */
  rows: number;
  used: number;
  rejected: number;
  stale: number;
  invalid: number;
}

/** A clock's map to the reference clock: its evidence, segments and events are those of the path together. */
export interface ClockTieReport extends ClockReport, Certainty {
  /** The maps on the way, `inverted` where one is used from target to source; `null` where none lead there. */
  path: { map: string; inverted: boolean }[] | null;
}

/** At the middle of a segment; of a whole map the largest of its segments. */
export interface Certainty {
  sigma_ns: number | null;
  bound_ns: number | null;
}

export interface ClocksResult {
  report: ClocksReport;
  /** The maps of `report.maps`, in their order. */
  maps: readonly ClockMap[];
  /** The maps of `report.clocks` to the reference clock; undefined where there is none. */
  clocks: readonly (ClockMap | undefined)[];
}

/**
 * Fits every clock map of a capture and ties its clocks to the reference clock; reads the evidence and nothing else.
 *
 * A clock that no map ties to the reference clock is an error where a source in use is on it, else it is told in the
 * report. Files are put in place complete, or not at all.
 *
 * @throws AlignError of the families MANIFEST (exit 3), SOURCE (4), CLOCK (5) and OUTPUT (7)
 */
export async function inspectClocks(
  manifest: string | URL | Manifest,
  options: InspectClocksOptions = {},
): Promise<ClocksResult> {
  const read =
    typeof manifest === "string" || manifest instanceof URL ? await readManifest(manifest) : manifest;
  const overwrite = options.overwrite === true;
  const paths = [options.out, options.plot].filter((path) => path !== undefined);
  await requirePlaces(paths, overwrite);
  return Session.during(read.base, options, async (session) => {
    const fits = await readClockFits(session, read);
    const others = read.clocks.filter((clock) => clock !== read.referenceClock);
    const ties = others.map((clock) => tieOf(read, fits, clock));
    const report: ClocksReport = {
      capture: read.capture,
      version,
      reference_clock: read.referenceClock,
      maps: fits.fits.map(mapReport),
      clocks: ties.map(({ report }) => report),
      warnings: session.warnings,
    };
    const result = { report, maps: fits.fits.map(({ map }) => map), clocks: ties.map(({ map }) => map) };
    const files: { path: string; text: string }[] = [];
    if (options.out !== undefined) files.push({ path: options.out, text: documentText(result) });
    if (options.plot !== undefined)
      files.push({ path: options.plot, text: await clocksPage(report, fits.fits) });
    session.progress("publish", paths.join(", "), 0, files.length);
    await placeFiles(files, overwrite);
    return result;
  });
}

/** The report, and beside each entry the map that it tells of. */
function documentText({ report, maps, clocks }: ClocksResult): string {
  return reportJson({
    ...report,
    maps: report.maps.map((entry, at) => ({ ...entry, map: maps[at] })),
    clocks: report.clocks.map((entry, at) => ({ ...entry, map: clocks[at] ?? null })),
  });
}

interface Tie {
  readonly report: ClockTieReport;
  readonly map: ClockMap | undefined;
}

function tieOf(manifest: Manifest, fits: ClockFits, clock: string): Tie {
  try {
    const { map, path, report } = tieToReference(manifest, fits, clock);
    const hops = path.map(({ label, inverted }) => ({ map: label, inverted }));
    return { report: { ...report, ...worstCertainty(map), path: hops }, map };
  } catch (cause) {
    const isLoose = cause instanceof AlignError && cause.code === "CLOCK_NO_PATH";
    if (!isLoose || clocksInUse(manifest).has(clock)) throw cause;
    const none = { model: "", evidence: [], segments: [], events: [], sigma_ns: null, bound_ns: null };
    return { report: { from: clock, to: manifest.referenceClock, ...none, path: null }, map: undefined };
  }
}

/** The clocks of the frames and of the sources that tags are taken from. */
function clocksInUse({ sources, frames, tags }: Manifest): Set<string> {
  const names = new Set([frames, ...tags.map(({ source }) => source)]);
  return new Set([...sources.values()].filter(({ name }) => names.has(name)).map(({ clock }) => clock));
}

function mapReport({ from, to, label, model, map, evidence, outcomes }: ClockFit): FittedMapReport {
  const kinds = [...new Set(evidence.map(({ kind }) => kind))];
  const report = clockReport(map, { from, to, model, evidence: kinds });
  return {
    ...report,
    label,
    segments: report.segments.map((segment, at) => {
      const { start, end } = map.segments[at]!;
      return { ...segment, ...certaintyOf(map, start, end) };
    }),
    entries: evidence.map(({ kind, origin }, entry) => ({
      kind,
      origin,
      ...countsOf(outcomes.find((outcome) => outcome.entry === entry)),
    })),
  };
}

function countsOf(outcome: EvidenceOutcome | undefined): Omit<EvidenceReport, "kind" | "origin"> {
  const counts = [0, 0, 0, 0];
  for (const state of outcome?.states ?? []) counts[state]! += 1;
  const [used, rejected, stale, invalid] = counts as [number, number, number, number];
  return { rows: outcome?.states.length ?? 0, used, rejected, stale, invalid };
}

/** The largest of those at the middles of the segments. */
function worstCertainty(map: ClockMap): Certainty {
  const all = map.segments.map(({ start, end }) => certaintyOf(map, start, end));
  const bounds = all.map(({ bound_ns: bound }) => bound ?? Number.POSITIVE_INFINITY);
  const bound = Math.max(...bounds);
  return {
    sigma_ns: Math.max(...all.map(({ sigma_ns: sigma }) => sigma)),
    bound_ns: Number.isFinite(bound) ? bound : null,
  };
}

/** At the middle of a span; any instant is the middle of one that holds for all time. */
function certaintyOf(
  map: ClockMap,
  start: bigint,
  end: bigint,
): { sigma_ns: number; bound_ns: number | null } {
  const middle = BigInt64Array.of(start + (end - start) / 2n);
  const bound = map.bound(middle)[0]!;
  return { sigma_ns: map.uncertainty(middle)[0]!, bound_ns: Number.isFinite(bound) ? bound : null };
}
