import { describe, expect, it } from "vitest";
import { columnsOf } from "../../../src/datasets/rlds/columns.ts";
import { exampleOf } from "../../../src/datasets/rlds/example.ts";
import { datasetName } from "../../../src/datasets/rlds/metadata.ts";
import { planShards } from "../../../src/datasets/rlds/shards.ts";
import { plantSet } from "./plant-set.ts";

const camera = { name: "head", path: "head.mp4" };
const sizes = [{ width: 640, height: 480 }];

describe("the plan of shards", () => {
  const of = (lengths: number[]) => {
    const set = plantSet({ lengths, cameras: [camera] });
    return planShards(set, columnsOf(set, { mode: "images", sizes })).map((shard) =>
      shard.map(({ index }) => index),
    );
  };

  it("keeps episodes whole and in order, about 200 MB to a shard", () => {
    expect(of([100, 200, 300])).toEqual([[0, 1, 2]]);
    expect(of([2000, 1000, 500, 4000, 10])).toEqual([[0, 1], [2], [3], [4]]);
  });

  it("has a shard for an episode that is larger", () => {
    expect(of([9000, 1])).toEqual([[0], [1]]);
  });
});

describe("an example", () => {
  it("of 2 GiB is refused, and says what to do", async () => {
    const set = plantSet({ lengths: [5], cameras: [camera] });
    const picture = new Uint8Array(500_000_000);
    const source = { frames: await set.read(0), pictures: [Array.from({ length: 5 }, () => picture)] };
    expect(() => exampleOf(columnsOf(set, { mode: "images", sizes }), source)).toThrow(
      expect.objectContaining({ code: "OUTPUT_EPISODE_SIZE", hint: expect.stringContaining("max") }),
    );
  });
});

describe("the name of a data set", () => {
  it.each([
    ["Unit 3/Gas round", "unit_3_gas_round"],
    ["3107", "set_3107"],
    ["--Übung--", "bung"],
    ["gas_round", "gas_round"],
  ])("%s is %s", (name, safe) => {
    expect(datasetName(name)).toBe(safe);
  });
});
