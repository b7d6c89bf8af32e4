import { AlignError } from "../errors.ts";
import type { Spread } from "./measure.ts";
import { type BenchReport, cellName, type Job } from "./results.ts";

/** How much smaller a ratio may get, or larger, before it is told. */
const mostChange = 1.5;

/** A ratio that changed: rival / ours, then and now. */
export interface Change {
  name: string;
  before: Spread;
  now: Spread;
}

export interface Comparison {
  slower: Change[];
  faster: Change[];
  /** Only in the baseline, only in the new results. */
  missing: string[];
  added: string[];
}

/** Results with what whole jobs took beside the joins. */
export type Results = BenchReport & { jobs?: readonly Job[] };

/**
 * Compares ratios, never times, so that results of two machines can be compared too.
 *
 * A ratio has changed where its medians are more than `mostChange` apart and the ranges of its rounds do not meet.
 *
 * @throws AlignError USAGE_BASELINE where the baseline is no such document, or is of another size
 */
export function compareBenchmarks(baseline: unknown, results: Results): Comparison {
  if (!isResults(baseline))
    throw new AlignError("USAGE_BASELINE", "the baseline is not a JSON document of a benchmark", {
      hint: "write one with --json",
    });
  if (baseline.size !== results.size)
    throw new AlignError(
      "USAGE_BASELINE",
      `the baseline is of size ${baseline.size}, the results of ${results.size}`,
      {
        hint: "compare results of one size",
      },
    );
  const [before, now] = [ratiosOf(baseline), ratiosOf(results)];
  const both = [...now].flatMap(([name, ratio]) => {
    const old = before.get(name);
    return old === undefined ? [] : [{ name, before: old, now: ratio }];
  });
  return {
    slower: both.filter((one) => isWorse(one.before, one.now)),
    faster: both.filter((one) => isWorse(one.now, one.before)),
    missing: [...before.keys()].filter((name) => !now.has(name)),
    added: [...now.keys()].filter((name) => !before.has(name)),
  };
}

function isWorse(good: Spread, bad: Spread): boolean {
  return good.median / bad.median > mostChange && bad.most < good.least;
}

function ratiosOf({ cells, jobs = [] }: Results): Map<string, Spread> {
  const named = [
    ...cells.map((cell) => ({ name: cellName(cell), rivals: cell.rivals })),
    ...jobs.map(({ name, rivals }) => ({ name, rivals })),
  ];
  return new Map(
    named.flatMap(({ name, rivals }) =>
      rivals.map((rival): [string, Spread] => [`${name}: ${rival.name}`, rival.ratio]),
    ),
  );
}

function isResults(value: unknown): value is Results {
  if (typeof value !== "object" || value === null || !("size" in value)) return false;
  const lists = [("cells" in value && value.cells) as unknown, "jobs" in value ? value.jobs : []];
  return lists.every(
    (list) =>
      Array.isArray(list) &&
      list.every(({ rivals }) => Array.isArray(rivals) && rivals.every(({ ratio }) => isSpread(ratio))),
  );
}

function isSpread(value: unknown): boolean {
  const numbers = value as Partial<Spread> | null | undefined;
  return [numbers?.median, numbers?.least, numbers?.most].every((one) => typeof one === "number");
}
