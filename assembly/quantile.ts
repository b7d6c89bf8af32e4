import { wordAt } from "./validity";

/**
 * The least and the greatest value.
 *
 *   values 4 -1 7 -> range -1 7
 *
 * values  in   i64[length], length >= 1
 * range   out  i64[2]
 *
 * O(length).
 */
export function extremes(values: usize, length: usize, range: usize): void {
  let least = load<i64>(values);
  let most = least;
  for (let i: usize = 1; i < length; i++) {
    const value = load<i64>(values + (i << 3));
    if (value < least) least = value;
    if (value > most) most = value;
  }
  store<i64>(range, least);
  store<i64>(range, most, 8);
}

/**
 * Counts values by their distance from `least`, in bins of 2^shift.
 *
 *   values 10 11 14, least 10, shift 2 -> counts 2 1
 *
 * values  in      i64[length], none less than `least`
 * shift           0..63; (greatest - least) >> shift is a position in counts
 * counts  in/out  u32
 *
 * O(length).
 */
export function countBins(values: usize, length: usize, least: i64, shift: u64, counts: usize): void {
  for (let i: usize = 0; i < length; i++) {
    const bin = ((load<i64>(values + (i << 3)) - least) as u64) >> shift;
    const at = counts + ((bin as usize) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
}

/**
 * Keeps the values of one bin, in order.
 *
 *   values 10 11 14, least 10, shift 2, bin 0 -> out 10 11
 *
 * values  in   i64[length], none less than `least`
 * bin          as countBins counts them
 * out     out  i64[count of the bin]; may be `values`
 * returns      how many were kept
 *
 * O(length).
 */
export function keepBin(values: usize, length: usize, least: i64, shift: u64, bin: u64, out: usize): usize {
  let into = out;
  for (let i: usize = 0; i < length; i++) {
    const value = load<i64>(values + (i << 3));
    if (((value - least) as u64) >> shift !== bin) continue;
    store<i64>(into, value);
    into += 8;
  }
  return (into - out) >> 3;
}

/**
 * How many valid values are greater than a limit.
 *
 *   values 5 9 9, validity 0b011, limit 6 -> 1
 *
 * values    in  i64[length]
 * validity  in  bits[length]
 * returns       0..length
 *
 * O(length).
 */
export function countAbove(values: usize, length: usize, validity: usize, limit: i64): usize {
  let count: usize = 0;
  for (let base: usize = 0; base < length; base += 64) {
    for (let word = wordAt(validity, base, length); word !== 0; word &= word - 1) {
      const above = load<i64>(values + ((base + (ctz<u64>(word) as usize)) << 3)) > limit;
      count += usize(above);
    }
  }
  return count;
}
