import { bitAt } from "./validity";

/** OPC UA StatusCodes (Part 4), two of them with the historian's Interpolated bit (Part 11). */
export const NO_DATA: u32 = 0x809b0000;
export const LAST_USABLE: u32 = 0x40900000;
export const SUB_NORMAL: u32 = 0x40a40000;
export const INTERPOLATED: u32 = 0x00000402;
export const INTERPOLATED_SUB_NORMAL: u32 = 0x40a40402;

export function statusOf(status: usize, k: usize): u32 {
  return status === 0 ? 0 : load<u32>(status + (k << 2));
}

/** OPC UA Part 4: the two highest bits are 0 good, 1 uncertain, 2 bad. */
export function bad(code: u32): bool {
  return code >> 30 >= 2;
}

/** Whether the sample is farther in the past than `staleAfter`; the future is never stale. */
function stale(time: i64, sampleTime: i64, staleAfter: u64): bool {
  return time > sampleTime && ((time - sampleTime) as u64) > staleAfter;
}

/**
 * How old the matched sample is at each frame.
 *
 *   frames 20 30, times 5 25, index 0 1 -> 15 5
 *
 * frames    in   i64[length]  ns
 * times     in   i64[at least 1]  ns
 * index     in   i32[length]  position of the sample; a negative one reads the first sample
 * validity  in   bits[length]
 * out       out  i64[length]  ns, frame minus sample, negative where the sample is later; 0 under a 0 bit
 *
 * Wraps where the difference does not fit int64. O(length).
 */
export function age(
  frames: usize,
  length: usize,
  times: usize,
  index: usize,
  validity: usize,
  out: usize,
): void {
  for (let i: usize = 0; i < length; i++) {
    const k = max<i32>(load<i32>(index + (i << 2)), 0) as usize;
    const difference = load<i64>(frames + (i << 3)) - load<i64>(times + (k << 3));
    store<i64>(out + (i << 3), difference & -(bitAt(validity, i) as i64));
  }
}

/**
 * The StatusCode of an as-of match: no data, the sample's own, or UncertainLastUsableValue.
 *
 *   frames 10 20 90, times 5, staleAfter 50 -> 0, 0, 0x40900000
 *
 * index         in   i32[length]  position of the sample, or -1
 * frames        in   i64[length]  ns
 * times         in   i64          ns
 * sampleStatus  in   u32, one a sample; address 0 means that all are good
 * badAfter      in   i64 ns, one a sample: the time of the first bad sample that was skipped after it, the largest
 *                    int64 if none; address 0 means none at all
 * staleAfter         ns, u64: an older sample is stale; all ones is no limit
 * out           out  u32[length]
 *
 * A bad sample keeps its code. O(length).
 */
export function statusAsof(
  index: usize,
  frames: usize,
  length: usize,
  times: usize,
  sampleStatus: usize,
  badAfter: usize,
  staleAfter: u64,
  out: usize,
): void {
  for (let i: usize = 0; i < length; i++) {
    const match = load<i32>(index + (i << 2));
    let code = NO_DATA;
    if (match >= 0) {
      const k = match as usize;
      const time = load<i64>(frames + (i << 3));
      code = statusOf(sampleStatus, k);
      if (!bad(code)) {
        let old = stale(time, load<i64>(times + (k << 3)), staleAfter);
        if (badAfter !== 0) {
          const after = load<i64>(badAfter + (k << 3));
          old = old || (time >= after && after !== i64.MAX_VALUE);
        }
        if (old) code = LAST_USABLE;
      }
    }
    store<u32>(out + (i << 2), code);
  }
}

/**
 * The StatusCode of a linear value.
 *
 *   samples at 10 and 20, the second uncertain: frames 10 15 20 -> its own, 0x40A40402, its own
 *
 * index         in   i32[length]        the last sample at or before each frame, or -1
 * matched       in   bits[length]       as written by `weights`
 * frames        in   i64[length]        ns
 * times         in   i64[sampleLength]  ns, ascending, no two equal
 * sampleStatus  in   u32[sampleLength]  a bad one is that of a null; address 0 means that all are good
 * skipped       in   u8[sampleLength]   not 0 where a sample that is not good was left out before the next one;
 *                                       address 0 means none
 * staleAfter         ns, u64
 * out           out  u32[length]
 *
 * No match: no data. On a sample: its own code. Between two: the code of the first bad one; else good, interpolated,
 * or uncertain where one of the two is or one was skipped between them. Held: uncertain. What is not bad and stale is
 * UncertainLastUsableValue. O(length).
 */
export function statusLinear(
  index: usize,
  matched: usize,
  frames: usize,
  length: usize,
  times: usize,
  sampleLength: usize,
  sampleStatus: usize,
  skipped: usize,
  staleAfter: u64,
  out: usize,
): void {
  for (let i: usize = 0; i < length; i++) {
    const match = load<i32>(index + (i << 2));
    let code = NO_DATA;
    if (bitAt(matched, i) !== 0) {
      const k = max<i32>(match, 0) as usize;
      const time = load<i64>(frames + (i << 3));
      const time0 = load<i64>(times + (k << 3));
      const own = statusOf(sampleStatus, k);
      code = time < time0 ? SUB_NORMAL : own;
      if (time > time0) {
        const isInner = k + 1 < sampleLength;
        const next = isInner ? statusOf(sampleStatus, k + 1) : 0;
        if (bad(own) || bad(next)) code = bad(own) ? own : next;
        else if (stale(time, time0, staleAfter)) code = LAST_USABLE;
        else if (!isInner) code = SUB_NORMAL;
        else {
          const isBlemished = (own | next) >> 30 !== 0 || (skipped !== 0 && load<u8>(skipped + k) !== 0);
          code = isBlemished ? INTERPOLATED_SUB_NORMAL : INTERPOLATED;
        }
      }
    }
    store<u32>(out + (i << 2), code);
  }
}
