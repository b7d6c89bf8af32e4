import { isValid } from "./series.ts";

/** A value for each frame, 0 under a bit of 0. */
export interface Joined {
  values: Float64Array;
  /** Arrow bitmap. */
  validity: Uint8Array;
}

/**
 * Holds a rival's values of each tag against ours.
 *
 * @param found NaN where the rival has none; only its first tags may be there
 * @param relative how far two values may differ, as a share of the value or of 1 where that is more
 * @throws Error at the first value that differs, and where there is no value at all
 */
export function requireSame(
  rival: string,
  ours: readonly Joined[],
  found: readonly Float64Array[],
  relative: number,
): void {
  let filled = 0;
  for (const [tag, theirs] of found.entries()) {
    const { values, validity } = ours[tag]!;
    if (theirs.length !== values.length)
      throw new Error(`${rival} gives ${theirs.length} values of tag ${tag}, not ${values.length}`);
    for (let i = 0; i < values.length; i++) {
      const value = isValid(validity, i) ? values[i]! : Number.NaN;
      const other = theirs[i]!;
      if (!Number.isNaN(value)) filled++;
      if (Object.is(value, other)) continue;
      if (Math.abs(value - other) <= relative * Math.max(1, Math.abs(value))) continue;
      throw new Error(`tag ${tag}, frame ${i}: ${rival} gives ${other}, tagalign ${value}`);
    }
  }
  if (filled === 0) throw new Error(`${rival}: no frame has a value`);
}

/** NaN under the bits that are 0. */
export function nanWhereNull({ values, validity }: Joined): Float64Array {
  return values.map((value, i) => (isValid(validity, i) ? value : Number.NaN));
}
