import type { DataType } from "apache-arrow";
import {
  type AlignedTagInput,
  columnsOf,
  effectiveQuality,
  keptSamples,
  outputType,
  type PlanPlaces,
  type Provenance,
  placesOfPlan,
  planTags,
  type SampleCertainty,
  specOf,
  type TagSpec,
} from "../align/index.ts";
import type { Kernels, Region } from "../kernels/index.ts";
import type { SampleStore, ValueShape, Values } from "../samples.ts";

/** A tag whose samples are all at hand, or one whose samples are handed out window by window. */
export type TableTag = AlignedTagInput | (TagSpec & SampleCertainty & { store: SampleStore });

/** Neighbouring things of a list: [start, end). */
export interface Range {
  start: number;
  end: number;
}

/** Of a sample in memory: its time, its value, and a status for good measure. */
const sampleBytes = 20;

/** The plans of a table's tags, for any frames: kept where there is room for all samples, else made anew from a window. */
export class TablePlans {
  /** What the schema says of each tag. */
  readonly columns: readonly { spec: TagSpec; type: DataType }[];
  /** How many columns the tags before each one have. */
  readonly firstColumns: readonly number[];
  /** Bytes of samples that frames need on average, of all tags that are read window by window. */
  readonly windowBytesPerFrame: number;
  readonly #kernels: Kernels;
  /** A tag is let go of once its plan stays. */
  readonly #tags: (TableTag | undefined)[];
  readonly #samples: readonly (() => number)[];
  readonly #times: readonly (BigInt64Array | undefined)[];
  readonly #time: BigInt64Array;
  readonly #previousNs: bigint | undefined;
  readonly #isResident: readonly boolean[];
  readonly #resident: (PlanPlaces | undefined)[];

  /** @param time i64 ns, ascending, in the arena: the frames of the table */
  constructor(
    kernels: Kernels,
    tags: readonly TableTag[],
    time: BigInt64Array,
    {
      provenance,
      previousFrameNs,
      residentBytes = 256 * 2 ** 20,
    }: { provenance: Provenance; previousFrameNs?: bigint | undefined; residentBytes?: number },
  ) {
    this.#kernels = kernels;
    this.#tags = [...tags];
    this.#times = tags.map((tag) => ("samples" in tag ? tag.samples.times : undefined));
    this.#time = time;
    this.#previousNs = previousFrameNs;
    this.columns = tags.map((tag, at) => ({
      spec: specOf(tag),
      type: outputType(tag.join, shapeOf(tag), at),
    }));
    let column = 0;
    this.firstColumns = this.columns.map(({ spec }) => {
      column += columnsOf(spec, provenance);
      return column - columnsOf(spec, provenance);
    });
    this.#samples = tags.map(samplesOf);
    const bytes = tags.map((tag) => ("store" in tag ? sum(tag.store.counts) * sampleBytes : 0));
    const isWindowed = sum(bytes) > residentBytes;
    this.windowBytesPerFrame = isWindowed ? sum(bytes) / Math.max(1, time.length) : 0;
    this.#isResident = tags.map((tag) => !(isWindowed && "store" in tag));
    this.#resident = new Array(tags.length);
  }

  /** How many samples the quality rule lets into each tag's join. */
  samples({ start, end }: Range): number[] {
    return this.#samples.slice(start, end).map((count) => count());
  }

  /** Whether two tags have their samples at the same times, as far as that is known. */
  sharesTimes(one: number, other: number): boolean {
    return this.#times[one] !== undefined && this.#times[one] === this.#times[other];
  }

  /** Plans that stay, where they are not there yet, into the kernels' own arena. */
  keep(tags: Range): void {
    const positions = positionsOf(tags).filter(
      (at) => this.#isResident[at] && this.#resident[at] === undefined,
    );
    const places = this.#planned(this.#kernels, positions, { start: 0, end: this.#time.length });
    for (const [k, at] of positions.entries()) {
      this.#resident[at] = places[k];
      this.#tags[at] = undefined;
    }
  }

  /**
   * The plans of some tags for some frames, and what is left of the region: samples that do not stay are put there.
   *
   * @throws AlignError USAGE_TOO_LARGE where they do not fit
   */
  for(tags: Range, rows: Range, region: Region): { plans: PlanPlaces[]; region: Region } {
    this.keep(tags);
    const own = this.#kernels.within(region);
    const positions = positionsOf(tags);
    const missing = positions.filter((at) => this.#resident[at] === undefined);
    const made = new Map(this.#planned(own, missing, rows).map((plan) => [plan.dictionaryId, plan]));
    const plans = positions.map((at) => this.#resident[at] ?? (made.get(at) as PlanPlaces));
    return { plans, region: { at: own.arena.mark(), bytes: own.arena.free } };
  }

  #planned(kernels: Kernels, positions: readonly number[], rows: Range): PlanPlaces[] {
    const { arena } = kernels;
    const arrays = { allocate: arena, shared: new Map() };
    const inputs = positions.map((at): AlignedTagInput => {
      const tag = this.#tags[at] as TableTag;
      if (!("store" in tag)) return tag;
      const { store, ...spec } = tag;
      return { ...spec, samples: store.load(this.#request(tag, rows), arrays) };
    });
    return planTags(kernels, inputs).map((plan, k) => placesOfPlan(arena, plan, positions[k] as number));
  }

  #request(tag: TableTag, { start, end }: Range) {
    const { join, certainty } = tag;
    // Changes within reach of the frames must be there, and what is before and after each.
    const reach = certainty === undefined ? 0n : certainty.reachNs + 1n;
    const first = this.#time[start] ?? 0n;
    const before = start === 0 ? this.#previousNs : this.#time[start - 1];
    const isOfFrames = join.kind === "window" && join.span === "frame";
    return {
      from: clamped((isOfFrames ? (before ?? first) : first) - reach),
      to: clamped((this.#time[end - 1] ?? first) + reach),
      beforeNs: join.kind === "window" && join.span !== "frame" ? join.span : 0n,
      quality: effectiveQuality(tag),
    };
  }
}

/** 0 .. count in pieces of `size`; one empty piece where there is nothing. */
export function rangesOf(count: number, size: number): Range[] {
  return Array.from({ length: Math.max(1, Math.ceil(count / size)) }, (_, at) => ({
    start: at * size,
    end: Math.min(count, (at + 1) * size),
  }));
}

/** Of instants beyond int64 the farthest. */
function clamped(ns: bigint): bigint {
  if (BigInt.asIntN(64, ns) === ns) return ns;
  return ns < 0n ? -(2n ** 63n) : 2n ** 63n - 1n;
}

function positionsOf({ start, end }: Range): number[] {
  return Array.from({ length: end - start }, (_, k) => start + k);
}

function shapeOf(tag: TableTag): ValueShape {
  if ("store" in tag) return tag.store.shape;
  return valuesShape("intervals" in tag ? tag.intervals.values : tag.samples.values);
}

function valuesShape(values: Values): ValueShape {
  return values.type === "list" ? { type: "list", items: valuesShape(values.items) } : { type: values.type };
}

/** Counted when it is asked for: of statuses in memory it takes as long as a join. */
function samplesOf(tag: TableTag): () => number {
  if (!("store" in tag)) return () => keptSamples(tag);
  const [good, uncertain, bad] = tag.store.counts;
  const quality = effectiveQuality(tag);
  const count = good + (quality === "good" ? 0 : uncertain) + (quality === "raw" ? bad : 0);
  return () => count;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
