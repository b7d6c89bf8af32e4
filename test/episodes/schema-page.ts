import {
  type Carriers,
  contextVocabulary,
  type EpisodeField,
  episodeFields,
  type FrameField,
  frameFields,
  type Json,
} from "../../src/episodes/index.ts";
import { episodeJson } from "./episode-json.ts";
import { sampleSet } from "./sample.ts";

/** JSON with whatever fits on a line on one. */
export function jsonText(value: Json, indent = "", before = 0): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const isList = Array.isArray(value);
  const items = Object.entries(value as Readonly<Record<string, Json>>).map(
    ([key, item]) => [isList ? "" : `${JSON.stringify(key)}: `, item] as const,
  );
  if (items.length === 0) return isList ? "[]" : "{}";
  const [open, close] = isList ? ["[", "]"] : ["{", "}"];
  const gap = isList ? "" : " ";
  const line = `${open}${gap}${items.map(([key, item]) => key + inLine(item)).join(", ")}${gap}${close}`;
  if (indent !== "" && indent.length + before + line.length < 110) return line;
  const inner = `${indent}  `;
  const lines = items.map(([key, item]) => `${inner}${key}${jsonText(item, inner, key.length)}`);
  return `${open}\n${lines.join(",\n")}\n${indent}${close}`;
}

function inLine(value: Json): string {
  return jsonText(value, " ", Number.NEGATIVE_INFINITY);
}

const cell = (text: string | null) => (text ?? "").replace(/\|/g, "\\|");
const code = (text: string | null) => (text === null ? "" : `\`${cell(text)}\``);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const formats: readonly (readonly [keyof Carriers, string])[] = [
  ["lerobot", "LeRobot v3.0"],
  ["groot", "v2.1, GR00T"],
  ["rlds", "RLDS"],
  ["mcap", "MCAP"],
  ["hdf5", "HDF5"],
  ["table", "Parquet, Arrow"],
];

function carried(fields: readonly Pick<EpisodeField, "name" | "carried">[]): string {
  return table(
    ["field", ...formats.map(([, name]) => name)],
    fields.map((field) => [code(field.name), ...formats.map(([key]) => code(field.carried[key]))]),
  );
}

const typeOf = ({ types, size }: FrameField) => types.join(", ") + (size === null ? "" : `[${size}]`);

/** docs/episode-schema.md */
export async function schemaPage(): Promise<string> {
  const set = await sampleSet("head.mp4");
  return `# Episode schema

An episode is a stretch of frames with the state of the plant at each of them, and what is known of the work.
Whatever the format, it has the fields below; their names follow the published vocabularies of plants where these have one.
The same as JSON Schema (draft 2020-12) is [episode-schema.json](episode-schema.json), and \`episodeSchema\` of the library.

## A frame

One row for each frame of the reference camera. A field that a data set has no values for is left out.

${table(
  ["field", "type", "unit", "meaning", "from"],
  frameFields.map((one) => [
    code(one.name),
    typeOf(one),
    cell(one.unit),
    cell(one.meaning),
    cell(one.standard),
  ]),
)}

- Lengths of vectors: S, P and A are tags (a tag that is a list has as many places as it has items), T all tags of observation and then of action, Q tags with \`previous_episode\`, K alarms.
  The names and units of their places are in \`features\`.
- A value that is missing is NaN, or null in JSON. LeRobot, RLDS and HDF5 carry the last value before it, else the first after, else 0; \`plant.value_valid\` tells. A missing text is null, or empty where a format has no null; a missing whole number or boolean is 0, and its \`_valid\` is false.
- Instants and durations are int64 nanoseconds. In JSON, whole numbers beyond 2^53 are decimal text.

## An episode

${table(
  ["field", "meaning", "from"],
  episodeFields.map((one) => [code(one.name), cell(one.meaning), cell(one.standard)]),
)}

Deviations and results are those of [procedures](procedures.md).

## Where each format has them

Of frames:

${carried(frameFields)}

Of episodes:

${carried(episodeFields)}

- LeRobot: columns of \`data\` and features of \`meta/info.json\`, or of the file that is named. Pictures are videos. For GR00T, \`observation.state\` is both vectors one after the other, and \`meta/modality.json\` tells which part is which; \`annotation.human.action.task_description\`, \`annotation.mes.sop_step\` and \`annotation.scada.alarm\` are places in \`meta/tasks.jsonl\`.
- RLDS: keys of an episode's example, steps being its frames; \`is_first\`, \`is_last\`, \`is_terminal\`, \`reward\` and \`discount\` come beside them. The reward of the last step is 1 unless the procedure was not followed. With \`--video copy\`, \`steps/observation/<camera>_frame_index\` has the place of the picture.
- MCAP: topic and path in its messages, or the record of metadata and its key. \`/plant/values\` and \`/plant/setpoints\` have a message a frame, the other topics one at each change. Log time is \`align.frame_time_ns\`. Pictures are \`foxglove.CompressedVideo\`, or references on \`/camera/<camera>/frame\`.
- HDF5: below \`data/demo_N\` of the layout \`robomimic\`, \`@\` being attributes; true time also as \`timestamp_ns\`. In the layout \`aloha\` each file is an episode: the state is \`observations/qpos\`, the action \`action\`, pictures are \`observations/images/<camera>\`, all else has the same names.
- Parquet and Arrow: columns of \`frames\`, or of the file that is named; \`segments\`, \`events\` and \`tasks\` are tables of their own.

## Names for context

Any name can be given in \`episodes.context\`. These mean the same in every data set:

${table(
  ["name", "meaning", "from", "its words"],
  Object.entries(contextVocabulary).map(([name, term]) => [
    code(name),
    term.meaning,
    cell(term.standard),
    "values" in term ? term.values.join(", ") : "",
  ]),
)}

## A sample

The second of two rounds past a station: the valve was opened before the gas was tested.

\`\`\`json
${jsonText(await episodeJson(set, 1))}
\`\`\`
`;
}
