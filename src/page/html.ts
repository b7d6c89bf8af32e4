/** Text that is markup already. */
export interface Markup {
  readonly markup: string;
}

type Part = string | number | bigint | Markup | readonly Markup[];

/** Markup in which every part that is no markup itself is escaped. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { markup: texts.reduce((whole, text, at) => whole + partText(parts[at - 1]!) + text) };
}

function partText(part: Part): string {
  if (typeof part !== "object") return escapeText(String(part));
  return "markup" in part ? part.markup : part.map(({ markup }) => markup).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** For text and for attributes in quotes; characters that would turn the direction of what follows are replaced. */
function escapeText(text: string): string {
  return text
    .replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, "\ufffd")
    .replace(/[&<>"']/g, (character) => entities[character]!);
}

/** JSON that ends neither a script element nor a line of a script. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
