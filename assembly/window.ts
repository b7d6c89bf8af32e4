/** What a window's values are folded into. */
const SUM: i32 = 0;
const MEAN: i32 = 1;
const MIN: i32 = 2;
const MAX: i32 = 3;
/** The sum of the upper and of the lower 32 bits of int64 values: together they hold any sum exactly. */
const SUM_HIGH: i32 = 4;
const SUM_LOW: i32 = 5;

/** Windows longer than this many samples are folded from blocks of as many. */
const BLOCK: usize = 64;
const BLOCK_SHIFT: usize = 6;

function combine<T extends number>(op: i32, a: T, b: T): T {
  if (op === MIN) return min<T>(a, b);
  if (op === MAX) return max<T>(a, b);
  return (a + b) as T;
}

function leaf(op: i32, value: i64): i64 {
  if (op === SUM_HIGH) return value >> 32;
  if (op === SUM_LOW) return value & 0xffffffff;
  return value;
}

/** The sum of values[from .. to) in order, as anyone would check it by hand. */
function sumRange(values: usize, from: usize, to: usize): f64 {
  let sum: f64 = 0;
  for (let i = from; i < to; i++) sum += load<f64>(values + (i << 3));
  return sum;
}

/** values[from .. to) folded, from < to. */
function foldRange<T extends number>(op: i32, values: usize, from: usize, to: usize): T {
  if (isFloat<T>()) {
    if (op === SUM || op === MEAN) return sumRange(values, from, to) as T;
    let folded = load<f64>(values + (from << 3));
    for (let i = from + 1; i < to; i++) folded = combine<f64>(op, folded, load<f64>(values + (i << 3)));
    return folded as T;
  }
  let folded = leaf(op, load<i64>(values + (from << 3)));
  for (let i = from + 1; i < to; i++) {
    folded = combine<i64>(op, folded, leaf(op, load<i64>(values + (i << 3))));
  }
  return folded as T;
}

/**
 * Folds the blocks first .. last of 64 values each into a tree: level l holds every node of 2^l blocks that starts
 * at a multiple of 2^l blocks and lies within first .. last.
 */
function grow<T extends number>(op: i32, values: usize, first: usize, last: usize, tree: usize): void {
  let from = first;
  let to = last;
  let level = tree;
  for (let b = from; b < to; b++) {
    store<T>(level + ((b - from) << 3), foldRange<T>(op, values, b << BLOCK_SHIFT, (b + 1) << BLOCK_SHIFT));
  }
  while (from < to) {
    const parents = level + ((to - from) << 3);
    const parentFrom = (from + 1) >> 1;
    const parentTo = to >> 1;
    for (let p = parentFrom; p < parentTo; p++) {
      const children = level + (((p << 1) - from) << 3);
      store<T>(parents + ((p - parentFrom) << 3), combine<T>(op, load<T>(children), load<T>(children, 8)));
    }
    level = parents;
    from = parentFrom;
    to = parentTo;
  }
}

/** The fold of a window longer than a block: its head, the fewest nodes that cover its blocks, its tail. */
function foldLong<T extends number>(
  op: i32,
  values: usize,
  lo: usize,
  hi: usize,
  first: usize,
  last: usize,
  tree: usize,
): T {
  let a = (lo + BLOCK - 1) >> BLOCK_SHIFT;
  let b = hi >> BLOCK_SHIFT;
  // At least one of the four parts exists, so `folded` starts from a value and not from a neutral element.
  let started = lo < a << BLOCK_SHIFT;
  let folded: T = started ? foldRange<T>(op, values, lo, a << BLOCK_SHIFT) : (0 as T);
  let ended = b << BLOCK_SHIFT < hi;
  let tail: T = ended ? foldRange<T>(op, values, b << BLOCK_SHIFT, hi) : (0 as T);
  let from = first;
  let to = last;
  let level = tree;
  while (a < b) {
    if ((a & 1) !== 0) {
      const node = load<T>(level + ((a - from) << 3));
      folded = started ? combine<T>(op, folded, node) : node;
      started = true;
      a++;
    }
    if ((b & 1) !== 0 && a < b) {
      b--;
      const node = load<T>(level + ((b - from) << 3));
      tail = ended ? combine<T>(op, node, tail) : node;
      ended = true;
    }
    level += (to - from) << 3;
    from = (from + 1) >> 1;
    to >>= 1;
    a >>= 1;
    b >>= 1;
  }
  if (!started) return tail;
  return ended ? combine<T>(op, folded, tail) : folded;
}

function fold<T extends number>(
  op: i32,
  values: usize,
  lo: usize,
  hi: usize,
  length: usize,
  tree: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  if (length === 0) return 0;
  const first = ((load<u32>(lo) as usize) + BLOCK - 1) >> BLOCK_SHIFT;
  const last = (load<u32>(hi + ((length - 1) << 2)) as usize) >> BLOCK_SHIFT;
  if (tree !== 0) grow<T>(op, values, first, last, tree);
  let count: usize = 0;
  for (let base: usize = 0; base < length; base += 64) {
    const end = min(base + 64, length);
    let word: u64 = 0;
    for (let i = base; i < end; i++) {
      const from = load<u32>(lo + (i << 2)) as usize;
      const to = load<u32>(hi + (i << 2)) as usize;
      let folded: T = 0 as T;
      if (from < to) {
        word |= (1 as u64) << ((i - base) as u64);
        folded =
          to - from <= BLOCK
            ? foldRange<T>(op, values, from, to)
            : foldLong<T>(op, values, from, to, first, last, tree);
        if (op === MEAN) folded = (folded / ((to - from) as T)) as T;
      }
      store<T>(outValues + (i << 3), folded);
    }
    count += popcnt<u64>(word) as usize;
    store<u64>(outValidity + (base >> 3), word);
  }
  return count;
}

/**
 * The sum, mean, least or greatest value of each window.
 *
 *   values 1 2 4 8, lo 0 1 1, hi 2 1 4, sum -> 3 null 14
 *
 * op                0 sum, 1 mean, 2 min, 3 max
 * values       in   f64
 * lo, hi       in   i32[length]  the window is values[lo .. hi); both ascending
 * tree              scratch, 8 bytes for each 32 values of lo[0] .. hi[length - 1], and 0 only where no window is
 *                   longer than 64
 * outValues    out  f64[length], 0 under a 0 bit
 * outValidity  out  bits[length], 0 where the window is empty; whole 64-bit words, zero past the length
 * returns           how many windows are not empty
 *
 * A sum depends on lo and hi alone, not on the other windows of the call: up to 64 values one running sum, beyond
 * that the pairwise sum of blocks at multiples of 64. NaN spreads, and -0 is less than 0.
 * O(samples + length * 128 + log samples).
 */
export function windowFloat(
  op: i32,
  values: usize,
  lo: usize,
  hi: usize,
  length: usize,
  tree: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  return fold<f64>(op, values, lo, hi, length, tree, outValues, outValidity);
}

/**
 * As windowFloat, for int64.
 *
 * op   2 min, 3 max, 4 the sum of the upper and 5 that of the lower 32 bits (see joinSums)
 */
export function windowInteger(
  op: i32,
  values: usize,
  lo: usize,
  hi: usize,
  length: usize,
  tree: usize,
  outValues: usize,
  outValidity: usize,
): usize {
  return fold<i64>(op, values, lo, hi, length, tree, outValues, outValidity);
}

/**
 * Joins the sums of upper and lower halves into int64 sums.
 *
 *   high 1, low 2^32 + 5 -> 2 * 2^32 + 5
 *
 * high     in      i64[length]  sums of the upper 32 bits, signed
 * low      in/out  i64[length]  in: sums of the lower 32 bits, unsigned; out: the whole sums
 * returns          the first row whose sum does not fit int64, or -1
 *
 * O(length).
 */
export function joinSums(high: usize, low: usize, length: usize): i32 {
  for (let i: usize = 0; i < length; i++) {
    const lower = load<i64>(low + (i << 3));
    const upper = load<i64>(high + (i << 3)) + (lower >> 32);
    if (upper !== (upper as i32 as i64)) return i as i32;
    store<i64>(low + (i << 3), (upper << 32) | (lower & 0xffffffff));
  }
  return -1;
}

/**
 * The most samples in a window.
 *
 *   lo 0 1 1, hi 2 1 4 -> 3
 *
 * lo, hi   in  i32[length], lo <= hi
 * returns      0 or more
 *
 * O(length).
 */
export function windowLongest(lo: usize, hi: usize, length: usize): i32 {
  let four = i32x4.splat(0);
  let i: usize = 0;
  for (; i + 4 <= length; i += 4) {
    four = i32x4.max_s(four, i32x4.sub(v128.load(hi + (i << 2)), v128.load(lo + (i << 2))));
  }
  let longest = max(
    max(i32x4.extract_lane(four, 0), i32x4.extract_lane(four, 1)),
    max(i32x4.extract_lane(four, 2), i32x4.extract_lane(four, 3)),
  );
  for (; i < length; i++) longest = max(longest, load<i32>(hi + (i << 2)) - load<i32>(lo + (i << 2)));
  return longest;
}

/**
 * How many samples each window has.
 *
 *   lo 0 1 1, hi 2 1 4 -> 2 0 3
 *
 * lo, hi  in   i32[length], lo <= hi
 * out     out  i64[length]
 *
 * O(length).
 */
export function windowCount(lo: usize, hi: usize, length: usize, out: usize): void {
  let i: usize = 0;
  for (; i + 4 <= length; i += 4) {
    const count = i32x4.sub(v128.load(hi + (i << 2)), v128.load(lo + (i << 2)));
    v128.store(out + (i << 3), i64x2.extend_low_i32x4_s(count));
    v128.store(out + (i << 3), i64x2.extend_high_i32x4_s(count), 16);
  }
  for (; i < length; i++) {
    store<i64>(out + (i << 3), (load<i32>(hi + (i << 2)) - load<i32>(lo + (i << 2))) as i64);
  }
}

/**
 * The position of the first or last sample of each window.
 *
 *   lo 0 1 1, hi 2 1 4, last -> 1 -1 3
 *
 * last          1 for the last sample, 0 for the first
 * lo, hi   in   i32[length], lo <= hi
 * index    out  i32[length], -1 where the window is empty
 *
 * O(length).
 */
export function windowEdge(last: i32, lo: usize, hi: usize, length: usize, index: usize): void {
  const none = i32x4.splat(-1);
  let i: usize = 0;
  for (; i + 4 <= length; i += 4) {
    const from = v128.load(lo + (i << 2));
    const to = v128.load(hi + (i << 2));
    const edge = last !== 0 ? i32x4.add(to, none) : from;
    v128.store(index + (i << 2), v128.bitselect(edge, none, i32x4.lt_s(from, to)));
  }
  for (; i < length; i++) {
    const from = load<i32>(lo + (i << 2));
    const to = load<i32>(hi + (i << 2));
    store<i32>(index + (i << 2), from < to ? (last !== 0 ? to - 1 : from) : -1);
  }
}
