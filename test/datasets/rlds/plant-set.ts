import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DatasetFiles, DatasetWarning } from "../../../src/datasets/index.ts";
import type {
  Episode,
  EpisodeFrames,
  EpisodeSet,
  Feature,
  FeatureValues,
} from "../../../src/episodes/index.ts";

const start = 1_777_000_000_123_456_789n;
const frameNs = 33_333_333n;

const features: Feature[] = [
  {
    name: "observation.state",
    type: "float32",
    shape: [3],
    names: ["x", "y", "z"],
    units: ["mm", null, "mm"],
  },
  { name: "observation.environment_state", type: "float32", shape: [2], names: ["pressure", "flow"] },
  { name: "action", type: "float32", shape: [2], info: { lead_ns: "100000000" } },
  { name: "plant.value_valid", type: "bool", shape: [4] },
  { name: "plant.value_age_ns", type: "int64", shape: [4] },
  { name: "plant.job_order_id", type: "text", shape: [], vocabulary: ["PO-1", "Größe 2", "三号"] },
  { name: "plant.torque", type: "float64", shape: [] },
  { name: "plant.torque_valid", type: "bool", shape: [] },
  { name: "plant.lot", type: "int64", shape: [] },
  { name: "align.frame_time_ns", type: "int64", shape: [] },
];

export interface PlantSetOptions {
  /** Frames of each episode. */
  readonly lengths: readonly number[];
  /** Files of at least as many displayed frames as the episodes need. */
  readonly cameras?: readonly { readonly name: string; readonly path: string }[];
  readonly without?: readonly string[];
}

/** Episodes with every type of feature, missing values, texts beyond ASCII and whole numbers beyond 2^53. */
export function plantSet({ lengths, cameras = [], without = [] }: PlantSetOptions): EpisodeSet {
  let firstIndex = 0;
  const results = ["followed", "deviated", "incomplete", undefined] as const;
  const episodes = lengths.map((length, index): Episode => {
    const startNs = start + BigInt(firstIndex) * frameNs;
    const result = results[index % 4];
    const episode: Episode = {
      index,
      id: `unit 3/round#${index}`,
      capture: "unit 3/round",
      length,
      firstIndex,
      startNs,
      endNs: startNs + BigInt(length - 1) * frameNs,
      tasks: [index % 2],
      scene: index === 0 ? "" : "Halle 3, Gerät Ω",
      context: {
        job_order_id: index === 0 ? null : "Größe 2",
        torque: index === 0 ? null : 12.1,
        lot: index === 0 ? null : 77,
      },
      segments: [
        { startFrame: 0, endFrame: length, startNs, endNs: startNs + 1n, id: "open", text: "öffnen" },
      ],
      ...(result === undefined
        ? {}
        : { conformance: { procedure: "round", result, deviations: [], missing: ["close"] } }),
      videos: cameras.map(({ path }, camera) => ({
        path,
        frames: Int32Array.from(
          { length },
          (_, frame) => 2 * camera + firstIndex + frame - (frame % 3 === 2 ? 1 : 0),
        ),
      })),
    };
    firstIndex += length;
    return episode;
  });
  const kept = features.filter(({ name }) => !without.includes(name));
  return {
    name: "Unit 3/Gas round",
    fps: 30,
    robotType: "helmet-camera",
    features: kept,
    cameras: cameras.map(({ name }) => ({ name })),
    episodes,
    tasks: ["look at the gauge", "Ventil öffnen"],
    leftOut: [{ capture: "unit 3/round", reason: "outside", frames: 9 }],
    maxJitterNs: 16_666_666n,
    provenance: { captures: [{ name: "unit 3/round", clock_maps: [] }] },
    async read(index) {
      const episode = episodes[index]!;
      return framesOf(episode, kept);
    },
  };
}

function framesOf(episode: Episode, kept: readonly Feature[]): EpisodeFrames {
  const { index, length, startNs } = episode;
  const timeNs = BigInt64Array.from({ length }, (_, frame) => startNs + BigInt(frame) * frameNs);
  const floats = (size: number, from: number) =>
    Float32Array.from({ length: length * size }, (_, at) =>
      (at + index) % 7 === 3 ? Number.NaN : from + index * 100 + at * 0.37,
    );
  const all: Record<string, FeatureValues> = {
    "observation.state": floats(3, 1),
    "observation.environment_state": floats(2, -5),
    action: floats(2, 0.25),
    "plant.value_valid": Uint8Array.from({ length: length * 4 }, (_, at) => (at + index) & 1),
    "plant.value_age_ns": BigInt64Array.from({ length: length * 4 }, (_, at) =>
      at % 3 === 0 ? -1n - BigInt(at) : BigInt(at) * 123_456_789_012_345n,
    ),
    "plant.job_order_id": Int32Array.from({ length }, (_, frame) => (frame % 4) - 1),
    "plant.torque": Float64Array.from({ length }, (_, frame) => (frame === 0 ? Number.NaN : 1 / (frame + 3))),
    "plant.torque_valid": Uint8Array.from({ length }, (_, frame) => (frame === 0 ? 0 : 1)),
    "plant.lot": BigInt64Array.from({ length }, (_, frame) => 9_007_199_254_740_993n - BigInt(frame)),
    "align.frame_time_ns": timeNs,
  };
  return {
    episode,
    timeNs,
    values: kept.map(({ name }) => all[name]!),
    taskIndex: new Int32Array(length).fill(index % 2),
  };
}

/** Writes into a folder, without journal; the files' names in the order they were made, and the warnings. */
export function intoFolder(dir: string): DatasetFiles & { made: string[]; warnings: DatasetWarning[] } {
  const made: string[] = [];
  const warnings: DatasetWarning[] = [];
  return {
    made,
    warnings,
    async write(path, make) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      const value = await make(join(dir, path));
      made.push(path);
      return value;
    },
    warn: (warning) => warnings.push(warning),
    progress: () => {},
    signal: undefined,
  };
}

/** The values of a float feature as they are to be written: the last one before, else the first after, else 0. */
export function filledIn(values: readonly number[], size: number): number[] {
  const filled = [...values];
  for (let item = 0; item < size; item += 1) {
    const column = values.filter((_, at) => at % size === item);
    const first = column.find((value) => !Number.isNaN(value)) ?? 0;
    column.forEach((_, row) => {
      const before = column.slice(0, row + 1).filter((value) => !Number.isNaN(value));
      filled[row * size + item] = before.at(-1) ?? first;
    });
  }
  return filled;
}
