import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gridFrames } from "../../src/episodes/grid.ts";
import { buildEpisodes, type EpisodeSet, resampled } from "../../src/episodes/index.ts";
import { captureOf, times } from "./memory-table.ts";

const ms = 1_000_000n;

async function setOf(timeNs: readonly bigint[], parts: readonly string[]): Promise<EpisodeSet> {
  const rows = timeNs.map((_, i) => i);
  const capture = captureOf({
    timeNs,
    tags: {
      level: { values: rows },
      pair: { values: rows.map((i) => [i, -i]) },
      part: { values: parts },
      step: { values: rows.map((i) => (i % 5 === 0 ? null : `s${Math.floor(i / 5)}`)) },
    },
    spec: {
      by: { kind: "tag", tag: "part" },
      observation: ["level", "pair"],
      task: ["step ", { name: "sop_step_id", otherwise: "none" }],
      procedure: { step: "step" },
    },
    more: { cameras: [{ name: "head", path: "/v/head.mp4" }] },
  });
  return (await buildEpisodes([capture], { name: "test" })).set;
}

describe("resampled", () => {
  it("repeats and drops rows with their frames, and marks repeats", async () => {
    const timeNs = [0n, 10n, 100n, 500n, 601n].map((at) => times(1)[0]! + at * ms);
    const set = await setOf(timeNs, ["A", "A", "A", "A", "A"]);
    const even = await resampled(set);
    const grid = [0, 2, 2, 2, 3, 3, 4];
    expect(even.episodes).toMatchObject([{ length: 7, firstIndex: 0, startNs: timeNs[0], endNs: timeNs[4] }]);
    expect([...even.episodes[0]!.videos[0]!.frames]).toEqual(grid);
    const frames = await even.read(0);
    expect([...frames.timeNs]).toEqual(grid.map((row) => timeNs[row]));
    const of = (name: string) => [...frames.values[even.features.findIndex((one) => one.name === name)]!];
    expect(of("observation.environment_state")).toEqual(grid.flatMap((row) => [row, row, -row]));
    const flags = of("align.frame_flags").map((value) => Number(value) & 2);
    expect(flags).toEqual([0, 0, 2, 2, 0, 2, 0]);
    expect([...frames.taskIndex].map((at) => even.tasks[at])).toEqual([
      "step none",
      ...new Array(6).fill("step s0"),
    ]);
  });

  it("leaves an even grid as it is", async () => {
    const set = await setOf(times(12), [..."AAAAABBBBBBB"]);
    const even = await resampled(set);
    const { read: _, ...facts } = set;
    expect(even).toMatchObject(facts);
    for (const { index } of set.episodes) expect(await even.read(index)).toEqual(await set.read(index));
  });

  it("stays one set, whatever the frames: places, tasks and segments agree with the rows", async () => {
    const steps = fc.array(
      fc.record({ step: fc.integer({ min: 1, max: 260 }), part: fc.constantFrom("A", "A", "A", "B") }),
      { minLength: 1, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (rows) => {
        let at = times(1)[0]!;
        const timeNs = rows.map(({ step }) => (at += BigInt(step) * ms));
        const set = await setOf(
          timeNs,
          rows.map(({ part }) => part),
        );
        const even = await resampled(set);
        const used = new Set<number>();
        let firstIndex = 0;
        for (const [index, episode] of even.episodes.entries()) {
          const [before, frames] = [await set.read(index), await even.read(index)];
          const grid = gridFrames(before.timeNs, set.fps);
          expect([...frames.timeNs]).toEqual([...grid].map((row) => before.timeNs[row]));
          const { startNs, endNs } = set.episodes[index]!;
          expect(episode.length).toBe(Number(((endNs - startNs) * 10n) / 1_000_000_000n) + 1);
          expect([episode.firstIndex, frames.timeNs.length, frames.taskIndex.length]).toEqual([
            firstIndex,
            episode.length,
            episode.length,
          ]);
          firstIndex += episode.length;
          expect([...new Set(frames.taskIndex)]).toEqual(episode.tasks);
          for (const task of episode.tasks) used.add(task);
          const stepAt = even.features.findIndex(({ name }) => name === "plant.sop_step_id");
          const words = even.features[stepAt]!.vocabulary!;
          const ids = [...frames.values[stepAt]!].map((code) => words[Number(code)] ?? null);
          const told = new Array<string | null>(episode.length).fill(null);
          for (const { startFrame, endFrame, id, startNs: since } of episode.segments) {
            expect(endFrame).toBeGreaterThan(startFrame);
            expect(since).toBe(frames.timeNs[startFrame]);
            told.fill(id, startFrame, endFrame);
          }
          expect(told).toEqual(ids);
        }
        expect([...used]).toEqual(even.tasks.map((_, i) => i));
      }),
      { numRuns: 60 },
    );
  });
});
