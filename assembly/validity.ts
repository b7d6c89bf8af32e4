/** Bit `i` of an Arrow bitmap (least significant bit first). */
export function bitAt(bitmap: usize, i: usize): u32 {
  return ((load<u8>(bitmap + (i >> 3)) as u32) >> ((i & 7) as u32)) & 1;
}

/** The 64 bits from bit `base` (a multiple of 64) on; bits from `length` on are 0 and their bytes are not read. */
export function wordAt(bitmap: usize, base: usize, length: usize): u64 {
  if (base + 64 <= length) return load<u64>(bitmap + (base >> 3));
  let word: u64 = 0;
  for (let i = base; i < length; i += 8) {
    word |= (load<u8>(bitmap + (i >> 3)) as u64) << ((i - base) as u64);
  }
  return word & (((1 as u64) << ((length - base) as u64)) - 1);
}

/** The 64 bits from any bit on; the bytes before and after theirs are not read. */
export function wordFrom(bitmap: usize, from: usize): u64 {
  const at = bitmap + (from >> 3);
  const shift = (from & 7) as u64;
  const low = load<u64>(at) >> shift;
  return shift === 0 ? low : low | ((load<u8>(at, 8) as u64) << (64 - shift));
}

/** Writes 0 into those of 64 entries whose bit is 0. */
export function clearNulls<T extends number>(entries: usize, word: u64): void {
  for (let nulls = ~word; nulls !== 0; nulls &= nulls - 1) {
    store<T>(entries + (ctz<u64>(nulls) as usize) * sizeof<T>(), 0 as T);
  }
}

/**
 * Packs booleans into an Arrow bitmap, 16 at a time.
 *
 *   bytes 1 0 1 1 -> bits 0b1101
 *
 * bytes  in   u8[length]  0 is false, anything else true
 * out    out  bits[length], written in whole 64-bit words, zero past the length
 *
 * O(length).
 */
export function packBits(bytes: usize, length: usize, out: usize): void {
  const zero = i8x16.splat(0);
  for (let base: usize = 0; base < length; base += 64) {
    const end = min(base + 64, length);
    let word: u64 = 0;
    let i = base;
    for (; i + 16 <= end; i += 16) {
      word |= (i8x16.bitmask(i8x16.ne(v128.load(bytes + i), zero)) as u64) << ((i - base) as u64);
    }
    for (; i < end; i++) {
      const set = load<u8>(bytes + i) !== 0;
      word |= u64(set) << ((i - base) as u64);
    }
    store<u64>(out + (base >> 3), word);
  }
}

/** The validity bits of up to 64 index entries from `base` on: 1 where the entry is a position. */
export function matchedWord(index: usize, base: usize, end: usize): u64 {
  let word: u64 = 0;
  let i = base;
  for (; i + 4 <= end; i += 4) {
    word |= (i32x4.bitmask(v128.not(v128.load(index + (i << 2)))) as u64) << ((i - base) as u64);
  }
  for (; i < end; i++) {
    // A name of its own, because a comparison inside u64() would itself be made in u64.
    const found = load<i32>(index + (i << 2)) >= 0;
    word |= u64(found) << ((i - base) as u64);
  }
  return word;
}

/** Whether 64 index entries are positions that follow one another, as where samples come at the rate of frames. */
export function isStretch(index: usize): bool {
  const first = load<i32>(index);
  // Eight entries and not two, because where a tolerance bites a branch on two mispredicts.
  if (i32x4.bitmask(v128.or(v128.load(index), v128.load(index, 240))) !== 0) return false;
  if (load<i32>(index, 252) - first !== 63) return false;
  let expected = i32x4.add(i32x4.splat(first), i32x4(0, 1, 2, 3));
  let other = i32x4.splat(0);
  for (let at: usize = 0; at < 256; at += 32) {
    other = v128.or(other, v128.xor(v128.load(index + at), expected));
    expected = i32x4.add(expected, i32x4.splat(4));
    other = v128.or(other, v128.xor(v128.load(index + at, 16), expected));
    expected = i32x4.add(expected, i32x4.splat(4));
  }
  return !v128.any_true(other);
}

/**
 * The Arrow bitmap of an index column.
 *
 *   index -1 0 0 3 -> bits 0b1110
 *
 * index     in   i32[length]  a position, or a negative number where nothing matched
 * validity  out  bits[length], written in whole 64-bit words, zero past the length
 * returns        how many bits are 1
 *
 * O(length).
 */
export function matched(index: usize, length: usize, validity: usize): usize {
  let count: usize = 0;
  for (let base: usize = 0; base < length; base += 64) {
    const word = matchedWord(index, base, min(base + 64, length));
    count += popcnt<u64>(word) as usize;
    store<u64>(validity + (base >> 3), word);
  }
  return count;
}

/**
 * Marks the last of each group of equal times.
 *
 *   times 10 20 20 30 -> bits 0b1101
 *
 * times    in   i64[length]  ns, equal times beside one another
 * keep     out  bits[length], written in whole 64-bit words, zero past the length
 * returns       how many bits are 1
 *
 * O(length).
 */
export function lastOfEqual(times: usize, length: usize, keep: usize): usize {
  let count: usize = 0;
  for (let base: usize = 0; base < length; base += 64) {
    const end = min(base + 64, length);
    let word: u64 = 0;
    let i = base;
    for (; i + 2 < length && i < end; i += 2) {
      const at = times + (i << 3);
      word |= (i64x2.bitmask(i64x2.ne(v128.load(at), v128.load(at, 8))) as u64) << ((i - base) as u64);
    }
    for (; i < end; i++) {
      const last = i + 1 === length || load<i64>(times + (i << 3)) !== load<i64>(times + ((i + 1) << 3));
      word |= u64(last) << ((i - base) as u64);
    }
    count += popcnt<u64>(word) as usize;
    store<u64>(keep + (base >> 3), word);
  }
  return count;
}

function compact<T>(values: usize, length: usize, keep: usize, out: usize): usize {
  let into = out;
  for (let base: usize = 0; base < length; base += 64) {
    let word = wordAt(keep, base, length);
    const from = values + base * sizeof<T>();
    if (word === u64.MAX_VALUE) {
      memory.copy(into, from, 64 * sizeof<T>());
      into += 64 * sizeof<T>();
      continue;
    }
    for (; word !== 0; word &= word - 1) {
      store<T>(into, load<T>(from + (ctz<u64>(word) as usize) * sizeof<T>()));
      into += sizeof<T>();
    }
  }
  return (into - out) / sizeof<T>();
}

/**
 * Keeps the 8-byte entries whose bit is 1, in order.
 *
 *   values a b c d, keep 0b1101 -> out a c d
 *
 * values   in   8 bytes [length]
 * keep     in   bits[length]
 * out      out  8 bytes [number of 1 bits]; may be `values`
 * returns       how many entries were kept
 *
 * O(length).
 */
export function compact64(values: usize, length: usize, keep: usize, out: usize): usize {
  return compact<u64>(values, length, keep, out);
}

/** As compact64, for 4-byte entries. */
export function compact32(values: usize, length: usize, keep: usize, out: usize): usize {
  return compact<u32>(values, length, keep, out);
}

/** As compact64, for 1-byte entries. */
export function compact8(values: usize, length: usize, keep: usize, out: usize): usize {
  return compact<u8>(values, length, keep, out);
}
