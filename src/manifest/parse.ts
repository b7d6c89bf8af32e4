import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AlignError } from "../errors.ts";
import { semanticProblems } from "./check.ts";
import { ManifestDocument } from "./document.ts";
import { problemsOf } from "./issues.ts";
import type { Manifest } from "./manifest.ts";
import { resolve } from "./resolve.ts";
import { manifestSchema, manifestText } from "./schema.ts";

export interface ParseManifestOptions {
  /** Directory that the manifest's relative paths start from. */
  base: string;
  /** The file that the text came from, for errors. */
  path?: string;
}

/**
 * A manifest from its text (YAML 1.2 or JSON), checked as far as the text alone can tell.
 *
 * Throws AlignError `MANIFEST_...` for the first mistake in the text, with line and column; its message counts the others.
 */
export function parseManifest(text: string, { base, path }: ParseManifestOptions): Manifest {
  const document = new ManifestDocument(text, path);
  const parsed = manifestText.safeParse(document.values);
  if (!parsed.success)
    throw document.error(
      problemsOf(parsed.error.issues, {
        values: document.values,
        schema: manifestSchema,
        name: "the manifest",
      }),
    );
  const problems = semanticProblems(parsed.data, document);
  if (problems.length > 0) throw document.error(problems);
  const content = resolve(parsed.data, {
    clocks: document.names(["clocks"]),
    sources: document.names(["sources"]),
    tags: document.names(["tags"]),
    context: document.names(["episodes", "context"]),
  });
  const sha256 = createHash("sha256").update(text).digest("hex");
  return { ...content, base, ...(path === undefined ? {} : { path }), sha256 };
}

/**
 * A manifest from a file, or from `manifest.yaml` in a directory.
 *
 * Throws AlignError `USAGE_NO_MANIFEST` when there is none, and as `parseManifest`.
 */
export async function readManifest(path: string | URL): Promise<Manifest> {
  const named = path instanceof URL ? fileURLToPath(path) : path;
  let file = named;
  let bytes: Buffer;
  try {
    if ((await stat(named)).isDirectory()) file = join(named, "manifest.yaml");
    bytes = await readFile(file);
  } catch (cause) {
    throw new AlignError("USAGE_NO_MANIFEST", `no manifest can be read at ${file}`, {
      where: { file },
      hint: "name a manifest file, or a directory that holds manifest.yaml",
      cause,
    });
  }
  const base = dirname(file);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return parseManifest(text, { base, path: file });
  } catch (cause) {
    if (cause instanceof AlignError) throw cause;
    throw new AlignError("MANIFEST_SYNTAX", `${file} is not UTF-8 text`, {
      where: { file },
      hint: "save it as UTF-8",
      cause,
    });
  }
}
