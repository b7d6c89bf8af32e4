import { findPiece, INT64_MAX, INT64_MIN, type Piece } from "./piece.ts";
import { middleOf } from "./prior.ts";

/** A stretch with its pieces, which go on beyond it on both sides. */
export interface Placed {
  /** First and last instant of its evidence on the from clock. */
  readonly start: bigint;
  readonly end: bigint;
  readonly pieces: readonly Piece[];
}

/** What is in force of a stretch: its evidence in [start, end], and its pieces up to where the next takes over. */
export interface Visible {
  /** Position of the stretch. */
  readonly stretch: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly pieces: readonly Piece[];
}

/**
 * Puts stretches, in order of arrival, side by side on the from clock.
 *
 * Where a source started again and reads the same times once more, the later stretch wins. Stretches meet in the
 * middle of the hole between them.
 */
export function placeStretches(stretches: readonly Placed[]): Visible[] {
  let ranges: { stretch: number; start: bigint; end: bigint }[] = [];
  stretches.forEach(({ start, end }, stretch) => {
    const left = ranges.filter((range) => range.start < start);
    const right = ranges.filter((range) => range.end > end);
    ranges = [
      ...left.map((range) => (range.end < start ? range : { ...range, end: start - 1n })),
      { stretch, start, end },
      ...right.map((range) => (range.start > end ? range : { ...range, start: end + 1n })),
    ];
  });
  return ranges.map((range, i) => {
    const before = ranges[i - 1];
    const after = ranges[i + 1];
    const since = before === undefined ? INT64_MIN : middleOf(before.end, range.start);
    const until = after === undefined ? undefined : middleOf(range.end, after.start);
    return { ...range, pieces: cutPieces(stretches[range.stretch]!.pieces, since, until) };
  });
}

/** The pieces in force in [since, until), the first of them from `since` on. */
function cutPieces(pieces: readonly Piece[], since: bigint, until: bigint | undefined): Piece[] {
  const first = findPiece(pieces, since);
  const beyond = until ?? INT64_MAX;
  const kept = pieces.slice(first).filter((piece, i) => i === 0 || piece.since < beyond);
  return kept.map((piece, i) => (i === 0 ? { ...piece, since } : piece));
}
