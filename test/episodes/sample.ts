import { buildEpisodes, type EpisodeSet } from "../../src/episodes/index.ts";
import { parseProcedure } from "../../src/procedure/index.ts";
import { captureOf, times } from "./memory-table.ts";

const procedure = parseProcedure(
  `procedure: gas-round
steps:
  - { id: test_gas, text: Test the gas }
  - { id: open_valve, text: Open the bleed valve, forbidden_before: [test_gas] }
  - { id: read_gauge, text: Read the line pressure }
  - { id: close_valve, text: Close the bleed valve }
`,
  { path: "procedure.yaml" },
);

/**
 * Two short rounds past one station, with a field of every kind; the second one goes otherwise than it should.
 *
 * @param video of the camera; without it there is none
 */
export async function sampleSet(video?: string): Promise<EpisodeSet> {
  const ms = 1_000_000n;
  const timeNs = times(8, 100n * ms, 1_767_225_600_123_456_789n);
  const good = timeNs.map(() => 0n);
  const capture = captureOf({
    timeNs,
    tags: {
      grip: { values: [0, 0, 1, 1, 0, 1, 1, 0], sourceRole: "robot", unit: "mm" },
      line_pressure: { values: [3.5, 3.5, 3.25, null, 3.5, 3, 2.75, 2.75], unit: "bar" },
      gas_reading: {
        values: [0.25, 0.5, 0.75, 1, 0.5, 1, 1.25, 1.5],
        unit: "ppm",
        previousEpisode: true,
      },
      valve_open: {
        values: [false, false, true, true, true, true, true, false],
        role: "action",
      },
      round: { values: ["R-1", "R-1", "R-1", "R-1", "R-2", "R-2", "R-2", "R-2"] },
      chemical: { values: timeNs.map(() => "H2S") },
      protocol: { values: timeNs.map(() => 12n), role: "context" },
      step: {
        values: [
          "test_gas",
          "test_gas",
          "open_valve",
          "read_gauge",
          "open_valve",
          "test_gas",
          "read_gauge",
          "close_valve",
        ],
      },
      operator: { values: timeNs.map((_, row) => (row < 4 ? "A. Jansen" : "B. Okafor")) },
      alarms: {
        values: [[], [], [], ["H2S high"], ["H2S high"], ["H2S high", "pump trip"], ["H2S high"], []],
        join: { kind: "covering" },
      },
      severities: {
        values: [[], [], [], [500n], [500n], [500n, 900n], [500n], []],
        join: { kind: "covering" },
      },
    },
    columns: {
      "grip.age": good,
      "grip.status": good,
      "line_pressure.age": timeNs.map((_, row) => (row === 3 ? null : BigInt(row) * 10n * ms)),
      "line_pressure.status": timeNs.map((_, row) => (row === 3 ? 0x809b0000n : 0n)),
      "gas_reading.age": good,
      "gas_reading.status": good,
      "valve_open.age": good,
      "valve_open.status": timeNs.map((_, row) => (row === 7 ? 0x40900000n : 0n)),
    },
    spec: {
      by: { kind: "tag", tag: "round" },
      robot: "helmet-camera",
      task: ["Gas round ", { name: "job_order_id" }, ": ", { name: "sop_step_text" }],
      scene: ["Unit 3, ", { name: "material_definition_id" }],
      context: [
        { name: "job_order_id", tag: "round" },
        { name: "material_definition_id", tag: "chemical" },
        { name: "safety_protocol_id", tag: "protocol" },
      ],
      personnel: { tag: "operator", salt: "a key that stays in the plant" },
      alarms: { name: "alarms", severity: "severities" },
      procedure: { step: "step" },
    },
    more: {
      procedure,
      ...(video === undefined ? {} : { cameras: [{ name: "head", path: video }] }),
    },
  });
  return (await buildEpisodes([capture], { name: "gas-round" })).set;
}
