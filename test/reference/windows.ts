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

/** The sum of up to 64 values, in order. */
export function shortSumTwin(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
