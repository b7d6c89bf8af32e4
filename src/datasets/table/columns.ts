import {
  Bool,
  type Data,
  type DataType,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  TimestampNanosecond,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import type { Feature, FeatureValues } from "../../episodes/index.ts";

export const int64: DataType = new Int64();
export const float32: DataType = new Float32();
export const float64: DataType = new Float64();
export const bool: DataType = new Bool();
export const text: DataType = new Utf8();
export const texts: DataType = new List(new Field("element", text, false));
/** Without a zone, which not all readers keep to the nanosecond; the zone is in the field's metadata. */
const instant: DataType = new TimestampNanosecond();

/** The field of an instant. */
export function instantField(name: string): Field {
  return new Field(name, instant, false, new Map([["timezone", "UTC"]]));
}

/** A column of the values of a feature, batch after batch. */
export interface FeatureColumn {
  readonly field: Field;
  data(values: FeatureValues, rows: number): Data;
}

/**
 * The column of a feature: scalars, fixed-size lists of the vectors, a dictionary of texts. Names, units and further
 * facts of the feature are JSON in the field's metadata.
 *
 * @param id of its dictionary, its own in the table
 */
export function featureColumn(feature: Feature, id: number): FeatureColumn {
  const { name, type, shape, vocabulary } = feature;
  const metadata = metadataOf(feature);
  if (type === "text") {
    const dictionary = vectorFromArray([...(vocabulary ?? [])], new Utf8());
    const column = new Dictionary(new Utf8(), new Int32(), id);
    return {
      field: new Field(name, column, true, metadata),
      data: (values, rows) => codes(column, values as Int32Array, rows, dictionary),
    };
  }
  const item = name === "align.frame_time_ns" ? instant : { float32, float64, int64, bool }[type];
  if (item === instant) metadata.set("timezone", "UTC");
  const [size] = shape;
  if (size === undefined)
    return { field: new Field(name, item, false, metadata), data: (values) => plain(item, values) };
  const list = new FixedSizeList(size, new Field("element", item, false));
  return {
    field: new Field(name, list, false, metadata),
    data: (values, rows) =>
      makeData({ type: list, length: rows, nullCount: 0, child: plain(item, values) }) as Data,
  };
}

function metadataOf({ names, units, info }: Feature): Map<string, string> {
  const facts = Object.entries({ names, units, info }).filter(([, fact]) => fact !== undefined);
  return new Map(facts.map(([key, fact]) => [key, JSON.stringify(fact)]));
}

function codes(type: Dictionary, values: Int32Array, length: number, dictionary: Vector<Utf8>): Data {
  const isThere = Uint8Array.from(values, (code) => (code < 0 ? 0 : 1));
  const nullCount = length - isThere.reduce((sum, one) => sum + one, 0);
  return makeData({
    type,
    length,
    nullCount,
    nullBitmap: nullCount === 0 ? null : bits(isThere),
    data: nullCount === 0 ? values : values.map((code) => Math.max(0, code)),
    dictionary,
  }) as Data;
}

/** Values without nulls, as they lie in memory; bytes of 0 and 1 become bits. */
export function plain(type: DataType, values: FeatureValues): Data {
  const data = values instanceof Uint8Array ? bits(values) : values;
  return makeData({ type, length: values.length, nullCount: 0, data } as Parameters<typeof makeData>[0]);
}

function bits(bytes: Uint8Array): Uint8Array {
  const packed = new Uint8Array((bytes.length + 7) >> 3);
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] !== 0) packed[at >> 3]! |= 1 << (at & 7);
  return packed;
}

export function batchOf(schema: Schema, length: number, children: Data[]): RecordBatch {
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }),
  );
}
