import { frameFlags } from "./frame-columns.ts";
import { gridFrames } from "./grid.ts";
import type { Episode, EpisodeFrames, EpisodeSet, Feature, FeatureValues, Segment } from "./set.ts";

/**
 * The same episodes on an even grid of `set.fps` from the first frame of each: every instant of the grid shows the frame
 * that is nearest, of two the earlier. Rows are repeated or left out with their frames, and keep their own time;
 * `align.frame_flags` marks repeats. Every episode is read once for its times.
 */
export async function resampled(set: EpisodeSet): Promise<EpisodeSet> {
  const tasks = new Map<number, number>();
  const grids: Int32Array[] = [];
  const episodes: Episode[] = [];
  let firstIndex = 0;
  for (const episode of set.episodes) {
    const { timeNs, taskIndex } = await set.read(episode.index);
    const grid = gridFrames(timeNs, set.fps);
    const used = [...new Set(grid.map((frame) => taskIndex[frame]!))];
    for (const task of used) if (!tasks.has(task)) tasks.set(task, tasks.size);
    grids.push(grid);
    episodes.push({
      ...episode,
      length: grid.length,
      firstIndex,
      endNs: timeNs[grid[grid.length - 1]!]!,
      tasks: used.map((task) => tasks.get(task)!),
      segments: episode.segments.flatMap((segment) => onGrid(segment, grid, timeNs)),
      ...(episode.conformance === undefined ? {} : { conformance: conformanceOn(grid, episode.conformance) }),
      videos: episode.videos.map(({ path, frames }) => ({ path, frames: grid.map((row) => frames[row]!) })),
    });
    firstIndex += grid.length;
  }
  return {
    ...set,
    episodes,
    tasks: [...tasks.keys()].map((task) => set.tasks[task]!),
    async read(index): Promise<EpisodeFrames> {
      const frames = await set.read(index);
      const grid = grids[index]!;
      return {
        episode: episodes[index]!,
        timeNs: picked(frames.timeNs, grid, 1),
        values: frames.values.map((values, at) => onFeature(set.features[at]!, values, grid)),
        taskIndex: grid.map((frame) => tasks.get(frames.taskIndex[frame]!)!),
      };
    },
  };
}

/** Place on the grid of the first frame that is `frame` or after it. */
function gridPlace(grid: Int32Array, frame: number): number {
  let [low, high] = [0, grid.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (grid[middle]! < frame) low = middle + 1;
    else high = middle;
  }
  return low;
}

function onGrid(segment: Segment, grid: Int32Array, timeNs: BigInt64Array): Segment[] {
  const startFrame = gridPlace(grid, segment.startFrame);
  const endFrame = gridPlace(grid, segment.endFrame);
  if (startFrame === endFrame) return [];
  const at = (place: number) => timeNs[grid[Math.min(place, grid.length - 1)]!]!;
  return [{ ...segment, startFrame, endFrame, startNs: at(startFrame), endNs: at(endFrame) }];
}

function conformanceOn(grid: Int32Array, conformance: NonNullable<Episode["conformance"]>) {
  const deviations = conformance.deviations.map((deviation) => ({
    ...deviation,
    frame: Math.min(gridPlace(grid, deviation.frame), grid.length - 1),
  }));
  return { ...conformance, deviations };
}

function onFeature({ name, shape }: Feature, values: FeatureValues, grid: Int32Array): FeatureValues {
  const rows = picked(values, grid, shape[0] ?? 1);
  if (name !== "align.frame_flags" || !(rows instanceof BigInt64Array)) return rows;
  for (let at = 1; at < grid.length; at += 1)
    if (grid[at] === grid[at - 1]) rows[at] = rows[at]! | frameFlags.duplicate;
  return rows;
}

function picked<T extends FeatureValues>(values: T, grid: Int32Array, size: number): T {
  const rows = new (values.constructor as new (length: number) => T)(grid.length * size);
  for (let at = 0; at < grid.length; at += 1)
    for (let item = 0; item < size; item += 1) rows[at * size + item] = values[grid[at]! * size + item]!;
  return rows;
}
