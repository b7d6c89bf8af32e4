import type { ManifestDocument, ManifestPath, Problem } from "./document.ts";
import { episodeProblems } from "./episode-check.ts";
import { dotted } from "./issues.ts";
import { checkMap, checkModels } from "./maps.ts";
import { Problems } from "./problems.ts";
import type { ManifestText, SourceText } from "./schema.ts";
import { tagProblems } from "./tags.ts";

/** What is wrong with a manifest whose shape is right, as far as the manifest alone can tell. */
export function semanticProblems(text: ManifestText, document: ManifestDocument): Problem[] {
  const found = new Problems();
  const clocks = Object.keys(text.clocks);
  const sources = new Map(Object.entries(text.sources));
  found.known("clock", text.reference_clock, clocks, ["reference_clock"]);
  for (const [i, map] of text.maps.entries()) checkMap(map, clocks, sources, ["maps", i], found);
  checkModels(text.maps, found);
  for (const [name, source] of sources) {
    found.known("clock", source.clock, clocks, ["sources", name, "clock"]);
    checkShape(source, ["sources", name], found);
    checkArrival(source, ["sources", name], found);
    checkQuality(source, ["sources", name], found);
  }
  if (found.known("source", text.frames, [...sources.keys()], ["frames"])) {
    const { kind } = sources.get(text.frames)!;
    if (kind !== "video" && kind !== "frames") {
      found.add(
        "MANIFEST_FRAMES",
        ["frames"],
        `frames names "${text.frames}", which is a ${kind} source`,
        "name a source of kind video or frames",
      );
    }
  }
  tagProblems(text, document.names(["tags"]), found);
  episodeProblems(text, document.names(["tags"]), found);
  checkOutputs(text, found);
  return found.list;
}

const SHAPE_COLUMNS = {
  wide: ["time", "arrival", "quality"],
  long: ["time", "arrival", "tag", "value", "quality"],
  intervals: ["start", "end", "quality"],
  events: ["time", "arrival", "quality"],
} as const;

const OPTIONAL_COLUMNS = ["arrival", "quality"];

function checkShape(source: SourceText, path: ManifestPath, found: Problems): void {
  if (source.kind === "video" || source.kind === "frames") return;
  const belonging: readonly string[] = SHAPE_COLUMNS[source.shape];
  for (const column of belonging) {
    if (OPTIONAL_COLUMNS.includes(column) || Object.hasOwn(source.columns, column)) continue;
    found.add(
      "MANIFEST_MISSING_KEY",
      [...path, "columns", column],
      `${dotted(path)}.columns has no "${column}"`,
      `a source of shape ${source.shape} needs columns: ${belonging.filter((name) => !OPTIONAL_COLUMNS.includes(name)).join(", ")}`,
      "key",
    );
  }
  for (const column of Object.keys(source.columns)) {
    if (belonging.includes(column)) continue;
    const shapes = Object.entries(SHAPE_COLUMNS).filter(([, columns]) =>
      (columns as readonly string[]).includes(column),
    );
    found.add(
      "MANIFEST_KEY_MISPLACED",
      [...path, "columns", column],
      `${dotted([...path, "columns", column])} does not belong to shape ${source.shape}`,
      `"${column}" belongs to shape ${shapes.map(([shape]) => shape).join(", ")}; the default shape is wide`,
      "key",
    );
  }
}

function checkArrival(source: SourceText, path: ManifestPath, found: Problems): void {
  if (source.kind === "video" || source.arrival === undefined || source.columns.arrival !== undefined) return;
  found.add(
    "MANIFEST_KEY_MISPLACED",
    [...path, "arrival"],
    `${dotted(path)}.arrival reads a column that ${dotted(path)}.columns does not name`,
    "add columns.arrival, or leave it out",
    "key",
  );
}

function checkQuality(source: SourceText, path: ManifestPath, found: Problems): void {
  if (!("quality" in source) || typeof source.quality !== "object") return;
  const listOf = new Map<string, string>();
  for (const list of ["good", "uncertain", "bad"] as const) {
    for (const [i, entry] of source.quality[list].entries()) {
      const other = listOf.get(String(entry));
      if (other === undefined) {
        listOf.set(String(entry), list);
        continue;
      }
      found.add(
        "MANIFEST_QUALITY",
        [...path, "quality", list, i],
        `${dotted(path)}.quality has ${JSON.stringify(entry)} under ${other} and under ${list}`,
        "keep one of the two",
      );
    }
  }
}

function checkOutputs(text: ManifestText, found: Problems): void {
  const taken = new Set<string>();
  for (const [i, { kind, path: written }] of text.outputs.entries()) {
    const isTable = kind === "parquet" || kind === "arrow" || kind === "csv";
    const path = ["outputs", i, "path"];
    const parts = written.split(/[\\/]/).filter((part) => part !== "" && part !== ".");
    const flat = parts.join("/");
    const problem = (message: string, hint: string) =>
      found.add("MANIFEST_OUTPUT_PATH", path, `outputs[${i}].path "${written}" ${message}`, hint);
    if (/^([\\/]|[A-Za-z]:)/.test(written))
      problem("is absolute", "write it relative to the output directory");
    else if (parts.includes("..")) problem("leaves the output directory", 'write it without ".."');
    else if (flat === "" || (isTable && /[\\/]$/.test(written)))
      problem(
        isTable ? "is not a file" : "is the output directory itself",
        isTable ? 'name a file, e.g. "aligned.parquet"' : 'name a directory in it, e.g. "dataset"',
      );
    else if (flat.toLowerCase() === "report.json")
      problem("is the report's own", "give the table another name");
    else if (taken.has(flat)) problem("is written twice", "give each output its own path");
    else if ([...taken].some((other) => other.startsWith(`${flat}/`) || flat.startsWith(`${other}/`)))
      problem("lies within another output, or the other way round", "give each output a place of its own");
    taken.add(flat);
  }
}
