import * as fc from "fast-check";

export const FIRST_INSTANT = -(2n ** 63n);
export const LAST_INSTANT = 2n ** 63n - 1n;

/** Instants that are near one another, at the ends of int64, or anywhere. */
export const instant: fc.Arbitrary<bigint> = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt(-20n, 20n) },
  { weight: 1, arbitrary: fc.bigInt(0n, 3n).map((n) => LAST_INSTANT - n) },
  { weight: 1, arbitrary: fc.bigInt(0n, 3n).map((n) => FIRST_INSTANT + n) },
  { weight: 1, arbitrary: fc.bigInt(FIRST_INSTANT, LAST_INSTANT) },
);

const byTime = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/** Ascending instants, equal ones among them. */
export const ascending = (maxLength = 17): fc.Arbitrary<bigint[]> =>
  fc.array(instant, { maxLength }).map((times) => times.toSorted(byTime));

/** Ascending instants, no two equal. */
export const distinct = (maxLength = 17): fc.Arbitrary<bigint[]> =>
  fc.uniqueArray(instant, { maxLength }).map((times) => times.toSorted(byTime));

export const distance: fc.Arbitrary<bigint | undefined> = fc.option(
  fc.oneof(
    { weight: 4, arbitrary: fc.bigInt(0n, 25n) },
    { weight: 1, arbitrary: fc.bigInt(0n, 2n ** 64n + 1n) },
  ),
  { nil: undefined },
);

/** Float values, the special ones among them. */
export const float: fc.Arbitrary<number> = fc.double();

/** Good, uncertain and bad StatusCodes. */
export const statusCode: fc.Arbitrary<number> = fc.constantFrom(
  0,
  0x00000402,
  0x40a40000,
  0x809b0000,
  0xc0000000,
);

/** A repeatable stream of numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}
