/**
 * The loops that one would write without the kernels: plain typed arrays, times as float64 ns after a base near them.
 *
 * They have no tolerance test on the index of unlimited joins and no padding to fill, so they do a little less work.
 */

/** Backward: the last sample at or before each frame, or -1. */
export function loopBackward(frames: Float64Array, samples: Float64Array, index: Int32Array): void {
  let at = -1;
  for (let i = 0; i < frames.length; i++) {
    const time = frames[i]!;
    while (at + 1 < samples.length && samples[at + 1]! <= time) at++;
    index[i] = at;
  }
}

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

export interface LoopSamples {
  relative: Float64Array;
  values: Float64Array;
  validity?: Uint8Array;
}

/** The value of the last sample at or before each frame, no older than `tolerance`; the bitmap is written too. */
export function loopHold(
  frames: Float64Array,
  { relative, values, validity }: LoopSamples,
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

/** The straight line between the samples around each frame, at most `maxGap` apart; the bitmap is written too. */
export function loopLinear(
  frames: Float64Array,
  { relative, values, validity }: LoopSamples,
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
    const [t0, v0] = [relative[at]!, values[at]!];
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

export function loopGather(
  values: Float64Array,
  index: Int32Array,
  out: Float64Array,
  bits: Uint8Array,
): void {
  bits.fill(0);
  for (let i = 0; i < index.length; i++) {
    const at = index[i]!;
    if (at >= 0) {
      out[i] = values[at]!;
      bits[i >> 3]! |= 1 << (i & 7);
    } else out[i] = 0;
  }
}

/** The sum of the samples in (frame - span, frame] from the first of them to the last; null where there are none. */
export function loopWindowSum(
  frames: Float64Array,
  { relative, values }: LoopSamples,
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

function isValid(validity: Uint8Array | undefined, at: number): boolean {
  return validity === undefined || ((validity[at >> 3]! >> (at & 7)) & 1) === 1;
}
