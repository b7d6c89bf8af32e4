const NONE = 2n ** 63n - 1n;

/** Naive twins of assembly/quality.ts. */
export function unionOfStatus(status: readonly number[]): number {
  return status.reduce((union, code) => (union | code) >>> 0, 0);
}

export function keptBySeverity(status: readonly number[], worst: number): boolean[] {
  return status.map((code) => Math.floor(code / 2 ** 30) <= worst);
}

export function skippedTimes(times: readonly bigint[], keep: readonly boolean[]): bigint[] {
  return times.flatMap((_, i) =>
    keep[i] ? [i + 1 < times.length && !keep[i + 1] ? times[i + 1]! : NONE] : [],
  );
}

export function skippedFlags(keep: readonly boolean[]): number[] {
  const kept = keep.flatMap((one, i) => (one ? [i] : []));
  return kept.map((at, k) => (k + 1 < kept.length && kept[k + 1]! > at + 1 ? 1 : 0));
}
