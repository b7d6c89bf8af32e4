import {
  clampToInt64,
  evaluate,
  INT64_MAX,
  INT64_MIN,
  inOrder,
  type Piece,
  scaleQuadratic,
} from "./piece.ts";
import { mapLimit, pieceAt, type SegmentPieces } from "./segment.ts";

interface Image {
  readonly segment: SegmentPieces;
  /** The stretch of the target clock on which the segment's inverse is in force. */
  since: bigint;
  readonly until: bigint;
}

/**
 * The segments of the inverse map, on the target clock.
 *
 * Where the images of two segments overlap the later segment wins; the middle of a gap between them parts them.
 * Sigma and bound are divided by the slope, since they now are about source time.
 */
export function invertSegments(segments: readonly SegmentPieces[]): SegmentPieces[] {
  return imagesOf(segments)
    .reverse()
    .map((image) => invertSegment(image));
}

/** The images of the segments, the last one first; a segment that a later one covers whole has none. */
function imagesOf(segments: readonly SegmentPieces[]): Image[] {
  const images: Image[] = [];
  for (let position = segments.length - 1; position >= 0; position--) {
    const segment = segments[position]!;
    const first = segment.pieces[0]!;
    const since = position === 0 ? INT64_MIN : clampToInt64(evaluate(first, first.since));
    const later = images.at(-1);
    if (later !== undefined) {
      const imageEnd = evaluate(segment.pieces.at(-1)!, segments[position + 1]!.pieces[0]!.since);
      if (imageEnd < later.since) later.since = imageEnd + (later.since - imageEnd) / 2n;
      else if (position > 0 && since >= later.since) continue;
    }
    images.push({ segment, since, until: later?.since ?? INT64_MAX });
  }
  return images;
}

function invertSegment({ segment, since, until }: Image): SegmentPieces {
  const starts = segment.pieces.map((piece, i) =>
    i === 0 ? since : clampToInt64(evaluate(piece, piece.since)),
  );
  const isInForce = (i: number) =>
    starts[i]! <= until && (starts[i + 1] === undefined || starts[i]! < starts[i + 1]!);
  const pieces = segment.pieces
    .map((piece, i) => invertPiece(piece, starts[i]!))
    .filter((_, i) => isInForce(i));
  const timeOf = (time: bigint) => evaluate(pieceAt(segment.pieces, time), time);
  const start = mapLimit(segment.start, timeOf);
  const end = mapLimit(segment.end, timeOf);
  const slope = 1 + segment.pieces[0]!.drift;
  return {
    ...segment,
    start: inOrder(start, until)[0],
    end: inOrder(end, until)[0],
    residualP50Ns: segment.residualP50Ns / slope,
    residualP99Ns: segment.residualP99Ns / slope,
    pieces,
  };
}

function invertPiece(piece: Piece, since: bigint): Piece {
  const slope = 1 + piece.drift;
  const [v0, v1, v2] = scaleQuadratic(piece.variance, 1 / slope);
  const square = slope * slope;
  return {
    since,
    from: piece.to,
    to: piece.from,
    // Adding zero keeps an identity's drift from becoming -0, which JSON text would lose.
    drift: -piece.drift / slope + 0,
    variance: [v0 / square, v1 / square, v2 / square],
    boundNs: piece.boundNs / slope,
  };
}
