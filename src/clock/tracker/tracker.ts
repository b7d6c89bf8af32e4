import { AlignError } from "../../errors.ts";
import type { ClockEvent } from "../event.ts";
import { type Evidence, INVALID, readEvidence } from "../evidence.ts";
import type { ClockMap } from "../map.ts";
import { isInt64 } from "../piece.ts";
import { junk } from "./codec.ts";
import { Envelope } from "./envelope.ts";
import { Follower, type Settings } from "./follower.ts";
import { liveMap } from "./live.ts";
import { readState, word, writeState } from "./state.ts";

const VERSION = 1;
const kinds = ["two-way", "marks", "one-way"] as const;

/** Instants or durations in ns: one row, or a column of rows. */
export type Ns = bigint | BigInt64Array;

/** Rows of evidence in order of arrival, with the columns of `Evidence` of the tracker's kind. All in ns. */
export interface TrackedRows {
  /** The source's reading. */
  readonly from: Ns;
  /** two-way: target minus source. */
  readonly offset?: Ns;
  /** two-way: the round trip, where it is known. */
  readonly roundTrip?: Ns;
  /** marks: the target's reading; one-way: the time of arrival. */
  readonly to?: Ns;
  /** marks: 1 sigma, trusted. */
  readonly uncertainty?: Ns;
}

/** What is known of a drift: target against source, in 1e-9, and its 1 sigma. */
export interface DriftPrior {
  readonly driftPpb: number;
  readonly sigmaPpb: number;
}

export interface TrackClockOptions {
  /** What each row is: a round trip, an instant seen on both clocks, or a stamp and its time of arrival. */
  readonly kind: (typeof kinds)[number];
  /** For how long later rows may still change the map, ns; 0n is causal. Default 120 s. */
  readonly lagNs?: bigint;
  /** The drift as an earlier session of the same two clocks knew it. Default: nothing is known. */
  readonly prior?: DriftPrior;
}

const usualLagNs = 120_000_000_000n;

/**
 * Follows one clock against another row by row, for services that cannot wait for the end of the recording.
 *
 * Throws `USAGE_TRACKER` for options that are none.
 */
export function trackClock(options: TrackClockOptions): ClockTracker {
  const { kind, lagNs = usualLagNs, prior } = options;
  if (!kinds.includes(kind))
    throw usage(`unknown kind of evidence ${String(kind)}`, `the kinds are ${kinds.join(", ")}`);
  if (typeof lagNs !== "bigint" || lagNs < 0n || !isInt64(lagNs))
    throw usage(
      `lagNs must be a bigint of ns from 0n on, not ${String(lagNs)}`,
      "write 120 s as 120_000_000_000n",
    );
  if (
    prior !== undefined &&
    !(Number.isFinite(prior.driftPpb) && prior.sigmaPpb > 0 && Number.isFinite(prior.sigmaPpb))
  )
    throw usage("prior must hold a finite driftPpb and a sigmaPpb above 0", "take them from tracker.drift");
  const settings: Settings = {
    lag: Number(lagNs) / 1e9,
    drift: (prior?.driftPpb ?? 0) / 1e9,
    driftSigma: prior === undefined ? undefined : prior.sigmaPpb / 1e9,
  };
  const follower = new Follower(settings);
  return new ClockTracker(kind, follower, kind === "one-way" ? new Envelope(follower) : undefined);
}

/**
 * A clock map that grows with its evidence, in constant memory.
 *
 * The model is that of `estimateClockMap`: offset and drift that wander, noise learned from the evidence by the round
 * trip, repeated offsets and outliers left out, steps and resets found. Filters of all wanders run side by side and
 * are weighed by the likelihood of the last thousand or so rows. Five rows that agree on another offset are a step. Of
 * one-way stamps the lower envelope is followed in windows of 20 s; a higher delay that lasts for 45 s, and a lower
 * one that lasts for three seconds, is a step-or-delay.
 *
 * The same rows give the same bytes, however many are added at once.
 */
export class ClockTracker {
  readonly kind: TrackClockOptions["kind"];
  readonly #follower: Follower;
  readonly #envelope: Envelope | undefined;

  /** For the clock room: users get trackers from `trackClock` and `ClockTracker.fromJSON`. */
  constructor(kind: TrackClockOptions["kind"], follower: Follower, envelope: Envelope | undefined) {
    this.kind = kind;
    this.#follower = follower;
    this.#envelope = envelope;
  }

  /**
   * Adds rows in order of arrival; returns the events that became certain with them, in the order in which they did.
   *
   * Int64 extremes and negative round trips are rejected rows. Throws `USAGE_EVIDENCE` for columns of another type or
   * of unequal lengths and `CLOCK_UNCERTAINTY` for a negative sigma; then no row has been added.
   */
  add(rows: TrackedRows): ClockEvent[] {
    const columns = Object.fromEntries(
      Object.entries(rows).map(([name, column]) => [name, columnOf(name, column)]),
    );
    const given = { kind: this.kind, ...columns } as unknown as Evidence;
    // A constant beside them, since rows that are all impossible are no error here.
    const { readings } = readEvidence([given, { kind: "constant", offset: 0n }]);
    const { from, values, holdsOffsets, uncertainty, roundTrip, states } = readings[0]!;
    const follower = this.#follower;
    for (let i = 0; i < from.length; i++) {
      follower.pairs++;
      if (states[i] === INVALID) follower.rejected++;
      else if (this.#envelope !== undefined) this.#envelope.take(from[i]!, values[i]!);
      else {
        const offset = holdsOffsets ? values[i]! : values[i]! - from[i]!;
        const half = roundTrip === undefined ? Number.NaN : Number(roundTrip[i]!) / 2e9;
        const sigma = uncertainty === undefined ? Number.NaN : Math.max(1, Number(uncertainty[i]!)) / 1e9;
        follower.take({ from: from[i]!, offset, half, sigma });
      }
    }
    return follower.takeTold();
  }

  /**
   * The map as far as it is known now, valid around the last row: beyond it the end slope goes on and sigma grows.
   *
   * It reaches back over the last 512 measurements, with the segments and the last 64 events among them; counts of a
   * segment are those since it began. While two or more rows in a row are not what was expected, sigma after the last
   * good one allows for what they say, and there is no hard bound.
   * Throws `CLOCK_TOO_LITTLE_EVIDENCE` before there is any.
   */
  map(): ClockMap {
    return liveMap(this.#follower, this.#envelope?.doubt ?? 0);
  }

  /**
   * The instant on the from clock up to which the map will not change any more; undefined while all of it may.
   *
   * It lags `lagNs` behind the last row, and stays where rows are in doubt. It goes back only where the source starts
   * again.
   */
  get settled(): bigint | undefined {
    return this.#follower.settled;
  }

  /** The present drift, as a prior for a later session; undefined until there are rows enough. */
  get drift(): DriftPrior | undefined {
    const { state, spread } = this.#follower;
    return state && { driftPpb: state.drift * 1e9, sigmaPpb: Math.sqrt(state.p11) * spread.widening * 1e9 };
  }

  /** All that the tracker knows, as JSON values with integers as decimal text: `fromJSON` goes on from there. */
  toJSON(): object {
    return { version: VERSION, kind: this.kind, ...writeState(this.#follower, this.#envelope) };
  }

  /** Throws `CLOCK_JSON` for anything that `toJSON` cannot have written. */
  static fromJSON(json: unknown): ClockTracker {
    if (typeof json !== "object" || json === null) throw junk("it", "must be an object", json);
    const given = json as Record<string, unknown>;
    if (given.version !== VERSION) throw junk("version", `must be ${VERSION}`, given.version);
    const kind = word(kinds, given.kind, "kind");
    const { follower, envelope } = readState(given, kind === "one-way");
    return new ClockTracker(kind, follower, envelope);
  }
}

function columnOf(name: string, column: unknown): unknown {
  if (typeof column !== "bigint") return column;
  if (isInt64(column)) return BigInt64Array.of(column);
  throw new AlignError("USAGE_EVIDENCE", `${name} must be int64 ns, not ${column}`, {
    where: { input: name },
  });
}

function usage(message: string, hint: string): AlignError {
  return new AlignError("USAGE_TRACKER", message, { hint });
}
