import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  contextVocabulary,
  type EpisodeSet,
  episodeSchema,
  frameFields,
  type Json,
} from "../../src/episodes/index.ts";
import { plantSet } from "../datasets/plant-set.ts";
import { episodeJson } from "./episode-json.ts";
import { sampleSet } from "./sample.ts";
import { jsonText, schemaPage } from "./schema-page.ts";

type Tree = { [key: string]: Json };

const docs = resolve(import.meta.dirname, "../../docs");

const allOf = async (set: EpisodeSet) =>
  Promise.all(set.episodes.map(async ({ index }) => (await episodeJson(set, index)) as Tree));
const episodes = async () => [
  ...(await allOf(await sampleSet("head.mp4"))),
  ...(await allOf(await sampleSet())),
  ...(await allOf(plantSet())),
];

/** Episodes that are not what the schema says, by what is wrong. */
async function broken(): Promise<Record<string, Tree>> {
  const [sample] = await allOf(await sampleSet("head.mp4"));
  const changed = (change: (episode: Tree, frame: Tree) => void): Tree => {
    const copy = structuredClone(sample) as Tree;
    change(copy, (copy.frames as Tree[])[1]!);
    return copy;
  };
  return {
    "no id": changed((episode) => delete episode.episode_id),
    "no frames": changed((episode) => {
      episode.frames = [];
    }),
    "a key more": changed((episode) => {
      episode.operator = "A. Jansen";
    }),
    "a float for an instant": changed((episode) => {
      episode.start_time_ns = 1767225600123456.8;
    }),
    "another result": changed((episode) => {
      (episode.conformance as Tree).result = "fine";
    }),
    "another deviation": changed((episode) => {
      (episode.conformance as Tree).deviations = [{ kind: "late", step: "a", frame: 0, message: "" }];
    }),
    "no time of a frame": changed((_, frame) => delete frame["align.frame_time_ns"]),
    "text for a state": changed((_, frame) => {
      frame["observation.state"] = ["1"];
    }),
    "a number for a flag": changed((_, frame) => {
      frame["plant.value_valid"] = [1, 1, 1, 1];
    }),
    "a list for context": changed((_, frame) => {
      frame["plant.job_order_id"] = ["R-1"];
    }),
    "a field of nobody": changed((_, frame) => {
      frame.pressure = 1;
    }),
  };
}

describe("the episode schema", () => {
  it("has every field of a set, with its type, in the set's order", async () => {
    const set = await sampleSet("head.mp4");
    const { context } = set.episodes[0]!;
    const names = set.features.map(({ name }) => {
      const own = name.replace(/^plant\./, "").replace(/_valid$/, "");
      return own in context && own !== "personnel_id" ? name.replace(own, "<name>") : name;
    });
    for (const [at, { name, type, shape }] of set.features.entries()) {
      const field = frameFields.find((one) => one.name === names[at]);
      expect(field?.types, name).toContain(type);
      expect(field?.size === null ? 0 : 1, name).toBe(shape.length);
    }
    const order = [...new Set(names)].map((name) => frameFields.findIndex((one) => one.name === name));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    const counters = ["episode_index", "frame_index", "index", "timestamp", "task_index"];
    const others = frameFields.filter(({ name }) => !names.includes(name)).map(({ name }) => name);
    expect(others).toEqual([...counters, "observation.images.<camera>"]);
  });

  it("is what episodes are, as zod reads it, and refuses others", async () => {
    const schema = z.fromJSONSchema(episodeSchema as Parameters<typeof z.fromJSONSchema>[0]);
    for (const episode of await episodes())
      expect(schema.safeParse(episode).error?.issues.slice(0, 2)).toBeUndefined();
    for (const [what, episode] of Object.entries(await broken()))
      expect(schema.safeParse(episode).success, what).toBe(false);
  });

  it("is what episodes are, as Python's jsonschema reads it, and refuses others", async ({ skip }) => {
    const code = `
import json, sys
from jsonschema import Draft202012Validator
schema, good, bad = json.load(sys.stdin)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
print(json.dumps([[e.message for one in good for e in validator.iter_errors(one)], [validator.is_valid(one) for one in bad]]))
`;
    if (spawnSync("python3", ["-c", "import jsonschema"]).status !== 0)
      skip("python3 with jsonschema is not there");
    const wrong = Object.values(await broken());
    const { stdout, stderr } = spawnSync("python3", ["-c", code], {
      input: JSON.stringify([episodeSchema, await episodes(), wrong]),
      encoding: "utf8",
    });
    expect(JSON.parse(stdout || `"${stderr}"`)).toEqual([[], wrong.map(() => false)]);
  });

  it("has words for context that no field of its own takes", () => {
    for (const name of Object.keys(contextVocabulary)) {
      expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(frameFields.map((one) => one.name)).not.toContain(`plant.${name}`);
    }
  });
});

describe("docs/episode-schema", () => {
  it(".md is what the fields say (written with --update)", async () => {
    await expect(await schemaPage()).toMatchFileSnapshot(resolve(docs, "episode-schema.md"));
  });

  it(".json is the schema (written with --update)", async () => {
    await expect(`${jsonText(episodeSchema)}\n`).toMatchFileSnapshot(resolve(docs, "episode-schema.json"));
    expect(JSON.parse(jsonText(episodeSchema))).toEqual(episodeSchema);
  });
});
