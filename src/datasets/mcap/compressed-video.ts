import { ProtoMessage } from "../protobuf.ts";

/** The message of one coded picture, as Foxglove's schema has it. */
export const compressedVideoName = "foxglove.CompressedVideo";

// Of descriptor.proto: FieldDescriptorProto.Label and .Type.
const OPTIONAL = 1;
const types = { int64: 3, int32: 5, string: 9, message: 11, bytes: 12 } as const;

interface FieldOf {
  readonly name: string;
  readonly type: keyof typeof types;
  readonly typeName?: string;
}

function message(name: string, fields: readonly FieldOf[]): ProtoMessage {
  const descriptor = new ProtoMessage().text(1, name);
  for (const [at, { name, type, typeName }] of fields.entries()) {
    const field = new ProtoMessage()
      .text(1, name)
      .integer(3, at + 1)
      .integer(4, OPTIONAL)
      .integer(5, types[type]);
    descriptor.message(2, typeName === undefined ? field : field.text(6, typeName));
  }
  return descriptor;
}

function file(name: string, packageName: string, imports: readonly string[], content: ProtoMessage) {
  const descriptor = new ProtoMessage().text(1, name).text(2, packageName);
  for (const one of imports) descriptor.text(3, one);
  return descriptor.message(4, content).text(12, "proto3");
}

/** A `google.protobuf.FileDescriptorSet` of the message and of the one that it names. */
export function compressedVideoSchema(): Uint8Array {
  const timestampFile = "google/protobuf/timestamp.proto";
  const timestamp = message("Timestamp", [
    { name: "seconds", type: "int64" },
    { name: "nanos", type: "int32" },
  ]);
  const video = message("CompressedVideo", [
    { name: "timestamp", type: "message", typeName: ".google.protobuf.Timestamp" },
    { name: "frame_id", type: "string" },
    { name: "data", type: "bytes" },
    { name: "format", type: "string" },
  ]);
  return new ProtoMessage()
    .message(1, file(timestampFile, "google.protobuf", [], timestamp))
    .message(1, file("foxglove/CompressedVideo.proto", "foxglove", [timestampFile], video))
    .toBytes();
}

/**
 * @param data one coded picture: with start codes and, in key frames, the parameter sets for H.264 and H.265
 * @param format `h264`, `h265`, `vp9` or `av1`
 */
export function compressedVideo(
  timeNs: bigint,
  frameId: string,
  data: Uint8Array,
  format: string,
): Uint8Array {
  const timestamp = new ProtoMessage()
    .integer(1, timeNs / 1_000_000_000n)
    .integer(2, timeNs % 1_000_000_000n);
  return new ProtoMessage().message(1, timestamp).text(2, frameId).bytes(3, data).text(4, format).toBytes();
}
