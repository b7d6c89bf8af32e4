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
    tieToFuture: number,
    tolerance: bigint,
    index: number,
  ): number;

  linear(
    frames: number,
    length: number,
    times: number,
    values: number,
    validity: number,
    sampleLength: number,
    index: number,
    maxGap: bigint,
    holdTolerance: bigint,
    outValues: number,
    outValidity: number,
  ): number;

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
  statusAsof(
    frames: number,
    length: number,
    times: number,
    index: number,
    sampleStatus: number,
    badAfter: number,
    staleAfter: bigint,
    out: number,
  ): void;
  statusLinear(
    frames: number,
    length: number,
    times: number,
    sampleLength: number,
    index: number,
    validity: number,
    sampleStatus: number,
    skipped: number,
    staleAfter: bigint,
    maxGap: bigint,
    out: number,
  ): void;

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

export type GatherKernel = (
  values: number,
  validity: number,
  index: number,
  length: number,
  outValues: number,
  outValidity: number,
) => number;

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
