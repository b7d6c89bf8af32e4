import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AlignedCapture, buildEpisodes, type EpisodeSet } from "../../src/episodes/index.ts";
import { pseudonym } from "../../src/episodes/personnel.ts";
import { captureOf, type TestCapture, times } from "./memory-table.ts";

const build = (captures: readonly AlignedCapture[]) => buildEpisodes(captures, { name: "test" });

function line(capture: string, words: readonly string[], more: TestCapture["spec"] = {}): AlignedCapture {
  return captureOf({
    timeNs: times(words.length),
    tags: {
      torque: { values: words.map((_, i) => i), unit: "Nm" },
      model: { values: words },
      alarms: { values: words.map((word) => [`${word} late`]) },
    },
    spec: {
      by: { kind: "tag", tag: "model" },
      task: [{ name: "model" }],
      alarms: { name: "alarms" },
      ...more,
    },
    more: { capture, provenance: { capture } },
  });
}

/** All that a set says, with the values of all its frames. */
async function everything(set: EpisodeSet): Promise<string> {
  const frames = [];
  for (const { index } of set.episodes) {
    const { episode: _, ...read } = await set.read(index);
    frames.push({ ...read, values: read.values.map((values) => [...values]) });
  }
  return JSON.stringify({ set, frames }, (_, value) => (typeof value === "bigint" ? String(value) : value));
}

describe("several captures", () => {
  it("are one set, with one vocabulary, one list of tasks and one number after another", async () => {
    const { set } = await build([line("a", ["X", "X", "Y"]), line("b", ["Z", "Y"])]);
    expect(set.episodes.map(({ id, index, firstIndex, tasks }) => [id, index, firstIndex, ...tasks])).toEqual(
      [
        ["a#0", 0, 0, 0],
        ["a#1", 1, 2, 1],
        ["b#0", 2, 3, 2],
        ["b#1", 3, 4, 1],
      ],
    );
    expect(set.tasks).toEqual(["X", "Y", "Z"]);
    const feature = (name: string) => set.features.findIndex((one) => one.name === name);
    expect(set.features[feature("plant.model")]?.vocabulary).toEqual(["X", "Y", "Z"]);
    expect(set.features[feature("plant.alarm_multihot")]).toMatchObject({
      shape: [3],
      names: ["X late", "Y late", "Z late"],
    });
    expect((await set.read(2)).values[feature("plant.alarm_multihot")]).toEqual(BigInt64Array.of(0n, 0n, 1n));
    expect((await set.read(3)).values[feature("plant.model")]).toEqual(Int32Array.of(1));
    expect(set.provenance).toEqual([{ capture: "a" }, { capture: "b" }]);
  });

  it("of one name are numbered on, and told", async () => {
    const { set, warnings } = await build([line("a", ["X", "Y"]), line("a", ["Z"])]);
    expect(set.episodes.map(({ id }) => id)).toEqual(["a#0", "a#1", "a#2"]);
    expect(warnings).toMatchObject([{ code: "CAPTURE_TWICE" }]);
  });

  it("give the same set whenever they are read", async () => {
    const words = fc.array(fc.constantFrom("X", "Y", "Z"), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(words, { minLength: 1, maxLength: 3 }), async (captures) => {
        const once = async () => everything((await build(captures.map((all, i) => line(`c${i}`, all)))).set);
        expect(await once()).toBe(await once());
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    ["the rate", { fps: 20 }, "the frame rate is 10 in a and 20 in b"],
    ["the robot", { robot: "arm" }, 'the robot is nothing in a and "arm" in b'],
    ["the lead", { actionLeadNs: 5n }, "action_lead is 0 ns in a and 5 ns in b"],
    ["jitter", { maxJitterNs: 5n }, "max_jitter is 50000000 ns in a and 5 ns in b"],
    [
      "a name",
      { context: [{ name: "kind", tag: "model" }] },
      'a feature is "plant.model" in a and "plant.kind" in b',
    ],
  ])("that differ in %s are refused with the first difference", async (_, spec, message) => {
    await expect(build([line("a", ["X"]), line("b", ["X"], spec)])).rejects.toMatchObject({
      code: "SOURCE_EPISODES_DIFFER",
      message,
    });
  });

  it("that differ in a unit are refused", async () => {
    const other = line("b", ["X"]);
    const tags = other.tags.map((tag) => (tag.unit === undefined ? tag : { ...tag, unit: "lbf.ft" }));
    await expect(build([line("a", ["X"]), { ...other, tags }])).rejects.toThrow(
      'the list of units of observation.environment_state is ["Nm"] in a and ["lbf.ft"] in b',
    );
  });
});

describe("a person", () => {
  const salt = "grain";

  function round(
    people: readonly (string | null)[],
    more: TestCapture["spec"] = {},
    badges = people,
  ): TestCapture {
    return {
      timeNs: times(people.length),
      tags: {
        gas: { values: people.map((_, i) => i) },
        operator: { values: people, source: "mes", tag: "who" },
        badge: { values: badges, source: "mes", tag: "who" },
      },
      spec: { personnel: { tag: "operator", salt }, ...more },
    };
  }

  it("is a pseudonym that depends on the salt, also in texts", async () => {
    const { set } = await build([
      captureOf(
        round(["Jo Ng", null, "Al Ek"], {
          task: [{ name: "operator" }, " ", { name: "badge" }, " ", { name: "personnel_id" }],
        }),
      ),
    ]);
    const [jo, al] = [pseudonym(salt, "Jo Ng"), pseudonym(salt, "Al Ek")];
    expect(jo).toMatch(/^p-[0-9a-f]{12}$/);
    expect(jo).not.toBe(pseudonym("other", "Jo Ng"));
    expect(pseudonym("key", "The quick brown fox jumps over the lazy dog")).toBe("p-f7bc83f43053");
    const feature = set.features.find(({ name }) => name === "plant.personnel_id");
    expect(feature?.vocabulary).toEqual([jo, al]);
    expect(set.tasks).toEqual([`${jo} ${jo} ${jo}`, "unknown unknown unknown", `${al} ${al} ${al}`]);
    expect(set.episodes[0]?.context).toEqual({ personnel_id: jo });
  });

  it("is in no value, vocabulary, task, scene, context or provenance, whatever the episodes name", async () => {
    const person = fc.stringMatching(/^Q[a-zé]{2,8}( [A-Z][a-z.'(]{1,8})?$/);
    const name = fc.constantFrom("operator", "badge", "personnel_id", "note", "capture", "description");
    const text = fc.array(
      fc.oneof(
        fc.constantFrom("Round by ", " and "),
        name.map((one) => ({ name: one })),
      ),
      { maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(person, { nil: null }), { minLength: 1, maxLength: 6 }),
        text,
        text,
        fc.constantFrom("clean", "note", "description", "provenance", "step", "alarm"),
        async (people, task, scene, leak) => {
          const names = people.filter((one) => one !== null);
          const said = `seen by ${names[0] ?? "nobody"}.`;
          const note = people.map((one) => (leak === "note" && one !== null ? `by ${one}!` : "all fine"));
          const base = round(people, { task, scene });
          const capture = captureOf({
            ...base,
            tags: {
              ...base.tags,
              note: { values: note },
              step: { values: people.map(() => (leak === "step" ? said : "s1")) },
              alarms: { values: people.map(() => [leak === "alarm" ? said : "H2S high"]) },
            },
            spec: { ...base.spec, procedure: { step: "step" }, alarms: { name: "alarms" } },
            more: {
              description: leak === "description" ? said : "Round",
              provenance: { files: [{ path: leak === "provenance" ? said : "a.csv" }] },
            },
          });
          let set: EpisodeSet;
          try {
            ({ set } = await build([capture]));
          } catch (error) {
            expect(error).toMatchObject({ code: "SOURCE_PERSONNEL" });
            expect([names.length > 0, leak]).toEqual([true, expect.not.stringMatching("clean")]);
            for (const one of names) expect(String(error)).not.toContain(one);
            return;
          }
          const all = await everything(set);
          for (const one of names) expect(all).not.toContain(JSON.stringify(one).slice(1, -1));
          expect(all).not.toContain(salt);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is told by the tag that shows the name", async () => {
    const base = round(["Jo Ng", "Jo Ng"]);
    const note = { values: ["fine", "JO NG called"] };
    await expect(build([captureOf({ ...base, tags: { ...base.tags, note } })])).rejects.toMatchObject({
      code: "SOURCE_PERSONNEL",
      message: "plant.note names a person of episodes.personnel",
    });
    const other = { values: ["fine", "Jo Nguyen called"] };
    await expect(build([captureOf({ ...base, tags: { ...base.tags, note: other } })])).resolves.toBeDefined();
  });

  it("of a number is a pseudonym too, and no observation", async () => {
    const base = round([]);
    const capture = captureOf({
      ...base,
      timeNs: times(2),
      tags: {
        gas: { values: [1, 2] },
        operator: { values: [4711n, 4712n], source: "mes", tag: "who" },
        badge: { values: [4711n, 4712n], source: "mes", tag: "who" },
      },
    });
    const { set } = await build([capture]);
    expect(set.features[0]?.names).toEqual(["gas"]);
    const feature = set.features.find(({ name }) => name === "plant.personnel_id");
    expect(feature?.vocabulary).toEqual([pseudonym(salt, "4711"), pseudonym(salt, "4712")]);
  });
});
