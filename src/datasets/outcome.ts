import type { Episode } from "../episodes/index.ts";

/** How an episode ended, for formats that hold rewards. */
export interface Outcome {
  /** On the last step, 0 on all others: 1 unless the episode went otherwise than its procedure has it. */
  readonly reward: 0 | 1;
  /** The work ended with the last step; not so where steps of the procedure are missing. */
  readonly isTerminal: boolean;
}

/** A recording that names no procedure counts as a demonstration that succeeded, as is the custom of those formats. */
export function outcomeOf({ conformance }: Episode): Outcome {
  const result = conformance?.result ?? "followed";
  return { reward: result === "followed" ? 1 : 0, isTerminal: result !== "incomplete" };
}
