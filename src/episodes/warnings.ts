import type { EpisodeWarning } from "./capture.ts";
import type { CapturePlan } from "./plan.ts";

/** What was noticed when captures were cut. */
export function warningsOf(plans: readonly CapturePlan[]): EpisodeWarning[] {
  const warnings: EpisodeWarning[] = [];
  const names = new Set<string>();
  for (const { capture, counts, selection } of plans) {
    const warn = (code: string, count: number, message: string) =>
      warnings.push({ code, count, message: `${capture.capture}: ${message}` });
    if (names.has(capture.capture))
      warn("CAPTURE_TWICE", 1, "this capture is in the set more than once; its episodes are numbered on");
    names.add(capture.capture);
    for (const [name, count] of counts.missing)
      warn("TEMPLATE_VALUE_MISSING", count, `{${name}} has no value ${count} times and reads "unknown"`);
    for (const [tag, count] of counts.rounded)
      warn("INTEGERS_ROUNDED", count, `${tag}: ${count} integers are rounded, as float32 does not hold them`);
    for (const [tag, count] of counts.tooLarge)
      warn(
        "NUMBERS_TOO_LARGE",
        count,
        `${tag}: ${count} numbers are too large for float32 and are no values`,
      );
    for (const [camera, count] of counts.pictures)
      warn(
        "PICTURES_MISSING",
        count,
        `camera ${camera}: ${count} frames show a picture of a frame beside them`,
      );
    for (const tag of selection.listsLeftOut)
      warn("CONTEXT_LIST_LEFT_OUT", 1, `${tag} is a list, which context cannot hold`);
  }
  return warnings;
}
