import type { Draws } from "./draws.ts";

/** How the rate of a clock moves; all start at 30 ppm. */
export type Drift = "linear" | "warm-up" | "random walk" | "daily";

/** A true offset over time, known at every whole second and straight between. */
export class Curve {
  readonly #offsets: Float64Array;

  /** The offset starts at 0.8 s; each second adds that second's rate. */
  constructor(kind: Drift, seconds: number, draws: Draws) {
    this.#offsets = new Float64Array(seconds + 2);
    this.#offsets[0] = 0.8;
    const stepSigma = { linear: 0, "warm-up": 1e-9, "random walk": 1e-8, daily: 1e-9 }[kind];
    let walk = 0;
    for (let t = 0; t <= seconds; t++) {
      if (stepSigma > 0) walk += draws.normal(stepSigma);
      this.#offsets[t + 1] = this.#offsets[t]! + 30e-6 + rateOf(kind, t) + walk;
    }
  }

  at(time: number): number {
    const second = Math.min(Math.max(Math.floor(time), 0), this.#offsets.length - 2);
    const [before, after] = [this.#offsets[second]!, this.#offsets[second + 1]!];
    return before + (time - second) * (after - before);
  }
}

/** Beyond 30 ppm: an oscillator that warms up in a room of slowly changing temperature, or one beside a daily swing. */
function rateOf(kind: Drift, t: number): number {
  const cycle = (size: number, period: number) => size * Math.sin((2 * Math.PI * t) / period);
  if (kind === "warm-up") return 5e-6 * (1 - Math.exp(-t / 1200)) + cycle(1e-6, 7200);
  if (kind === "daily") return cycle(2e-6, 86_400) + cycle(0.2e-6, 1500);
  return 0;
}
