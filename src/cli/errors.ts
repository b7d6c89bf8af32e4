import type { AlignError, ErrorPlace } from "../index.ts";

/** The three lines of an error: what, where, what to do. */
export function errorText(error: AlignError): string {
  const lines = [`error[${error.code}]: ${error.message}`];
  const place = placeText(error.where);
  if (place !== "") lines.push(`  at: ${place}`);
  if (error.hint !== undefined) lines.push(`  hint: ${error.hint}`);
  return `${lines.join("\n")}\n`;
}

/** The same as one JSON document. */
export function errorDocument(error: AlignError): object {
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
    row === undefined ? "" : `row ${row}`,
    time ?? "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}
