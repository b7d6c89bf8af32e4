import { robustSlope } from "../detrend.ts";
import { medianInPlace } from "../statistics.ts";

/** A row far from what was expected: time and deviation from it, s, and the sigma of the row itself. */
export interface Suspect {
  readonly time: number;
  readonly deviation: number;
  readonly sigma: number;
}

/** So many rows that agree are a step, and so many a change of the rate. */
const STEP = 5;
const BEND = 8;

/** Rows agree that are no farther apart than so many of their sigmas, and so large a share must. */
const AGREES = 6;
const MAJORITY = 0.7;

/** What rows that were not expected come to: a new offset, or a new rate too. `members` are those that agree on it. */
export interface Finding {
  readonly members: readonly number[];
  /** Deviation at the first member, s, and its slope, s/s. */
  readonly jump: number;
  readonly slope: number;
}

/** What suspects in a row agree on; undefined while they do not. */
export function findAgreement(suspects: readonly Suspect[]): Finding | undefined {
  const level = agreement(suspects, 0, STEP);
  return level ?? agreement(suspects, slopeOf(suspects), BEND);
}

function slopeOf(suspects: readonly Suspect[]): number {
  if (suspects.length < BEND) return 0;
  const column = (key: "time" | "deviation") => Float64Array.from(suspects, (one) => one[key]);
  return robustSlope(column("time"), column("deviation"));
}

function agreement(suspects: readonly Suspect[], slope: number, least: number): Finding | undefined {
  if (suspects.length < least) return undefined;
  const start = suspects[0]!.time;
  const rests = Float64Array.from(suspects, ({ time, deviation }) => deviation - slope * (time - start));
  const middle = medianInPlace(rests.slice());
  const members: number[] = [];
  suspects.forEach(({ sigma }, i) => {
    if (Math.abs(rests[i]! - middle) <= AGREES * sigma) members.push(i);
  });
  if (members.length < Math.max(least, MAJORITY * suspects.length)) return undefined;
  return { members, jump: middle + slope * (suspects[members[0]!]!.time - start), slope };
}
