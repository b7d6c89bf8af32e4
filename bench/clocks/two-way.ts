import { type Case, originNs, type Step, wholeNs } from "./case.ts";
import type { Draws } from "./draws.ts";
import { Curve, type Drift } from "./drift.ts";

/** Round trips between two clocks, and what disturbs them. Times in s. */
export interface TwoWay {
  drift: Drift;
  seconds: number;
  /** Between two measurements; each is the best of 8 probes. */
  interval?: number;
  /** Mean of the way back's random delay over that of the way there. */
  asymmetry?: number;
  /** A share of measurements off by up to +-size. */
  outliers?: { share: number; size: number };
  /** Added to the offset from a time on. */
  steps?: readonly { at: number; size: number }[];
  /** What a leg takes beyond 0.2 ms: exponential of 0.3 ms, or with a tail that has no variance. */
  tail?: "exponential" | "pareto";
  /** A second route there, 2 ms longer, taken for spells of 5 minutes on average, a third of the time. */
  hasSecondRoute?: boolean;
  /** The source's stamps, or the offsets themselves, are multiples of this. */
  tick?: { of: "stamp" | "offset"; size: number };
  /** Share of measurements that are not there. */
  missing?: number;
  /** Between these times the last offset before them is repeated bit for bit. */
  frozen?: { from: number; to: number };
  /** `hidden`: all are 1 ms, so nothing tells a good probe from a bad one. */
  roundTrip?: "hidden";
  /** Seconds between queries; default a third. */
  queryEvery?: number;
  /** Left out at both ends. */
  margin?: number;
}

const probes = 8;
/** Around a step nobody can tell the side of an instant between two measurements. */
const stepMargin = 10;

/** Device time `t` is reference time `t + offset(t)`. Draws come in the order of the code. */
export function twoWayCase(spec: TwoWay, draws: Draws): Case {
  const { drift, seconds, interval = 5, steps = [], margin = 60 } = spec;
  const curve = new Curve(drift, seconds, draws);
  const offsetAt = (time: number) => {
    let offset = curve.at(time);
    for (const { at, size } of steps) if (time >= at) offset += size;
    return offset;
  };
  const times: number[] = [];
  const offsets: number[] = [];
  const roundTrips: number[] = [];
  const route = new Route(draws);
  for (let k = 0; k * interval <= seconds; k++) {
    const time = k * interval + draws.uniform(0, 0.05);
    const detour = spec.hasSecondRoute ? route.extraAt(time) : 0;
    const { there, back } = bestProbe(spec, detour, draws);
    let stray = 0;
    if (spec.outliers !== undefined && draws.chance(spec.outliers.share))
      stray = (draws.chance(0.5) ? 1 : -1) * spec.outliers.size * draws.uniform();
    if (spec.missing !== undefined && draws.chance(spec.missing)) continue;
    const measured = offsetAt(time) + (there - back) / 2 + stray;
    const stamp = spec.tick?.of === "stamp" ? toTick(time, spec.tick.size) : time;
    const offset = spec.tick?.of === "offset" ? toTick(measured, spec.tick.size) : measured + time - stamp;
    times.push(wholeNs(stamp));
    const isFrozen = spec.frozen !== undefined && time > spec.frozen.from && time <= spec.frozen.to;
    offsets.push(isFrozen ? offsets.at(-1)! : wholeNs(offset));
    roundTrips.push(spec.roundTrip === "hidden" ? 1e-3 : wholeNs(there + back));
  }
  const queries: number[] = [];
  const every = spec.queryEvery ?? 1 / 3;
  for (let i = 0; margin + i * every <= seconds - margin; i++) {
    const time = wholeNs(margin + i * every);
    if (steps.every(({ at }) => Math.abs(time - at) > stepMargin)) queries.push(time);
  }
  return {
    kind: "two-way",
    originNs,
    times: Float64Array.from(times),
    offsets: Float64Array.from(offsets),
    roundTrips: Float64Array.from(roundTrips),
    queries: Float64Array.from(queries),
    truth: Float64Array.from(queries, offsetAt),
    steps: steps.map(({ at, size }): Step => ({ time: times.find((time) => time >= at)!, size })),
  };
}

function toTick(value: number, tick: number): number {
  return Math.round(value / tick) * tick;
}

/** The probe with the shortest round trip. */
function bestProbe(spec: TwoWay, detour: number, draws: Draws): { there: number; back: number } {
  let best = { there: Number.POSITIVE_INFINITY, back: 0 };
  const leg = (mean: number) =>
    0.2e-3 + (spec.tail === "pareto" ? draws.paretoExcess(mean, 1.5) : draws.exponential(mean));
  for (let i = 0; i < probes; i++) {
    const burst = draws.chance(0.05) ? draws.lognormal(5e-3, 1) : 0;
    const there = leg(0.3e-3) + burst + detour;
    const back = leg(0.3e-3 * (spec.asymmetry ?? 1));
    if (there + back < best.there + best.back) best = { there, back };
  }
  return best;
}

/** Which of two routes is taken: spells of random length. */
class Route {
  readonly #draws: Draws;
  #isLong = false;
  #until = 0;

  constructor(draws: Draws) {
    this.#draws = draws;
  }

  extraAt(time: number): number {
    while (time >= this.#until) {
      this.#isLong = this.#until > 0 && !this.#isLong;
      this.#until += this.#draws.exponential(this.#isLong ? 300 : 600);
    }
    return this.#isLong ? 2e-3 : 0;
  }
}

/** 720 round trips in an hour about a straight line, each N(0, 50 us), a share of them late by `size`. */
export function lateCase(share: number, size: number, draws: Draws): Case {
  const times = Float64Array.from({ length: 720 }, (_, k) => 5 * k);
  const truthAt = (time: number) => 1 + 30e-6 * time;
  const offsets = times.map((time) =>
    wholeNs(truthAt(time) + draws.normal(50e-6) + (draws.chance(share) ? size : 0)),
  );
  const queries = Float64Array.from({ length: 10_000 }, (_, i) => wholeNs((i * 3595) / 9999));
  return { kind: "two-way", originNs, times, offsets, queries, truth: queries.map(truthAt), steps: [] };
}

/** A source that starts again: 7,000 s of readings from 650,000 s on, then 3,000 s from 100 s on. */
export function resetCase(draws: Draws): Case {
  const before = twoWayCase({ drift: "warm-up", seconds: 7000 }, draws);
  const after = twoWayCase({ drift: "warm-up", seconds: 3000 }, draws);
  const join = (
    key: "times" | "offsets" | "queries" | "truth" | "roundTrips",
    first: number,
    second: number,
  ) =>
    Float64Array.of(
      ...before[key]!.map((value) => wholeNs(value + first)),
      ...after[key]!.map((value) => wholeNs(value + second)),
    );
  const truth = join("truth", -649_000, 8000);
  return {
    kind: "two-way",
    originNs,
    times: join("times", 650_000, 100),
    offsets: join("offsets", -649_000, 8000),
    roundTrips: join("roundTrips", 0, 0),
    queries: join("queries", 650_000, 100),
    truth,
    steps: [{ time: wholeNs(after.times[0]! + 100), size: truth.at(-1)! - truth[0]! }],
  };
}
