import { storeVarint } from "./delta";
import { bitAt, matchedWord, wordAt } from "./validity";

/** How many codes from the first on are equal, at most `length`, at least 1. */
function runLength(codes: usize, length: usize): usize {
  const first = load<u32>(codes);
  const lanes = i32x4.splat(first);
  let i: usize = 1;
  for (; i + 4 <= length; i += 4) {
    const equal = i32x4.bitmask(i32x4.eq(v128.load(codes + (i << 2)), lanes));
    if (equal !== 15) return i + (ctz<i32>(~equal) as usize);
  }
  while (i < length && load<u32>(codes + (i << 2)) === first) i++;
  return i;
}

/** Four codes less `base` side by side, `width` bits each, at most 16. */
function packFour(codes: usize, base: v128, width: i32, low: v128): u64 {
  const four = i32x4.sub(v128.load(codes), base);
  const pairs = v128.or(v128.and(four, low), i64x2.shl(i64x2.shr_u(four, 32), width));
  return i64x2.extract_lane(pairs, 0) | (i64x2.extract_lane(pairs, 1) << ((width as i64) << 1));
}

/** One bit-packed run; the last group of eight is filled up with zeros. Returns the address behind it. */
function packLiterals(codes: usize, length: usize, base: u32, width: u32, out: usize): usize {
  let to = storeVarint(out, ((((length + 7) >> 3) << 1) | 1) as u64);
  const bases = i32x4.splat(base);
  const low = i64x2.splat(0xffff_ffff);
  const half = (width << 2) as u64;
  let i: usize = 0;
  for (; i + 8 <= length; i += 8) {
    const from = codes + (i << 2);
    const first = packFour(from, bases, width, low);
    const second = packFour(from + 16, bases, width, low);
    // Eight codes are `width` bytes, up to 16: the next group, or the spare room, takes what is written too far.
    store<u64>(to, half === 64 ? first : first | (second << half));
    store<u64>(to, half === 64 ? second : second >> (64 - half), 8);
    to += width;
  }
  if (i < length) {
    let bits: u64 = 0;
    let high: u64 = 0;
    for (let k: usize = 0; i + k < length; k++) {
      const code = (load<u32>(codes + ((i + k) << 2)) - base) as u64;
      if (k < 4) bits |= code << ((k as u64) * width);
      else high |= code << (((k - 4) as u64) * width);
    }
    store<u64>(to, half === 64 ? bits : bits | (high << half));
    store<u64>(to, half === 64 ? high : high >> (64 - half), 8);
    to += width;
  }
  return to;
}

/**
 * Parquet's RLE/bit-packing hybrid: runs of eight equal codes or more as one entry, the rest in groups of eight.
 *
 *   codes 5 5 5 5 5 5 5 5 5 6 7, base 5, width 2 -> nine times 0, then the packed group 1 2 0 0 0 0 0 0
 *
 * codes    in   u32[length], `base` to `base` + 2^width - 1
 * width         1 to 16 bits
 * out      out  bytes, room for 2 * length + 64, of which the bytes behind the result may be written to as well
 * returns       how many bytes the result has
 *
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/ (RLE). O(length).
 */
export function packHybrid(codes: usize, length: usize, base: u32, width: u32, out: usize): usize {
  let to = out;
  let literals: usize = 0;
  let i: usize = 0;
  while (i < length) {
    const at = codes + (i << 2);
    const run = runLength(at, length - i);
    const pad = (literals - i) & 7;
    if (run < pad + 8) {
      i += run;
      continue;
    }
    i += pad;
    if (i > literals) to = packLiterals(codes + (literals << 2), i - literals, base, width, to);
    to = storeVarint(to, ((run - pad) << 1) as u64);
    store<u16>(to, (load<u32>(at) - base) as u16);
    to += (width + 7) >> 3;
    i += run - pad;
    literals = i;
  }
  if (i > literals) to = packLiterals(codes + (literals << 2), i - literals, base, width, to);
  return to - out;
}

/**
 * Numbers the distinct values in the order in which they first appear.
 *
 *   values 9 9 4 9 -> distinct 9 4, ranks 0 0 1 0
 *
 * values    in   u32[length]
 * distinct  out  u32[capacity]
 * ranks     out  u32[length]
 * returns        how many distinct values there are, or `capacity` + 1 where they are more
 *
 * O(length * distinct) at worst, O(length) where values repeat in runs.
 */
export function rankFew(values: usize, length: usize, capacity: usize, distinct: usize, ranks: usize): usize {
  let count: usize = 0;
  for (let i: usize = 0; i < length; ) {
    const at = values + (i << 2);
    const value = load<u32>(at);
    let rank: usize = 0;
    while (rank < count && load<u32>(distinct + (rank << 2)) !== value) rank++;
    if (rank === count) {
      if (count === capacity) return capacity + 1;
      store<u32>(distinct + (rank << 2), value);
      count++;
    }
    const end = i + runLength(at, length - i);
    const lanes = i32x4.splat(rank as i32);
    for (; i + 4 <= end; i += 4) v128.store(ranks + (i << 2), lanes);
    for (; i < end; i++) store<u32>(ranks + (i << 2), rank as u32);
  }
  return count;
}

/**
 * As rankFew, for codes below a known limit.
 *
 *   codes 7 7 2 7 -> used 7 2, ranks 0 0 1 0
 *
 * codes    in      u32[length], each a position in `table`
 * table    in out  u32, all zero before and after
 * used     out     u32[distinct codes]
 * ranks    out     u32[length]; may be `codes`
 * returns          how many distinct codes there are
 *
 * O(length).
 */
export function rankCodes(codes: usize, length: usize, table: usize, used: usize, ranks: usize): usize {
  let count: usize = 0;
  for (let i: usize = 0; i < length; i++) {
    const code = load<u32>(codes + (i << 2)) as usize;
    const entry = table + (code << 2);
    let rank = load<u32>(entry);
    if (rank === 0) {
      store<u32>(used + (count << 2), code as u32);
      count++;
      rank = count as u32;
      store<u32>(entry, rank);
    }
    store<u32>(ranks + (i << 2), rank - 1);
  }
  for (let k: usize = 0; k < count; k++) {
    store<u32>(table + ((load<u32>(used + (k << 2)) as usize) << 2), 0);
  }
  return count;
}

/**
 * Which entries of an index have a value: a position, and a 1 bit of the source there.
 *
 *   index 2 -1 0, source bits 0b011 -> bits 0b100
 *
 * index     in   i32[length]  a position in the source, or -1
 * source    in   bits of the source
 * validity  out  bits[length], written in whole 64-bit words, zero past the length
 * returns        how many bits are 1
 *
 * O(length).
 */
export function heldBits(index: usize, length: usize, source: usize, validity: usize): usize {
  let count: usize = 0;
  for (let base: usize = 0; base < length; base += 64) {
    let word = matchedWord(index, base, min(base + 64, length));
    for (let rest = word; rest !== 0; rest &= rest - 1) {
      const at = ctz<u64>(rest);
      const k = load<u32>(index + ((base + (at as usize)) << 2)) as usize;
      if (bitAt(source, k) === 0) word ^= (1 as u64) << at;
    }
    count += popcnt<u64>(word) as usize;
    store<u64>(validity + (base >> 3), word);
  }
  return count;
}

/**
 * Keeps the bits whose bit in `keep` is 1, in order.
 *
 *   bits 0b1010, keep 0b1100 -> 0b10
 *
 * bits     in   bits[length]
 * keep     in   bits[length]
 * out      out  bits[number of 1 bits in keep], written in whole 64-bit words, zero past the end
 * returns       how many bits were kept
 *
 * O(length).
 */
export function compactBits(bits: usize, length: usize, keep: usize, out: usize): usize {
  let count: usize = 0;
  let packed: u64 = 0;
  for (let base: usize = 0; base < length; base += 64) {
    const word = wordAt(bits, base, length);
    for (let rest = wordAt(keep, base, length); rest !== 0; rest &= rest - 1) {
      packed |= ((word >> ctz<u64>(rest)) & 1) << ((count & 63) as u64);
      count++;
      if ((count & 63) === 0) {
        store<u64>(out + ((count - 64) >> 3), packed);
        packed = 0;
      }
    }
  }
  if ((count & 63) !== 0) store<u64>(out + ((count >> 6) << 3), packed);
  return count;
}

/**
 * The least and the greatest of i32 values.
 *
 *   values 4 -2 9 -> -2 9
 *
 * values  in   i32[length], at least one
 * out     out  i32[2]
 *
 * O(length).
 */
export function range32(values: usize, length: usize, out: usize): void {
  let least = i32x4.splat(load<i32>(values));
  let most = least;
  let i: usize = 0;
  for (; i + 4 <= length; i += 4) {
    const four = v128.load(values + (i << 2));
    least = i32x4.min_s(least, four);
    most = i32x4.max_s(most, four);
  }
  let low = min(
    min(i32x4.extract_lane(least, 0), i32x4.extract_lane(least, 1)),
    min(i32x4.extract_lane(least, 2), i32x4.extract_lane(least, 3)),
  );
  let high = max(
    max(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1)),
    max(i32x4.extract_lane(most, 2), i32x4.extract_lane(most, 3)),
  );
  for (; i < length; i++) {
    const value = load<i32>(values + (i << 2));
    low = min(low, value);
    high = max(high, value);
  }
  store<i32>(out, low);
  store<i32>(out, high, 4);
}

/** As range32, for i64 values. */
export function range64(values: usize, length: usize, out: usize): void {
  let least = i64x2.splat(load<i64>(values));
  let most = least;
  let i: usize = 0;
  for (; i + 2 <= length; i += 2) {
    const two = v128.load(values + (i << 3));
    least = v128.bitselect(two, least, i64x2.lt_s(two, least));
    most = v128.bitselect(two, most, i64x2.gt_s(two, most));
  }
  let low = min(i64x2.extract_lane(least, 0), i64x2.extract_lane(least, 1));
  let high = max(i64x2.extract_lane(most, 0), i64x2.extract_lane(most, 1));
  if (i < length) {
    low = min(low, load<i64>(values + (i << 3)));
    high = max(high, load<i64>(values + (i << 3)));
  }
  store<i64>(out, low);
  store<i64>(out, high, 8);
}

/** As range32, for f64 values but the NaN; infinity and -infinity, in that order, where all are. */
export function rangeFloat(values: usize, length: usize, out: usize): void {
  let least = f64x2.splat(Infinity);
  let most = f64x2.splat(-Infinity);
  let i: usize = 0;
  // pmin and pmax give their first argument where the second is NaN.
  for (; i + 2 <= length; i += 2) {
    const two = v128.load(values + (i << 3));
    least = f64x2.pmin(least, two);
    most = f64x2.pmax(most, two);
  }
  if (i < length) {
    const two = f64x2.splat(load<f64>(values + (i << 3)));
    least = f64x2.pmin(least, two);
    most = f64x2.pmax(most, two);
  }
  store<f64>(out, min(f64x2.extract_lane(least, 0), f64x2.extract_lane(least, 1)));
  store<f64>(out, max(f64x2.extract_lane(most, 0), f64x2.extract_lane(most, 1)), 8);
}
