/** The bits of 1.5 * 2^52: an int64 added to them is the same number as a float64, for |int64| < 2^51. */
const MAGIC: i64 = 0x4338000000000000;

/** `drift` times the two differences in `d` (int64, biased by MAGIC), rounded half to even, biased by MAGIC. */
function correction(d: v128, magic: v128, drift: v128): v128 {
  return f64x2.add(f64x2.mul(f64x2.sub(d, magic), drift), magic);
}

/**
 * Maps instants from one clock to another along one straight piece of a clock map.
 *
 *   from 1000, to 5000, drift 0.001
 *   times   1000   2000   4500
 *   out     5000   6001   8504        (3500 * 0.001 = 3.5 rounds half to even, to 4)
 *
 * times   in   i64[length]  ns on the source clock, any order; |t - from| < 2^50
 * length       number of instants
 * out     out  i64[length]  ns on the target clock, to + (t - from) + round((t - from) * drift); may be `times`
 * from, to     ns, the same instant on both clocks
 * drift        rate difference, |drift| <= 1
 *
 * The base is exact int64 and only the small correction is a float64: at most 1 ns from the exact product.
 * Beyond the limits the result is wrong, silently. Sums wrap. Touches nothing past `length`. O(length).
 */
export function mapAffine(times: usize, length: usize, out: usize, from: i64, to: i64, drift: f64): void {
  const magic = i64x2.splat(MAGIC);
  const rate = f64x2.splat(drift);
  const origin = i64x2.splat(from - MAGIC);
  const shift = i64x2.splat(to - from - MAGIC);
  let i: usize = 0;
  for (; i + 8 <= length; i += 8) {
    const at = times + (i << 3);
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    const into = out + (i << 3);
    v128.store(into, i64x2.add(i64x2.add(a, shift), correction(i64x2.sub(a, origin), magic, rate)));
    v128.store(into, i64x2.add(i64x2.add(b, shift), correction(i64x2.sub(b, origin), magic, rate)), 16);
    v128.store(into, i64x2.add(i64x2.add(c, shift), correction(i64x2.sub(c, origin), magic, rate)), 32);
    v128.store(into, i64x2.add(i64x2.add(d, shift), correction(i64x2.sub(d, origin), magic, rate)), 48);
  }
  // The rest goes through the same lanes, so that it rounds alike.
  for (; i < length; i++) {
    const a = i64x2.splat(load<i64>(times + (i << 3)));
    const mapped = i64x2.add(i64x2.add(a, shift), correction(i64x2.sub(a, origin), magic, rate));
    store<i64>(out + (i << 3), i64x2.extract_lane(mapped, 0));
  }
}
