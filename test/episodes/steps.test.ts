import { describe, expect, it } from "vitest";
import { buildEpisodes, resampled } from "../../src/episodes/index.ts";
import { parseProcedure } from "../../src/procedure/index.ts";
import { captureOf, type TestCapture, times } from "./memory-table.ts";

describe("steps", () => {
  const steps = async (join: string, columns: TestCapture["columns"] = {}) => {
    const timeNs = times(6);
    const { set } = await buildEpisodes(
      [
        captureOf({
          timeNs,
          tags: {
            gas: { values: [1, 2, 3, 4, 5, 6] },
            step: { values: [null, "s1", "s1", "s1", null, "s2"], join: { kind: join } },
          },
          columns,
          spec: { procedure: { step: "step" } },
        }),
      ],
      { name: "test" },
    );
    const frames = await set.read(0);
    const at = set.features.findIndex(({ name }) => name === "plant.sop_step_elapsed_ns");
    return {
      segments: set.episodes[0]!.segments,
      elapsed: [...(frames.values[at] as BigInt64Array)],
      timeNs,
    };
  };
  const ms = 1_000_000n;

  it("are segments, with the time since their first frame", async () => {
    const { segments, elapsed, timeNs } = await steps("backward");
    expect(segments).toEqual([
      { startFrame: 1, endFrame: 4, startNs: timeNs[1], endNs: timeNs[4], id: "s1", text: "" },
      { startFrame: 5, endFrame: 6, startNs: timeNs[5], endNs: timeNs[5], id: "s2", text: "" },
    ]);
    expect(elapsed).toEqual([-1n, 0n, 100n * ms, 200n * ms, -1n, 0n]);
  });

  it("begin with their intervals where the table tells, and one that happens twice is two", async () => {
    const { segments, elapsed } = await steps("covering", {
      "step.age": [null, 50n * ms, 150n * ms, 20n * ms, null, 0n],
    });
    expect(segments.map(({ startFrame, endFrame, id }) => [startFrame, endFrame, id])).toEqual([
      [1, 3, "s1"],
      [3, 4, "s1"],
      [5, 6, "s2"],
    ]);
    expect(elapsed).toEqual([-1n, 50n * ms, 150n * ms, 20n * ms, -1n, 0n]);
  });
});

describe("a procedure", () => {
  const procedure = parseProcedure(
    `procedure: gas-round
steps:
  - { id: test_gas, text: Test the gas }
  - { id: open_valve, text: Open the valve, max: 250ms }
  - { id: read_gauge, text: Read the gauge }
`,
    { path: "procedure.yaml" },
  );

  const followed = async (step: readonly (string | null)[], age?: readonly (bigint | null)[]) => {
    const capture = captureOf({
      timeNs: times(step.length),
      tags: {
        gas: { values: step.map((_, i) => i) },
        step: { values: step, join: { kind: age === undefined ? "backward" : "covering" } },
      },
      columns: age === undefined ? {} : { "step.age": age },
      spec: {
        procedure: { step: "step" },
        task: [{ name: "sop_step_text", otherwise: "Wait" }],
        scene: [{ name: "sop_step_id" }],
      },
      more: { procedure },
    });
    return (await buildEpisodes([capture], { name: "test" })).set;
  };

  it("gives steps their text and place, and episodes how they went", async () => {
    const set = await followed(["test_gas", null, "open_valve", "knock", "read_gauge"]);
    const { values, taskIndex } = await set.read(0);
    const of = (name: string) => values[set.features.findIndex((one) => one.name === name)];
    expect(of("plant.sop_step_index")).toEqual(BigInt64Array.of(0n, -1n, 1n, -1n, 2n));
    expect(of("plant.sop_step_id")).toEqual(Int32Array.of(0, -1, 1, 2, 3));
    const text = set.features.find(({ name }) => name === "plant.sop_step_text");
    expect(text?.vocabulary).toEqual(["Test the gas", "Open the valve", "Read the gauge"]);
    expect(of("plant.sop_step_text")).toEqual(Int32Array.of(0, -1, 1, -1, 2));
    expect([...taskIndex].map((at) => set.tasks[at])).toEqual([
      "Test the gas",
      "Wait",
      "Open the valve",
      "Wait",
      "Read the gauge",
    ]);
    expect(set.episodes[0]).toMatchObject({
      scene: "test_gas",
      segments: [
        { id: "test_gas", text: "Test the gas" },
        { id: "open_valve", text: "Open the valve" },
        { id: "knock", text: "" },
        { id: "read_gauge", text: "Read the gauge" },
      ],
      conformance: {
        procedure: "gas-round",
        result: "deviated",
        deviations: [{ kind: "unknown", step: "knock", frame: 3 }],
        missing: [],
      },
    });
  });

  it("is followed by a step that goes on after another has covered it, and not by one that begins again", async () => {
    const steps = ["test_gas", "open_valve", "test_gas", "read_gauge"];
    const since = (...rows: number[]) => rows.map((row, i) => times(4)[i]! - times(4)[row]!);
    expect((await followed(steps, since(0, 1, 0, 3))).episodes[0]?.conformance?.result).toBe("followed");
    const again = (await followed(steps, since(0, 1, 2, 3))).episodes[0]?.conformance;
    expect(again).toMatchObject({ result: "deviated", deviations: [{ kind: "repeated", frame: 2 }] });
  });

  it("tells a step that took longer than it may, from its beginning to the frame after it", async () => {
    const open = (count: number) => ["test_gas", ...Array(count).fill("open_valve"), "read_gauge"];
    expect((await followed(open(2))).episodes[0]?.conformance?.result).toBe("followed");
    expect((await followed(open(3))).episodes[0]?.conformance?.deviations).toEqual([
      {
        kind: "too-long",
        step: "open_valve",
        frame: 1,
        message: 'step "open_valve" took 300ms, longer than 250ms',
      },
    ]);
    const covered = ["test_gas", "open_valve", "test_gas", "open_valve", "read_gauge"];
    const ages = [0, 60, 200, 260, 0].map((ms) => BigInt(ms) * 1_000_000n);
    const split = (await followed(covered, ages)).episodes[0]?.conformance;
    expect(split?.deviations.map(({ kind, frame, message }) => [kind, frame, message])).toEqual([
      ["too-long", 1, 'step "open_valve" took 360ms, longer than 250ms'],
    ]);
  });

  it("has its deviations where they are on an even grid", async () => {
    const slow = await followed(["test_gas", "open_valve", "knock", "read_gauge"]);
    const even = await resampled({ ...slow, fps: 20 });
    expect(even.episodes[0]).toMatchObject({ length: 7, conformance: { deviations: [{ frame: 4 }] } });
    const frames = await even.read(0);
    expect([...frames.taskIndex]).toEqual([0, 0, 1, 1, 2, 2, 3]);
  });
});
