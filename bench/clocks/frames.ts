import { analyseCadence, cleanCadence } from "../../src/clock/index.ts";
import { leastSquares } from "./baselines.ts";
import { originNs } from "./case.ts";
import { Draws } from "./draws.ts";
import { type Errors, pool } from "./score.ts";

/** Frames whose stamps jitter, some of which are not there. */
export interface FrameCase {
  readonly stamps: BigInt64Array;
  /** True times since `originNs`, s. */
  readonly truth: Float64Array;
  /** How many frames are missing before a frame, by its position. */
  readonly missing: ReadonlyMap<number, number>;
}

const frames = 18_000;
const jitter = 0.5e-3;

/** What happens to 600 s at 30 fps, stamps N(0, 0.5 ms) off. */
export const frameLosses = {
  "5 % drops": (draws: Draws) => new Set(range(frames).filter((i) => i > 0 && draws.chance(0.05))),
  "bursts of 30": (draws: Draws) =>
    new Set(
      range(30).flatMap(() => {
        const start = 1 + Math.floor(draws.uniform(0, frames - 32));
        return range(30).map((i) => start + i);
      }),
    ),
  "30 and 29.7 fps in turns": () => new Set<number>(),
} satisfies Record<string, (draws: Draws) => Set<number>>;

export type FrameLoss = keyof typeof frameLosses;

export function frameCase(name: FrameLoss, draws: Draws): FrameCase {
  const periodAt = (i: number) => 1 / (name === "30 and 29.7 fps in turns" && (i / 1800) & 1 ? 29.7 : 30);
  const lost = frameLosses[name](draws);
  const truth: number[] = [];
  const missing = new Map<number, number>();
  let [time, gap] = [0, 0];
  for (let i = 0; i < frames; i++) {
    if (lost.has(i)) gap++;
    else {
      if (gap > 0) missing.set(truth.length, gap);
      gap = 0;
      truth.push(time);
    }
    time += periodAt(i);
  }
  const stamps = truth.map((one) => originNs + BigInt(Math.round((one + draws.normal(jitter)) * 1e9)));
  return { stamps: BigInt64Array.from(stamps), truth: Float64Array.from(truth), missing };
}

/** Errors of cleaned times, gaps counted to the frame, and what a line over the frames' numbers would make of them. */
export interface FrameRow {
  name: string;
  seeds: number;
  errors: Errors;
  gaps: { right: number; wrong: number; invented: number };
  line: Errors;
}

export function scoreFrames(name: FrameLoss, firstSeed: number, seeds: number): FrameRow {
  const gaps = { right: 0, wrong: 0, invented: 0 };
  const [ours, lines]: [Float64Array[], Float64Array[]] = [[], []];
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const { stamps, truth, missing } = frameCase(name, new Draws(seed));
    const cadence = analyseCadence(stamps);
    const { times } = cleanCadence(stamps, cadence, 1);
    const told = new Map(cadence.gaps.map((gap) => [gap.frame, gap.missing]));
    for (const [frame, count] of missing) gaps[told.get(frame) === count ? "right" : "wrong"]++;
    for (const frame of told.keys()) if (!missing.has(frame)) gaps.invented++;
    ours.push(truth.map((time, i) => Number(times[i]! - originNs) / 1e9 - time));
    const offsets = Float64Array.from(stamps, (stamp) => Number(stamp - originNs) / 1e9);
    const numbers = offsets.map((_, i) => i);
    const { center, offset, slope } = leastSquares(
      { times: numbers, offsets },
      numbers.map(() => 1),
    );
    lines.push(truth.map((time, i) => offset + slope * (i - center) - time));
  }
  return { name, seeds, errors: pool(ours), gaps, line: pool(lines) };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
