import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EpisodeSet, Feature, FeatureValues } from "../../../src/episodes/index.ts";
import { select } from "../../fixtures/duckdb.ts";
import { frameTimeNs, plantFeatures, plantSet } from "../plant-set.ts";
import { exporter, json } from "./exported.ts";

const { write } = exporter();
const names = ["min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"] as const;
type Stats = Record<(typeof names)[number], number[]>;
interface Recorded {
  episodes: Record<string, Stats>[];
  total: Record<string, Stats>;
}

const python = process.env.PYTHON ?? "python3";
const find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('lerobot') is None)";
const hasLerobot = spawnSync(python, ["-c", find]).status === 0;
if (!hasLerobot) console.warn("skipped: LeRobot itself; PYTHON names an interpreter that has it");

/** Statistics of every episode, as meta/episodes has them. */
async function ofEpisodes(dir: string): Promise<((feature: string) => Stats)[]> {
  const path = join(dir, "meta/episodes/chunk-000/file-000.parquet");
  const rows = await select(`select * from read_parquet('${path}') order by episode_index`);
  return rows.map((row) => (feature) => {
    const entries = names.map((name) => [name, (row[`stats/${feature}/${name}`] as unknown[]).map(Number)]);
    return Object.fromEntries(entries) as Stats;
  });
}

const lengths = [500, 37, 1];
const vector = (name: string, type: Feature["type"], size: number): Feature =>
  size === 1 ? { name, type, shape: [] } : { name, type, shape: [size] };
const formulaFeatures = [
  vector("observation.state", "float32", 3),
  vector("action", "float32", 1),
  vector("plant.density", "float64", 1),
  vector("plant.value_valid", "bool", 2),
  vector("plant.count", "int64", 1),
];

/** The episodes of compute_stats.py. */
function formulaSet(): EpisodeSet {
  const base = plantSet({ lengths, features: [] });
  return {
    ...base,
    features: formulaFeatures,
    async read(index) {
      const of = (at: (frame: number) => number[]) =>
        Array.from({ length: lengths[index]! }, (_, frame) => at(frame)).flat();
      const values: FeatureValues[] = [
        Float32Array.from(of((i) => [((i * 7919) % 1009) / 16 - 20, 0.1, i % 7 === 3 ? index + 1 : 0])),
        Float32Array.from(of((i) => [((i * i) % 97) / 8 - index])),
        Float64Array.from(of((i) => [1000 + ((i * 31) % 64) / 1024 - index])),
        Uint8Array.from(of((i) => [i % 3 === 0 ? 1 : 0, 1])),
        BigInt64Array.from(of((i) => [((i * 13) % 251) - 100 * index]).map(BigInt)),
      ];
      return { ...(await base.read(index)), values };
    },
  };
}

/**
 * Extremes and counts are the same, quantiles are within a bin, means and deviations within what LeRobot's own sums can
 * lose: it adds the numbers of an episode one by one, and their squares, in float32 where they are float32 or bool.
 */
function expectLike(found: Stats, expected: Stats, widths: readonly number[], { name, type }: Feature): void {
  for (const one of ["min", "max", "count"] as const)
    expect(found[one], `${name} ${one}`).toEqual(expected[one]);
  const rounding = type === "float32" || type === "bool" ? 2 ** -24 : 2 ** -53;
  const lost = Math.max(...lengths) * rounding;
  expected.mean.forEach((mean, at) => {
    const largest = Math.max(Math.abs(expected.min[at]!), Math.abs(expected.max[at]!));
    expect(Math.abs(found.mean[at]! - mean), `${name} mean`).toBeLessThanOrEqual(lost * largest);
    const variance = found.std[at]! ** 2 - expected.std[at]! ** 2;
    expect(Math.abs(variance), `${name} std`).toBeLessThanOrEqual(3 * lost * largest ** 2);
    for (const one of ["q01", "q10", "q50", "q90", "q99"] as const) {
      const apart = Math.abs(found[one][at]! - expected[one][at]!);
      const edges = 4 * rounding * largest + 1e-9;
      expect(apart, `${name} ${one}`).toBeLessThanOrEqual(widths[at]! + edges);
    }
  });
}

async function expectAsLerobot(recorded: Recorded): Promise<void> {
  const { dir } = await write(formulaSet());
  const episodes = await ofEpisodes(dir);
  const total = json(dir, "meta/stats.json");
  for (const feature of formulaFeatures) {
    const { name } = feature;
    const widthsOf = ({ min, max }: Stats) => min.map((least, at) => (max[at]! - least) / 5000);
    recorded.episodes.forEach((stats, at) => {
      expectLike(episodes[at]!(name), stats[name]!, widthsOf(stats[name]!), feature);
    });
    const widest = recorded.episodes
      .map((stats) => widthsOf(stats[name]!))
      .reduce((a, b) => a.map((width, at) => Math.max(width, b[at]!)));
    expectLike(total[name], recorded.total[name]!, widest, feature);
  }
}

describe("statistics of numbers", () => {
  it("are those of LeRobot's own functions, as recorded", async () => {
    const recorded = readFileSync(join(import.meta.dirname, "compute_stats.json"), "utf8");
    await expectAsLerobot(JSON.parse(recorded));
  });

  it.skipIf(!hasLerobot)(
    "are those of the LeRobot that PYTHON has",
    async () => {
      const script = join(import.meta.dirname, "compute_stats.py");
      const { stdout, stderr } = spawnSync(python, [script], { encoding: "utf8" });
      expect(stdout, stderr).toContain("{");
      await expectAsLerobot(JSON.parse(stdout.trim().split("\n").at(-1)!));
    },
    120_000,
  );

  it("keep the mean and the deviation of instants in ns to what float64 holds", async () => {
    const { dir } = await write(plantSet({ lengths: [90, 6] }));
    const parts = await ofEpisodes(dir);
    const exact = (times: bigint[]) => {
      const n = BigInt(times.length);
      const sum = times.reduce((a, b) => a + b);
      const squares = times.reduce((a, time) => a + (time * n - sum) ** 2n, 0n);
      return { mean: sum / n, std: Math.sqrt(Number(squares / n ** 3n)) };
    };
    const timesOf = (episode: number, length: number) =>
      Array.from({ length }, (_, frame) => frameTimeNs(episode, frame));
    const close = (found: Stats, times: bigint[], ns: number) => {
      const { mean, std } = exact(times);
      expect(Math.abs(Number(BigInt(found.mean[0]!) - mean))).toBeLessThanOrEqual(ns);
      expect(Math.abs(found.std[0]! - std)).toBeLessThanOrEqual(ns);
      expect(found.min).toEqual([Number(times[0])]);
      expect(found.max).toEqual([Number(times.at(-1))]);
      // In a range of seconds a bin is less than 13 ms, and no number between the extremes is further than that.
      expect(found.q50[0]).toBeGreaterThan(Number(times[0]));
      expect(found.q50[0]).toBeLessThan(Number(times.at(-1)));
    };
    close(parts[0]!("align.frame_time_ns"), timesOf(0, 90), 256);
    close(parts[1]!("align.frame_time_ns"), timesOf(1, 6), 256);
    const all = [...timesOf(0, 90), ...timesOf(1, 6)];
    close(json(dir, "meta/stats.json")["align.frame_time_ns"], all, 1024);
  });

  it("round every int64 as JavaScript does, whatever its sign and size", async () => {
    const edges = [0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 62n].flatMap((edge) =>
      [edge - 1n, edge, edge + 1n, -edge - 1n, -edge, -edge + 1n].concat((edge * 3n) / 2n),
    );
    const integers = [...edges, 2n ** 63n - 1n, -(2n ** 63n), 1_767_225_600_123_456_789n];
    const base = plantSet({ lengths: [2], features: [] });
    const { dir } = await write({
      ...base,
      features: [vector("plant.value_age_ns", "int64", integers.length)],
      read: async (index) => ({
        ...(await base.read(index)),
        values: [BigInt64Array.from([...integers, ...integers])],
      }),
    });
    const found: Stats = json(dir, "meta/stats.json")["plant.value_age_ns"];
    const expected = integers.map((value) => Number(value) + 0);
    for (const name of ["min", "max", "mean", "q50"] as const)
      expect(
        found[name].map((value, at) => Math.abs(value - expected[at]!) <= 1e-9),
        name,
      ).toEqual(integers.map(() => true));
    expect(found.std).toEqual(integers.map(() => 0));
  });

  it("of a single frame are that frame", async () => {
    const { dir } = await write(plantSet({ lengths: [1] }));
    const found: Stats = json(dir, "meta/stats.json")["observation.environment_state"];
    const value = [Math.fround(0.1), 0, 0, 0];
    for (const name of ["min", "max", "mean", "q01", "q50", "q99"] as const)
      expect(
        found[name].map((one) => one + 0),
        name,
      ).toEqual(value);
    expect(found.std).toEqual([0, 0, 0, 0]);
    expect(found.count).toEqual([1]);
  });

  it("are there for every number and for no text, and are numbers where values are missing", async () => {
    const { dir } = await write(plantSet({ lengths: [6, 4] }));
    const stats: Record<string, Stats> = json(dir, "meta/stats.json");
    const counters = ["timestamp", "frame_index", "episode_index", "index", "task_index"];
    const numbers = plantFeatures.filter(({ type }) => type !== "text").map(({ name }) => name);
    expect(Object.keys(stats)).toEqual([...numbers, ...counters]);
    for (const [feature, one] of Object.entries(stats)) {
      expect(Object.keys(one), feature).toEqual([...names]);
      for (const name of names) expect(one[name].every(Number.isFinite), `${feature} ${name}`).toBe(true);
    }
    expect(stats["plant.alarm_multihot"]!.count).toEqual([10]);
    expect(stats.index).toMatchObject({ min: [0], max: [9], mean: [4.5] });
  });
});
