import { countThrough } from "./asof";
import { fill } from "./fill";
import {
  bad,
  INTERPOLATED,
  INTERPOLATED_SUB_NORMAL,
  LAST_USABLE,
  NO_DATA,
  SUB_NORMAL,
  statusOf,
} from "./provenance";

/** Of frames[from .. to), the first that is later than `time` by more than `reach`, or `to`. */
function firstBeyond(frames: usize, from: usize, to: usize, time: i64, reach: u64): usize {
  if (((i64.MAX_VALUE - time) as u64) <= reach) return to;
  const limit = time + (reach as i64);
  if (load<i64>(frames + ((to - 1) << 3)) <= limit) return to;
  return from + countThrough(frames + (from << 3), to - from, limit);
}

/**
 * How old the matched sample is at each frame.
 *
 *   frames 10 20 30, times 5, run [0, 2) -> 5 15 0
 *
 * runs    in   as written by `runs` or `runsBetween`
 * frames  in   i64[length]  ns
 * times   in   i64          ns, one a sample
 * out     out  i64[length]  ns, frame minus sample, negative where the sample is later; 0 outside the runs
 *
 * Wraps where the difference does not fit int64. O(runs + length).
 */
export function ageRuns(runs: usize, frames: usize, length: usize, times: usize, out: usize): void {
  const first = load<u32>(runs) as usize;
  const last = first + (load<u32>(runs, 4) as usize);
  let done: usize = 0;
  let run = runs + 8;
  for (let k = first; k < last; k++, run += 8) {
    const from = load<u32>(run) as usize;
    const to = load<u32>(run, 4) as usize;
    if (from === to) continue;
    if (done !== from) fill<u64>(out, done, from, length, 0);
    const time = load<i64>(times + (k << 3));
    const two = i64x2.splat(time);
    let i = from;
    // Frames after `to` are written over later.
    for (; i < to && i + 8 <= length; i += 8) {
      const at = frames + (i << 3);
      const into = out + (i << 3);
      v128.store(into, i64x2.sub(v128.load(at), two));
      v128.store(into, i64x2.sub(v128.load(at, 16), two), 16);
      v128.store(into, i64x2.sub(v128.load(at, 32), two), 32);
      v128.store(into, i64x2.sub(v128.load(at, 48), two), 48);
    }
    for (; i < to; i++) store<i64>(out + (i << 3), load<i64>(frames + (i << 3)) - time);
    done = to;
  }
  fill<u64>(out, done, length, length, 0);
}

/** As statusAsof, for runs. */
export function statusAsofRuns(
  runs: usize,
  frames: usize,
  length: usize,
  times: usize,
  sampleStatus: usize,
  badAfter: usize,
  staleAfter: u64,
  out: usize,
): void {
  const first = load<u32>(runs) as usize;
  const last = first + (load<u32>(runs, 4) as usize);
  let done: usize = 0;
  let run = runs + 8;
  for (let k = first; k < last; k++, run += 8) {
    const from = load<u32>(run) as usize;
    const to = load<u32>(run, 4) as usize;
    if (from === to) continue;
    if (done !== from) fill<u32>(out, done, from, length, NO_DATA);
    const code = statusOf(sampleStatus, k);
    let fresh = to;
    if (!bad(code)) {
      fresh = firstBeyond(frames, from, to, load<i64>(times + (k << 3)), staleAfter);
      if (badAfter !== 0) {
        const after = load<i64>(badAfter + (k << 3));
        if (after === i64.MIN_VALUE) fresh = from;
        else if (after !== i64.MAX_VALUE) fresh = min(fresh, firstBeyond(frames, from, to, after - 1, 0));
      }
    }
    if (from !== fresh) fill<u32>(out, from, fresh, length, code);
    if (fresh !== to) fill<u32>(out, fresh, to, length, LAST_USABLE);
    done = to;
  }
  fill<u32>(out, done, length, length, NO_DATA);
}

/** As statusLinear, for the runs of `runsBetween`. */
export function statusLinearRuns(
  runs: usize,
  frames: usize,
  length: usize,
  times: usize,
  sampleLength: usize,
  sampleStatus: usize,
  skipped: usize,
  staleAfter: u64,
  out: usize,
): void {
  const first = load<u32>(runs) as usize;
  const last = first + (load<u32>(runs, 4) as usize);
  let done: usize = 0;
  let run = runs + 8;
  for (let k = first; k < last; k++, run += 8) {
    const from = load<u32>(run) as usize;
    const to = load<u32>(run, 4) as usize;
    if (from === to) continue;
    if (done !== from) fill<u32>(out, done, from, length, NO_DATA);
    done = to;
    const time = load<i64>(times + (k << 3));
    const own = statusOf(sampleStatus, k);
    const next = k + 1 < sampleLength ? statusOf(sampleStatus, k + 1) : 0;
    let exact = from;
    let after = from;
    if (load<i64>(frames + (from << 3)) <= time) {
      after = firstBeyond(frames, from, to, time, 0);
      if (load<i64>(frames + (from << 3)) < time) exact = firstBeyond(frames, from, after, time - 1, 0);
    }
    if (from !== exact) fill<u32>(out, from, exact, length, SUB_NORMAL);
    if (exact !== after) fill<u32>(out, exact, after, length, own);
    if (after === to) continue;
    let code = SUB_NORMAL;
    if (k + 1 < sampleLength) {
      const isBlemished = (own | next) >> 30 !== 0 || (skipped !== 0 && load<u8>(skipped + k) !== 0);
      code = isBlemished ? INTERPOLATED_SUB_NORMAL : INTERPOLATED;
    }
    if (bad(own) || bad(next)) code = bad(own) ? own : next;
    const fresh = bad(code) ? to : firstBeyond(frames, after, to, time, staleAfter);
    if (after !== fresh) fill<u32>(out, after, fresh, length, code);
    if (fresh !== to) fill<u32>(out, fresh, to, length, LAST_USABLE);
  }
  fill<u32>(out, done, length, length, NO_DATA);
}
