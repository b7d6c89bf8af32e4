import { countThrough } from "./asof";
import { clearBits, fill, setBits } from "./fill";
import { TWO52 } from "./interpolate";
import { bitAt } from "./validity";

/** Draws the line through (0, value0) and (gap, value1) for frames[from .. to), which are later than `time0`. */
function draw(
  frames: usize,
  from: usize,
  to: usize,
  length: usize,
  time0: i64,
  gap: u64,
  value0: f64,
  value1: f64,
  out: usize,
): void {
  let i = from;
  const rise = f64x2.splat(value1 - value0);
  const start = f64x2.splat(value0);
  if (gap < 1 << 52) {
    const bias = i64x2.splat(time0 - TWO52);
    const offset = f64x2.splat(reinterpret<f64>(TWO52));
    const width = f64x2.splat(gap as f64);
    // Frames after `to` are drawn over later.
    while (i < to && i + 8 <= length) {
      const at = frames + (i << 3);
      const into = out + (i << 3);
      const a = f64x2.div(f64x2.sub(i64x2.sub(v128.load(at), bias), offset), width);
      const b = f64x2.div(f64x2.sub(i64x2.sub(v128.load(at, 16), bias), offset), width);
      const c = f64x2.div(f64x2.sub(i64x2.sub(v128.load(at, 32), bias), offset), width);
      const d = f64x2.div(f64x2.sub(i64x2.sub(v128.load(at, 48), bias), offset), width);
      v128.store(into, f64x2.add(start, f64x2.mul(a, rise)));
      v128.store(into, f64x2.add(start, f64x2.mul(b, rise)), 16);
      v128.store(into, f64x2.add(start, f64x2.mul(c, rise)), 32);
      v128.store(into, f64x2.add(start, f64x2.mul(d, rise)), 48);
      i += 8;
    }
  }
  for (; i < to; i++) {
    const weight = ((load<i64>(frames + (i << 3)) - time0) as u64 as f64) / (gap as f64);
    store<f64>(out + (i << 3), value0 + weight * (value1 - value0));
  }
}

/**
 * The value on the straight line between the samples around each frame, where there are several frames to a sample.
 *
 *   samples (10, 1.0) (20, 3.0), frames 10 15 20 25, runs [0, 2) [2, 3) -> 1.0 2.0 3.0 null
 *
 * runs          in   as written by `runsBetween`: frames that have a value unless a sample is null
 * frames        in   i64[length]        ns
 * times         in   i64[sampleLength]  ns, ascending, no two equal
 * values        in   f64[sampleLength]
 * validity      in   bits[sampleLength]; address 0 means that all are valid
 * outValues     out  f64[length], v0 + w * (v1 - v0) with w = (t - t0) / (t1 - t0); 0 under a 0 bit
 * outValidity   out  bits[length], written in whole 64-bit words, zero past the length
 * returns            how many are valid
 *
 * A frame at or before its sample, or behind the last one, copies the value. O(runs + length).
 */
export function lineRuns(
  runs: usize,
  frames: usize,
  length: usize,
  times: usize,
  values: usize,
  validity: usize,
  sampleLength: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  const first = load<u32>(runs) as usize;
  const last = first + (load<u32>(runs, 4) as usize);
  clearBits(outValidity, length);
  let valid: usize = 0;
  let done: usize = 0;
  let begun: usize = 0;
  let run = runs + 8;
  for (let k = first; k < last; k++, run += 8) {
    const from = load<u32>(run) as usize;
    let to = load<u32>(run, 4) as usize;
    if (from === to || (validity !== 0 && bitAt(validity, k) === 0)) continue;
    const time0 = load<i64>(times + (k << 3));
    const value0 = load<f64>(values + (k << 3));
    const isInner = k + 1 < sampleLength;
    let line = isInner ? from : to;
    if (isInner && load<i64>(frames + (from << 3)) <= time0) {
      line += countThrough(frames + (from << 3), to - from, time0);
    }
    if (isInner && validity !== 0 && bitAt(validity, k + 1) === 0) to = line;
    if (from === to) continue;
    if (done !== from) {
      fill<u64>(outValues, done, from, length, 0);
      setBits(outValidity, begun, done);
      valid += done - begun;
      begun = from;
    }
    if (from !== line) fill<u64>(outValues, from, line, length, reinterpret<u64>(value0));
    if (line !== to) {
      const gap = (load<i64>(times + (k << 3), 8) - time0) as u64;
      draw(frames, line, to, length, time0, gap, value0, load<f64>(values + (k << 3), 8), outValues);
    }
    done = to;
  }
  setBits(outValidity, begun, done);
  fill<u64>(outValues, done, length, length, 0);
  return valid + done - begun;
}
