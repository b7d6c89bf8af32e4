/** Readings of one picture: x in s, residual in ns, state 0 used, 1 rejected, 2 stale. */
export interface Dots {
  readonly x: Float64Array;
  readonly residual: Float64Array;
  readonly state: Uint8Array;
}

/**
 * Where there are more than `limit` readings: of each state in each of `columns` columns the least and the greatest.
 *
 * Returns positions, by ascending x.
 */
export function thin({ x, residual, state }: Dots, limit: number, columns: number): Int32Array {
  const all = Int32Array.from(x, (_, at) => at).sort((a, b) => x[a]! - x[b]! || a - b);
  if (all.length <= limit) return all;
  const first = x[all[0]!]!;
  const width = (x[all.at(-1)!]! - first) / columns;
  const least = new Map<number, number>();
  const greatest = new Map<number, number>();
  for (const at of all) {
    const column = width > 0 ? Math.min(columns - 1, Math.floor((x[at]! - first) / width)) : 0;
    const cell = 4 * column + state[at]!;
    const [low, high] = [least.get(cell), greatest.get(cell)];
    if (low === undefined || residual[at]! < residual[low]!) least.set(cell, at);
    if (high === undefined || residual[at]! > residual[high]!) greatest.set(cell, at);
  }
  const kept = new Set([...least.values(), ...greatest.values()]);
  return all.filter((at) => kept.has(at));
}
