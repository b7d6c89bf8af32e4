import type { Json } from "../../episodes/index.ts";
import { ProtoMessage } from "../protobuf.ts";

/** What a step or an episode has of one feature. */
export type Leaf =
  | {
      readonly kind: "tensor";
      readonly dtype: "float32" | "int64" | "bool";
      readonly shape: readonly number[];
    }
  | { readonly kind: "text" }
  | { readonly kind: "image"; readonly width: number; readonly height: number };

const features = "tensorflow_datasets.core.features.";

/** The entry of features.json. */
export function leafJson(leaf: Leaf): Json {
  switch (leaf.kind) {
    case "text":
      return { pythonClassName: `${features}text_feature.Text`, text: {} };
    case "image":
      return {
        image: {
          dtype: "uint8",
          encodingFormat: "jpeg",
          shape: { dimensions: [`${leaf.height}`, `${leaf.width}`, "3"] },
        },
        pythonClassName: `${features}image_feature.Image`,
      };
    case "tensor": {
      const isScalar = leaf.shape.length === 0;
      return {
        pythonClassName: `${features}${isScalar ? "scalar.Scalar" : "tensor_feature.Tensor"}`,
        tensor: {
          dtype: leaf.dtype,
          encoding: "none",
          shape: isScalar ? {} : { dimensions: leaf.shape.map(String) },
        },
      };
    }
  }
}

/** A `tf.train.Feature`: one list, of all steps (tensorflow/core/example/feature.proto). */
export type Values = ProtoMessage;

export function floats(values: Float32Array): Values {
  return new ProtoMessage().message(2, new ProtoMessage().floats(1, values));
}

export function integers(values: BigInt64Array): Values {
  return new ProtoMessage().message(3, new ProtoMessage().integers(1, values));
}

/** @param values 0 and 1 */
export function bools(values: Uint8Array): Values {
  return new ProtoMessage().message(3, new ProtoMessage().bools(1, values));
}

export function bytesList(values: Iterable<Uint8Array>): Values {
  const list = new ProtoMessage();
  for (const value of values) list.bytes(1, value);
  return new ProtoMessage().message(1, list);
}
