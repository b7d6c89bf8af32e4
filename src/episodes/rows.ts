import { AlignError } from "../errors.ts";
import type { RowRange } from "./cut.ts";
import { rowsAhead } from "./grid.ts";
import type { Selection } from "./select.ts";
import { type StepRun, stepRuns } from "./steps.ts";
import type { TableColumn } from "./table.ts";

/** The instants of a capture's frames. */
export interface CaptureFrames {
  readonly timeNs: BigInt64Array;
  readonly fps: number;
  /** Usual distance of two frames. */
  readonly medianNs: bigint;
}

/** The rows of one episode, and those after it that its actions are in. */
export interface EpisodeRows {
  /** Frames of the episode: rows from this on belong to actions alone. */
  readonly count: number;
  readonly timeNs: BigInt64Array;
  /** Instant of the capture's frame before the first one. */
  readonly beforeNs: bigint | undefined;
  /** Place of each frame's action in the columns, -1 where there is none. */
  readonly ahead: Int32Array;
  readonly runs: readonly StepRun[];
  /** The id of the step that a frame is in. */
  stepOf(frame: number): string | null;
  /** One of the columns that were asked for. */
  column(name: string): TableColumn;
  /** As `column`, where the table has it. */
  find(name: string): TableColumn | undefined;
}

/** Reads some columns of one episode; those that the table does not have are left out. */
export async function readRows(
  { capture, step }: Selection,
  { timeNs, fps }: CaptureFrames,
  { start, end }: RowRange,
  names: Iterable<string>,
): Promise<EpisodeRows> {
  const { table, spec } = capture;
  const ahead = rowsAhead(timeNs, start, end, spec.actionLeadNs, fps);
  const last = ahead.reduce((most, row) => Math.max(most, row), end - 1);
  const stepAge = step?.tag.join.kind === "covering" ? `${step.tag.name}.age` : undefined;
  const all = new Set([...names, ...(step === undefined ? [] : [step.tag.name, stepAge ?? ""])]);
  const known = [...all].filter((name) => table.columns.has(name));
  const columns = await table.read(known, start, last + 1);
  const episodeNs = timeNs.subarray(start, end);
  const column = (name: string) => {
    const found = columns.get(name);
    if (found !== undefined) return found;
    throw new AlignError("BUG_EPISODES", `the column "${name}" was not read`);
  };
  const runs =
    step === undefined ? [] : stepRuns(column(step.tag.name), columns.get(stepAge ?? ""), episodeNs);
  const runOf = new Int32Array(end - start);
  for (const [at, run] of runs.entries()) runOf.fill(at, run.startFrame, run.endFrame);
  return {
    count: end - start,
    timeNs: episodeNs,
    beforeNs: start > 0 ? timeNs[start - 1] : undefined,
    ahead: ahead.map((row) => (row < 0 ? -1 : row - start)),
    runs,
    stepOf: (frame) => runs[runOf[frame]!]?.step ?? null,
    column,
    find: (name) => columns.get(name),
  };
}
