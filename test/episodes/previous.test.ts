import { describe, expect, it } from "vitest";
import { buildEpisodes, type EpisodeFrames, type EpisodeSet } from "../../src/episodes/index.ts";
import { captureOf, type TestCapture, times } from "./memory-table.ts";

const nan = Number.NaN;
const second = 1_000_000_000n;

async function previousOf(...captures: TestCapture[]) {
  const { set } = await buildEpisodes(
    captures.map((one, i) => captureOf({ ...one, more: { capture: `c${i}`, ...one.more } })),
    { name: "test" },
  );
  const rows: (readonly number[])[][] = [];
  for (const { index } of set.episodes) rows.push(rowsOf(set, await set.read(index)));
  return rows;
}

/** Of each frame: value before, delta, and whether they hold. */
function rowsOf(set: EpisodeSet, frames: EpisodeFrames): (readonly number[])[] {
  const of = (name: string) => {
    const at = set.features.findIndex((feature) => feature.name === `plant.previous_${name}`);
    return [...(frames.values[at] as Float32Array)];
  };
  const [values, deltas, valid] = [of("value"), of("delta"), of("valid")];
  return values.map((value, i) => [value, deltas[i]!, valid[i]!]);
}

const rounds: TestCapture = {
  timeNs: times(6),
  tags: {
    gas: { values: [1, 2, 10, null, 30, 40], previousEpisode: true, unit: "ppm" },
    round: { values: ["A", "A", "B", "B", "C", "C"] },
  },
  spec: { by: { kind: "tag", tag: "round" } },
};

describe("the value of the episode before", () => {
  it("is the last one that holds, and none in the first episode", async () => {
    expect(await previousOf(rounds)).toEqual([
      [
        [nan, nan, 0],
        [nan, nan, 0],
      ],
      [
        [2, 8, 1],
        [2, nan, 0],
      ],
      [
        [10, 20, 1],
        [10, 30, 1],
      ],
    ]);
  });

  it("is not one whose status is not good", async () => {
    const columns = { "gas.status": [0, 0x40900000, 0, 0, 0, 0] };
    expect((await previousOf({ ...rounds, columns }))[1]?.[0]).toEqual([1, 9, 1]);
  });

  it("is of the same step, where a tag tells the steps", async () => {
    const tags = {
      gas: { values: [1, 2, 10, 20, 30, 40], previousEpisode: true },
      round: { values: ["A", "A", "B", "B", "B", "B"] },
      step: { values: ["before", "after", "after", "before", null, "other"] },
    };
    const spec = { by: { kind: "tag", tag: "round" }, procedure: { step: "step" } } as const;
    expect((await previousOf({ timeNs: times(6), tags, spec }))[1]).toEqual([
      [2, 8, 1],
      [1, 19, 1],
      [nan, nan, 0],
      [nan, nan, 0],
    ]);
  });

  it("is of the episode that ended last before, whatever capture it is of, and of none that overlaps", async () => {
    const start = times(1)[0]!;
    const one = (at: bigint, count: number, value: number): TestCapture => ({
      timeNs: times(count, second, start + at * second),
      tags: { gas: { values: new Array(count).fill(value), previousEpisode: true } },
    });
    const rows = await previousOf(one(20n, 3, 4), one(0n, 3, 1), one(5n, 3, 2), one(10n, 11, 3));
    expect(rows.map(([first]) => first)).toEqual([
      [2, 2, 1],
      [nan, nan, 0],
      [1, 1, 1],
      [2, 1, 1],
    ]);
  });
});
