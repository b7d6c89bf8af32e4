import { bitAt, clearNulls, isStretch, wordAt, wordFrom } from "./validity";

/** The bits of 2^52: an int64 of 0 .. 2^52 - 1 added to them is 2^52 more than itself as a float64. */
export const TWO52: i64 = 0x4330000000000000;

/**
 * The quotient of two pairs of u64 as float64, each rounded once before.
 *
 * Each 32-bit half becomes the low mantissa of a float64 (2^52 + low, 2^84 + high * 2^32); taking off the two
 * constants is exact and the last addition is the only one that rounds.
 */
function quotient(a: v128, b: v128): v128 {
  const low = i64x2.splat(0xffffffff);
  const lowOne = i64x2.splat(TWO52);
  const highOne = i64x2.splat(0x4530000000000000);
  const both = f64x2.splat(reinterpret<f64>(0x4530000000100000 as i64));
  const highA = f64x2.sub(v128.or(i64x2.shr_u(a, 32), highOne), both);
  const highB = f64x2.sub(v128.or(i64x2.shr_u(b, 32), highOne), both);
  const floatA = f64x2.add(highA, v128.or(v128.and(a, low), lowOne));
  const floatB = f64x2.add(highB, v128.or(v128.and(b, low), lowOne));
  return f64x2.div(floatA, floatB);
}

/** The weight of one frame: 0 on the sample, NaN where there is no line. */
function weightOne(
  time: i64,
  k: i32,
  times: usize,
  sampleLength: usize,
  maxGap: u64,
  holdBefore: u64,
  holdAfter: u64,
): f64 {
  if (sampleLength === 0) return NaN;
  if (k < 0) return ((load<i64>(times) - time) as u64) <= holdBefore ? 0 : NaN;
  const at = times + ((k as usize) << 3);
  const distance = (time - load<i64>(at)) as u64;
  // Distance 0 is an exact hit, which a hold of 0 lets through.
  if ((k as usize) + 1 >= sampleLength) return distance <= holdAfter ? 0 : NaN;
  if (distance === 0) return 0;
  const gap = (load<i64>(at, 8) - load<i64>(at)) as u64;
  return gap <= maxGap ? (distance as f64) / (gap as f64) : NaN;
}

/**
 * How far each frame is on its way from the sample before it to the next one.
 *
 *   samples at 10 and 20, frames 10 15 20 25, index 0 0 1 1 -> 0 0.5 0 NaN (0 where held), bits 0b0111
 *
 * frames        in   i64[length]        ns
 * times         in   i64[sampleLength]  ns, ascending, no two equal
 * index         in   i32[length]        the last sample at or before each frame, or -1
 * maxGap             ns, inclusive, u64: the widest distance of the two samples; all ones is no limit
 * holdBefore         ns, inclusive, u64: how far before the first sample its value holds; 0 is not at all
 * holdAfter          ns, inclusive, u64: how far after the last sample
 * weights       out  f64[length]  (t - t0) / (t1 - t0), below or rounded to 1; 0 on a sample or where one holds; NaN
 *                    where there is no value
 * matched       out  bits[length]  whether it is a number; whole 64-bit words, zero past the length
 * returns            how many are
 *
 * Differences are exact u64 and then rounded to float64. O(length).
 */
export function weights(
  frames: usize,
  length: usize,
  times: usize,
  sampleLength: usize,
  index: usize,
  maxGap: u64,
  holdBefore: u64,
  holdAfter: u64,
  weights: usize,
  matched: usize,
): usize {
  const inner = max<usize>(sampleLength, 1) - 1;
  const sign = i64x2.splat(i64.MIN_VALUE);
  const limit = v128.xor(i64x2.splat(maxGap as i64), sign);
  const offset = f64x2.splat(reinterpret<f64>(TWO52));
  const bias = i64x2.splat(TWO52);
  const zero = i64x2.splat(0);
  const isNear = inner > 0 && ((load<i64>(times + (inner << 3)) - load<i64>(times)) as u64) < 1 << 52;
  let count: usize = 0;
  for (let base: usize = 0; base < length; base += 64) {
    const end = min(base + 64, length);
    let word: u64 = 0;
    let i = base;
    for (; i + 2 <= end; i += 2) {
      const k = load<i32>(index + (i << 2));
      const j = load<i32>(index + (i << 2), 4);
      const a = k as u32 as usize;
      const b = j as u32 as usize;
      if (a >= inner || b >= inner) {
        for (let n: usize = 0; n < 2; n++) {
          const time = load<i64>(frames + ((i + n) << 3));
          const one = n === 0 ? k : j;
          const weight = weightOne(time, one, times, sampleLength, maxGap, holdBefore, holdAfter);
          store<f64>(weights + ((i + n) << 3), weight);
          const found = weight >= 0;
          word |= u64(found) << ((i + n - base) as u64);
        }
        continue;
      }
      const timeA = v128.load(times + (a << 3));
      const timeB = v128.load(times + (b << 3));
      const time0 = v128.shuffle<i64>(timeA, timeB, 0, 2);
      const distance = i64x2.sub(v128.load(frames + (i << 3)), time0);
      const gap = i64x2.sub(v128.shuffle<i64>(timeA, timeB, 1, 3), time0);
      let weight: v128;
      if (isNear) {
        const width = f64x2.sub(i64x2.add(gap, bias), offset);
        weight = f64x2.div(f64x2.sub(i64x2.add(distance, bias), offset), width);
      } else {
        weight = quotient(distance, gap);
      }
      if (maxGap !== u64.MAX_VALUE) {
        const isWide = i64x2.gt_s(v128.xor(gap, sign), limit);
        // All ones are a NaN.
        weight = v128.or(weight, v128.andnot(isWide, i64x2.eq(distance, zero)));
      }
      v128.store(weights + (i << 3), weight);
      word |= (i64x2.bitmask(f64x2.eq(weight, weight)) as u64) << ((i - base) as u64);
    }
    if (i < end) {
      const time = load<i64>(frames + (i << 3));
      const k = load<i32>(index + (i << 2));
      const weight = weightOne(time, k, times, sampleLength, maxGap, holdBefore, holdAfter);
      store<f64>(weights + (i << 3), weight);
      const found = weight >= 0;
      word |= u64(found) << ((i - base) as u64);
    }
    count += popcnt<u64>(word) as usize;
    store<u64>(matched + (base >> 3), word);
  }
  return count;
}

/** The value of one frame, stored at `out`; returns its validity bit. */
function blendOne(k: i32, weight: f64, values: usize, validity: usize, out: usize): u64 {
  store<f64>(out, 0);
  if (!(weight >= 0)) return 0;
  const a = max<i32>(k, 0) as usize;
  if (validity !== 0 && bitAt(validity, a) === 0) return 0;
  const value0 = load<f64>(values + (a << 3));
  store<f64>(out, value0);
  if (weight === 0) return 1;
  if (validity !== 0 && bitAt(validity, a + 1) === 0) {
    store<f64>(out, 0);
    return 0;
  }
  store<f64>(out, value0 + weight * (load<f64>(values + (a << 3), 8) - value0));
  return 1;
}

/** The bit of the sample in the lowest place and that of the next one above it. */
function bitPair(validity: usize, k: usize): i64 {
  const low = load<u8>(validity + (k >> 3)) as u32;
  const high = load<u8>(validity + ((k + 1) >> 3)) as u32;
  return (((low | (high << 8)) >> ((k & 7) as u32)) & 3) as i64;
}

/** The values of 64 frames whose samples follow one another from `values` on; what a NaN weighs is left as it is. */
function blendStretch(weights: usize, values: usize, out: usize): void {
  const zero = f64x2.splat(0);
  for (let at: usize = 0; at < 512; at += 32) {
    const weightA = v128.load(weights + at);
    const weightB = v128.load(weights + at, 16);
    const a = v128.load(values + at);
    const b = v128.load(values + at, 16);
    const lineA = f64x2.add(a, f64x2.mul(weightA, f64x2.sub(v128.load(values + at, 8), a)));
    const lineB = f64x2.add(b, f64x2.mul(weightB, f64x2.sub(v128.load(values + at, 24), b)));
    v128.store(out + at, v128.bitselect(a, lineA, f64x2.eq(weightA, zero)));
    v128.store(out + at, v128.bitselect(b, lineB, f64x2.eq(weightB, zero)), 16);
  }
}

/** Which of 64 frames, whose samples follow one another from bit `first` on, have a value; `word`: which are matched. */
function stretchWord(word: u64, validity: usize, first: usize, weights: usize): u64 {
  const own = word & wordFrom(validity, first);
  const both = own & wordFrom(validity, first + 1);
  let kept = both;
  // The next sample's bit matters unless the frame is on the sample.
  for (let left = own ^ both; left !== 0; left &= left - 1) {
    const isExact = load<f64>(weights + ((ctz<u64>(left) as usize) << 3)) === 0;
    kept |= select<u64>(left & -left, 0, isExact);
  }
  return kept;
}

/**
 * The value on the straight line between the samples around each frame, from weights that tags share.
 *
 *   values 1.0 3.0, index 0 0 1 1, weights 0 0.5 0 NaN -> 1.0 2.0 3.0 null
 *
 * index         in   i32[length]        the last sample at or before each frame, or -1
 * weights       in   f64[length]        as written by `weights` for this index
 * matched       in   bits[length]       as written by `weights`
 * values        in   f64[sampleLength]
 * validity      in   bits[sampleLength]; address 0 means that all are valid
 * outValues     out  f64[length], v0 + w * (v1 - v0), copied where w is 0; 0 under a 0 bit
 * outValidity   out  bits[length], written in whole 64-bit words, zero past the length
 * returns            how many are valid
 *
 * A frame on a valid sample copies its value, whatever the neighbours are; otherwise an invalid sample on either side
 * gives null. O(length).
 */
export function blend(
  index: usize,
  weights: usize,
  matched: usize,
  length: usize,
  values: usize,
  validity: usize,
  sampleLength: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  const inner = max<usize>(sampleLength, 1) - 1;
  const zero = f64x2.splat(0);
  let count: usize = 0;
  for (let base: usize = 0; base < length; base += 64) {
    const end = min(base + 64, length);
    const begin = index + (base << 2);
    if (base + 64 <= length && isStretch(begin) && (load<u32>(begin) as usize) + 63 < inner) {
      const first = load<u32>(begin) as usize;
      const shares = weights + (base << 3);
      const into = outValues + (base << 3);
      let word = wordAt(matched, base, length);
      if (validity !== 0) word = stretchWord(word, validity, first, shares);
      blendStretch(shares, values + (first << 3), into);
      clearNulls<f64>(into, word);
      count += popcnt<u64>(word) as usize;
      store<u64>(outValidity + (base >> 3), word);
      continue;
    }
    let word: u64 = validity === 0 ? wordAt(matched, base, length) : 0;
    let i = base;
    for (; i + 2 <= end; i += 2) {
      const k = load<i32>(index + (i << 2));
      const j = load<i32>(index + (i << 2), 4);
      const a = k as u32 as usize;
      const b = j as u32 as usize;
      const out = outValues + (i << 3);
      if (a >= inner || b >= inner) {
        const bit = (i - base) as u64;
        word |= blendOne(k, load<f64>(weights + (i << 3)), values, validity, out) << bit;
        word |= blendOne(j, load<f64>(weights + (i << 3), 8), values, validity, out + 8) << (bit + 1);
        continue;
      }
      const weight = v128.load(weights + (i << 3));
      const valueA = v128.load(values + (a << 3));
      const valueB = v128.load(values + (b << 3));
      const value0 = v128.shuffle<f64>(valueA, valueB, 0, 2);
      const rise = f64x2.sub(v128.shuffle<f64>(valueA, valueB, 1, 3), value0);
      const line = f64x2.add(value0, f64x2.mul(weight, rise));
      const exact = f64x2.eq(weight, zero);
      let valid = f64x2.eq(weight, weight);
      if (validity !== 0) {
        // The sample's bit is needed, and the next one's unless the frame is on the sample.
        const bits = i64x2.replace_lane(i64x2.splat(bitPair(validity, a)), 1, bitPair(validity, b));
        const needed = v128.or(v128.and(exact, i64x2.splat(1)), v128.andnot(i64x2.splat(3), exact));
        valid = v128.and(valid, i64x2.eq(v128.and(bits, needed), needed));
        word |= (i64x2.bitmask(valid) as u64) << ((i - base) as u64);
      }
      v128.store(out, v128.and(v128.bitselect(value0, line, exact), valid));
    }
    if (i < end) {
      const k = load<i32>(index + (i << 2));
      const weight = load<f64>(weights + (i << 3));
      word |= blendOne(k, weight, values, validity, outValues + (i << 3)) << ((i - base) as u64);
    }
    count += popcnt<u64>(word) as usize;
    store<u64>(outValidity + (base >> 3), word);
  }
  return count;
}
