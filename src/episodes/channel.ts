import type { EpisodeRows } from "./rows.ts";
import type { Feature, FeatureValues } from "./set.ts";

/** A feature of one capture, and how its values are made. */
export interface Channel {
  /** Without what only the whole set knows: the vocabulary of text, and the names of `plant.alarm_multihot`. */
  readonly feature: Feature;
  /** Columns that it reads, where the table has them. */
  readonly columns: readonly string[];
  /** Texts of an episode that need a place in the set's vocabulary, in order of first use. */
  readonly texts?: (rows: EpisodeRows) => ReadonlySet<string>;
  values(rows: EpisodeRows, context: ChannelContext): FeatureValues;
}

/** What the values of an episode need beside its rows. */
export interface ChannelContext {
  /** Places in the set's vocabulary of this feature. */
  readonly places: ReadonlyMap<string, number>;
  /** The last valid values of the episode before, by step; a key is as `stepKey` makes it. */
  readonly previous: LastValues | undefined;
}

/** By step, one value a tag that asks for it, NaN where there is none. */
export type LastValues = ReadonlyMap<string, Float64Array>;

/** A channel of texts, from a function that tells the text of a frame. */
export function textChannel(
  name: string,
  columns: readonly string[],
  textsOf: (rows: EpisodeRows) => (frame: number) => string | null,
): Channel {
  return {
    feature: { name, type: "text", shape: [] },
    columns,
    texts(rows) {
      const texts = new Set<string>();
      const textOf = textsOf(rows);
      for (let frame = 0; frame < rows.count; frame += 1) {
        const text = textOf(frame);
        if (text !== null) texts.add(text);
      }
      return texts;
    },
    values(rows, { places }) {
      const textOf = textsOf(rows);
      return Int32Array.from({ length: rows.count }, (_, frame) => places.get(textOf(frame) ?? "") ?? -1);
    },
  };
}

/** A channel of one int64 a frame. */
export function integerChannel(
  name: string,
  columns: readonly string[],
  valuesOf: (rows: EpisodeRows) => (frame: number) => bigint,
): Channel {
  return {
    feature: { name, type: "int64", shape: [] },
    columns,
    values(rows) {
      const valueAt = valuesOf(rows);
      const values = new BigInt64Array(rows.count);
      for (let frame = 0; frame < rows.count; frame += 1) values[frame] = valueAt(frame);
      return values;
    },
  };
}
