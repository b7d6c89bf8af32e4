/**
 * All status codes of a column, or-ed.
 *
 *   0x00000000 0x40000000 0x80000000 -> 0xC0000000: bit 31 says that one is bad, 0 that all are good
 *
 * status  in  u32[length]
 *
 * O(length).
 */
export function unionOfStatus(status: usize, length: usize): u32 {
  let four = i32x4.splat(0);
  let i: usize = 0;
  for (; i + 4 <= length; i += 4) four = v128.or(four, v128.load(status + (i << 2)));
  let union: u32 =
    i32x4.extract_lane(four, 0) |
    i32x4.extract_lane(four, 1) |
    i32x4.extract_lane(four, 2) |
    i32x4.extract_lane(four, 3);
  for (; i < length; i++) union |= load<u32>(status + (i << 2));
  return union;
}

/**
 * Marks the samples whose status is at most so severe.
 *
 *   status 0 0x40000000 0x80000000, worst 1 -> bits 0b011
 *
 * status  in   u32[length]  OPC UA StatusCodes: the upper two bits are the severity
 * worst        0 good, 1 uncertain, 2 or 3 bad
 * keep    out  bits[length], written in whole 64-bit words, zero past the length
 * returns      how many bits are 1
 *
 * O(length).
 */
export function keepSeverity(status: usize, length: usize, worst: u32, keep: usize): usize {
  let count: usize = 0;
  const most = i32x4.splat(worst);
  for (let base: usize = 0; base < length; base += 64) {
    const end = min(base + 64, length);
    let word: u64 = 0;
    let i = base;
    for (; i + 4 <= end; i += 4) {
      const severity = i32x4.shr_u(v128.load(status + (i << 2)), 30);
      word |= (i32x4.bitmask(i32x4.le_s(severity, most)) as u64) << ((i - base) as u64);
    }
    for (; i < end; i++) {
      const kept = load<u32>(status + (i << 2)) >>> 30 <= worst;
      word |= u64(kept) << ((i - base) as u64);
    }
    count += popcnt<u64>(word) as usize;
    store<u64>(keep + (base >> 3), word);
  }
  return count;
}

/**
 * For each kept sample, the time of the next one if that is skipped.
 *
 *   times 10 20 30 40, keep 0b1001 -> out 20 none
 *
 * times  in   i64[length]  ns
 * keep   in   bits[length]
 * out    out  i64[number of 1 bits]; the largest int64 is none
 *
 * O(length).
 */
export function skippedTimes(times: usize, length: usize, keep: usize, out: usize): void {
  let into = out;
  let before = false;
  for (let i: usize = 0; i < length; i++) {
    const kept = ((load<u8>(keep + (i >> 3)) as u32) >> ((i & 7) as u32)) & 1;
    if (kept !== 0) {
      store<i64>(into, i64.MAX_VALUE);
      into += 8;
    } else if (before) {
      store<i64>(into - 8, load<i64>(times + (i << 3)));
    }
    before = kept !== 0;
  }
}

/**
 * For each kept sample, whether any is skipped between it and the next kept one.
 *
 *   keep 0b101101 -> out 1 0 1 0 (the last one has no next)
 *
 * keep  in   bits[length]
 * out   out  u8[number of 1 bits]
 *
 * O(length).
 */
export function skippedFlags(length: usize, keep: usize, out: usize): void {
  let into = out;
  let before = false;
  for (let i: usize = 0; i < length; i++) {
    const kept = ((load<u8>(keep + (i >> 3)) as u32) >> ((i & 7) as u32)) & 1;
    if (kept !== 0) store<u8>(into++, 0);
    else if (before) store<u8>(into - 1, 1);
    before = kept !== 0;
  }
  if (into > out) store<u8>(into - 1, 0);
}
