import { INVALID, OUTLIER, type Readings } from "./evidence.ts";
import type { Part } from "./rows.ts";

/** The rows of all entries between two starts of the source's readings. */
export type Epoch = readonly Part[];

/**
 * Epochs of all entries together, in order of arrival.
 *
 * Entries with equally many epochs go together one by one; the rows of one with fewer go where their readings are
 * nearest.
 */
export function epochsOf(entries: readonly Readings[]): Epoch[] {
  const lists = entries.map(splitEpochs);
  const most = lists.reduce((count, list) => Math.max(count, list.length), 0);
  const model = lists.findIndex((list) => list.length === most);
  const ranges = lists[model]!.map((rows) => {
    const { from } = entries[model]!;
    return { start: from[rows[0]!]!, end: from[rows.at(-1)!]! };
  });
  const epochs = ranges.map((): Part[] => []);
  lists.forEach((list, i) => {
    const readings = entries[i]!;
    const homes = ranges.map((): number[] => []);
    list.forEach((rows, epoch) => {
      for (const row of rows) {
        homes[list.length === most ? epoch : nearest(ranges, readings.from[row]!)]!.push(row);
      }
    });
    homes.forEach((rows, epoch) => {
      if (rows.length > 0) epochs[epoch]!.push({ readings, rows: Int32Array.from(rows) });
    });
  });
  return epochs;
}

function nearest(ranges: readonly { start: bigint; end: bigint }[], time: bigint): number {
  const distances = ranges.map(({ start, end }) =>
    time < start ? start - time : time > end ? time - end : 0n,
  );
  return distances.reduce((best, distance, i) => (distance < distances[best]! ? i : best), 0);
}

/** A lasting step back of the source's readings has at least this many rows after it; fewer are outliers. */
const LASTING = 2.5;

/**
 * Splits the rows of an entry, in order of arrival, where the source's readings start again.
 *
 * The rows kept ascend (equal ones allowed) within each epoch. Of all ways to leave out single rows as outliers and
 * to start new epochs, the one that costs least is taken: a row left out costs 1, a new epoch 2.5. Rows left out are
 * marked as such. Each epoch is a list of row numbers. O(n), and O(n log n) where readings step back.
 */
function splitEpochs({ from, states }: Pick<Readings, "from" | "states">): Int32Array[] {
  const rows: number[] = [];
  let ascends = true;
  for (let row = 0; row < from.length; row++) {
    if (states[row] === INVALID) continue;
    const last = rows.at(-1);
    if (last !== undefined && from[row]! < from[last]!) ascends = false;
    rows.push(row);
  }
  if (rows.length === 0) return [];
  if (ascends) return [Int32Array.from(rows)];
  const kept = cheapestEpochs(rows.map((row) => from[row]!));
  const isKept = new Set(kept.flat());
  for (const [place, row] of rows.entries()) if (!isKept.has(place)) states[row] = OUTLIER;
  return kept.map((epoch) => Int32Array.from(epoch, (place) => rows[place]!));
}

/** Places of the rows of each epoch. */
function cheapestEpochs(values: readonly bigint[]): number[][] {
  const ranks = rank(values);
  const tree = new BestSoFar(values.length);
  const scores = new Float64Array(values.length);
  const before = new Int32Array(values.length).fill(-1);
  let best = -1;
  for (const [i, place] of ranks.entries()) {
    const within = tree.upTo(place);
    scores[i] = 1;
    if (within >= 0) {
      scores[i] = scores[within]! + 1;
      before[i] = within;
    }
    if (best >= 0 && scores[best]! + 1 - LASTING > scores[i]!) {
      scores[i] = scores[best]! + 1 - LASTING;
      before[i] = best;
    }
    tree.set(place, i, scores);
    if (best < 0 || scores[i]! >= scores[best]!) best = i;
  }
  const epochs: number[][] = [[]];
  for (let i = best; i >= 0; i = before[i]!) {
    epochs.at(-1)!.push(i);
    const previous = before[i]!;
    if (previous >= 0 && values[previous]! > values[i]!) epochs.push([]);
  }
  return epochs.reverse().map((epoch) => epoch.reverse());
}

/** The rank of each value, equal ones alike. */
function rank(values: readonly bigint[]): Int32Array {
  const sorted = BigInt64Array.from(values).sort();
  return Int32Array.from(values, (value) => {
    let low = 0;
    let high = sorted.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! >= value) high = middle;
      else low = middle + 1;
    }
    return low;
  });
}

/** The item of the best score among those of a rank or lower; of equal scores the latest (a Fenwick tree). */
class BestSoFar {
  readonly #items: Int32Array;
  #scores: Float64Array = new Float64Array();

  constructor(size: number) {
    this.#items = new Int32Array(size + 1).fill(-1);
  }

  upTo(place: number): number {
    let best = -1;
    for (let i = place + 1; i > 0; i -= i & -i) best = this.#better(best, this.#items[i]!);
    return best;
  }

  set(place: number, item: number, scores: Float64Array): void {
    this.#scores = scores;
    for (let i = place + 1; i < this.#items.length; i += i & -i) {
      this.#items[i] = this.#better(this.#items[i]!, item);
    }
  }

  #better(one: number, other: number): number {
    if (one < 0) return other;
    if (other < 0) return one;
    const [a, b] = [this.#scores[one]!, this.#scores[other]!];
    return a > b || (a === b && one > other) ? one : other;
  }
}
