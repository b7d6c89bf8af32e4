import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { DatasetFiles, DatasetWarning } from "../../src/datasets/index.ts";
import type { Episode, EpisodeFrames, EpisodeSet, Feature, FeatureValues } from "../../src/episodes/index.ts";

/** 2026-01-01T00:00:00.123456789Z: no multiple of a microsecond, and far beyond 2^53. */
export const startNs = 1_767_225_600_123_456_789n;
/** Of 30 Hz, with the ns that are left over. */
export const frameTimeNs = (episode: number, frame: number): bigint =>
  startNs + BigInt(episode) * 60_000_000_007n + (BigInt(frame) * 1_000_000_000n) / 30n;

const float32 = (name: string, names: string[], units: (string | null)[]): Feature => ({
  name,
  type: "float32",
  shape: [names.length],
  names,
  units,
});
const tags = ["pressure", "grip", "levels", "shared", "valve", "action.shared"];
const perTag = (name: string, type: "bool" | "int64"): Feature => ({
  name,
  type,
  shape: [tags.length],
  names: tags,
});
const scalar = (name: string, type: "int64" | "float64" | "bool"): Feature => ({ name, type, shape: [] });
const words = (name: string, vocabulary: string[]): Feature => ({
  name,
  type: "text",
  shape: [],
  vocabulary,
});

export const plantFeatures: readonly Feature[] = [
  float32("observation.state", ["grip"], ["mm"]),
  float32(
    "observation.environment_state",
    ["pressure", "levels[0]", "levels[1]", "shared"],
    ["bar", "%", "%", null],
  ),
  float32("action", ["valve", "shared"], [null, null]),
  perTag("plant.value_valid", "bool"),
  perTag("plant.value_age_ns", "int64"),
  perTag("plant.value_quality", "int64"),
  float32("plant.previous_value", ["pressure"], ["bar"]),
  float32("plant.previous_delta", ["pressure"], ["bar"]),
  { name: "plant.previous_valid", type: "bool", shape: [1], names: ["pressure"] },
  words("plant.job_order_id", ["PO-7", 'PO "8"', "é 漢 🜂"]),
  scalar("plant.batch_number", "int64"),
  scalar("plant.batch_number_valid", "bool"),
  scalar("plant.density", "float64"),
  scalar("plant.density_valid", "bool"),
  words("plant.sop_step_id", ["open", "read"]),
  words("plant.sop_step_text", ["Open the valve", "Read the detector"]),
  scalar("plant.sop_step_index", "int64"),
  scalar("plant.sop_step_elapsed_ns", "int64"),
  scalar("plant.alarm_active_count", "int64"),
  scalar("plant.alarm_max_severity", "int64"),
  { name: "plant.alarm_multihot", type: "int64", shape: [2], names: ["H2S high", "pump trip"] },
  scalar("align.frame_time_ns", "int64"),
  scalar("align.frame_pts_ns", "int64"),
  scalar("align.frame_uncertainty_ns", "int64"),
  scalar("align.frame_flags", "int64"),
];

/** Beyond what a number holds. */
export const batchNumber = 9_007_199_254_740_993n;

/** What the plant is at a frame, by feature; formulas, so that a reader's value is told from its neighbours'. */
function valuesAt(episode: number, frame: number, length: number): Record<string, (number | bigint)[]> {
  const now = frameTimeNs(episode, frame);
  const isOpen = frame < length >> 1;
  const isPumpDown = frame === 1 || frame === 2;
  return {
    "observation.state": [episode + frame / 8],
    "observation.environment_state": [
      frame === 2 ? Number.NaN : Math.fround(0.1 + frame),
      frame,
      frame === 1 ? Number.NaN : -frame,
      1e-30 * frame,
    ],
    action: [frame % 2, frame === length - 1 ? Number.NaN : 1e-30 * (frame + 1)],
    "plant.value_valid": [frame === 2 ? 0 : 1, 1, frame === 1 ? 0 : 1, 1, 1, frame === length - 1 ? 0 : 1],
    "plant.value_age_ns": [
      frame === 2 ? 0n : 1_234_567n + BigInt(frame),
      9_000_000n,
      2n,
      -5n,
      7n,
      batchNumber,
    ],
    "plant.value_quality": [frame === 2 ? 0x809b0000n : 0n, 0n, 0n, 0x402n, 0n, 0n],
    "plant.previous_value": [episode === 0 ? Number.NaN : 0.5],
    "plant.previous_delta": [episode === 0 ? Number.NaN : frame],
    "plant.previous_valid": [episode === 0 ? 0 : 1],
    "plant.job_order_id": [frame === 3 ? -1 : episode % 3],
    "plant.batch_number": [episode === 1 ? 0n : batchNumber],
    "plant.batch_number_valid": [episode === 1 ? 0 : 1],
    "plant.density": [episode === 1 ? Number.NaN : 0.1],
    "plant.density_valid": [episode === 1 ? 0 : 1],
    "plant.sop_step_id": [isOpen ? 0 : frame === length - 1 ? -1 : 1],
    "plant.sop_step_text": [isOpen ? 0 : frame === length - 1 ? -1 : 1],
    "plant.sop_step_index": [isOpen ? 0n : frame === length - 1 ? -1n : 1n],
    // The first step began 1 s before the episode, the second with its first frame.
    "plant.sop_step_elapsed_ns": [
      isOpen
        ? now - frameTimeNs(episode, 0) + 1_000_000_000n
        : frame === length - 1
          ? -1n
          : now - frameTimeNs(episode, length >> 1),
    ],
    "plant.alarm_active_count": [isPumpDown ? 2n : 1n],
    "plant.alarm_max_severity": [isPumpDown ? 900n : 500n],
    "plant.alarm_multihot": [1n, isPumpDown ? 1n : 0n],
    "align.frame_time_ns": [now],
    "align.frame_pts_ns": [(BigInt(frame) * 1_000_000_000n) / 30n],
    "align.frame_uncertainty_ns": [5_000n],
    "align.frame_flags": [frame === 3 ? 1n : 0n],
  };
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  text: Int32Array,
} as const;

export interface PlantSetOptions {
  /** Frames of each episode. */
  readonly lengths?: readonly number[];
  /** Videos of each camera, and the first of its pictures in every episode. */
  readonly cameras?: readonly { readonly name: string; readonly path: string; readonly first: number[] }[];
  readonly features?: readonly Feature[];
}

/** Two tasks, steps, alarms, context with and without values, NaN; every value is known by a formula. */
export function plantSet({
  lengths = [6, 4, 1],
  cameras = [],
  features = plantFeatures,
}: PlantSetOptions = {}): EpisodeSet {
  let firstIndex = 0;
  const episodes = lengths.map((length, index): Episode => {
    const middle = length >> 1;
    const at = (frame: number) => frameTimeNs(index, Math.min(frame, length - 1));
    const step = (startFrame: number, endFrame: number, id: string, text: string) =>
      endFrame > startFrame
        ? [{ startFrame, endFrame, startNs: at(startFrame), endNs: at(endFrame), id, text }]
        : [];
    const episode: Episode = {
      index,
      id: `refinery-3/gas-round#${index}`,
      capture: "refinery-3/gas-round",
      length,
      firstIndex,
      startNs: at(0),
      endNs: at(length - 1),
      tasks: length > 2 ? [0, 1] : [0],
      scene: `Unit ${index}`,
      context: {
        job_order_id: ["PO-7", 'PO "8"', "é 漢 🜂"][index % 3]!,
        batch_number: index === 1 ? null : String(batchNumber),
        density: index === 1 ? null : 0.1,
      },
      segments: [
        ...step(0, middle, "open", "Open the valve"),
        ...step(middle, length - 1, "read", "Read the detector"),
      ],
      ...(index === 1
        ? {}
        : {
            conformance: {
              procedure: "gas-round",
              result: index === 0 ? ("deviated" as const) : ("followed" as const),
              deviations:
                index === 0
                  ? [{ kind: "skipped" as const, step: "purge", frame: 3, message: "no purge" }]
                  : [],
              missing: index === 0 ? ["purge"] : [],
            },
          }),
      videos: cameras.map(({ path, first }) => ({
        path,
        frames: Int32Array.from({ length }, (_, frame) => first[index]! + frame),
      })),
    };
    firstIndex += length;
    return episode;
  });
  return {
    name: "gas-round",
    fps: 30,
    robotType: null,
    features,
    cameras: cameras.map(({ name }) => ({ name })),
    episodes,
    tasks: ["Check the line", "Write it down"],
    leftOut: [{ capture: "refinery-3/gas-round", reason: "outside", frames: 12 }],
    maxJitterNs: 10_000_000n,
    provenance: { captures: [{ capture: "refinery-3/gas-round", manifest_sha256: "00" }] },
    async read(index): Promise<EpisodeFrames> {
      const episode = episodes[index]!;
      const { length } = episode;
      const rows = Array.from({ length }, (_, frame) => valuesAt(index, frame, length));
      const values = features.map(({ name, type }): FeatureValues => {
        const cells = rows.flatMap((row) => row[name]!);
        const { from } = arrays[type] as { from(cells: unknown[]): FeatureValues };
        return from.call(arrays[type], cells);
      });
      return {
        episode,
        timeNs: BigInt64Array.from({ length }, (_, frame) => frameTimeNs(index, frame)),
        values,
        taskIndex: Int32Array.from({ length }, (_, frame) => (frame < 2 ? 0 : 1)),
      };
    },
  };
}

/** A data set that is written into a folder as it comes. */
export function writeInto(dir: string): {
  files: DatasetFiles;
  written: string[];
  warnings: DatasetWarning[];
  progress: [number, number][];
} {
  const written: string[] = [];
  const warnings: DatasetWarning[] = [];
  const progress: [number, number][] = [];
  const files: DatasetFiles = {
    async write(path, make) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      const value = await make(join(dir, path));
      written.push(path);
      return structuredClone(value);
    },
    warn: (warning) => warnings.push(warning),
    progress: (done, total) => progress.push([done, total]),
    signal: undefined,
  };
  return { files, written, warnings, progress };
}

/** Digests of all files below a folder, by path. */
export function digests(dir: string): Record<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return Object.fromEntries(
    files
      .map((one) => join(one.parentPath, one.name))
      .sort()
      .map((path) => [relative(dir, path), createHash("sha256").update(readFileSync(path)).digest("hex")]),
  );
}
