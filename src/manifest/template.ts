import { AlignError } from "../errors.ts";
import type { TemplatePart } from "./manifest.ts";

/**
 * The parts of a text with names in braces: `"Round {round_id} at {station|no station}"`.
 *
 * Throws AlignError `MANIFEST_TEMPLATE` for braces that do not pair, a name within a name, and an empty name.
 */
export function parseTemplate(text: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let rest = text;
  while (rest !== "") {
    const open = rest.search(/[{}]/);
    if (open < 0) return [...parts, rest];
    if (rest[open] === "}") throw unbalanced(text, 'a "}" that no "{" opens');
    if (open > 0) parts.push(rest.slice(0, open));
    const close = rest.slice(open + 1).search(/[{}]/);
    if (close < 0) throw unbalanced(text, 'a "{" that no "}" closes');
    if (rest[open + 1 + close] === "{") throw unbalanced(text, 'a "{" within braces');
    parts.push(namePart(rest.slice(open + 1, open + 1 + close), text));
    rest = rest.slice(open + close + 2);
  }
  return parts;
}

function namePart(inside: string, text: string): TemplatePart {
  const bar = inside.indexOf("|");
  const name = (bar < 0 ? inside : inside.slice(0, bar)).trim();
  if (name === "") throw unbalanced(text, "braces without a name");
  return bar < 0 ? { name } : { name, otherwise: inside.slice(bar + 1) };
}

function unbalanced(text: string, what: string): AlignError {
  return new AlignError("MANIFEST_TEMPLATE", `"${text}" has ${what}`, {
    hint: "write {name}, or {name|text if there is no value}",
  });
}
