import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ClockMap } from "../../src/clock/index.ts";
import type { PlotLibrary, PlottedCapture, PlottedMap, PlottedReadings } from "../../src/page/index.ts";

const library = createRequire(import.meta.url);
const libraryFile = (path: string) => readFileSync(library.resolve(`uplot/${path}`), "utf8");

export const uplot: PlotLibrary = {
  script: libraryFile("dist/uPlot.iife.min.js"),
  style: libraryFile("dist/uPlot.min.css"),
  license: libraryFile("LICENSE"),
};

export const T0 = 1_777_878_751_250_000_000n;

/** Numbers in [0, 1) that are the same in every run. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A segment of `count` chords of a sine of 100 us on a straight line. */
export function segment(options: {
  start: bigint;
  seconds: number;
  offsetNs: bigint;
  driftPpb?: number;
  sigmaNs?: number;
  boundNs?: number | null;
  isFirst?: boolean;
}) {
  const { start, seconds, offsetNs, driftPpb = 30_000, sigmaNs = 2_000, boundNs = null, isFirst } = options;
  const count = 40;
  const end = start + BigInt(Math.round(seconds * 1e9));
  const offsetAt = (x: number) => driftPpb * x + 100_000 * Math.sin((6 * x) / seconds);
  const pieces = Array.from({ length: count }, (_, at) => {
    const [x, next] = [(at * seconds) / count, ((at + 1) * seconds) / count];
    const from = start + BigInt(Math.round(x * 1e9));
    return {
      since: at === 0 && isFirst ? String(-(2n ** 63n)) : String(from),
      from: String(from),
      to: String(from + offsetNs + BigInt(Math.round(offsetAt(x)))),
      drift: (offsetAt(next) - offsetAt(x)) / ((next - x) * 1e9),
      variance: [sigmaNs ** 2, 0, 0],
      boundNs,
    };
  });
  return {
    start: String(start),
    end: String(end),
    pairs: 100,
    rejected: 3,
    residualP50Ns: 30_000,
    residualP99Ns: 90_000,
    pieces,
  };
}

export function mapOf(segments: object[], events: object[] = []): ClockMap {
  return ClockMap.fromJSON({ version: 1, segments, events });
}

/** Readings every `everyS` s; of each hundred two are rejected, by seconds, and rows 300 to 340 are stale. */
export function readingsOf(
  start: bigint,
  seconds: number,
  everyS: number,
  noiseNs: number,
  kind = "two-way",
): PlottedReadings {
  const draw = random(7);
  const rows = Math.floor(seconds / everyS);
  const from = BigInt64Array.from(
    { length: rows },
    (_, row) => start + BigInt(Math.round(row * everyS * 1e9)),
  );
  const states = Uint8Array.from({ length: rows }, (_, row) =>
    row >= 300 && row < 340 ? 2 : row % 50 === 49 ? 1 : 0,
  );
  const residualsNs = Float64Array.from(states, (state, row) => {
    if (state === 1) return (draw() - 0.5) * 2e9;
    if (state === 2) return (row - 300) * 4000;
    const delay = -Math.log(1 - draw()) - Math.log(1 - draw());
    return kind === "one-way" ? noiseNs * delay : noiseNs * (draw() + draw() + draw() - 1.5);
  });
  return { kind, from, residualsNs, states };
}

export function plotted(map: ClockMap, readings: PlottedReadings[], from = "headcam"): PlottedMap {
  const evidence = readings.map(({ kind, states }) => ({
    kind,
    origin: "probes.csv",
    rows: states.length,
    rejected: states.filter((state) => state === 1).length,
    stale: states.filter((state) => state === 2).length,
    invalid: states.filter((state) => state === 3).length,
  }));
  return { label: `${from} -> plant`, from, to: "plant", model: "piecewise", map, evidence, readings };
}

export function capture(maps: PlottedMap[], name = "gas-round"): PlottedCapture {
  const clocks = maps.map(({ from, label }) => ({
    clock: from,
    path: label,
    sigmaNs: 2000,
    boundNs: Number.POSITIVE_INFINITY,
  }));
  return { capture: name, reference: "plant", version: "0.0.0", clocks, maps };
}

/** Two hours with a step in the middle, outliers of seconds and a stale run. */
export function steppedMap(): PlottedMap {
  const second = T0 + 3_600_000_000_000n;
  const segments = [
    segment({ start: T0, seconds: 3595, offsetNs: -812_345_678n, boundNs: 250_000, isFirst: true }),
    segment({ start: second, seconds: 3600, offsetNs: -512_237_000n, boundNs: 250_000 }),
  ];
  const events = [
    { kind: "stale", time: String(T0 + 1_500_000_000_000n), sizeNs: "0" },
    { kind: "step", time: String(second), sizeNs: "300000000" },
  ];
  return plotted(mapOf(segments, events), [readingsOf(T0, 7200, 5, 60_000)]);
}
