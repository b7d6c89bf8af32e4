import type { ClockMap } from "./map.ts";

/** A change in the relation of two clocks, or in what the evidence says of it. */
export interface ClockEvent {
  readonly kind: "step" | "reset" | "step-or-delay" | "stale" | "gap";
  /** ns on the from clock, the first stamp after the change. */
  readonly time: bigint;
  /** Offset after minus offset before, ns. */
  readonly sizeNs: bigint;
  /** Of a step-or-delay: the map if it was the delay that changed. */
  readonly alternative?: ClockMap;
}
