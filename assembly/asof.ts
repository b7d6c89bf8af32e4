import { fillIndex } from "./scan";

/**
 * How many times are not later than `limit`, by binary search.
 *
 *   times 10 20 20 30, limit 20 -> 3
 *
 * times   in  i64[length]  ns, ascending, equal values allowed
 * limit       ns
 * returns     0..length
 *
 * O(log length).
 */
export function countThrough(times: usize, length: usize, limit: i64): usize {
  let low: usize = 0;
  let high = length;
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    if (load<i64>(times + (middle << 3)) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The first row that is earlier than the row before it.
 *
 *   times 10 20 15 30 -> 2
 *
 * times   in  i64[length]  ns
 * returns     1..length - 1, or -1 where the times ascend
 *
 * O(length).
 */
export function firstDescent(times: usize, length: usize): i32 {
  let i: usize = 0;
  for (; i + 5 <= length; i += 4) {
    const at = times + (i << 3);
    const low = i64x2.gt_s(v128.load(at), v128.load(at, 8));
    const high = i64x2.gt_s(v128.load(at, 16), v128.load(at, 24));
    if (v128.any_true(v128.or(low, high))) break;
  }
  for (; i + 1 < length; i++) {
    const at = times + (i << 3);
    if (load<i64>(at) > load<i64>(at, 8)) return (i + 1) as i32;
  }
  return -1;
}

/**
 * Drops the matches that lie farther back than the tolerance.
 *
 *   frames 10 20, samples 4 5, index 1 1, tolerance 5 -> index 1 -1
 *
 * frames     in      i64[length]  ns
 * samples    in      i64          ns
 * tolerance          ns, inclusive; distances are compared as u64, so all ones is no limit
 * index      in/out  i32[length]  position of the sample at or before the frame, or -1
 * returns            how many frames keep a match
 *
 * O(length).
 */
export function keepBackward(
  frames: usize,
  length: usize,
  samples: usize,
  tolerance: u64,
  index: usize,
): usize {
  let matched: usize = 0;
  for (let i: usize = 0; i < length; i++) {
    const k = load<i32>(index + (i << 2));
    const at = samples + ((max<i32>(k, 0) as usize) << 3);
    const isNear = ((load<i64>(frames + (i << 3)) - load<i64>(at)) as u64) <= tolerance && k >= 0;
    matched += usize(isNear);
    store<i32>(index + (i << 2), isNear ? k : -1);
  }
  return matched;
}

/**
 * Turns "how many samples are before the frame" into the first sample that is not.
 *
 *   frames 10 20, samples 12 40, index 0 1, tolerance 5 -> index 0 -1
 *
 * frames        in      i64[length]        ns
 * samples       in      i64[sampleLength]  ns
 * tolerance             ns, inclusive, u64
 * index         in/out  i32[length]        in: 0..sampleLength; out: a position, or -1
 * returns               how many frames matched
 *
 * O(length).
 */
export function keepForward(
  frames: usize,
  length: usize,
  samples: usize,
  sampleLength: usize,
  tolerance: u64,
  index: usize,
): usize {
  if (sampleLength === 0) {
    fillIndex(index, 0, length, -1);
    return 0;
  }
  const last = sampleLength - 1;
  let matched: usize = 0;
  let i: usize = 0;
  if (tolerance === u64.MAX_VALUE) {
    const none = i32x4.splat(-1);
    const end = i32x4.splat(sampleLength as i32);
    for (; i + 4 <= length; i += 4) {
      const at = index + (i << 2);
      const four = v128.load(at);
      const exists = i32x4.lt_s(four, end);
      v128.store(at, v128.bitselect(four, none, exists));
      matched += popcnt<i32>(i32x4.bitmask(exists)) as usize;
    }
  }
  for (; i < length; i++) {
    const k = load<u32>(index + (i << 2)) as usize;
    const at = samples + (min(k, last) << 3);
    const isNear = k <= last && ((load<i64>(at) - load<i64>(frames + (i << 3))) as u64) <= tolerance;
    matched += usize(isNear);
    store<i32>(index + (i << 2), isNear ? (k as i32) : -1);
  }
  return matched;
}

/** The nearer one for one frame, whose past side is `past` and whose future side begins at `future`; or -1. */
function nearest(
  time: i64,
  past: i32,
  future: usize,
  samples: usize,
  sampleLength: usize,
  tieToFuture: i32,
  tolerance: u64,
): i32 {
  let chosen = past;
  let distance: u64 = 0;
  if (past >= 0) distance = (time - load<i64>(samples + ((past as usize) << 3))) as u64;
  if (future < sampleLength) {
    const ahead = (load<i64>(samples + (future << 3)) - time) as u64;
    if (past < 0 || ahead < distance || (tieToFuture !== 0 && ahead === distance)) {
      chosen = future as i32;
      distance = ahead;
    }
  }
  return chosen >= 0 && distance <= tolerance ? chosen : -1;
}

/**
 * Of the sample before each frame and the one after it, the nearer.
 *
 *   frames 20 30, samples 16 24 50, index 0 1 -> 0 1 (tie to the past), 1 1 (tie to the future)
 *
 * frames        in      i64[length]        ns, ascending
 * samples       in      i64[sampleLength]  ns, ascending
 * strict                1 where the past side leaves out samples at the frame's very time
 * tieToFuture           1 where equal distances go to the later sample
 * tolerance             ns, inclusive, u64; tested on the chosen sample only
 * index         in/out  i32[length]        in: the sample on the past side, or -1; out: the nearer one, or -1
 * returns               how many frames matched
 *
 * The future side is the first sample later than the frame: where the past side leaves equal times out, they are
 * skipped here too. O(length + sampleLength), without the sampleLength where few samples share a frame's time.
 */
export function keepNearest(
  frames: usize,
  length: usize,
  samples: usize,
  sampleLength: usize,
  strict: i32,
  tieToFuture: i32,
  tolerance: u64,
  index: usize,
): usize {
  const inner: usize = strict !== 0 ? 0 : max<usize>(sampleLength, 1) - 1;
  const sign = i64x2.splat(i64.MIN_VALUE);
  const limit = v128.xor(i64x2.splat(tolerance as i64), sign);
  let matched: usize = 0;
  let future: usize = 0;
  let i: usize = 0;
  while (i < length) {
    const at = index + (i << 2);
    const past = load<i32>(at);
    const next = i + 2 <= length ? (load<u32>(at, 4) as usize) : inner;
    if ((past as u32 as usize) < inner && next < inner) {
      const timesA = v128.load(samples + ((past as usize) << 3));
      const timesB = v128.load(samples + (next << 3));
      const time = v128.load(frames + (i << 3));
      const back = v128.xor(i64x2.sub(time, v128.shuffle<i64>(timesA, timesB, 0, 2)), sign);
      const ahead = v128.xor(i64x2.sub(v128.shuffle<i64>(timesA, timesB, 1, 3), time), sign);
      const isAhead = tieToFuture !== 0 ? i64x2.le_s(ahead, back) : i64x2.lt_s(ahead, back);
      const isFar = i64x2.gt_s(v128.bitselect(ahead, back, isAhead), limit);
      // A lane of all ones is -1: taken off it is the next position, and set it is no position.
      const two = i32x4.sub(v128.load_zero<i64>(at), v128.shuffle<i32>(isAhead, isAhead, 0, 2, 0, 2));
      v128.store_lane<i64>(at, v128.or(two, v128.shuffle<i32>(isFar, isFar, 0, 2, 0, 2)), 0);
      matched += 2 - (popcnt<i32>(i64x2.bitmask(isFar)) as usize);
      i += 2;
      continue;
    }
    const time = load<i64>(frames + (i << 3));
    future = max(future, (past + 1) as usize);
    while (future < sampleLength && load<i64>(samples + (future << 3)) <= time) future++;
    const chosen = nearest(time, past, future, samples, sampleLength, tieToFuture, tolerance);
    matched += usize(chosen >= 0);
    store<i32>(at, chosen);
    i++;
  }
  return matched;
}
