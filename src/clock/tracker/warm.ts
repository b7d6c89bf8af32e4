import { isCoarse, type Rows } from "../rows.ts";
import { tickOf } from "../stale.ts";
import type { Row } from "./order.ts";

/** The first rows as the batch estimator has them, relative to the first. */
export function rowsOf(given: readonly Row[]): Rows {
  const n = given.length;
  const [first] = given as readonly [Row];
  const offsets = Float64Array.from(given, ({ offset }) => Number(offset - first.offset));
  const tick = tickOf(offsets);
  const isFine = !isCoarse(tick);
  return {
    base: { from: first.from, offset: first.offset },
    times: Float64Array.from(given, ({ from }) => Number(from - first.from) / 1e9),
    offsets: offsets.map((offset) => offset / 1e9),
    halves: Float64Array.from(given, ({ half }) => half),
    sigmas: Float64Array.from(given, ({ sigma }) => sigma),
    leastVariances: new Float64Array(n).fill((isFine ? 1 : tick) ** 2 * (1e-18 / 12)),
    repeats: new Float64Array(n).fill(1),
    entries: new Uint16Array(n),
    places: Int32Array.from(given.keys()),
  };
}

/** What is known of the error of a row alone: its sigma, or what its round trip allows (uniform), else 1 ms; s^2. */
export function alone({ half, sigma }: Row): number {
  if (!Number.isNaN(sigma)) return sigma * sigma;
  return Number.isNaN(half) ? 1e-6 : Math.max(1e-18, (half * half) / 3);
}
