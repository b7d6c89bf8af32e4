import { bitAt } from "./validity";

/**
 * Two u64 as float64, rounded once.
 *
 * Each 32-bit half becomes the low mantissa of a float64 (2^52 + low, 2^84 + high * 2^32); taking off the two
 * constants is exact and the last addition is the only one that rounds.
 */
function toFloat(x: v128): v128 {
  const high = v128.or(i64x2.shr_u(x, 32), i64x2.splat(0x4530000000000000));
  const low = v128.or(v128.and(x, i64x2.splat(0xffffffff)), i64x2.splat(0x4330000000000000));
  return f64x2.add(f64x2.sub(high, i64x2.splat(0x4530000000100000)), low);
}

/** The linear value of one frame, stored at `out`; returns its validity bit. */
function linearOne(
  time: i64,
  k: i32,
  times: usize,
  values: usize,
  validity: usize,
  sampleLength: usize,
  maxGap: u64,
  holdTolerance: u64,
  out: usize,
): u64 {
  store<f64>(out, 0);
  if (sampleLength === 0) return 0;
  const before = max<i32>(k, 0) as usize;
  if (validity !== 0 && bitAt(validity, before) === 0) return 0;
  const time0 = load<i64>(times + (before << 3));
  const value0 = load<f64>(values + (before << 3));
  if (k < 0 || before + 1 >= sampleLength) {
    // Distance 0 is an exact hit on the last sample, which a hold tolerance of 0 lets through.
    const distance = (k < 0 ? time0 - time : time - time0) as u64;
    if (distance > holdTolerance) return 0;
    store<f64>(out, value0);
    return 1;
  }
  if (time === time0) {
    store<f64>(out, value0);
    return 1;
  }
  if (validity !== 0 && bitAt(validity, before + 1) === 0) return 0;
  const gap = (load<i64>(times + (before << 3), 8) - time0) as u64;
  if (gap > maxGap) return 0;
  const weight = ((time - time0) as u64 as f64) / (gap as f64);
  store<f64>(out, value0 + weight * (load<f64>(values + (before << 3), 8) - value0));
  return 1;
}

/** All ones in the lanes whose sample is valid. */
function validLanes(validity: usize, a: usize, b: usize): v128 {
  const first = i64x2.splat(-(bitAt(validity, a) as i64));
  return i64x2.replace_lane(first, 1, -(bitAt(validity, b) as i64));
}

/**
 * The value on the straight line between the samples around each frame.
 *
 *   samples   (10, 1.0)  (20, 3.0)         frames  10   15   20   25
 *   index      0    0    1    1            out    1.0  2.0  3.0  null (3.0 where held)
 *
 * frames         in   i64[length]        ns
 * times          in   i64[sampleLength]  ns, ascending, no two equal
 * values         in   f64[sampleLength]
 * validity       in   bits[sampleLength]; address 0 means that all are valid
 * index          in   i32[length]        the last sample at or before each frame, or -1
 * maxGap              ns, inclusive, u64: the widest distance of the two samples; all ones is no limit
 * holdTolerance       ns, inclusive, u64: how far outside the samples the first or last value holds; 0 is not at all
 * outValues      out  f64[length], v0 + w * (v1 - v0) with w = (t - t0) / (t1 - t0); 0 under a 0 bit
 * outValidity    out  bits[length], written in whole 64-bit words, zero past the length
 * returns             how many are valid
 *
 * Differences are exact u64 and then rounded to float64. A frame on a valid sample copies its value, whatever the
 * neighbours are; otherwise an invalid sample on either side gives null. Both forms, two frames at once and one,
 * give the same bits. O(length).
 */
export function linear(
  frames: usize,
  length: usize,
  times: usize,
  values: usize,
  validity: usize,
  sampleLength: usize,
  index: usize,
  maxGap: u64,
  holdTolerance: u64,
  outValues: usize,
  outValidity: usize,
): usize {
  const inner = max<usize>(sampleLength, 1) - 1;
  const sign = i64x2.splat(i64.MIN_VALUE);
  const limit = v128.xor(i64x2.splat(maxGap as i64), sign);
  let count: usize = 0;
  for (let base: usize = 0; base < length; base += 64) {
    const end = min(base + 64, length);
    let word: u64 = 0;
    for (let i = base; i < end; i += 2) {
      const pair = i + 1 < end;
      const k = load<i32>(index + (i << 2));
      const j = pair ? load<i32>(index + (i << 2), 4) : k;
      const a = k as u32 as usize;
      const b = j as u32 as usize;
      if (pair && a < inner && b < inner) {
        const timeA = v128.load(times + (a << 3));
        const timeB = v128.load(times + (b << 3));
        const valueA = v128.load(values + (a << 3));
        const valueB = v128.load(values + (b << 3));
        const time = v128.load(frames + (i << 3));
        const time0 = v128.shuffle<i64>(timeA, timeB, 0, 2);
        const value0 = v128.shuffle<f64>(valueA, valueB, 0, 2);
        const gap = i64x2.sub(v128.shuffle<i64>(timeA, timeB, 1, 3), time0);
        const weight = f64x2.div(toFloat(i64x2.sub(time, time0)), toFloat(gap));
        const rise = f64x2.sub(v128.shuffle<f64>(valueA, valueB, 1, 3), value0);
        const blend = f64x2.add(value0, f64x2.mul(weight, rise));
        const exact = i64x2.eq(time, time0);
        let valid = i64x2.le_s(v128.xor(gap, sign), limit);
        if (validity !== 0) {
          valid = v128.and(valid, validLanes(validity, a + 1, b + 1));
          valid = v128.and(v128.or(valid, exact), validLanes(validity, a, b));
        } else {
          valid = v128.or(valid, exact);
        }
        v128.store(outValues + (i << 3), v128.and(v128.bitselect(value0, blend, exact), valid));
        word |= (i64x2.bitmask(valid) as u64) << ((i - base) as u64);
        continue;
      }
      const at = outValues + (i << 3);
      const time = load<i64>(frames + (i << 3));
      const bit = (i - base) as u64;
      word |= linearOne(time, k, times, values, validity, sampleLength, maxGap, holdTolerance, at) << bit;
      if (!pair) break;
      const next = load<i64>(frames + (i << 3), 8);
      word |=
        linearOne(next, j, times, values, validity, sampleLength, maxGap, holdTolerance, at + 8) << (bit + 1);
    }
    count += popcnt<u64>(word) as usize;
    store<u64>(outValidity + (base >> 3), word);
  }
  return count;
}
