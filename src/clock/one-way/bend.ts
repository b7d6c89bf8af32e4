/** A curve through knots: cubic Hermite between them, straight beyond; s and s/s. */
export interface Bend {
  readonly times: Float64Array;
  readonly offsets: Float64Array;
  readonly drifts: Float64Array;
}

/** What is left of values at ascending times when a curve is taken off. */
export function takeOff(bend: Bend, times: Float64Array, values: Float64Array): Float64Array {
  const rest = new Float64Array(times.length);
  let k = 0;
  for (let i = 0; i < times.length; i++) {
    const time = times[i]!;
    while (k < bend.times.length - 2 && time > bend.times[k + 1]!) k++;
    rest[i] = values[i]! - offsetAt(bend, k, time);
  }
  return rest;
}

/** The curve at ascending times. */
export function offsetsAt(bend: Bend, times: Float64Array): Float64Array {
  return takeOff(bend, times, new Float64Array(times.length)).map((offset) => -offset);
}

function offsetAt({ times, offsets, drifts }: Bend, k: number, time: number): number {
  const last = times.length - 1;
  if (time <= times[0]!) return offsets[0]! + drifts[0]! * (time - times[0]!);
  if (time >= times[last]!) return offsets[last]! + drifts[last]! * (time - times[last]!);
  const step = times[k + 1]! - times[k]!;
  const s = (time - times[k]!) / step;
  const rise = offsets[k + 1]! - offsets[k]!;
  const bow = (drifts[k]! * step - rise) * (1 - s) - (drifts[k + 1]! * step - rise) * s;
  return offsets[k]! + s * (rise + (1 - s) * bow);
}
