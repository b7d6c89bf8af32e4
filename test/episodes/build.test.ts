import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AlignedCapture,
  buildEpisodes,
  type EpisodeFrames,
  type EpisodeSet,
  type FeatureValues,
} from "../../src/episodes/index.ts";
import { captureOf, type TestCapture, times } from "./memory-table.ts";

const nan = Number.NaN;
const ms = 1_000_000n;

async function built(...captures: (TestCapture | AlignedCapture)[]) {
  const { set, warnings } = await buildEpisodes(
    captures.map((one) => ("table" in one ? one : captureOf(one))),
    { name: "test" },
  );
  const frames: EpisodeFrames[] = [];
  for (const { index } of set.episodes) frames.push(await set.read(index));
  return { set, warnings, frames };
}

/** The values of one feature in one episode, frame by frame. */
function valuesOf(set: EpisodeSet, frames: EpisodeFrames, name: string): unknown[] {
  const at = set.features.findIndex((feature) => feature.name === name);
  const feature = set.features[at];
  if (feature === undefined) throw new Error(`there is no ${name}`);
  const values = [...(frames.values[at] as FeatureValues)];
  if (feature.type === "text") return values.map((code) => feature.vocabulary?.[Number(code)] ?? null);
  const [size] = feature.shape;
  if (size === undefined) return values;
  return frames.episode.length === 0
    ? []
    : Array.from({ length: frames.episode.length }, (_, i) => values.slice(i * size, (i + 1) * size));
}

const round = (count: number): TestCapture => ({
  timeNs: times(count),
  tags: {
    pressure: { values: Array.from({ length: count }, (_, i) => i / 10), unit: "bar" },
    valve: { values: Array.from({ length: count }, (_, i) => i % 2 === 0), role: "action" },
    order: { values: Array.from({ length: count }, (_, i) => (i === 4 ? null : `O${Math.floor(i / 4)}`)) },
  },
  spec: { by: { kind: "tag", tag: "order" } },
});

describe("buildEpisodes", () => {
  it("cuts by a tag: what the episodes are, and what is left out", async () => {
    const { set, warnings } = await built({ ...round(10), more: { description: "Round" } });
    const start = times(10);
    expect(set.episodes).toMatchObject([
      { index: 0, id: "unit-3/round#0", length: 4, firstIndex: 0, startNs: start[0], endNs: start[3] },
      { index: 1, id: "unit-3/round#1", length: 3, firstIndex: 4, startNs: start[5], endNs: start[7] },
      { index: 2, id: "unit-3/round#2", length: 2, firstIndex: 7, startNs: start[8], endNs: start[9] },
    ]);
    expect(set.episodes[1]).toMatchObject({
      capture: "unit-3/round",
      tasks: [0],
      scene: "Round",
      context: { order: "O1" },
      segments: [],
      videos: [],
    });
    expect(set.leftOut).toEqual([{ capture: "unit-3/round", reason: "outside", frames: 1 }]);
    expect(set).toMatchObject({
      name: "test",
      fps: 10,
      robotType: null,
      maxJitterNs: 50n * ms,
      tasks: ["Round"],
    });
    expect(set.provenance).toEqual([{ capture: "unit-3/round" }]);
    expect(warnings).toEqual([]);
  });

  it("gives the features their order, names, types and units", async () => {
    const { set } = await built(round(10));
    expect(set.features.map(({ name, type, shape }) => [name, type, ...shape])).toEqual([
      ["observation.environment_state", "float32", 1],
      ["action", "float32", 1],
      ["plant.value_valid", "bool", 2],
      ["plant.order", "text"],
      ["align.frame_time_ns", "int64"],
      ["align.frame_pts_ns", "int64"],
      ["align.frame_uncertainty_ns", "int64"],
      ["align.frame_flags", "int64"],
    ]);
    expect(set.features[0]).toMatchObject({ names: ["pressure"], units: ["bar"] });
    expect(set.features[2]).toMatchObject({ names: ["pressure", "valve"] });
    expect(set.features[3]).toMatchObject({ vocabulary: ["O0", "O1", "O2"] });
  });

  it("reads values of the episode's own rows", async () => {
    const { set, frames } = await built(round(10));
    const second = frames[1]!;
    expect(second.timeNs).toEqual(BigInt64Array.from(times(10).slice(5, 8)));
    expect(valuesOf(set, second, "observation.environment_state")).toEqual(
      [0.5, 0.6, 0.7].map((value) => [Math.fround(value)]),
    );
    expect(valuesOf(set, second, "action")).toEqual([[0], [1], [0]]);
    expect(valuesOf(set, second, "plant.order")).toEqual(["O1", "O1", "O1"]);
    expect(valuesOf(set, second, "align.frame_pts_ns")).toEqual([500n * ms, 600n * ms, 700n * ms]);
    expect(valuesOf(set, second, "align.frame_uncertainty_ns")).toEqual([7n, 7n, 7n]);
    expect(valuesOf(set, second, "align.frame_flags")).toEqual([0n, 0n, 0n]);
  });

  it("tells intervals of one value apart by their start", async () => {
    const timeNs = times(6);
    const starts = [0, 0, 2, 2, 2, null].map((row) => (row === null ? null : timeNs[row]!));
    const capture: TestCapture = {
      timeNs,
      tags: {
        level: { values: [1, 2, 3, 4, 5, 6] },
        round: { values: ["A", "A", "A", "A", "B", null], join: { kind: "covering" } },
      },
      columns: { "round.age": starts.map((start, i) => (start === null ? null : timeNs[i]! - start)) },
      spec: { by: { kind: "interval", tag: "round" } },
    };
    const { set } = await built(capture);
    expect(set.episodes.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(set.leftOut).toEqual([{ capture: "unit-3/round", reason: "outside", frames: 1 }]);
    await expect(built({ ...capture, columns: {} })).rejects.toThrow(/no column "round\.age"/);
  });

  it("parts what is observed by robots, and keeps the rest of the plant", async () => {
    const { set, frames } = await built({
      timeNs: times(2),
      tags: {
        joint: { values: [[1, 2] as const, [3, null] as const], sourceRole: "robot" },
        flow: { values: [7n, 8n], sourceRole: "dcs" },
      },
    });
    expect(set.features.slice(0, 3)).toMatchObject([
      { name: "observation.state", names: ["joint[0]", "joint[1]"] },
      { name: "observation.environment_state", names: ["flow"] },
      { name: "plant.value_valid", names: ["joint", "flow"] },
    ]);
    expect(valuesOf(set, frames[0]!, "observation.state")).toEqual([
      [1, 2],
      [3, nan],
    ]);
    expect(valuesOf(set, frames[0]!, "plant.value_valid")).toEqual([
      [1, 1],
      [0, 1],
    ]);
  });

  it("says which row has a list of another length", async () => {
    const capture = { timeNs: times(3), tags: { joint: { values: [[1, 2], null, [1, 2, 3]] } } } as const;
    await expect(built(capture)).rejects.toMatchObject({
      code: "SOURCE_LIST_LENGTH",
      where: { tag: "joint", row: 2 },
    });
  });

  it("tells validity, age and quality of every value", async () => {
    const { set, frames } = await built({
      timeNs: times(4),
      tags: { pressure: { values: [1, null, 3, 4] } },
      columns: {
        "pressure.age": [5n, null, 7n, -8n],
        "pressure.status": [0, 0x809b0000, 0x40900000, 0x402],
      },
    });
    expect(valuesOf(set, frames[0]!, "plant.value_valid")).toEqual([[1], [0], [0], [1]]);
    expect(valuesOf(set, frames[0]!, "plant.value_age_ns")).toEqual([[5n], [0n], [7n], [-8n]]);
    expect(valuesOf(set, frames[0]!, "plant.value_quality")).toEqual([
      [0n],
      [0x809b0000n],
      [0x40900000n],
      [0x402n],
    ]);
    expect(valuesOf(set, frames[0]!, "observation.environment_state")).toEqual([[1], [nan], [3], [4]]);
  });

  it("takes the action from the row ahead, also behind the episode, and none where there is none", async () => {
    const timeNs = [...times(6), ...times(2, 100n * ms, times(1)[0]! + 2_000n * ms)];
    const { set, frames } = await built({
      timeNs,
      tags: {
        level: { values: [0, 1, 2, 3, 4, 5, 6, 7] },
        part: { values: ["A", "A", "A", "B", "B", "B", "B", "B"] },
      },
      spec: {
        by: { kind: "tag", tag: "part" },
        observation: ["level"],
        action: ["level"],
        actionLeadNs: 200n * ms,
        splitAtGapsNs: 150n * ms,
      },
    });
    expect(frames.map((one) => valuesOf(set, one, "action").flat())).toEqual([
      [2, 3, 4],
      [5, nan, nan],
      [nan, nan],
    ]);
    expect(frames.map((one) => valuesOf(set, one, "plant.value_valid"))).toEqual([
      [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
      [
        [1, 1],
        [1, 0],
        [1, 0],
      ],
      [
        [1, 0],
        [1, 0],
      ],
    ]);
    expect(set.features.find(({ name }) => name === "plant.value_valid")?.names).toEqual([
      "level",
      "action.level",
    ]);
  });

  it("flags frames that others are missing before, and steps of the clock", async () => {
    const timeNs = [0n, 100n, 200n, 351n, 501n, 601n].map((at) => at * ms);
    const { set, frames } = await built({
      timeNs,
      tags: { level: { values: [0, 1, 2, 3, 4, 5] }, part: { values: ["A", "A", "A", "B", "B", "B"] } },
      spec: { by: { kind: "tag", tag: "part" } },
      more: { clockStepsNs: [150n * ms, 500n * ms] },
    });
    expect(frames.map((one) => valuesOf(set, one, "align.frame_flags"))).toEqual([
      [0n, 0n, 8n],
      [1n, 8n, 0n],
    ]);
  });

  it("gives context its types, with what is missing", async () => {
    const { set, frames, warnings } = await built({
      timeNs: times(3),
      tags: {
        level: { values: [0, 1, 2] },
        recipe: { values: ["R1", null, "R2"] },
        batch: { values: [12n, null, 2n ** 60n], role: "context" },
        ratio: { values: [null, 0.5, 1e40], role: "context", unit: "%" },
        hot: { values: [true, null, false], role: "context" },
        notes: { values: [["a"], ["b"], []], role: "context" },
      },
    });
    const of = (name: string) => valuesOf(set, frames[0]!, name);
    expect([of("plant.recipe"), of("plant.batch"), of("plant.batch_valid")]).toEqual([
      ["R1", null, "R2"],
      [12n, 0n, 2n ** 60n],
      [1, 0, 1],
    ]);
    expect([of("plant.hot"), of("plant.hot_valid")]).toEqual([
      [1, 0, 0],
      [1, 0, 1],
    ]);
    expect([of("plant.ratio").slice(0, 2), of("plant.ratio_valid").slice(0, 2)]).toEqual([
      [nan, 0.5],
      [0, 1],
    ]);
    expect(set.features.find(({ name }) => name === "plant.ratio")).toMatchObject({
      type: "float64",
      units: ["%"],
    });
    expect(set.episodes[0]?.context).toEqual({ recipe: "R1", batch: 12, ratio: null, hot: true });
    expect(warnings).toMatchObject([{ code: "CONTEXT_LIST_LEFT_OUT" }]);
  });

  it("counts alarms, and gives every alarm of the set a place", async () => {
    const { set, frames } = await built({
      timeNs: times(3),
      tags: {
        level: { values: [0, 1, 2] },
        names: { values: [["H2S", "LO"], null, ["HI", "LO"]] },
        levels: { values: [[700n, 500n], null, [1n, 2n]] },
      },
      spec: { alarms: { name: "names", severity: "levels" } },
    });
    expect(valuesOf(set, frames[0]!, "plant.alarm_active_count")).toEqual([2n, 0n, 2n]);
    expect(valuesOf(set, frames[0]!, "plant.alarm_max_severity")).toEqual([700n, 0n, 2n]);
    expect(set.features.find(({ name }) => name === "plant.alarm_multihot")).toMatchObject({
      shape: [3],
      names: ["H2S", "LO", "HI"],
    });
    expect(valuesOf(set, frames[0]!, "plant.alarm_multihot")).toEqual([
      [1n, 1n, 0n],
      [0n, 0n, 0n],
      [0n, 1n, 1n],
    ]);
  });

  it("writes tasks of frames and scenes of episodes, and counts names without a value", async () => {
    const { set, frames, warnings } = await built({
      timeNs: times(5),
      tags: {
        level: { values: [0, 1, 2, 3, 4] },
        station: { values: ["S1", "S1", null, "S2", "S1"] },
        part: { values: ["A", "A", "A", "B", "B"] },
      },
      spec: {
        by: { kind: "tag", tag: "part" },
        context: [{ name: "place", tag: "station" }],
        task: ["Go to ", { name: "place" }],
        scene: [
          { name: "capture" },
          ", ",
          { name: "station", otherwise: "nowhere" },
          " at ",
          { name: "level" },
        ],
      },
    });
    expect(set.tasks).toEqual(["Go to S1", "Go to unknown", "Go to S2"]);
    expect(set.episodes.map(({ tasks }) => tasks)).toEqual([
      [0, 1],
      [2, 0],
    ]);
    expect(frames.map(({ taskIndex }) => [...taskIndex])).toEqual([
      [0, 0, 1],
      [2, 0],
    ]);
    expect(set.episodes.map(({ scene }) => scene)).toEqual([
      "unit-3/round, S1 at 0",
      "unit-3/round, S2 at 3",
    ]);
    expect(warnings).toMatchObject([{ code: "TEMPLATE_VALUE_MISSING", count: 1 }]);
    expect(warnings[0]?.message).toContain("{place}");
  });

  it("counts the numbers that float32 does not hold", async () => {
    const { set, frames, warnings } = await built({
      timeNs: times(3),
      tags: { count: { values: [2n ** 24n, 2n ** 24n + 1n, null] }, big: { values: [1e39, 1e38, null] } },
    });
    expect(warnings).toMatchObject([
      { code: "INTEGERS_ROUNDED", count: 1 },
      { code: "NUMBERS_TOO_LARGE", count: 1 },
    ]);
    expect(valuesOf(set, frames[0]!, "observation.environment_state")).toEqual([
      [2 ** 24, nan],
      [2 ** 24, Math.fround(1e38)],
      [nan, nan],
    ]);
  });

  it("finds the pictures of every camera, and counts the frames that borrow one", async () => {
    const capture: TestCapture = {
      timeNs: times(4),
      tags: {
        level: { values: [0, 1, 2, 3] },
        wrist: { values: [null, 20n, null, 22n], sourceKind: "video" },
      },
      more: {
        cameras: [
          { name: "head", path: "/v/head.mp4" },
          { name: "hand", path: "/v/hand.mp4", frameIndexColumn: "wrist" },
        ],
      },
    };
    const { set, warnings } = await built(capture);
    expect(set.cameras).toEqual([{ name: "head" }, { name: "hand" }]);
    expect(set.episodes[0]?.videos).toEqual([
      { path: "/v/head.mp4", frames: Int32Array.of(0, 1, 2, 3) },
      { path: "/v/hand.mp4", frames: Int32Array.of(20, 20, 20, 22) },
    ]);
    expect(warnings).toMatchObject([{ code: "PICTURES_MISSING", count: 2 }]);
    expect(set.features[0]).toMatchObject({ names: ["level"] });
    const blind = { ...capture, spec: { maxNs: 100n * ms } };
    await expect(built(blind)).rejects.toMatchObject({ code: "SOURCE_PICTURES", where: { row: 0 } });
  });

  it("refuses episodes without plant values, of text, and none at all", async () => {
    const text: TestCapture = { timeNs: times(2), tags: { word: { values: ["a", "b"] } } };
    await expect(built(text)).rejects.toMatchObject({ code: "MANIFEST_EPISODES" });
    await expect(built({ ...text, spec: { observation: ["word"] } })).rejects.toMatchObject({
      code: "MANIFEST_EPISODES_TYPE",
    });
    await expect(built({ ...round(3), spec: { minNs: 900n * ms } })).rejects.toMatchObject({
      code: "SOURCE_EPISODES_NONE",
      message: "there is no episode; 3 frames of unit-3/round are too-short",
    });
    await expect(built()).rejects.toMatchObject({ code: "SOURCE_EPISODES_NONE" });
  });

  it("takes a tag that says its role at its word", async () => {
    const { set } = await built({
      timeNs: times(2),
      tags: {
        a: { values: [1, 2], role: "action" },
        b: { values: [1n, 2n], role: "context" },
        c: { values: [0, 0] },
      },
    });
    expect(set.features.map(({ name, names }) => [name, ...(names ?? [])]).slice(0, 4)).toEqual([
      ["observation.environment_state", "c"],
      ["action", "a"],
      ["plant.value_valid", "c", "a"],
      ["plant.b"],
    ]);
  });

  it("reads the same twice and in any order", async () => {
    const { set, frames } = await built(round(40));
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(set.episodes.map(({ index }) => index)), async (order) => {
        for (const index of order) expect(await set.read(index)).toEqual(frames[index]);
      }),
      { numRuns: 20 },
    );
    await expect(set.read(set.episodes.length)).rejects.toThrow(RangeError);
  });

  it("has every frame once: random tags against loops over rows", async () => {
    const cells = fc.array(
      fc.record({
        order: fc.constantFrom("A", "A", "B", null),
        value: fc.option(fc.float({ noNaN: true, noDefaultInfinity: true }), { nil: null }),
      }),
      { minLength: 1, maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(cells, async (rows) => {
        if (rows.every(({ order }) => order === null)) return;
        const timeNs = times(rows.length);
        const { set, frames } = await built({
          timeNs,
          tags: {
            value: { values: rows.map(({ value }) => value), role: "state" },
            order: { values: rows.map(({ order }) => order), role: "context" },
          },
          spec: { by: { kind: "tag", tag: "order" }, task: [{ name: "order" }] },
        });
        const expected = rows.flatMap(({ order, value }, i) =>
          order === null ? [] : [[timeNs[i], order, Math.fround(value ?? nan), value === null ? 0 : 1]],
        );
        const made = frames.flatMap((one) =>
          [...one.timeNs].map((time, i) => [
            time,
            set.tasks[one.taskIndex[i]!],
            (valuesOf(set, one, "observation.environment_state")[i] as number[])[0],
            (valuesOf(set, one, "plant.value_valid")[i] as number[])[0],
          ]),
        );
        expect(made).toEqual(expected);
        const outside = rows.filter(({ order }) => order === null).length;
        expect(set.leftOut.reduce((sum, { frames }) => sum + frames, 0)).toBe(outside);
        for (const { firstIndex, index } of set.episodes)
          expect(firstIndex).toBe(set.episodes.slice(0, index).reduce((sum, { length }) => sum + length, 0));
      }),
    );
  });
});
