import { formatDuration } from "../time.ts";
import type { Conformance, Deviation } from "./conformance.ts";
import { type Happening, inOrder } from "./order.ts";
import { type Procedure, type ProcedureStep, ranksOf } from "./procedure.ts";

/** Frames in a row with one happening of a step. */
export interface StepRun {
  /** The step's id; null where nothing is done. */
  readonly step: string | null;
  /** Half-open, in frames of the episode. */
  readonly startFrame: number;
  readonly endFrame: number;
  /** How long it took, where that is known: held against the step's `max`. */
  readonly lastedNs?: bigint;
}

/**
 * Holds what was done against a procedure.
 *
 * A happening has at most one deviation beside `too-long`: it is unknown; else forbidden, which says nothing of its
 * place in the order; else as many as can be are in order, with the fewest steps left out, and the others are repeated
 * or out of order. A required step that never happens is skipped where a later one happened in order, else only missing.
 *
 * @param runs in time order; one run a happening of a step
 */
export function conform(procedure: Procedure, runs: readonly StepRun[]): Conformance {
  const ranks = ranksOf(procedure.steps);
  const steps = new Map(procedure.steps.map((step) => [step.id, step]));
  const deviations: Deviation[] = [];
  const deviate = (kind: Deviation["kind"], step: string, frame: number, message: string) =>
    deviations.push({ kind, step, frame, message });
  const happened = new Set<string>();
  const permitted: Happening[] = [];
  const again = new Set<Happening>();
  const seen = new Set<string>();
  for (const { step: id, startFrame: frame, lastedNs = 0n } of runs) {
    if (id === null) continue;
    const step = steps.get(id);
    if (step === undefined) {
      deviate("unknown", id, frame, `"${id}" is no step of the procedure`);
      continue;
    }
    const early = step.forbiddenBefore.filter((other) => !happened.has(other));
    happened.add(id);
    if (early.length > 0) {
      const others = early.map((other) => `"${other}"`).join(" and ");
      deviate("forbidden", id, frame, `step "${id}" came before ${others}, where it is forbidden`);
    } else if (!(step.isRepeatable && seen.has(id))) {
      const happening = { step, rank: ranks.get(id)!, frame };
      permitted.push(happening);
      if (seen.has(id)) again.add(happening);
      seen.add(id);
    }
    if (isTooLong(step, lastedNs)) deviate("too-long", id, frame, tooLongText(step, lastedNs));
  }
  const kept = inOrder(permitted);
  const isKept = new Set(kept);
  for (const happening of permitted) {
    if (isKept.has(happening)) continue;
    const { id } = happening.step;
    if (again.has(happening)) deviate("repeated", id, happening.frame, `step "${id}" was done again`);
    else deviate("out-of-order", id, happening.frame, `step "${id}" came ${placeOf(happening, kept)}`);
  }
  const missing = procedure.steps.filter(({ id, isOptional }) => !isOptional && !happened.has(id));
  for (const { id } of missing) {
    const next = kept.find(({ rank }) => rank > ranks.get(id)!);
    if (next === undefined) continue;
    deviate("skipped", id, next.frame, `step "${id}" was left out before "${next.step.id}"`);
  }
  deviations.sort((a, b) => a.frame - b.frame);
  return {
    procedure: procedure.procedure,
    result: deviations.length > 0 ? "deviated" : missing.length > 0 ? "incomplete" : "followed",
    deviations,
    missing: missing.map(({ id }) => id),
  };
}

/** Where a happening is that is not in order: before a step of a lower rank, or after one of a higher rank. */
function placeOf({ rank, frame }: Happening, kept: readonly Happening[]): string {
  const lower = kept.find((other) => other.rank < rank && other.frame > frame);
  if (lower !== undefined) return `before "${lower.step.id}"`;
  const higher = kept.find((other) => other.rank > rank && other.frame < frame)!;
  return `after "${higher.step.id}"`;
}

function isTooLong({ maxNs }: ProcedureStep, lastedNs: bigint): boolean {
  return maxNs !== undefined && lastedNs > maxNs;
}

function tooLongText({ id, maxNs }: ProcedureStep, lastedNs: bigint): string {
  const toMs = lastedNs - (lastedNs % 1_000_000n);
  return `step "${id}" took ${formatDuration(toMs > maxNs! ? toMs : lastedNs)}, longer than ${formatDuration(maxNs!)}`;
}
