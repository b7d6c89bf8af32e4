import { createHmac } from "node:crypto";
import { AlignError } from "../errors.ts";
import type { Json } from "./set.ts";

/** What stands for a person: the same for one salt wherever the person is named, and nobody's without it. */
export function pseudonym(salt: string, name: string): string {
  return `p-${createHmac("sha256", salt).update(name).digest("hex").slice(0, 12)}`;
}

/**
 * Finds persons that other texts name.
 *
 * A name of one letter is not looked for: it is in every text.
 *
 * @throws AlignError SOURCE_PERSONNEL, without the name
 */
export function refusePersons(
  names: Iterable<string>,
  texts: Iterable<readonly [place: string, text: string]>,
): void {
  const words = [...names]
    .map((name) => name.trim())
    .filter((name) => (name.match(/\p{L}/gu)?.length ?? 0) >= 2)
    .map((name) => name.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  if (words.length === 0) return;
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.join("|")})(?![\\p{L}\\p{N}])`, "iu");
  for (const [place, text] of texts) {
    if (!pattern.test(text)) continue;
    throw new AlignError("SOURCE_PERSONNEL", `${place} names a person of episodes.personnel`, {
      hint: "leave out the tag or the text that holds the name",
    });
  }
}

/** All texts of a JSON value, keys included. */
export function* textsOf(value: Json): Generator<string> {
  if (typeof value === "string") yield value;
  else if (Array.isArray(value)) for (const item of value) yield* textsOf(item);
  else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      yield key;
      yield* textsOf(item);
    }
  }
}
