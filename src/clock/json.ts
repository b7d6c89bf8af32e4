import { AlignError } from "../errors.ts";
import type { ClockEvent } from "./event.ts";
import { INT64_MIN, isInt64, type Piece } from "./piece.ts";
import type { SegmentPieces } from "./segment.ts";

const VERSION = 1;
const EVENT_KINDS: readonly unknown[] = ["step", "reset", "step-or-delay", "stale", "gap"];

/** A map as JSON values: int64 as decimal text, a missing bound as null. */
export function writeClockMap(segments: readonly SegmentPieces[], events: readonly ClockEvent[]): object {
  return {
    version: VERSION,
    segments: segments.map((segment) => ({
      ...segment,
      start: `${segment.start}`,
      end: `${segment.end}`,
      pieces: segment.pieces.map((piece) => ({
        since: `${piece.since}`,
        from: `${piece.from}`,
        to: `${piece.to}`,
        drift: piece.drift,
        variance: [...piece.variance],
        boundNs: piece.boundNs === Number.POSITIVE_INFINITY ? null : piece.boundNs,
      })),
    })),
    events: events.map(({ kind, time, sizeNs, alternative }) => ({
      kind,
      time: `${time}`,
      sizeNs: `${sizeNs}`,
      ...(alternative === undefined ? {} : { alternative: alternative.toJSON() }),
    })),
  };
}

/** What a map is made of; `alternative` of an event is a map as JSON still. */
export interface MapParts {
  readonly segments: SegmentPieces[];
  readonly events: (Omit<ClockEvent, "alternative"> & { readonly alternative?: MapParts })[];
}

/** Reads what `writeClockMap` wrote; anything else is `CLOCK_JSON`. Alternatives hold no alternatives. */
export function readClockMap(json: unknown, isAlternative = false): MapParts {
  const map = object(json, "clock map");
  if (map.version !== VERSION) throw junk("version", `must be ${VERSION}`, map.version);
  const segments = list(map.segments, "segments").map((entry, i) => readSegment(entry, `segments[${i}]`));
  const pieces = segments.flatMap((segment) => segment.pieces);
  if (pieces.length === 0) throw junk("segments", "must hold a segment", map.segments);
  if (pieces[0]!.since !== INT64_MIN) throw junk("the first since", `must be ${INT64_MIN}`, pieces[0]!.since);
  const unordered = pieces.find((piece, i) => i > 0 && piece.since <= pieces[i - 1]!.since);
  if (unordered !== undefined) throw junk("since", "must ascend", unordered.since);
  return {
    segments,
    events: list(map.events, "events").map((entry, i) => readEvent(entry, `events[${i}]`, isAlternative)),
  };
}

function readSegment(json: unknown, at: string): SegmentPieces {
  const segment = object(json, at);
  const pieces = list(segment.pieces, `${at}.pieces`);
  if (pieces.length === 0) throw junk(`${at}.pieces`, "must hold a piece", pieces);
  const start = int64(segment.start, `${at}.start`);
  const end = int64(segment.end, `${at}.end`);
  if (end < start) throw junk(`${at}.end`, "must not be before start", segment.end);
  return {
    start,
    end,
    pairs: count(segment.pairs, `${at}.pairs`),
    rejected: count(segment.rejected, `${at}.rejected`),
    residualP50Ns: notNegative(segment.residualP50Ns, `${at}.residualP50Ns`),
    residualP99Ns: notNegative(segment.residualP99Ns, `${at}.residualP99Ns`),
    pieces: pieces.map((entry, i) => readPiece(entry, `${at}.pieces[${i}]`)),
  };
}

function readPiece(json: unknown, at: string): Piece {
  const piece = object(json, at);
  const drift = finite(piece.drift, `${at}.drift`);
  if (drift <= -1) throw junk(`${at}.drift`, "must be above -1", drift);
  const variance = list(piece.variance, `${at}.variance`);
  if (variance.length !== 3) throw junk(`${at}.variance`, "must hold 3 numbers", variance);
  const [v0, v1, v2] = variance.map((value, i) => finite(value, `${at}.variance[${i}]`));
  return {
    since: int64(piece.since, `${at}.since`),
    from: int64(piece.from, `${at}.from`),
    to: int64(piece.to, `${at}.to`),
    drift,
    variance: [v0!, v1!, v2!],
    boundNs: piece.boundNs === null ? Number.POSITIVE_INFINITY : notNegative(piece.boundNs, `${at}.boundNs`),
  };
}

function readEvent(json: unknown, at: string, isAlternative: boolean): MapParts["events"][number] {
  const event = object(json, at);
  if (!EVENT_KINDS.includes(event.kind))
    throw junk(`${at}.kind`, `must be one of ${EVENT_KINDS}`, event.kind);
  return {
    kind: event.kind as ClockEvent["kind"],
    time: int64(event.time, `${at}.time`),
    sizeNs: int64(event.sizeNs, `${at}.sizeNs`),
    ...(event.alternative === undefined ? {} : { alternative: readAlternative(event, at, isAlternative) }),
  };
}

function readAlternative(event: Record<string, unknown>, at: string, isAlternative: boolean): MapParts {
  if (event.kind !== "step-or-delay")
    throw junk(`${at}.alternative`, "belongs to a step-or-delay", event.kind);
  if (isAlternative) throw junk(`${at}.alternative`, "must not hold another", "one");
  return readClockMap(event.alternative, true);
}

function object(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw junk(at, "must be an object", value);
  }
  return value as Record<string, unknown>;
}

function list(value: unknown, at: string): unknown[] {
  if (!Array.isArray(value)) throw junk(at, "must be a list", value);
  return value;
}

function int64(value: unknown, at: string): bigint {
  if (typeof value === "string" && /^-?\d{1,19}$/.test(value)) {
    const number = BigInt(value);
    if (isInt64(number)) return number;
  }
  throw junk(at, "must be an int64 as decimal text", value);
}

function finite(value: unknown, at: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw junk(at, "must be a finite number", value);
  return value;
}

function notNegative(value: unknown, at: string): number {
  const number = finite(value, at);
  if (number < 0) throw junk(at, "must not be negative", value);
  return number;
}

function count(value: unknown, at: string): number {
  const number = notNegative(value, at);
  if (!Number.isSafeInteger(number)) throw junk(at, "must be a whole number", value);
  return number;
}

function junk(at: string, rule: string, value: unknown): AlignError {
  const found =
    typeof value === "object" && value !== null ? (Array.isArray(value) ? "a list" : "an object") : value;
  return new AlignError("CLOCK_JSON", `not a clock map: ${at} ${rule}, found ${String(found)}`, {
    hint: "pass what ClockMap.toJSON() wrote, unchanged",
  });
}
