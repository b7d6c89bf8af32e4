/** The values of one tag, one entry a sample. */
export type Values =
  | { type: "number"; data: Float64Array }
  | { type: "integer"; data: BigInt64Array }
  /** One byte each, 0 or 1. */
  | { type: "boolean"; data: Uint8Array }
  /** `codes[i]` is a position in `dictionary`. */
  | { type: "text"; codes: Int32Array; dictionary: readonly string[] }
  /** Entry i is `items[offsets[i] .. offsets[i + 1]]`. */
  | { type: "list"; offsets: Int32Array; items: Values };

export type ValueType = Values["type"];

/** What kind of values a tag has, without the values. */
export type ValueShape = { type: Exclude<ValueType, "list"> } | { type: "list"; items: ValueShape };

/**
 * The samples (or events) of one tag, in time order.
 *
 * times   i64[n] ns, ascending, equal values allowed; tags of one wide table share one array
 * values  n entries; an entry whose status is bad is 0 (or any code) and counts as null
 * status  u32[n] OPC UA StatusCodes; absent when every sample is good
 */
export interface Samples {
  times: BigInt64Array;
  values: Values;
  status?: Uint32Array;
}

/** Consecutive samples of a longer series: those that the frames of a window need. */
export interface SampleWindow extends Samples {
  /** How many samples of the series lie before the first one here: good, uncertain, bad. */
  skippedBefore: readonly [good: number, uncertain: number, bad: number];
}

/**
 * Intervals with one attribute, by ascending start; of equal starts the later row is later.
 *
 * starts, ends  i64[n] ns; an open end is `OPEN_END`
 */
export interface Intervals {
  starts: BigInt64Array;
  ends: BigInt64Array;
  values: Values;
  status?: Uint32Array;
}

/** The end of an interval that has not ended: the largest int64. */
export const OPEN_END = 0x7fff_ffff_ffff_ffffn;
