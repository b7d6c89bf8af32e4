import type { Column } from "./arena.ts";

/** One straight piece of a clock map: `from` and `to` are the same instant on the two clocks. */
export interface MapPiece {
  from: bigint;
  to: bigint;
  /** Rate difference, at most 1 either way. */
  drift: number;
}

/** A column of values with its Arrow bitmap. */
export interface NullableColumn<T extends Column> {
  values: T;
  /** A bit an entry, least significant bit first, padded to 8 bytes where a kernel writes it. */
  validity: Uint8Array;
}

export interface LinearSamples {
  /** ns, ascending, no two equal. */
  times: BigInt64Array;
  values: Float64Array;
  /** Default: all valid. */
  validity?: Uint8Array | undefined;
}

export interface LineOptions {
  /** ns, inclusive: the widest distance of the two samples around a frame. Default: unlimited. */
  maxGap?: bigint | undefined;
  /** ns, inclusive: how far before the first sample its value holds. Default: not at all. */
  holdBefore?: bigint | undefined;
  /** ns, inclusive: how far after the last sample its value holds. Default: not at all. */
  holdAfter?: bigint | undefined;
}

export interface StatusAsofOptions {
  /** StatusCodes, one a sample. Default: all good. */
  sampleStatus?: Uint32Array | undefined;
  /** ns, one a sample: the first bad sample that was skipped after it, the largest int64 if none. */
  badAfter?: BigInt64Array | undefined;
  /** ns: an older value is stale. Default: never. */
  staleAfter?: bigint | undefined;
}

export interface StatusLinearOptions {
  /** StatusCodes, one a sample. Default: all good. */
  sampleStatus?: Uint32Array | undefined;
  /** One byte a sample: 1 where a sample that is not good was left out before the next one. */
  skipped?: Uint8Array | undefined;
  /** ns: an older sample before the frame is stale. Default: never. */
  staleAfter?: bigint | undefined;
}
