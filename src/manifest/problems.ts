import type { ManifestPath, Problem } from "./document.ts";
import { dotted } from "./issues.ts";
import { nearestWord } from "./nearest.ts";

const UNKNOWN = {
  clock: "MANIFEST_UNKNOWN_CLOCK",
  source: "MANIFEST_UNKNOWN_SOURCE",
  tag: "MANIFEST_UNKNOWN_TAG",
} as const;

/** A growing list of problems. */
export class Problems {
  readonly list: Problem[] = [];

  add(
    code: Problem["code"],
    path: ManifestPath,
    message: string,
    hint: string,
    at: Problem["at"] = "value",
  ): void {
    this.list.push({ code, path, message, hint, at });
  }

  /** Whether a name is one of those declared; if not, that is a problem. */
  known(
    what: "clock" | "source" | "tag",
    name: string,
    declared: readonly string[],
    path: ManifestPath,
  ): boolean {
    if (declared.includes(name)) return true;
    const near = nearestWord(name, declared);
    const all =
      declared.length === 0
        ? `${what}s is empty: declare "${name}" there`
        : `${what}s has ${declared.join(", ")}`;
    this.add(
      UNKNOWN[what],
      path,
      `${dotted(path)} names the ${what} "${name}", which is not declared`,
      near === undefined ? all : `did you mean "${near}"?`,
    );
    return false;
  }
}
