/**
 * Fast Fourier transform of complex series whose length is a power of two: Cooley and Tukey, radix 2, in place.
 *
 * transform: X[k] = sum x[j] exp(-2 pi i j k / n); `inverse` undoes it, division by n included.
 */
export class Fourier {
  readonly size: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #reversed: Uint32Array;

  /** `size` is a power of two, at least 2. */
  constructor(size: number) {
    this.size = size;
    const half = size / 2;
    this.#cos = Float64Array.from({ length: half }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.#sin = Float64Array.from({ length: half }, (_, k) => Math.sin((2 * Math.PI * k) / size));
    this.#reversed = new Uint32Array(size);
    for (let i = 1; i < size; i++) this.#reversed[i] = (this.#reversed[i >> 1]! >> 1) | ((i & 1) * half);
  }

  transform(re: Float64Array, im: Float64Array): void {
    this.#run(re, im, -1);
  }

  inverse(re: Float64Array, im: Float64Array): void {
    this.#run(re, im, 1);
    for (let i = 0; i < this.size; i++) {
      re[i]! /= this.size;
      im[i]! /= this.size;
    }
  }

  #run(re: Float64Array, im: Float64Array, sign: 1 | -1): void {
    const n = this.size;
    for (let i = 0; i < n; i++) {
      const j = this.#reversed[i]!;
      if (j <= i) continue;
      [re[i], re[j]] = [re[j]!, re[i]!];
      [im[i], im[j]] = [im[j]!, im[i]!];
    }
    for (let length = 2; length <= n; length *= 2) {
      const half = length / 2;
      const stride = n / length;
      for (let k = 0; k < half; k++) {
        const wr = this.#cos[k * stride]!;
        const wi = sign * this.#sin[k * stride]!;
        for (let i = k; i < n; i += length) {
          const j = i + half;
          const xr = re[j]! * wr - im[j]! * wi;
          const xi = re[j]! * wi + im[j]! * wr;
          re[j] = re[i]! - xr;
          im[j] = im[i]! - xi;
          re[i]! += xr;
          im[i]! += xi;
        }
      }
    }
  }
}

/** The smallest power of two that is not below a length, at least 2. */
export function powerOfTwo(length: number): number {
  let size = 2;
  while (size < length) size *= 2;
  return size;
}
