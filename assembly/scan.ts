import { countThrough } from "./asof";

/** Writes `value` into out[from .. to). */
export function fillIndex(out: usize, from: usize, to: usize, value: i32): void {
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
  fillIndex(out, 0, i, value);
  return i;
}

/** How many of the four times at `at` are later than both lanes of `limit`. */
function laterOf4(at: usize, limit: v128): usize {
  const low = i64x2.gt_s(v128.load(at), limit);
  const high = i64x2.gt_s(v128.load(at, 16), limit);
  return popcnt<i32>(i32x4.bitmask(v128.shuffle<i32>(low, high, 0, 2, 4, 6))) as usize;
}

/** How many of the `sizeof<T>()` samples from `k` on are not later than `limit`. */
function among<T>(samples: usize, k: usize, limit: i64): usize {
  const both = i64x2.splat(limit);
  const at = samples + (k << 3);
  if (sizeof<T>() === 4) return 4 - laterOf4(at, both);
  return 8 - laterOf4(at, both) - laterOf4(at + 32, both);
}

/** The first sample from `from` on that is later than `limit`; there is one. */
function pass(samples: usize, from: usize, limit: i64): usize {
  let k = from;
  while (load<i64>(samples + (k << 3)) <= limit) k++;
  return k;
}

/**
 * The merge scan in four streams, each over a quarter of the frames, so that one's wait for memory and comparison is
 * another's work. No step branches on how far it goes, up to `sizeof<T>()` samples.
 */
function merge<T>(
  frames: usize,
  length: usize,
  shift: u64,
  samples: usize,
  start: usize,
  end: usize,
  bias: i32,
  out: usize,
): void {
  const begin = fillUnderflow(frames, length, shift, out, (start as i32) + bias);
  let stop = begin;
  const last = start < end ? load<i64>(samples + ((end - 1) << 3)) : i64.MIN_VALUE;
  if (last > i64.MIN_VALUE) stop = firstFrom(frames, begin, length, shift, last);
  fillIndex(out, stop, length, (end as i32) + bias);
  // Unsorted frames could be later than the last sample here, which no step must pass.
  const most = last - 1;
  const quarter = (stop - begin) >> 2;
  let i0 = begin;
  let k0 = start;
  if (quarter >= 8) {
    const at = frames + (begin << 3);
    const second = quarter << 3;
    let k1 =
      start +
      countThrough(samples + (start << 3), end - start, min(load<i64>(at + second) - (shift as i64), most));
    let k2 =
      start +
      countThrough(
        samples + (start << 3),
        end - start,
        min(load<i64>(at + 2 * second) - (shift as i64), most),
      );
    let k3 =
      start +
      countThrough(
        samples + (start << 3),
        end - start,
        min(load<i64>(at + 3 * second) - (shift as i64), most),
      );
    const room = (end as i32) - (sizeof<T>() as i32);
    let i: usize = 0;
    for (; i < quarter; i++) {
      if (((room - (k0 as i32)) | (room - (k1 as i32)) | (room - (k2 as i32)) | (room - (k3 as i32))) < 0)
        break;
      const from = at + (i << 3);
      const limit0 = min(load<i64>(from) - (shift as i64), most);
      const limit1 = min(load<i64>(from + second) - (shift as i64), most);
      const limit2 = min(load<i64>(from + 2 * second) - (shift as i64), most);
      const limit3 = min(load<i64>(from + 3 * second) - (shift as i64), most);
      const c0 = among<T>(samples, k0, limit0);
      const c1 = among<T>(samples, k1, limit1);
      const c2 = among<T>(samples, k2, limit2);
      const c3 = among<T>(samples, k3, limit3);
      k0 += c0;
      k1 += c1;
      k2 += c2;
      k3 += c3;
      if (max(max(c0, c1), max(c2, c3)) === sizeof<T>()) {
        k0 = pass(samples, k0, limit0);
        k1 = pass(samples, k1, limit1);
        k2 = pass(samples, k2, limit2);
        k3 = pass(samples, k3, limit3);
      }
      const into = out + ((begin + i) << 2);
      store<i32>(into, (k0 as i32) + bias);
      store<i32>(into + 4 * quarter, (k1 as i32) + bias);
      store<i32>(into + 8 * quarter, (k2 as i32) + bias);
      store<i32>(into + 12 * quarter, (k3 as i32) + bias);
    }
    i0 = begin + 3 * quarter + i;
    for (let j: usize = 0; j < 3; j++) {
      let k = j === 0 ? k0 : j === 1 ? k1 : k2;
      for (let f = begin + j * quarter + i; f < begin + (j + 1) * quarter; f++) {
        k = pass(samples, k, min(load<i64>(frames + (f << 3)) - (shift as i64), most));
        store<i32>(out + (f << 2), (k as i32) + bias);
      }
    }
    k0 = k3;
  }
  for (; i0 < stop; i0++) {
    k0 = pass(samples, k0, min(load<i64>(frames + (i0 << 3)) - (shift as i64), most));
    store<i32>(out + (i0 << 2), (k0 as i32) + bias);
  }
}

/** The first of frames[from .. to) whose time less `shift` is not earlier than `limit`, or `to`. */
function firstFrom(frames: usize, from: usize, to: usize, shift: u64, limit: i64): usize {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    if (load<i64>(frames + (middle << 3)) - (shift as i64) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
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
  if (end - start < length + (length >> 1)) merge<u32>(frames, length, shift, samples, start, end, bias, out);
  else merge<u64>(frames, length, shift, samples, start, end, bias, out);
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
  fillIndex(out, i, length, (end as i32) + bias);
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
