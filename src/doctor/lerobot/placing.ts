/** Where one episode is said to be in a video: `from` in seconds, its length in frames. */
export interface PlacedEpisode {
  from: number;
  length: number;
}

/** Beyond this share of a frame a time is on no frame in particular. */
const clearShare = 0.25;

/**
 * The seconds at which episodes begin in one video, on the grid of frames; undefined where none can be told for sure.
 *
 * Where the episodes fill the video and their times do not already say how, they are in the order of the data set, each
 * beginning where the one before ends. Else frames that belong to none may lie between them, and only a time that is
 * clearly near one frame tells it.
 *
 * @param episodes in the order of the data set
 * @param frames of the video
 */
export function gridFrom(
  episodes: readonly PlacedEpisode[],
  frames: number,
  fps: number,
): (number | undefined)[] {
  const snapped = episodes.map(({ from, length }) => {
    const frame = Math.round(from * fps);
    return Math.abs(from * fps - frame) <= clearShare && frame + length <= frames ? frame : undefined;
  });
  const all = episodes.reduce((sum, { length }) => sum + length, 0);
  if (all === frames && !isTiling(episodes, snapped)) {
    let before = 0;
    return episodes.map(({ length }) => {
      before += length;
      return (before - length) / fps;
    });
  }
  return snapped.map((frame) => (frame === undefined ? undefined : frame / fps));
}

function isTiling(episodes: readonly PlacedEpisode[], starts: readonly (number | undefined)[]): boolean {
  const places = episodes.map(({ length }, at) => ({ start: starts[at] ?? -1, length }));
  let end = 0;
  for (const { start, length } of places.sort((a, b) => a.start - b.start)) {
    if (start !== end) return false;
    end += length;
  }
  return true;
}

/** Whether the deviations from the grid grow from episode to episode, as sums of inexact durations do. */
export function summedDurations(episodes: readonly PlacedEpisode[], fps: number): boolean {
  if (episodes.length < 3) return false;
  let frames = 0;
  const off = episodes.map(({ from, length }) => {
    const deviation = from - frames / fps;
    frames += length;
    return deviation;
  });
  const steps = off.slice(1).map((one, at) => one - (off[at] as number));
  const isMonotone = steps.every((step) => step >= -1e-9) || steps.every((step) => step <= 1e-9);
  return isMonotone && Math.abs(off.at(-1) as number) > 1e-6 && Math.abs(off[0] as number) < 1e-6;
}
