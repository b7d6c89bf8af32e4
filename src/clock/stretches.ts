import { type Epoch, epochsOf } from "./epochs.ts";
import type { ClockModel } from "./estimate.ts";
import type { ClockEvent } from "./event.ts";
import { type Constant, type Observations, type Readings, STALE } from "./evidence.ts";
import { sigmasOf } from "./fit.ts";
import { rowsOfEnvelope } from "./floors.ts";
import { readEnvelope } from "./one-way/index.ts";
import { type Cut, exactly, fitPlan, instantOf, type Plan, type Stretch, targetOf } from "./plan.ts";
import { distances, gatherRows, offsetsOf, type Part, type Rows } from "./rows.ts";
import { findStale } from "./stale.ts";
import { cutsOf } from "./steps.ts";

/** What the evidence comes to: its stretches, and what else happened. */
export interface Parted {
  readonly stretches: readonly Stretch[];
  /** Runs of stale rows, and gaps. */
  readonly events: readonly ClockEvent[];
}

/**
 * Cuts the evidence where the source starts again and where the offset jumps, and fits what is between.
 *
 * Jumps at `delays` are taken for changes of the delay: there is no cut.
 */
export function stretchesOf(
  observations: Observations,
  model: ClockModel,
  delays: ReadonlySet<bigint>,
): Parted {
  const events: ClockEvent[] = [];
  const { constants } = observations;
  const readings = withEnvelopes(observations, delays, events);
  const epochs = epochsOf(readings).map((epoch) => epoch.map((part) => withoutStale(part, events)));
  const exact =
    model === "piecewise" && constants.length === 0 && readings.every(({ kind }) => kind === "marks");
  const plans = epochs.flatMap((epoch): Plan[] => {
    const rows = gatherRows(epoch);
    const cuts = exact ? [] : cutsIn(epoch, rows, delays);
    const edges = [{ row: 0, kind: "reset" as const, time: firstOf(epoch, rows) }, ...cuts];
    return edges.map(({ row, kind, time }, i) => {
      return {
        epoch,
        rows,
        low: row,
        high: edges[i + 1]?.row ?? rows.times.length,
        begins: kind,
        first: time,
      };
    });
  });
  const sigmas = sigmasOf(constants);
  const homes = assertionHomes(plans, constants);
  const stretches = plans.map((plan, i) => {
    if (exact) return exactly(plan);
    const own = constants.map(({ offset }, k) => ({ offset, sigmaNs: sigmas[k]!, home: homes[k]! }));
    return fitPlan(
      plan,
      model,
      own.filter(({ home }) => home === i),
    );
  });
  events.push(...gapsOf(plans, stretches));
  return { stretches, events };
}

/** The first stamp of an epoch. */
function firstOf(epoch: Epoch, rows: Rows): bigint {
  const { envelope } = epoch[rows.entries[0]!]!.readings;
  if (envelope === undefined) return instantOf({ epoch, rows }, 0);
  return envelope.stretches[envelope.owners[rows.places[0]!]!]!.start;
}

/** Entries with rows, one-way ones as the envelopes of their delays. */
function withEnvelopes(
  { readings, constants }: Observations,
  delays: ReadonlySet<bigint>,
  events: ClockEvent[],
): Readings[] {
  const all = readings.filter(({ kind }) => kind !== "one-way");
  if (all.length === readings.length) return all;
  // Outliers must be known before they are held against an envelope.
  if (all.length > 0) epochsOf(all);
  for (const origin of readings) {
    if (origin.kind !== "one-way") continue;
    const envelope = readEnvelope(origin.from, origin.values);
    events.push(...envelope.events.filter(({ kind }) => kind === "stale"));
    const position = readings.length + all.length;
    all.push(rowsOfEnvelope(origin, envelope, all, constants, position, delays));
  }
  return all;
}

/** Where the offset jumps within an epoch, by round trips and marks, and by envelopes of one-way delays. */
function cutsIn(epoch: Epoch, rows: Rows, delays: ReadonlySet<bigint>): Cut[] {
  const { times } = rows;
  const isEnvelope = epoch.map(({ readings }) => readings.envelope !== undefined);
  const found = cutsOf(rows, isEnvelope);
  const cuts: Cut[] = [];
  for (const { readings } of epoch) {
    for (const { kind, time } of readings.envelope?.changes ?? []) {
      if (kind !== "step" && kind !== "step-or-delay") continue;
      const at = Number(time - rows.base.from) / 1e9;
      const row = times.findIndex((one) => one >= at);
      if (row <= 0 || cuts.some((cut) => cut.row === row)) continue;
      const seen = found.findIndex(
        (cut) => Math.abs(times[cut]! - at) <= 2 * (times[cut]! - times[cut - 1]!) + 60,
      );
      if (seen >= 0) found.splice(seen, 1);
      cuts.push({ row, time, kind: seen >= 0 ? "step" : kind });
    }
  }
  for (const row of found) {
    const time = instantOf({ epoch, rows }, row);
    if (!delays.has(time)) cuts.push({ row, time, kind: "jump" });
  }
  return cuts.sort((a, b) => a.row - b.row);
}

/** Takes repetitions of an earlier offset, and of an earlier stamp of the source, out of an entry's rows. */
function withoutStale({ readings, rows }: Part, events: ClockEvent[]): Part {
  if (readings.envelope !== undefined) return { readings, rows };
  const first = rows[0]!;
  const from = readings.from[first]!;
  const value = readings.values[first]!;
  const base = { from, offset: readings.holdsOffsets ? value : value - from };
  const offsets = offsetsOf(readings, rows, base);
  const runs = findStale(offsets);
  if (!readings.holdsOffsets) runs.push(...findStale(distances(readings.from, rows, from)));
  if (runs.length === 0) return { readings, rows };
  for (const run of runs) {
    if (readings.states[rows[run.first + 1]!] === STALE) continue;
    for (let i = run.first + 1; i < run.end; i++) readings.states[rows[i]!] = STALE;
    events.push({ kind: "stale", time: readings.from[rows[run.first + 1]!]!, sizeNs: 0n });
  }
  return { readings, rows: rows.filter((row) => readings.states[row] !== STALE) };
}

/** The stretch in which each asserted offset counts: the one whose offsets it is nearest to. */
function assertionHomes(plans: readonly Plan[], constants: readonly Constant[]): number[] {
  return constants.map(({ offset }) => {
    const distances = plans.map(({ rows, low }) =>
      Math.abs(rows.offsets[low]! * 1e9 + Number(rows.base.offset - offset)),
    );
    return distances.indexOf(Math.min(...distances));
  });
}

/** A hole in the evidence is a gap where it is longer than so many usual intervals. */
const GAP_INTERVALS = 10;
const LEAST_ROWS = 8;

function gapsOf(plans: readonly Plan[], stretches: readonly Stretch[]): ClockEvent[] {
  return plans.flatMap(({ rows, low, high, epoch }, k) => {
    if (high - low < LEAST_ROWS) return [];
    const spaces = rows.times.subarray(low, high).map((time, i) => time - (rows.times[low + i - 1] ?? time));
    const usual = spaces.slice(1).sort()[(high - low - 1) >> 1]!;
    const events: ClockEvent[] = [];
    spaces.forEach((space, i) => {
      if (i === 0 || usual === 0 || space <= GAP_INTERVALS * usual) return;
      const [before, time] = [instantOf({ epoch, rows }, low + i - 1), instantOf({ epoch, rows }, low + i)];
      const { pieces } = stretches[k]!;
      events.push({
        kind: "gap",
        time,
        sizeNs: targetOf(pieces, time) - time - targetOf(pieces, before) + before,
      });
    });
    return events;
  });
}
