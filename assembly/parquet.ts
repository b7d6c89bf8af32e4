import { storeVarint } from "./delta";
import { wordAt } from "./validity";

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

/** Four codes side by side, `width` bits each. */
function packFour(codes: usize, width: i32): u64 {
  const four = v128.load(codes);
  const low = i64x2.splat(0xffff_ffff);
  const pairs = v128.or(v128.and(four, low), i64x2.shl(i64x2.shr_u(four, 32), width));
  return i64x2.extract_lane(pairs, 0) | (i64x2.extract_lane(pairs, 1) << ((width as i64) << 1));
}

/** Two halves of a group, four codes each: `width` bytes, and behind them what the next write takes. */
function storeGroup(out: usize, first: u64, second: u64, width: u32): void {
  const half = (width << 2) as u64;
  store<u64>(out, half === 64 ? first : first | (second << half));
  store<u64>(out, half === 64 ? second : second >> (64 - half), 8);
}

/** One bit-packed run; the last group of eight is filled up with zeros. Returns the address behind it. */
function packGroups(codes: usize, length: usize, width: u32, out: usize): usize {
  let to = storeVarint(out, ((((length + 7) >> 3) << 1) | 1) as u64);
  let i: usize = 0;
  for (; i + 8 <= length; i += 8, to += width) {
    const from = codes + (i << 2);
    storeGroup(to, packFour(from, width), packFour(from + 16, width), width);
  }
  if (i === length) return to;
  let first: u64 = 0;
  let second: u64 = 0;
  for (let k: usize = 0; i + k < length; k++) {
    const code = load<u32>(codes + ((i + k) << 2)) as u64;
    if (k < 4) first |= code << ((k as u64) * width);
    else second |= code << (((k - 4) as u64) * width);
  }
  storeGroup(to, first, second, width);
  return to + width;
}

/** Whether eight codes are equal. */
function areEqual(codes: usize): bool {
  const lanes = v128.load32_splat(codes);
  return i32x4.all_true(v128.and(i32x4.eq(v128.load(codes), lanes), i32x4.eq(v128.load(codes, 16), lanes)));
}

/**
 * Parquet's RLE/bit-packing hybrid: runs of equal codes as one entry, the rest packed in groups of eight.
 *
 *   codes 5 5 5 5 5 5 5 5 5 6 7, width 3 -> nine times 5, then the packed group 6 7 0 0 0 0 0 0
 *
 * codes    in   u32[length], less than 2^width
 * width         1 to 16 bits
 * out      out  bytes, room for 2 * length + 64, of which the bytes behind the result may be written to as well
 * returns       how many bytes the result has
 *
 * A run begins where a group of eight would and all eight are equal, and has 64 bits or more. That runs are only looked
 * for there keeps short ones from being mispredicted branches.
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/ (RLE). O(length).
 */
export function packHybrid(codes: usize, length: usize, width: u32, out: usize): usize {
  let to = out;
  let packed: usize = 0;
  let i: usize = 0;
  while (i + 8 <= length) {
    const at = codes + (i << 2);
    const run = areEqual(at) ? runLength(at, length - i) : 0;
    if (run * width < 64) {
      i += 8;
      continue;
    }
    if (i > packed) to = packGroups(codes + (packed << 2), i - packed, width, to);
    to = storeVarint(to, (run << 1) as u64);
    store<u16>(to, load<u32>(at) as u16);
    to += (width + 7) >> 3;
    i += run;
    packed = i;
  }
  if (packed < length) to = packGroups(codes + (packed << 2), length - packed, width, to);
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
 * Numbers the runs of equal neighbours.
 *
 *   values a a b a a -> entries a b a, codes 0 0 1 2 2
 *
 * values   in   8 bytes [length], compared bit by bit
 * most          the most runs that are of use
 * entries  out  8 bytes [most + 64]
 * codes    out  u32[length]
 * returns       how many runs there are, or a number greater than `most` where they are more
 *
 * O(length), less where there are too many runs.
 */
export function rankRuns(values: usize, length: usize, most: usize, entries: usize, codes: usize): usize {
  if (length === 0) return 0;
  let last = load<u64>(values);
  let code: usize = 0;
  store<u64>(entries, last);
  for (let base: usize = 0; base < length && code < most; base += 64) {
    const end = min(base + 64, length);
    for (let i = base; i < end; i++) {
      const value = load<u64>(values + (i << 3));
      code += usize(value !== last);
      store<u64>(entries + (code << 3), value);
      store<u32>(codes + (i << 2), code as u32);
      last = value;
    }
  }
  return code + 1;
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
