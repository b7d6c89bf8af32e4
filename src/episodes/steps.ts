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

/** One happening of a step: a run, and those that go on with it after another interval has covered its own for a while. */
export interface StepHappening extends StepRun {
  /** Until the frame after its last one, or the episode's last frame. */
  readonly lastedNs: bigint;
}

/** What was done, in order; frames in no step are left out. */
export function happenings(
  runs: readonly StepRun[],
  timeNsAt: (frame: number) => bigint,
): readonly StepHappening[] {
  const found = new Map<string, StepHappening>();
  for (const run of runs) {
    const { step, sinceNs, endFrame } = run;
    if (step === null) continue;
    const happening = `${sinceNs} ${step}`;
    const lastedNs = timeNsAt(endFrame) - sinceNs;
    found.set(happening, { ...(found.get(happening) ?? run), lastedNs });
  }
  return [...found.values()];
}
