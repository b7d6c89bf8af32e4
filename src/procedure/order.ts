import type { ProcedureStep } from "./procedure.ts";

/** A step that was done when it may be. */
export interface Happening {
  readonly step: ProcedureStep;
  /** Place in the order; steps of one group share theirs. */
  readonly rank: number;
  readonly frame: number;
}

/**
 * The happenings that are in order: as many as can be, each step once, ranks never falling. Of equal choices one that
 * ends with the lowest rank, so that the fewest steps are left out before it, and that leaves out the earliest ones;
 * of several happenings of a step in its place it is the first.
 *
 * @returns in time order
 */
export function inOrder(happenings: readonly Happening[]): readonly Happening[] {
  const most = mostInOrder(happenings);
  let end = happenings.length;
  const steps: Set<ProcedureStep>[] = [];
  for (let rank = most.length - 2; rank >= 0; rank -= 1) {
    const within = stepsOf(happenings, rank, end, most[rank]!, most[rank + 1]![end]!);
    steps[rank] = within.steps;
    end = within.start;
  }
  const kept: Happening[] = [];
  let after = 0;
  for (const own of steps) {
    for (let at = after; at < happenings.length && own.size > 0; at += 1) {
      const happening = happenings[at]!;
      if (!own.delete(happening.step)) continue;
      kept.push(happening);
      after = at + 1;
    }
  }
  return kept;
}

/** How many happenings can be in order: cell [r][t] of those with ranks below r, among the first t. */
function mostInOrder(happenings: readonly Happening[]): readonly Int32Array[] {
  const count = happenings.length;
  const ranks = happenings.reduce((most, { rank }) => Math.max(most, rank + 1), 0);
  const places: number[][] = Array.from({ length: ranks }, () => []);
  for (const [at, { rank }] of happenings.entries()) places[rank]!.push(at);
  const most = [new Int32Array(count + 1)];
  for (const own of places) {
    const before = most.at(-1)!;
    const cells = before.slice();
    // Where each step of the rank comes next, the nearest first.
    let next: number[] = [];
    for (const start of own.reverse()) {
      const { step } = happenings[start]!;
      next = [start, ...next.filter((at) => happenings[at]!.step !== step)];
      for (const [more, at] of next.entries())
        cells[at + 1] = Math.max(cells[at + 1]!, before[start]! + more + 1);
    }
    for (let t = 1; t <= count; t += 1) cells[t] = Math.max(cells[t]!, cells[t - 1]!);
    most.push(cells);
  }
  return most;
}

/** The latest start from which the steps of a rank, up to `end`, add up to `total` with those of lower ranks before. */
function stepsOf(
  happenings: readonly Happening[],
  rank: number,
  end: number,
  before: Int32Array,
  total: number,
): { readonly steps: Set<ProcedureStep>; readonly start: number } {
  const steps = new Set<ProcedureStep>();
  let start = end;
  while (before[start]! + steps.size < total) {
    start -= 1;
    const happening = happenings[start]!;
    if (happening.rank === rank) steps.add(happening.step);
  }
  return { steps, start };
}
