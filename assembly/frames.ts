/**
 * Whole numbers in a row.
 *
 *   first 7, length 3 -> out 7 8 9
 *
 * out  out  i64[length]
 *
 * O(length).
 */
export function countUp(first: i64, length: usize, out: usize): void {
  let pair = i64x2.add(i64x2.splat(first), i64x2(0, 1));
  const two = i64x2.splat(2);
  let i: usize = 0;
  for (; i + 2 <= length; i += 2) {
    v128.store(out + (i << 3), pair);
    pair = i64x2.add(pair, two);
  }
  if (i < length) store<i64>(out + (i << 3), first + (i as i64));
}

/**
 * The time since an origin.
 *
 *   times 20 30 50, origin 20 -> out 0 10 30
 *
 * times   in   i64[length]  ns
 * origin       ns
 * out     out  i64[length]  ns, modulo 2^64; may be `times`
 *
 * O(length).
 */
export function elapsed(times: usize, length: usize, origin: i64, out: usize): void {
  const origins = i64x2.splat(origin);
  let i: usize = 0;
  for (; i + 2 <= length; i += 2) {
    v128.store(out + (i << 3), i64x2.sub(v128.load(times + (i << 3)), origins));
  }
  if (i < length) store<i64>(out + (i << 3), load<i64>(times + (i << 3)) - origin);
}
