import type { Procedure, StepRun } from "../../src/procedure/index.ts";

/** The least that can be said against what was done: how many deviations of each kind. */
export interface Least {
  readonly unknown: number;
  readonly forbidden: number;
  /** Repeated or out of order. */
  readonly misplaced: number;
  readonly skipped: number;
}

/** Tries every choice of the happenings that are taken to be in order. */
export function leastDeviations({ steps }: Procedure, runs: readonly StepRun[]): Least {
  const rankOf = (id: string) => {
    const at = steps.findIndex((step) => step.id === id);
    let first = at;
    while (first > 0 && steps[at]!.group !== undefined && steps[first - 1]!.group === steps[at]!.group)
      first -= 1;
    return first;
  };
  const done = runs.flatMap(({ step }) => step ?? []);
  const known = done.filter((id) => steps.some((step) => step.id === id));
  const isForbidden = (at: number) =>
    steps
      .find(({ id }) => id === known[at])!
      .forbiddenBefore.some((other) => !known.slice(0, at).includes(other));
  const permitted = known.filter((_, at) => !isForbidden(at));
  const counted = permitted.filter(
    (id, at) => !(steps.find((step) => step.id === id)!.isRepeatable && permitted.indexOf(id) < at),
  );
  const missing = steps.filter(({ id, isOptional }) => !isOptional && !known.includes(id));
  let best = { misplaced: Number.POSITIVE_INFINITY, skipped: 0 };
  for (let choice = 0; choice < 2 ** counted.length; choice += 1) {
    const kept = counted.filter((_, at) => (choice >> at) & 1);
    if (new Set(kept).size < kept.length) continue;
    if (kept.some((id, at) => at > 0 && rankOf(kept[at - 1]!) > rankOf(id))) continue;
    const last = Math.max(-1, ...kept.map(rankOf));
    const misplaced = counted.length - kept.length;
    const skipped = missing.filter(({ id }) => rankOf(id) < last).length;
    if (misplaced < best.misplaced || (misplaced === best.misplaced && skipped < best.skipped))
      best = { misplaced, skipped };
  }
  return { unknown: done.length - known.length, forbidden: known.length - permitted.length, ...best };
}
