import { bitAt } from "./validity";

/** A vector of one value; `T` is a whole number of its width. */
function splat<T extends number>(value: T): v128 {
  if (sizeof<T>() === 8) return i64x2.splat(value as i64);
  if (sizeof<T>() === 4) return i32x4.splat(value as i32);
  return i8x16.splat(value as i8);
}

/**
 * Writes `value` into out[from .. to).
 *
 * Whole 64 bytes are written while they fit the column, so entries after `to` may change: they come later.
 */
export function fill<T extends number>(out: usize, from: usize, to: usize, length: usize, value: T): void {
  const wide = splat<T>(value);
  let at = out + from * sizeof<T>();
  const stop = out + to * sizeof<T>();
  const end = out + length * sizeof<T>();
  while (at < stop && at + 64 <= end) {
    v128.store(at, wide);
    v128.store(at, wide, 16);
    v128.store(at, wide, 32);
    v128.store(at, wide, 48);
    at += 64;
  }
  for (; at < stop; at += sizeof<T>()) store<T>(at, value);
}

/** Sets the bits [from, to). */
export function setBits(bits: usize, from: usize, to: usize): void {
  if (from >= to) return;
  const last = (to - 1) >> 6;
  let word = from >> 6;
  let mask: u64 = u64.MAX_VALUE << ((from & 63) as u64);
  for (; word < last; word++) {
    store<u64>(bits + (word << 3), load<u64>(bits + (word << 3)) | mask);
    mask = u64.MAX_VALUE;
  }
  mask &= u64.MAX_VALUE >> ((63 - ((to - 1) & 63)) as u64);
  store<u64>(bits + (word << 3), load<u64>(bits + (word << 3)) | mask);
}

export function clearBits(bits: usize, length: usize): void {
  memory.fill(bits, 0, ((length + 63) >> 6) << 3);
}

function fillRuns<T extends number>(
  runs: usize,
  values: usize,
  validity: usize,
  length: usize,
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
    const to = load<u32>(run, 4) as usize;
    if (from === to || (validity !== 0 && bitAt(validity, k) === 0)) continue;
    if (done !== from) {
      fill<T>(outValues, done, from, length, 0 as T);
      setBits(outValidity, begun, done);
      valid += done - begun;
      begun = from;
    }
    fill<T>(outValues, from, to, length, load<T>(values + k * sizeof<T>()));
    done = to;
  }
  setBits(outValidity, begun, done);
  fill<T>(outValues, done, length, length, 0 as T);
  return valid + done - begun;
}

/**
 * Writes 8-byte values for the frames of each run.
 *
 *   values 7 8 9, runs of the samples 1 and 2: [1, 3) [3, 4) -> out 0 8 8 9 0, bits 0b01110
 *
 * runs         in   as written by `runs`
 * values       in   8 bytes, one a sample
 * validity     in   bits of `values`; address 0 means that all are valid
 * length            how many frames there are
 * outValues    out  8 bytes [length], 0 under a 0 bit
 * outValidity  out  bits[length], written in whole 64-bit words, zero past the length
 * returns           how many are valid
 *
 * O(runs + length), of which length is stores of 64 bytes in a row.
 */
export function fill64(
  runs: usize,
  values: usize,
  validity: usize,
  length: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  return fillRuns<u64>(runs, values, validity, length, outValues, outValidity);
}

/** As fill64, for 4-byte values. */
export function fill32(
  runs: usize,
  values: usize,
  validity: usize,
  length: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  return fillRuns<u32>(runs, values, validity, length, outValues, outValidity);
}

/** As fill64, for 1-byte values. */
export function fill8(
  runs: usize,
  values: usize,
  validity: usize,
  length: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  return fillRuns<u8>(runs, values, validity, length, outValues, outValidity);
}

/**
 * The bitmap of the frames that have a match.
 *
 *   runs [1, 3) [3, 4), length 5 -> bits 0b01110
 *
 * runs     in   as written by `runs`
 * out      out  bits[length], written in whole 64-bit words, zero past the length
 * returns       how many bits are 1
 *
 * O(runs + length / 64).
 */
export function matchedRuns(runs: usize, length: usize, out: usize): usize {
  const end = runs + 8 + (load<u32>(runs, 4) << 3);
  clearBits(out, length);
  let count: usize = 0;
  for (let run = runs + 8; run < end; run += 8) {
    const from = load<u32>(run) as usize;
    const to = load<u32>(run, 4) as usize;
    count += to - from;
    setBits(out, from, to);
  }
  return count;
}

/**
 * The position of each frame's match.
 *
 *   runs of the samples 1 and 2: [1, 3) [3, 4), length 5 -> index -1 1 1 2 -1
 *
 * runs   in   as written by `runs`
 * index  out  i32[length]  -1 where there is no match
 * returns     how many frames have one
 *
 * O(runs + length).
 */
export function indexRuns(runs: usize, length: usize, index: usize): usize {
  const first = load<u32>(runs) as usize;
  const last = first + (load<u32>(runs, 4) as usize);
  let count: usize = 0;
  let done: usize = 0;
  let run = runs + 8;
  for (let k = first; k < last; k++, run += 8) {
    const from = load<u32>(run) as usize;
    const to = load<u32>(run, 4) as usize;
    if (from === to) continue;
    if (done !== from) fill<i32>(index, done, from, length, -1);
    fill<i32>(index, from, to, length, k as i32);
    count += to - from;
    done = to;
  }
  fill<i32>(index, done, length, length, -1);
  return count;
}
