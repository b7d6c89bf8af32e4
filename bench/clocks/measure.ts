import { estimateClockMap } from "../../src/clock/index.ts";
import { pyxdfOffsets } from "../peers/clocks.ts";
import { baselines } from "./baselines.ts";
import { type Case, evidenceOf } from "./case.ts";
import { firstSeed, type Scenario } from "./catalogue.ts";
import { type Errors, errorsOf, pool, scoreMap } from "./score.ts";

/** What one scenario showed over its seeds. */
interface Scored {
  name: string;
  group: string;
  seeds: number;
  errors: Errors;
  /** Share of errors within 2 sigma. */
  coverage: number;
  steps: { found: number; missed: number; invented: number; offBySeconds: number };
  /** Queries beyond the hard bound, of so many that have one. */
  bound: { beyond: number; of: number };
  /** CPU time of one fit. */
  cpuMs: number;
  /** What the targets ask for and is not so. */
  gaps: string[];
}

export interface Row extends Scored {
  others: { name: string; errors: Errors; cpuMs: number; seeds: number }[];
}

/** pyxdf takes a tenth of a second a fit, and more seeds change its figures little. */
const pyxdfSeeds = 3;

/** What the maps of one scenario's evidence showed, the first `seeds` of its seeds together. */
export function scoreScenario(scenario: Scenario, seeds: number, onCase?: (one: Case) => void): Scored {
  const { name, group } = scenario;
  const steps = { found: 0, missed: 0, invented: 0, offBySeconds: 0 };
  const bound = { beyond: 0, of: 0 };
  const parts: Float64Array[] = [];
  let [within, queries, cpuMs] = [0, 0, 0];
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const one = scenario.make(seed);
    const evidence = evidenceOf(one);
    const started = cpuNow();
    const map = estimateClockMap(evidence);
    cpuMs += cpuNow() - started;
    const score = scoreMap(map, one);
    parts.push(score.errors);
    within += score.within2Sigma;
    queries += score.errors.length;
    bound.beyond += score.beyondBound;
    bound.of += score.bounded;
    steps.found += score.found;
    steps.missed += score.missed;
    steps.invented += score.invented;
    steps.offBySeconds = Math.max(steps.offBySeconds, score.stepOffBy);
    onCase?.(one);
  }
  const scored = { name, group, seeds, errors: pool(parts), coverage: within / queries, steps, bound };
  return { ...scored, cpuMs: cpuMs / seeds, gaps: gapsOf(scenario, scored) };
}

/** The same beside what others make of the same evidence. */
export async function measure(scenario: Scenario, seeds: number, hasPyxdf: boolean): Promise<Row> {
  const rivals = baselines.map((baseline) => ({ baseline, parts: [] as Float64Array[], cpuMs: 0 }));
  const early: Case[] = [];
  const scored = scoreScenario(scenario, seeds, (one) => {
    if (early.length < pyxdfSeeds) early.push(one);
    for (const rival of rivals) {
      if (!rival.baseline.kinds.includes(one.kind)) continue;
      const before = cpuNow();
      const estimated = rival.baseline.estimate(one);
      rival.cpuMs += cpuNow() - before;
      rival.parts.push(errorsOf(estimated, one));
    }
  });
  const others = rivals
    .filter((rival) => rival.parts.length > 0)
    .map((rival) => {
      return { name: rival.baseline.name, errors: pool(rival.parts), cpuMs: rival.cpuMs / seeds, seeds };
    });
  if (hasPyxdf && early[0]!.kind === "two-way") {
    const told = await pyxdfOffsets(early);
    const cpuMs = told.reduce((sum, one) => sum + one.cpuMs, 0) / told.length;
    const errors = pool(told.map(({ offsets }, i) => errorsOf(offsets, early[i]!)));
    others.push({ name: "pyxdf", errors, cpuMs, seeds: early.length });
  }
  return { ...scored, others };
}

function gapsOf({ target }: Scenario, { errors, coverage, steps, bound }: Omit<Scored, "cpuMs" | "gaps">) {
  const gaps: string[] = [];
  for (const key of ["p50", "p95", "p99", "max"] as const) {
    const most = target[key];
    if (most !== undefined && !(errors[key] <= most))
      gaps.push(`${key} ${errors[key].toFixed(1)} us, at most ${most}`);
  }
  const [least, most] = target.coverage ?? [0, 1];
  if (!(coverage >= least && coverage <= most))
    gaps.push(`2 sigma hold ${coverage.toFixed(3)}, ${least} to ${most}`);
  if (steps.missed > 0) gaps.push(`${steps.missed} steps missed`);
  if (steps.invented > 0) gaps.push(`${steps.invented} steps invented`);
  if (bound.beyond > 0) gaps.push(`${bound.beyond} of ${bound.of} beyond the hard bound`);
  return gaps;
}

/** CPU time of this process, ms. */
function cpuNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
