import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { conform, parseProcedure, procedureSchema } from "../../src/procedure/index.ts";

const text = `procedure: gas-round
version: 3
description: Detection round
steps:
  - { id: test_gas, text: Test the gas, repeatable: true }
  - id: open_valve
    text: Open the valve
    forbidden_before: [test_gas]
    max: 90s
  - { id: read_gauge, text: Read the gauge, group: readings }
  - { id: read_level, text: Read the level, group: readings, optional: true }
`;

describe("parseProcedure", () => {
  it("reads the steps in order with all that they permit", () => {
    const plain = { isOptional: false, isRepeatable: false, forbiddenBefore: [] };
    expect(parseProcedure(text, { path: "p.yaml" })).toEqual({
      procedure: "gas-round",
      version: "3",
      description: "Detection round",
      steps: [
        { ...plain, id: "test_gas", text: "Test the gas", isRepeatable: true },
        {
          ...plain,
          id: "open_valve",
          text: "Open the valve",
          forbiddenBefore: ["test_gas"],
          maxNs: 90_000_000_000n,
        },
        { ...plain, id: "read_gauge", text: "Read the gauge", group: "readings" },
        { ...plain, id: "read_level", text: "Read the level", group: "readings", isOptional: true },
      ],
    });
  });

  it("reads JSON as well", () => {
    const json = JSON.stringify({ procedure: "p", steps: [{ id: "a", text: "A" }] });
    expect(parseProcedure(json, { path: "p.json" }).steps.map(({ id }) => id)).toEqual(["a"]);
  });

  const step = (more: string) =>
    `procedure: p\nsteps:\n  - { id: a, text: A }\n  - { id: b, text: B, ${more} }\n`;
  it.each([
    [
      "procedure: p\nstep: []\n",
      "MANIFEST_UNKNOWN_KEY",
      "2:1",
      'unknown key "step"',
      'did you mean "steps"?',
    ],
    [step("optionl: true"), "MANIFEST_UNKNOWN_KEY", "4:23", 'unknown key "optionl" in steps[1]', "optional"],
    ["steps: [{ id: a, text: A }]", "MANIFEST_MISSING_KEY", "1:1", 'the procedure has no "procedure"', "add"],
    ["procedure: p\nsteps: []\n", "MANIFEST_VALUE", "2:8", "steps is an empty list", "a list"],
    ["[]", "MANIFEST_VALUE", "1:1", "the procedure is not a map of keys", 'start with "procedure: ..."'],
    ["procedure: p\nsteps:\n  - { id: 1, text: A }\n", "MANIFEST_VALUE", "3:11", "which is not text", '"1"'],
    ["procedure: [\n", "MANIFEST_SYNTAX", "2:1", "", ""],
    [step("max: 30"), "MANIFEST_DURATION", "4:28", "steps[1].max is 30, without a unit", "5s"],
    [step("max: soon"), "MANIFEST_DURATION", "4:28", '"soon" is not a duration', "5s"],
    [step("max: 0s"), "MANIFEST_PROCEDURE", "4:28", 'step "b" may take no time', "longer"],
    [
      step("forbidden_before: [aa]"),
      "MANIFEST_PROCEDURE",
      "4:42",
      'there is no step "aa"',
      'did you mean "a"',
    ],
    [step("forbidden_before: [zzz]"), "MANIFEST_PROCEDURE", "4:42", 'no step "zzz"', "steps are a, b"],
    [step("forbidden_before: [b]"), "MANIFEST_PROCEDURE", "4:42", "forbidden before itself", "leave it out"],
    [
      "procedure: p\nsteps:\n  - { id: a, text: A }\n  - { id: a, text: B }\n",
      "MANIFEST_PROCEDURE",
      "4:11",
      'two steps have the id "a"',
      "its own",
    ],
    [
      "procedure: p\nsteps:\n  - { id: a, text: A, forbidden_before: [b] }\n  - { id: b, text: B }\n",
      "MANIFEST_PROCEDURE",
      "3:42",
      'step "a" is forbidden before "b", which comes after it',
      "change the order",
    ],
    [
      `procedure: p
steps:
  - { id: a, text: A, group: g, forbidden_before: [c] }
  - { id: b, text: B, group: g, forbidden_before: [a] }
  - { id: c, text: C, group: g, forbidden_before: [b] }
`,
      "MANIFEST_PROCEDURE",
      "3:52",
      '"a" is forbidden before "c", and that one before "a" (and 2 more)',
      "leave one of the two out",
    ],
    [
      `procedure: p
steps:
  - { id: a, text: A, group: g }
  - { id: b, text: B }
  - { id: c, text: C, group: g }
`,
      "MANIFEST_PROCEDURE",
      "5:30",
      'the group "g" is interrupted by other steps',
      "one after the other",
    ],
  ])("refuses %j", (wrong, code, place, message, hint) => {
    let error: unknown;
    try {
      parseProcedure(wrong, { path: "plant/p.yaml" });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(AlignError);
    const { where, ...told } = error as AlignError;
    expect(told.code).toBe(code);
    expect((error as AlignError).message).toContain(message);
    expect(told.hint).toContain(hint);
    expect(where?.file).toBe("plant/p.yaml");
    expect(`${where?.line}:${where?.column}`).toBe(place);
  });
});

describe("docs/procedures.md", () => {
  const page = readFileSync(resolve(import.meta.dirname, "../../docs/procedures.md"), "utf8");

  it("names every key of a procedure file", () => {
    const { properties } = procedureSchema as { properties: { steps: { items: { properties: object } } } };
    const keys = [...Object.keys(properties), ...Object.keys(properties.steps.items.properties)];
    expect(keys.length).toBeGreaterThan(10);
    for (const key of keys) expect(page).toContain(`| \`${key}\` |`);
  });

  it("has examples that come out as it says", () => {
    const block = (language: string) =>
      new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "m").exec(page)![1]!;
    const procedure = parseProcedure(block("yaml"), { path: "docs/procedures.md" });
    const examples = block("text")
      .trim()
      .split(/\n(?! )/);
    expect(examples.length).toBeGreaterThan(7);
    for (const example of examples) {
      const [done, ...said] = example.split("\n").map((line) => line.trim());
      const ids = done!.split(" ");
      const { result, missing, deviations } = conform(
        procedure,
        ids.map((step, at) => ({ step, startFrame: at, endFrame: at + 1 })),
      );
      const open = missing.length === 0 ? "" : `; missing ${missing.join(", ")}`;
      expect(said, done).toEqual([
        `${result}${open}`,
        ...deviations.map(({ kind, message }) => `${kind}: ${message}`),
      ]);
    }
  });
});
