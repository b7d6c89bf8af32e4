import { z } from "zod";
import {
  type JsonSchema,
  ManifestDocument,
  nearestWord,
  type Problem,
  problemsOf,
} from "../manifest/index.ts";

/** A standard operating procedure: its steps in order, and how an execution may depart from that order. */
export interface Procedure {
  /** Its identity, which appears in every result. */
  readonly procedure: string;
  /** Revision, as its owner counts. */
  readonly revision?: string;
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
}

const word = (description: string) => z.string().min(1).meta({ description });

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
  })
  .meta({ description: "a step" });

const procedureText = z
  .strictObject({
    procedure: word("identity of the procedure"),
    revision: z
      .union([z.string().min(1), z.number()])
      .transform(String)
      .optional()
      .meta({ description: "its revision" }),
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
  const { procedure, revision, description, steps } = parsed.data;
  return {
    procedure,
    ...(revision === undefined ? {} : { revision }),
    ...(description === undefined ? {} : { description }),
    steps: steps.map((one) => ({
      id: one.id,
      text: one.text,
      isOptional: one.optional,
      isRepeatable: one.repeatable,
      ...(one.group === undefined ? {} : { group: one.group }),
      forbiddenBefore: one.forbidden_before,
    })),
  };
}

function mistakes({ steps }: ProcedureText): Problem[] {
  const problems: Problem[] = [];
  const add = (path: Problem["path"], message: string, hint: string) =>
    problems.push({ code: "MANIFEST_PROCEDURE", path, message, hint, at: "value" });
  const ids = steps.map(({ id }) => id);
  const left = new Set<string>();
  for (const [at, { id, group, forbidden_before: before }] of steps.entries()) {
    if (ids.indexOf(id) < at) add(["steps", at, "id"], `two steps have the id "${id}"`, "give each its own");
    const previous = steps[at - 1]?.group;
    if (previous !== undefined && previous !== group) left.add(previous);
    if (group !== undefined && left.has(group)) {
      const hint = "put its steps one after the other, or name another group";
      add(["steps", at, "group"], `the group "${group}" is interrupted by other steps`, hint);
    }
    for (const [place, other] of before.entries()) {
      const path = ["steps", at, "forbidden_before", place];
      const near = nearestWord(other, ids);
      if (other === id) add(path, `step "${id}" is forbidden before itself`, "leave it out");
      else if (!ids.includes(other)) {
        const hint = near === undefined ? `steps are ${ids.join(", ")}` : `did you mean "${near}"?`;
        add(path, `there is no step "${other}"`, hint);
      }
    }
  }
  return problems;
}
