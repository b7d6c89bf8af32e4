export interface TwinAsofOptions {
  direction: "backward" | "forward" | "nearest";
  tolerance?: bigint | undefined;
  allowExact?: boolean | undefined;
  tie?: "past" | "future" | undefined;
}

/** The as-of join by its definition: every sample is looked at for every frame. */
export function asofTwin(
  frames: readonly bigint[],
  samples: readonly bigint[],
  options: TwinAsofOptions,
): number[] {
  return frames.map((frame) => asofOne(frame, samples, options));
}

function asofOne(frame: bigint, samples: readonly bigint[], options: TwinAsofOptions): number {
  const { direction, tolerance, allowExact = true, tie = "past" } = options;
  const past = samples.findLastIndex((time) => (allowExact ? time <= frame : time < frame));
  const futureFrom = (time: bigint): boolean =>
    direction === "forward" && allowExact ? time >= frame : time > frame;
  const future = samples.findIndex(futureFrom);
  const distance = (k: number): bigint => (samples[k]! > frame ? samples[k]! - frame : frame - samples[k]!);
  let chosen = direction === "forward" ? future : past;
  if (direction === "nearest" && future >= 0) {
    const nearer = past < 0 || distance(future) < distance(past);
    if (nearer || (tie === "future" && distance(future) === distance(past))) chosen = future;
  }
  return chosen >= 0 && tolerance !== undefined && distance(chosen) > tolerance ? -1 : chosen;
}
