import type { EpisodeSet, Json } from "../../episodes/index.ts";
import { type Column, keyOf } from "./columns.ts";
import { leafJson } from "./leaf.ts";

export const datasetVersion = "1.0.0";

/** A name that tensorflow-datasets takes: lower-case letters, digits and `_`, a letter first. */
export function datasetName(name: string): string {
  const safe = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return /^[a-z]/.test(safe) ? safe : `set_${safe}`;
}

/** features.json: the columns as a tree of dicts, the steps being a data set inside each example. */
export function featuresJson(columns: readonly Column[]): string {
  return JSON.stringify(dict(columns, 0), null, 4);
}

function dict(columns: readonly Column[], depth: number): Json {
  const names = [...new Set(columns.map(({ path }) => path[depth]!))].sort();
  const features: Record<string, Json> = {};
  for (const name of names) {
    const below = columns.filter(({ path }) => path[depth] === name);
    const [first] = below as [Column];
    const feature = first.path.length === depth + 1 ? leafJson(first.leaf) : dict(below, depth + 1);
    features[name] =
      depth === 0 && name === "steps"
        ? {
            pythonClassName: "tensorflow_datasets.core.features.dataset_feature.Dataset",
            sequence: { feature, length: "-1" },
          }
        : feature;
  }
  return {
    featuresDict: { features },
    pythonClassName: "tensorflow_datasets.core.features.features_dict.FeaturesDict",
  };
}

/** Examples of one shard, and the sum of their lengths. */
export type ShardFacts = { readonly examples: number; readonly bytes: number };

/** dataset_info.json, in the order of keys that tensorflow-datasets writes. */
export function datasetInfoJson(set: EpisodeSet, shards: readonly ShardFacts[]): string {
  const captures = new Set(set.episodes.map(({ capture }) => capture)).size;
  return JSON.stringify(
    {
      description: `${set.episodes.length} episodes of ${captures} captures, ${set.fps} frames a second.`,
      fileFormat: "tfrecord",
      moduleName: "tagalign",
      name: datasetName(set.name),
      releaseNotes: { [datasetVersion]: "As exported." },
      splits: [
        {
          filepathTemplate: "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
          name: "train",
          numBytes: `${shards.reduce((sum, { bytes }) => sum + bytes, 0)}`,
          shardLengths: shards.map(({ examples }) => `${examples}`),
        },
      ],
      version: datasetVersion,
    },
    null,
    2,
  );
}

/** What the files of tensorflow-datasets have no place for: what each value is, and where all of it came from. */
export function provenanceJson(set: EpisodeSet, columns: readonly Column[]): string {
  return JSON.stringify(
    {
      name: set.name,
      fps: set.fps,
      robot_type: set.robotType,
      features: Object.fromEntries(
        set.features.map(({ name, names, units, vocabulary, info }) => [
          name,
          { names: names ?? null, units: units ?? null, vocabulary: vocabulary ?? null, ...info },
        ]),
      ),
      keys: columns.map(keyOf),
      left_out: set.leftOut,
      provenance: set.provenance,
    },
    null,
    2,
  );
}
