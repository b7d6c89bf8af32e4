/** How many of the lowest residuals of a window tell where its floor is. */
export const LOWEST = 48;

const GRID = 48;
const LOG_FROM = Math.log(1e-3);
const LOG_STEP = (Math.log(40) - LOG_FROM) / (GRID - 1);

/** What the lowest residuals of one window say of every place of the floor, but for the shape of the tail. */
export interface Profile {
  /** The lowest residual, and how far the highest of the lowest lies above it; s. */
  readonly first: number;
  readonly width: number;
  readonly count: number;
  /** For a floor at first - width * g, g on a geometric grid: sums of logarithms. */
  readonly shares: Float64Array;
  readonly reaches: Float64Array;
}

/** Where the floor of a window is: mean and variance, s and s^2, and the log evidence of the shape. */
export interface Floor {
  readonly offset: number;
  readonly variance: number;
  readonly evidence: number;
}

/** Profile of a window by its lowest residuals in ascending order. */
export function profileOf(lowest: Float64Array, count: number): Profile {
  const first = lowest[0]!;
  const width = lowest[count - 1]! - first;
  const shares = new Float64Array(GRID);
  const reaches = new Float64Array(GRID);
  for (let g = 0; g < GRID; g++) {
    const below = Math.exp(LOG_FROM + g * LOG_STEP);
    const whole = 1 + below;
    let product = 1;
    for (let j = 0; j < count - 1; j++) product *= ((lowest[j]! - first) / width + below) / whole;
    shares[g] = Math.log(product);
    reaches[g] = Math.log(whole);
  }
  return { first, width, count, shares, reaches };
}

const weights = new Float64Array(GRID);

export function floorOf({ first, width, count, shares, reaches }: Profile, shape: number): Floor {
  let top = Number.NEGATIVE_INFINITY;
  for (let g = 0; g < GRID; g++) {
    const weight = (shape - 1) * shares[g]! - count * reaches[g]! + LOG_FROM + g * LOG_STEP;
    weights[g] = weight;
    if (weight > top) top = weight;
  }
  let total = 0;
  let mean = 0;
  let square = 0;
  for (let g = 0; g < GRID; g++) {
    const weight = Math.exp(weights[g]! - top);
    const below = Math.exp(LOG_FROM + g * LOG_STEP);
    total += weight;
    mean += weight * below;
    square += weight * below * below;
  }
  mean /= total;
  return {
    offset: first - width * mean,
    variance: width * width * (square / total - mean * mean),
    evidence: Math.log(total) + top + (count - 1) * Math.log(shape),
  };
}
