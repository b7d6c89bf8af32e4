import type { Plateau } from "./plateaus.ts";

/** Plateaus of one level of the floor; those that rise above it in between belong to none. */
export type Level = readonly Plateau[];

/** Random-walk frequency noise that is taken for granted across a pause, s^2/s^3. */
const USUAL_WALK = 1e-16;

/** A level shorter than this many rows is no lasting one. */
const LEAST_ROWS = 8;

/** A lower level that holds for less than this share of the time before and after it is no floor. */
const LEAST_SHARE = 0.1;

/**
 * The plateaus that the clock map follows, a list for each lasting level, in order.
 *
 * A level that comes back was a change of the delay, and the lower one of the two is the floor (unless it holds for
 * less than a tenth of what is around it); one that does not come back is lasting, but for one at the end that is shorter than
 * twice what has come back before.
 */
export function findLevels(plateaus: readonly Plateau[], noise: number): Level[] {
  let levels: Plateau[][] = [];
  let longest = 0;
  for (const plateau of plateaus) {
    const back = levels.findLastIndex((level) => isContinued(level.at(-1)!, plateau, noise));
    if (back < 0) {
      levels.push([plateau]);
      continue;
    }
    const level = [...levels[back]!, plateau];
    const between = levels.slice(back + 1);
    const others = between.flat();
    const isDip = others.length > 0 && others[0]!.head.level < levels[back]!.at(-1)!.tail.level;
    const around = durationOf([levels[back]!.at(-1)!, plateau]);
    if (isDip && durationOf(others) >= LEAST_SHARE * around) levels = [...levels.slice(0, back), ...between];
    else {
      longest = Math.max(longest, durationOf(others));
      levels = [...levels.slice(0, back), level];
    }
  }
  const last = levels.at(-1)!;
  const isHigh = levels.length > 1 && last[0]!.head.level > levels.at(-2)!.at(-1)!.tail.level;
  if (isHigh && durationOf(last) < 2 * longest) levels.pop();
  const long = levels.filter((level) => rowsOf(level) >= LEAST_ROWS);
  if (long.length > 0) return long;
  return [levels.reduce((most, level) => (rowsOf(level) > rowsOf(most) ? level : most))];
}

/** Whether the line before a pause goes on after it. */
function isContinued({ tail }: Plateau, { head }: Plateau, noise: number): boolean {
  const pause = Math.max(0, head.time - tail.time);
  const expected = tail.level + 0.5 * (tail.slope + head.slope) * pause;
  const slopes = 0.25 * pause ** 2 * (tail.slopeSigma ** 2 + head.slopeSigma ** 2);
  const variance = 0.5 * noise ** 2 + slopes + (USUAL_WALK * pause ** 3) / 12;
  return Math.abs(head.level - expected) <= 6 * Math.sqrt(variance);
}

function durationOf(plateaus: readonly Plateau[]): number {
  return plateaus.reduce((sum, { head, tail }) => sum + tail.time - head.time, 0);
}

function rowsOf(plateaus: readonly Plateau[]): number {
  return plateaus.reduce((sum, { start, end }) => sum + end - start, 0);
}
