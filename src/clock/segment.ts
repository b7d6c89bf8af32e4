import { clampToInt64, evaluate, findPiece, INT64_MAX, INT64_MIN, type Piece } from "./piece.ts";

/** A stretch of a clock map without steps or resets, as reports show it. */
export interface ClockSegment {
  /** First instant of the evidence on the from clock, ns; INT64_MIN where the evidence holds for all time. */
  readonly start: bigint;
  /** Last instant of the evidence on the from clock, ns; INT64_MAX where the evidence holds for all time. */
  readonly end: bigint;
  /** Target minus source at `start`, ns. */
  readonly offsetNs: bigint;
  /** Mean slope of the offset over the segment, in 1e-9. */
  readonly driftPpb: number;
  /** All evidence in the segment. */
  readonly pairs: number;
  /** How many of the pairs were not used. */
  readonly rejected: number;
  /** Median of |evidence - map| over the pairs used, ns. */
  readonly residualP50Ns: number;
  /** 99th percentile of |evidence - map| over the pairs used, ns. */
  readonly residualP99Ns: number;
}

/** A segment with its pieces, by ascending `since`; the pieces of one segment never map time backwards. */
export interface SegmentPieces {
  readonly start: bigint;
  readonly end: bigint;
  readonly pairs: number;
  readonly rejected: number;
  readonly residualP50Ns: number;
  readonly residualP99Ns: number;
  readonly pieces: readonly Piece[];
}

/** What a report shows of a segment. */
export function describeSegment(segment: SegmentPieces): ClockSegment {
  const { start, end, pairs, rejected, residualP50Ns, residualP99Ns, pieces } = segment;
  const first = pieces[0]!;
  const last = pieces.at(-1)!;
  const offsetNs = evaluate(pieceAt(pieces, start), start) - start;
  const endOffsetNs = evaluate(pieceAt(pieces, end), end) - end;
  const straight = first === last || start === end;
  const drift = straight ? first.drift : Number(endOffsetNs - offsetNs) / Number(end - start);
  return { start, end, offsetNs, driftPpb: drift * 1e9, pairs, rejected, residualP50Ns, residualP99Ns };
}

/** The piece of one segment that is in force at an instant; outside the segment its first or last piece. */
export function pieceAt(pieces: readonly Piece[], time: bigint): Piece {
  return pieces[findPiece(pieces, time)]!;
}

/** Maps the end of a segment; an end that stands for all time stays so. */
export function mapLimit(limit: bigint, timeOf: (time: bigint) => bigint): bigint {
  return limit === INT64_MIN || limit === INT64_MAX ? limit : clampToInt64(timeOf(limit));
}
