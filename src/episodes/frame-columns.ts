import { integerAt } from "./cells.ts";
import { type Channel, integerChannel } from "./channel.ts";
import type { CaptureFrames, EpisodeRows } from "./rows.ts";
import type { Selection } from "./select.ts";

/** Bits of `align.frame_flags`. */
export const frameFlags = {
  /** Frames are missing before this one: it is more than 1.5 usual distances after the one before. */
  droppedBefore: 1n,
  /** Shown before, and once more to fill an even grid. */
  duplicate: 2n,
  interpolatedPts: 4n,
  /** The clock map has a step between the frame before and this one. */
  clockStep: 8n,
  outsideCapture: 16n,
} as const;

/** Features of the frames themselves. */
export function frameChannels({ capture }: Selection, { medianNs }: CaptureFrames): Channel[] {
  const copied = (feature: string, column: string) =>
    integerChannel(feature, [column], (rows) => {
      const values = rows.column(column);
      return (frame) => integerAt(values, frame, 0n);
    });
  const steps = capture.clockStepsNs ?? [];
  const flags = (rows: EpisodeRows) => (frame: number) => {
    const now = rows.timeNs[frame]!;
    const before = frame > 0 ? rows.timeNs[frame - 1]! : rows.beforeNs;
    if (before === undefined) return 0n;
    const isDropped = 2n * (now - before) > 3n * medianNs;
    const isStep = steps.some((step) => before < step && step <= now);
    return (isDropped ? frameFlags.droppedBefore : 0n) | (isStep ? frameFlags.clockStep : 0n);
  };
  return [
    integerChannel(
      "align.frame_time_ns",
      [],
      ({ timeNs }) =>
        (frame) =>
          timeNs[frame]!,
    ),
    copied("align.frame_pts_ns", "frame_pts"),
    copied("align.frame_uncertainty_ns", "frame_uncertainty"),
    integerChannel("align.frame_flags", [], flags),
  ];
}
