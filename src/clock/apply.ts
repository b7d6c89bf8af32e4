import { AlignError } from "../errors.ts";
import { sharedKernels } from "../kernels/index.ts";
import { formatInstant } from "../time.ts";
import {
  evaluate,
  FAST_DISTANCE_NS,
  FAST_DRIFT,
  findPiece,
  INT64_MAX,
  INT64_MIN,
  isInt64,
  type Piece,
} from "./piece.ts";

/** Times that pass through kernel memory at once, so that any number of them fits. */
const BLOCK = 32_768;

/** Below this many times the way into kernel memory costs more than it saves; both ways give equal results. */
const SHORT_RUN = 64;

/** Consecutive times that one piece maps: times[start .. end), and the least and greatest of them. */
export interface Run {
  readonly piece: Piece;
  readonly start: number;
  readonly end: number;
  readonly least: bigint;
  readonly greatest: bigint;
}

/** Splits times, in any order, into runs; in ascending times each piece is searched once. */
export function* runsOf(pieces: readonly Piece[], times: BigInt64Array): Generator<Run> {
  for (let start = 0; start < times.length; ) {
    const position = findPiece(pieces, times[start]!);
    const low = position === 0 ? INT64_MIN : pieces[position]!.since;
    const high = pieces[position + 1] === undefined ? INT64_MAX : pieces[position + 1]!.since - 1n;
    const run = scanRun(times, start, low, high);
    yield { piece: pieces[position]!, ...run };
    start = run.end;
  }
}

function scanRun(times: BigInt64Array, start: number, low: bigint, high: bigint) {
  let least = times[start]!;
  let greatest = least;
  let end = start + 1;
  for (; end < times.length; end++) {
    const time = times[end]!;
    if (time > greatest) {
      if (time > high) break;
      greatest = time;
    } else if (time < least) {
      if (time < low) break;
      least = time;
    }
  }
  return { start, end, least, greatest };
}

/** Maps every time; an instant that leaves int64 is an error. */
export function applyPieces(pieces: readonly Piece[], times: BigInt64Array): BigInt64Array {
  const out = new BigInt64Array(times.length);
  for (const run of runsOf(pieces, times)) {
    requireInt64(run.piece, run.least);
    requireInt64(run.piece, run.greatest);
    if (run.piece.drift === 0) shiftRun(run, times, out);
    else if (run.end - run.start >= SHORT_RUN && isFast(run)) mapRun(run, times, out);
    else for (let i = run.start; i < run.end; i++) out[i] = evaluate(run.piece, times[i]!);
  }
  return out;
}

function shiftRun({ piece, start, end }: Run, times: BigInt64Array, out: BigInt64Array): void {
  const offset = BigInt.asIntN(64, piece.to - piece.from);
  for (let i = start; i < end; i++) out[i] = BigInt.asIntN(64, times[i]! + offset);
}

/** Whether the kernel's float64 products hold for the whole run. */
function isFast({ piece, least, greatest }: Run): boolean {
  const near = least - piece.from > -FAST_DISTANCE_NS && greatest - piece.from < FAST_DISTANCE_NS;
  return near && Math.abs(piece.drift) <= FAST_DRIFT && isInt64(piece.from) && isInt64(piece.to);
}

function mapRun({ piece, start, end }: Run, times: BigInt64Array, out: BigInt64Array): void {
  const kernels = sharedKernels();
  const mark = kernels.arena.mark();
  try {
    for (let at = start; at < end; at += BLOCK) {
      const block = kernels.arena.copy(times.subarray(at, Math.min(at + BLOCK, end)));
      kernels.mapAffine(block, block, piece);
      out.set(block, at);
      kernels.arena.release(mark);
    }
  } finally {
    kernels.arena.release(mark);
  }
}

function requireInt64(piece: Piece, time: bigint): void {
  const mapped = evaluate(piece, time);
  if (isInt64(mapped)) return;
  throw new AlignError("CLOCK_OVERFLOW", `${time} ns maps to ${mapped} ns, which does not fit in an int64`, {
    where: { time: formatInstant(time) },
    hint: "check the unit of the times and the offset of the map; instants reach from 1677 to 2262",
  });
}
