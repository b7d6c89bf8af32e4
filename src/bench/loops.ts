import { isValid, type Series } from "./series.ts";

/**
 * The loops that one would write without the kernels: plain typed arrays, times as float64 ns after a base near them.
 * An unlimited join passes Infinity, a test that costs next to nothing.
 */

/** The value of the last sample at or before each frame, no older than `tolerance`; the bitmap is written too. */
export function loopBackward(
  frames: Float64Array,
  { relative, values, validity }: Series,
  tolerance: number,
  out: Float64Array,
  bits: Uint8Array,
): void {
  bits.fill(0);
  let at = -1;
  for (let i = 0; i < frames.length; i++) {
    const time = frames[i]!;
    while (at + 1 < relative.length && relative[at + 1]! <= time) at++;
    if (at >= 0 && time - relative[at]! <= tolerance && isValid(validity, at)) {
      out[i] = values[at]!;
      bits[i >> 3]! |= 1 << (i & 7);
    } else out[i] = 0;
  }
}

/** v0 + w * (v1 - v0) between samples no farther apart than `maxGap`; an exact hit is copied. */
export function loopLinear(
  frames: Float64Array,
  { relative, values, validity }: Series,
  maxGap: number,
  out: Float64Array,
  bits: Uint8Array,
): void {
  bits.fill(0);
  let at = -1;
  for (let i = 0; i < frames.length; i++) {
    const time = frames[i]!;
    while (at + 1 < relative.length && relative[at + 1]! <= time) at++;
    out[i] = 0;
    if (at < 0 || !isValid(validity, at)) continue;
    const t0 = relative[at]!;
    const v0 = values[at]!;
    if (time === t0) out[i] = v0;
    else {
      if (at + 1 >= relative.length || !isValid(validity, at + 1)) continue;
      const gap = relative[at + 1]! - t0;
      if (gap > maxGap) continue;
      out[i] = v0 + ((time - t0) / gap) * (values[at + 1]! - v0);
    }
    bits[i >> 3]! |= 1 << (i & 7);
  }
}
