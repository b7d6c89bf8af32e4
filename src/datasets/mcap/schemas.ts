import type { Json } from "../../episodes/index.ts";
import { compressedVideoName, compressedVideoSchema } from "./compressed-video.ts";

type Properties = { readonly [name: string]: Json };

/** What messages of one kind look like. */
export interface MessageSchema {
  readonly name: string;
  readonly encoding: "jsonschema" | "protobuf";
  readonly messageEncoding: "json" | "protobuf";
  readonly data: () => Uint8Array;
}

const instant = {
  type: "string",
  pattern: "^[0-9]+$",
  description: "ns since 1970-01-01T00:00:00Z, as decimal text, because JSON numbers are exact to 2^53 only",
};
const optional = (schema: Properties): Properties => ({ ...schema, type: [schema.type as string, "null"] });
const number: Properties = { type: ["number", "null"], description: "null where there is no value" };
const integer: Properties = { type: ["integer", "string"], description: "decimal text beyond 2^53" };
const text: Properties = { type: "string" };
const frame: Properties = {
  frame_index: { type: "integer", description: "frame of the episode, from 0" },
  frame_time_ns: instant,
};

function json(name: string, properties: Properties): MessageSchema {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: name,
    type: "object",
    properties: { ...frame, ...properties },
  };
  const data = () => new TextEncoder().encode(JSON.stringify(schema));
  return { name, encoding: "jsonschema", messageEncoding: "json", data };
}

const plantValue: Properties = {
  type: "object",
  properties: {
    value: {
      type: ["number", "null", "array"],
      items: number,
      description: "null where there is no value; an array for tags that are lists",
    },
    unit: optional({ ...text, description: "as the plant writes it" }),
    valid: { type: "boolean", description: "there is a value, fresh and good" },
    age_ns: { ...integer, description: "frame time minus the time of the sample" },
    status: { type: "integer", description: "OPC UA StatusCode" },
  },
};

export const plantValues: MessageSchema = json("tagalign.PlantValues", {
  pts_ns: { ...integer, description: "presentation time in the video, before correction" },
  uncertainty_ns: { ...integer, description: "1 sigma of the frame's time" },
  flags: {
    type: "integer",
    description: "1 frames dropped before, 2 duplicate, 4 interpolated pts, 8 clock step, 16 outside capture",
  },
  values: { type: "object", additionalProperties: plantValue },
  previous: {
    type: "object",
    description:
      "of tags that ask for it, their value in the episode before, and what they are now minus that",
    additionalProperties: {
      type: "object",
      properties: { value: number, delta: number, valid: { type: "boolean" } },
    },
  },
});

export const plantSetpoints: MessageSchema = json("tagalign.PlantSetpoints", {
  setpoints: { type: "object", additionalProperties: plantValue },
});

export const mesStep: MessageSchema = json("tagalign.Step", {
  id: optional({ ...text, description: "null where the frame is in no step" }),
  text: optional(text),
  index: { type: "integer", description: "place in the procedure, -1 where it is not in it" },
  start_time_ns: optional(instant),
});

export const mesOrder: MessageSchema = json("tagalign.Order", {
  context: {
    type: "object",
    additionalProperties: { type: ["string", "number", "boolean", "null"] },
    description:
      "order, material, recipe and what else is known of the work; whole numbers beyond 2^53 are text",
  },
});

export const alarm: MessageSchema = json("tagalign.Alarm", {
  name: text,
  state: { enum: ["raised", "cleared"] },
  active_count: { type: ["integer", "null"], description: "of all alarms" },
  max_severity: { type: ["integer", "null"], description: "of all active alarms" },
});

export const task: MessageSchema = json("tagalign.Task", {
  task_index: { type: "integer", description: "place among the tasks of the data set" },
  task: text,
});

export const frameReference: MessageSchema = json("tagalign.FrameReference", {
  path: { ...text, description: "of the video, relative to the folder of the data set" },
  picture: { type: "integer", description: "place among the displayed frames of that video, from 0" },
});

export const video: MessageSchema = {
  name: compressedVideoName,
  encoding: "protobuf",
  messageEncoding: "protobuf",
  data: compressedVideoSchema,
};
