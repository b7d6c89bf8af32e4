/**
 * What `kernels.wasm` exports. Addresses, lengths and returned counts are u32 (a returned one arrives signed),
 * instants and durations are i64. Each kernel is described where it is written, in `assembly/`.
 */
export interface KernelExports {
  mapAffine(times: number, length: number, out: number, from: bigint, to: bigint, drift: number): void;

  countThrough(times: number, length: number, limit: bigint): number;
  firstDescent(times: number, length: number): number;
  scanMerge: ScanKernel;
  scanRun: ScanKernel;
  scanGallop: ScanKernel;
  keepBackward(frames: number, length: number, samples: number, tolerance: bigint, index: number): number;
  keepForward(
    frames: number,
    length: number,
    samples: number,
    sampleLength: number,
    tolerance: bigint,
    index: number,
  ): number;
  keepNearest(
    frames: number,
    length: number,
    samples: number,
    sampleLength: number,
    strict: number,
    tieToFuture: number,
    tolerance: bigint,
    index: number,
  ): number;

  runs(
    frames: number,
    length: number,
    samples: number,
    sampleLength: number,
    direction: number,
    strict: number,
    toFuture: number,
    tolerance: bigint,
    capacity: number,
    runs: number,
  ): number;
  runsBetween(
    frames: number,
    times: number,
    sampleLength: number,
    maxGap: bigint,
    holdBefore: bigint,
    holdAfter: bigint,
    runs: number,
    out: number,
  ): void;
  indexRuns(runs: number, length: number, index: number): number;
  matchedRuns(runs: number, length: number, out: number): number;

  weights(
    frames: number,
    length: number,
    times: number,
    sampleLength: number,
    index: number,
    maxGap: bigint,
    holdBefore: bigint,
    holdAfter: bigint,
    weights: number,
    matched: number,
  ): number;
  blend(
    index: number,
    weights: number,
    matched: number,
    length: number,
    values: number,
    validity: number,
    sampleLength: number,
    outValues: number,
    outValidity: number,
  ): number;
  lineRuns(
    runs: number,
    frames: number,
    length: number,
    times: number,
    values: number,
    validity: number,
    sampleLength: number,
    outValues: number,
    outValidity: number,
  ): number;

  fill64: GatherKernel;
  fill32: GatherKernel;
  fill8: GatherKernel;
  gather64: GatherKernel;
  gather32: GatherKernel;
  gather8: GatherKernel;

  packBits(bytes: number, length: number, out: number): void;
  matched(index: number, length: number, validity: number): number;
  lastOfEqual(times: number, length: number, keep: number): number;
  compact64: CompactKernel;
  compact32: CompactKernel;
  compact8: CompactKernel;

  age(frames: number, length: number, times: number, index: number, validity: number, out: number): void;
  ageRuns(runs: number, frames: number, length: number, times: number, out: number): void;
  statusAsof: StatusAsofKernel;
  statusAsofRuns: StatusAsofKernel;
  statusLinear(index: number, matched: number, ...rest: StatusLinearArguments): void;
  statusLinearRuns(runs: number, ...rest: StatusLinearArguments): void;

  unionOfStatus(status: number, length: number): number;
  keepSeverity(status: number, length: number, worst: number, keep: number): number;
  skippedTimes(times: number, length: number, keep: number, out: number): void;
  skippedFlags(length: number, keep: number, out: number): void;

  countUp(first: bigint, length: number, out: number): void;
  elapsed(times: number, length: number, origin: bigint, out: number): void;

  extremes(values: number, length: number, range: number): void;
  countBins(values: number, length: number, least: bigint, shift: bigint, counts: number): void;
  keepBin(values: number, length: number, least: bigint, shift: bigint, bin: bigint, out: number): number;
  countAbove(values: number, length: number, validity: number, limit: bigint): number;

  packDelta(values: number, length: number, out: number): number;
  packHybrid(codes: number, length: number, width: number, out: number): number;
  rankFew(values: number, length: number, capacity: number, distinct: number, ranks: number): number;
  rankCodes(codes: number, length: number, table: number, used: number, ranks: number): number;
  rankRuns(values: number, length: number, most: number, entries: number, codes: number): number;
  compactBits(bits: number, length: number, keep: number, out: number): number;
  range32: RangeKernel;
  range64: RangeKernel;
  rangeFloat: RangeKernel;

  windowCount(lo: number, hi: number, length: number, out: number): void;
  windowEdge(last: number, lo: number, hi: number, length: number, index: number): void;
  windowLongest(lo: number, hi: number, length: number): number;
  windowFloat: FoldKernel;
  windowInteger: FoldKernel;
  joinSums(high: number, low: number, length: number): number;

  coveringLatest(
    frames: number,
    length: number,
    starts: number,
    ends: number,
    intervalLength: number,
    state: number,
    index: number,
  ): number;
  coveringAll(
    frames: number,
    length: number,
    starts: number,
    ends: number,
    intervalLength: number,
    state: number,
    offsets: number,
    positions: number,
    capacity: number,
  ): number;
}

export type ScanKernel = (
  frames: number,
  length: number,
  shift: bigint,
  samples: number,
  start: number,
  end: number,
  bias: number,
  out: number,
) => void;

/** `match` is an index column or runs. */
export type GatherKernel = (
  match: number,
  values: number,
  validity: number,
  length: number,
  outValues: number,
  outValidity: number,
) => number;

export type StatusAsofKernel = (
  match: number,
  frames: number,
  length: number,
  times: number,
  sampleStatus: number,
  badAfter: number,
  staleAfter: bigint,
  out: number,
) => void;

export type StatusLinearArguments = readonly [
  frames: number,
  length: number,
  times: number,
  sampleLength: number,
  sampleStatus: number,
  skipped: number,
  staleAfter: bigint,
  out: number,
];

export type CompactKernel = (values: number, length: number, keep: number, out: number) => number;

export type RangeKernel = (values: number, length: number, out: number) => void;

export type FoldKernel = (
  op: number,
  values: number,
  lo: number,
  hi: number,
  length: number,
  tree: number,
  outValues: number,
  outValidity: number,
) => number;
