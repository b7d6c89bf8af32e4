import fc from "fast-check";
import { ClockMap, estimateClockMap } from "../../src/clock/index.ts";

fc.configureGlobal({ seed: 20_260_504 });

export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;

/** Today, ns since the epoch. */
export const EPOCH = 1_777_878_000_000_000_000n;
export const SECOND = 1_000_000_000n;

export interface Line {
  from: bigint;
  to: bigint;
  drift: number;
}

/** A map of one segment for each list of pieces; `since` defaults to all time. */
export function mapOf(...segments: (Line & { since?: bigint; variance?: number[] })[][]): ClockMap {
  return ClockMap.fromJSON({
    version: 1,
    segments: segments.map((pieces) => ({
      start: `${pieces[0]!.from}`,
      end: `${pieces.at(-1)!.from}`,
      pairs: 2,
      rejected: 0,
      residualP50Ns: 0,
      residualP99Ns: 0,
      pieces: pieces.map(({ since, from, to, drift, variance }) => ({
        since: `${since ?? INT64_MIN}`,
        from: `${from}`,
        to: `${to}`,
        drift,
        variance: variance ?? [0, 0, 0],
        boundNs: null,
      })),
    })),
    events: [],
  });
}

/** to + d + d * drift as an exact fraction: numerator over 2^shift. */
export function exactTarget({ from, to, drift }: Line, time: bigint): { numerator: bigint; shift: bigint } {
  let mantissa = drift;
  let shift = 0n;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    shift += 1n;
  }
  const distance = time - from;
  return { numerator: ((to + distance) << shift) + distance * BigInt(mantissa), shift };
}

/** The one target time that the map gives, through a single-element array. */
export function at(map: ClockMap, time: bigint): bigint {
  return map.apply(BigInt64Array.of(time))[0]!;
}

export function sigmaAt(map: ClockMap, time: bigint): number {
  return map.uncertainty(BigInt64Array.of(time))[0]!;
}

export function size(value: bigint): bigint {
  return value < 0n ? -value : value;
}

const anyDrift: fc.Arbitrary<number> = fc.oneof(
  fc.double({ min: -3e-4, max: 3e-4, noNaN: true }),
  fc.double({ min: -0.5, max: 0.5, noNaN: true }),
  fc.double({ min: -0.9, max: 3, noNaN: true }),
  fc.constantFrom(0, 0.5, -0.5, 40e-6, 2 ** -30, Number.MIN_VALUE),
);

export const anyLine: fc.Arbitrary<Line> = fc.record({
  from: fc.bigInt({ min: EPOCH - 2n ** 58n, max: EPOCH + 2n ** 58n }),
  to: fc.bigInt({ min: EPOCH - 2n ** 58n, max: EPOCH + 2n ** 58n }),
  drift: anyDrift,
});

export interface Piecewise {
  map: ClockMap;
  from: bigint[];
  to: bigint[];
}

function piecewise(step: fc.Arbitrary<bigint>, leastSigmaNs: bigint): fc.Arbitrary<Piecewise> {
  return fc
    .record({
      start: fc.bigInt({ min: EPOCH, max: EPOCH + 2n ** 50n }),
      offset: fc.bigInt({ min: -(2n ** 55n), max: 2n ** 55n }),
      steps: fc.array(
        fc.tuple(
          step,
          fc.oneof(
            fc.integer({ min: 990_000, max: 1_010_000 }),
            fc.integer({ min: 500_000, max: 2_000_000 }),
          ),
        ),
        { minLength: 1, maxLength: 7 },
      ),
      sigma: fc.bigInt({ min: leastSigmaNs, max: 10_000_000n }),
    })
    .map(({ start, offset, steps, sigma }) => {
      const from = [start];
      const to = [start + offset];
      for (const [step, millionths] of steps) {
        from.push(from.at(-1)! + step);
        to.push(to.at(-1)! + (step * BigInt(millionths)) / 1_000_000n);
      }
      const evidence = {
        kind: "marks" as const,
        from: BigInt64Array.from(from),
        to: BigInt64Array.from(to),
        uncertainty: new BigInt64Array(from.length).fill(sigma),
      };
      return { map: estimateClockMap(evidence, { model: "piecewise" }), from, to };
    });
}

/** A piecewise map through 2 to 8 marks, seconds to hours apart, with any slope from 0.5 to 2. */
export const hourlyPiecewise = piecewise(fc.bigInt({ min: SECOND, max: 2n ** 43n }), 1000n);

/** The same with marks some ns to some days apart. */
export const anyPiecewise = piecewise(
  fc.oneof(fc.bigInt({ min: 4n, max: 100n }), fc.bigInt({ min: SECOND, max: 2n ** 50n })),
  1n,
);

/** A seeded generator of uniform numbers in [0, 1) (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers from uniform ones (Box and Muller). */
export function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}
