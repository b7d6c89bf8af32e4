const isBad = (code: number): boolean => code >>> 30 >= 2;
const isGood = (code: number): boolean => code >>> 30 === 0;

export function ageTwin(
  frames: readonly bigint[],
  times: readonly bigint[],
  index: readonly number[],
  valid: readonly boolean[],
): bigint[] {
  return frames.map((frame, i) =>
    valid[i] ? BigInt.asIntN(64, frame - times[Math.max(index[i]!, 0)]!) : 0n,
  );
}

export interface TwinStatusOptions {
  sampleStatus?: readonly number[] | undefined;
  badAfter?: readonly bigint[] | undefined;
  skipped?: readonly number[] | undefined;
  staleAfter?: bigint | undefined;
  maxGap?: bigint | undefined;
}

const isStale = (age: bigint, staleAfter: bigint | undefined): boolean =>
  staleAfter !== undefined && age > 0n && age > staleAfter;

export function statusAsofTwin(
  frames: readonly bigint[],
  times: readonly bigint[],
  index: readonly number[],
  options: TwinStatusOptions,
): number[] {
  return frames.map((frame, i) => {
    const k = index[i]!;
    if (k < 0) return 0x809b0000;
    const own = options.sampleStatus?.[k] ?? 0;
    if (isBad(own)) return own;
    const bad = options.badAfter?.[k] ?? 2n ** 63n - 1n;
    const skippedBad = bad !== 2n ** 63n - 1n && frame >= bad;
    return skippedBad || isStale(frame - times[k]!, options.staleAfter) ? 0x40900000 : own;
  });
}

export function statusLinearTwin(
  frames: readonly bigint[],
  times: readonly bigint[],
  index: readonly number[],
  valid: readonly boolean[],
  options: TwinStatusOptions,
): number[] {
  return frames.map((frame, i) => {
    const k = index[i]!;
    const status = (at: number): number => options.sampleStatus?.[at] ?? 0;
    const exact = times[k] === frame;
    const between = k >= 0 && k + 1 < times.length;
    if (!valid[i]) {
      const gap = between ? times[k + 1]! - times[k]! : 0n;
      const near = between && gap <= (options.maxGap ?? gap) ? [k, k + 1] : [];
      const bad = (exact ? [k] : near).find((at) => isBad(status(at)));
      return bad === undefined ? 0x809b0000 : status(bad);
    }
    if (exact) return status(k);
    if (k >= 0 && isStale(frame - times[k]!, options.staleAfter)) return 0x40900000;
    if (!between) return 0x40a40000;
    const clean = isGood(status(k)) && isGood(status(k + 1)) && (options.skipped?.[k] ?? 0) === 0;
    return clean ? 0x402 : 0x40a40402;
  });
}
