import { sep } from "node:path";
import type { AlignError, ErrorPlace } from "../index.ts";
import { oneLine } from "./text.ts";

/** What is told of an error. */
type Told = Pick<AlignError, "code" | "message" | "where" | "hint">;

/** The same error with the files below the current directory named from there. */
export function belowHere({ code, message, where, hint }: AlignError, here: string): Told {
  const below = here.endsWith(sep) ? here : `${here}${sep}`;
  const short = (text: string) =>
    below === sep
      ? text
      : text === here
        ? "."
        : text.replaceAll(below, (found, at: number) => (/[\w./\\-]/.test(text[at - 1] ?? "") ? found : ""));
  return {
    code,
    message: short(message),
    ...(where === undefined
      ? {}
      : { where: where.file === undefined ? where : { ...where, file: short(where.file) } }),
    ...(hint === undefined ? {} : { hint: short(hint) }),
  };
}

/** The three lines of an error: what, where, what to do. */
export function errorText(error: Told): string {
  const lines = [`error[${error.code}]: ${error.message}`];
  const place = placeText(error.where);
  if (place !== "") lines.push(`  at: ${place}`);
  if (error.hint !== undefined) lines.push(`  hint: ${error.hint}`);
  return `${lines.map(oneLine).join("\n")}\n`;
}

/** The same as one JSON document. */
export function errorDocument(error: Told): object {
  const { code, message, where = {}, hint = null } = error;
  return { error: { code, message, where, hint } };
}

function placeText(where: ErrorPlace | undefined): string {
  if (where === undefined) return "";
  const { file, line, column, source, tag, input, row, time } = where;
  const position = [file, line, column].filter((part) => part !== undefined).join(":");
  const parts = [
    position,
    source === undefined ? "" : `source ${source}`,
    tag === undefined ? "" : `tag ${tag}`,
    input ?? "",
    row === undefined ? "" : `row ${row} (from 0)`,
    time ?? "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}
