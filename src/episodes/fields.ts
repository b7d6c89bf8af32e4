import type { FeatureType } from "./set.ts";

/** Where a field is in each format; null where the format has no place for it, or tells it by order. */
export interface Carriers {
  /** LeRobot v3.0: a column of `data`, or of the file that is named. */
  readonly lerobot: string | null;
  /** LeRobot v2.1 as GR00T reads it, likewise. */
  readonly groot: string | null;
  /** The key in the example of an episode. */
  readonly rlds: string | null;
  /** Topic and path in the JSON of its messages, or the metadata record and its key. */
  readonly mcap: string | null;
  /** Below `data/demo_N` of the layout `robomimic`; `@` is an attribute. */
  readonly hdf5: string | null;
  /** A column of the table `frames`, or of the file that is named. */
  readonly table: string | null;
}

/** A field of every frame of an episode. */
export interface FrameField {
  /** `<name>`, `<camera>` stand for a name. */
  readonly name: string;
  /** Several where the plant's own type decides. */
  readonly types: readonly FeatureType[];
  /** Letter for the length of a vector. */
  readonly size: string | null;
  readonly unit: string | null;
  readonly meaning: string;
  /** The published standard that the field comes from. */
  readonly standard: string | null;
  readonly carried: Carriers;
}

interface FrameFacts {
  readonly type: FeatureType | readonly FeatureType[];
  readonly size?: string;
  readonly unit?: string;
  readonly meaning: string;
  readonly standard?: string;
  readonly mcap: string | null;
  readonly carried?: Partial<Carriers>;
}

const perUnit = "as the plant writes it";
const statusCode = "StatusCode (OPC UA, OPC 10000-4)";
const alarmsStandard = "OPC 10000-9, ISA-18.2, IEC 62682";
const values = "/plant/values: values.<tag>";
const setpoints = "/plant/setpoints: setpoints.<tag>";
const counter = { rlds: null, mcap: null, hdf5: null } as const;

/** Every format writes a feature under its own name; RLDS and HDF5 cut it at its first dot. */
function carriedBy(name: string, mcap: string | null): Carriers {
  const path = name.replace(".", "/");
  return {
    lerobot: name,
    groot: name,
    rlds: `steps/${path}`,
    mcap,
    hdf5: path.replace(/^observation\//, "obs/"),
    table: name,
  };
}

const facts: Readonly<Record<string, FrameFacts>> = {
  episode_index: {
    type: "int64",
    meaning: "the episode, by its place in the data set",
    mcap: null,
    carried: counter,
  },
  frame_index: {
    type: "int64",
    meaning: "the frame, by its place in the episode",
    mcap: "/plant/values: frame_index",
    carried: { rlds: null, hdf5: null },
  },
  index: { type: "int64", meaning: "the frame, by its place in the data set", mcap: null, carried: counter },
  timestamp: {
    type: "float32",
    unit: "s",
    meaning: "frame_index / fps, as the time grid of videos has it; the true time is align.frame_time_ns",
    mcap: null,
    carried: counter,
  },
  task_index: {
    type: "int64",
    meaning: "the frame's task, by its place among the tasks of the data set",
    mcap: "/task: task_index",
    carried: { rlds: "steps/language_instruction", hdf5: "task" },
  },
  "observation.images.<camera>": {
    type: "int64",
    meaning: "the picture of a camera: pixels, packets, or the place of the frame in the captured video",
    mcap: "/camera/<camera>",
    carried: {
      rlds: "steps/observation/<camera>_image",
      hdf5: "obs/<camera>_image",
      table: "observation.images.<camera>.frame",
    },
  },
  "observation.state": {
    type: "float32",
    size: "S",
    unit: perUnit,
    meaning: "tags of sources with role robot; left out where there are none",
    mcap: `${values}.value`,
  },
  "observation.environment_state": {
    type: "float32",
    size: "P",
    unit: perUnit,
    meaning: "the other observed tags, at the frame",
    mcap: `${values}.value`,
    carried: { groot: "observation.state" },
  },
  action: {
    type: "float32",
    size: "A",
    unit: perUnit,
    meaning: "set-points and commands, action_lead after the frame",
    mcap: `${setpoints}.value`,
    carried: { hdf5: "actions" },
  },
  "plant.value_valid": {
    type: "bool",
    size: "T",
    meaning: "whether each tag of observation, then of action, has a value that is good and not stale",
    mcap: `${values}.valid`,
  },
  "plant.value_age_ns": {
    type: "int64",
    size: "T",
    unit: "ns",
    meaning: "time from the sample to its frame; negative only where a join looks ahead",
    mcap: `${values}.age_ns`,
  },
  "plant.value_quality": {
    type: "int64",
    size: "T",
    meaning: "quality of each value",
    standard: statusCode,
    mcap: `${values}.status`,
  },
  "plant.previous_value": {
    type: "float32",
    size: "Q",
    unit: perUnit,
    meaning:
      "the last good value of each tag that asks for it in the same step of the episode that ended before",
    mcap: "/plant/values: previous.<tag>.value",
  },
  "plant.previous_delta": {
    type: "float32",
    size: "Q",
    unit: perUnit,
    meaning: "the value now minus that one",
    mcap: "/plant/values: previous.<tag>.delta",
  },
  "plant.previous_valid": {
    type: "bool",
    size: "Q",
    meaning: "whether there are both",
    mcap: "/plant/values: previous.<tag>.valid",
  },
  "plant.<name>": {
    type: ["text", "float64", "int64", "bool"],
    unit: perUnit,
    meaning: "what is known of the work, by the names of episodes.context",
    standard: "by name, see the vocabulary",
    mcap: "/mes/order: context.<name>",
  },
  "plant.<name>_valid": {
    type: "bool",
    meaning: "whether there is a value, for those that are not text",
    mcap: null,
  },
  "plant.personnel_id": {
    type: "text",
    meaning: "who does the work, as a keyed hash",
    standard: "personnel actuals (ISA-95 Job Control, OPC 10031-4)",
    mcap: "/mes/order: context.personnel_id",
  },
  "plant.sop_step_id": {
    type: "text",
    meaning: "the step of the procedure, as the plant names it",
    standard: "Phase (ISA-88); StageName (CFX, IPC-2591)",
    mcap: "/mes/step: id",
  },
  "plant.sop_step_text": {
    type: "text",
    meaning: "the step in words, of the procedure file",
    mcap: "/mes/step: text",
  },
  "plant.sop_step_index": {
    type: "int64",
    meaning: "the step's place in the procedure, from 0; -1 in no step, or in one that it does not have",
    standard: "StageSequence (CFX, IPC-2591)",
    mcap: "/mes/step: index",
  },
  "plant.sop_step_elapsed_ns": {
    type: "int64",
    unit: "ns",
    meaning: "time since the step began; -1 in no step",
    mcap: "/mes/step: start_time_ns",
  },
  "plant.alarm_active_count": {
    type: "int64",
    meaning: "alarms that are active",
    standard: `ActiveState (${alarmsStandard})`,
    mcap: "/alarms: active_count",
  },
  "plant.alarm_max_severity": {
    type: "int64",
    meaning: "the highest severity of these, 1 to 1000; 0 without alarms",
    standard: `Severity (${alarmsStandard})`,
    mcap: "/alarms: max_severity",
  },
  "plant.alarm_multihot": {
    type: "int64",
    size: "K",
    meaning: "1 for each alarm that is active, of all that the data set knows",
    standard: `ConditionName (${alarmsStandard})`,
    mcap: "/alarms: name",
  },
  "align.frame_time_ns": {
    type: "int64",
    unit: "ns",
    meaning: "the instant of the frame on the reference clock, since 1970-01-01T00:00:00Z",
    mcap: "/plant/values: frame_time_ns",
  },
  "align.frame_pts_ns": {
    type: "int64",
    unit: "ns",
    meaning: "its presentation time in the captured video, before any correction",
    mcap: "/plant/values: pts_ns",
  },
  "align.frame_uncertainty_ns": {
    type: "int64",
    unit: "ns",
    meaning: "1 sigma of the clock map at the frame",
    mcap: "/plant/values: uncertainty_ns",
  },
  "align.frame_flags": {
    type: "int64",
    meaning:
      "bits: 1 frames are missing before it, 2 shown before, 4 interpolated presentation time, 8 the clock steps before it, 16 outside the capture",
    mcap: "/plant/values: flags",
  },
};

/** The fields of every frame, in the order that data sets have them. */
export const frameFields: readonly FrameField[] = Object.entries(facts).map(
  ([name, { type, size = null, unit = null, meaning, standard = null, mcap, carried = {} }]) => ({
    name,
    types: typeof type === "string" ? [type] : type,
    size,
    unit,
    meaning,
    standard,
    carried: { ...carriedBy(name, mcap), ...carried },
  }),
);
