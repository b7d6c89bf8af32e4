import type { Case } from "./case.ts";
import { Draws } from "./draws.ts";
import { type OneWay, oneWayCase } from "./one-way.ts";
import type { Errors } from "./score.ts";
import { lateCase, resetCase, type TwoWay, twoWayCase } from "./two-way.ts";

/** What a scenario must show: errors in us at most, the share of errors within 2 sigma, all steps found. */
export interface Target extends Partial<Errors> {
  readonly coverage?: readonly [least: number, most: number];
}

export interface Scenario {
  readonly name: string;
  readonly group: "round trips" | "round trips hidden" | "other noise" | "late" | "one-way";
  readonly target: Target;
  /** How many seeds are pooled; the first is `firstSeed`. */
  readonly seeds: number;
  make(seed: number): Case;
}

export const firstSeed = 1000;

/** All errors of a straight line are two draws, so that their share within 2 sigma takes many seeds to tell. */
const manySeeds = 60;

const twoHours = 7200;
const eightHours = 28_800;
const calibrated = { coverage: [0.9, 0.99] as const };
/** Where nothing in the evidence tells the truth, sigma may be wider and never narrower. */
const honest = { coverage: [0.9, 1] as const };

const lettered = {
  A: { drift: "linear", seconds: twoHours },
  B: { drift: "warm-up", seconds: twoHours },
  C: { drift: "warm-up", seconds: eightHours },
  D: { drift: "random walk", seconds: eightHours },
  E: { drift: "linear", seconds: twoHours, asymmetry: 4 },
  F: { drift: "warm-up", seconds: twoHours, outliers: { share: 0.02, size: 5 } },
  G: { drift: "linear", seconds: twoHours, outliers: { share: 0.1, size: 60 } },
  H: { drift: "warm-up", seconds: twoHours, steps: [{ at: 3600, size: 0.3 }] },
  I: {
    drift: "warm-up",
    seconds: twoHours,
    steps: [
      { at: 1800, size: 0.05 },
      { at: 3600, size: -3 },
      { at: 5000, size: 0.01 },
    ],
  },
} satisfies Record<string, TwoWay>;

const targets: Record<keyof typeof lettered, Target> = {
  A: { p99: 5, ...calibrated },
  B: { p95: 10, max: 40, ...calibrated },
  C: { p95: 10, max: 40, ...calibrated },
  D: { p95: 10, ...calibrated },
  E: { p50: 14.4, ...honest },
  F: { p99: 15, ...calibrated },
  G: { p99: 15, ...calibrated },
  H: { p99: 15, ...calibrated },
  I: { p99: 15, ...calibrated },
};

const hiddenTargets: Partial<Record<keyof typeof lettered, Target>> = {
  A: { p99: 8, ...calibrated },
  B: { p95: 25, max: 60, ...calibrated },
  C: { p95: 25, max: 60, ...calibrated },
};

/** Noise and drift that the lettered scenarios do not have. */
const others: Record<string, TwoWay & { target?: Target; seeds?: number }> = {
  "20 times slower back": { ...lettered.E, asymmetry: 20, target: honest },
  "Pareto tails": { ...lettered.B, tail: "pareto" },
  "two routes": { ...lettered.B, hasSecondRoute: true, target: honest },
  "daily swing, 24 h": { drift: "daily", seconds: 86_400, queryEvery: 1, seeds: 5 },
  "24 h": { drift: "warm-up", seconds: 86_400, queryEvery: 1, seeds: 5 },
  "stamps of 1 ms": { ...lettered.B, tick: { of: "stamp", size: 1e-3 } },
  "stamps of 15.6 ms": { ...lettered.B, tick: { of: "stamp", size: 1 / 64 } },
  "offsets of 1 ms": { ...lettered.B, tick: { of: "offset", size: 1e-3 }, target: honest },
  "offsets of 15.6 ms": { ...lettered.B, tick: { of: "offset", size: 1 / 64 }, target: honest },
  "every 1 s": { ...lettered.B, interval: 1 },
  "every 60 s": { ...lettered.C, interval: 60 },
  "30 % missing": { ...lettered.B, missing: 0.3 },
  "3 probes in 30 s": {
    drift: "linear",
    seconds: 30,
    interval: 15,
    margin: 0,
    target: honest,
    seeds: 400,
  },
  "steps of 5 ms": {
    ...lettered.D,
    steps: [
      { at: 900, size: 5e-3 },
      { at: 9000, size: -5e-3 },
      { at: 28_000, size: 5e-3 },
    ],
  },
  "steps of 5 ms, hidden": { ...lettered.B, steps: [{ at: 3000, size: -5e-3 }], roundTrip: "hidden" },
  "steps among outliers": {
    ...lettered.I,
    outliers: { share: 0.05, size: 5 },
  },
  "frozen for 20 min": { ...lettered.B, frozen: { from: 3000, to: 4200 } },
};

const oneWays: Record<string, OneWay & { target: Target; seeds?: number }> = {
  linear: { drift: "linear", seconds: 3600, tail: "gamma", target: { p99: 60, ...honest } },
  "warm-up": warmUp({}, { p95: 45, p99: 60 }, 100),
  "warm-up, exponential": warmUp({ tail: "exponential" }, { p95: 45, p99: 60 }, 100),
  "warm-up, lognormal": warmUp({ tail: "lognormal" }, { p95: 85, p99: 110 }, 100),
  congestion: warmUp({ isCongested: true }, { p99: 150 }),
  "5 % drops": warmUp({ drops: 0.05 }, { p95: 45, p99: 60 }),
  "host step 0.5 s": warmUp({ step: { at: 3600, size: 0.5 } }, { p99: 60 }),
  "stamps of 1 ms": warmUp({ tick: 1e-3 }, {}),
};

function warmUp(spec: Partial<OneWay>, target: Target, seeds = 10) {
  const usual = { drift: "warm-up", seconds: twoHours, tail: "gamma" } as const;
  return { ...usual, ...spec, seeds, target: { ...honest, ...target } };
}

export const scenarios: readonly Scenario[] = [
  ...Object.entries(lettered).map(([name, spec]): Scenario => {
    const target = targets[name as keyof typeof lettered];
    return twoWay(name, "round trips", spec, target, spec.drift === "linear" ? manySeeds : 20);
  }),
  ...Object.entries(lettered).map(([name, spec]): Scenario => {
    const target = hiddenTargets[name as keyof typeof lettered] ?? honest;
    const seeds = spec.drift === "linear" ? manySeeds : 20;
    return twoWay(`${name}, hidden`, "round trips hidden", { ...spec, roundTrip: "hidden" }, target, seeds);
  }),
  ...Object.entries(others).map(([name, { target = calibrated, seeds = 20, ...spec }]) =>
    twoWay(name, "other noise", spec, target, seeds),
  ),
  {
    name: "reset",
    group: "other noise",
    target: calibrated,
    seeds: 20,
    make: (seed) => resetCase(new Draws(seed)),
  },
  ...[0.02, 0.1].flatMap((share) =>
    [1, 10, 60, 600].map((size): Scenario => {
      const make = (seed: number) => lateCase(share, size, new Draws(seed));
      const target = share === 0.02 ? { max: 25, ...calibrated } : calibrated;
      return { name: `${share * 100} % at +${size} s`, group: "late", target, seeds: manySeeds, make };
    }),
  ),
  ...Object.entries(oneWays).map(([name, { target, seeds = 10, ...spec }]): Scenario => {
    return { name, group: "one-way", target, seeds, make: (seed) => oneWayCase(spec, new Draws(seed)) };
  }),
];

function twoWay(
  name: string,
  group: Scenario["group"],
  spec: TwoWay,
  target: Target,
  seeds: number,
): Scenario {
  return { name, group, target, seeds, make: (seed) => twoWayCase(spec, new Draws(seed)) };
}

export function scenario(group: Scenario["group"], name: string): Scenario {
  const found = scenarios.find((one) => one.group === group && one.name === name);
  if (found === undefined) throw new Error(`no such scenario: ${group}, ${name}`);
  return found;
}
