import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { manifestSchema } from "../../src/manifest/index.ts";
import { refinery } from "./refinery.ts";

interface Schema {
  description?: string;
  type?: string;
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | false;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
}

const root = manifestSchema as Schema;

/** Whether a value fits, by the words of JSON Schema that the manifest's schema uses. */
function fits(schema: Schema, value: unknown): boolean {
  if (schema.oneOf !== undefined) return schema.oneOf.filter((branch) => fits(branch, value)).length === 1;
  if (schema.anyOf !== undefined) return schema.anyOf.some((branch) => fits(branch, value));
  if (schema.const !== undefined) return value === schema.const;
  if (schema.enum !== undefined) return schema.enum.includes(value);
  switch (schema.type) {
    case "string":
      return typeof value === "string" && new RegExp(schema.pattern ?? "").test(value);
    case "number":
    case "integer":
      return (
        typeof value === "number" && value >= (schema.minimum ?? value) && value <= (schema.maximum ?? value)
      );
    case "null":
      return value === null;
    case "array":
      return (
        Array.isArray(value) &&
        value.length >= (schema.minItems ?? 0) &&
        value.every((item) => fits(schema.items!, item))
      );
    case "object":
      return typeof value === "object" && value !== null && fitsObject(schema, value);
    default:
      throw new Error(`a schema of type ${schema.type}`);
  }
}

function fitsObject(schema: Schema, value: object): boolean {
  const inside = Object.entries(value).every(([key, item]) => {
    const inner = schema.properties?.[key] ?? schema.additionalProperties;
    return typeof inner === "object" && fits(inner, item);
  });
  return inside && (schema.required ?? []).every((key) => Object.hasOwn(value, key));
}

/** Every key that the schema names, as `tags.*.window.span`, with its schema. */
function keys(schema: Schema, path = ""): [string, Schema][] {
  const inner = [
    ...(schema.oneOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.items ? [schema.items] : []),
  ].flatMap((branch) => keys(branch, path));
  const named = Object.entries(schema.properties ?? {}).flatMap(([key, at]): [string, Schema][] => {
    const name = path === "" ? key : `${path}.${key}`;
    return [[name, at], ...keys(at, name)];
  });
  const more = schema.additionalProperties ? keys(schema.additionalProperties, `${path}.*`) : [];
  return [...inner, ...named, ...more];
}

describe("manifestSchema", () => {
  it("is of draft 2020-12", () => {
    expect(manifestSchema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
    });
  });

  it("describes every key, and refuses unknown ones everywhere", () => {
    const all = keys(root);
    expect(all.filter(([, { description }]) => !description).map(([name]) => name)).toEqual([]);
    const open = [root, ...all.map(([, schema]) => schema)].filter(
      ({ properties, additionalProperties }) => properties && additionalProperties !== false,
    );
    expect(open).toEqual([]);
  });

  it("has every key of the format", () => {
    const names = new Set(keys(root).map(([name]) => name));
    const tag = [
      "source",
      "tag",
      "join",
      "tolerance",
      "max_gap",
      "extrapolate",
      "stale_after",
      "quality",
      "overlap",
      "window",
      "type",
      "unit",
      "role",
    ];
    const source = [
      "kind",
      "role",
      "path",
      "query",
      "clock",
      "start",
      "shape",
      "columns",
      "time",
      "quality",
      "bad_values",
      "order",
    ];
    const top = [
      "version",
      "capture",
      "description",
      "reference_clock",
      "clocks",
      "maps",
      "sources",
      "frames",
      "tags",
      "provenance",
      "require",
      "outputs",
    ];
    const inner = ["time.unit", "time.zone", "time.ambiguous", "time.format"].map(
      (key) => `sources.*.${key}`,
    );
    const expected = [
      ...top,
      ...tag.map((key) => `tags.*.${key}`),
      ...source.map((key) => `sources.*.${key}`),
      ...inner,
    ];
    expect(expected.filter((name) => !names.has(name))).toEqual([]);
    expect([...names]).toEqual(
      expect.arrayContaining([
        "require.coverage",
        "maps.evidence.columns.round_trip",
        "maps.evidence.max_lag",
      ]),
    );
  });

  it("accepts a manifest that uses every part of the format, and refuses slips", () => {
    const fitsText = (text: string) => fits(root, parse(text));
    expect(fitsText(refinery)).toBe(true);
    for (const [right, wrong] of [
      ["max_gap: 30s", "max_gpa: 30s"],
      ["max_gap: 30s", "max_gap: 30"],
      ["stale_after: 30s", "stale_after: -30s"],
      ["version: 1", "version: 2"],
      ["kind: csv, role: dcs", "kind: cvs, role: dcs"],
      ["path: dcs.csv,", "path: dcs.csv, start: 5s,"],
      ["coverage: 0.99", "coverage: 99"],
      ["frames: head\n", "\n"],
    ] as const) {
      expect(refinery).toContain(right);
      expect(fitsText(refinery.replace(right, wrong))).toBe(false);
    }
  });
});
