const OPEN_END = 2n ** 63n - 1n;

/** The rows of the intervals that cover each frame, by start. */
export function coveringTwin(
  frames: readonly bigint[],
  starts: readonly bigint[],
  ends: readonly bigint[],
): number[][] {
  return frames.map((frame) =>
    starts.flatMap((start, row) =>
      start <= frame && (frame < ends[row]! || ends[row] === OPEN_END) ? [row] : [],
    ),
  );
}
