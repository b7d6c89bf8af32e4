import { Fourier, powerOfTwo } from "./fourier.ts";

/** Values on a grid; `known[i]` is 0 where there is none, and the value then 0 too. */
export interface Series {
  readonly values: Float64Array;
  readonly known: Uint8Array;
}

/** Below this share of the template's known values an overlap says nothing. */
const LEAST_OVERLAP = 0.5;

/**
 * Pearson's correlation of a template with every stretch of a longer series, over the values that both know:
 * entry k is that of template[i] with series[i + k]; NaN where less than half of the template meets known values,
 * 0 where one of the two does not vary. (Padfield 2012, "Masked object registration in the Fourier domain".)
 */
export class Correlator {
  readonly #fourier: Fourier;
  readonly #work: readonly [Float64Array, Float64Array][];

  constructor(seriesLength: number) {
    this.#fourier = new Fourier(powerOfTwo(seriesLength));
    const { size } = this.#fourier;
    this.#work = [0, 1, 2, 3, 4, 5].map(() => [new Float64Array(size), new Float64Array(size)]);
  }

  correlate(template: Series, series: Series): Float32Array {
    const [f, g, squares, first, second, third] = this.#work as [Pair, Pair, Pair, Pair, Pair, Pair];
    for (const [re, im] of [f, g, squares]) {
      re.fill(0);
      im.fill(0);
    }
    load(template, f, squares[0]);
    load(series, g, squares[1]);
    for (const [re, im] of [f, g, squares]) this.#fourier.transform(re, im);
    this.#multiply(f, g, squares, [first, second, third]);
    for (const [re, im] of [first, second, third]) this.#fourier.inverse(re, im);
    return correlations(template, series, first, second, third);
  }

  /** Spectra of the six sums, two in one: as every sum is real, one is the real and one the imaginary part. */
  #multiply(f: Pair, g: Pair, squares: Pair, [first, second, third]: readonly [Pair, Pair, Pair]): void {
    const { size } = this.#fourier;
    for (let k = 0; k < size; k++) {
      const m = (size - k) & (size - 1);
      const [fv, fk] = parted(f, k, m);
      const [gv, gk] = parted(g, k, m);
      const [ff, gg] = parted(squares, k, m);
      put(first, k, product(fv, gv), product(fk, gk));
      put(second, k, product(fv, gk), product(fk, gv));
      put(third, k, product(ff, gk), product(fk, gg));
    }
  }
}

type Pair = [re: Float64Array, im: Float64Array];
type Complex = readonly [re: number, im: number];

function load({ values, known }: Series, [re, im]: Pair, square: Float64Array): void {
  for (let i = 0; i < values.length; i++) {
    re[i] = values[i]!;
    im[i] = known[i]!;
    square[i] = values[i]! * values[i]!;
  }
}

/** The spectra of the real and of the imaginary part of a series. */
function parted([re, im]: Pair, k: number, m: number): [Complex, Complex] {
  return [
    [(re[k]! + re[m]!) / 2, (im[k]! - im[m]!) / 2],
    [(im[k]! + im[m]!) / 2, (re[m]! - re[k]!) / 2],
  ];
}

/** The conjugate of the first times the second. */
function product([ar, ai]: Complex, [br, bi]: Complex): Complex {
  return [ar * br + ai * bi, ar * bi - ai * br];
}

function put([re, im]: Pair, k: number, [ar, ai]: Complex, [br, bi]: Complex): void {
  re[k] = ar - bi;
  im[k] = ai + br;
}

function correlations(
  template: Series,
  series: Series,
  [crossed, counts]: Pair,
  [ofTemplate, ofSeries]: Pair,
  [templateSquares, seriesSquares]: Pair,
): Float32Array {
  const all = template.known.reduce((sum, known) => sum + known, 0);
  const out = new Float32Array(series.values.length - template.values.length + 1);
  for (let k = 0; k < out.length; k++) {
    const n = Math.round(counts[k]!);
    if (n < 3 || n < LEAST_OVERLAP * all) {
      out[k] = Number.NaN;
      continue;
    }
    const [sf, sg] = [ofTemplate[k]!, ofSeries[k]!];
    const vf = templateSquares[k]! - (sf * sf) / n;
    const vg = seriesSquares[k]! - (sg * sg) / n;
    // What is left of a constant after the transform's rounding does not vary.
    const varies = vf > 1e-9 * n && vg > 1e-9 * n;
    out[k] = varies ? Math.max(-1, Math.min(1, (crossed[k]! - (sf * sg) / n) / Math.sqrt(vf * vg))) : 0;
  }
  return out;
}
