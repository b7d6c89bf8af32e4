import { join } from "node:path";
import type { ExportResult } from "../index.ts";
import { bytesText, lines, oneLine, table } from "./text.ts";

/** Result of `export` for people: what went in, what was left out, what is there. */
export function exportText(report: ExportResult, out: string, limit: number): string {
  const { name, format, options, fps, episodes, frames, tasks, conformance } = report;
  const kind = [format, options.format_version, options.layout].filter((part) => part !== null).join(" ");
  const captures = report.captures.map(({ capture, ...counts }) => [
    capture,
    counted(counts.episodes, "episode"),
    counted(counts.frames, "frame"),
  ]);
  const left = report.left_out.map(({ capture, reason, frames: count }) => [
    capture,
    counted(count, "frame"),
    reason === "outside" ? "outside of every episode" : "in episodes that are too short",
  ]);
  const bytes = report.files.reduce((sum, file) => sum + file.bytes, 0);
  return lines([
    `${name}: ${kind}, ${counted(episodes, "episode")}, ${counted(frames, "frame")} at ${fps} Hz, ${counted(tasks, "task")}`,
    "",
    ...table(captures, "lrr", limit),
    ...(left.length === 0 ? [] : ["", "left out", ...table(left, "lrl", limit)]),
    ...(conformance === null
      ? []
      : [
          "",
          `procedure: ${conformance.followed} followed, ${conformance.deviated} deviated, ${conformance.incomplete} incomplete`,
        ]),
    ...(report.warnings.length === 0 ? [] : [""]),
    ...report.warnings.map(({ code, message }) => oneLine(`warning[${code}]: ${message}`)),
    "",
    report.kept
      ? "complete already, kept as it is"
      : `video ${options.video}, ${counted(report.files.length, "file")}, ${bytesText(bytes)}`,
    `  ${join(out, "export.json")}`,
  ]);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
