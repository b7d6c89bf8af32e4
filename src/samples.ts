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

/** Samples by the severity of their status (`status >>> 30`). */
export type SeverityCounts = readonly [good: number, uncertain: number, bad: number];

/** Consecutive samples of a longer series: those that the frames of a window need. */
export interface SampleWindow extends Samples {
  /** How many samples of the series lie before the first one here. */
  skippedBefore: SeverityCounts;
}

/** Which samples a join keeps: those of severity 0, of 0 and 1, or all. */
export type QualityRule = "good" | "usable" | "raw";

/** The frames of a window, on the clock that the samples are placed on. */
export interface WindowRequest {
  /** Time of the first and of the last frame, ns. */
  from: bigint;
  to: bigint;
  /** How far before a frame its join looks for more than one sample, ns: the span of a window, else 0. */
  beforeNs: bigint;
  quality: QualityRule;
}

/** Makes arrays of a length; what they hold is not defined. */
export interface Allocate {
  i64(length: number): BigInt64Array;
  f64(length: number): Float64Array;
  i32(length: number): Int32Array;
  u32(length: number): Uint32Array;
  u8(length: number): Uint8Array;
}

/** Where the samples of one window go. */
export interface WindowArrays {
  readonly allocate: Allocate;
  /** Arrays of times that tags of this window share; empty when a window begins. */
  readonly shared: Map<object, Map<string, BigInt64Array>>;
}

/** An elementwise map of times that keeps their order, or throws. */
export type PlaceTimes = (times: BigInt64Array) => BigInt64Array;

/** All samples of one tag, of which a window is handed out at a time. */
export interface SampleStore {
  readonly shape: ValueShape;
  /** All texts of a text tag; those of a window are the same array. */
  readonly dictionary: readonly string[];
  readonly counts: SeverityCounts;
  /** Time of the first and of the last sample, ns; undefined without samples. */
  readonly first: bigint | undefined;
  readonly last: bigint | undefined;
  /** The same samples on another clock. */
  placed(place: PlaceTimes): SampleStore;
  /**
   * The samples that the frames in [from, to] need, and perhaps more: any join of any such frame finds among them what
   * it finds among all. They begin 64 kept samples early, because float sums are made of blocks of 64.
   * Tags that share their times get the same array.
   */
  load(request: WindowRequest, arrays: WindowArrays): SampleWindow;
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
