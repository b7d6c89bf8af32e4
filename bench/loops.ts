import type { Series } from "../src/bench/series.ts";

/** The loops that one would write without the kernels: plain typed arrays, times as float64 ns after a base near them. */

/** Forward: the first sample at or after each frame, or -1. */
export function loopForward(frames: Float64Array, samples: Float64Array, index: Int32Array): void {
  let at = 0;
  for (let i = 0; i < frames.length; i++) {
    const time = frames[i]!;
    while (at < samples.length && samples[at]! < time) at++;
    index[i] = at < samples.length ? at : -1;
  }
}

/** Nearest: of the samples on both sides the nearer one, a tie to the past. */
export function loopNearest(frames: Float64Array, samples: Float64Array, index: Int32Array): void {
  let at = -1;
  for (let i = 0; i < frames.length; i++) {
    const time = frames[i]!;
    while (at + 1 < samples.length && samples[at + 1]! <= time) at++;
    const next = at + 1;
    const isNextNearer = next < samples.length && (at < 0 || samples[next]! - time < time - samples[at]!);
    index[i] = isNextNearer ? next : at;
  }
}

/** The sum of the samples in (frame - span, frame] from the first of them to the last; null where there are none. */
export function loopWindowSum(
  frames: Float64Array,
  { relative, values }: Series,
  span: number,
  out: Float64Array,
  bits: Uint8Array,
): void {
  bits.fill(0);
  let lo = 0;
  let hi = 0;
  for (let i = 0; i < frames.length; i++) {
    const time = frames[i]!;
    while (hi < relative.length && relative[hi]! <= time) hi++;
    while (lo < hi && relative[lo]! <= time - span) lo++;
    let sum = 0;
    for (let k = lo; k < hi; k++) sum += values[k]!;
    out[i] = sum;
    if (hi > lo) bits[i >> 3]! |= 1 << (i & 7);
  }
}

/** An affine clock map on int64 instants, which plain JavaScript has no other exact way to compute. */
export function loopMap(
  times: BigInt64Array,
  out: BigInt64Array,
  { from, to, drift }: { from: bigint; to: bigint; drift: number },
): void {
  for (let i = 0; i < times.length; i++) {
    const d = times[i]! - from;
    out[i] = to + d + BigInt(Math.round(Number(d) * drift));
  }
}
