import type { Certainty, FrameColumns } from "../align/index.ts";
import type { ClockMap } from "../clock/index.ts";

/** How far beyond the frames sigma is looked at, in places on each side. */
const PLACES = 64n;

/** What is added to the largest sigma that was seen, for the places between. */
const MARGIN = 1.05;

/** How well a clock's map knows the places of samples near the frames, all on the reference clock. */
export function certaintyOf(map: ClockMap, { time, uncertainty }: FrameColumns): Certainty {
  const back = map.inverse();
  const sigmaNs = (times: BigInt64Array) => back.uncertainty(times);
  const ofFrames = largest(Float64Array.from(uncertainty, Number));
  const atFrames = largest(sigmaNs(time));
  const near = 2 * Math.hypot(ofFrames, atFrames);
  const most = Math.max(atFrames, largest(sigmaNs(around(time, 2 * near))));
  return { sigmaNs, reachNs: wholeNs(2 * MARGIN * Math.hypot(ofFrames, most)) };
}

function largest(numbers: Float64Array): number {
  let most = 0;
  for (const one of numbers) if (one > most) most = one;
  return most;
}

/** Instants before the first and after the last frame. */
function around(time: BigInt64Array, farthestNs: number): BigInt64Array {
  const step = wholeNs(farthestNs) / PLACES;
  const [first, last] = [time[0] ?? 0n, time[time.length - 1] ?? 0n];
  return BigInt64Array.from({ length: Number(PLACES) * 2 }, (_, i) => {
    const k = BigInt(i >> 1) + 1n;
    return i % 2 === 0 ? first - k * step : last + k * step;
  });
}

/** At most 73 years. */
function wholeNs(ns: number): bigint {
  return ns < 2 ** 61 ? BigInt(Math.ceil(ns)) : 2n ** 61n;
}
