import { AlignError } from "../errors.ts";
import { placeOf, type Readings } from "./evidence.ts";
import { weigh } from "./fit.ts";
import { addQuadratics, chordDrift, INT64_MIN, type Piece, type Quadratic } from "./piece.ts";
import { FEW_INSTANTS, middleOf, priorVariance } from "./prior.ts";
import { robustSigma, studentFactor } from "./statistics.ts";

/** An instant seen on two clocks, and where it was given. */
export interface Mark {
  readonly from: bigint;
  readonly to: bigint;
  readonly sigmaNs: number | undefined;
  readonly readings: Readings;
  readonly row: number;
}

/** The marks of one instant of the source. */
interface Knot {
  readonly from: bigint;
  readonly to: bigint;
  readonly sigmaNs: number | undefined;
  readonly marks: readonly Mark[];
}

/** A map that goes through every mark, its offset straight between them; the end slopes go on outside. */
export function fitPiecewise(marks: readonly Mark[]): Piece[] {
  const knots = mergeMarks(marks);
  requireForward(knots);
  const drifts = knots.slice(1).map((knot, i) => driftBetween(knots[i]!, knot));
  const guess = scatterOfKnots(knots);
  const sigmas = knots.map((knot) => knot.sigmaNs ?? guess);
  return knots.map((knot, i): Piece => {
    const few = knots.length <= FEW_INSTANTS;
    const neighbours = varianceBetween(knots, sigmas, i);
    return {
      since: i === 0 ? INT64_MIN : few ? middleOf(knots[i - 1]!.from, knot.from) : knot.from,
      from: knot.from,
      to: knot.to,
      drift: drifts[i] ?? drifts.at(-1) ?? 0,
      variance: few ? addQuadratics(neighbours, priorVariance) : neighbours,
      boundNs: Number.POSITIVE_INFINITY,
    };
  });
}

/** One knot an instant; the offsets of several marks are averaged by their weights. */
function mergeMarks(marks: readonly Mark[]): Knot[] {
  const groups: Mark[][] = [];
  for (const mark of marks) {
    const group = groups.at(-1);
    if (group?.[0]?.from === mark.from) group.push(mark);
    else groups.push([mark]);
  }
  return groups.map((group) => {
    const { from, to } = group[0]!;
    const given = group.every((mark) => mark.sigmaNs !== undefined);
    const { weights, unit } = weigh(group.map((mark) => (given ? mark.sigmaNs! : 0)));
    let weight = 0;
    let total = 0;
    group.forEach((mark, i) => {
      weight += weights[i]!;
      total += weights[i]! * Number(mark.to - to);
    });
    const sigmaNs = given ? Math.sqrt(unit / weight) : undefined;
    return { from, to: to + BigInt(Math.round(total / weight)), sigmaNs, marks: group };
  });
}

function requireForward(knots: readonly Knot[]): void {
  const position = knots.findIndex((knot, i) => i > 0 && knot.to <= knots[i - 1]!.to);
  if (position > 0) throw backwards(knots[position - 1]!, knots[position]!);
}

function driftBetween(first: Knot, second: Knot): number {
  const drift = chordDrift(first, second);
  if (drift <= -1) throw backwards(first, second);
  return drift;
}

function backwards(first: Knot, second: Knot): AlignError {
  const mark = second.marks[0]!;
  const message =
    `mark ${mark.row} is ${second.from - first.from} ns after the mark before it on the source clock, ` +
    `but ${second.to - first.to} ns after it on the target clock`;
  return new AlignError("CLOCK_CONTRADICTION", message, {
    where: placeOf(mark.readings, mark.row),
    hint: "a target clock cannot stand or run backwards: check this mark and the one before, or choose the model linear",
  });
}

/** Variance of a straight line through two knots, (1-w)^2 s0^2 + w^2 s1^2, around knot i; beyond the last alike. */
function varianceBetween(knots: readonly Knot[], sigmas: readonly number[], i: number): Quadratic {
  const here = sigmas[i]! ** 2;
  const other = knots[i + 1] === undefined ? i - 1 : i + 1;
  if (other < 0) return [here, 0, 0];
  const distance = Number(knots[other]!.from - knots[i]!.from);
  return [here, (-2 * here) / distance, (here + sigmas[other]! ** 2) / distance ** 2];
}

/** One sigma of a knot by how far each lies from the line through its neighbours; 0 of fewer than three. */
function scatterOfKnots(knots: readonly Knot[]): number {
  const deviations = knots.slice(1, -1).map((knot, i) => {
    const before = knots[i]!;
    const after = knots[i + 2]!;
    const share = Number(knot.from - before.from) / Number(after.from - before.from);
    const line = share * Number(offsetOf(after) - offsetOf(before));
    const deviation = Number(offsetOf(knot) - offsetOf(before)) - line;
    return deviation / Math.sqrt(1 + share ** 2 + (1 - share) ** 2);
  });
  return deviations.length === 0 ? 0 : robustSigma(deviations) * studentFactor(deviations.length);
}

function offsetOf({ from, to }: Knot): bigint {
  return to - from;
}
