import { AlignError } from "../errors.ts";
import type { AlignedCapture, EpisodeTag } from "./capture.ts";
import type { TableColumnType } from "./table.ts";

/** A tag and how its column is held. */
export interface TagColumn {
  readonly tag: EpisodeTag;
  readonly type: TableColumnType;
  /** Of the items of a list. */
  readonly items?: TableColumnType;
}

/** What of a capture goes into its episodes. */
export interface Selection {
  readonly capture: AlignedCapture;
  /** In the order that `plant.value_valid` has. */
  readonly observation: readonly TagColumn[];
  readonly action: readonly TagColumn[];
  readonly previous: readonly TagColumn[];
  readonly context: readonly { readonly name: string; readonly column: TagColumn }[];
  readonly personnel?: { readonly column: TagColumn; readonly salt: string };
  /** The tag of the procedure's step, and the steps in the procedure's order, by id. */
  readonly step?: TagColumn;
  readonly steps: ReadonlyMap<string, { readonly index: number; readonly text: string }>;
  readonly alarms?: { readonly name: string; readonly severity?: string };
  /** Tags whose text is never shown, because the tag of a person holds it too. */
  readonly personTags: ReadonlySet<string>;
  /** Tags of role context that are lists, and are left out for it. */
  readonly listsLeftOut: readonly string[];
}

/**
 * Finds the columns that a capture's episodes are made of.
 *
 * @throws AlignError MANIFEST_EPISODES* where they do not fit what `episodes` says
 */
export function select(capture: AlignedCapture): Selection {
  const { spec } = capture;
  const columns = new Map(capture.tags.map((tag) => [tag.name, columnOf(capture, tag)]));
  const column = (name: string) => columns.get(name) ?? missing(capture, name);
  const person = spec.personnel && column(spec.personnel.tag).tag;
  const personTags = new Set(
    capture.tags.filter(({ source, tag }) => source === person?.source && tag === person.tag),
  );
  const isPerson = ({ tag }: TagColumn) => personTags.has(tag);
  const taken = new Set([
    ...(spec.by === undefined ? [] : [spec.by.tag]),
    ...(spec.procedure === undefined ? [] : [spec.procedure.step]),
    ...(spec.context ?? []).map(({ tag }) => tag),
    ...Object.values(spec.alarms ?? {}),
    ...capture.cameras.map(({ frameIndexColumn }) => frameIndexColumn ?? ""),
  ]);
  const isFree = (one: TagColumn) => !taken.has(one.tag.name) && !isPerson(one) && !isOfCamera(one);
  const ofRole = (role: EpisodeTag["role"]) => [...columns.values()].filter((one) => roleOf(one) === role);
  const values = (key: "observation" | "action", role: EpisodeTag["role"]) => {
    const chosen = spec[key]?.map(column) ?? ofRole(role).filter((one) => isFree(one) && isNumeric(one));
    for (const one of chosen) requireNumbers(capture, one, key);
    return chosen;
  };
  const observation = values("observation", "state");
  const action = values("action", "action");
  if (observation.length + action.length === 0) {
    throw new AlignError("MANIFEST_EPISODES", `episodes of ${capture.capture} would hold no plant values`, {
      hint: "name tags of numbers under episodes.observation or episodes.action",
    });
  }
  const isShown = ({ tag, type }: TagColumn) =>
    type !== "list" && tag.name !== spec.procedure?.step && !personTags.has(tag);
  const texts = ofRole("context");
  const context = (
    spec.context ?? texts.filter(isShown).map(({ tag: { name } }) => ({ name, tag: name }))
  ).map(({ name, tag }) => ({ name, column: single(capture, column(tag), `context.${name}`) }));
  const previous = [...columns.values()].filter(({ tag }) => tag.previousEpisode === true);
  for (const one of previous) requireNumbers(capture, single(capture, one, "previous_episode"), "previous");
  if (spec.by !== undefined) single(capture, column(spec.by.tag), "by");
  for (const name of Object.values(spec.alarms ?? {})) requireList(capture, column(name));
  return {
    capture,
    observation,
    action,
    previous,
    context,
    ...(spec.personnel === undefined
      ? {}
      : { personnel: { column: column(spec.personnel.tag), salt: spec.personnel.salt } }),
    ...(spec.procedure === undefined
      ? {}
      : { step: single(capture, column(spec.procedure.step), "procedure.step") }),
    steps: new Map(capture.procedure?.steps.map(({ id, text }, index) => [id, { index, text }])),
    ...(spec.alarms === undefined ? {} : { alarms: spec.alarms }),
    personTags: new Set([...personTags].map(({ name }) => name)),
    listsLeftOut:
      spec.context === undefined
        ? texts.filter((one) => one.type === "list" && isFree(one)).map(({ tag }) => tag.name)
        : [],
  };
}

function columnOf({ capture, table }: AlignedCapture, tag: EpisodeTag): TagColumn {
  const column = table.columns.get(tag.name);
  if (column === undefined) {
    throw new AlignError("SOURCE_EPISODES", `the table of ${capture} has no column "${tag.name}"`, {
      where: { tag: tag.name },
      hint: "align again",
    });
  }
  return { tag, ...column };
}

function missing({ capture }: AlignedCapture, name: string): never {
  throw new AlignError("MANIFEST_EPISODES", `episodes of ${capture} name "${name}", which is not a tag`, {
    hint: "name one of tags",
  });
}

function roleOf({ tag, type, items }: TagColumn): EpisodeTag["role"] {
  return tag.role ?? ((items ?? type) === "text" ? "context" : "state");
}

function isOfCamera({ tag: { sourceKind } }: TagColumn): boolean {
  return sourceKind === "video" || sourceKind === "frames";
}

function isNumeric({ type, items }: TagColumn): boolean {
  return (items ?? type) !== "text";
}

function requireNumbers({ capture }: AlignedCapture, column: TagColumn, key: string): void {
  if (isNumeric(column)) return;
  throw new AlignError("MANIFEST_EPISODES_TYPE", `${key} of ${capture}: "${column.tag.name}" is text`, {
    where: { tag: column.tag.name },
    hint: "name tags of numbers; text belongs to context",
  });
}

function single({ capture }: AlignedCapture, column: TagColumn, key: string): TagColumn {
  if (column.type !== "list") return column;
  throw new AlignError("MANIFEST_EPISODES_TYPE", `${key} of ${capture}: "${column.tag.name}" is a list`, {
    where: { tag: column.tag.name },
    hint: "name a tag with one value a frame",
  });
}

function requireList({ capture }: AlignedCapture, { tag, type }: TagColumn): void {
  if (type === "list") return;
  throw new AlignError("MANIFEST_EPISODES_TYPE", `alarms of ${capture}: "${tag.name}" is not a list`, {
    where: { tag: tag.name },
    hint: "give the tag join: covering and overlap: all",
  });
}
