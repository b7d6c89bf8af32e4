import type { ClockEvent } from "../event.ts";
import { Bank, wanders } from "./bank.ts";
import {
  boolean,
  type Codec,
  count,
  floats,
  instance,
  integer,
  junk,
  limited,
  list,
  notNegative,
  number,
  orElse,
  positive,
  record,
} from "./codec.ts";
import { type Cell, Envelope, type Stamp } from "./envelope.ts";
import { type Delay, Floors } from "./floors.ts";
import { Follower, type Settings } from "./follower.ts";
import { Order, type Row } from "./order.ts";
import { type Learned, type Sample, Spread } from "./spread.ts";
import { type Knot, type Pending, Stretch } from "./stretch.ts";

/** No list of a tracker is longer. */
const MOST = 4096;

const orNaN = orElse(notNegative, Number.NaN);
const orInfinity = orElse(number, Number.POSITIVE_INFINITY);
const base = record<{ from: bigint; offset: bigint }>({ from: integer, offset: integer });

const bankState = record<Pick<Bank, "time" | "offsets" | "drifts" | "p00" | "p01" | "p11">>({
  time: number,
  offsets: floats(wanders.length),
  drifts: floats(wanders.length),
  p00: floats(wanders.length),
  p01: floats(wanders.length),
  p11: floats(wanders.length),
});
const bank = instance(() => new Bank(), bankState);

const row = record<Row>({ from: integer, offset: integer, half: orNaN, sigma: orNaN });

const sample = record<Sample>({ half: orNaN, sigma: orNaN, deviation: number, offsetNs: number });
const learned = record<Learned>({
  places: list(number, MOST),
  logs: list(number, MOST),
  biases: list(number, MOST),
  alike: notNegative,
  common: notNegative,
  scale: positive,
  detour: orInfinity,
  slack: notNegative,
  repeats: positive,
  isResolved: boolean,
});
const spreadState = limited(
  record<Pick<Spread, "samples" | "learned" | "next" | "since">>({
    samples: list(sample, MOST),
    learned,
    next: count,
    since: count,
  }),
  ({ samples, next, learned: { places, logs, biases } }) =>
    next <= samples.length && places.length === logs.length && places.length === biases.length,
  "must be whole",
);
const spread = instance(() => new Spread(), spreadState);

const pending = record<Pending>({
  time: number,
  offset: number,
  variance: positive,
  kick: notNegative,
  since: number,
  upper: orElse(number, Number.POSITIVE_INFINITY),
  lower: orElse(number, Number.NEGATIVE_INFINITY),
});
const knot = record<Knot>({
  time: number,
  offset: number,
  drift: number,
  p00: notNegative,
  p01: number,
  p11: notNegative,
  wander: record({ q0: notNegative, q1: notNegative }),
  above: orInfinity,
  below: orInfinity,
  residual: number,
});
const stretchState = record<
  Omit<Stretch, "timeOf" | "take" | "settle" | "smoothed" | "trim" | "rebase" | "pieces" | "instant">
>({
  base,
  first: integer,
  last: integer,
  pairs: count,
  rejected: count,
  trail: bank,
  lead: bank,
  pending: list(pending, MOST),
  knots: list(knot, MOST),
  dropped: count,
});
const stretch: Codec<Stretch> = {
  write: stretchState.write,
  read(json, at) {
    const state = stretchState.read(json, at);
    return Object.assign(new Stretch(state.base, state.first), state);
  },
};

const event = record<ClockEvent>({
  kind: {
    write: (kind) => kind,
    read: (json, at) => word(["step", "reset", "step-or-delay", "stale", "gap"], json, at),
  },
  time: integer,
  sizeNs: integer,
});

const order = instance(
  () => new Order(),
  record<Pick<Order, "latest" | "backs" | "ahead" | "arrived" | "repeats" | "repeated" | "intervals">>({
    latest: orElse(row, undefined),
    backs: list(row, MOST),
    ahead: orElse(row, undefined),
    arrived: orElse(integer, undefined),
    repeats: count,
    repeated: integer,
    intervals: list(notNegative, MOST),
  }),
);

const followerState = record<
  Pick<
    Follower,
    | "scores"
    | "spread"
    | "past"
    | "current"
    | "warm"
    | "pairs"
    | "rejected"
    | "suspects"
    | "order"
    | "origin"
    | "hold"
    | "together"
    | "events"
  >
>({
  scores: floats(wanders.length),
  spread,
  past: list(stretch, MOST),
  current: orElse(stretch, undefined),
  warm: list(row, MOST),
  pairs: count,
  rejected: count,
  suspects: list(row, MOST),
  order,
  origin: orElse(integer, undefined),
  hold: orElse(integer, undefined),
  together: notNegative,
  events: list(event, MOST),
});

const delay = record<Delay>({ time: number, delay: number });
const stamp = record<Stamp>({ from: integer, to: integer });
const cell = limited(
  record<Cell>({ rows: list(delay, MOST) as Codec<readonly Delay[]>, count }),
  ({ rows }) => rows.length > 0,
  "must hold rows",
);
const floorsState = record<Pick<Floors, "scores" | "together" | "windows">>({
  scores: floats(new Floors().scores.length),
  together: notNegative,
  windows: count,
});
const floors = instance(() => new Floors(), floorsState);
const envelopeState = record<
  Pick<
    Envelope,
    | "floors"
    | "base"
    | "latest"
    | "repeats"
    | "interval"
    | "strays"
    | "cell"
    | "before"
    | "lows"
    | "suspects"
    | "window"
    | "count"
    | "since"
  >
>({
  floors,
  base: orElse(base, undefined),
  latest: orElse(stamp, undefined),
  repeats: count,
  interval: notNegative,
  strays: list(stamp, MOST),
  cell: list(delay, MOST),
  before: list(delay, MOST),
  lows: list(delay, MOST),
  suspects: list(cell, MOST),
  window: list(delay, MOST),
  count,
  since: number,
});

const settings = record<Settings>({
  lag: notNegative,
  drift: number,
  driftSigma: orElse(positive, undefined),
});

/** One of some words. */
export function word<W extends string>(words: readonly W[], json: unknown, at: string): W {
  const found = words.find((one) => one === json);
  if (found === undefined) throw junk(at, `must be one of ${words.join(", ")}`, json);
  return found;
}

/** Everything that a tracker knows, as JSON values. */
export function writeState(follower: Follower, envelope: Envelope | undefined): object {
  return {
    settings: settings.write(follower.settings),
    follower: followerState.write(follower),
    envelope: envelope === undefined ? null : envelopeState.write(envelope),
  };
}

/** The same again. */
export function readState(json: Record<string, unknown>, hasEnvelope: boolean) {
  const follower = new Follower(settings.read(json.settings, "settings"));
  Object.assign(follower, followerState.read(json.follower, "follower"));
  if (!hasEnvelope) {
    if (json.envelope !== null) throw junk("envelope", "must be null", json.envelope);
    return { follower, envelope: undefined };
  }
  const envelope = new Envelope(follower);
  return { follower, envelope: Object.assign(envelope, envelopeState.read(json.envelope, "envelope")) };
}
