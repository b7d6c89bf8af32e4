import type { ManifestPath } from "./document.ts";
import { camerasOf, cutTagOf, frameIndexTagOf, isList } from "./episode-resolve.ts";
import type { EpisodesText } from "./episode-schema.ts";
import { dotted } from "./issues.ts";
import type { TemplatePart } from "./manifest.ts";
import { nearestWord } from "./nearest.ts";
import type { Problems } from "./problems.ts";
import type { ManifestText, TagText } from "./schema.ts";

/** Names of what episodes carry beside the context. */
const RESERVED = [
  "value_valid",
  "value_age_ns",
  "value_quality",
  "previous_value",
  "previous_delta",
  "previous_valid",
  "personnel_id",
  "sop_step_id",
  "sop_step_text",
  "sop_step_index",
  "sop_step_elapsed_ns",
  "alarm_active_count",
  "alarm_max_severity",
  "alarm_multihot",
];

/** What a check of the episodes looks at. */
interface Scene {
  text: ManifestText;
  episodes: EpisodesText;
  /** All tags, in the order of the text. */
  tags: readonly string[];
  found: Problems;
}

/** What is wrong with `episodes`, and with the tags that it names; `tags` are all of them, in the order of the text. */
export function episodeProblems(text: ManifestText, tags: readonly string[], found: Problems): void {
  for (const name of tags) checkPrevious(text.tags[name]!, ["tags", name], found);
  const { episodes } = text;
  if (episodes === undefined) return;
  const scene: Scene = { text, episodes, tags, found };
  checkCut(scene);
  checkDurations(scene);
  for (const key of ["observation", "action"] as const) checkValues(scene, key);
  checkContext(scene);
  checkPersonnel(scene);
  checkAlarms(scene);
  if (episodes.procedure !== undefined) one(scene, episodes.procedure.step, ["procedure", "step"]);
  checkCameras(scene);
  for (const key of ["task", "scene"] as const) checkTemplate(scene, key);
}

function checkPrevious(tag: TagText, path: ManifestPath, found: Problems): void {
  if (tag.previous_episode !== true) return;
  const type = isList(tag) ? "a list" : tag.type;
  if (type === undefined || type === "number" || type === "integer") return;
  found.add(
    "MANIFEST_TYPE",
    [...path, "previous_episode"],
    `${dotted(path)}.previous_episode needs numbers, and the tag is ${type}`,
    "leave it out",
    "key",
  );
}

/** Whether a name is a tag; if not, that is a problem. */
function known({ tags, found }: Scene, name: string, path: ManifestPath): boolean {
  return found.known("tag", name, tags, ["episodes", ...path]);
}

/** As `known`, for a tag that has one value a frame. */
function one(scene: Scene, name: string, path: ManifestPath): boolean {
  if (!known(scene, name, path)) return false;
  if (!isList(scene.text.tags[name]!)) return true;
  scene.found.add(
    "MANIFEST_TYPE",
    ["episodes", ...path],
    `${dotted(["episodes", ...path])} names "${name}", which is a list`,
    "name a tag without overlap: all",
  );
  return false;
}

function checkCut(scene: Scene): void {
  const { text, episodes, tags, found } = scene;
  const { by } = episodes;
  if (by === undefined) return;
  if (typeof by === "string") {
    one(scene, by, ["by"]);
    return;
  }
  const path = ["episodes", "by", "source"];
  if (!found.known("source", by.source, Object.keys(text.sources), path)) return;
  const source = text.sources[by.source]!;
  const problem = (message: string, hint: string) => found.add("MANIFEST_EPISODES", path, message, hint);
  if (!("shape" in source) || source.shape !== "intervals") {
    problem(
      `episodes.by names source "${by.source}", which is not of shape intervals`,
      "name a source of shape intervals, or cut by a tag",
    );
  } else if (cutTagOf(by.source, text, tags) === undefined) {
    problem(
      `episodes.by names source "${by.source}", which no tag tells the intervals of`,
      "add a tag of it, with one value a frame",
    );
  } else if (text.provenance === "none") {
    problem(
      "episodes.by names a source, and provenance: none leaves out when its intervals begin",
      "leave provenance out, or cut by a tag",
    );
  }
}

function checkDurations({ episodes, found }: Scene): void {
  const { min, max } = episodes;
  for (const key of ["max", "split_at_gaps"] as const) {
    if (episodes[key] !== 0n) continue;
    found.add("MANIFEST_DURATION", ["episodes", key], `episodes.${key} is 0`, "write a longer duration");
  }
  if (min === undefined || max === undefined || max === 0n || max >= min) return;
  found.add(
    "MANIFEST_EPISODES",
    ["episodes", "max"],
    "episodes.max is less than episodes.min: every episode would be left out",
    "write a longer max, or a shorter min",
  );
}

function checkValues(scene: Scene, key: "observation" | "action"): void {
  const { text, episodes, found } = scene;
  const names = episodes[key] ?? [];
  for (const [at, name] of names.entries()) {
    const path = [key, at];
    if (!known(scene, name, path)) continue;
    const problem = (code: "MANIFEST_TYPE" | "MANIFEST_EPISODES", what: string, hint: string) =>
      found.add(code, ["episodes", ...path], `${dotted(["episodes", ...path])} names "${name}"${what}`, hint);
    if (names.indexOf(name) < at) problem("MANIFEST_EPISODES", " again", "leave it out");
    if (text.tags[name]!.type === "text")
      problem("MANIFEST_TYPE", ", whose type is text", "name tags of numbers; text belongs to context");
  }
}

function checkContext(scene: Scene): void {
  for (const [name, tag] of Object.entries(scene.episodes.context ?? {})) {
    one(scene, tag, ["context", name]);
    const problem = (what: string, hint: string) =>
      scene.found.add(
        "MANIFEST_EPISODES",
        ["episodes", "context", name],
        `episodes.context: "${name}" ${what}`,
        hint,
        "key",
      );
    if (RESERVED.includes(name)) problem("is a name that episodes use themselves", "give it another name");
    if (name.includes("/")) problem('has a "/"', 'write "_" in its place');
  }
}

/** Tags that hold what the tag of a person holds. */
function personTags({ text, episodes, tags }: Scene): readonly string[] {
  const person = text.tags[episodes.personnel?.tag ?? ""];
  if (person === undefined) return [];
  return tags.filter((name) => {
    const { source, tag } = text.tags[name]!;
    return source === person.source && tag === person.tag;
  });
}

function checkPersonnel(scene: Scene): void {
  const { episodes, found, text } = scene;
  if (episodes.personnel === undefined || !one(scene, episodes.personnel.tag, ["personnel", "tag"])) return;
  const persons = personTags(scene);
  const shown: [name: string | undefined, path: ManifestPath][] = [
    ...(["observation", "action"] as const).flatMap((key) =>
      (episodes[key] ?? []).map((name, at): [string, ManifestPath] => [name, [key, at]]),
    ),
    ...Object.entries(episodes.context ?? {}).map(([name, tag]): [string, ManifestPath] => [
      tag,
      ["context", name],
    ]),
    [episodes.alarms?.name, ["alarms", "name"]],
    [episodes.alarms?.severity, ["alarms", "severity"]],
    [episodes.procedure?.step, ["procedure", "step"]],
  ];
  const problem = (path: ManifestPath, at: "key" | "value") =>
    found.add(
      "MANIFEST_PERSONNEL",
      path,
      `${dotted(path)} would show who does the work`,
      "leave it out: plant.personnel_id stands for the person",
      at,
    );
  for (const [name, path] of shown)
    if (name !== undefined && persons.includes(name)) problem(["episodes", ...path], "value");
  for (const name of persons)
    if (text.tags[name]!.previous_episode === true) problem(["tags", name, "previous_episode"], "key");
}

function checkAlarms(scene: Scene): void {
  const { episodes, text, found } = scene;
  for (const key of ["name", "severity"] as const) {
    const name = episodes.alarms?.[key];
    if (name === undefined || !known(scene, name, ["alarms", key]) || isList(text.tags[name]!)) continue;
    found.add(
      "MANIFEST_JOIN",
      ["episodes", "alarms", key],
      `episodes.alarms.${key} names "${name}", which is not a list of all active alarms`,
      `give tags.${name} join: covering and overlap: all`,
    );
  }
}

function checkCameras(scene: Scene): void {
  const { text, episodes, tags, found } = scene;
  const cameras = camerasOf(episodes, text);
  for (const [at, name] of cameras.entries()) {
    const path = ["episodes", "cameras", at];
    if (!found.known("source", name, Object.keys(text.sources), path)) continue;
    const problem = (message: string, hint: string) =>
      found.add("MANIFEST_CAMERA", path, `${dotted(path)} names "${name}"${message}`, hint);
    const { kind } = text.sources[name]!;
    if (kind !== "video") problem(`, which is a ${kind} source`, "name a source of kind video");
    else if (cameras.indexOf(name) < at) problem(" again", "leave it out");
    else if (name !== text.frames && frameIndexTagOf(name, text, tags) === undefined) {
      problem(
        ", and no tag tells which of its frames belongs to a row",
        `add a tag { source: ${name}, tag: frame_index, join: nearest }`,
      );
    }
  }
}

function checkTemplate({ text, episodes, tags, found }: Scene, key: "task" | "scene"): void {
  const names = new Set([
    ...Object.keys(episodes.context ?? {}),
    ...tags,
    ...(episodes.procedure === undefined ? [] : ["sop_step_text", "sop_step_id"]),
    ...(episodes.personnel === undefined ? [] : ["personnel_id"]),
    "capture",
    "description",
  ]);
  const parts: readonly TemplatePart[] = episodes[key] ?? [];
  for (const part of parts) {
    if (typeof part === "string" || names.has(part.name)) continue;
    const near = nearestWord(part.name, names);
    const needsProcedure = part.name === "sop_step_text" || part.name === "sop_step_id";
    let hint = `names here are ${[...names].join(", ")}`;
    if (near !== undefined) hint = `did you mean "${near}"?`;
    if (needsProcedure) hint = "it needs episodes.procedure";
    found.add(
      "MANIFEST_TEMPLATE",
      ["episodes", key],
      `episodes.${key} names {${part.name}}, which is neither context nor a tag`,
      hint,
    );
  }
  if (text.description === undefined && parts.some((part) => isNamed(part, "description"))) {
    if (tags.includes("description") || Object.hasOwn(episodes.context ?? {}, "description")) return;
    found.add(
      "MANIFEST_TEMPLATE",
      ["episodes", key],
      `episodes.${key} names {description}, and the manifest has none`,
      'add "description", or leave it out',
    );
  }
}

function isNamed(part: TemplatePart, name: string): boolean {
  return typeof part !== "string" && part.name === name && part.otherwise === undefined;
}
