import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { analyseCadence, cleanCadence } from "../../src/clock/index.ts";
import { EPOCH } from "./maps.ts";

/** mulberry32 */
function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Drawn {
  /** True times, ns from the first. */
  truth: number[];
  stamps: BigInt64Array;
  /** What is missing before a frame, by the frame's position. */
  missing: Map<number, number>;
}

/** Frames of a camera whose period may change every 1800 frames, some lost, stamps with normal noise. */
function draw(
  seed: number,
  {
    frames = 18_000,
    noiseNs = 0.5e6,
    periods = [1e9 / 30],
    lost = (_: () => number, _count: number): number[] => [],
  },
): Drawn {
  const uniform = uniforms(seed);
  const all: number[] = [0];
  for (let i = 0; i < frames; i++) all.push(all[i]! + periods[Math.floor(i / 1800) % periods.length]!);
  const gone = new Set(lost(uniform, frames));
  const there = Array.from({ length: frames }, (_, i) => i).filter((i) => !gone.has(i));
  const missing = new Map<number, number>();
  for (const [at, frame] of there.entries()) {
    const before = at === 0 ? 0 : frame - there[at - 1]! - 1;
    if (before > 0) missing.set(at, before);
  }
  const noise = () => noiseNs * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const truth = there.map((i) => all[i]!);
  const stamps = BigInt64Array.from(truth, (time) => EPOCH + BigInt(Math.round(time + noise()))).sort();
  return { truth, stamps, missing };
}

const random = (uniform: () => number, count: number) =>
  Array.from({ length: count }, (_, i) => i).filter((i) => i > 0 && uniform() < 0.05);
const bursts = (uniform: () => number, count: number) =>
  Array.from({ length: 30 }, () => 1 + Math.floor(uniform() * (count - 31))).flatMap((start) =>
    Array.from({ length: 30 }, (_, i) => start + i),
  );

/** Bursts while the rate stays: one that is lost over a change of it has no count. */
const apart = (uniform: () => number) =>
  Array.from({ length: 30 }, (_, i) => 600 * i + 20 + Math.floor(uniform() * 500)).flatMap((start) =>
    Array.from({ length: 30 }, (_, k) => start + k),
  );

function errors(times: BigInt64Array, truth: readonly number[]): { p50: number; p99: number } {
  const sorted = truth.map((time, i) => Math.abs(Number(times[i]! - EPOCH) - time)).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
  return { p50: at(0.5), p99: at(0.99) };
}

const cameras: [string, Parameters<typeof draw>[1]][] = [
  ["5 % random drops", { lost: random }],
  ["bursts of 30", { lost: bursts }],
  ["30 and 29.7 in turn", { periods: [1e9 / 30, 1e9 / 29.7] }],
  ["30 and 29.7 in turn, 5 % random drops", { periods: [1e9 / 30, 1e9 / 29.7], lost: random }],
  ["60 and 24 in turn, bursts", { periods: [1e9 / 60, 1e9 / 24], lost: apart }],
  ["no noise", { noiseNs: 0, lost: random }],
];

describe.each(cameras)("stamps with jitter: %s", (_, camera) => {
  it.each([1, 2, 3])("every gap has its whole number of frames, draw %i", (seed) => {
    const { stamps, missing } = draw(seed, camera);
    const cadence = analyseCadence(stamps);
    expect(cadence.steady).toBe(true);
    expect(new Map(cadence.gaps.map((gap) => [gap.frame, gap.missing]))).toEqual(missing);
    expect([cadence.repeated, cadence.pauses, cadence.first]).toEqual([[], [], undefined]);
  });

  it("cleaned times are closer to the truth by far", () => {
    const { stamps, truth } = draw(7, camera);
    const { times, cleaned } = cleanCadence(stamps, analyseCadence(stamps), 1);
    const { p50, p99 } = errors(times, truth);
    expect(cleaned).toBeGreaterThan(0.98 * stamps.length);
    expect(p50).toBeLessThan(0.05e6);
    expect(p99).toBeLessThan(0.2e6);
  });
});

describe("what is not a missing frame", () => {
  it("a slower beat", () => {
    const { stamps } = draw(1, { periods: [1e9 / 60, 1e9 / 30, 1e9 / 15], noiseNs: 0.2e6 });
    expect(analyseCadence(stamps)).toMatchObject({ steady: true, gaps: [], repeated: [], pauses: [] });
  });

  it("a rate that varies from frame to frame", () => {
    const uniform = uniforms(5);
    const choices = [16.7e6, 33.3e6, 41.7e6, 100e6];
    let time = 0;
    const stamps = BigInt64Array.from({ length: 500 }, () => {
      time += choices[Math.floor(uniform() * 4)]!;
      return BigInt(Math.round(time));
    });
    const cadence = analyseCadence(stamps);
    expect(cadence).toMatchObject({ steady: false, gaps: [], repeated: [], pauses: [] });
    expect(cleanCadence(stamps, cadence, 1)).toMatchObject({ cleaned: 0, times: stamps });
  });

  it("a rate that changes little by little", () => {
    let time = 0;
    const stamps = BigInt64Array.from({ length: 3000 }, (_, i) => {
      time += 33e6 * (1 + 0.5 * Math.sin(i / 300));
      return BigInt(Math.round(time));
    });
    expect(analyseCadence(stamps)).toMatchObject({ steady: true, gaps: [], repeated: [], pauses: [] });
  });

  it("frames that come late and together", () => {
    const stamps = BigInt64Array.from({ length: 300 }, (_, i) => BigInt(i) * 33_333_333n);
    for (let i = 100; i < 105; i++) stamps[i] = stamps[105]! - 1_000n * BigInt(105 - i);
    stamps[200]! += 20_000_000n;
    expect(analyseCadence(stamps)).toMatchObject({ steady: true, gaps: [], repeated: [], pauses: [] });
  });

  it("a pause that is no whole number of frames: it is told as such", () => {
    const stamps = BigInt64Array.from(
      { length: 300 },
      (_, i) => BigInt(i) * 33_333_333n + (i >= 150 ? 4_350_000_000n : 0n),
    );
    expect(analyseCadence(stamps)).toMatchObject({ steady: true, gaps: [], pauses: [150] });
  });
});

it("a frame at the time of another is repeated", () => {
  const stamps = BigInt64Array.from({ length: 200 }, (_, i) => BigInt(i < 100 ? i : i - 1) * 40_000_000n);
  const cadence = analyseCadence(stamps);
  expect(cadence).toMatchObject({ steady: true, gaps: [], repeated: [100], pauses: [] });
  expect(cadence.beats[100]).toBe(cadence.beats[99]);
  expect(cadence.beats[199]).toBe(198);
});

it("a first frame off the beat is found, and keeps its stamp when the others are cleaned", () => {
  const { stamps } = draw(3, { frames: 600 });
  stamps[0] = stamps[1]! - 13_452_000n;
  const cadence = analyseCadence(stamps);
  expect(cadence.first?.intervalNs).toBe(13_452_000);
  expect(cadence.first?.periodNs).toBeGreaterThan(33e6);
  const { times, cleaned } = cleanCadence(stamps, cadence, 1);
  expect(times[0]).toBe(stamps[0]);
  expect(cleaned).toBe(599);
});

it.each([0, 1, 2, 7])("nothing is said of %i frames", (length) => {
  const stamps = BigInt64Array.from({ length }, (_, i) => BigInt(i) * 40_000_000n);
  const cadence = analyseCadence(stamps);
  expect(cadence).toMatchObject({ steady: false, gaps: [] });
  expect(cleanCadence(stamps, cadence, 1).times).toEqual(stamps);
});

describe("times that rounding took", () => {
  const rates: [bigint, bigint][] = [
    [24_000n, 1_001n],
    [30_000n, 1_001n],
    [60_000n, 1_001n],
    [30n, 1n],
    [25n, 1n],
    [29_830n, 1_000n],
    [17n, 3n],
  ];
  const at = (frame: number, [numerator, denominator]: [bigint, bigint]) =>
    (2n * BigInt(frame) * denominator * 1_000_000_000n + numerator) / (2n * numerator);
  const rounded = (ns: bigint, tickNs: bigint) => ((2n * ns + tickNs) / (2n * tickNs)) * tickNs;

  it.each(rates)("%i/%i frames a second in ms come back to the ns", (numerator, denominator) => {
    const rate: [bigint, bigint] = [numerator, denominator];
    const truth = BigInt64Array.from({ length: 5000 }, (_, i) => at(i + Math.floor(i / 700), rate));
    const stamps = truth.map((ns) => EPOCH + rounded(ns, 1_000_000n));
    const { times, rate: found } = cleanCadence(stamps, analyseCadence(stamps), 1e6);
    expect(Number(found!.numerator) / Number(found!.denominator)).toBeCloseTo(
      Number(numerator) / Number(denominator),
      5,
    );
    const worst = Math.max(...Array.from(times, (time, i) => Math.abs(Number(time - EPOCH - truth[i]!))));
    expect(worst).toBeLessThan(
      [24n, 25n, 30n, 60n, 24_000n, 30_000n, 60_000n].includes(numerator) ? 1.5 : 30_000,
    );
  });

  it("stamps that were cut off and not rounded come back too", () => {
    const rate: [bigint, bigint] = [30_000n, 1_001n];
    const truth = BigInt64Array.from({ length: 900 }, (_, i) => at(i, rate));
    const stamps = truth.map((ns) => (ns / 1_000_000n) * 1_000_000n);
    expect(cleanCadence(stamps, analyseCadence(stamps), 1e6).times).toEqual(truth);
  });

  it("where two rates fit, neither is proven", () => {
    const stamps = BigInt64Array.from({ length: 20 }, (_, i) =>
      rounded(at(i, [30_000n, 1_001n]), 8_000_000n),
    );
    expect(cleanCadence(stamps, analyseCadence(stamps), 8e6).rate).toBeUndefined();
  });

  it("one stamp farther off than rounding explains disproves it", () => {
    const stamps = BigInt64Array.from({ length: 900 }, (_, i) =>
      rounded(at(i, [30_000n, 1_001n]), 1_000_000n),
    );
    stamps[450]! += 2_000_000n;
    expect(cleanCadence(stamps, analyseCadence(stamps), 1e6).rate).toBeUndefined();
  });

  it("a clock that wanders by more than its jitter keeps its stamps", () => {
    const uniform = uniforms(9);
    let [time, walk] = [0, 0];
    const stamps = BigInt64Array.from({ length: 3000 }, () => {
      walk += (uniform() - 0.5) * 0.4e6;
      time += 33.3e6;
      return BigInt(Math.round(time + walk));
    });
    expect(cleanCadence(stamps, analyseCadence(stamps), 1)).toMatchObject({ cleaned: 0, times: stamps });
  });
});

it("whatever the stamps, times come back in order, as many as there were, and the same on each run", () => {
  const steps = fc.array(fc.oneof(fc.constant(40), fc.nat(3), fc.nat(200), fc.constant(80)), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(steps, fc.constantFrom(1, 1e6), (intervals, tickNs) => {
      let time = EPOCH;
      const stamps = BigInt64Array.from(intervals, (ms) => (time += BigInt(ms) * 1_000_000n));
      const cadence = analyseCadence(stamps);
      const { times } = cleanCadence(stamps, cadence, tickNs);
      expect(times).toHaveLength(stamps.length);
      expect(times.every((one, i) => i === 0 || one >= times[i - 1]!)).toBe(true);
      expect(cleanCadence(stamps, analyseCadence(stamps), tickNs).times).toEqual(times);
      expect(cadence.beats.every((beat, i) => i === 0 || beat >= cadence.beats[i - 1]!)).toBe(true);
      expect(cadence.gaps.every(({ missing }) => Number.isInteger(missing) && missing > 0)).toBe(true);
    }),
    { numRuns: 200 },
  );
});
