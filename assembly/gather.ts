import { bitAt, matchedWord } from "./validity";

/** The bits of `word` that stay when the source entries under a 0 bit are taken out. */
function maskWord(word: u64, index: usize, base: usize, validity: usize): u64 {
  let kept: u64 = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) {
    const at = ctz<u64>(rest);
    const k = load<u32>(index + ((base + (at as usize)) << 2)) as usize;
    kept |= (bitAt(validity, k) as u64) << at;
  }
  return kept;
}

function gather<T extends number>(
  values: usize,
  validity: usize,
  index: usize,
  length: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  let count: usize = 0;
  for (let base: usize = 0; base < length; base += 64) {
    const end = min(base + 64, length);
    let word = matchedWord(index, base, end);
    if (validity !== 0) word = maskWord(word, index, base, validity);
    count += popcnt<u64>(word) as usize;
    store<u64>(outValidity + (base >> 3), word);
    for (let i = base; i < end; i++) {
      const k = load<i32>(index + (i << 2));
      // A missing match reads entry 0, which the mask turns into 0: cheaper than a branch that mispredicts.
      const value = load<T>(values + (max<i32>(k, 0) as usize) * sizeof<T>());
      store<T>(outValues + i * sizeof<T>(), select<T>(value, 0 as T, (word & 1) !== 0));
      word >>= 1;
    }
  }
  return count;
}

/**
 * Fetches 8-byte values by position.
 *
 *   values 7 8 9, index 2 -1 0 -> out 9 0 7, bits 0b101
 *
 * values       in   8 bytes [at least 1]
 * validity     in   bits of `values`; address 0 means that all are valid
 * index        in   i32[length]  a position in `values`, or -1
 * outValues    out  8 bytes [length], 0 under a 0 bit
 * outValidity  out  bits[length], written in whole 64-bit words, zero past the length
 * returns           how many are valid
 *
 * A position outside `values` reads other memory: the host vouches for the index. O(length).
 */
export function gather64(
  values: usize,
  validity: usize,
  index: usize,
  length: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  return gather<u64>(values, validity, index, length, outValues, outValidity);
}

/** As gather64, for 4-byte values. */
export function gather32(
  values: usize,
  validity: usize,
  index: usize,
  length: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  return gather<u32>(values, validity, index, length, outValues, outValidity);
}

/** As gather64, for 1-byte values. */
export function gather8(
  values: usize,
  validity: usize,
  index: usize,
  length: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  return gather<u8>(values, validity, index, length, outValues, outValidity);
}
