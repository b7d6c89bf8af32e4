import { z } from "zod";
import {
  type JsonSchema,
  ManifestDocument,
  nearestWord,
  type Problem,
  problemsOf,
  span,
  word,
} from "../manifest/index.ts";

/** A standard operating procedure: its steps in order, and how an execution may depart from that order. */
export interface Procedure {
  /** Its identity, which appears in every result. */
  readonly procedure: string;
  /** As its owner counts. */
  readonly version?: string;
  readonly description?: string;
  /** In order; ids are unique. */
  readonly steps: readonly ProcedureStep[];
}

export interface ProcedureStep {
  readonly id: string;
  /** What is to be done, for people and templates. */
  readonly text: string;
  /** May be left out. */
  readonly isOptional: boolean;
  /** May happen again, at any time after it first did. */
  readonly isRepeatable: boolean;
  /** Steps in a row with the same group may happen in any order among themselves. */
  readonly group?: string;
  /** Ids of steps that must have happened before. */
  readonly forbiddenBefore: readonly string[];
  /** The longest that it may take. */
  readonly maxNs?: bigint;
}

const step = z
  .strictObject({
    id: word("the step's id, as the plant's record names it"),
    text: word("what is to be done"),
    optional: z.boolean().default(false).meta({ description: "whether it may be left out" }),
    repeatable: z
      .boolean()
      .default(false)
      .meta({ description: "whether it may happen again, at any time after it first did" }),
    group: word("steps in a row with the same group may happen in any order").optional(),
    forbidden_before: z
      .array(word("id of a step"))
      .default([])
      .meta({ description: "ids of steps that must have happened before" }),
    max: span("the longest that it may take").optional(),
  })
  .meta({ description: "a step" });

const procedureText = z
  .strictObject({
    procedure: word("identity of the procedure"),
    version: z
      .union([z.string().min(1), z.number()])
      .transform(String)
      .optional()
      .meta({ description: "its version, as its owner counts" }),
    description: z.string().optional().meta({ description: "what it is for" }),
    steps: z.array(step).min(1).meta({ description: "the steps in order" }),
  })
  .meta({ title: "Procedure", description: "A standard operating procedure and its permitted deviations" });

type ProcedureText = z.output<typeof procedureText>;

/** JSON Schema (draft 2020-12) of a procedure file, for editors. */
export const procedureSchema: JsonSchema = z.toJSONSchema(procedureText, {
  io: "input",
  target: "draft-2020-12",
});

/**
 * A procedure from the text of its file (YAML 1.2 or JSON).
 *
 * @throws AlignError MANIFEST_* for the first mistake in the text, with line and column
 */
export function parseProcedure(text: string, { path }: { path: string }): Procedure {
  const document = new ManifestDocument(text, path);
  const parsed = procedureText.safeParse(document.values);
  if (!parsed.success) {
    const shape = { values: document.values, schema: procedureSchema, name: "the procedure" };
    throw document.error(problemsOf(parsed.error.issues, shape));
  }
  const problems = mistakes(parsed.data);
  if (problems.length > 0) throw document.error(problems);
  const { procedure, version, description, steps } = parsed.data;
  return {
    procedure,
    ...(version === undefined ? {} : { version }),
    ...(description === undefined ? {} : { description }),
    steps: steps.map((one) => ({
      id: one.id,
      text: one.text,
      isOptional: one.optional,
      isRepeatable: one.repeatable,
      ...(one.group === undefined ? {} : { group: one.group }),
      forbiddenBefore: one.forbidden_before,
      ...(one.max === undefined ? {} : { maxNs: one.max }),
    })),
  };
}

/** Place of each step in the order, from 0; a group has one place. */
export function ranksOf(
  steps: readonly { readonly id: string; readonly group?: string | undefined }[],
): ReadonlyMap<string, number> {
  const ranks = new Map<string, number>();
  let rank = -1;
  for (const [at, { id, group }] of steps.entries()) {
    if (group === undefined || steps[at - 1]?.group !== group) rank += 1;
    ranks.set(id, rank);
  }
  return ranks;
}

function mistakes({ steps }: ProcedureText): Problem[] {
  const problems: Problem[] = [];
  const add = (path: Problem["path"], message: string, hint: string) =>
    problems.push({ code: "MANIFEST_PROCEDURE", path, message, hint, at: "value" });
  const ids = steps.map(({ id }) => id);
  const ranks = ranksOf(steps);
  const before = new Map(steps.map(({ id, forbidden_before }) => [id, forbidden_before]));
  const left = new Set<string>();
  for (const [at, { id, group, forbidden_before: others, max }] of steps.entries()) {
    if (max === 0n) add(["steps", at, "max"], `step "${id}" may take no time`, "write a longer duration");
    if (ids.indexOf(id) < at) add(["steps", at, "id"], `two steps have the id "${id}"`, "give each its own");
    const previous = steps[at - 1]?.group;
    if (previous !== undefined && previous !== group) left.add(previous);
    if (group !== undefined && left.has(group)) {
      const hint = "put its steps one after the other, or name another group";
      add(["steps", at, "group"], `the group "${group}" is interrupted by other steps`, hint);
    }
    for (const [place, other] of others.entries()) {
      const path = ["steps", at, "forbidden_before", place];
      const near = nearestWord(other, ids);
      if (!before.has(other)) {
        const hint = near === undefined ? `steps are ${ids.join(", ")}` : `did you mean "${near}"?`;
        add(path, `there is no step "${other}"`, hint);
      } else if (others.indexOf(other) < place)
        add(path, `step "${other}" is listed twice`, "keep one of the two");
      else if (other === id) add(path, `step "${id}" is forbidden before itself`, "leave it out");
      else if (ranks.get(other)! > ranks.get(id)!) {
        const message = `step "${id}" is forbidden before "${other}", which comes after it`;
        add(path, message, "leave it out, or change the order of the steps");
      } else if (waitsFor(other, id, before)) {
        const message = `step "${id}" is forbidden before "${other}", and that one before "${id}"`;
        add(path, message, "leave one of the two out");
      }
    }
  }
  return problems;
}

/** Whether a step is forbidden before another, be it by way of third ones. */
function waitsFor(
  id: string,
  other: string,
  before: ReadonlyMap<string, readonly string[]>,
  seen: Set<string> = new Set(),
): boolean {
  if (seen.has(id)) return false;
  seen.add(id);
  return (before.get(id) ?? []).some((next) => next === other || waitsFor(next, other, before, seen));
}
