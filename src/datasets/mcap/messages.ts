import type { EpisodeFrames, EpisodeSet, Json } from "../../episodes/index.ts";
import { type Change, changesOf } from "../changes.ts";
import { plantFrames } from "./plant.ts";
import type { RecordedMessage } from "./recording.ts";
import {
  alarm,
  frameReference,
  type MessageSchema,
  mesOrder,
  mesStep,
  plantSetpoints,
  plantValues,
  task,
} from "./schemas.ts";

/** A camera whose pictures stay in their own file. */
export interface Reference {
  readonly camera: string;
  /** Relative to the data set's root. */
  readonly path: string;
  /** For every frame of the episode the place of its picture. */
  readonly pictures: Int32Array;
}

const utf8 = new TextEncoder();

/** What is known of every frame of an episode, in order of time; at one instant changes first, then values. */
export async function* frameMessages(
  set: EpisodeSet,
  frames: EpisodeFrames,
  references: readonly Reference[],
): AsyncGenerator<RecordedMessage> {
  const { timeNs } = frames;
  const plant = plantFrames(set, frames);
  const changes = new Map<number, Change[]>();
  for (const change of changesOf(set, frames))
    changes.set(change.frame, [...(changes.get(change.frame) ?? []), change]);
  for (const frame of inOrder(timeNs)) {
    const now = timeNs[frame]!;
    const message = (
      topic: string,
      schema: MessageSchema,
      body: object,
      sourceNs = now,
    ): RecordedMessage => ({
      topic,
      schema,
      logTimeNs: now,
      publishTimeNs: sourceNs,
      data: utf8.encode(JSON.stringify({ frame_index: frame, frame_time_ns: String(now), ...body })),
    });
    for (const change of changes.get(frame) ?? []) {
      const { topic, schema, body } = changed(change);
      yield message(topic, schema, body, change.sourceNs ?? now);
    }
    const values = { ...plant.frame(frame), values: plant.values(frame), previous: plant.previous(frame) };
    yield message("/plant/values", plantValues, values, plant.newestNs(frame));
    if (plant.hasSetpoints)
      yield message("/plant/setpoints", plantSetpoints, { setpoints: plant.setpoints(frame) });
    for (const { camera, path, pictures } of references)
      yield message(`/camera/${camera}/frame`, frameReference, { path, picture: pictures[frame]! });
  }
}

/** Frames by their instants; where these go back, as after a step of the clock, not as they were recorded. */
export function inOrder(timeNs: BigInt64Array): Uint32Array {
  const order = Uint32Array.from(timeNs, (_, frame) => frame);
  if (timeNs.every((now, frame) => frame === 0 || timeNs[frame - 1]! <= now)) return order;
  return order.sort((a, b) => (timeNs[a]! < timeNs[b]! ? -1 : timeNs[a]! > timeNs[b]! ? 1 : a - b));
}

function changed({ kind, id, sourceNs, payload }: Change): {
  readonly topic: string;
  readonly schema: MessageSchema;
  readonly body: { readonly [key: string]: Json };
} {
  switch (kind) {
    case "order":
      return { topic: "/mes/order", schema: mesOrder, body: { context: payload } };
    case "step": {
      const start = sourceNs === null ? null : String(sourceNs);
      return { topic: "/mes/step", schema: mesStep, body: { id, ...payload, start_time_ns: start } };
    }
    case "alarm":
      return { topic: "/alarms", schema: alarm, body: { name: id, ...payload } };
    case "task":
      return { topic: "/task", schema: task, body: payload };
  }
}

/** Messages of several streams, each in order of log time, as one; at one instant in the order of the streams. */
export async function* merged(
  streams: readonly AsyncGenerator<RecordedMessage>[],
): AsyncGenerator<RecordedMessage> {
  try {
    const heads = await Promise.all(streams.map((stream) => stream.next()));
    for (;;) {
      let first = -1;
      for (const [at, head] of heads.entries()) {
        if (head.done === true) continue;
        if (first < 0 || head.value.logTimeNs < (heads[first]!.value as RecordedMessage).logTimeNs)
          first = at;
      }
      if (first < 0) return;
      yield heads[first]!.value as RecordedMessage;
      heads[first] = await streams[first]!.next();
    }
  } finally {
    for (const stream of streams) await stream.return(undefined);
  }
}
