/** At least so many bit-equal offsets in a row can be repetitions of an earlier measurement. */
const LEAST_RUN = 8;

/** A run of one repeated offset: rows [first, end); the first is a measurement, the others repeat it. */
export interface StaleRun {
  readonly first: number;
  readonly end: number;
}

/**
 * Runs of eight or more bit-equal offsets among others that differ.
 *
 * `offsets` are ns relative to any base, in order of arrival. Coarse ticks repeat offsets too and are not stale: there
 * the other offsets repeat as well, or differ by so few ticks that a run comes by chance.
 */
export function findStale(offsets: Float64Array): StaleRun[] {
  const runs: StaleRun[] = [];
  const others: number[] = [];
  for (let first = 0; first < offsets.length; ) {
    let end = first + 1;
    while (end < offsets.length && offsets[end] === offsets[first]) end++;
    if (end - first >= LEAST_RUN) runs.push({ first, end });
    else for (let i = first; i < end; i++) others.push(offsets[i]!);
    first = end;
  }
  if (runs.length === 0 || others.length === 0) return [];
  const distinct = new Set(others);
  for (const { first } of runs) distinct.delete(offsets[first]!);
  if (distinct.size < others.length / 2) return [];
  const all = [...runs.map(({ first }) => offsets[first]!), ...others];
  const tick = tickOf(all);
  const changes = others.map((value, i) => Math.abs(value - (others[i - 1] ?? offsets[runs[0]!.first]!)));
  const typical = changes.sort((a, b) => a - b)[changes.length >> 1]!;
  return typical >= LEAST_RUN * tick ? runs : [];
}

/**
 * The largest tick, in ns, of which all differences between the values are multiples, and which divides 1 s.
 *
 * Of values without a common tick this is some ns; of ones in milliseconds 10^6, in 64ths of a second 15,625,000.
 */
export function tickOf(values: ArrayLike<number>): number {
  let tick = 1e9;
  for (let i = 1; i < values.length && tick > 1; i++) {
    let rest = Math.abs(values[i]! - values[0]!);
    while (rest > 0) [tick, rest] = [rest, tick % rest];
  }
  return tick;
}
