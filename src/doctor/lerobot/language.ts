import type { Tally } from "../report.ts";
import type { Piece } from "./episode-data.ts";
import { isRecord } from "./info.ts";
import { numberOf } from "./set.ts";

const persistentStyles = new Set(["subtask", "plan", "memory", "motion", "task_aug"]);
const eventStyles = new Set(["interjection", "vqa", "trace"]);
const stylesOfView = new Set(["vqa", "trace"]);

/**
 * Holds the language rows of an episode against the rules of their readers: a known style in the right column, a camera
 * exactly where the style is of a view, and the same persistent rows on every frame.
 */
export function checkLanguage(
  column: string,
  pieces: readonly Piece[],
  cameras: ReadonlySet<string>,
  place: { file: string; episode: number },
  tally: Tally,
): void {
  let first: string | undefined;
  let frame = 0;
  for (const { columns, start, end } of pieces) {
    const cells = columns.get(column);
    for (let row = start; row < end; row += 1, frame += 1) {
      const rows = cells?.[row] ?? [];
      const where = { ...place, feature: column, frame };
      for (const one of Array.isArray(rows) ? rows : [rows]) {
        const problem = rowProblem(column, one, cameras);
        if (problem !== undefined) tally.add(where, problem);
      }
      if (column !== "language_persistent") continue;
      const text = JSON.stringify(rows, (_, value: unknown) =>
        typeof value === "bigint" ? String(value) : value,
      );
      first ??= text;
      if (text !== first) tally.add(where, "persistent rows differ from those of the first frame");
    }
  }
}

function rowProblem(column: string, row: unknown, cameras: ReadonlySet<string>): string | undefined {
  if (!isRecord(row) || typeof row.role !== "string") return "a row has no role";
  const isPersistent = column === "language_persistent";
  const style = row.style ?? null;
  const known = isPersistent ? persistentStyles : eventStyles;
  if (style === null ? isPersistent : !known.has(String(style))) return `style ${style} is not of ${column}`;
  if (isPersistent && Number.isNaN(numberOf(row.timestamp))) return "a persistent row has no timestamp";
  const camera = row.camera ?? null;
  if (stylesOfView.has(String(style)))
    return cameras.has(String(camera)) ? undefined : `style ${style} names the camera ${camera}`;
  return camera === null ? undefined : `style ${style} must have no camera, not ${camera}`;
}
