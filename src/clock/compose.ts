import { AlignError } from "../errors.ts";
import {
  addQuadratics,
  chordDrift,
  clamp,
  evaluate,
  findPiece,
  firstReaching,
  INT64_MAX,
  INT64_MIN,
  inOrder,
  isInt64,
  multiplyExactly,
  type Piece,
  type Quadratic,
  scaleQuadratic,
  shiftQuadratic,
} from "./piece.ts";
import { mapLimit, pieceAt, type SegmentPieces } from "./segment.ts";

/** One piece of the first map followed by one piece of the second, in force from `since`. */
interface Link {
  readonly since: bigint;
  readonly first: Piece;
  readonly second: Piece;
  readonly firstSegment: SegmentPieces;
  readonly secondSegment: SegmentPieces;
}

/** The segments of `second` after `first`, on the from clock of `first`; variances and bounds add. */
export function composeSegments(
  first: readonly SegmentPieces[],
  second: readonly SegmentPieces[],
): SegmentPieces[] {
  const links = linksOf(first, second);
  const segments: SegmentPieces[] = [];
  for (let start = 0; start < links.length; ) {
    const { firstSegment, secondSegment } = links[start]!;
    let end = start + 1;
    while (links[end]?.firstSegment === firstSegment && links[end]?.secondSegment === secondSegment) end++;
    const until = links[end]?.since ?? INT64_MAX;
    segments.push(composeSegment(links.slice(start, end), until));
    start = end;
  }
  return segments;
}

function linksOf(first: readonly SegmentPieces[], second: readonly SegmentPieces[]): Link[] {
  const stretches = first.flatMap((segment) => segment.pieces.map((piece) => ({ segment, piece })));
  const targets = second.flatMap((segment) => segment.pieces.map((piece) => ({ segment, piece })));
  const targetPieces = targets.map((target) => target.piece);
  return stretches
    .flatMap(({ segment, piece }, i) => {
      const last = stretches[i + 1] === undefined ? INT64_MAX : stretches[i + 1]!.piece.since - 1n;
      const timeOf = (time: bigint) => evaluate(piece, time);
      const lowest = findPiece(targetPieces, timeOf(piece.since));
      const highest = findPiece(targetPieces, timeOf(last));
      return targets.slice(lowest, highest + 1).map((target, j) => ({
        since: j === 0 ? piece.since : firstReaching(timeOf, target.piece.since, piece.since, last),
        first: piece,
        second: target.piece,
        firstSegment: segment,
        secondSegment: target.segment,
      }));
    })
    .filter((link, i, all) => link.since < (all[i + 1]?.since ?? INT64_MAX + 1n));
}

function composeSegment(links: readonly Link[], until: bigint): SegmentPieces {
  const { firstSegment, secondSegment, since } = links[0]!;
  const back = (time: bigint) =>
    firstReaching((t) => evaluate(pieceAt(firstSegment.pieces, t), t), time, INT64_MIN, INT64_MAX);
  const start = inOrder(firstSegment.start, mapLimit(secondSegment.start, back))[1];
  const end = inOrder(firstSegment.end, mapLimit(secondSegment.end, back))[0];
  // Where the two stretches of evidence do not meet, the gap between them is the segment.
  const span = inOrder(clamp(start, since, until), clamp(end, since, until));
  return {
    start: span[0],
    end: span[1],
    pairs: firstSegment.pairs + secondSegment.pairs,
    rejected: firstSegment.rejected + secondSegment.rejected,
    residualP50Ns: Math.hypot(firstSegment.residualP50Ns, secondSegment.residualP50Ns),
    residualP99Ns: Math.hypot(firstSegment.residualP99Ns, secondSegment.residualP99Ns),
    pieces: links.map((link, i) => composePiece(link, links[i + 1])),
  };
}

function composePiece(link: Link, next: Link | undefined): Piece {
  const { since, first, second } = link;
  const { from, to, drift } = composeLine(link, next);
  if (!isInt64(from) || !isInt64(to)) {
    throw new AlignError("CLOCK_OVERFLOW", "the offsets of two composed clock maps do not fit in an int64", {
      hint: "check the unit of the offsets; instants reach from 1677 to 2262",
    });
  }
  const distance = Number(evaluate(first, from) - second.from);
  const later: Quadratic = scaleQuadratic(shiftQuadratic(second.variance, distance), 1 + first.drift);
  const variance = addQuadratics(shiftQuadratic(first.variance, Number(from - first.from)), later);
  return { since, from, to, drift, variance, boundNs: first.boundNs + second.boundNs };
}

type Line = Pick<Piece, "from" | "to" | "drift">;

/**
 * The line of a composed piece.
 *
 * Exact where one of the two only shifts; else a chord between the rounded ends, so that pieces meet.
 */
function composeLine(link: Link, next: Link | undefined): Line {
  const { since, first, second } = link;
  const shifted = shiftedLine(link);
  if (shifted !== undefined) return shifted;
  const drift = first.drift + second.drift + first.drift * second.drift;
  if (next === undefined) {
    const from = since === INT64_MIN ? first.from : since;
    return { from, to: valueAt(link, from), drift };
  }
  const end = { from: next.since, to: valueAt(next, next.since) };
  if (since === INT64_MIN) return { ...end, drift };
  const start = { from: since, to: valueAt(link, since) };
  return { ...start, drift: chordDrift(start, end) };
}

function shiftedLine({ first, second }: Link): Line | undefined {
  if (second.drift === 0) return { from: first.from, to: evaluate(second, first.to), drift: first.drift };
  if (first.drift !== 0) return undefined;
  return { from: second.from - (first.to - first.from), to: second.to, drift: second.drift };
}

/** The composed target time, rounded once and as the piece itself will round. */
function valueAt(link: Link, time: bigint): bigint {
  const shifted = shiftedLine(link);
  if (shifted !== undefined) return evaluate(shifted, time);
  const { first, second } = link;
  const scale = 32n;
  const distance = (time - first.from) << scale;
  const between = (first.to << scale) + distance + multiplyExactly(distance, first.drift);
  const rest = between - (second.from << scale);
  const fine = (second.to << scale) + rest + multiplyExactly(rest, second.drift);
  return (fine + (1n << (scale - 1n))) >> scale;
}
