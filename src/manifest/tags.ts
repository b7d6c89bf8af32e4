import type { ManifestPath } from "./document.ts";
import { dotted } from "./issues.ts";
import type { Problems } from "./problems.ts";
import type { ManifestText, SourceText, TagText } from "./schema.ts";

type Join = NonNullable<TagText["join"]>;

const FRAME_COLUMNS = ["frame_index", "frame_time", "frame_pts", "frame_uncertainty"];
const FRAME_TAGS = ["frame_index", "pts"];
const ASOF_JOINS: readonly Join[] = ["backward", "forward", "nearest"];

/** The joins that each key of a tag belongs to; a key that is missing here belongs to all. */
const JOINS_OF_KEY: Readonly<Record<string, readonly Join[]>> = {
  tolerance: [...ASOF_JOINS, "linear"],
  max_gap: ["linear"],
  extrapolate: ["linear"],
  stale_after: [...ASOF_JOINS, "linear", "covering"],
  overlap: ["covering"],
  step: [...ASOF_JOINS, "linear", "covering"],
  compression_deviation: [...ASOF_JOINS, "linear"],
  exception_deviation: [...ASOF_JOINS, "linear"],
  window: ["window"],
};

const DEVIATIONS = ["compression_deviation", "exception_deviation"] as const;

const NOT_COMPRESSED = {
  compression_deviation: "frames are not compressed",
  exception_deviation: "frames are not compressed",
} as const;

/** The join of a tag that names none. */
export function defaultJoin(source: SourceText): Join {
  return "shape" in source && source.shape === "intervals" ? "covering" : "backward";
}

/** What is wrong with the tags; `names` are all of them, in the order of the text. */
export function tagProblems(text: ManifestText, names: readonly string[], found: Problems): void {
  const sourceNames = Object.keys(text.sources);
  checkNames(text, names, found);
  for (const name of names) {
    const tag = text.tags[name]!;
    const path = ["tags", name];
    if (!found.known("source", tag.source, sourceNames, [...path, "source"])) continue;
    const source = text.sources[tag.source]!;
    const join = tag.join ?? defaultJoin(source);
    if (source.kind === "video" || source.kind === "frames")
      checkFrameTag(tag, join, source.kind, path, found);
    else checkJoinFitsShape(tag, join, source.shape, path, found);
    checkKeys(tag, join, path, found);
    checkType(tag, join, path, found);
  }
}

/** The columns that a tag adds beside its value; whether a change is ambiguous may depend on the type of its values. */
function columnsBeside(text: ManifestText, tag: TagText): string[] {
  if (text.provenance === "none") return [];
  const columns = ["age", "status"];
  const source = text.sources[tag.source];
  const isOfOtherClock = source !== undefined && source.clock !== text.sources[text.frames]?.clock;
  const join = tag.join ?? (source === undefined ? "backward" : defaultJoin(source));
  const holds = tag.step ?? (join === "covering" || (tag.type !== "number" && tag.type !== "integer"));
  if (isOfOtherClock && holds && join !== "linear" && join !== "window") columns.push("ambiguous");
  if (DEVIATIONS.some((key) => tag[key] !== undefined)) columns.push("error");
  return columns;
}

function checkNames(text: ManifestText, names: readonly string[], found: Problems): void {
  const taken = new Map<string, string>(
    names.flatMap((name) =>
      columnsBeside(text, text.tags[name]!).map((column) => [`${name}.${column}`, name] as const),
    ),
  );
  for (const name of names) {
    const path = ["tags", name];
    const problem = (message: string, hint: string) =>
      found.add("MANIFEST_TAG_NAME", path, message, hint, "key");
    if (name === "") problem("a tag has an empty name", "give it a name");
    if (FRAME_COLUMNS.includes(name)) {
      problem(`"${name}" is the name of a frame column`, `rename the tag, e.g. "camera_${name}"`);
    }
    const owner = taken.get(name);
    if (owner !== undefined) {
      problem(
        `"${name}" is also the name of a column of the tag "${owner}"`,
        "rename the tag, or leave those columns out with provenance: none",
      );
    }
  }
}

function checkFrameTag(tag: TagText, join: Join, kind: string, path: ManifestPath, found: Problems): void {
  if (!FRAME_TAGS.includes(tag.tag)) {
    found.add(
      "MANIFEST_FRAME_TAG",
      [...path, "tag"],
      `${dotted(path)}: a ${kind} source has no tag "${tag.tag}"`,
      `its tags are ${FRAME_TAGS.join(" and ")}`,
    );
  }
  if (join === "linear" || join === "covering")
    misfit(join, `a ${kind} source`, "join it backward, forward, nearest or window", path, found);
  const misplaced = { quality: "frames have no quality", ...NOT_COMPRESSED } as const;
  for (const [key, why] of Object.entries(misplaced)) {
    if (tag[key as keyof typeof misplaced] === undefined) continue;
    found.add(
      "MANIFEST_KEY_MISPLACED",
      [...path, key],
      `${dotted([...path, key])} does not belong to a tag of a ${kind} source`,
      `leave it out: ${why}`,
      "key",
    );
  }
}

function checkJoinFitsShape(
  tag: TagText,
  join: Join,
  shape: string,
  path: ManifestPath,
  found: Problems,
): void {
  if (shape === "intervals" && join !== "covering") {
    misfit(
      join,
      `source "${tag.source}" of shape intervals`,
      "write join: covering, or leave join out",
      path,
      found,
    );
  }
  if (shape !== "intervals" && join === "covering") {
    misfit(
      join,
      `source "${tag.source}" of shape ${shape}`,
      "covering needs a source of shape intervals",
      path,
      found,
    );
  }
}

function misfit(join: Join, what: string, hint: string, path: ManifestPath, found: Problems): void {
  found.add("MANIFEST_JOIN", [...path, "join"], `${dotted(path)}: join ${join} does not fit ${what}`, hint);
}

function checkKeys(tag: TagText, join: Join, path: ManifestPath, found: Problems): void {
  for (const [key, joins] of Object.entries(JOINS_OF_KEY)) {
    if (!Object.hasOwn(tag, key) || joins.includes(join)) continue;
    found.add(
      "MANIFEST_KEY_MISPLACED",
      [...path, key],
      `${dotted([...path, key])} does not belong to join ${join}`,
      `"${key}" belongs to join ${joins.join(", ")}`,
      "key",
    );
  }
  if (join === "linear" && Object.hasOwn(tag, "tolerance") && tag.extrapolate !== "hold") {
    found.add(
      "MANIFEST_KEY_MISPLACED",
      [...path, "tolerance"],
      `${dotted(path)}.tolerance does not belong to join linear without extrapolate: hold`,
      "write max_gap to limit the distance between samples, or add extrapolate: hold",
      "key",
    );
  }
  if (join === "linear" && tag.step === true) {
    found.add(
      "MANIFEST_JOIN",
      [...path, "step"],
      `${dotted(path)}: join linear draws a line between values, and step: true says that they hold`,
      "write join: backward, or leave step out",
    );
  }
  if (join !== "window") return;
  if (tag.window === undefined) {
    found.add(
      "MANIFEST_MISSING_KEY",
      [...path, "window"],
      `${dotted(path)} has no "window"`,
      "join window needs it, e.g. window: { span: frame, aggregate: count }",
      "key",
    );
  } else if (tag.window.span === 0n) {
    found.add(
      "MANIFEST_DURATION",
      [...path, "window", "span"],
      `${dotted(path)}.window.span is 0`,
      "write frame or a longer duration",
    );
  }
}

function checkType(tag: TagText, join: Join, path: ManifestPath, found: Problems): void {
  const { type, window } = tag;
  if (type === undefined) return;
  for (const key of DEVIATIONS) {
    if (tag[key] === undefined || type === "number" || type === "integer") continue;
    found.add(
      "MANIFEST_TYPE",
      [...path, key],
      `${dotted([...path, key])} needs numbers, and type is ${type}`,
      "leave it out: every change of such a tag is archived",
      "key",
    );
  }
  const problem = (message: string, hint: string) =>
    found.add("MANIFEST_TYPE", [...path, "type"], `${dotted(path)}: ${message}`, hint);
  if (join === "linear" && type !== "number") {
    problem(`join linear needs numbers, and type is ${type}`, "write type: number, or join: backward");
  }
  if (join === "window" && window !== undefined && (type === "text" || type === "boolean")) {
    if (["sum", "mean", "min", "max"].includes(window.aggregate)) {
      problem(
        `aggregate ${window.aggregate} needs numbers, and type is ${type}`,
        "aggregate it by count, first or last",
      );
    }
  }
}
