import { integerAt, textAt } from "./cells.ts";
import type { TableColumn } from "./table.ts";

/** Frames in a row with one happening of a step. */
export interface StepRun {
  /** Null: in no step. */
  readonly step: string | null;
  /** Half-open, in frames of the episode. */
  readonly startFrame: number;
  readonly endFrame: number;
  /** When the step began: the start of its interval where the table tells, else its first frame of the episode. */
  readonly sinceNs: bigint;
}

/**
 * The steps of an episode, in order; every frame is in one run.
 *
 * @param ages ages of `steps` where these come from intervals: two happenings of one step in a row are then told apart
 */
export function stepRuns(
  steps: TableColumn,
  ages: TableColumn | undefined,
  timeNs: BigInt64Array,
): readonly StepRun[] {
  const runs: StepRun[] = [];
  const startOf = (row: number) =>
    ages === undefined ? undefined : timeNs[row]! - integerAt(ages, row, timeNs[row]!);
  let startFrame = 0;
  const count = timeNs.length;
  for (let row = 1; row <= count; row += 1) {
    const step = textAt(steps, startFrame);
    const same = () => step === null || startOf(row) === startOf(startFrame);
    if (row < count && textAt(steps, row) === step && same()) continue;
    runs.push({ step, startFrame, endFrame: row, sinceNs: startOf(startFrame) ?? timeNs[startFrame]! });
    startFrame = row;
  }
  return runs;
}

/** Without the runs that go on with a step whose interval another one has covered for a while. */
export function happenings(runs: readonly StepRun[]): readonly StepRun[] {
  const seen = new Set<string>();
  return runs.filter(({ step, sinceNs }) => {
    const happening = `${sinceNs} ${step}`;
    return step === null || (!seen.has(happening) && seen.add(happening));
  });
}
