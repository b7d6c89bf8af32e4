import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import type { FormatOptions } from "../../../src/datasets/index.ts";
import { lerobot } from "../../../src/datasets/lerobot/index.ts";
import { examine } from "../../../src/doctor/index.ts";
import type { EpisodeSet, Feature, FeatureValues } from "../../../src/episodes/index.ts";
import { startNs, writeInto } from "../plant-set.ts";

export type Exported = Awaited<ReturnType<typeof exporting>>;
export type Exporting = (set: EpisodeSet, options?: Partial<FormatOptions>) => Promise<Exported>;

/** Writes sets into folders of their own, which go when the tests of a file are over. */
export function exporter(): { room: string; write: Exporting } {
  const room = mkdtempSync(join(tmpdir(), "tagalign-lerobot-"));
  afterAll(() => rmSync(room, { recursive: true, force: true }));
  return { room, write: (set, options) => exporting(mkdtempSync(join(room, "set-")), set, options) };
}

async function exporting(dir: string, set: EpisodeSet, options: Partial<FormatOptions> = {}) {
  const target = writeInto(dir);
  await lerobot.write(set, target.files, { video: "retime", version: "3.0", ffmpeg: "ffmpeg", ...options });
  return { dir, ...target };
}

/**
 * The project's own examination has nothing to say about a set.
 *
 * @param known checks that may find what is true of the source
 */
export async function expectSound(dir: string, known: readonly string[] = []): Promise<void> {
  const { checks } = await examine(dir);
  const found = checks.filter(({ level }) => level !== "PASS");
  expect(found.filter(({ check, level }) => level === "FAIL" || !known.includes(check))).toEqual([]);
  expect(checks.length).toBeGreaterThan(10);
}

export function json(dir: string, file: string) {
  return JSON.parse(readFileSync(join(dir, file), "utf8"));
}

export function jsonLines(dir: string, file: string) {
  const text = readFileSync(join(dir, file), "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** What a frame holds of a feature as a reader is to see it: texts, booleans, lists; without NaN. */
export function cellOf({ type, shape, vocabulary }: Feature, values: FeatureValues, frame: number): unknown {
  const size = shape[0] ?? 1;
  const cells = Array.from({ length: size }, (_, item) => {
    const value = values[frame * size + item]!;
    if (vocabulary !== undefined) return vocabulary[Number(value)] ?? "";
    if (type === "bool") return value === 1;
    return Number.isNaN(value) ? nearestValue(values, size, frame, item) : value;
  });
  return size === 1 ? cells[0] : cells;
}

/** The last number before in the episode, else the first one after, else 0. */
function nearestValue(values: FeatureValues, size: number, frame: number, item: number): number | bigint {
  const column = [...values].filter((_, at) => at % size === item);
  const isNumber = (value: number | bigint) => !Number.isNaN(value);
  return column.slice(0, frame).findLast(isNumber) ?? column.slice(frame).find(isNumber) ?? 0;
}

/** The same episodes with other instants of their frames. */
export function withTimes(set: EpisodeSet, at: (frame: number, episode: number) => bigint): EpisodeSet {
  return {
    ...set,
    async read(index) {
      const frames = await set.read(index);
      const timeNs = BigInt64Array.from(frames.timeNs, (_, frame) => startNs + at(frame, index));
      const place = set.features.findIndex(({ name }) => name === "align.frame_time_ns");
      return { ...frames, timeNs, values: frames.values.map((own, one) => (one === place ? timeNs : own)) };
    },
  };
}
