import type { DoctorReport, Finding } from "../index.ts";
import { lines, oneLine, table } from "./text.ts";

/** Findings of `doctor` for people: what is wrong comes last, where it is seen. */
export function doctorText(report: DoctorReport, limit: number): string {
  const { dir, format, format_version: version, level, episodes, frames, counts, checks, mended } = report;
  const kind = [format, version].filter((part) => part !== null).join(" ");
  const held =
    episodes === null ? "" : `, ${episodes} episodes${frames === null ? "" : `, ${frames} frames`}`;
  const of = (asked: Finding["level"]) => checks.filter((check) => check.level === asked);
  const passed = of("PASS").map(({ check, message }) => ["PASS", check, message]);
  const found = [...of("WARN"), ...of("FAIL")].flatMap((finding) => [
    oneLine(`${finding.level}  ${finding.check}: ${finding.message}`),
    ...placeText(finding),
  ]);
  return lines([
    `${dir}: ${kind}${held}`,
    "",
    ...table(passed, "lll", limit),
    ...(found.length === 0 ? [] : ["", ...found]),
    ...(mended.length === 0 ? [] : ["", ...mended.map((what) => `mended: ${what}`)]),
    "",
    `${level}: ${counts.pass} passed, ${counts.warn} warnings, ${counts.fail} failed`,
  ]);
}

function placeText({ where, fixable }: Finding): string[] {
  const { file, feature, episode, frame } = where ?? {};
  const parts = [
    file ?? "",
    feature ?? "",
    episode === undefined ? "" : `episode ${episode}`,
    frame === undefined ? "" : `frame ${frame}`,
  ].filter((part) => part !== "");
  return [
    ...(parts.length === 0 ? [] : [`  at: ${parts.join(", ")}`]),
    ...(fixable ? ["  hint: --fix mends it"] : []),
  ];
}
