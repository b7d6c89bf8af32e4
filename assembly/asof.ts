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
  if (length === 0) return -1;
  let before = load<i64>(times);
  for (let i: usize = 1; i < length; i++) {
    const time = load<i64>(times + (i << 3));
    if (time < before) return i as i32;
    before = time;
  }
  return -1;
}

/** Writes `value` into out[from .. to). */
function fill(out: usize, from: usize, to: usize, value: i32): void {
  const four = i32x4.splat(value);
  let i = from;
  for (; i + 4 <= to; i += 4) v128.store(out + (i << 2), four);
  for (; i < to; i++) store<i32>(out + (i << 2), value);
}

/** Writes `value` for the frames that have no int64 `shift` before them; returns how many they are. */
function fillUnderflow(frames: usize, length: usize, shift: u64, out: usize, value: i32): usize {
  const floor = i64.MIN_VALUE + (shift as i64);
  let i: usize = 0;
  while (i < length && load<i64>(frames + (i << 3)) < floor) i++;
  fill(out, 0, i, value);
  return i;
}

/**
 * For each frame, how many samples are not later than the frame's time less `shift`, plus `bias`: the merge scan,
 * best where frames and samples are about equally dense.
 *
 *   frames    10      20      30         out (bias -1)   -1   0   1
 *   samples       12      29       40
 *
 * frames   in   i64[length]  ns, ascending, equal values allowed
 * shift         ns, u64; 1 makes "not later" into "earlier"; where frame - shift is below int64, out is start + bias
 * samples  in   i64          ns, ascending, equal values allowed
 * start         how many samples are not later than the first frame's limit (countThrough)
 * end           the same for the last frame
 * bias          0 to write counts, -1 to write the position of the last such sample (-1: none)
 * out      out  i32[length]
 *
 * Reads samples[start .. end) only, also where the input is unsorted. O(length + end - start).
 */
export function scanMerge(
  frames: usize,
  length: usize,
  shift: u64,
  samples: usize,
  start: usize,
  end: usize,
  bias: i32,
  out: usize,
): void {
  let i = fillUnderflow(frames, length, shift, out, (start as i32) + bias);
  if (start < end) {
    const last = load<i64>(samples + ((end - 1) << 3));
    let k = start;
    let next = load<i64>(samples + (k << 3));
    for (; i < length; i++) {
      const limit = load<i64>(frames + (i << 3)) - (shift as i64);
      if (limit >= last) break;
      // `last` is later than `limit`, so it ends this loop.
      while (next <= limit) {
        k++;
        next = load<i64>(samples + (k << 3));
      }
      store<i32>(out + (i << 2), (k as i32) + bias);
    }
  }
  fill(out, i, length, (end as i32) + bias);
}

/**
 * As scanMerge, driven by the samples: best where there are several frames to a sample.
 * Between two samples every frame gets the same answer, so it is stored four frames at a time.
 *
 *   samples       12                    29
 *   frames     10     14  17  21  25        30        one store of four zeros for 14..25
 */
export function scanRun(
  frames: usize,
  length: usize,
  shift: u64,
  samples: usize,
  start: usize,
  end: usize,
  bias: i32,
  out: usize,
): void {
  let i = fillUnderflow(frames, length, shift, out, (start as i32) + bias);
  for (let k = start; k < end; k++) {
    const next = load<i64>(samples + (k << 3));
    const value = (k as i32) + bias;
    const four = i32x4.splat(value);
    while (i + 4 <= length && load<i64>(frames + ((i + 3) << 3)) - (shift as i64) < next) {
      v128.store(out + (i << 2), four);
      i += 4;
    }
    while (i < length && load<i64>(frames + (i << 3)) - (shift as i64) < next) {
      store<i32>(out + (i << 2), value);
      i++;
    }
  }
  fill(out, i, length, (end as i32) + bias);
}

/**
 * As scanMerge, by doubling steps from the last position: best where there are many samples to a frame.
 *
 *   samples   . . . . . . . . . . . . .        steps 1, 2, 4 from the last match, then a binary search
 *   frames    ^                   ^
 *
 * O(length * log(samples a frame)).
 */
export function scanGallop(
  frames: usize,
  length: usize,
  shift: u64,
  samples: usize,
  start: usize,
  end: usize,
  bias: i32,
  out: usize,
): void {
  let i = fillUnderflow(frames, length, shift, out, (start as i32) + bias);
  let k = start;
  for (; i < length; i++) {
    const limit = load<i64>(frames + (i << 3)) - (shift as i64);
    let step: usize = 1;
    while (k + step <= end && load<i64>(samples + ((k + step - 1) << 3)) <= limit) {
      k += step;
      step <<= 1;
    }
    const reach = k + step <= end ? step - 1 : end - k;
    k += countThrough(samples + (k << 3), reach, limit);
    store<i32>(out + (i << 2), (k as i32) + bias);
  }
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
    if (k < 0) continue;
    const distance = (load<i64>(frames + (i << 3)) - load<i64>(samples + ((k as usize) << 3))) as u64;
    if (distance <= tolerance) matched++;
    else store<i32>(index + (i << 2), -1);
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
  let matched: usize = 0;
  for (let i: usize = 0; i < length; i++) {
    const k = load<u32>(index + (i << 2)) as usize;
    if (
      k < sampleLength &&
      ((load<i64>(samples + (k << 3)) - load<i64>(frames + (i << 3))) as u64) <= tolerance
    ) {
      matched++;
    } else {
      store<i32>(index + (i << 2), -1);
    }
  }
  return matched;
}

/**
 * Of the sample before each frame and the one after it, the nearer.
 *
 *   frames 20 30, samples 16 24 50, index 0 1 -> 0 1 (tie to the past), 1 1 (tie to the future)
 *
 * frames        in      i64[length]        ns, ascending
 * samples       in      i64[sampleLength]  ns, ascending
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
  tieToFuture: i32,
  tolerance: u64,
  index: usize,
): usize {
  let matched: usize = 0;
  let future: usize = 0;
  for (let i: usize = 0; i < length; i++) {
    const time = load<i64>(frames + (i << 3));
    let k = load<i32>(index + (i << 2));
    const after = (k + 1) as usize;
    if (after > future) future = after;
    while (future < sampleLength && load<i64>(samples + (future << 3)) <= time) future++;
    let distance: u64 = 0;
    if (k >= 0) distance = (time - load<i64>(samples + ((k as usize) << 3))) as u64;
    if (future < sampleLength) {
      const ahead = (load<i64>(samples + (future << 3)) - time) as u64;
      if (k < 0 || ahead < distance || (tieToFuture !== 0 && ahead === distance)) {
        k = future as i32;
        distance = ahead;
      }
    }
    if (k >= 0 && distance <= tolerance) matched++;
    else k = -1;
    store<i32>(index + (i << 2), k);
  }
  return matched;
}
