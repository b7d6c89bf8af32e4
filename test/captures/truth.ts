import { readFileSync } from "node:fs";

/** ns since the epoch of ISO 8601 text in UTC, with or without its Z, up to 9 fraction digits. */
export function instant(text: string): bigint {
  const match = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z?$/.exec(text);
  if (match === null) throw new Error(`not an instant: ${text}`);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  return BigInt(seconds) * 1_000_000_000n + BigInt((match[7] ?? "").padEnd(9, "0"));
}

/** `count` instants from the first on, evenly spaced. */
export function instants(first: string, count: number, intervalNs: bigint): bigint[] {
  return Array.from({ length: count }, (_, k) => instant(first) + BigInt(k) * intervalNs);
}

/** The cells of a CSV file without quotes, header left out. */
export function readCsv(path: string): string[][] {
  return readFileSync(path, "utf8")
    .split(/\r?\n/)
    .slice(1)
    .filter((line) => line !== "")
    .map((line) => line.split(","));
}

/** One sample; null is a sample that says "no value". */
export interface Sample<V> {
  time: bigint;
  value: V | null;
}

/** What a tag's three columns must hold. */
export interface Truth<V> {
  values: (V | null)[];
  ages: (bigint | null)[];
  statuses: number[];
}

/** In time order, and of several at one instant the last. */
export function lastOfEach<V>(samples: readonly Sample<V>[]): Sample<V>[] {
  const latest = new Map<bigint, Sample<V>>();
  for (const sample of samples) latest.set(sample.time, sample);
  return [...latest.values()].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/** The frames one by one: the last good sample at or before each. */
export function backward<V>(
  frames: readonly bigint[],
  samples: readonly Sample<V>[],
  limits: { tolerance?: bigint; staleAfter?: bigint } = {},
): Truth<V> {
  return truth(frames, (frame) => {
    let skipped = false;
    let match: Sample<V> | undefined;
    for (let k = positionAfter(samples, frame) - 1; k >= 0 && match === undefined; k--) {
      const sample = samples[k] as Sample<V>;
      if (sample.value === null) skipped = true;
      else match = sample;
    }
    if (match === undefined) return undefined;
    const age = frame - match.time;
    if (limits.tolerance !== undefined && age > limits.tolerance) return undefined;
    const isStale = limits.staleAfter !== undefined && age > limits.staleAfter;
    return { value: match.value as V, age, status: skipped || isStale ? 0x40900000 : 0 };
  });
}

/** The frames one by one: the good sample that is closest, of two as close the one in the past. */
export function nearest<V>(
  frames: readonly bigint[],
  samples: readonly Sample<V>[],
  tolerance: bigint,
): Truth<V> {
  const good = samples.filter((sample) => sample.value !== null);
  return truth(frames, (frame) => {
    const after = positionAfter(good, frame);
    const [past, next] = [good[after - 1], good[after]];
    const pastWins = next === undefined || (past !== undefined && frame - past.time <= next.time - frame);
    const match = pastWins ? past : next;
    if (match === undefined) return undefined;
    const age = frame - match.time;
    return age > tolerance || -age > tolerance ? undefined : { value: match.value as V, age, status: 0 };
  });
}

/** The frames one by one: the straight line between the good samples around each. */
export function linear(
  frames: readonly bigint[],
  samples: readonly Sample<number>[],
  maxGap?: bigint,
): Truth<number> {
  return truth(frames, (frame) => {
    const after = positionAfter(samples, frame);
    let [low, high] = [after - 1, after];
    while (low >= 0 && samples[low]?.value === null) low--;
    while (high < samples.length && samples[high]?.value === null) high++;
    const [past, next] = [samples[low], samples[high]];
    if (past === undefined) return undefined;
    if (past.time === frame) return { value: past.value as number, age: 0n, status: 0 };
    if (next === undefined || (maxGap !== undefined && next.time - past.time > maxGap)) return undefined;
    const weight = Number(frame - past.time) / Number(next.time - past.time);
    const value = (past.value as number) + weight * ((next.value as number) - (past.value as number));
    const isClean = low === after - 1 && high === after;
    return { value, age: frame - past.time, status: isClean ? 0x402 : 0x40a40402 };
  });
}

/** Position of the first sample after an instant. */
function positionAfter(samples: readonly Sample<unknown>[], time: bigint): number {
  let [low, high] = [0, samples.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((samples[middle] as Sample<unknown>).time <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function truth<V>(
  frames: readonly bigint[],
  cell: (frame: bigint) => { value: V; age: bigint; status: number } | undefined,
): Truth<V> {
  const cells = frames.map(cell);
  return {
    values: cells.map((one) => one?.value ?? null),
    ages: cells.map((one) => one?.age ?? null),
    statuses: cells.map((one) => one?.status ?? 0x809b0000),
  };
}

/** The first row in which two columns differ, in words; undefined where none does. */
export function firstDifference(
  actual: readonly unknown[],
  expected: readonly unknown[],
): string | undefined {
  if (actual.length !== expected.length) return `${actual.length} rows, not ${expected.length}`;
  const row = actual.findIndex((cell, index) => !Object.is(cell, expected[index]));
  return row < 0 ? undefined : `row ${row}: ${String(actual[row])}, not ${String(expected[row])}`;
}

/** Least squares of `to - from` on `from`, in whole numbers as long as possible. */
export function leastSquares(from: readonly bigint[], to: readonly bigint[]) {
  const base = from[0] ?? 0n;
  const x = from.map((time) => time - base);
  const y = to.map((time, row) => time - (from[row] as bigint));
  const total = (values: readonly bigint[]) => values.reduce((sum, value) => sum + value, 0n);
  const product = (a: readonly bigint[], b: readonly bigint[]) =>
    total(a.map((value, row) => value * (b[row] as bigint)));
  const count = BigInt(x.length);
  const spread = count * product(x, x) - total(x) ** 2n;
  const covariance = count * product(x, y) - total(x) * total(y);
  const offset = (time: bigint): bigint =>
    (total(y) * spread + covariance * (count * (time - base) - total(x))) / (count * spread);
  const squares = y.map((value, row) => Number(value - offset(from[row] as bigint)) ** 2);
  const variance = squares.reduce((sum, value) => sum + value, 0) / (x.length - 2);
  const sigma = (time: bigint): number => {
    const lever = Number(count * (time - base) - total(x)) ** 2 / (Number(count) * Number(spread));
    return Math.sqrt(variance * (1 / x.length + lever));
  };
  const driftPpb = (Number(covariance) / Number(spread)) * 1e9;
  return { offset, sigma, driftPpb, mean: total(y) / count };
}
