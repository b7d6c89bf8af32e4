import { join } from "node:path";
import type {
  AlignResult,
  CheckReport,
  ClockReport,
  InspectReport,
  SourceSummary,
  Warning,
} from "../index.ts";

/**
 * Result of `align` for people: the rows, one line a tag with the row in the middle, clocks, warnings, files.
 *
 * @param limit characters a line, Infinity where the text goes to no terminal
 */
export function alignText(
  report: AlignResult,
  out: string | undefined,
  elapsedMs: number,
  limit: number,
): string {
  const { frames, example } = report;
  const rate = frames.rate_hz === null ? "" : `, ${frames.rate_hz.toFixed(3)} Hz`;
  const head = [
    `${report.capture}`,
    `${frames.count} frames${rate}`,
    `${frames.first} to ${frames.last}`,
    "",
    `frame ${example.frame_index} at ${example.frame_time} (${durationText(example.frame_pts)} into the video)`,
  ];
  const rows = Object.entries(report.tags).map(([name, tag]) => {
    const cell = example.tags[name];
    return [
      name,
      valueText(cell?.value ?? null),
      cell?.age_ns == null ? "" : durationText(cell.age_ns),
      cell?.status == null ? "" : statusText(cell.status),
      `${percent(tag.coverage)}`,
      String(tag.nulls),
      String(tag.stale),
      tag.age_p99_ns === null ? "" : durationText(tag.age_p99_ns),
    ];
  });
  const titles = ["tag", "value", "age", "status", "coverage", "nulls", "stale", "age p99"];
  const files = report.outputs.map(
    (output) => `  ${join(out ?? "", output.path)}  ${output.rows} rows, ${output.kind}`,
  );
  const end =
    out === undefined
      ? ["dry run: nothing was written"]
      : [
          report.kept ? "complete already, kept as it is" : `written in ${(elapsedMs / 1000).toFixed(1)} s`,
          ...files,
          `  ${join(out, "report.json")}`,
        ];
  return lines([
    ...head,
    ...table([titles, ...rows], "lrrlrrrr", limit),
    ...clocksText(report.clocks, limit),
    ...warningsText(report.warnings),
    "",
    ...end,
  ]);
}

export function checkText(report: CheckReport, limit: number): string {
  const sources = report.sources.flatMap((source) => ["", ...sourceText(source, limit)]);
  const verdict = report.complete
    ? "every tag of the manifest is there"
    : "tags are missing: `align` would stop with exit status 4";
  return lines([
    report.capture,
    ...sources,
    ...clocksText(report.clocks, limit),
    ...warningsText(report.warnings),
    "",
    verdict,
  ]);
}

export function inspectText(report: InspectReport, limit: number): string {
  const head = `${report.file}: ${report.kind}, ${bytesText(report.bytes)}`;
  const columns = report.columns.map(({ name, type, filled_share: share, least, greatest }) => [
    name,
    type,
    percent(share),
    shorten(least ?? "", 32),
    shorten(greatest ?? "", 32),
  ]);
  const asSource =
    report.source === null ? [] : ["", "as a source of a manifest:", `  ${flow(report.source)}`];
  return lines([
    head,
    ...(columns.length === 0
      ? []
      : ["", ...table([["column", "type", "filled", "least", "greatest"], ...columns], "llrll", limit)]),
    ...(report.summary === null ? [] : ["", ...sourceText(report.summary, limit)]),
    ...asSource,
    ...warningsText(report.warnings),
  ]);
}

function sourceText(source: SourceSummary, limit: number): string[] {
  const rate = source.rate_hz === null ? "" : `, ${source.rate_hz.toFixed(3)} Hz`;
  const span = source.first === null ? [] : [`  ${source.first} to ${source.last}`];
  const unit = source.kind === "video" || source.kind === "frames" ? "frames" : "rows";
  const about = source.description === null ? "" : ` (${source.description})`;
  const counts: [number, string][] = [
    [source.unsorted_rows, "out of time order"],
    [source.duplicate_samples, "superseded at the same instant"],
    [source.rows_without_time, "without a time"],
    [source.ambiguous_local_times, "at ambiguous local times"],
    [source.nonexistent_local_times, "at local times that do not exist"],
  ];
  const noted = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const tags = source.tags.map((tag) => [
    `  ${tag.tag}`,
    tag.type,
    String(tag.samples),
    tag.rate_hz === null ? "" : `${tag.rate_hz.toPrecision(4)} Hz`,
    tag.bad_share === 0 ? "" : `${percent(tag.bad_share)} bad`,
    tag.first ?? "",
    tag.last ?? "",
  ]);
  return [
    `${source.source}: ${source.kind} on clock ${source.clock}${about}`,
    `  ${source.rows} ${unit}${rate}`,
    ...span,
    ...(noted.length === 0 ? [] : [`  rows ${noted.join(", ")}`]),
    ...table(tags, "llrrrll", limit),
    ...source.missing_tags.map((tag) => `  ${tag}  MISSING`),
  ];
}

function clocksText(clocks: readonly ClockReport[], limit: number): string[] {
  const rows = clocks.flatMap((clock) =>
    clock.segments.map((segment) => [
      `${clock.from} -> ${clock.to}`,
      clock.model,
      clock.evidence.join(" + "),
      `offset ${durationText(segment.offset_ns)}`,
      `drift ${(segment.drift_ppb / 1000).toFixed(3)} ppm`,
      `residual p50 ${durationText(BigInt(Math.round(segment.residual_p50_ns)))}`,
      `${segment.pairs} ${segment.pairs === 1 ? "pair" : "pairs"}`,
    ]),
  );
  return rows.length === 0 ? [] : ["", ...table(rows, "lllrrrr", limit)];
}

export function warningsText(warnings: readonly Warning[]): string[] {
  if (warnings.length === 0) return [];
  return [
    "",
    ...warnings.map(
      ({ code, message, first }) =>
        `warning[${code}]: ${message}${first === null ? "" : `; first: ${first}`}`,
    ),
  ];
}

/** Columns side by side, l left and r right aligned; the last ones are left out where a line would be too long. */
export function table(cells: readonly (readonly string[])[], alignment: string, limit: number): string[] {
  const rows = cells.map((row) => row.map(oneLine));
  const widths = [...alignment].map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, width(row[column] ?? "")), 0),
  );
  let end = 0;
  for (const [column, used] of widths.entries()) {
    const taken = widths.slice(0, column).reduce((sum, one) => (one === 0 ? sum : sum + one + 2), used);
    if (taken <= limit || column < 2) end = column + 1;
    else break;
  }
  return rows.map((row) =>
    row
      .slice(0, end)
      .map((cell, column) => {
        const filler = " ".repeat((widths[column] ?? 0) - width(cell));
        return alignment[column] === "r" ? filler + cell : cell + filler;
      })
      .filter((_, column) => (widths[column] ?? 0) > 0)
      .join("  ")
      .trimEnd(),
  );
}

const statusNames = new Map([
  [0x0000_0000, "good"],
  [0x0000_0402, "good, interpolated"],
  [0x40a4_0402, "uncertain, interpolated"],
  [0x4090_0000, "uncertain, last usable"],
  [0x40a4_0000, "uncertain, held"],
  [0x809b_0000, "no data"],
]);

function statusText(status: number): string {
  return statusNames.get(status) ?? `0x${status.toString(16).padStart(8, "0")}`;
}

function valueText(value: unknown): string {
  if (value === null) return "-";
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  if (Array.isArray(value)) return shorten(`[${value.map(valueText).join(", ")}]`, 32);
  return shorten(String(value), 32);
}

/** A duration in the unit that suits its size. */
export function durationText(ns: bigint, digits = 4): string {
  const size = Math.abs(Number(ns));
  const units: [number, string][] = [
    [1e9, "s"],
    [1e6, "ms"],
    [1e3, "us"],
  ];
  const [scale, unit] = units.find(([least]) => size >= least) ?? [1, "ns"];
  if (unit === "s" && size >= 1e13) return `${Math.round(Number(ns) / 1e9)} s`;
  return `${Number((Number(ns) / scale).toPrecision(digits))} ${unit}`;
}

export function bytesText(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function percent(share: number): string {
  return share === 1 ? "100 %" : `${(100 * share).toFixed(1)} %`;
}

function shorten(text: string, limit: number): string {
  const characters = [...oneLine(text)];
  return characters.length <= limit ? characters.join("") : `${characters.slice(0, limit - 1).join("")}…`;
}

/** YAML flow style of plain keys and texts, to be copied into a manifest. */
function flow(value: unknown): string {
  if (typeof value !== "object" || value === null)
    return /^[\w./:+-]+$/.test(String(value)) ? String(value) : JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${flow(inner)}`)
    .join(", ")} }`;
}

export function lines(parts: readonly string[]): string {
  return `${parts.map(oneLine).join("\n")}\n`;
}

/** Text out of a file must neither break a line nor steer the terminal. */
export function oneLine(text: string): string {
  return text
    .replace(/\s*[\r\n]\s*/g, " ")
    .replace(/\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\uff01-\uff60]|\p{Emoji_Presentation}/gu;

/** Columns of a terminal that a text takes. */
function width(text: string): number {
  const marks = text.match(/\p{Mn}/gu)?.length ?? 0;
  return [...text].length - marks + (text.match(wide)?.length ?? 0);
}
