/** How an episode went against its procedure. */
export interface Conformance {
  /** Identity of the procedure. */
  readonly procedure: string;
  /** `incomplete`: no deviation, but steps are missing at the end; `deviated`: anything else than as permitted. */
  readonly result: "followed" | "deviated" | "incomplete";
  readonly deviations: readonly Deviation[];
  /** Required steps that did not happen, in the procedure's order. */
  readonly missing: readonly string[];
}

/** One departure from a procedure. */
export interface Deviation {
  readonly kind: "skipped" | "out-of-order" | "repeated" | "forbidden" | "unknown" | "too-long";
  /** The step that happened, or that was skipped. */
  readonly step: string;
  /** Frame of the episode where it shows, from 0: where the step began, or the step that came in place of a skipped one. */
  readonly frame: number;
  readonly message: string;
}
