import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Case, evidenceOf, instantsOf } from "../../bench/clocks/case.ts";
import { firstSeed, type Scenario, scenario } from "../../bench/clocks/catalogue.ts";
import { Draws } from "../../bench/clocks/draws.ts";
import { pool, scoreMap } from "../../bench/clocks/score.ts";
import {
  type ClockEvent,
  type ClockMap,
  ClockTracker,
  estimateClockMap,
  type TrackedRows,
  trackClock,
} from "../../src/clock/index.ts";
import { smooth } from "../../src/clock/smoother.ts";
import { Bank, wanders } from "../../src/clock/tracker/bank.ts";
import { smoothOnward } from "../../src/clock/tracker/onward.ts";
import { AlignError } from "../../src/errors.ts";

type Column = "from" | "offset" | "roundTrip" | "to" | "uncertainty";
type Columns = Partial<Record<Column, BigInt64Array>> & { from: BigInt64Array };

/** Rows [start, end) of some columns. */
function part(columns: Columns, start: number, end: number): TrackedRows {
  const entries = Object.entries(columns).map(([name, column]) => [name, column.subarray(start, end)]);
  return Object.fromEntries(entries) as TrackedRows;
}

function columnsOf(one: Case): Columns {
  const { kind: _, ...columns } = evidenceOf(one) as Columns & { kind: string };
  return columns;
}

interface Followed {
  readonly errors: Float64Array;
  readonly within2Sigma: number;
  readonly beyondBound: number;
  readonly events: readonly ClockEvent[];
  /** How many rows after its time each event was told. */
  readonly delays: readonly number[];
  readonly tracker: ClockTracker;
}

/**
 * Adds a case row by row. With a lag, queries are mapped once they are settled; without, from the row before them.
 */
function follow(one: Case, lagS: number, every: number): Followed {
  const columns = columnsOf(one);
  const times = instantsOf(one.queries, one.originNs);
  const tracker = trackClock({ kind: one.kind, lagNs: BigInt(lagS) * 1_000_000_000n });
  const errors = new Float64Array(times.length);
  const events: ClockEvent[] = [];
  const delays: number[] = [];
  let [query, within2Sigma, beyondBound] = [0, 0, 0];
  const evaluate = (map: ClockMap, end: number) => {
    const asked = times.subarray(query, end);
    const truth = one.truth.subarray(query, end);
    const score = scoreMap(map, { ...one, queries: one.queries.subarray(query, end), truth, steps: [] });
    errors.set(score.errors, query);
    within2Sigma += score.within2Sigma;
    beyondBound += score.beyondBound;
    query += asked.length;
  };
  const rows = columns.from.length;
  for (let i = 0; i < rows; i++) {
    for (const event of tracker.add(part(columns, i, i + 1))) {
      events.push(event);
      delays.push(i - columns.from.indexOf(event.time));
    }
    const isLast = i === rows - 1;
    if (i % every !== 0 && !isLast) continue;
    const until = lagS === 0 ? columns.from[i + 1] : tracker.settled;
    if (until === undefined && !isLast) continue;
    let end = query;
    while (end < times.length && (isLast || times[end]! < until!)) end++;
    if (end > query) evaluate(tracker.map(), end);
  }
  return { errors, within2Sigma, beyondBound, events, delays, tracker };
}

function followAll({ make }: Scenario, seeds: number, lagS: number, every: number) {
  const runs = Array.from({ length: seeds }, (_, i) => follow(make(firstSeed + i), lagS, every));
  const queries = runs.reduce((sum, { errors }) => sum + errors.length, 0);
  const sum = (key: "within2Sigma" | "beyondBound") => runs.reduce((total, run) => total + run[key], 0);
  const errors = pool(runs.map((run) => run.errors));
  return { errors, coverage: sum("within2Sigma") / queries, beyondBound: sum("beyondBound"), runs };
}

function batchErrors({ make }: Scenario, seeds: number) {
  const parts = Array.from({ length: seeds }, (_, i) => {
    const one = make(firstSeed + i);
    return scoreMap(estimateClockMap(evidenceOf(one)), one).errors;
  });
  return pool(parts);
}

const isJump = ({ kind }: ClockEvent) => kind !== "stale" && kind !== "gap";

describe("round trips as they arrive", () => {
  it.each(["B", "D"])("%s: 120 s behind is nearly as good as the whole recording", (name) => {
    const which = scenario("round trips", name);
    const { errors, coverage, beyondBound, runs } = followAll(which, 3, 120, 8);
    expect(errors.p95).toBeLessThanOrEqual(1.5 * batchErrors(which, 3).p95);
    expect(coverage).toBeGreaterThanOrEqual(0.9);
    expect(coverage).toBeLessThanOrEqual(0.995);
    expect(beyondBound).toBe(0);
    expect(runs.flatMap(({ events }) => events)).toEqual([]);
  });

  it("knows the present from the past alone", () => {
    const { errors, coverage, beyondBound } = followAll(scenario("round trips", "B"), 3, 0, 1);
    expect(errors.p95).toBeLessThanOrEqual(28);
    expect(coverage).toBeGreaterThanOrEqual(0.9);
    expect(coverage).toBeLessThanOrEqual(0.995);
    expect(beyondBound).toBe(0);
  });

  it.each(["F", "G"])("%s: takes no outlier, of whatever size", (name) => {
    const { errors, runs } = followAll(scenario("round trips", name), 2, 120, 8);
    expect(errors.p99).toBeLessThanOrEqual(20);
    expect(errors.max).toBeLessThanOrEqual(60);
    expect(runs.flatMap(({ events }) => events).filter(isJump)).toEqual([]);
  });

  it.each(["H", "I"])("%s: tells each step within five probes, with its first stamp", (name) => {
    const which = scenario("round trips", name);
    for (const run of followAll(which, 2, 120, 8).runs) {
      const { steps } = which.make(firstSeed);
      expect(run.events.map(({ kind }) => kind)).toEqual(steps.map(() => "step"));
      run.events.forEach(({ sizeNs }, i) => {
        expect(Math.abs(Number(sizeNs) / 1e9 - steps[i]!.size)).toBeLessThan(100e-6);
        expect(run.delays[i]).toBe(4);
      });
      expect(run.errors.reduce((most, error) => Math.max(most, Math.abs(error)), 0)).toBeLessThan(60e-6);
    }
  });

  it("invents no step where the clock wanders", () => {
    for (let seed = firstSeed; seed < firstSeed + 4; seed++) {
      const one = scenario("round trips", "D").make(seed);
      const tracker = trackClock({ kind: "two-way" });
      expect(tracker.add(part(columnsOf(one), 0, one.times.length))).toEqual([]);
    }
  });

  it("starts again with a source that does, and keeps what was before", () => {
    const one = scenario("other noise", "reset").make(firstSeed + 1);
    const tracker = trackClock({ kind: "two-way" });
    const columns = columnsOf(one);
    const events = tracker.add(part(columns, 0, columns.from.length)).filter(isJump);
    expect(events.map(({ kind }) => kind)).toEqual(["reset"]);
    const [step] = one.steps;
    expect(events[0]!.time).toBe(instantsOf(Float64Array.of(step!.time), one.originNs)[0]);
    const again = trackClock({ kind: "two-way" });
    again.add(part(columns, 0, 1500));
    const { segments } = again.map();
    expect(segments).toHaveLength(2);
    const isLate = (query: number) => query > 655_000;
    const score = scoreMap(again.map(), {
      ...one,
      queries: one.queries.filter(isLate),
      truth: one.truth.filter((_, i) => isLate(one.queries[i]!)),
    });
    expect(pool([score.errors]).p95).toBeLessThan(30);
  });

  it("uses no repetition of an old offset, and says so once", () => {
    const one = scenario("other noise", "frozen for 20 min").make(firstSeed);
    const { events, errors } = follow(one, 120, 8);
    const batch = estimateClockMap(evidenceOf(one)).events;
    expect(events.map(({ kind }) => kind)).toEqual(["stale", "gap"]);
    expect(events.map(({ kind, time }) => [kind, time])).toEqual(batch.map(({ kind, time }) => [kind, time]));
    const repeated = one.offsets.findIndex((offset, i) => i > 0 && offset === one.offsets[i - 1]);
    expect(events[0]!.time).toBe(instantsOf(one.times.slice(repeated, repeated + 1), one.originNs)[0]);
    expect(pool([errors]).max).toBeLessThan(100);
  });

  it("reports a hole in the evidence", () => {
    const columns = columnsOf(scenario("round trips", "B").make(firstSeed));
    const tracker = trackClock({ kind: "two-way" });
    tracker.add(part(columns, 0, 400));
    expect(tracker.add(part(columns, 500, 501))).toEqual([]);
    const events = tracker.add(part(columns, 501, 503));
    expect(events).toMatchObject([{ kind: "gap", time: columns.from[500] }]);
    expect(Math.abs(Number(events[0]!.sizeNs) - 500 * 34_000)).toBeLessThan(2e6);
  });

  it("is not led away by a single stamp far ahead or far back", () => {
    const one = scenario("round trips", "B").make(firstSeed);
    const columns = columnsOf(one);
    const tracker = trackClock({ kind: "two-way" });
    for (let i = 0; i < 800; i++) {
      const row = part(columns, i, i + 1);
      const hours = i % 50 === 20 ? 2n : i % 50 === 40 ? -2n : 0n;
      const from = columns.from[i]! + hours * 3_600_000_000_000n;
      expect(tracker.add({ ...row, from })).toEqual([]);
    }
    const at = columns.from.subarray(780, 799);
    const errors = tracker
      .map()
      .apply(at)
      .map((to, i) => to - at[i]! - columns.offset![780 + i]!);
    expect(errors.every((error) => error < 1_000_000n && error > -1_000_000n)).toBe(true);
  });
});

describe("what is settled", () => {
  it.each([120, 0])("does not change, %i s behind", (lagS) => {
    const columns = columnsOf(scenario("round trips", "I").make(firstSeed));
    const tracker = trackClock({ kind: "two-way", lagNs: BigInt(lagS) * 1_000_000_000n });
    let past: { times: BigInt64Array; mapped: BigInt64Array; sigmas: Float64Array } | undefined;
    let last = -(2n ** 63n);
    for (let i = 0; i < columns.from.length; i++) {
      tracker.add(part(columns, i, i + 1));
      const { settled } = tracker;
      if (settled === undefined) continue;
      expect(settled).toBeGreaterThanOrEqual(last);
      last = settled;
      if (i % 40 !== 0) continue;
      const map = tracker.map();
      if (past !== undefined) {
        expect(map.apply(past.times)).toEqual(past.mapped);
        expect(map.uncertainty(past.times)).toEqual(past.sigmas);
      }
      const times = BigInt64Array.from({ length: 100 }, (_, k) => settled - BigInt(k) * 1_234_567_890n);
      const known = times.filter((time) => time >= columns.from[0]!);
      past = { times: known, mapped: map.apply(known), sigmas: map.uncertainty(known) };
    }
    expect(last).toBeGreaterThan(columns.from.at(-1)! - BigInt(lagS + 15) * 1_000_000_000n);
  });
});

describe("other evidence", () => {
  it("follows marks by their own uncertainty", () => {
    const one = scenario("round trips", "D").make(firstSeed);
    const { from, offset } = columnsOf(one);
    const to = from.map((time, i) => time + offset![i]!);
    const tracker = trackClock({ kind: "marks" });
    const events = tracker.add({ from, to, uncertainty: BigInt64Array.from(from, () => 120_000n) });
    expect(events.filter(isJump)).toEqual([]);
    const late = (values: Float64Array) => values.filter((_, i) => one.queries[i]! > 27_000);
    const score = scoreMap(tracker.map(), { ...one, queries: late(one.queries), truth: late(one.truth) });
    expect(pool([score.errors]).p95).toBeLessThan(60);
    expect(score.within2Sigma / score.errors.length).toBeGreaterThan(0.95);
  });

  it("takes the drift of an earlier session for a clip of three probes", () => {
    const prior = { driftPpb: 30_000, sigmaPpb: 50 };
    const error = (isKnown: boolean) => {
      const sizes = Array.from({ length: 40 }, (_, i) => {
        const one = scenario("other noise", "3 probes in 30 s").make(firstSeed + i);
        const tracker = trackClock({ kind: "two-way", ...(isKnown ? { prior } : {}) });
        const columns = columnsOf(one);
        tracker.add(part(columns, 0, columns.from.length));
        const at = Float64Array.of(90);
        const truth = Float64Array.of(0.8 + 30e-6 * 90);
        const score = scoreMap(tracker.map(), { ...one, queries: at, truth });
        return { size: Math.abs(score.errors[0]!), isWithin: score.within2Sigma === 1 };
      });
      const within = sizes.filter(({ isWithin }) => isWithin).length;
      return { mean: sizes.reduce((sum, { size }) => sum + size, 0) / sizes.length, within };
    };
    const [known, unknown] = [error(true), error(false)];
    expect(known.mean).toBeLessThan(unknown.mean / 2);
    expect(known.mean).toBeLessThan(150e-6);
    expect(known.within).toBeGreaterThanOrEqual(36);
    expect(unknown.within).toBeGreaterThanOrEqual(36);
  });

  it("follows the envelope of one-way delays", () => {
    const { errors, coverage, runs } = followAll(scenario("one-way", "warm-up"), 2, 120, 600);
    expect(errors.p95).toBeLessThan(60);
    expect(errors.p99).toBeLessThan(90);
    expect(coverage).toBeGreaterThanOrEqual(0.9);
    expect(runs.flatMap(({ events }) => events)).toEqual([]);
  });

  it("says that a lasting change of arrivals may be a step or a delay, and gives both maps", () => {
    const one = scenario("one-way", "host step 0.5 s").make(firstSeed);
    const { events, errors, tracker } = follow(one, 120, 600);
    expect(events.map(({ kind }) => kind)).toEqual(["step-or-delay"]);
    const [step] = one.steps;
    expect(Math.abs(Number(events[0]!.time - one.originNs) / 1e9 - step!.time)).toBeLessThan(0.1);
    expect(Math.abs(Number(events[0]!.sizeNs) / 1e9 - 0.5)).toBeLessThan(200e-6);
    expect(pool([errors]).p99).toBeLessThan(90);
    const map = tracker.map();
    const times = BigInt64Array.of(events[0]!.time + 1_000_000_000_000n);
    const apart = Number(map.apply(times)[0]! - map.events[0]!.alternative!.apply(times)[0]!) / 1e9;
    expect(Math.abs(apart - 0.5)).toBeLessThan(200e-6);
  });
});

describe("one-way stamps that do not just go on", () => {
  /** Messages at 30 Hz: stamp and arrival in s of each; delays of 2 ms and more. */
  function messages(seconds: number, stampAt: (time: number) => number, arrivalAt = (time: number) => time) {
    const draws = new Draws(5);
    const rows = seconds * 30;
    const [from, to] = [new BigInt64Array(rows), new BigInt64Array(rows)];
    for (let i = 0; i < rows; i++) {
      const time = i / 30;
      from[i] = BigInt(Math.round(stampAt(time) * 1e9));
      to[i] = BigInt(Math.round((arrivalAt(time) + 2e-3 + draws.exponential(1e-3)) * 1e9));
    }
    return { from, to };
  }

  it("follow a source that starts again", () => {
    const columns = messages(600, (time) => (time < 300 ? 5000 + time : time - 290));
    const tracker = trackClock({ kind: "one-way" });
    const events = tracker.add(columns);
    expect(events).toMatchObject([{ kind: "reset", time: 10_000_000_000n }]);
    const at = BigInt64Array.of(200_000_000_000n, 5_100_000_000_000n);
    const mapped = tracker.map().apply(at);
    expect(Math.abs(Number(mapped[0]! - 490_002_000_000n))).toBeLessThan(200_000);
    expect(Math.abs(Number(mapped[1]! - 100_002_000_000n))).toBeLessThan(200_000);
  });

  it("take a queue that is flushed, and single stamps astray, for no change", () => {
    // What is stamped from 300 s to 320 s arrives within a second at 320 s, after newer messages.
    const isHeld = (time: number) => time >= 300 && time < 320;
    const columns = messages(
      600,
      (time) => (Math.round(time * 30) % 700 === 350 ? time + 3600 : time),
      (time) => (isHeld(time) ? 320 + (time - 300) / 20 : time),
    );
    const order = Array.from(columns.to.keys()).sort((a, b) => Number(columns.to[a]! - columns.to[b]!));
    const pick = (column: BigInt64Array) => BigInt64Array.from(order, (i) => column[i]!);
    const tracker = trackClock({ kind: "one-way" });
    expect(tracker.add({ from: pick(columns.from), to: pick(columns.to) }).filter(isJump)).toEqual([]);
    const at = BigInt64Array.of(310_000_000_000n, 590_000_000_000n);
    const errors = tracker
      .map()
      .apply(at)
      .map((to, i) => to - at[i]! - 2_000_000n);
    expect(errors.every((error) => error < 100_000n && error > -100_000n)).toBe(true);
  });
});

describe("any service", () => {
  const kinds = ["two-way", "marks", "one-way"] as const;
  const columnsBy = {
    "two-way": columnsOf(scenario("round trips", "I").make(firstSeed)),
    marks: (() => {
      const { from, offset } = columnsOf(scenario("round trips", "H").make(firstSeed));
      return { from, to: from.map((time, i) => time + offset![i]!) };
    })(),
    "one-way": columnsOf(scenario("one-way", "host step 0.5 s").make(firstSeed)),
  };

  it.each(kinds)("%s: the same rows give the same bytes, in chunks of any size", (kind) => {
    const columns = columnsBy[kind];
    const rows = Math.min(columns.from.length, 4000);
    const whole = trackClock({ kind });
    const events = whole.add(part(columns, 0, rows));
    const expected = JSON.stringify([whole, whole.map(), events.map(({ time }) => `${time}`)]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }), (sizes) => {
        const tracker = trackClock({ kind });
        const told: ClockEvent[] = [];
        for (let start = 0, k = 0; start < rows; k++) {
          const end = Math.min(rows, start + sizes[k % sizes.length]!);
          told.push(...tracker.add(part(columns, start, end)));
          start = end;
        }
        expect(JSON.stringify([tracker, tracker.map(), told.map(({ time }) => `${time}`)])).toBe(expected);
      }),
      { seed: 7, numRuns: 4 },
    );
  });

  it.each(kinds)("%s: takes a restart without losing anything", (kind) => {
    const columns = columnsBy[kind];
    const rows = Math.min(columns.from.length, 110_000);
    const steady = trackClock({ kind });
    let restarted = trackClock({ kind });
    const stops = [1, 7, 300, 722, 1003, 108_500].filter((stop) => stop < rows);
    [...stops, rows].forEach((end, i) => {
      const rest = part(columns, stops[i - 1] ?? 0, end);
      expect(restarted.add(rest)).toEqual(steady.add(rest));
      restarted = ClockTracker.fromJSON(JSON.parse(JSON.stringify(restarted)));
      expect(JSON.stringify(restarted)).toBe(JSON.stringify(steady));
    });
    expect(JSON.stringify(restarted.map())).toBe(JSON.stringify(steady.map()));
    expect(restarted.settled).toBe(steady.settled);
    expect(restarted.drift).toEqual(steady.drift);
  });

  it("keeps a state of constant size over a million rows", () => {
    const tracker = trackClock({ kind: "one-way" });
    const sizes: number[] = [];
    const chunk = 10_000;
    let seed = 1;
    const draw = () => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return (seed + 1) / 4_294_967_297;
    };
    let latest = 0;
    for (let start = 0; start < 1_000_000; start += chunk) {
      const [from, to] = [new BigInt64Array(chunk), new BigInt64Array(chunk)];
      for (let i = 0; i < chunk; i++) {
        const time = (start + i) / 30;
        latest = Math.max(latest, time + 40e-6 * time + 2e-3 - 3e-3 * Math.log(draw()));
        from[i] = BigInt(Math.round(time * 1e9));
        to[i] = BigInt(Math.round(latest * 1e9));
      }
      expect(tracker.add({ from, to })).toEqual([]);
      sizes.push(JSON.stringify(tracker).length);
    }
    const early = Math.max(...sizes.slice(30, 50));
    expect(Math.max(...sizes.slice(50))).toBeLessThan(1.15 * early);
    expect(Math.abs(tracker.drift!.driftPpb - 40_000)).toBeLessThan(20);
    expect(tracker.map().segments).toMatchObject([{ pairs: 1_000_000 }]);
  }, 60_000);

  it("keeps a state of constant size over many probes, steps and outliers", () => {
    const tracker = trackClock({ kind: "two-way" });
    const sizes: number[] = [];
    const one = scenario("other noise", "steps among outliers").make(firstSeed);
    const { from, offset, roundTrip } = columnsOf(one);
    const span = from.at(-1)! - from[0]! + 5_000_000_000n;
    const rise = offset!.at(-1)! - offset![0]!;
    for (let turn = 0n; turn < 12n; turn++) {
      tracker.add({
        from: from.map((time) => time + turn * span),
        offset: offset!.map((value) => value + turn * rise),
        roundTrip: roundTrip!,
      });
      sizes.push(JSON.stringify(tracker).length);
      expect(tracker.map().events.length).toBeLessThanOrEqual(64);
    }
    expect(Math.max(...sizes)).toBeLessThan(1.3 * sizes[0]!);
  }, 30_000);
});

describe("hostile input", () => {
  const errorOf = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      return error;
    }
    return undefined;
  };
  const codeOf = (run: () => unknown) => (errorOf(run) as AlignError | undefined)?.code;

  it("says that nothing is known yet", () => {
    for (const kind of ["two-way", "marks", "one-way"] as const) {
      const tracker = trackClock({ kind });
      expect(codeOf(() => tracker.map())).toBe("CLOCK_TOO_LITTLE_EVIDENCE");
      expect([tracker.settled, tracker.drift]).toEqual([undefined, undefined]);
    }
    const frozen = trackClock({ kind: "one-way" });
    for (let i = 0n; i < 100n; i++) frozen.add({ from: 5n, to: i * 1_000_000_000n });
    expect(codeOf(() => frozen.map())).toBe("CLOCK_TOO_LITTLE_EVIDENCE");
    const extreme = trackClock({ kind: "two-way" });
    extreme.add({ from: 2n ** 63n - 1n, offset: 0n, roundTrip: 1n });
    extreme.add({ from: 0n, offset: 0n, roundTrip: -1n });
    expect(codeOf(() => extreme.map())).toBe("CLOCK_TOO_LITTLE_EVIDENCE");
  });

  it("refuses options and columns that are none", () => {
    const track = trackClock as (options: unknown) => ClockTracker;
    for (const options of [
      { kind: "signals" },
      { kind: "two-way", lagNs: -1n },
      { kind: "two-way", lagNs: 120 },
      { kind: "marks", prior: { driftPpb: 1, sigmaPpb: 0 } },
      { kind: "marks", prior: { driftPpb: Number.NaN, sigmaPpb: 1 } },
    ]) {
      expect(codeOf(() => track(options))).toBe("USAGE_TRACKER");
    }
    const tracker = trackClock({ kind: "two-way" });
    const add = (rows: unknown) => codeOf(() => tracker.add(rows as TrackedRows));
    expect(add({ from: 1n })).toBe("USAGE_EVIDENCE");
    expect(add({ from: 1, offset: 1n })).toBe("USAGE_EVIDENCE");
    expect(add({ from: 1n, offset: 2n ** 64n })).toBe("USAGE_EVIDENCE");
    expect(add({ from: 1n, offset: BigInt64Array.of(1n, 2n) })).toBe("USAGE_EVIDENCE");
    expect(add({ from: BigInt64Array.of(), offset: BigInt64Array.of() })).toBeUndefined();
    const marks = trackClock({ kind: "marks" });
    expect(codeOf(() => marks.add({ from: 1n, to: 1n, uncertainty: -1n }))).toBe("CLOCK_UNCERTAINTY");
  });

  const int64 = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 0n, 2n ** 63n - 2n, 1n - 2n ** 63n),
    fc.bigInt({ min: 0n, max: 100_000_000_000n }),
  );

  it("gives a map or an AlignError, whatever comes", () => {
    const row = fc.record({ gap: int64, first: int64, second: int64, isUsual: fc.boolean() });
    fc.assert(
      fc.property(
        fc.constantFrom("two-way", "marks", "one-way"),
        fc.array(row, { maxLength: 120 }),
        fc.constantFrom(0n, 10n ** 9n, 120n * 10n ** 9n, 2n ** 62n),
        (kind, rows, lagNs) => {
          const tracker = trackClock({ kind: kind as "marks", lagNs });
          let usual = 10n ** 15n;
          for (const { gap, first, second, isUsual } of rows) {
            usual += 5_000_000_000n;
            const from = isUsual ? usual : gap;
            const value = isUsual ? usual + (first % 1_000_000n) : first;
            const size = second < 0n ? -(second + 1n) : second;
            if (kind === "two-way")
              tracker.add({ from, offset: isUsual ? first % 1000n : first, roundTrip: second });
            else if (kind === "marks") tracker.add({ from, to: value, uncertainty: isUsual ? 1000n : size });
            else tracker.add({ from, to: value });
          }
          const error = errorOf(() => {
            const map = tracker.map();
            const times = BigInt64Array.of(0n, usual, usual - 7n * 10n ** 9n);
            for (const sigma of map.uncertainty(times)) expect(sigma).toBeGreaterThanOrEqual(0);
            for (const bound of map.bound(times)) expect(bound).toBeGreaterThanOrEqual(0);
            map.apply(times);
          });
          if (error !== undefined) expect(error).toBeInstanceOf(AlignError);
          const again = ClockTracker.fromJSON(JSON.parse(JSON.stringify(tracker)));
          expect(JSON.stringify(again)).toBe(JSON.stringify(tracker));
        },
      ),
      { seed: 11, numRuns: 300 },
    );
  });

  it("takes no junk for a state", () => {
    const { from, offset, roundTrip } = columnsOf(scenario("round trips", "I").make(firstSeed));
    const tracker = trackClock({ kind: "two-way" });
    tracker.add(part({ from, offset: offset!, roundTrip: roundTrip! }, 0, 500));
    const json = JSON.stringify(tracker);
    for (const junk of [null, 1, "x", [], {}, { version: 1 }, { ...JSON.parse(json), version: 2 }])
      expect(codeOf(() => ClockTracker.fromJSON(junk))).toBe("CLOCK_JSON");
    const paths: (string | number)[][] = [];
    const walk = (value: unknown, path: (string | number)[]) => {
      if (path.length > 0) paths.push(path);
      if (Array.isArray(value))
        for (const i of [0, 1].filter((k) => k < value.length)) walk(value[i], [...path, i]);
      else if (typeof value === "object" && value !== null)
        for (const [key, one] of Object.entries(value)) walk(one, [...path, key]);
    };
    walk(JSON.parse(json), []);
    expect(paths.length).toBeGreaterThan(100);
    for (const path of paths) {
      for (const junk of [true, "x", { a: 1 }, [[]]]) {
        const state = JSON.parse(json);
        let at = state;
        for (const key of path.slice(0, -1)) at = at[key];
        const key = path.at(-1)!;
        if (typeof at[key] === typeof junk && typeof junk === "boolean") continue;
        at[key] = junk;
        expect(
          codeOf(() => ClockTracker.fromJSON(state)),
          path.join("."),
        ).toBe("CLOCK_JSON");
      }
    }
  });
});

describe("the filters", () => {
  it("give what the batch smoother gives of the same measurements and wander", () => {
    const wander = wanders.findIndex(({ q0, q1 }) => q0 === 1e-12 && q1 === 1e-16);
    const n = 60;
    const times = Float64Array.from({ length: n }, (_, i) => 5 * i + (i % 7) / 10);
    const offsets = times.map((time, i) => 30e-6 * time + 1e-4 * Math.sin(i * 2.4));
    const variances = times.map((_, i) => 1e-9 * (1 + (i % 5)));
    const expected = smooth({ times, offsets, variances }, wanders[wander]!);
    const bank = new Bank();
    const measurements = Array.from(times, (time, i) => {
      return { time, offset: offsets[i]!, variance: variances[i]!, kick: 0 };
    });
    bank.start({ time: 0, offset: 0, variance: 1e3, kick: 0 }, 0, 1e-3);
    const weights = new Float64Array(wanders.length);
    weights[wander] = 1;
    const early = measurements.slice(0, 20);
    for (const one of early) bank.update(one);
    const states = smoothOnward(bank, measurements.slice(20), weights, 40);
    states.forEach((state, k) => {
      expect(Math.abs(state.offset - expected.offsets[20 + k]!)).toBeLessThan(1e-10);
      expect(Math.abs(state.drift - expected.drifts[20 + k]!)).toBeLessThan(1e-12);
      expect(state.p00 / expected.p00[20 + k]!).toBeCloseTo(1, 4);
      expect(state.p11 / expected.p11[20 + k]!).toBeCloseTo(1, 4);
    });
  });
});
