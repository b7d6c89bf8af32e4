import { AlignError } from "../errors.ts";
import { type Mark, type Observations, placeOf } from "./evidence.ts";
import { INT64_MIN, type Piece } from "./piece.ts";
import { FEW_INSTANTS, growFrom } from "./prior.ts";
import { studentFactor } from "./statistics.ts";

/** The pieces of a fit, and evidence minus map of all that was used, in ns. */
export interface Fit {
  readonly pieces: readonly Piece[];
  readonly residualsNs: readonly number[];
}

/** Instants are integers of ns, so no evidence is better than this. */
const FINEST_SIGMA_NS = 1;

/** Two assertions of one offset must agree within 3 sigma of both and 1000 ns, as two maps must. */
function requireAgreement(constants: Observations["constants"]): void {
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

/** The inverse-variance weighted mean of all offsets. */
export function fitConstant({ marks, constants }: Omit<Observations, "rejected">): Fit {
  const base = marks[0] === undefined ? constants[0]!.offset : offsetOf(marks[0]);
  const markOffsets = marks.map((mark) => Number(offsetOf(mark) - base));
  const constantOffsets = constants.map((constant) => Number(constant.offset - base));
  const offsets = [...markOffsets, ...constantOffsets];
  const sigmas = [
    ...fillSigmas(marks, scatterOf(markOffsets)),
    ...fillSigmas(constants, scatterOf(constantOffsets)),
  ];
  requireAgreement(constants);
  const { weights, unit } = weigh(sigmas);
  const weight = sum(weights);
  const mean = sum(offsets.map((offset, i) => weights[i]! * offset)) / weight;
  const from = marks[0]?.from ?? 0n;
  const line: Omit<Piece, "since"> = {
    from,
    to: from + base + BigInt(Math.round(mean)),
    drift: 0,
    variance: [unit / weight, 0, 0],
    boundNs: Number.POSITIVE_INFINITY,
  };
  return { pieces: placeLine(marks, line), residualsNs: offsets.map((offset) => offset - mean) };
}

/**
 * Weighted least squares of the offset on source time, centred on the weighted mean time.
 *
 * Base times and offsets are taken off as integers; only differences are ever float64.
 */
export function fitLinear({ marks, constants }: Observations): Fit {
  if (marks.length === 0) {
    throw new AlignError("CLOCK_TOO_LITTLE_EVIDENCE", "a linear map needs marks", {
      hint: "add marks, or choose the model constant",
    });
  }
  // One instant tells no slope; the drift prior then widens sigma with the distance from it.
  if (instantsOf(marks).length < 2) return fitConstant({ marks, constants });
  const base = { from: marks[0]!.from, offset: offsetOf(marks[0]!) };
  const times = marks.map((mark) => Number(mark.from - base.from));
  const offsets = marks.map((mark) => Number(offsetOf(mark) - base.offset));
  const constantOffsets = constants.map((constant) => Number(constant.offset - base.offset));
  const { weights, unit } = weigh([
    ...fillSigmas(marks, residualSigma(marks, times, offsets)),
    ...fillSigmas(constants, scatterOf(constantOffsets)),
  ]);
  const line = leastSquares(times, offsets, weights, constantOffsets);
  if (line.slope <= -1) {
    throw new AlignError("CLOCK_CONTRADICTION", "by the marks the target clock runs backwards", {
      where: placeOf(marks.at(-1)!),
      hint: "check which column is the source's and which the target's, and their units",
    });
  }
  const center = Math.round(line.center);
  const from = base.from + BigInt(center);
  const offset = BigInt(Math.round(line.offset + line.slope * (center - line.center)));
  const piece: Omit<Piece, "since"> = {
    from,
    to: from + base.offset + offset,
    drift: line.slope,
    variance: [unit / line.weight, 0, unit / line.spread],
    boundNs: Number.POSITIVE_INFINITY,
  };
  const valueAt = (time: number) => line.offset + line.slope * (time - line.center);
  return {
    pieces: placeLine(marks, piece),
    residualsNs: [
      ...offsets.map((value, i) => value - valueAt(times[i]!)),
      ...constantOffsets.map((value) => value - line.offset),
    ],
  };
}

export function offsetOf({ from, to }: { from: bigint; to: bigint }): bigint {
  return to - from;
}

/** The distinct source times of the marks, ascending. */
function instantsOf(marks: readonly Mark[]): bigint[] {
  return marks.map((mark) => mark.from).filter((time, i, all) => time !== all[i - 1]);
}

/** Weights relative to the best sigma, and the variance of weight 1; that is 0 where all sigmas are. */
export function weigh(sigmas: readonly number[]): { weights: number[]; unit: number } {
  const floored = sigmas.map((sigma) => Math.max(sigma, FINEST_SIGMA_NS));
  const best = floored.reduce((least, sigma) => Math.min(least, sigma), Number.POSITIVE_INFINITY);
  const certain = sigmas.every((sigma) => sigma === 0);
  return { weights: floored.map((sigma) => (best / sigma) ** 2), unit: certain ? 0 : best ** 2 };
}

function placeLine(marks: readonly Mark[], line: Omit<Piece, "since">): Piece[] {
  const instants = instantsOf(marks);
  const few = instants.length > 0 && instants.length <= FEW_INSTANTS;
  return few ? growFrom(instants, line) : [{ ...line, since: INT64_MIN }];
}

function leastSquares(
  times: readonly number[],
  offsets: readonly number[],
  weights: readonly number[],
  constantOffsets: readonly number[] = [],
) {
  const markWeight = sum(times.map((_, i) => weights[i]!));
  const center = sum(times.map((time, i) => weights[i]! * time)) / markWeight;
  const spread = sum(times.map((time, i) => weights[i]! * (time - center) ** 2));
  const slope = sum(times.map((time, i) => weights[i]! * (time - center) * offsets[i]!)) / spread;
  const weight = sum(weights);
  const offset = sum([...offsets, ...constantOffsets].map((value, i) => weights[i]! * value)) / weight;
  return { center, spread, slope, weight, offset };
}

/** One sigma of the marks without uncertainty from their residuals about the unweighted line; 0 of two marks. */
function residualSigma(marks: readonly Mark[], times: readonly number[], offsets: readonly number[]): number {
  const degrees = marks.length - 2;
  const blank = marks.flatMap((mark, i) => (mark.sigmaNs === undefined ? [i] : []));
  if (degrees === 0 || blank.length === 0) return 0;
  const ones = times.map(() => 1);
  const line = leastSquares(times, offsets, ones);
  const square = sum(
    blank.map((i) => (offsets[i]! - line.offset - line.slope * (times[i]! - line.center)) ** 2),
  );
  return Math.sqrt(((square / blank.length) * marks.length) / degrees) * studentFactor(degrees);
}

/** One sigma of values about their mean; 0 of a single value. */
function scatterOf(values: readonly number[]): number {
  const degrees = values.length - 1;
  if (degrees < 1) return 0;
  const mean = sum(values) / values.length;
  return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / degrees) * studentFactor(degrees);
}

function fillSigmas(entries: readonly { sigmaNs: number | undefined }[], sigmaNs: number): number[] {
  return entries.map((entry) => entry.sigmaNs ?? sigmaNs);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
