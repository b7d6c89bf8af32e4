import {
  type Camera,
  type EpisodeFrames,
  type EpisodeSet,
  type FeatureValues,
  filled,
  type Json,
} from "../../episodes/index.ts";
import type { DataColumn } from "./columns.ts";
import { videoKey } from "./videos.ts";

const stateNames = ["observation.state", "observation.environment_state"] as const;

/** One vector of state and environment state, because GR00T knows no other input; missing where a set observes nothing. */
export function stateColumn(set: EpisodeSet): DataColumn | undefined {
  const parts = stateParts(set);
  if (parts.length === 0) return undefined;
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const units = parts.flatMap(({ units, size: own }) => units ?? Array.from({ length: own }, () => null));
  return {
    name: "observation.state",
    dtype: "float32",
    size,
    names: parts.flatMap(({ names }) => names),
    ...(units.some((unit) => unit !== null) ? { info: { units } } : {}),
    values(frames) {
      const whole = new Float32Array(frames.episode.length * size);
      let offset = 0;
      for (const { place, size: own } of parts) {
        const values = filled(frames.values[place] as Float32Array, own);
        for (let frame = 0; frame < frames.episode.length; frame += 1)
          whole.set(values.subarray(frame * own, (frame + 1) * own), frame * size + offset);
        offset += own;
      }
      return whole;
    },
  };
}

function stateParts({ features }: EpisodeSet) {
  return features.flatMap(({ name, shape, names, units }, place) => {
    if (!stateNames.includes(name as (typeof stateNames)[number])) return [];
    const size = shape[0] ?? 1;
    const own = names ?? Array.from({ length: size }, (_, at) => `${name}[${at}]`);
    return [{ name, place, size, names: own, units }];
  });
}

/** Texts of frames as places in tasks.jsonl, behind the tasks themselves. */
export interface Annotations {
  /** All rows of tasks.jsonl. */
  readonly texts: readonly string[];
  readonly columns: readonly DataColumn[];
}

/** What the annotations are called, and the feature each comes from. */
const annotated = [
  ["annotation.mes.sop_step", "plant.sop_step_text"],
  ["annotation.scada.alarm", "plant.alarm_multihot"],
] as const;

export function annotationsOf(set: EpisodeSet): Annotations {
  const texts = [...set.tasks];
  const places = new Map(texts.map((text, place) => [text, BigInt(place)]));
  const placeOf = (text: string): bigint => {
    const known = places.get(text) ?? BigInt(texts.length);
    if (!places.has(text)) {
      places.set(text, known);
      texts.push(text);
    }
    return known;
  };
  const column = (name: string, values: (frames: EpisodeFrames) => BigInt64Array): DataColumn => ({
    name,
    dtype: "int64",
    size: 1,
    names: null,
    values,
  });
  const columns = [
    column("annotation.human.action.task_description", ({ taskIndex }) =>
      BigInt64Array.from(taskIndex, (place) => BigInt(place)),
    ),
  ];
  for (const [name, feature] of annotated) {
    const place = set.features.findIndex((one) => one.name === feature);
    if (place === -1) continue;
    const { vocabulary, names = [], shape } = set.features[place]!;
    // All texts have their places before any frame is read: alarms are told one by one, or as none.
    const rows = [...(vocabulary ?? names), ""].map(placeOf);
    const none = rows[rows.length - 1]!;
    columns.push(
      column(name, ({ values, episode: { length } }) => {
        const own = values[place] as FeatureValues;
        if (vocabulary !== undefined)
          return BigInt64Array.from(own as Int32Array, (code) => rows[code] ?? none);
        const size = shape[0] ?? 1;
        return BigInt64Array.from({ length }, (_, frame) => {
          const first = (own as BigInt64Array).subarray(frame * size, (frame + 1) * size).indexOf(1n);
          return first === -1 ? none : rows[first]!;
        });
      }),
    );
  }
  return { texts, columns };
}

/** meta/modality.json: which part of a vector, and which column, is what. */
export function modality(set: EpisodeSet, annotations: Annotations): Json {
  const slices = (parts: readonly { name: string; size: number }[]) => {
    let start = 0;
    return Object.fromEntries(
      parts.map(({ name, size }) => [name, { start, end: (start += size) }] as const),
    ) as Json;
  };
  const action = set.features.find(({ name }) => name === "action");
  return {
    state: slices(
      stateParts(set).map(({ name, size }) => ({ name: name.replace("observation.", ""), size })),
    ),
    action: slices(action === undefined ? [] : [{ name: "action", size: action.shape[0] ?? 1 }]),
    video: Object.fromEntries(
      set.cameras.map((camera: Camera) => [camera.name, { original_key: videoKey(camera) }]),
    ),
    annotation: Object.fromEntries(
      annotations.columns.map(({ name }) => [name.replace("annotation.", ""), {}]),
    ),
  };
}
