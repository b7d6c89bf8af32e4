import type { ClockMap, ClocksResult, ClockTieReport, EvidenceReport, FittedMapReport } from "../index.ts";
import { durationText, lines, table, warningsText } from "./text.ts";

/** Events of a map that are shown. */
const MOST_EVENTS = 12;

/**
 * Result of `clock` for people: each map with its evidence, segments and events, then each clock's way to the reference.
 *
 * @param files what was written
 * @param limit characters a line, Infinity where the text goes to no terminal
 */
export function clockText(result: ClocksResult, files: readonly string[], limit: number): string {
  const { capture, reference_clock: reference, maps, clocks, warnings } = result.report;
  return lines([
    `${capture}, on clock ${reference}`,
    ...(maps.length === 0
      ? ["", "the manifest has no maps"]
      : maps.flatMap((map, at) => mapText(map, result.maps[at]!, limit))),
    ...tiesText(clocks, reference, limit),
    ...warningsText(warnings),
    ...(files.length === 0 ? [] : ["", "written", ...files.map((file) => `  ${file}`)]),
  ]);
}

function mapText(
  { label, model, entries, segments, events }: FittedMapReport,
  map: ClockMap,
  limit: number,
): string[] {
  const places = segments.map(({ start, offset_ns: offset, drift_ppb: drift }, at) => {
    const { start: first, end: last } = map.segments[at]!;
    return [
      `  ${at + 1}`,
      start === null ? "always" : shortInstant(start),
      start === null ? "" : spanText(last - first, 4),
      offsetText(offset),
      `${drift > 0 ? "+" : ""}${(drift / 1000).toFixed(3)} ppm`,
    ];
  });
  const qualities = segments.map((segment, at) => [
    `  ${at + 1}`,
    String(segment.pairs),
    String(segment.rejected),
    nsText(segment.residual_p50_ns),
    nsText(segment.residual_p99_ns),
    nsText(segment.sigma_ns),
    nsText(segment.bound_ns),
  ]);
  const changes = events
    .slice(0, MOST_EVENTS)
    .map(({ kind, time, size_ns: size }) => [
      `  ${kind}`,
      shortInstant(time),
      size === 0n ? "" : offsetText(size),
    ]);
  const more = events.length - changes.length;
  return [
    "",
    `${label}: ${model}`,
    ...table(entries.map(evidenceCells), "ll", limit),
    ...table([["  #", "start", "length", "offset at start", "drift"], ...places], "llrrr", limit),
    ...table(
      [["  #", "pairs", "rejected", "residual p50", "p99", "sigma", "hard bound"], ...qualities],
      "lrrrrrr",
      limit,
    ),
    ...table(changes, "llr", limit),
    ...(more > 0 ? [`  and ${more} more events`] : []),
  ];
}

function evidenceCells({ kind, origin, rows, rejected, stale, invalid }: EvidenceReport): string[] {
  const counts: [number, string][] = [
    [rejected, "rejected"],
    [stale, "stale"],
    [invalid, "invalid"],
  ];
  const noted = counts.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
  const told = kind === "constant" ? "" : `: ${rows} ${rows === 1 ? "row" : "rows"}${noted.join("")}`;
  return [`  ${kind}`, `${origin}${told}`];
}

function tiesText(clocks: readonly ClockTieReport[], reference: string, limit: number): string[] {
  if (clocks.length === 0) return [];
  const rows = clocks.map(({ from, path, sigma_ns: sigma, bound_ns: bound }) => {
    if (path === null) return [from, "", "", "no maps lead there"];
    const hops = path.map(({ map, inverted }) => (inverted ? `${map} inverted` : map));
    return [from, nsText(sigma), nsText(bound), hops.join(", ")];
  });
  return ["", ...table([["clock", "sigma", "hard bound", `way to ${reference}`], ...rows], "lrrl", limit)];
}

/** To the ms. */
function shortInstant(time: string): string {
  return time.replace(/(\.\d{3})\d{6}Z$/, "$1Z");
}

const nsText = (ns: number | null) => (ns === null ? "none" : durationText(BigInt(Math.round(ns))));

/** With its sign. */
function offsetText(ns: bigint): string {
  return ns < 0n ? `-${spanText(-ns, 9)}` : `${ns > 0n ? "+" : ""}${spanText(ns, 9)}`;
}

/** A span of at least 0: from a minute on its three largest parts, else to so many digits. */
function spanText(ns: bigint, digits: number): string {
  if (ns < 60_000_000_000n) return durationText(ns, digits);
  const seconds = ns / 1_000_000_000n;
  const parts: [bigint, string][] = [
    [seconds / 86_400n, "d"],
    [(seconds / 3600n) % 24n, "h"],
    [(seconds / 60n) % 60n, "min"],
    [seconds % 60n, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0n);
  const shown = parts.slice(first, first + 3).filter(([count]) => count > 0n);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(" ");
}
