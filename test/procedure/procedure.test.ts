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
      `error[MANIFEST_UNKNOWN_KEY]: unknown key "step"
at: 2:1
hint: did you mean "steps"?`,
    ],
    [
      step("optionl: true"),
      `error[MANIFEST_UNKNOWN_KEY]: unknown key "optionl" in steps[1]
at: 4:23
hint: did you mean "optional"?`,
    ],
    [
      step("who: me"),
      `error[MANIFEST_UNKNOWN_KEY]: unknown key "who" in steps[1]
at: 4:23
hint: keys here are id, text, optional, repeatable, group, forbidden_before, max`,
    ],
    [
      "steps: [{ id: a, text: A }]",
      `error[MANIFEST_MISSING_KEY]: the procedure has no "procedure"
at: 1:1
hint: add "procedure": identity of the procedure`,
    ],
    [
      "procedure: p\nsteps:\n  - { id: a }\n",
      `error[MANIFEST_MISSING_KEY]: steps[0] has no "text"
at: 3:5
hint: add "text": what is to be done`,
    ],
    [
      "procedure: p\nsteps: []\n",
      `error[MANIFEST_VALUE]: steps is an empty list
at: 2:8
hint: expected a list: the steps in order`,
    ],
    [
      "[]",
      `error[MANIFEST_VALUE]: the procedure is not a map of keys
at: 1:1
hint: start with "procedure: ..."`,
    ],
    [
      "",
      `error[MANIFEST_VALUE]: the procedure is not a map of keys
at: 1:1
hint: start with "procedure: ..."`,
    ],
    [
      "procedure: p\nversion: [1]\nsteps:\n  - { id: a, text: A }\n",
      `error[MANIFEST_VALUE]: version is a list
at: 2:10
hint: expected text or a number: its version, as its owner counts`,
    ],
    [
      "procedure: p\nsteps:\n  - { id: 1, text: A }\n",
      `error[MANIFEST_VALUE]: steps[0].id is 1, which is not text
at: 3:11
hint: put it in quotes: "1"`,
    ],
    [
      step("group: ''"),
      `error[MANIFEST_VALUE]: steps[1].group is ""
at: 4:30
hint: expected text: steps in a row with the same group may happen in any order`,
    ],
    [
      step("forbidden_before: a"),
      `error[MANIFEST_VALUE]: steps[1].forbidden_before is "a"
at: 4:41
hint: expected a list: ids of steps that must have happened before`,
    ],
    [
      "procedure: [\n",
      `error[MANIFEST_SYNTAX]: this line's indentation fits nothing above it
at: 2:1
hint: align keys that belong together, and close every { and [`,
    ],
    [
      "procedure: p\nprocedure: q\nsteps: []\n",
      `error[MANIFEST_SYNTAX]: procedure is written twice
at: 2:1
hint: keep one of the two`,
    ],
    [
      step("max: 30"),
      `error[MANIFEST_DURATION]: steps[1].max is 30, without a unit
at: 4:28
hint: a duration carries its unit, e.g. "5s"`,
    ],
    [
      step("max: soon"),
      `error[MANIFEST_DURATION]: steps[1].max: "soon" is not a duration
at: 4:28
hint: a duration carries its unit, e.g. "5s"; units are ns, us, ms, s, m (minutes), h and d`,
    ],
    [
      step("max: -3s"),
      `error[MANIFEST_DURATION]: steps[1].max: "-3s" is negative
at: 4:28
hint: write a duration of 0s or more`,
    ],
    [
      step("max: 0s"),
      `error[MANIFEST_PROCEDURE]: step "b" may take no time
at: 4:28
hint: write a longer duration`,
    ],
    [
      step("forbidden_before: [aa]"),
      `error[MANIFEST_PROCEDURE]: there is no step "aa"
at: 4:42
hint: did you mean "a"?`,
    ],
    [
      step("forbidden_before: [zzz]"),
      `error[MANIFEST_PROCEDURE]: there is no step "zzz"
at: 4:42
hint: steps are a, b`,
    ],
    [
      step("forbidden_before: [b]"),
      `error[MANIFEST_PROCEDURE]: step "b" is forbidden before itself
at: 4:42
hint: leave it out`,
    ],
    [
      step("forbidden_before: [a, a]"),
      `error[MANIFEST_PROCEDURE]: step "a" is listed twice
at: 4:45
hint: keep one of the two`,
    ],
    [
      "procedure: p\nsteps:\n  - { id: a, text: A }\n  - { id: a, text: B }\n",
      `error[MANIFEST_PROCEDURE]: two steps have the id "a"
at: 4:11
hint: give each its own`,
    ],
    [
      "procedure: p\nsteps:\n  - { id: a, text: A, forbidden_before: [b] }\n  - { id: b, text: B }\n",
      `error[MANIFEST_PROCEDURE]: step "a" is forbidden before "b", which comes after it
at: 3:42
hint: leave it out, or change the order of the steps`,
    ],
    [
      `procedure: p
steps:
  - { id: a, text: A, group: g, forbidden_before: [c] }
  - { id: b, text: B, group: g, forbidden_before: [a] }
  - { id: c, text: C, group: g, forbidden_before: [b] }
`,
      `error[MANIFEST_PROCEDURE]: step "a" is forbidden before "c", and that one before "a" (and 2 more)
at: 3:52
hint: leave one of the two out`,
    ],
    [
      `procedure: p
steps:
  - { id: a, text: A, group: g }
  - { id: b, text: B }
  - { id: c, text: C, group: g }
`,
      `error[MANIFEST_PROCEDURE]: the group "g" is interrupted by other steps
at: 5:30
hint: put its steps one after the other, or name another group`,
    ],
  ])("refuses %j, and says so to the letter", (wrong, error) => {
    expect(told(wrong)).toBe(error);
  });
});

function told(text: string): string {
  try {
    parseProcedure(text, { path: "plant/p.yaml" });
  } catch (error) {
    if (!(error instanceof AlignError)) throw error;
    const { file, line, column } = error.where ?? {};
    expect(file).toBe("plant/p.yaml");
    expect(error.exitCode).toBe(3);
    return `error[${error.code}]: ${error.message}\nat: ${line}:${column}\nhint: ${error.hint}`;
  }
  return "accepted";
}

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
