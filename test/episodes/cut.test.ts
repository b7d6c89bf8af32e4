import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CutRequest, cutRows } from "../../src/episodes/cut.ts";
import { times } from "./memory-table.ts";

/** Loops over rows as the words say, without state kept between them. */
function naiveCut({ timeNs, keys, fps, minNs, maxNs, splitAtGapsNs }: CutRequest) {
  const half = 0.5e9 / fps;
  const episodes: number[][] = [];
  let outside = 0;
  for (let row = 0; row < timeNs.length; row += 1) {
    if (keys[row] === -1) {
      outside += 1;
      continue;
    }
    const open = episodes.at(-1);
    const last = open?.at(-1);
    const follows =
      open !== undefined &&
      last === row - 1 &&
      keys[last] === keys[row] &&
      timeNs[row]! >= timeNs[last]! &&
      (splitAtGapsNs === undefined || timeNs[row]! - timeNs[last]! <= splitAtGapsNs) &&
      (maxNs === undefined || Number(timeNs[row]! - timeNs[open[0]!]!) < Number(maxNs) - half);
    if (follows) open.push(row);
    else episodes.push([row]);
  }
  const spanOf = (rows: number[]) => Number(timeNs[rows.at(-1)!]! - timeNs[rows[0]!]!);
  const isKept = (rows: number[]) => minNs === undefined || spanOf(rows) + 3 * half >= Number(minNs);
  return {
    episodes: episodes.filter(isKept).map((rows) => ({ start: rows[0]!, end: rows.at(-1)! + 1 })),
    outside,
    tooShort: episodes.filter((rows) => !isKept(rows)).flat().length,
  };
}

/** Steps in ms, of which the rates and limits are multiples of 4 ns apart, so that floats are exact. */
const request = fc
  .record({
    steps: fc.array(fc.constantFrom(-50, 0, 20, 90, 100, 110, 149, 151, 250, 1000), { maxLength: 40 }),
    keys: fc.array(fc.constantFrom(-1, 0, 0, 0, 1, 2), { minLength: 41, maxLength: 41 }),
    fps: fc.constantFrom(1, 4, 10, 25),
    minNs: fc.option(fc.constantFrom(0, 100, 140, 200, 300, 1000), { nil: undefined }),
    maxNs: fc.option(fc.constantFrom(20, 100, 200, 250, 300, 1000), { nil: undefined }),
    splitAtGapsNs: fc.option(fc.constantFrom(100, 110, 150, 999), { nil: undefined }),
  })
  .map(({ steps, keys, fps, ...limits }): CutRequest => {
    const ns = (ms: number | undefined) => (ms === undefined ? undefined : BigInt(ms) * 1_000_000n);
    const timeNs = [5_000_000_000n];
    for (const step of steps) timeNs.push(timeNs.at(-1)! + BigInt(step) * 1_000_000n);
    return {
      timeNs: BigInt64Array.from(timeNs),
      keys: Int32Array.from(keys.slice(0, timeNs.length)),
      fps,
      minNs: ns(limits.minNs),
      maxNs: ns(limits.maxNs),
      splitAtGapsNs: ns(limits.splitAtGapsNs),
    };
  });

const even = (count: number, more: Partial<CutRequest> = {}): CutRequest => ({
  timeNs: BigInt64Array.from(times(count)),
  keys: new Int32Array(count),
  fps: 10,
  ...more,
});

const lengths = (cut: CutRequest) => cutRows(cut).episodes.map(({ start, end }) => end - start);

describe("cutRows", () => {
  it("cuts as loops over rows do, and every frame is in one episode or counted", () => {
    fc.assert(
      fc.property(request, (cut) => {
        const made = cutRows(cut);
        expect(made).toEqual(naiveCut(cut));
        const inside = made.episodes.reduce((sum, { start, end }) => sum + end - start, 0);
        expect(inside + made.outside + made.tooShort).toBe(cut.timeNs.length);
        for (const [at, { start, end }] of made.episodes.entries()) {
          expect(end).toBeGreaterThan(start);
          expect(start).toBeGreaterThanOrEqual(made.episodes[at - 1]?.end ?? 0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("makes an episode of every frame where the key changes at each", () => {
    expect(lengths(even(5, { keys: Int32Array.from([0, 1, 2, 3, 4]) }))).toEqual([1, 1, 1, 1, 1]);
  });

  it("parts equal keys with frames outside between them", () => {
    expect(cutRows(even(5, { keys: Int32Array.from([0, 0, -1, 0, -1]) }))).toEqual({
      episodes: [
        { start: 0, end: 2 },
        { start: 3, end: 4 },
      ],
      outside: 2,
      tooShort: 0,
    });
  });

  it("makes pieces of whole frames: 1 s at 10 frames a second is 10, with jitter too", () => {
    expect(lengths(even(25, { maxNs: 1_000_000_000n }))).toEqual([10, 10, 5]);
    const jittered = times(40).map((time, i) => time + [0n, 9_000_000n, -9_000_000n, 4_000_000n][i % 4]!);
    expect(lengths(even(40, { timeNs: BigInt64Array.from(jittered), maxNs: 1_000_000_000n }))).toEqual([
      10, 10, 10, 10,
    ]);
    expect(
      lengths(
        even(40, { timeNs: BigInt64Array.from(jittered), maxNs: 1_000_000_000n, minNs: 1_000_000_000n }),
      ),
    ).toEqual([10, 10, 10, 10]);
  });

  it("keeps what lasts min to the nearest frame", () => {
    expect(lengths(even(10, { minNs: 1_000_000_000n }))).toEqual([10]);
    expect(cutRows(even(9, { minNs: 1_000_000_000n }))).toEqual({ episodes: [], outside: 0, tooShort: 9 });
  });

  it("splits at gaps that are longer, not as long", () => {
    const timeNs = BigInt64Array.from([0n, 100n, 200n, 301n, 401n]);
    expect(lengths(even(5, { timeNs, splitAtGapsNs: 100n }))).toEqual([3, 2]);
    expect(lengths(even(5, { timeNs, splitAtGapsNs: 101n }))).toEqual([5]);
  });

  it("cuts where time goes back, and makes nothing of nothing", () => {
    expect(lengths(even(4, { timeNs: BigInt64Array.from([10n, 20n, 5n, 6n]) }))).toEqual([2, 2]);
    expect(cutRows(even(0))).toEqual({ episodes: [], outside: 0, tooShort: 0 });
  });
});
