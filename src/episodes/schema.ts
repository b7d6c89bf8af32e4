import { type Carriers, type FrameField, frameFields } from "./fields.ts";
import type { Json } from "./set.ts";

/** JSON Schema, draft 2020-12. */
export type EpisodeJsonSchema = { readonly [key: string]: Json };

/** A field of an episode as a whole. */
export interface EpisodeField {
  readonly name: string;
  readonly meaning: string;
  readonly standard: string | null;
  readonly carried: Carriers;
  readonly schema: EpisodeJsonSchema;
}

const text: EpisodeJsonSchema = { type: "string" };
const texts: EpisodeJsonSchema = { type: "array", items: text };
/** JSON numbers are exact to 2^53 only. */
const int64: EpisodeJsonSchema = { type: ["integer", "string"], pattern: "^-?[0-9]+$" };
const place: EpisodeJsonSchema = { type: "integer", minimum: 0 };

function object(
  properties: { readonly [name: string]: EpisodeJsonSchema },
  more: EpisodeJsonSchema = {},
): EpisodeJsonSchema {
  return {
    type: "object",
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
    ...more,
  };
}

function field(
  name: string,
  meaning: string,
  schema: EpisodeJsonSchema,
  carried: Carriers,
  standard: string | null = null,
): EpisodeField {
  return { name, meaning, standard, carried, schema };
}

const context = object({}, { additionalProperties: { type: ["string", "number", "boolean", "null"] } });

const segment = object({
  start_frame: { ...place, description: "its first frame" },
  end_frame: { ...place, description: "the frame after its last one" },
  start_time_ns: { ...int64, description: "of its first frame, ns" },
  end_time_ns: { ...int64, description: "of the frame after it, or of the episode's last frame, ns" },
  id: { ...text, description: "as the plant names the step" },
  text: { ...text, description: "the step in words; empty where the procedure does not have it" },
});

const deviation = object({
  kind: { enum: ["skipped", "out-of-order", "repeated", "forbidden", "unknown", "too-long"] },
  step: { ...text, description: "the step that was done, or was skipped" },
  frame: { ...place, description: "frame of the episode where it shows" },
  message: { ...text, description: "in words" },
});

const conformance = object({
  procedure: { ...text, description: "identity of the procedure" },
  result: { enum: ["followed", "deviated", "incomplete"] },
  deviations: { type: "array", items: deviation },
  missing: { ...texts, description: "required steps that were not done, in the procedure's order" },
});

const feature = object({
  name: { ...text, description: "name of a field of the frames" },
  type: { enum: ["float32", "float64", "int64", "bool", "text"] },
  shape: { type: "array", items: place, maxItems: 1, description: "empty for a scalar" },
  names: { type: ["array", "null"], items: text, description: "one name a value of a vector" },
  units: { type: ["array", "null"], items: { type: ["string", "null"] }, description: "one unit a value" },
});

const info = "meta/info.json";
const own = "meta/tagalign.json: episodes.";

/** The fields of an episode, in the order of its JSON. */
export const episodeFields: readonly EpisodeField[] = [
  field("episode_index", "its place in the data set", place, {
    lerobot: "meta/episodes: episode_index",
    groot: "meta/episodes.jsonl: episode_index",
    rlds: null,
    mcap: "metadata episode: index",
    hdf5: null,
    table: "episodes: episode_index",
  }),
  field("episode_id", "its capture and its number in it", text, {
    lerobot: "meta/episodes: episode_id",
    groot: `${own}episode_id`,
    rlds: "episode_metadata/episode_id",
    mcap: "metadata episode: id",
    hdf5: "@episode_id",
    table: "episodes: episode_id",
  }),
  field("capture", "the capture that it was cut from", text, {
    lerobot: `${own}capture`,
    groot: `${own}capture`,
    rlds: "episode_metadata/capture",
    mcap: "metadata episode: capture",
    hdf5: "@capture",
    table: "episodes: capture",
  }),
  field(
    "length",
    "frames",
    { type: "integer", minimum: 1 },
    {
      lerobot: "meta/episodes: length",
      groot: "meta/episodes.jsonl: length",
      rlds: null,
      mcap: "metadata episode: frames",
      hdf5: "@num_samples",
      table: "episodes: length",
    },
  ),
  field(
    "fps",
    "frames a second of the time grid, of the data set",
    { type: "integer", minimum: 1 },
    {
      lerobot: `${info}: fps`,
      groot: `${info}: fps`,
      rlds: "tagalign.json: fps",
      mcap: "metadata tagalign: fps",
      hdf5: "data@fps",
      table: "dataset.json: fps",
    },
  ),
  field("start_time_ns", "instant of its first frame on the reference clock, ns", int64, {
    lerobot: `${own}start_ns`,
    groot: `${own}start_ns`,
    rlds: "episode_metadata/start_time_ns",
    mcap: "metadata episode: start_time_ns",
    hdf5: "@start_time_ns",
    table: "episodes: start_time_ns",
  }),
  field("end_time_ns", "instant of its last frame, ns", int64, {
    lerobot: `${own}end_ns`,
    groot: `${own}end_ns`,
    rlds: "episode_metadata/end_time_ns",
    mcap: "metadata episode: end_time_ns",
    hdf5: "@end_time_ns",
    table: "episodes: end_time_ns",
  }),
  field(
    "tasks",
    "its tasks, in order of first use",
    { ...texts, minItems: 1 },
    {
      lerobot: "meta/episodes: tasks",
      groot: "meta/episodes.jsonl: tasks",
      rlds: "steps/language_instruction",
      mcap: "metadata episode: tasks",
      hdf5: "@tasks",
      table: "episodes: tasks",
    },
  ),
  field("scene", "what is to be seen, in words", text, {
    lerobot: "meta/episodes: scene",
    groot: `${own}scene`,
    rlds: "episode_metadata/scene",
    mcap: "metadata episode: scene",
    hdf5: "@scene",
    table: "episodes: scene",
  }),
  field(
    "context",
    "what is known of the work at its first frame",
    context,
    {
      lerobot: `${own}context`,
      groot: `${own}context`,
      rlds: "episode_metadata/context/<name>",
      mcap: "metadata episode: context",
      hdf5: "@context.<name>",
      table: "episodes: plant.<name>",
    },
    "by name, see the vocabulary",
  ),
  field(
    "segments",
    "its steps, in order; frames in no step are in none",
    { type: "array", items: segment },
    {
      lerobot: "meta/episodes: dense_subtask_names",
      groot: "meta/episodes.jsonl: action_config",
      rlds: "episode_metadata/segments",
      mcap: "metadata episode: segments",
      hdf5: "@segments",
      table: "segments: text",
    },
    "Phase (ISA-88); Stage (CFX, IPC-2591)",
  ),
  field(
    "conformance",
    "how it went against its procedure; null without one",
    { anyOf: [conformance, { type: "null" }] },
    {
      lerobot: `${own}conformance`,
      groot: `${own}conformance`,
      rlds: "episode_metadata/conformance",
      mcap: "metadata episode: conformance",
      hdf5: "@conformance",
      table: "episodes: conformance",
    },
  ),
  field("videos", "the video of each camera", object({}, { additionalProperties: text }), {
    lerobot: "meta/episodes: videos/observation.images.<camera>/file_index",
    groot: null,
    rlds: "episode_metadata/video_path/<camera>",
    mcap: "/camera/<camera>/frame: path",
    hdf5: "@video_path.<camera>",
    table: "episodes: observation.images.<camera>.path",
  }),
  field(
    "features",
    "what the vectors of its frames hold, of the data set",
    { type: "array", items: feature },
    {
      lerobot: `${info}: features`,
      groot: `${info}: features`,
      rlds: "tagalign.json: features",
      mcap: null,
      hdf5: "data@features",
      table: "dataset.json: features",
    },
  ),
];

const inJson: { readonly [type: string]: EpisodeJsonSchema } = {
  float32: { type: ["number", "null"] },
  float64: { type: ["number", "null"] },
  int64,
  bool: { type: "boolean" },
  text: { type: ["string", "null"] },
};

function frameSchema({ types, size, unit, meaning, standard, carried }: FrameField): EpisodeJsonSchema {
  const branches = types.map((type) => inJson[type]!);
  const value = branches.length === 1 ? branches[0]! : { anyOf: branches };
  return {
    ...(size === null ? value : { type: "array", items: value }),
    description: meaning,
    ...about({ standard, carried }),
    "x-type": types.join(" or "),
    ...(unit === null ? {} : { "x-unit": unit }),
  };
}

function about({ standard, carried }: Pick<EpisodeField, "standard" | "carried">): EpisodeJsonSchema {
  return { ...(standard === null ? {} : { "x-standard": standard }), "x-carried": { ...carried } };
}

const isNamed = ({ name }: FrameField) => !name.includes("<");

/** `plant.<name>` as a pattern, for names that are no field of their own. */
function patternOf(name: string): string {
  const [start = "", end = ""] = name.replace(/\./g, "\\.").split(/<\w+>/);
  const own = frameFields.filter(isNamed).flatMap((one) => /^plant\.(.*)/.exec(one.name)?.[1] ?? []);
  const others = start === "plant\\." ? `(?!(?:${own.join("|")})$)` : "";
  return `^${start}${others}[^/]+${end}$`;
}

const schemas = (fields: readonly FrameField[], key: (name: string) => string) =>
  Object.fromEntries(fields.map((one) => [key(one.name), frameSchema(one)]));

/**
 * JSON Schema (draft 2020-12) of an episode with all its frames.
 *
 * Whole numbers beyond 2^53 are decimal text, a missing number or text is null. `x-type`, `x-unit`, `x-standard` and
 * `x-carried` are what the types, units, standards and places in the formats are.
 */
export const episodeSchema: EpisodeJsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Episode",
  description: "A stretch of frames with the state of the plant at each, and what is known of the work",
  ...object({
    ...Object.fromEntries(
      episodeFields.map(({ name, meaning, schema, ...rest }) => [
        name,
        { ...schema, description: meaning, ...about(rest) },
      ]),
    ),
    frames: {
      type: "array",
      minItems: 1,
      items: { $ref: "#/$defs/frame" },
      description: "its frames, in order",
    },
  }),
  $defs: {
    frame: {
      type: "object",
      description: "a frame; a field that the data set does not have is left out",
      properties: schemas(frameFields.filter(isNamed), (name) => name),
      patternProperties: schemas(
        frameFields.filter((one) => !isNamed(one)),
        patternOf,
      ),
      required: [
        "episode_index",
        "frame_index",
        "index",
        "timestamp",
        "task_index",
        "align.frame_time_ns",
        "align.frame_pts_ns",
        "align.frame_uncertainty_ns",
        "align.frame_flags",
      ],
      additionalProperties: false,
    },
  },
};
