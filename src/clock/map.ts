import { AlignError } from "../errors.ts";
import { applyPieces, runsOf } from "./apply.ts";
import { composeSegments } from "./compose.ts";
import type { ClockEvent } from "./event.ts";
import { invertSegments } from "./invert.ts";
import { type MapParts, readClockMap, writeClockMap } from "./json.ts";
import { clampToInt64, evaluate, findPiece, INT64_MAX, INT64_MIN, type Piece, varianceAt } from "./piece.ts";
import { type ClockSegment, describeSegment, type SegmentPieces } from "./segment.ts";

/**
 * Turns the readings of one clock (from) into the readings of another (to), with the error to expect.
 *
 * A map never changes; all times are int64 ns, and offset = to - from.
 */
export class ClockMap {
  readonly segments: readonly ClockSegment[];
  readonly events: readonly ClockEvent[];
  readonly #segments: readonly SegmentPieces[];
  readonly #pieces: readonly Piece[];

  /** For the clock room: users get maps from `estimateClockMap` and `ClockMap.fromJSON`. */
  constructor(segments: readonly SegmentPieces[], events: readonly ClockEvent[]) {
    this.#segments = segments;
    this.#pieces = segments.flatMap((segment) => segment.pieces);
    this.segments = segments.map(describeSegment);
    this.events = events;
  }

  /**
   * The target time of every time, exact to 1 ns and monotone within a segment; input in any order.
   *
   * Outside and between segments the nearest segment's end slope goes on.
   * Throws `CLOCK_OVERFLOW` where a target time does not fit in an int64.
   */
  apply(times: BigInt64Array): BigInt64Array {
    requireTimes(times);
    return applyPieces(this.#pieces, times);
  }

  /** The map back, to -> from; where two instants map to one, the later segment wins. */
  inverse(): ClockMap {
    const segments = invertSegments(this.#segments);
    return new ClockMap(
      segments,
      this.events.map(({ kind, time, sizeNs, alternative }) => ({
        kind,
        time: this.#mapInstant(time),
        sizeNs: -sizeNs,
        ...(alternative === undefined ? {} : { alternative: alternative.inverse() }),
      })),
    );
  }

  /**
   * The map that applies this one and then `next`; variances and hard bounds add.
   *
   * Sigma is not scaled by the slope of `next`, which for clocks is 1 but for some parts in a million.
   */
  compose(next: ClockMap): ClockMap {
    const back = this.inverse();
    const own = this.events.map((event) => withAlternative(event, (other) => other.#composeAlone(next)));
    const later = next.events.map((event) => ({
      ...withAlternative(event, (other) => this.#composeAlone(other)),
      time: back.#mapInstant(event.time),
    }));
    const events = [...own, ...later].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
    return new ClockMap(composeSegments(this.#segments, next.#segments), events);
  }

  /** The same without events, as an alternative to a composed map. */
  #composeAlone(next: ClockMap): ClockMap {
    return new ClockMap(composeSegments(this.#segments, next.#segments), []);
  }

  /** The error to expect of `apply` at every time: 1 sigma, ns. */
  uncertainty(times: BigInt64Array): Float64Array {
    requireTimes(times);
    const sigmas = new Float64Array(times.length);
    for (const { piece, start, end } of runsOf(this.#pieces, times)) {
      for (let i = start; i < end; i++) sigmas[i] = Math.sqrt(varianceAt(piece, times[i]!));
    }
    return sigmas;
  }

  /** The error that `apply` cannot exceed at every time, ns; Infinity where the evidence gives no such bound. */
  bound(times: BigInt64Array): Float64Array {
    requireTimes(times);
    const bounds = new Float64Array(times.length);
    for (const { piece, start, end } of runsOf(this.#pieces, times)) bounds.fill(piece.boundNs, start, end);
    return bounds;
  }

  /** JSON values only, int64 as decimal text; `fromJSON` gives the same map bit for bit. */
  toJSON(): object {
    return writeClockMap(this.#segments, this.events);
  }

  /** Throws `CLOCK_JSON` for anything that `toJSON` cannot have written. */
  static fromJSON(json: unknown): ClockMap {
    return assemble(readClockMap(json));
  }

  #mapInstant(time: bigint): bigint {
    return clampToInt64(evaluate(this.#pieces[findPiece(this.#pieces, time)]!, time));
  }
}

/** The map of a clock to itself: exact, certain, without limit. */
export function identityMap(): ClockMap {
  const piece: Piece = { since: INT64_MIN, from: 0n, to: 0n, drift: 0, variance: [0, 0, 0], boundNs: 0 };
  const noEvidence = { pairs: 0, rejected: 0, residualP50Ns: 0, residualP99Ns: 0 };
  return new ClockMap([{ start: INT64_MIN, end: INT64_MAX, ...noEvidence, pieces: [piece] }], []);
}

function assemble({ segments, events }: MapParts): ClockMap {
  const own = events.map(({ alternative, ...event }) => {
    return alternative === undefined ? event : { ...event, alternative: assemble(alternative) };
  });
  return new ClockMap(segments, own);
}

function withAlternative(event: ClockEvent, change: (map: ClockMap) => ClockMap): ClockEvent {
  return event.alternative === undefined ? event : { ...event, alternative: change(event.alternative) };
}

function requireTimes(times: unknown): void {
  if (times instanceof BigInt64Array) return;
  throw new AlignError("USAGE_TIMES", `times must be a BigInt64Array of ns, not ${describe(times)}`, {
    hint: "numbers cannot hold an instant to the ns: use BigInt64Array.from(numbers, BigInt)",
  });
}

function describe(value: unknown): string {
  return value === null ? "null" : typeof value === "object" ? value.constructor.name : typeof value;
}
