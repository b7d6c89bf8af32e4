import type { EpisodeFrames, EpisodeSet, Feature, FeatureValues, Json } from "../../episodes/index.ts";
import { exactJson } from "../changes.ts";

/** The values of the tags of an episode, frame by frame, as JSON. */
export interface PlantFrames {
  readonly hasSetpoints: boolean;
  values(frame: number): { readonly [tag: string]: Json };
  setpoints(frame: number): { readonly [tag: string]: Json };
  /** What tags were in the episode before, those that ask for it; undefined where none does. */
  previous(frame: number): { readonly [tag: string]: Json } | undefined;
  /** When the newest of the values was measured, as far as ages tell; else the frame's instant. */
  newestNs(frame: number): bigint;
  /** What is known of the frame itself. */
  frame(frame: number): { readonly [key: string]: Json };
}

interface Column {
  readonly feature: Feature;
  readonly values: FeatureValues;
}

/** A tag, and where its numbers are in a frame's vectors. */
interface Tag {
  readonly name: string;
  readonly unit: string | null;
  readonly values: FeatureValues;
  readonly size: number;
  readonly items: readonly number[];
  readonly isList: boolean;
  /** Place in the vectors that have one value a tag. */
  readonly place: number;
}

export function plantFrames({ features }: EpisodeSet, { values, timeNs }: EpisodeFrames): PlantFrames {
  const column = (name: string): Column | undefined => {
    const at = features.findIndex((feature) => feature.name === name);
    return at < 0 ? undefined : { feature: features[at]!, values: values[at]! };
  };
  const [valid, age, quality] = ["valid", "age_ns", "quality"].map((part) => column(`plant.value_${part}`));
  const labels = valid?.feature.names ?? [];
  const observed = ["observation.state", "observation.environment_state"].flatMap(
    (name) => column(name) ?? [],
  );
  const action = column("action");
  const tags = labels.map((label, place) => tagOf(label, place, observed));
  const observedTags = tags.flatMap((tag) => tag ?? []);
  const setpoints = labels.flatMap((label, place) => {
    if (tags[place] !== undefined || action === undefined) return [];
    const name = tagOf(label, place, [action]) === undefined ? label.replace(/^action\./, "") : label;
    return tagOf(name, place, [action]) ?? [];
  });
  const at = ({ values }: Column, frame: number, place: number) => values[frame * labels.length + place]!;

  const cell = (tag: Tag, frame: number): Json => {
    const numbers = tag.items.map((item) => finite(tag.values[frame * tag.size + item]!));
    return {
      value: tag.isList ? numbers : numbers[0]!,
      unit: tag.unit,
      valid: at(valid!, frame, tag.place) === 1,
      ...(age === undefined ? {} : { age_ns: exactJson(at(age, frame, tag.place) as bigint) }),
      ...(quality === undefined ? {} : { status: exactJson(at(quality, frame, tag.place) as bigint) }),
    };
  };
  const hasValue = (tag: Tag, frame: number) =>
    tag.items.some((item) => !Number.isNaN(tag.values[frame * tag.size + item]));
  const integers = ["pts_ns", "uncertainty_ns", "flags"].flatMap((part) => {
    const found = column(`align.frame_${part}`);
    return found === undefined ? [] : [[part, found.values as BigInt64Array] as const];
  });

  return {
    hasSetpoints: setpoints.length > 0,
    values: (frame) => Object.fromEntries(observedTags.map((tag) => [tag.name, cell(tag, frame)])),
    setpoints: (frame) => Object.fromEntries(setpoints.map((tag) => [tag.name, cell(tag, frame)])),
    previous: previousOf(column),
    newestNs(frame) {
      let newestNs: bigint | undefined;
      for (const tag of observedTags) {
        if (age === undefined || !hasValue(tag, frame)) continue;
        const sourceNs = timeNs[frame]! - (at(age, frame, tag.place) as bigint);
        if (newestNs === undefined || sourceNs > newestNs) newestNs = sourceNs;
      }
      return newestNs ?? timeNs[frame]!;
    },
    frame: (frame) => Object.fromEntries(integers.map(([key, cells]) => [key, exactJson(cells[frame]!)])),
  };
}

function tagOf(name: string, place: number, vectors: readonly Column[]): Tag | undefined {
  for (const { feature, values } of vectors) {
    const names = feature.names ?? [];
    const found = (is: (item: string) => boolean) => names.flatMap((item, at) => (is(item) ? [at] : []));
    const single = found((item) => item === name);
    const isItem = (item: string) => item.startsWith(`${name}[`) && /^\[\d+\]$/.test(item.slice(name.length));
    const items = single.length > 0 ? single : found(isItem);
    if (items.length === 0) continue;
    const unit = feature.units?.[items[0]!] ?? null;
    return { name, unit, values, size: names.length, items, isList: single.length === 0, place };
  }
  return undefined;
}

function previousOf(find: (name: string) => Column | undefined): PlantFrames["previous"] {
  const [value, delta, valid] = ["value", "delta", "valid"].map((part) => find(`plant.previous_${part}`));
  const names = value?.feature.names ?? [];
  if (value === undefined || delta === undefined || valid === undefined) return () => undefined;
  return (frame) =>
    Object.fromEntries(
      names.map((name, place) => {
        const at = frame * names.length + place;
        const isValid = valid.values[at] === 1;
        const number = ({ values }: Column) => (isValid ? finite(values[at]!) : null);
        return [name, { value: number(value), delta: number(delta), valid: isValid }];
      }),
    );
}

function finite(value: number | bigint): number | null {
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}
