/** An Arrow bitmap, least significant bit first, padded to 8 bytes. */
export function bitmapTwin(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 64) * 8);
  bits.forEach((bit, i) => {
    if (bit) bytes[i >> 3]! |= 1 << (i & 7);
  });
  return bytes;
}

/** Values by position; null where the position is -1 or the value is null. */
export function gatherTwin<T>(
  values: readonly T[],
  valid: readonly boolean[],
  index: readonly number[],
): (T | null)[] {
  return index.map((k) => (k >= 0 && valid[k] ? values[k]! : null));
}

export function compactTwin<T>(values: readonly T[], keep: readonly boolean[]): T[] {
  return values.filter((_, i) => keep[i]);
}

export function lastOfEqualTwin(times: readonly bigint[]): boolean[] {
  return times.map((time, i) => times[i + 1] !== time);
}
