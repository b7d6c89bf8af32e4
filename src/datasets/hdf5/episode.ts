import { type EpisodeFrames, type EpisodeSet, type FeatureValues, filled } from "../../episodes/index.ts";
import type { Address, Hdf5Writer, Values } from "./file.ts";
import type { ValueType } from "./messages.ts";

/** A column of one episode, ready to be written. */
export interface Column {
  readonly type: ValueType;
  /** Frames first. */
  readonly shape: readonly number[];
  readonly values: Values;
}

/**
 * The features of an episode by name, filled where values are missing, texts written out.
 *
 * @returns such as `observation.state`, `action`, `plant.value_valid`
 */
export function featureColumns(set: EpisodeSet, { episode, values }: EpisodeFrames): Map<string, Column> {
  const columns = new Map<string, Column>();
  for (const [place, { name, type, shape, vocabulary }] of set.features.entries()) {
    const whole = filled(values[place] as FeatureValues, shape[0] ?? 1);
    const columnValues =
      whole instanceof Int32Array ? Array.from(whole, (code) => vocabulary?.[code] ?? "") : whole;
    columns.set(name, { type, shape: [episode.length, ...shape], values: columnValues });
  }
  return columns;
}

/** Writes columns as datasets. */
export async function writeColumns(
  file: Hdf5Writer,
  columns: Iterable<readonly [name: string, Column]>,
): Promise<Record<string, Address>> {
  const links: Record<string, Address> = {};
  for (const [name, { type, shape, values }] of columns)
    links[name] = await file.dataset(type, shape, values);
  return links;
}

/** What both layouts have beside observations and actions: `plant`, `align`, `timestamp_ns`, `task`, `video`. */
export async function writeBookkeeping(
  file: Hdf5Writer,
  set: EpisodeSet,
  frames: EpisodeFrames,
  columns: ReadonlyMap<string, Column>,
  hasFrameReferences: boolean,
): Promise<Record<string, Address>> {
  const { episode, timeNs, taskIndex } = frames;
  const shape = [episode.length];
  const links: Record<string, Address> = {
    timestamp_ns: await file.dataset("int64", shape, timeNs),
    task: await file.dataset(
      "text",
      shape,
      Array.from(taskIndex, (task) => set.tasks[task]!),
    ),
  };
  for (const group of ["plant", "align"]) {
    const inside = [...columns]
      .filter(([name]) => name.startsWith(`${group}.`))
      .map(([name, column]) => [name.slice(group.length + 1), column] as const);
    if (inside.length > 0) links[group] = await file.group(await writeColumns(file, inside));
  }
  if (hasFrameReferences && set.cameras.length > 0) {
    const references: Record<string, Address> = {};
    for (const [camera, { name }] of set.cameras.entries()) {
      const numbers = BigInt64Array.from(episode.videos[camera]!.frames, BigInt);
      references[`${name}_frame_index`] = await file.dataset("int64", shape, numbers);
    }
    links.video = await file.group(references);
  }
  return links;
}
