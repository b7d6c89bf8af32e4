import type { Conformance, Deviation } from "./conformance.ts";
import type { Procedure, ProcedureStep } from "./procedure.ts";

/** Frames in a row with one happening of a step. */
export interface StepRun {
  /** The step's id; null where nothing is done. */
  readonly step: string | null;
  readonly startFrame: number;
  readonly endFrame: number;
}

/** A step that happened for the first time. */
interface First {
  readonly step: ProcedureStep;
  /** Place in the procedure; steps of one group share theirs. */
  readonly rank: number;
  readonly frame: number;
  /** Told as forbidden already, so that its place needs no second word. */
  readonly isForbidden: boolean;
}

/**
 * Holds what was done against a procedure.
 *
 * The order is judged by the first happening of each step: as few steps as possible are out of order, and of equal
 * explanations the one that blames the earlier steps. A step that is repeated is judged by whether it may be.
 *
 * @param runs in time order; one run a happening of a step
 */
export function conform(procedure: Procedure, runs: readonly StepRun[]): Conformance {
  const ranks = ranksOf(procedure);
  const steps = new Map(procedure.steps.map((step) => [step.id, step]));
  const deviations: Deviation[] = [];
  const firsts: First[] = [];
  const happened = new Set<string>();
  for (const { step: id, startFrame: frame } of runs) {
    if (id === null) continue;
    const step = steps.get(id);
    if (step === undefined) {
      deviations.push({ kind: "unknown", step: id, frame, message: `"${id}" is no step of the procedure` });
      continue;
    }
    const early = step.forbiddenBefore.filter((other) => !happened.has(other));
    if (early.length > 0)
      deviations.push({ kind: "forbidden", step: id, frame, message: forbiddenText(id, early) });
    if (!happened.has(id))
      firsts.push({ step, rank: ranks.get(id) as number, frame, isForbidden: early.length > 0 });
    else if (!step.isRepeatable)
      deviations.push({ kind: "repeated", step: id, frame, message: `step "${id}" was done again` });
    happened.add(id);
  }
  const kept = inOrder(firsts);
  deviations.push(...outOfOrder(firsts, kept));
  const missing = procedure.steps.filter(({ id, isOptional }) => !isOptional && !happened.has(id));
  const last = Math.max(-1, ...kept.map(({ rank }) => rank));
  for (const { id } of missing) {
    const rank = ranks.get(id) as number;
    const next = kept.find((first) => first.rank > rank);
    if (rank >= last || next === undefined) continue;
    const message = `step "${id}" was left out before "${next.step.id}"`;
    deviations.push({ kind: "skipped", step: id, frame: next.frame, message });
  }
  deviations.sort((a, b) => a.frame - b.frame);
  const result = deviations.length > 0 ? "deviated" : missing.length > 0 ? "incomplete" : "followed";
  return { procedure: procedure.procedure, result, deviations, missing: missing.map(({ id }) => id) };
}

/** Place of each step in the order; a group has one place. */
function ranksOf({ steps }: Procedure): Map<string, number> {
  const ranks = new Map<string, number>();
  let rank = -1;
  for (const [at, { id, group }] of steps.entries()) {
    if (group === undefined || steps[at - 1]?.group !== group) rank += 1;
    ranks.set(id, rank);
  }
  return ranks;
}

/** The longest choice of steps whose ranks never fall; a forbidden one counts for nothing. Of equal ones the latest. */
function inOrder(firsts: readonly First[]): First[] {
  const best: { length: number; next: number }[] = [];
  let start = -1;
  for (let at = firsts.length - 1; at >= 0; at -= 1) {
    const { rank, isForbidden } = firsts[at] as First;
    let next = -1;
    for (let other = firsts.length - 1; other > at; other -= 1) {
      const isLonger = (best[other]?.length ?? 0) > (next === -1 ? 0 : (best[next]?.length ?? 0));
      if ((firsts[other] as First).rank >= rank && (next === -1 || isLonger)) next = other;
    }
    best[at] = { length: (isForbidden ? 0 : 1) + (next === -1 ? 0 : (best[next]?.length ?? 0)), next };
    if (start === -1 || (best[at]?.length ?? 0) > (best[start]?.length ?? 0)) start = at;
  }
  const kept: First[] = [];
  for (let at = start; at !== -1; at = best[at]?.next ?? -1) kept.push(firsts[at] as First);
  return kept;
}

function outOfOrder(firsts: readonly First[], kept: readonly First[]): Deviation[] {
  return firsts
    .filter((first) => !kept.includes(first) && !first.isForbidden)
    .map(({ step: { id }, rank, frame }) => {
      const earlier = kept.find((other) => other.frame > frame && other.rank < rank);
      const later = kept.find((other) => other.frame < frame && other.rank > rank);
      const place = earlier === undefined ? `after "${later?.step.id}"` : `before "${earlier.step.id}"`;
      return { kind: "out-of-order", step: id, frame, message: `step "${id}" came ${place}` };
    });
}

function forbiddenText(id: string, early: readonly string[]): string {
  return `step "${id}" came before ${early.map((other) => `"${other}"`).join(" and ")}, where it is forbidden`;
}
