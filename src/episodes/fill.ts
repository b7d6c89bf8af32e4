import type { FeatureValues } from "./set.ts";

/**
 * The values of one feature of one episode without NaN: in its place is the last value before, else the first after,
 * else 0. Whether there is a value is told by other features.
 *
 * @param size values a frame; returned as it is where nothing is missing
 */
export function filled<T extends FeatureValues>(values: T, size: number): T {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return values;
  if (!values.includes(Number.NaN)) return values;
  const whole = values.slice();
  for (let item = 0; item < size; item += 1) {
    let first = item;
    while (first < whole.length && Number.isNaN(whole[first])) first += size;
    let last = first < whole.length ? whole[first]! : 0;
    for (let at = item; at < whole.length; at += size) {
      if (Number.isNaN(whole[at])) whole[at] = last;
      else last = whole[at]!;
    }
  }
  return whole as T;
}
