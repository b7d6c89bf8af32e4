/** The value below which a share of the values lies, between neighbours by a straight line; 0 of none. */
export function quantile(values: ArrayLike<number>, share: number): number {
  return quantileOfSorted(Float64Array.from(values).sort(), share);
}

export function quantileOfSorted(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return 0;
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below]!;
  return low + (place - below) * ((sorted[below + 1] ?? low) - low);
}

/** The median; sorts its input in place. 0 of none. */
export function medianInPlace(values: Float64Array): number {
  return quantileOfSorted(values.sort(), 0.5);
}

/** One sigma from deviations that may hold outliers: 1.4826 times the median of their sizes. */
export function robustSigma(deviations: ArrayLike<number>): number {
  const sizes = Float64Array.from(deviations);
  for (let i = 0; i < sizes.length; i++) sizes[i] = Math.abs(sizes[i]!);
  return 1.4826 * medianInPlace(sizes);
}

/**
 * How much wider a sigma that was itself estimated from few residuals must be, so that 2 sigma still hold 95 %.
 *
 * The quotient of the 97.5 % points of Student's t and of the normal distribution: exact for 1 and 2 degrees of
 * freedom, else the expansion of Abramowitz and Stegun 26.7.5, which is within 0.2 % from 3 on.
 */
export function studentFactor(degrees: number): number {
  const z = 1.959963984540054;
  if (degrees === 1) return 12.706204736174694 / z;
  if (degrees === 2) return 4.302652729749462 / z;
  const z2 = z * z;
  const terms = [
    (z2 + 1) / 4,
    ((5 * z2 + 16) * z2 + 3) / 96,
    (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384,
    ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160,
  ];
  return terms.reduce((sum, term, i) => sum + term / degrees ** (i + 1), 1);
}
