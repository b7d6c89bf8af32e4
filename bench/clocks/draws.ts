/**
 * Seeded draws, the same on every machine.
 *
 * Numbers come from sfc32 (Doty-Humphrey's small fast counter: 96 bits of state and a 32-bit counter), two outputs
 * making 53 bits. Another generator gives the same figures statistically, not draw by draw.
 */
export class Draws {
  readonly #state: Uint32Array;
  #spare = Number.NaN;

  constructor(seed: number) {
    this.#state = Uint32Array.of(seed, 0x9e3779b9, 0x243f6a88, 1);
    for (let i = 0; i < 16; i++) this.#next();
  }

  #next(): number {
    const s = this.#state;
    const out = (s[0]! + s[1]! + s[3]!) >>> 0;
    s[3]! += 1;
    s[0] = s[1]! ^ (s[1]! >>> 9);
    s[1] = s[2]! + (s[2]! << 3);
    s[2] = ((s[2]! << 21) | (s[2]! >>> 11)) + out;
    return out;
  }

  /** In [low, high). */
  uniform(low = 0, high = 1): number {
    const share = ((this.#next() >>> 5) * 2 ** 26 + (this.#next() >>> 6)) / 2 ** 53;
    return low + (high - low) * share;
  }

  chance(share: number): boolean {
    return this.uniform() < share;
  }

  /** Box and Muller. */
  normal(sigma: number): number {
    if (!Number.isNaN(this.#spare)) {
      const spare = this.#spare;
      this.#spare = Number.NaN;
      return sigma * spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return sigma * radius * Math.cos(angle);
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform());
  }

  /** Of a whole shape: that many exponentials in a row. */
  gamma(shape: number, scale: number): number {
    let sum = 0;
    for (let i = 0; i < shape; i++) sum += this.exponential(scale);
    return sum;
  }

  lognormal(median: number, sigma: number): number {
    return median * Math.exp(this.normal(sigma));
  }

  /** What exceeds `least` of a Pareto distribution: without a variance below a shape of 2, without a mean below 1. */
  paretoExcess(least: number, shape: number): number {
    return least * ((1 - this.uniform()) ** (-1 / shape) - 1);
  }
}
