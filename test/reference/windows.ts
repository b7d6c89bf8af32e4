const FIRST_INSTANT = -(2n ** 63n);

/** The positions of the samples in each window. */
export function windowsTwin(
  frames: readonly bigint[],
  samples: readonly bigint[],
  options: { previous?: bigint | undefined } | { span: bigint },
): number[][] {
  return frames.map((frame, i) => {
    let after: bigint | undefined;
    if ("span" in options)
      after = frame - options.span < FIRST_INSTANT ? FIRST_INSTANT : frame - options.span;
    else after = i > 0 ? frames[i - 1] : options.previous;
    return samples.flatMap((time, k) => (after !== undefined && time > after && time <= frame ? [k] : []));
  });
}

/** The sum of up to 64 values: those at even places, plus those at odd places, plus an odd one out. */
export function shortSumTwin(values: readonly number[]): number {
  const paired = values.length - (values.length % 2);
  let even = 0;
  let odd = 0;
  for (let i = 0; i < paired; i += 2) {
    even += values[i]!;
    odd += values[i + 1]!;
  }
  return paired < values.length ? even + odd + values[paired]! : even + odd;
}
