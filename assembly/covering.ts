/** Whether an interval with this end is over at `time`; the largest int64 is an end that has not come. */
function over(end: i64, time: i64): bool {
  return end <= time && end !== i64.MAX_VALUE;
}

/**
 * For each frame, the latest interval that covers it (start <= t < end).
 *
 *   rows     0: [10, 40)   1: [20, 30)
 *   frames   5   15   25   35        index  -1   0   1   0
 *
 * frames   in      i64[length]          ns, ascending, and not earlier than the frames of the call before
 * starts   in      i64[intervalLength]  ns, ascending
 * ends     in      i64[intervalLength]  ns; the largest int64 is open, and covers that instant too
 * state    in/out  i32[2 + intervalLength]: intervals begun, how many of them are listed, the list; zero at first
 * index    out     i32[length]  the row with the greatest start, of equal starts the later row; -1 if none
 * returns          how many frames are covered
 *
 * The list is a stack: whatever is over on top will not come back. O(length + intervalLength) over all calls.
 */
export function coveringLatest(
  frames: usize,
  length: usize,
  starts: usize,
  ends: usize,
  intervalLength: usize,
  state: usize,
  index: usize,
): usize {
  let begun = load<i32>(state) as usize;
  let depth = load<i32>(state, 4) as usize;
  const list = state + 8;
  let count: usize = 0;
  for (let i: usize = 0; i < length; i++) {
    const time = load<i64>(frames + (i << 3));
    for (; begun < intervalLength && load<i64>(starts + (begun << 3)) <= time; begun++) {
      if (over(load<i64>(ends + (begun << 3)), time)) continue;
      store<i32>(list + (depth << 2), begun as i32);
      depth++;
    }
    let top: i32 = -1;
    for (; depth > 0; depth--) {
      const row = load<i32>(list + ((depth - 1) << 2));
      if (!over(load<i64>(ends + ((row as usize) << 3)), time)) {
        top = row;
        count++;
        break;
      }
    }
    store<i32>(index + (i << 2), top);
  }
  store<i32>(state, begun as i32);
  store<i32>(state, depth as i32, 4);
  return count;
}

/**
 * For each frame, every interval that covers it (start <= t < end), by start.
 *
 *   rows     0: [10, 40)   1: [20, 30)
 *   frames   5   15   25        offsets  0 0 1 3      positions  0, 0 1
 *
 * frames     in      i64[length]          ns, ascending, and not earlier than the frames of the call before
 * starts     in      i64[intervalLength]  ns, ascending
 * ends       in      i64[intervalLength]  ns; the largest int64 is open
 * state      in/out  as in coveringLatest
 * offsets    out     i32[length + 1], written up to the returned entry
 * positions  out     i32[capacity]        rows of frame i at offsets[i] .. offsets[i + 1]
 * returns            how many frames were done: fewer than `length` where the next one's rows do not fit
 *
 * A frame that did not fit may come again with the same state. O(rows begun + rows written) a call.
 */
export function coveringAll(
  frames: usize,
  length: usize,
  starts: usize,
  ends: usize,
  intervalLength: usize,
  state: usize,
  offsets: usize,
  positions: usize,
  capacity: usize,
): usize {
  let begun = load<i32>(state) as usize;
  let listed = load<i32>(state, 4) as usize;
  const list = state + 8;
  let written: usize = 0;
  store<i32>(offsets, 0);
  let i: usize = 0;
  for (; i < length; i++) {
    const time = load<i64>(frames + (i << 3));
    let kept: usize = 0;
    for (let j: usize = 0; j < listed; j++) {
      const row = load<i32>(list + (j << 2));
      if (over(load<i64>(ends + ((row as usize) << 3)), time)) continue;
      store<i32>(list + (kept << 2), row);
      kept++;
    }
    for (; begun < intervalLength && load<i64>(starts + (begun << 3)) <= time; begun++) {
      if (over(load<i64>(ends + (begun << 3)), time)) continue;
      store<i32>(list + (kept << 2), begun as i32);
      kept++;
    }
    listed = kept;
    if (written + listed > capacity) break;
    memory.copy(positions + (written << 2), list, listed << 2);
    written += listed;
    store<i32>(offsets + (i << 2), written as i32, 4);
  }
  store<i32>(state, begun as i32);
  store<i32>(state, listed as i32, 4);
  return i;
}
