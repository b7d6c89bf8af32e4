import type { EpisodeSet, Json } from "../../src/episodes/index.ts";

/** A whole number as JSON: a number where it is exact, else its decimal text. */
function exact(value: bigint): number | string {
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

/** An episode with all its frames, as the schema has it. */
export async function episodeJson(set: EpisodeSet, index: number): Promise<{ readonly [key: string]: Json }> {
  const { episode, values, taskIndex } = await set.read(index);
  const { conformance } = episode;
  const cell = (feature: number, at: number): Json => {
    const { type, vocabulary = [] } = set.features[feature]!;
    const value = values[feature]![at]!;
    if (type === "text") return vocabulary[Number(value)] ?? null;
    if (type === "bool") return value === 1;
    if (typeof value === "bigint") return exact(value);
    // As many digits as single precision has.
    return Number.isNaN(value) ? null : type === "float64" ? value : Number(value.toPrecision(8));
  };
  const frame = (place: number) => ({
    episode_index: index,
    frame_index: place,
    index: episode.firstIndex + place,
    timestamp: Number(Math.fround(place / set.fps).toPrecision(8)),
    task_index: taskIndex[place]!,
    ...Object.fromEntries(
      set.cameras.map(({ name }, camera) => [
        `observation.images.${name}`,
        episode.videos[camera]!.frames[place]!,
      ]),
    ),
    ...Object.fromEntries(
      set.features.map(({ name, shape: [size] }, feature) => [
        name,
        size === undefined
          ? cell(feature, place)
          : Array.from({ length: size }, (_, item) => cell(feature, place * size + item)),
      ]),
    ),
  });
  return {
    episode_index: episode.index,
    episode_id: episode.id,
    capture: episode.capture,
    length: episode.length,
    fps: set.fps,
    start_time_ns: exact(episode.startNs),
    end_time_ns: exact(episode.endNs),
    tasks: episode.tasks.map((task) => set.tasks[task]!),
    scene: episode.scene,
    context: episode.context,
    segments: episode.segments.map((segment) => ({
      start_frame: segment.startFrame,
      end_frame: segment.endFrame,
      start_time_ns: exact(segment.startNs),
      end_time_ns: exact(segment.endNs),
      id: segment.id,
      text: segment.text,
    })),
    conformance:
      conformance === undefined
        ? null
        : { ...conformance, deviations: conformance.deviations.map((one) => ({ ...one })) },
    videos: Object.fromEntries(set.cameras.map(({ name }, camera) => [name, episode.videos[camera]!.path])),
    features: set.features.map(({ name, type, shape, names, units }) => ({
      name,
      type,
      shape,
      names: names ?? null,
      units: units ?? null,
    })),
    frames: Array.from({ length: episode.length }, (_, place) => frame(place)),
  };
}
