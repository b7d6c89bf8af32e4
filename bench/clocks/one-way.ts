import { type Case, originNs, wholeNs } from "./case.ts";
import type { Draws } from "./draws.ts";

/** Frames of a camera at 30 fps, stamped by it and by the host when they arrive. Times in s. */
export interface OneWay {
  drift: "linear" | "warm-up";
  seconds: number;
  /** What a frame takes beyond 2 ms. */
  tail: "gamma" | "exponential" | "lognormal";
  /** 30 ms more for all that leave from 2,000 s to 2,600 s. */
  isCongested?: boolean;
  /** Share of frames that never arrive. */
  drops?: number;
  /** The host's clock is set by `size`, or the way takes `size` longer from then on; the stamps are the same. */
  step?: { at: number; size: number };
  /** The source's stamps are multiples of this, cut off; queries are not. */
  tick?: number;
}

const floor = 2e-3;
const stepMargin = 30;
/** Not scored: the start of a record. */
const lead = 120;
/** Every so many frames are scored. */
const scored = 10;

/**
 * The source's stamp is true time minus its drift plus 1000 s; the host's is true time plus the delay, in order.
 *
 * The truth is true time plus the floor minus the stamp, and the host's step where there is one.
 */
export function oneWayCase(spec: OneWay, draws: Draws): Case {
  const { seconds, step } = spec;
  const jumpAt = (time: number) => (step !== undefined && time >= step.at ? step.size : 0);
  const times: number[] = [];
  const offsets: number[] = [];
  const queries: number[] = [];
  const truth: number[] = [];
  let latest = 0;
  let stepTime = Number.NaN;
  for (let i = 0; i < seconds * 30; i++) {
    const time = i / 30 + draws.uniform(0, 1e-6);
    const exact = time - driftAt(spec.drift, time) + 1000;
    const reading = wholeNs(exact);
    const stamp = spec.tick === undefined ? reading : wholeNs(Math.floor(exact / spec.tick) * spec.tick);
    let delay = floor + tailOf(spec.tail, draws);
    if (draws.chance(0.02)) delay += draws.uniform(0.02, 0.2);
    if (spec.isCongested && time >= 2000 && time < 2600) delay += 0.03;
    if (spec.drops !== undefined && draws.chance(spec.drops)) continue;
    latest = Math.max(latest, time + delay);
    const arrival = wholeNs(latest + jumpAt(time));
    times.push(stamp);
    offsets.push(wholeNs(arrival - stamp));
    if (Number.isNaN(stepTime) && jumpAt(time) !== 0) stepTime = stamp;
    const isNearStep = step !== undefined && Math.abs(time - step.at) <= stepMargin;
    if (time <= lead || isNearStep || i % scored !== 0) continue;
    queries.push(reading);
    truth.push(time + floor + jumpAt(time) - reading);
  }
  return {
    kind: "one-way",
    originNs,
    times: Float64Array.from(times),
    offsets: Float64Array.from(offsets),
    queries: Float64Array.from(queries),
    truth: Float64Array.from(truth),
    steps: step === undefined ? [] : [{ time: stepTime, size: step.size }],
  };
}

/** How much the source has lost. */
function driftAt(kind: OneWay["drift"], t: number): number {
  if (kind === "linear") return 40e-6 * t;
  const warm = 5e-6 * (t + 1200 * (Math.exp(-t / 1200) - 1));
  const swing = ((1e-6 * 7200) / (2 * Math.PI)) * (1 - Math.cos((2 * Math.PI * t) / 7200));
  return 40e-6 * t + warm + swing;
}

function tailOf(tail: OneWay["tail"], draws: Draws): number {
  if (tail === "gamma") return draws.gamma(2, 1.5e-3);
  return tail === "exponential" ? draws.exponential(3e-3) : draws.lognormal(2e-3, 0.9);
}
