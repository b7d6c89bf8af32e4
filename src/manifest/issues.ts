import type { z } from "zod";
import type { ManifestPath, Problem } from "./document.ts";
import { nearestWord } from "./nearest.ts";
import type { JsonSchema } from "./schema.ts";

type Issue = z.core.$ZodIssue;

/** Keys whose text carries a unit. */
const DURATION_KEYS = new Set([
  "tolerance",
  "max_gap",
  "stale_after",
  "offset",
  "uncertainty",
  "max_lag",
  "span",
  "clock_uncertainty",
  "start",
  "capture_delay",
  "exposure",
  "min",
  "max",
  "split_at_gaps",
  "action_lead",
  "max_jitter",
]);

/** A text that has been read, what it may hold, and what it is called. */
export interface Text {
  readonly values: unknown;
  readonly schema: JsonSchema;
  /** Such as `the manifest`. */
  readonly name: string;
}

/** What is wrong with the shape of a text, in its own words: one problem a mistake. */
export function problemsOf(issues: readonly Issue[], text: Text): Problem[] {
  const all = issues.flatMap((issue) => problems(issue, [], text));
  return [...new Map(all.map((problem) => [JSON.stringify([problem.code, problem.path]), problem])).values()];
}

/** `tags.pump.window.span`, `outputs[0].path`. */
export function dotted(path: ManifestPath): string {
  return path.reduce<string>(
    (text, step) => (typeof step === "number" ? `${text}[${step}]` : text === "" ? step : `${text}.${step}`),
    "",
  );
}

function problems(issue: Issue, above: ManifestPath, text: Text): Problem[] {
  const path = [...above, ...(issue.path as (string | number)[])];
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey([...path, key], text));
  const value = at(text.values, path);
  if (value === undefined) return [missingKey(path, text)];
  if (issue.code === "custom") {
    const { code, hint } = issue.params as Pick<Problem, "code" | "hint">;
    return [{ code, message: `${dotted(path)}: ${issue.message}`, hint, path, at: "value" }];
  }
  if (issue.code === "invalid_key") {
    return [
      {
        code: "MANIFEST_VALUE",
        message: `${dotted(path.slice(0, -1))} holds an empty name`,
        hint: "give it a name",
        path,
        at: "key",
      },
    ];
  }
  if (issue.code === "invalid_union") {
    const inside = issue.errors.find((errors) => errors.length > 0 && errors.every(isInside));
    if (inside !== undefined) return inside.flatMap((error) => problems(error, path, text));
  }
  return [wrongValue(path, value, text)];
}

/** Whether an issue of a union's branch says that the branch is meant: it is about a key, not about the value. */
function isInside({ path, code }: Issue): boolean {
  return path.length > 0 || code === "unrecognized_keys";
}

function unknownKey(path: ManifestPath, text: Text): Problem {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const known = keysAt(parent, text);
  const near = nearestWord(key, known);
  const branches = schemaAt(parent, text)?.oneOf ?? [];
  const kinds = branches.filter((branch) => key in (branch.properties ?? {})).flatMap(kindsOf);
  let hint = `keys here are ${known.join(", ")}`;
  if (known.length === 0) hint = "no keys belong here: write {}";
  if (near !== undefined) hint = `did you mean "${near}"?`;
  if (kinds.length > 0) hint = `"${key}" belongs to kind ${kinds.join(", ")}`;
  const where = parent.length === 0 ? "" : ` in ${dotted(parent)}`;
  return { code: "MANIFEST_UNKNOWN_KEY", message: `unknown key "${key}"${where}`, hint, path, at: "key" };
}

/** A key that is not there; when a key beside it looks like it, that one is the mistake. */
function missingKey(path: ManifestPath, text: Text): Problem {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const known = keysAt(parent, text);
  const typo = Object.keys(at(text.values, parent) ?? {}).find(
    (written) => !known.includes(written) && nearestWord(written, known) === key,
  );
  if (typo !== undefined) return unknownKey([...parent, typo], text);
  const schema = schemaAt(path, text);
  const choices = choicesAt(path, text);
  let hint = `add "${key}": ${schema?.description}`;
  if (choices !== undefined) hint = `add "${key}": one of ${choices.join(", ")}`;
  if (schema?.const !== undefined) hint = `add "${key}: ${schema.const}"`;
  const who = parent.length === 0 ? text.name : dotted(parent);
  return { code: "MANIFEST_MISSING_KEY", message: `${who} has no "${key}"`, hint, path, at: "key" };
}

function wrongValue(path: ManifestPath, value: unknown, text: Text): Problem {
  const key = String(path.at(-1) ?? "");
  const schema = schemaAt(path, text);
  const problem = (message: string, hint: string, code: Problem["code"] = "MANIFEST_VALUE"): Problem => ({
    code,
    message,
    hint,
    path,
    at: "value",
  });
  if (path.length === 0) {
    const first = schema?.required?.[0] ?? "";
    const start = `${first}: ${schema?.properties?.[first]?.const ?? "..."}`;
    return problem(`${text.name} is not a map of keys`, `start with "${start}"`);
  }
  const what = `${dotted(path)} is ${show(value)}`;
  if (path.length === 1 && key === "version" && schema?.const !== undefined) {
    return problem(
      `version ${show(value)} of the manifest format is not known`,
      "write version: 1",
      "MANIFEST_VERSION",
    );
  }
  if (schema?.type === "string" && DURATION_KEYS.has(key)) {
    const message = typeof value === "number" ? `${what}, without a unit` : what;
    return problem(message, 'a duration carries its unit, e.g. "5s"', "MANIFEST_DURATION");
  }
  const choices = choicesAt(path, text);
  if (choices !== undefined) {
    const near = typeof value === "string" ? nearestWord(value, choices) : undefined;
    const all = `one of ${choices.join(", ")}`;
    return problem(what, near === undefined ? `write ${all}` : `did you mean "${near}"? It is ${all}`);
  }
  if (schema?.minimum !== undefined && typeof value === "number") {
    const most = schema.maximum === undefined ? "on" : `to ${schema.maximum}`;
    const kind = schema.type === "integer" ? "a whole number" : "a number";
    return problem(what, `write ${kind} from ${schema.minimum} ${most}`);
  }
  if (schema?.type === "string" && typeof value !== "object" && value !== "") {
    return problem(`${what}, which is not text`, `put it in quotes: "${value}"`);
  }
  return problem(
    what,
    schema?.description === undefined
      ? "correct the value"
      : `expected ${form(schema)}: ${schema.description}`,
  );
}

const FORMS: Readonly<Record<string, string>> = {
  object: "a map of keys",
  array: "a list",
  number: "a number",
  integer: "a whole number",
  string: "text",
  boolean: "true or false",
  null: "nothing",
};

function form({ type = "object", anyOf }: Schema): string {
  if (anyOf !== undefined) return anyOf.map(form).join(" or ");
  return (typeof type === "string" ? [type] : type).map((one) => FORMS[one]!).join(" or ");
}

function show(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a map of keys";
  return typeof value === "string" ? `"${value}"` : String(value);
}

function at(values: unknown, path: ManifestPath): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === "object" && value !== null ? (value as Record<string, unknown>)[step] : undefined,
    values,
  );
}

interface Schema {
  type?: string | readonly string[];
  description?: string;
  enum?: readonly string[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  additionalProperties?: Schema | false;
  items?: Schema;
  oneOf?: readonly Schema[];
  anyOf?: readonly Schema[];
}

/** The schema of a place in the manifest, before a branch of it is chosen. */
function schemaAt(path: ManifestPath, text: Text): Schema | undefined {
  let schema: Schema | undefined = text.schema as Schema;
  for (const [depth, step] of path.entries()) {
    const inside = branchFor(schema, at(text.values, path.slice(0, depth)));
    schema =
      typeof step === "number"
        ? inside?.items
        : (inside?.properties?.[step] ?? (inside?.additionalProperties || undefined));
  }
  return schema;
}

/** Of a schema with several branches the one that a value means: by its kind, else by its type. */
function branchFor(schema: Schema | undefined, value: unknown): Schema | undefined {
  const kind = at(value, ["kind"]);
  const type = Array.isArray(value) ? "array" : "object";
  return (
    schema?.oneOf?.find((branch) => kindsOf(branch).includes(String(kind))) ??
    schema?.anyOf?.find((branch) => branch.type === type) ??
    schema
  );
}

/** The keys that a map may hold: of its kind, or of every kind when it names none. */
function keysAt(path: ManifestPath, text: Text): readonly string[] {
  const schema = schemaAt(path, text);
  const branch = branchFor(schema, at(text.values, path));
  const branches = branch?.properties === undefined ? (schema?.oneOf ?? []) : [branch];
  return [...new Set(branches.flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

function kindsOf(branch: Schema): readonly string[] {
  return branch.properties?.kind?.enum ?? [];
}

/** The words that a key may be; of `kind` those of every branch. */
function choicesAt(path: ManifestPath, text: Text): readonly string[] | undefined {
  const branches = path.at(-1) === "kind" ? schemaAt(path.slice(0, -1), text)?.oneOf : undefined;
  const schema = schemaAt(path, text);
  const words =
    typeof at(text.values, path) === "string"
      ? schema?.anyOf?.find((branch) => branch.enum)?.enum
      : undefined;
  return branches?.flatMap(kindsOf) ?? schema?.enum ?? words;
}
