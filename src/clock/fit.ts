import { AlignError } from "../errors.ts";
import type { Constant } from "./evidence.ts";
import { INT64_MIN, type Piece } from "./piece.ts";
import { studentFactor } from "./statistics.ts";

/** Instants are integers of ns, so no evidence is better than this. */
const FINEST_SIGMA_NS = 1;

/** Asserted offsets with a sigma each, ns: the given one, else how the assertions scatter. */
export function sigmasOf(constants: readonly Constant[]): number[] {
  requireAgreement(constants);
  const base = constants[0]?.offset ?? 0n;
  const scatter = scatterOf(constants.map(({ offset }) => Number(offset - base)));
  return constants.map(({ sigmaNs }) => sigmaNs ?? scatter);
}

/** Two assertions of one offset must agree within 3 sigma of both and 1000 ns, as two maps must. */
function requireAgreement(constants: readonly Constant[]): void {
  for (const [i, one] of constants.entries()) {
    for (const other of constants.slice(0, i)) {
      if (one.sigmaNs === undefined || other.sigmaNs === undefined) continue;
      const difference = Math.abs(Number(one.offset - other.offset));
      if (difference <= 3 * Math.hypot(one.sigmaNs, other.sigmaNs) + 1000) continue;
      throw new AlignError(
        "CLOCK_CONTRADICTION",
        `two constant offsets differ by ${difference} ns, more than their uncertainties allow`,
        {
          hint: "check the sign and unit of each offset (target minus source), or give the wrong one a larger uncertainty",
        },
      );
    }
  }
}

/** The inverse-variance weighted mean of asserted offsets, for all time, and what each leaves, ns. */
export function fitAssertions(constants: readonly Constant[]): { piece: Piece; residualsNs: number[] } {
  const sigmas = sigmasOf(constants);
  const base = constants[0]!.offset;
  const offsets = constants.map(({ offset }) => Number(offset - base));
  const { weights, unit } = weigh(sigmas);
  const weight = sum(weights);
  const mean = sum(offsets.map((offset, i) => weights[i]! * offset)) / weight;
  const piece: Piece = {
    since: INT64_MIN,
    from: 0n,
    to: base + BigInt(Math.round(mean)),
    drift: 0,
    variance: [unit / weight, 0, 0],
    boundNs: Number.POSITIVE_INFINITY,
  };
  return { piece, residualsNs: offsets.map((offset) => offset - mean) };
}

/** Weights relative to the best sigma, and the variance of weight 1; that is 0 where all sigmas are. */
export function weigh(sigmas: readonly number[]): { weights: number[]; unit: number } {
  const floored = sigmas.map((sigma) => Math.max(sigma, FINEST_SIGMA_NS));
  const best = floored.reduce((least, sigma) => Math.min(least, sigma), Number.POSITIVE_INFINITY);
  const certain = sigmas.every((sigma) => sigma === 0);
  return { weights: floored.map((sigma) => (best / sigma) ** 2), unit: certain ? 0 : best ** 2 };
}

/** One sigma of values about their mean; 0 of a single value. */
function scatterOf(values: readonly number[]): number {
  const degrees = values.length - 1;
  if (degrees < 1) return 0;
  const mean = sum(values) / values.length;
  return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / degrees) * studentFactor(degrees);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
