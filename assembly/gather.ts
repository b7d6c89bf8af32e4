import { bitAt, clearNulls, isStretch, matchedWord, wordFrom } from "./validity";

/** Copies 64 entries. */
function copyStretch<T>(from: usize, into: usize): void {
  for (let at: usize = 0; at < 64 * sizeof<T>(); at += 64) {
    v128.store(into + at, v128.load(from + at));
    v128.store(into + at, v128.load(from + at, 16), 16);
    v128.store(into + at, v128.load(from + at, 32), 32);
    v128.store(into + at, v128.load(from + at, 48), 48);
  }
}

/** Fetches up to 64 entries; returns their validity bits. */
function fetch<T extends number>(
  index: usize,
  values: usize,
  base: usize,
  end: usize,
  outValues: usize,
): u64 {
  const word = matchedWord(index, base, end);
  if (word === u64.MAX_VALUE) {
    for (let i = base; i < end; i += 4) {
      const four = index + (i << 2);
      const into = outValues + i * sizeof<T>();
      store<T>(into, load<T>(values + (load<u32>(four) as usize) * sizeof<T>()));
      store<T>(into + sizeof<T>(), load<T>(values + (load<u32>(four, 4) as usize) * sizeof<T>()));
      store<T>(into + 2 * sizeof<T>(), load<T>(values + (load<u32>(four, 8) as usize) * sizeof<T>()));
      store<T>(into + 3 * sizeof<T>(), load<T>(values + (load<u32>(four, 12) as usize) * sizeof<T>()));
    }
    return word;
  }
  let left = word;
  for (let i = base; i < end; i++) {
    const k = load<i32>(index + (i << 2));
    // A missing match reads entry 0, which the mask turns into 0: cheaper than a branch that mispredicts.
    const value = load<T>(values + (max<i32>(k, 0) as usize) * sizeof<T>());
    store<T>(outValues + i * sizeof<T>(), select<T>(value, 0 as T, (left & 1) !== 0));
    left >>= 1;
  }
  return word;
}

/** As fetch, from entries of which some are null. */
function fetchValid<T extends number>(
  index: usize,
  values: usize,
  validity: usize,
  base: usize,
  end: usize,
  outValues: usize,
): u64 {
  let word: u64 = 0;
  for (let i = base; i < end; i++) {
    const k = load<i32>(index + (i << 2));
    const at = max<i32>(k, 0) as usize;
    const bit = bitAt(validity, at) & u32(k >= 0);
    word |= (bit as u64) << ((i - base) as u64);
    const value = load<T>(values + at * sizeof<T>());
    store<T>(outValues + i * sizeof<T>(), select<T>(value, 0 as T, bit !== 0));
  }
  return word;
}

function gather<T extends number>(
  index: usize,
  values: usize,
  validity: usize,
  length: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  let count: usize = 0;
  for (let base: usize = 0; base < length; base += 64) {
    const end = min(base + 64, length);
    let word: u64 = u64.MAX_VALUE;
    if (base + 64 <= length && isStretch(index + (base << 2))) {
      const first = load<u32>(index + (base << 2)) as usize;
      const into = outValues + base * sizeof<T>();
      copyStretch<T>(values + first * sizeof<T>(), into);
      if (validity !== 0) {
        word = wordFrom(validity, first);
        clearNulls<T>(into, word);
      }
    } else if (validity === 0) {
      word = fetch<T>(index, values, base, end, outValues);
    } else {
      word = fetchValid<T>(index, values, validity, base, end, outValues);
    }
    count += popcnt<u64>(word) as usize;
    store<u64>(outValidity + (base >> 3), word);
  }
  return count;
}

/**
 * Fetches 8-byte values by position.
 *
 *   values 7 8 9, index 2 -1 0 -> out 9 0 7, bits 0b101
 *
 * index        in   i32[length]  a position in `values`, or -1
 * values       in   8 bytes [at least 1]
 * validity     in   bits of `values`; address 0 means that all are valid
 * outValues    out  8 bytes [length], 0 under a 0 bit
 * outValidity  out  bits[length], written in whole 64-bit words, zero past the length
 * returns           how many are valid
 *
 * A position outside `values` reads other memory: the host vouches for the index. O(length).
 */
export function gather64(
  index: usize,
  values: usize,
  validity: usize,
  length: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  return gather<u64>(index, values, validity, length, outValues, outValidity);
}

/** As gather64, for 4-byte values. */
export function gather32(
  index: usize,
  values: usize,
  validity: usize,
  length: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  return gather<u32>(index, values, validity, length, outValues, outValidity);
}

/** As gather64, for 1-byte values. */
export function gather8(
  index: usize,
  values: usize,
  validity: usize,
  length: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  return gather<u8>(index, values, validity, length, outValues, outValidity);
}
