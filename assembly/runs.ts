import { countThrough } from "./asof";

/** How many times are earlier than `limit`: 0..length, by doubling steps and a binary search. */
function countBefore(times: usize, length: usize, limit: i64): usize {
  let low: usize = 0;
  let step: usize = 1;
  while (low + step <= length && load<i64>(times + ((low + step - 1) << 3)) < limit) {
    low += step;
    step <<= 1;
  }
  let high = min(low + step - 1, length);
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    if (load<i64>(times + (middle << 3)) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * How many frames are earlier than `limit`, at least `from`, which is known: looks at four frames around a guess,
 * and searches from `from` on where the answer is not among them.
 */
function edgeNear(frames: usize, length: usize, from: usize, guess: usize, limit: i64): usize {
  const first = guess - 2;
  if (first - from <= length - from - 4 && length - from >= 4) {
    const four = i64x2.splat(limit);
    const at = frames + (first << 3);
    const low = i64x2.lt_s(v128.load(at), four);
    const high = i64x2.lt_s(v128.load(at, 16), four);
    const count = popcnt<i32>(i64x2.bitmask(low) | (i64x2.bitmask(high) << 2)) as usize;
    if (count - 1 < 3) return first + count;
  }
  return from + countBefore(frames + (from << 3), length - from, limit);
}

/** The bits of 1.5 * 2^52: adding that number to a float64 leaves its nearest integer in the low bits. */
const ROUND: f64 = 6755399441055744;

/** Where a frame of this distance from the anchor lies, if frames are regular; any number where they are not. */
function guessed(anchor: usize, distance: i64, rate: f64): usize {
  return anchor + (reinterpret<i64>((distance as f64) * rate + ROUND) as usize) + 1;
}

const BACKWARD: i32 = 0;
const FORWARD: i32 = 1;
const NEAREST: i32 = 2;

/** Of the samples, how many a frame at `time` has behind it; with `strict` only those that are earlier. */
function passed(samples: usize, length: usize, time: i64, strict: i32): usize {
  return strict !== 0 ? countBefore(samples, length, time) : countThrough(samples, length, time);
}

/**
 * For each sample, the frames that it is the match of.
 *
 *   frames    10  20  30  40  50         backward       0 2   1 3  3 5
 *   samples       12      31             forward        0 2   0 1  1 3
 *                                        nearest        0 2   0 2  2 5
 *                                        backward, 15   0 2   1 3  3 4
 *
 * frames        in   i64[length]        ns, ascending, equal values allowed
 * samples       in   i64[sampleLength]  ns, ascending, equal values allowed
 * direction          0 backward, 1 forward, 2 nearest
 * strict             1 where a sample at the frame's very time is no match; not for nearest
 * toFuture           1 where equal distances go to the later sample; nearest only
 * tolerance          ns, inclusive, u64; all ones is no limit
 * capacity           how many runs fit
 * runs          out  i32[2 + 2 * capacity]  the first sample, how many samples, then from and to of each: the frames
 *                    from <= i < to; ascending, and from equals to where the sample is no frame's match
 * returns            1, or 0 where there are more samples than fit and nothing was written
 *
 * Frames outside all runs have no match. Where frames are regular, a run costs the same however long it is, else
 * its logarithm. O(runs + log sampleLength).
 */
export function runs(
  frames: usize,
  length: usize,
  samples: usize,
  sampleLength: usize,
  direction: i32,
  strict: i32,
  toFuture: i32,
  tolerance: u64,
  capacity: usize,
  runs: usize,
): i32 {
  let first: usize = 0;
  let last: usize = 0;
  if (length > 0 && sampleLength > 0) {
    const begin = load<i64>(frames);
    const end = load<i64>(frames + ((length - 1) << 3));
    // Forward leaves out the samples that backward would count, so the two are strict the other way round.
    const isStrict = direction === FORWARD ? 1 - strict : strict;
    first = passed(samples, sampleLength, begin, isStrict);
    last = passed(samples, sampleLength, max(begin, end), isStrict);
    if (direction !== FORWARD) first = max<usize>(first, 1) - 1;
    if (direction !== BACKWARD) last = min(last + 1, sampleLength);
    // A run before the first sample may begin before the sample, so it is listed though it is empty.
    last = max(last, min(first + 1, sampleLength));
  }
  const count = last - first;
  if (count > capacity) return 0;
  store<i32>(runs, first as i32);
  store<i32>(runs, count as i32, 4);
  if (count === 0) return 1;
  edges(frames, length, samples, first, last, direction, strict, toFuture, runs + 8);
  if (tolerance !== u64.MAX_VALUE) cut(frames, samples + (first << 3), count, direction, tolerance, runs + 8);
  return 1;
}

/** Writes the runs of the samples first .. last, at least one, as if there were no tolerance. */
function edges(
  frames: usize,
  length: usize,
  samples: usize,
  first: usize,
  last: usize,
  direction: i32,
  strict: i32,
  toFuture: i32,
  out: usize,
): void {
  let anchor: usize = 0;
  let anchorTime = load<i64>(frames);
  const span = load<i64>(frames + ((length - 1) << 3)) - anchorTime;
  const rate = ((length - 1) as f64) / (span as f64);
  // A run's edge is the first frame that is not earlier than the sample's time plus this.
  const bias: i64 = direction === NEAREST ? 0 : ((direction === FORWARD ? 1 - strict : strict) as i64);
  let from: usize = 0;
  let into = out;
  let k = first;
  let left = direction === NEAREST ? last - first - 1 : last - first;
  if (direction === BACKWARD) {
    const time = load<i64>(samples + (k << 3));
    from = bias !== 0 && time === i64.MAX_VALUE ? length : countBefore(frames, length, time + bias);
    left--;
    k++;
  }
  for (; left > 0; left--, k++) {
    const time = load<i64>(samples + (k << 3));
    let limit = time + bias;
    if (direction === NEAREST) {
      const gap = load<i64>(samples + (k << 3), 8) - time;
      limit = time + (((gap as u64) >> 1) as i64) + (toFuture !== 0 ? gap & 1 : i64(gap !== 0));
    }
    const guess = guessed(anchor, limit - anchorTime, rate);
    let to = length;
    if (bias === 0 || time !== i64.MAX_VALUE) {
      to = edgeNear(frames, length, from, guess, limit);
      if (to - guess + 1 > 2) {
        anchor = to;
        anchorTime = limit;
      }
    }
    store<i32>(into, from as i32);
    store<i32>(into, to as i32, 4);
    into += 8;
    from = to;
  }
  if (direction !== FORWARD) {
    store<i32>(into, from as i32);
    store<i32>(into, length as i32, 4);
  }
}

/** Takes the frames that are farther than the tolerance off both ends of the runs. */
function cut(frames: usize, samples: usize, count: usize, direction: i32, tolerance: u64, runs: usize): void {
  for (let j: usize = 0; j < count; j++) {
    const at = runs + (j << 3);
    let from = load<u32>(at) as usize;
    let to = load<u32>(at, 4) as usize;
    if (from === to) continue;
    const time = load<i64>(samples + (j << 3));
    if (direction !== FORWARD && ((i64.MAX_VALUE - time) as u64) > tolerance) {
      const limit = time + (tolerance as i64) + 1;
      if (load<i64>(frames + ((to - 1) << 3)) >= limit) {
        to = from + countBefore(frames + (from << 3), to - from, limit);
        store<i32>(at, to as i32, 4);
      }
    }
    if (direction !== BACKWARD && ((time - i64.MIN_VALUE) as u64) > tolerance) {
      const limit = time - (tolerance as i64);
      if (from < to && load<i64>(frames + (from << 3)) < limit) {
        from = from + countBefore(frames + (from << 3), to - from, limit);
        store<i32>(at, from as i32);
      }
    }
  }
}

/**
 * Makes backward runs into the frames that a linear value is drawn for, under the sample before.
 *
 *   samples at 10, 20 and 90, frames 0 10 15 20 50 99, at most 50 apart, held for 5 before and 9 after
 *                                            0 3  1 3  3 5  5 6   ->   0 3  1 3  3 3  5 6
 *
 * frames       in   i64               ns
 * times        in   i64[sampleLength]  ns, no two equal
 * maxGap            ns, inclusive, u64: the widest distance of two samples; frames on a sample stay in any case
 * holdBefore        ns, inclusive, u64: how far before the first sample its run begins
 * holdAfter         ns, inclusive, u64: how far after the last sample its run ends
 * runs         in   as written by `runs`, backward, not strict, without tolerance
 * out          out  i32[2 + 2 * runs]  the same samples
 *
 * O(runs), and a search at each end.
 */
export function runsBetween(
  frames: usize,
  times: usize,
  sampleLength: usize,
  maxGap: u64,
  holdBefore: u64,
  holdAfter: u64,
  runs: usize,
  out: usize,
): void {
  const first = load<u32>(runs) as usize;
  const count = load<u32>(runs, 4) as usize;
  store<i64>(out, load<i64>(runs));
  for (let j: usize = 0; j < count; j++) {
    const at = times + ((first + j) << 3);
    const time = load<i64>(at);
    const run = runs + 8 + (j << 3);
    let from = load<u32>(run) as usize;
    let to = load<u32>(run, 4) as usize;
    let reach: u64 = 0;
    let isCut = true;
    if (first + j + 1 === sampleLength) reach = holdAfter;
    else isCut = ((load<i64>(at, 8) - time) as u64) > maxGap;
    if (isCut && ((i64.MAX_VALUE - time) as u64) > reach) {
      to = from + countBefore(frames + (from << 3), to - from, time + (reach as i64) + 1);
    }
    if (first + j === 0) {
      const isLimited = ((time - i64.MIN_VALUE) as u64) > holdBefore;
      from = countBefore(frames, from, isLimited ? time - (holdBefore as i64) : i64.MIN_VALUE);
    }
    store<i32>(out + 8 + (j << 3), from as i32);
    store<i32>(out + 8 + (j << 3), to as i32, 4);
  }
}
