/** Values of one block, and of one of its four miniblocks. */
const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/** Unsigned LEB128: seven bits a byte, the lowest first; returns the address behind it. */
export function storeVarint(out: usize, value: u64): usize {
  while (value >= 0x80) {
    store<u8>(out, ((value as u8) & 0x7f) | 0x80);
    value >>= 7;
    out++;
  }
  store<u8>(out, value as u8);
  return out + 1;
}

/** Small numbers of either sign become small unsigned ones: 0 -1 1 -2 -> 0 1 2 3. */
function zigzag(value: i64): u64 {
  return ((value << 1) ^ (value >> 63)) as u64;
}

/** The least of `length` steps from one value to the next, at least one. */
function leastStep(values: usize, length: usize): i64 {
  let least = load<i64>(values, 8) - load<i64>(values);
  let i: usize = 1;
  if (length >= 4) {
    let lanes = i64x2.splat(least);
    for (i = 0; i + 2 <= length; i += 2) {
      const at = values + (i << 3);
      const steps = i64x2.sub(v128.load(at, 8), v128.load(at));
      lanes = v128.bitselect(steps, lanes, i64x2.lt_s(steps, lanes));
    }
    least = min(i64x2.extract_lane(lanes, 0), i64x2.extract_lane(lanes, 1));
  }
  for (; i < length; i++) {
    const at = values + (i << 3);
    least = min(least, load<i64>(at, 8) - load<i64>(at));
  }
  return least;
}

/** The bits that the largest of up to 32 steps needs above `least`. */
function stepWidth(values: usize, length: usize, least: i64): u64 {
  const below = i64x2.splat(least);
  let lanes = i64x2.splat(0);
  let i: usize = 0;
  for (; i + 2 <= length; i += 2) {
    const at = values + (i << 3);
    lanes = v128.or(lanes, i64x2.sub(i64x2.sub(v128.load(at, 8), v128.load(at)), below));
  }
  let bits = i64x2.extract_lane(lanes, 0) | i64x2.extract_lane(lanes, 1);
  if (i < length) {
    const at = values + (i << 3);
    bits |= load<i64>(at, 8) - load<i64>(at) - least;
  }
  return 64 - clz<i64>(bits);
}

/** Packs 32 steps above `least`, of at most 32 bits each, two at a time. */
function packNarrow(values: usize, least: i64, width: u64, out: usize): void {
  const below = i64x2.splat(least);
  const width2 = width << 1;
  let word: u64 = 0;
  let filled: u64 = 0;
  for (let i: usize = 0; i < MINIBLOCK; i += 2) {
    const at = values + (i << 3);
    const steps = i64x2.sub(i64x2.sub(v128.load(at, 8), v128.load(at)), below);
    const pair: u64 = i64x2.extract_lane(steps, 0) | (i64x2.extract_lane(steps, 1) << width);
    word |= pair << filled;
    filled += width2;
    if (filled >= 64) {
      store<u64>(out, word);
      out += 8;
      filled -= 64;
      // Two shifts, because a shift by 64 is none.
      word = (pair >> 1) >> (width2 - filled - 1);
    }
  }
  if (filled !== 0) store<u32>(out, word as u32);
}

/** Packs up to 32 steps above `least` of any width, and zeros up to 32. */
function packAny(values: usize, length: usize, least: i64, width: u64, out: usize): void {
  let word: u64 = 0;
  let filled: u64 = 0;
  for (let i: usize = 0; i < MINIBLOCK; i++) {
    let step: u64 = 0;
    if (i < length) {
      const at = values + (i << 3);
      step = load<i64>(at, 8) - load<i64>(at) - least;
    }
    word |= step << filled;
    filled += width;
    if (filled >= 64) {
      store<u64>(out, word);
      out += 8;
      filled -= 64;
      word = filled === 0 ? 0 : step >> (width - filled);
    }
  }
  // 32 values of `width` bits are 4 * width bytes: what is left over is half a word or nothing.
  if (filled !== 0) store<u32>(out, word as u32);
}

/**
 * Parquet's DELTA_BINARY_PACKED: the first value, then the steps between values in blocks of 128, each step as its
 * distance from the block's least one, in as many bits as the widest of 32 needs.
 *
 *   values 7 5 3 1 2 3 4 5 -> least step -2, distances 0 0 0 3 3 3 3, two bits each
 *
 * values   in   i64[length]
 * out      out  bytes, room for 9 * length + 512; steps wrap as int64
 * returns       how many bytes were written
 *
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/ (DELTA_BINARY_PACKED). O(length).
 */
export function packDelta(values: usize, length: usize, out: usize): usize {
  let to = storeVarint(out, BLOCK);
  to = storeVarint(to, BLOCK / MINIBLOCK);
  to = storeVarint(to, length);
  to = storeVarint(to, length === 0 ? 0 : zigzag(load<i64>(values)));
  for (let base: usize = 0; base + 1 < length; base += BLOCK) {
    const block = values + (base << 3);
    const steps = min(BLOCK, length - 1 - base);
    const least = leastStep(block, steps);
    const widths = storeVarint(to, zigzag(least));
    store<u32>(widths, 0);
    to = widths + BLOCK / MINIBLOCK;
    for (let first: usize = 0; first < steps; first += MINIBLOCK) {
      const from = block + (first << 3);
      const count = min(MINIBLOCK, steps - first);
      const width = stepWidth(from, count, least);
      store<u8>(widths + first / MINIBLOCK, width as u8);
      if (width === 0) continue;
      if (count === MINIBLOCK && width <= 32) packNarrow(from, least, width, to);
      else packAny(from, count, least, width, to);
      to += (width as usize) << 2;
    }
  }
  return to - out;
}
